"""Settings that cannot work as intended: reported before a run trains, and after it has ended."""

import math
from dataclasses import dataclass
from typing import Literal

from lrapp.errors import UserError
from lrapp.phrasing import counted, number
from lrapp.runs.events import History, TrainingEnded
from lrapp.settings import (
    CLRSettings,
    CosLog4Settings,
    EarlyStoppingSettings,
    FreshStart,
    OneCycleSettings,
    RangeTestSettings,
    RunSettings,
    SGDRSettings,
    Task,
)

Kind = Literal[
    "one-cycle cut",
    "cycle cut",
    "batch of one",
    "last batch of one",
    "warm-up too long",
    "cycle too long",
    "learned by heart",
    "better epoch",
    "idle criterion",
    "far target",
    "late unfreezing",
    "pruned at once",
]
# A range test that uses each row more often than this may learn the rows by heart.
MOST_PASSES = 30
_USUAL_BATCH = 32


@dataclass(frozen=True)
class Remark:
    """One thing that the settings promise and cannot do.

    Args:
        settings: The settings with that change; None if there is no single one.
    """

    kind: Kind
    sentence: str
    advice: str
    settings: RunSettings | None = None

    @property
    def text(self) -> str:
        """What happens, and the way out."""
        return f"{self.sentence} {self.advice}".strip()


def before(settings: RunSettings, training_rows: int, task: Task | None = None) -> tuple[Remark, ...]:
    """Return what will not work with these settings.

    Args:
        training_rows: Rows to train on, at least 1.
        task: What the data make of it, where the settings leave that to be detected; None where it is not known.
    """
    found = [_batch_of_one(settings, training_rows), _by_heart(settings, training_rows)]
    if settings.mode == "train":
        lengths = _Lengths.of(settings, training_rows)
        found += [
            _warmup(settings, lengths) or _first_cycle(lengths) or _patience(settings, lengths),
            _idle_criterion(settings, training_rows),
            _far_target(settings, task),
            _unfreezing(settings),
            _pruned_at_once(settings),
        ]
    return tuple(remark for remark in found if remark is not None)


def after(settings: RunSettings, history: History) -> tuple[Remark, ...]:
    """Return what did not work in a run: what ``before`` warns of, and what shows only now."""
    if history.prepared is None or history.started is None:
        return ()
    rows = history.prepared.train
    lengths = _Lengths.of(settings, rows)
    found = [_batch_of_one(settings, rows), _warmup(settings, lengths), _better_epoch(settings, history)]
    if history.ended is not None and _by_patience(settings, history.ended):
        found.append(_ended_early(settings, lengths, len(history.epochs)))
    return tuple(remark for remark in found if remark is not None)


@dataclass(frozen=True)
class _Lengths:
    """Lengths of a run, in epochs.

    Args:
        first: The first cycle of CLR or SGDR as the settings have it; None for other policies.
        longest: The longest cycle, or part of one, that the run has room for; None for policies without cycles.
        fallen: Where the rate of one-cycle has come down to half of its peak; None for other policies.
    """

    epochs: int
    warmup: float
    first: float | None = None
    longest: float | None = None
    fallen: float | None = None

    @classmethod
    def of(cls, settings: RunSettings, rows: int) -> "_Lengths":
        policy, epochs = settings.policy, settings.training.epochs
        unit = 1.0 if policy.unit == "epochs" else 1 / math.ceil(rows / settings.training.batch_size)
        warmup = policy.warmup * unit
        room = epochs - warmup
        match policy:
            case CLRSettings():
                cycle = 2 * policy.step_size * unit
                return cls(epochs, warmup, cycle, min(cycle, room))
            case SGDRSettings():
                cycle = policy.T_0 * unit
                return cls(epochs, warmup, cycle, _longest(cycle, policy.T_mult, room))
            case CosLog4Settings():
                return cls(epochs, warmup, longest=room * 8 / 15)  # the last of four
            case OneCycleSettings():
                return cls(epochs, warmup, fallen=warmup + room * (1 + policy.rise) / 2)
        return cls(epochs, warmup)


