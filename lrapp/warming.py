"""What a process that is to train does before somebody waits for it."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

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
    "lrapp.evaluation",
    "lrapp.image_files",
    "lrapp.insight",
    "lrapp.loggers",
    "lrapp.picture_results",
    "lrapp.prepare_images",
    "lrapp.saved",
    "lrapp.training",
    "lrapp.transfer",
)


def load(pictures: bool = False) -> None:
    """Import what takes seconds.

    Args:
        pictures: Whether the process is to train on pictures. With oneDNN, convolutions take 0.6 of the time; but small
            dense networks gain nothing, do not have the same last bits in every process, and swallow numbers that
            are none.
    """
    # Read by TensorFlow when it is imported: only its errors are of use to anybody here.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1" if pictures else "0")
    with _without_chatter():
        for name in _HEAVY:
            import_module(name)


def warm(pictures: bool = False) -> None:
    """Import what takes seconds, and train a very small network, as TensorFlow's first steps take longer than others.

    Args:
        pictures: As for ``load``.
    """
    load(pictures)
    with _without_chatter():
        _rehearse(pictures)


def _rehearse(pictures: bool) -> None:
    import numpy as np

    from lrapp import models
    from lrapp.loop import Loop, shuffled
    from lrapp.prepare import Part
    from lrapp.settings import LayerSettings, ModelSettings, TrainingSettings

    rows = 4
    x = np.zeros((rows, 8, 8, 1), np.uint8) if pictures else np.zeros((rows, 3), np.float32)
    layer = LayerSettings(kind="conv", units=2) if pictures else LayerSettings(units=2)
    network = models.build(ModelSettings(layers=(layer,)), x.shape[1:] if pictures else 3, "binary")
    loop = Loop(network, "binary", TrainingSettings(batch_size=2))
    data = loop.load(Part(x, np.zeros(rows, np.int32), None, np.arange(rows)))
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
