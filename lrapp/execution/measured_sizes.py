"""What a finished run's model takes: measured when a person asks for it."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lrapp.errors import UserError
from lrapp.evaluation import model_sizes
from lrapp.evaluation.model_sizes import ModelSize, ModelSizes
from lrapp.execution import worker
from lrapp.files import disk_errors
from lrapp.phrasing import percent
from lrapp.progress import NOBODY, Watch
from lrapp.runs.store import Run, Store
from lrapp.settings import RunSettings, RunStart

if TYPE_CHECKING:
    from lrapp.networks.saved import SavedModel
    from lrapp.preparation.table_arrays import Prepared

STOPPED = "Measuring was stopped; press the button to start it again."


def measure(folder: Path, home: Path, watch: Watch = NOBODY) -> None:
    """Measure a run's model in float32, before it was pruned and in int8; the result is kept in the run's folder.

    Raises:
        UserError: If the run left no model, its data are gone, or it was stopped.
    """
    from lrapp.export import litert_graph
    from lrapp.networks import members, quantized
    from lrapp.networks.saved import SavedModel

    run, store = Run(folder), Store(home)
    with run.held():
        watch.tell("Preparing the data …", 0.0)
        settings, model = run.settings, SavedModel.load(folder)
        prepared = worker.prepared_data(store, settings.data, should_stop=watch.should_stop)
        prepared = prepared.with_threshold(model.preprocessor.threshold)
        numbers, forms, notes = model.preprocessor.numbers, [], []
        pruned = settings.training.pruning.enabled
        if pruned:
            watch.check(STOPPED)
            watch.tell("Measuring it before it was pruned …", 0.1)
            before = _before(run, store)
            if not isinstance(before, str):
                forms.append(_measured_before(*before, prepared))
            else:
                fresh = members.for_run(
                    *(settings, prepared.shape, prepared.task, len(prepared.classes)),
                    *(numbers, "float32"),
                )
                unlearned = model_sizes.measure("not pruned, not trained", fresh, prepared)
                forms.append(model_sizes.without_scores(unlearned))
                notes.append(f"{before} Size and time are those of a fresh network with the same layers.")
        watch.check(STOPPED)
        watch.tell("Measuring the model …", 0.4)
        network = members.answering(model.network, settings, prepared.task, numbers, "float32")
        forms.append(model_sizes.measure("pruned" if pruned else "this model", network, prepared))
        watch.check(STOPPED)
        watch.tell("Measuring it in int8 …", 0.7)
        share, zeros = quantized.covered(network), forms[-1].zeros
        lite = litert_graph.converted(litert_graph.of_network(network), int8=True)
        quantized.quantize(network)
        forms.append(model_sizes.measure("pruned and int8" if pruned else "int8", network, prepared))
        watch.check(STOPPED)
        watch.tell("Measuring it in int8 by LiteRT …", 0.85)
        forms.append(_by_litert("pruned, LiteRT int8" if pruned else "LiteRT int8", lite, zeros, prepared))
        notes.append(
            f"Keras's int8 covers dense layers, {percent(share)} of this network's parameters; the others stay "
            "float32. Time is that of this machine, for each of many rows at once: a CPU multiplies zeros as it "
            "does other numbers, so pruning makes the file smaller, not the answer faster."
        )
        ModelSizes(tuple(forms), tuple(notes)).save(folder)


def _by_litert(name: str, file: bytes, zeros: float, prepared: "Prepared") -> ModelSize:
    from lrapp.export import litert_graph

    with disk_errors(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(file)
        ask = litert_graph.runner(path)
        return model_sizes.measure_file(name, path, lambda x: ask({"x": x})["outputs"], prepared, zeros)


def _measured_before(settings: RunSettings, model: "SavedModel", prepared: "Prepared") -> ModelSize:
    """What the model that a run started from takes, in the same precision and without networks that do not answer."""
    from lrapp.networks import members

    own = prepared.with_threshold(model.preprocessor.threshold)
    numbers = model.preprocessor.numbers
    network = members.answering_without_idle(model.network, settings, own.task, numbers, "float32")
    name = "pruned less" if settings.training.pruning.enabled else "before pruning"
    return model_sizes.measure(name, network, own)


def _before(run: Run, store: Store) -> "tuple[RunSettings, SavedModel] | str":
    """The run that a run started from, if its model is what it was; else why there is none."""
    from lrapp.networks import transfer
    from lrapp.networks.saved import SavedModel

    settings, prepared = run.settings, run.history().prepared
    start = settings.model.start
    if not isinstance(start, RunStart):
        fresh = "This run pruned while it trained, so there is no score from before"
        return f"{fresh}; train it without pruning to have one."
    missing = "so there is no score from before."
    try:
        origin = store.of(run).get(start.run)
        before = origin.settings
    except UserError:
        return f"The run that this one started from is no longer here, {missing}"
    if before.data != settings.data:
        return f"The run that this one started from learned from other data, {missing}"
    try:
        model = SavedModel.load(origin.folder)
    except UserError:
        return f"The model of the run that this one started from cannot be read, {missing}"
    taken = prepared.weights if prepared is not None else ""
    if taken and taken != transfer.fingerprint(transfer.in_use(model)):
        return (
            "The run that this one started from has other weights now, as it was trained further or calibrated, "
            f"{missing}"
        )
    return before, model