def _longest(cycle: float, factor: float, room: float) -> float:
    """The longest of ever longer cycles that begin within the room, the last of them cut off."""
    if factor == 1:
        return min(cycle, room)
    longest, begun = 0.0, 0.0
    while begun < room:
        longest = max(longest, min(cycle, room - begun))
        begun, cycle = begun + cycle, cycle * factor
    return longest


def _patience(settings: RunSettings, lengths: _Lengths) -> Remark | None:
    """Early stopping that can end the run while the rate is high."""
    stopping = settings.training.early_stopping
    # The first epoch that counts is the best so far in any case, so this is the earliest end.
    earliest = stopping.patience + settings.training.counts_from
    if earliest >= lengths.epochs:
        return None
    return _cut(
        *(settings, lengths, earliest),
        f"Early stopping can end the run after {earliest:,} epochs, and the learning rate is still high until about "
        "epoch {enough}: with one-cycle the validation loss comes down as the rate falls.",
        f"Early stopping waits {_epochs(stopping.patience)} and a cycle of the learning rate takes {{enough}}: the run "
        "can end while the rate is high, before the loss has come down again.",
    )


def _cut(settings: RunSettings, lengths: _Lengths, end: int, one_cycle: str, a_cycle: str) -> Remark | None:
    """A cycle that early stopping cuts where it ends the run after that epoch; sentences name the end as ``enough``."""
    stopping = settings.training.early_stopping
    if not _counts_epochs(stopping):
        return None
    if lengths.fallen is not None and end < lengths.fallen:
        enough = math.ceil(lengths.fallen)
        said, changed = one_cycle.format(enough=f"{enough:,}"), _without_stopping(settings)
        return Remark("one-cycle cut", said, _wait(enough), changed)
    if lengths.longest is not None and stopping.patience < lengths.longest:
        enough = math.ceil(lengths.longest)
        said, changed = a_cycle.format(enough=f"{enough:,}"), _with_patience(settings, enough)
        return Remark("cycle cut", said, _wait(enough), changed)
    return None


def _counts_epochs(stopping: EarlyStoppingSettings) -> bool:
    """Whether patience in epochs ends a run."""
    return stopping.enabled and stopping.criterion == "patience" and stopping.patience_unit == "epochs"


def _idle_criterion(settings: RunSettings, rows: int) -> Remark | None:
    """A criterion that looks further back than the run goes."""
    stopping, epochs = settings.training.early_stopping, settings.training.epochs
    if not stopping.enabled:
        return None
    # Before a network is pruned, nothing counts.
    before = settings.training.counts_from - 1
    epochs -= before
    strips = {"PQ": 1, "UP": 1 + stopping.up_strips}.get(stopping.criterion, 0)
    if strips * stopping.strip > epochs:
        needed = counted(strips, "strip")
        return Remark(
            "idle criterion",
            f"The criterion {stopping.criterion} needs {needed} of {_epochs(stopping.strip)}, and the run has "
            f"{_epochs(epochs)}{' with its final sparsity' if before else ''}: it cannot end the run.",
            "Add epochs, or shorten the strip.",
        )
    if stopping.criterion != "patience" or stopping.patience_unit != "cycles":
        return None
    try:
        cycles = sum(end > before for end in settings.cycle_ends(rows))
    except UserError:  # the policy itself says so
        return None
    if cycles < stopping.patience:
        return Remark(
            "idle criterion",
            f"Early stopping waits {counted(stopping.patience, 'cycle')} of the learning rate, and fewer end within "
            "this run: it cannot end the run.",
            "Count the patience in epochs, or choose a policy with more cycles.",
            with_training(settings, early_stopping=stopping.model_copy(update={"patience_unit": "epochs"})),
        )
    return None


def _far_target(settings: RunSettings, task: Task | None) -> Remark | None:
    """An accuracy of more than 1 as a target."""
    stopping = settings.training.early_stopping
    aims = (
        stopping.enabled
        and stopping.target.endswith("metric")
        and (task or settings.data.task) in ("binary", "multi-class")
    )
    if not aims or stopping.target_value <= 1:
        return None
    return Remark(
        "far target",
        f"An accuracy is at most 1, and the target is {number(stopping.target_value)}: it cannot be reached.",
        "Give the accuracy as a share, such as 0.9.",
    )


