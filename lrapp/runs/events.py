"""The events of a run, as lines of JSON, and the history that they add up to."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

import pandas as pd

from lrapp.files import from_json
from lrapp.policies.lr_range import RatesFound
from lrapp.runs.range_test_events import Sweep, SweepDone, UntrainedDone
from lrapp.settings import Task

Ending = Literal["completed", "early_stopping", "stopped", "diverged"]
Cause = Literal["", "criterion", "target", "time"]


@dataclass(frozen=True)
class DataPrepared:
    """The table has become arrays.

    Args:
        train, validation, test: Rows in each part.
        inputs: Numbers that the network gets for each row.
        notes: Plain sentences on what was done to the data.
        task: What the network answers; None in a run from before this was said.
        folds: How many folds a cross-validation has, 1 where there is none.
        weights: A hash of the weights of the run that it starts from; empty where there is none, or in a run from
            before this was kept.
        block_rows: How many training rows memory holds at once; 0 where it holds all.
    """

    type: ClassVar[str] = "data_prepared"
    train: int
    validation: int
    test: int
    inputs: int
    notes: tuple[str, ...] = ()
    task: Task | None = None
    folds: int = 1
    weights: str = ""
    block_rows: int = 0


@dataclass(frozen=True)
class TrainingStarted:
    """The network is built and the first step is about to run.

    Args:
        parameters: Trainable numbers in the network.
        metric: Name of the metric, ``accuracy`` or ``mean absolute error``.
        steps_per_epoch, total_steps, epochs: Length of the run as planned.
        first_epoch: 0 for a fresh run, else the number of epochs that were done before.
        compiled: Whether the loop runs through XLA.
    """

    type: ClassVar[str] = "training_started"
    parameters: int
    metric: str
    steps_per_epoch: int
    total_steps: int
    epochs: int
    first_epoch: int = 0
    compiled: bool = False


@dataclass(frozen=True)
class StepsDone:
    """A chunk of steps has run.

    Args:
        first_step: Number of the first of them, counted from 0 over the whole run.
        losses: True loss of each batch, with penalties.
        learning_rates: Rate that each step used, read back from the optimizer; that of the head, if groups differ.
        seconds: Seconds of training since the run (or its resumption) began.
        group_rates: With differential rates, what the early, the middle and the head layers used in each step: three
            tuples as long as ``learning_rates``; else empty.
        momenta: Momentum that each step used, read back from the optimizer, where it moves; else empty.
    """

    type: ClassVar[str] = "steps_done"
    first_step: int
    losses: tuple[float, ...]
    learning_rates: tuple[float, ...]
    seconds: float
    group_rates: tuple[tuple[float, ...], ...] = ()
    momenta: tuple[float, ...] = ()


@dataclass(frozen=True)
class EpochDone:
    """Every training row has been used once more.

    Args:
        epoch: Epochs done, so 1 after the first.
        step: Steps done.
        loss: Mean batch loss of the epoch, weighted by rows.
        val_loss: Loss on the validation rows after the epoch.
        metric, val_metric: The task's metric on training rows (running over the epoch) and on validation rows.
        learning_rate: Rate of the epoch's last step.
        seconds: Seconds of training since the run (or its resumption) began.
        best: Whether this is the best epoch so far.
        loss_scale: Scale that mixed_float16 applied, None in other precisions.
        members: Of many networks at once, whose means the figures above are: four tuples, each with a number for every
            member, of ``loss``, ``val_loss``, ``metric`` and ``val_metric``; NaN for a member that was left out.
        ensemble: Loss and metric of the mean of their answers on the validation rows; empty for a single network.
        sparsity: Share of the weights that are pruned; None where pruning is off.
    """

    type: ClassVar[str] = "epoch_done"
    epoch: int
    step: int
    loss: float
    val_loss: float
    metric: float
    val_metric: float
    learning_rate: float
    seconds: float
    best: bool
    loss_scale: float | None = None
    members: tuple[tuple[float, ...], ...] = ()
    ensemble: tuple[float, ...] = ()
    sparsity: float | None = None

    @property
    def answer_loss(self) -> float:
        """Loss on the validation rows of what the run answers: the mean of its networks' answers, or its only one's."""
        return self.ensemble[0] if self.ensemble else self.val_loss

    @property
    def answer_metric(self) -> float:
        """The task's metric on the validation rows of what the run answers, as ``answer_loss``."""
        return self.ensemble[1] if self.ensemble else self.val_metric


