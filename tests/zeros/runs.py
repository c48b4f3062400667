"""Small runs that are pruned while they train."""

from typing import Any

from lrapp.execution import worker
from lrapp.networks import pruned, saved
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    DataSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    PruningSettings,
    RunSettings,
    SampleSource,
    TrainingSettings,
)

LAYERS = ModelSettings(layers=(LayerSettings(units=12, batch_norm=True), LayerSettings(units=6)))
PENGUINS = DataSettings(source=SampleSource(name="penguins.csv"), target="species")
CANCER = DataSettings(source=SampleSource(name="breast_cancer.csv"), target="diagnosis")
PRUNED = PruningSettings(enabled=True, final_sparsity=70)


def trained(
    store: Store,
    model: ModelSettings = LAYERS,
    pruning: PruningSettings = PRUNED,
    data: DataSettings = PENGUINS,
    **training: Any,
) -> Run:
    run = store.create(
        RunSettings(
            data=data,
            model=model,
            policy=FixedSettings(learning_rate=0.01),
            training=TrainingSettings(epochs=4, pruning=pruning, **training),
            closer_look=False,
        )
    )
    outcome = worker.work(run.folder, store.home)
    run.set_status(state=outcome.state, message=outcome.message)
    return run


def left(run: Run) -> pruned.Zeros:
    return pruned.zeros(saved.SavedModel.load(run.folder).network)
