"""What a worker process does ahead of the first run."""

import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Literal

from lrapp.errors import UserError
from lrapp.networks import shapes
from lrapp.settings import DATA_KINDS, RunSettings

WorkerKind = Literal["small", "large", "convolutions"]
# The kind that the default settings need.
USUAL: WorkerKind = "small"

# A matrix product with more multiplications uses all cores. Measured on two cores of a Xeon with AVX-512,
# XLA on and off: at 4 million handing over takes longer than it spares, at 30 million it is the other way.
_SHARED_MULTIPLICATIONS = 1 << 23
# Read by TensorFlow when it is imported. With oneDNN, convolutions take 0.6 of the time; but small dense networks gain
# nothing, do not have the same last bits in every process, and swallow numbers that are none.
_VARIABLES: dict[WorkerKind, dict[str, str]] = {
    "small": {
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
    },
    "large": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "convolutions": {"TF_ENABLE_ONEDNN_OPTS": "1"},
}

# A library's code and constants as Linux lists them: private, not writable, from a file.
_MAPPED = re.compile(
    r"^(?P<start>[0-9a-f]+)-(?P<end>[0-9a-f]+) r-[-x]p \S+ \S+ [1-9]\d* +/.*\n(?P<sizes>(?:[A-Z].*\n)+)",
    re.MULTILINE,
)
_SIZE = re.compile(r"^(\w+): +(\d+) kB", re.MULTILINE)
_DONTNEED = 4

# What a run imports on its way; together some seconds.
_HEAVY = (
    "skops.io",
    "sklearn.compose",
    "sklearn.impute",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.preprocessing",
    "filelock",
    "pyarrow.pandas_compat",
    "lrapp.evaluation.scores",
    "lrapp.sandbox.sources",
    "lrapp.images.zip_files",
    "lrapp.evaluation.analysis",
    "lrapp.execution.loggers",
    "lrapp.evaluation.misclassified",
    "lrapp.evaluation.diagnosis",
    "lrapp.evaluation.selection",
    "lrapp.evaluation.setting_checks",
    "lrapp.evaluation.boosted_trees",
    "lrapp.evaluation.error_costs",
    "lrapp.evaluation.model_sizes",
    "lrapp.preparation.image_arrays",
    "lrapp.preparation.kept_arrays",
    *(f"lrapp.{package}.kinds.{kind}" for package in ("preparation", "evaluation") for kind in DATA_KINDS),
    "lrapp.networks.memory_estimate",
    "lrapp.networks.saved",
    "lrapp.networks.tempered",
    "lrapp.training.trainer",
    "lrapp.networks.transfer",
    "lrapp.execution.final_network",
    "lrapp.execution.worker",
)


def kind_for(settings: RunSettings) -> WorkerKind:
    """Return in what kind of process a run trains fastest.

    How many threads share a sum decides its last bits, so this follows from the settings alone: the same run has the
    same numbers wherever it is started. How many inputs a table makes is not known before it has been read; they are
    taken for few.
    """
    model = settings.model
    if model.base is not None or any(layer.facts.pictures for layer in model.layers):
        return "convolutions"
    if model.augmentation.any:
        return "large"
    try:
        layers = shapes.shapes(model, settings.data.source.likely_shape(settings.data), outputs=1)
    except UserError:
        return "small"  # the run will report why it cannot be built
    largest = max(layer.multiplications for layer in layers)
    return "large" if largest * settings.training.batch_size > _SHARED_MULTIPLICATIONS else "small"


def settle(kind: WorkerKind) -> None:
    """Set what TensorFlow reads when it is imported, where nobody has set it already."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # only errors are of use here
    for name, value in _VARIABLES[kind].items():
        os.environ.setdefault(name, value)


def load(kind: WorkerKind) -> None:
    """Import what takes seconds."""
    settle(kind)
    with _without_chatter():
        for name in _HEAVY:
            import_module(name)


def warm(kind: WorkerKind) -> None:
    """Import what takes seconds, and train a very small network, as TensorFlow's first steps take longest."""
    load(kind)
    with _without_chatter():
        _rehearse(kind)
    forget_code()


def forget_code() -> int:
    """Give back the memory of programs' files that no longer holds anything of its own, on Linux.

    TensorFlow is read nearly whole while it is imported, and most of that is never asked for again: some 300 MB. What
    is, comes back from the system's cache of files within microseconds.

    Returns:
        Bytes that were given back.
    """
    if sys.platform != "linux":
        return 0
    madvise = getattr(ctypes.CDLL(None), "madvise", None)
    if madvise is None:
        return 0
    given = 0
    for mapped in _MAPPED.finditer(Path("/proc/self/smaps").read_text()):
        sizes = {name: int(kilobytes) << 10 for name, kilobytes in _SIZE.findall(mapped["sizes"])}
        # Only what is the file's to the last byte: a page that was ever written to would be lost.
        if not sizes.get("Rss") or sizes.get("Anonymous", 1) or sizes.get("Swap", 1):
            continue
        start, end = int(mapped["start"], 16), int(mapped["end"], 16)
        if madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _DONTNEED) == 0:
            given += sizes["Rss"]
    return given


def _rehearse(kind: WorkerKind) -> None:
    import numpy as np

    from lrapp.networks import models
    from lrapp.preparation.table_arrays import Split
    from lrapp.settings import LayerSettings, ModelSettings, TrainingSettings
    from lrapp.training.loop import Loop, shuffled

    rows = 4
    layer, x = LayerSettings(units=2), np.zeros((rows, 3), np.float32)
    if kind == "convolutions":
        layer, x = LayerSettings(kind="conv", units=2), np.zeros((rows, 8, 8, 1), np.uint8)
    network = models.build(ModelSettings(layers=(layer,)), x.shape[1:], "binary")
    loop = Loop(network, "binary", TrainingSettings(batch_size=2))
    data = loop.load(Split(x, np.zeros(rows, np.int32), None, np.arange(rows)))
    loop.run(data, shuffled(rows, 0, 0), 0, np.zeros(2, np.float32))
    loop.evaluate(data, 0, 1)
    loop.snapshot()


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep from the terminal what TensorFlow's libraries say while they are loaded, before any log level counts."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            # Then it may say why.
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