@dataclass(frozen=True)
class MembersChosen:
    """Many networks were trained at once, and those that make up the model are chosen.

    Args:
        sentence: Which of them make up the model, and why.
        shares: Each one's share of the model, zero for none; they add up to 1.
        factors: What each multiplied the policy's rates with.
        val_losses: Loss of each on the validation rows, with the weights that it ended with; NaN where there is none.
        best_epochs: The epoch whose weights each kept, 0 for none.
        judged: The loss that they were judged by: the same, for classes with one more mistake.
        best: Number, from 1, of the one that is judged best.
        left_out: Numbers, from 1, of those whose numbers became infinite.
    """

    type: ClassVar[str] = "members_chosen"
    sentence: str
    shares: tuple[float, ...]
    factors: tuple[float, ...]
    val_losses: tuple[float, ...]
    best_epochs: tuple[int, ...]
    judged: tuple[float, ...]
    best: int
    left_out: tuple[int, ...] = ()

    @property
    def leaves_several(self) -> bool:
        """Whether the model is the mean of several networks, so that they can be apart."""
        return sum(share > 0 for share in self.shares) > 1


@dataclass(frozen=True)
class TrainingEnded:
    """No more steps will run.

    Args:
        reason: Why it ended.
        message: One plain sentence that says so.
        best_epoch: The epoch whose validation figure was best, counted from 1; None when no epoch was finished.
        epochs: Epochs finished.
        best_epochs: Of many networks at once the epoch whose weights each ended with, 0 for none; else empty.
        cause: What ended it early: the criterion, the target or the time limit; empty where nothing did, or in a run
            from before this was said.
    """

    type: ClassVar[str] = "training_ended"
    reason: Ending
    message: str
    best_epoch: int | None
    epochs: int
    best_epochs: tuple[int, ...] = ()
    cause: Cause = ""


@dataclass(frozen=True)
class Preparing:
    """A stage before training that takes longer.

    Args:
        what: In words, for example ``Reading the pictures``.
        share: How much of it is done, 0 to 1.
    """

    type: ClassVar[str] = "preparing"
    what: str
    share: float


Event = (
    Preparing
    | DataPrepared
    | SweepDone
    | UntrainedDone
    | RatesFound
    | TrainingStarted
    | StepsDone
    | EpochDone
    | MembersChosen
    | TrainingEnded
)
_TYPES: dict[str, type[Event]] = {kind.type: kind for kind in get_args(Event)}


def to_line(event: Event) -> str:
    """Return the event as one line of JSON, with its newline."""
    values = {"type": event.type} | {one.name: getattr(event, one.name) for one in fields(event)}
    try:
        line = json.dumps(values, allow_nan=False)
    except ValueError:
        # NaN and Infinity are not JSON; as strings they survive any reader, and float() takes them back.
        line = json.dumps(_plain(values), allow_nan=False)
    return line + "\n"


def from_line(line: str | bytes) -> Event:
    """Return the event that a line holds.

    Raises:
        ValueError: If the line is no event.
    """
    try:
        values: dict[str, Any] = from_json(line)
        kind = _TYPES[values.pop("type")]
        event = kind(**{name: _revive(value) for name, value in values.items()})
        if not all(_fits(getattr(event, name), wanted) for name, wanted in _wanted(event.type)):
            raise ValueError("another type")
        if isinstance(event, (StepsDone, SweepDone)) and not _equally_long(event):
            raise ValueError("lengths differ")
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(f"Not an event: {line[:80]!r}") from error
    return event