def _unfreezing(settings: RunSettings) -> Remark | None:
    """Layers that are to move at last, and not before the run ends or may end."""
    groups, training = settings.training.groups, settings.training
    waits = dict(zip(("early", "middle"), groups.unfreezing, strict=True))
    waits = {name: wait for name, wait in waits.items() if wait and getattr(groups, name)}
    if not waits:
        return None
    last, stopping = max(waits.values()), training.early_stopping
    if last >= training.epochs:
        late = " and ".join(name for name in ("middle", "early") if waits.get(name, 0) >= training.epochs)
        return Remark(
            "late unfreezing",
            f"The {late} layers are to move after {_epochs(last)}, and the run has {training.epochs:,}: they stay "
            "frozen.",
            "Train for more epochs, or let them move sooner.",
        )
    # As in ``_patience``; a group moves in the epoch after its last frozen one.
    earliest = stopping.patience + training.counts_from
    if _counts_epochs(stopping) and earliest <= last:
        late = " and ".join(name for name in ("middle", "early") if waits.get(name, 0) >= earliest)
        return Remark(
            "late unfreezing",
            f"Early stopping can end the run after {_epochs(earliest)}, and the {late} layers move only "
            f"after {last:,}.",
            _wait(last),
            _with_patience(settings, last),
        )
    return None


def _pruned_at_once(settings: RunSettings) -> Remark | None:
    """Pruning without epochs in between."""
    fresh = isinstance(settings.model.start, FreshStart)
    said = settings.training.pruning.haste(settings.training.epochs, fresh)
    advice = "Train for more epochs, or choose a later last epoch of pruning."
    return Remark("pruned at once", said, advice) if said else None


def _by_patience(settings: RunSettings, ended: TrainingEnded) -> bool:
    """Whether patience ended a run, and not its target or its time; older runs tell by their length at most."""
    if ended.reason != "early_stopping":
        return False
    if ended.cause:
        return ended.cause == "criterion"
    return ended.epochs > settings.training.early_stopping.patience


def _ended_early(settings: RunSettings, lengths: _Lengths, epochs: int) -> Remark | None:
    waited = _epochs(settings.training.early_stopping.patience)
    return _cut(
        *(settings, lengths, epochs),
        f"Early stopping ended the run after {epochs:,} of {_epochs(lengths.epochs)}, while the learning rate was "
        "still high: with one-cycle the validation loss comes down as the rate falls.",
        f"Early stopping waited {waited}, less than a cycle of the learning rate, {{enough}}: the run may have ended "
        "before the loss could come down again.",
    )


def _wait(epochs: int) -> str:
    return f"Set “{_title('patience')}” to at least {epochs:,}, or turn early stopping off."


def _batch_of_one(settings: RunSettings, rows: int) -> Remark | None:
    """Batch normalisation of single rows; a picture's pixels are many, so what looks at pixels is fine."""
    if not any(
        layer.kind == "batch_norm" or (layer.kind == "dense" and layer.batch_norm)
        for layer in settings.model.layers
    ):
        return None
    size = settings.training.batch_size
    if size == 1 or rows == 1:
        better = _batch_near(min(_USUAL_BATCH, rows), rows)
        return Remark(
            "batch of one",
            "Batch normalisation compares the rows of a batch, and here each batch has one row: whatever the row, "
            "the next layer is given the same numbers.",
            f"Set the batch size to {better:,}, or turn “Norm” off."
            if better > 1
            else "Turn “Norm” off, or add rows.",
            with_training(settings, batch_size=better) if better > 1 else None,
        )
    if rows > size and rows % size == 1:
        better = _batch_near(size + 1, rows)
        return Remark(
            "last batch of one",
            f"The last batch of each epoch has a single row ({rows:,} rows in batches of {size:,}), from which batch "
            "normalisation learns nothing.",
            f"Set the batch size to {better:,}.",
            with_training(settings, batch_size=better),
        )
    return None


def _batch_near(size: int, rows: int) -> int:
    """The batch size from there on that leaves no single row over; 1 where there is only one row."""
    return next((one for one in range(max(2, size), rows + 1) if rows % one != 1), rows)


