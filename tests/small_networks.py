"""Small networks and tables for the tests of the engine."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrapp.networks import models
from lrapp.preparation.table_arrays import Prepared, Split
from lrapp.runs.events import EpochDone, Event, StepsDone, TrainingEnded, TrainingStarted
from lrapp.settings import LayerSettings, ModelSettings, Task, TrainingSettings
from lrapp.training import trainer
from lrapp.training.checkpoints import TrainingState
from lrapp.training.loop import Loop

INPUTS = 5
CLASSES = {"binary": 2, "multi-class": 3, "regression": 0}
# Everything that holds state or random numbers at once.
RICH = ModelSettings(
    layers=(
        LayerSettings(units=8, activation="relu", batch_norm=True, dropout=0.2),
        LayerSettings(units=6, activation="tanh", l1=1e-3, l2=1e-2),
    )
)
PLAIN = ModelSettings(layers=(LayerSettings(units=8), LayerSettings(units=6, activation="tanh")))


def part(task: Task, rows: int, seed: int, weighted: bool = False) -> Split:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, INPUTS)).astype(np.float32)
    signal = x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + 0.3 * generator.normal(size=rows)
    y: NDArray[Any]
    if task == "binary":
        y = (signal > 0).astype(np.float32)
    elif task == "multi-class":
        y = np.digitize(signal, [-0.5, 0.5]).astype(np.int32)
    else:
        y = signal.astype(np.float32)
    weight = generator.uniform(0.5, 1.5, rows).astype(np.float32) if weighted else None
    return Split(x=x, y=y, weight=weight, rows=np.arange(rows, dtype=np.int64))


def prepared(
    task: Task = "binary", rows: int = 50, validation: int = 30, weighted: bool = False, scale: float = 1.0
) -> Prepared:
    unused: Any = SimpleNamespace(kind="table")
    return Prepared(
        task=task,
        target="target",
        classes=tuple(f"class {number}" for number in range(CLASSES[task])),
        inputs=tuple(f"input {number}" for number in range(INPUTS)),
        train=part(task, rows, 1, weighted),
        validation=part(task, validation, 2, weighted),
        test=part(task, 0, 3),
        metric_scale=scale,
        notes=(),
        preprocessor=unused,
    )


def network(
    settings: ModelSettings = PLAIN, task: Task = "binary", training_settings: TrainingSettings | None = None
) -> Any:
    chosen = training_settings or TrainingSettings()
    return models.build(settings, INPUTS, task, CLASSES[task], chosen.seed, chosen.precision)


@dataclass
class Recorded:
    """What a run said, and the model that it left."""

    model: Any
    events: list[Event] = field(default_factory=list)
    states: list[TrainingState] = field(default_factory=list)

    @property
    def losses(self) -> list[float]:
        return [loss for event in self.events if isinstance(event, StepsDone) for loss in event.losses]

    @property
    def learning_rates(self) -> list[float]:
        steps = [event for event in self.events if isinstance(event, StepsDone)]
        return [rate for event in steps for rate in event.learning_rates]

    @property
    def epochs(self) -> list[EpochDone]:
        return [event for event in self.events if isinstance(event, EpochDone)]

    @property
    def started(self) -> TrainingStarted:
        event = self.events[0]
        assert isinstance(event, TrainingStarted)
        return event

    @property
    def ended(self) -> TrainingEnded:
        event = self.events[-1]
        assert isinstance(event, TrainingEnded)
        return event

    @property
    def figures(self) -> list[tuple[float | int | bool | None, ...]]:
        """All that epochs say but the time."""
        return [
            (
                e.epoch,
                e.step,
                e.loss,
                e.val_loss,
                e.metric,
                e.val_metric,
                e.learning_rate,
                e.best,
                e.loss_scale,
            )
            for e in self.epochs
        ]


def train(
    settings: TrainingSettings,
    data: Prepared | None = None,
    layers: ModelSettings = PLAIN,
    rate: float | NDArray[Any] = 0.05,
    stop_after: int | None = None,
    state: TrainingState | None = None,
    loop: Loop | None = None,
) -> Recorded:
    """Train a fresh network (or the loop's); stop when as many events as asked were told."""
    data = data or prepared()
    model = loop.model if loop else network(layers, data.task, settings)
    recorded = Recorded(model)
    steps = settings.epochs * -(-len(data.train.y) // settings.batch_size)
    rates = np.full(steps, rate) if isinstance(rate, float) else rate

    def should_stop() -> bool:
        return stop_after is not None and len(recorded.events) >= stop_after

    ended = trainer.train(
        model,
        data,
        rates,
        settings,
        on_event=recorded.events.append,
        should_stop=should_stop,
        state=state,
        on_state=recorded.states.append,
        loop=loop,
    )
    assert ended is recorded.events[-1]
    return recorded


def weights(model: Any) -> list[NDArray[Any]]:
    return [np.asarray(value) for value in model.get_weights()]