@cache
def _wanted(of_type: str) -> tuple[tuple[str, Any], ...]:
    """Names and types of the fields of a type of event."""
    kind = _TYPES[of_type]
    hints = get_type_hints(kind)
    return tuple((one.name, hints[one.name]) for one in fields(kind))


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a value is of a type, as far as the types of events go."""
    if wanted is float:
        return type(value) in (float, int)
    if wanted in (int, str, bool, type(None)):
        return type(value) is wanted
    parts = get_args(wanted)
    if get_origin(wanted) is Literal:
        return value in parts
    if get_origin(wanted) is not tuple:  # a union
        return any(_fits(value, part) for part in parts)
    if not isinstance(value, tuple):
        return False
    if parts == (float, ...):  # thousands of them
        return {*map(type, value)} <= {float, int}
    if parts[-1] is ...:
        return all(_fits(one, parts[0]) for one in value)
    return len(value) == len(parts) and all(map(_fits, value, parts))


def _equally_long(event: "StepsDone | SweepDone") -> bool:
    groups, momenta = (event.group_rates, event.momenta) if isinstance(event, StepsDone) else ((), ())
    columns = (event.learning_rates, *groups, momenta or event.losses)
    return len(groups) in (0, 3) and all(len(column) == len(event.losses) for column in columns)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value


def _revive(value: Any) -> Any:
    if isinstance(value, list):
        # Nearly always plain numbers, and thousands of them.
        return tuple(value) if {*map(type, value)} <= {float, int} else tuple(map(_revive, value))
    if isinstance(value, dict):
        return float(value["float"])
    return value


@dataclass
class History:
    """All events of a run so far, in order.

    ``starts`` counts how often training, or the range test before it, began: once, and once more for every time
    that it was taken up again.
    """

    starts: int = 0
    preparing: Preparing | None = None
    prepared: DataPrepared | None = None
    started: TrainingStarted | None = None
    ended: TrainingEnded | None = None
    epochs: list[EpochDone] = field(default_factory=list)
    found: RatesFound | None = None
    chosen: MembersChosen | None = None
    sweeps: list[Sweep] = field(default_factory=list)
    _losses: list[float] = field(default_factory=list)
    _rates: list[float] = field(default_factory=list)
    _group_rates: list[tuple[float, ...]] = field(default_factory=list)
    _momenta: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, events: Iterable[Event]) -> "History":
        """Return the history that the events add up to."""
        history = cls()
        for event in events:
            history.add(event)
        return history

    def add(self, event: Event) -> None:
        """Add one event.

        A resumed run starts again after its last saved epoch and repeats what was not saved; its second
        ``TrainingStarted`` therefore cuts the history back to that epoch.
        """
        match event:
            case Preparing():
                self.preparing = event
            case DataPrepared():
                self.prepared, self.preparing = event, None
            case SweepDone():
                # An interrupted test starts again.
                del self.sweeps[event.seed + (event.first_step > 0) :]
                self.starts += event.seed == event.first_step == 0
                if event.first_step == 0 or not self.sweeps:  # the line before may have been damaged
                    self.sweeps.append(Sweep(event.steps, event.seeds))
                self.sweeps[-1].losses.extend(event.losses)
                self.sweeps[-1].learning_rates.extend(event.learning_rates)
                self.sweeps[-1].figures.extend(event.figures)
                self.sweeps[-1].watched = event.watched
            case UntrainedDone():
                for sweep in self.sweeps[event.seed : event.seed + 1]:
                    sweep.untrained[event.first_step :] = event.losses
            case RatesFound():
                self.found = event
            case TrainingStarted():
                self.started = event
                self.starts += 1
                self.ended = self.chosen = None
                del self.epochs[event.first_epoch :]
                done = event.first_epoch * event.steps_per_epoch
                del self._losses[done:], self._rates[done:], self._group_rates[done:], self._momenta[done:]
            case StepsDone():
                self._losses.extend(event.losses)
                self._rates.extend(event.learning_rates)
                self._group_rates.extend(zip(*event.group_rates, strict=True))
                self._momenta.extend(event.momenta)
            case EpochDone():
                self.epochs.append(event)
            case MembersChosen():
                self.chosen = event
            case TrainingEnded():
                self.ended = event

    @property
    def steps_done(self) -> int:
        """Steps that have run."""
        return len(self._losses)

    @property
    def grouped(self) -> bool:
        """Whether groups of layers have rates of their own."""
        return bool(self._group_rates)

    @property
    def momentum_moves(self) -> bool:
        """Whether momentum moves against the rate."""
        return bool(self._momenta)

    @property
    def best(self) -> EpochDone | None:
        """The best epoch so far, None before the first."""
        return next((epoch for epoch in reversed(self.epochs) if epoch.best), None)

    def step_frame(self) -> pd.DataFrame:
        """Return a row per step: ``step`` (from 0), ``epoch`` (as a fraction), ``loss``, ``learning_rate``.

        With differential rates also ``early``, ``middle`` and ``head``, the rates of the groups; where it moves, also
        ``momentum``.
        """
        steps = pd.RangeIndex(len(self._losses))
        per_epoch = self.started.steps_per_epoch if self.started else 1
        frame = pd.DataFrame(
            {
                "step": steps,
                "epoch": (steps + 1) / per_epoch,
                "loss": pd.Series(self._losses, dtype="float64"),
                "learning_rate": pd.Series(self._rates, dtype="float64"),
            }
        )
        if self._group_rates:
            groups = pd.DataFrame(self._group_rates, columns=["early", "middle", "head"])
            frame = pd.concat([frame, groups], axis=1)
        if self._momenta:
            frame["momentum"] = pd.Series(self._momenta, dtype="float64")
        return frame

    def epoch_frame(self) -> pd.DataFrame:
        """Return a row per finished epoch, with the plain fields of ``EpochDone`` as columns."""
        unused = {"sparsity"} if all(epoch.sparsity is None for epoch in self.epochs) else set()
        names = [one.name for one in fields(EpochDone) if one.name not in {"members", "ensemble"} | unused]
        rows = [[getattr(epoch, name) for name in names] for epoch in self.epochs]
        return pd.DataFrame(rows, columns=names)

    def member_frame(self) -> pd.DataFrame:
        """Return a row per finished epoch and member: ``epoch``, ``member`` (from 1) and the four figures."""
        names = ("loss", "val_loss", "metric", "val_metric")
        rows = [
            (epoch.epoch, member, *figures)
            for epoch in self.epochs
            for member, figures in enumerate(zip(*epoch.members, strict=True), start=1)
        ]
        return pd.DataFrame(rows, columns=["epoch", "member", *names])