def _warmup(settings: RunSettings, lengths: _Lengths) -> Remark | None:
    if not 0 < lengths.epochs <= lengths.warmup:
        return None
    return Remark(
        "warm-up too long",
        f"The warm-up takes {number(lengths.warmup, 3)} {'epoch' if lengths.warmup == 1 else 'epochs'} and the run "
        f"{lengths.epochs:,}, so the learning rate never gets to where the policy begins.",
        "Shorten the warm-up, or train for more epochs.",
        settings.model_copy(update={"policy": settings.policy.model_copy(update={"warmup": 0.0})}),
    )


def _first_cycle(lengths: _Lengths) -> Remark | None:
    if lengths.first is None or lengths.warmup + lengths.first <= lengths.epochs + 1e-9:
        return None
    end = lengths.warmup + lengths.first
    return Remark(
        "cycle too long",
        f"The first cycle of the learning rate ends after {number(end, 3)} epochs and the run after "
        f"{lengths.epochs:,}: the rest of the cycle is cut off, and with it the lowest rates.",
        f"Train for {math.ceil(end):,} epochs, or shorten the cycle.",
    )


def _by_heart(settings: RunSettings, rows: int) -> Remark | None:
    test = settings.range_test
    if settings.mode == "train" and settings.policy.source != "found":
        return None
    steps_per_epoch = math.ceil(rows / settings.training.batch_size)
    if test.rise == "linear" or test.steps <= MOST_PASSES * steps_per_epoch:
        return None
    fewer = MOST_PASSES * steps_per_epoch
    least = next(rule.ge for rule in RangeTestSettings.model_fields["steps"].metadata if hasattr(rule, "ge"))
    return Remark(
        "learned by heart",
        f"The range test uses each of the {rows:,} training rows {test.steps // steps_per_epoch:,} times: the network "
        "may learn them by heart, and then the curve says nothing about learning rates.",
        f"Lower its steps to {fewer:,}, or choose the rates yourself."
        if fewer >= least
        else "Choose the rates yourself, or add rows.",
    )


def _better_epoch(settings: RunSettings, history: History) -> Remark | None:
    """An epoch that was better than the best, by less than the minimum improvement."""
    assert history.started is not None
    stopping, best = settings.training.early_stopping, history.best
    if best is None or not stopping.enabled or not stopping.min_delta:
        return None
    name = "loss" if stopping.monitor == "val_loss" else history.started.metric
    sign = -1.0 if name == "accuracy" else 1.0
    values = [
        sign * (epoch.val_loss if stopping.monitor == "val_loss" else epoch.val_metric)
        for epoch in history.epochs
    ]
    # Epochs before the final sparsity are of a network that is not yet pruned.
    place = min(
        range(settings.training.counts_from - 1, len(values)),
        key=lambda one: (not math.isfinite(values[one]), values[one]),
    )
    kept = values[best.epoch - 1]
    if not values[place] < kept:
        return None
    keeps = ", whose weights the model has" if stopping.restore_best else ""
    return Remark(
        "better epoch",
        f"Epoch {place + 1:,} had a better validation {name}, {number(sign * values[place])}, than epoch "
        f"{best.epoch:,}, {number(sign * kept)}{keeps}: gains below {number(stopping.min_delta, 6)} "
        f"(“{_title('min_delta')}”) do not count.",
        f"Lower “{_title('min_delta')}”, or set it to 0.",
        with_training(settings, early_stopping=stopping.model_copy(update={"min_delta": 0.0})),
    )


def _title(name: str) -> str:
    return EarlyStoppingSettings.model_fields[name].title or name


def _epochs(number: int) -> str:
    return "1 epoch" if number == 1 else f"{number:,} epochs"


def with_training(settings: RunSettings, **changes: object) -> RunSettings:
    """Return a run's settings with changes to its training."""
    return settings.model_copy(update={"training": settings.training.model_copy(update=changes)})


def _without_stopping(settings: RunSettings) -> RunSettings:
    stopping = settings.training.early_stopping.model_copy(update={"enabled": False})
    return with_training(settings, early_stopping=stopping)


def _with_patience(settings: RunSettings, epochs: int) -> RunSettings:
    stopping = settings.training.early_stopping.model_copy(update={"patience": epochs})
    return with_training(settings, early_stopping=stopping)
