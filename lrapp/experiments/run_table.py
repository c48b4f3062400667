"""Runs -> what the list of runs says of each. A damaged run becomes a row with a sentence; nothing raises."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from lrapp.errors import UserError
from lrapp.evaluation.scores import Scores
from lrapp.policies.lr_range import RatesFound
from lrapp.runs import notes
from lrapp.runs.events import EpochDone, History, StepsDone, SweepDone, from_line
from lrapp.runs.store import Run, State
from lrapp.settings import RunSettings, summary

T = TypeVar("T")

# Almost all of a run's events are steps, which the table does not show.
_PASSED_OVER = tuple(f'{{"type": "{kind.type}"'.encode() for kind in (StepsDone, SweepDone))
_READ = ("run.json", "status.json", "about.json", "scores.json", "events.jsonl")
# Points of the small curve in the list.
_MOST_POINTS = 40


@dataclass(frozen=True)
class Row:
    """A run's row of the table.

    Args:
        created: When Train was pressed.
        trouble: One sentence on what is damaged, empty if nothing is.
        state: None where it cannot be read.
        name: The person's name for it, or what it predicts and by which policy.
        title: The same without the policy, which a list shows apart.
        metric: Name of the task's first metric, empty before training.
        validation: The metric on validation rows, with the weights that the model has; None before the first epoch.
        test: The metric on test rows; None where there are none, or the run has not come to its end.
        measure: Name of the figure that tells most, which is that of ``score`` and ``baseline``.
        leading: That figure on test rows; None as ``test`` is.
        baseline: That figure of the baseline, on the rows of ``score``; None before the end.
        losses: Validation losses, some of them where there are many.
        range_test: Whether it is a range test, which trains no model.
        table, target, network, training, optimizer, policy: Its settings in a few words.
        best_epoch: From 1; None before the first.
        seconds: Seconds of training, over all attempts.
    """

    id: str
    created: datetime
    trouble: str = ""
    state: State | None = None
    name: str = ""
    title: str = ""
    note: str = ""
    starred: bool = False
    metric: str = ""
    validation: float | None = None
    test: float | None = None
    measure: str = ""
    leading: float | None = None
    baseline: float | None = None
    losses: tuple[float, ...] = ()
    range_test: bool = False
    table: str = ""
    target: str = ""
    network: str = ""
    training: str = ""
    optimizer: str = ""
    policy: str = ""
    epochs: int | None = None
    best_epoch: int | None = None
    seconds: float | None = None

    @property
    def score(self) -> float | None:
        """The figure that tells most on test rows; where there are none, the metric on validation rows."""
        return self.validation if self.leading is None else self.leading

    @property
    def upwards(self) -> bool:
        """Whether more of the metric is better."""
        return self.metric == "accuracy"

    def matches(self, text: str) -> bool:
        """Return whether each word of the text stands somewhere in the row, in capitals or not."""
        parts = (
            *(self.name, self.note, self.metric, self.measure, self.table, self.target, self.network),
            *(self.optimizer, self.policy, self.state or "damaged", self.trouble, self.id),
        )
        there = " ".join(parts).casefold()
        return all(word in there for word in text.casefold().split())


def stamp(run: Run) -> tuple[tuple[int, int], ...]:
    """Return a value that changes with any file that ``row`` reads."""
    stamps = []
    for name in _READ:
        try:
            seen = (run.folder / name).stat()
            stamps.append((seen.st_mtime_ns, seen.st_size))
        except OSError:
            stamps.append((0, -1))
    return tuple(stamps)


def row(run: Run) -> Row:
    """Return a run's row of the table; of a damaged run, whatever can be read."""
    said, trouble = notes.read(run)
    troubles = [trouble] if trouble else []

    def read(name: str, what: Callable[[], T]) -> T | None:
        try:
            return what()
        except (UserError, OSError) as error:
            troubles.append(_sentence(run, name, error))
            return None

    status = read("status.json", lambda: run.status)
    settings = read("run.json", lambda: run.settings)
    path = run.scores_path
    scores = read("scores.json", lambda: Scores.from_json(path.read_bytes()) if path.exists() else None)
    history = short_history(run)
    created = status.created if status else _born(run)
    kept = kept_epoch(history, settings)
    metric = scores.metrics[0] if scores is not None else None
    tested = scores is not None and scores.part == "test"
    judged = scores.listed if scores is not None and tested else metric
    trained = metric.name if metric else history.started.metric if history.started else ""
    return Row(
        id=run.id,
        created=created,
        trouble=" ".join(troubles),
        state=status.state if status else None,
        name=_name(said, settings, history, created),
        title=_title(said, settings, created),
        note=said.note,
        starred=said.starred,
        metric=trained,
        validation=_finite(kept.answer_metric if kept else None),
        test=_finite(metric.value) if metric and tested else None,
        measure=judged.name if judged else trained,
        leading=_finite(judged.value) if judged and tested else None,
        baseline=_finite(judged.baseline) if judged else None,
        losses=_thinned([epoch.answer_loss for epoch in history.epochs]),
        range_test=settings is not None and settings.mode == "range test",
        table=settings.data.source.name if settings else "",
        target=settings.data.target or "" if settings else "",
        network=summary.network(settings.model) if settings else "",
        training=summary.training(settings.training, settings.networks) if settings else "",
        optimizer=summary.OPTIMIZERS[settings.training.optimizer] if settings else "",
        policy=policy(settings, history.found) if settings else "",
        epochs=len(history.epochs) if history.started else None,
        best_epoch=history.best.epoch if history.best else None,
        seconds=seconds(history.epochs),
    )


def short_history(run: Run) -> History:
    """Return the history of a run without its steps, which takes a hundredth of the time to read."""
    history = History()
    try:
        with run.events_path.open("rb") as file:
            for line in file:
                if line.startswith(_PASSED_OVER):
                    continue
                try:
                    history.add(from_line(line))
                except ValueError:
                    continue  # still being written, or damaged; later lines may be fine
    except OSError:
        pass
    return history


def seconds(epochs: Sequence[EpochDone]) -> float | None:
    """Return the seconds of training, over all attempts; each attempt counts anew. None before the first epoch."""
    if not epochs:
        return None
    turns = [
        before.seconds
        for before, after in zip(epochs, epochs[1:], strict=False)
        if after.seconds < before.seconds
    ]
    return sum(turns) + epochs[-1].seconds


def policy(settings: RunSettings, found: RatesFound | None = None) -> str:
    """Return the policy with its rates, also those that the run's own range test found."""
    if settings.mode == "range test":
        return "Range test"
    if settings.policy.source == "found" and found is not None:
        try:
            return f"{summary.policy(settings.with_found(found).policy)} (found)"
        except UserError:
            pass
    return summary.policy(settings.policy)


def _sentence(run: Run, name: str, error: Exception) -> str:
    """One sentence that names the file."""
    if isinstance(error, UserError) and name in str(error):
        return str(error)
    if name == "scores.json":
        return "Its scores.json cannot be read: train it again to have new scores."
    return f"The run {run.id} is damaged: its {name} cannot be read. Delete it and train again."


def _name(said: notes.About, settings: RunSettings | None, history: History, created: datetime) -> str:
    title = _title(said, settings, created)
    if _given(said, settings) or settings is None or settings.mode == "range test":
        return title
    return f"{title} · {policy(settings, history.found)}"


def _title(said: notes.About, settings: RunSettings | None, created: datetime) -> str:
    if given := _given(said, settings):
        return given
    if settings is None:
        return f"Run of {created:%d %b %H:%M:%S} UTC"
    return f"Range test for {settings.data.title}" if settings.mode == "range test" else settings.data.title


def _given(said: notes.About, settings: RunSettings | None) -> str:
    """The name that a person gave; empty where there is none."""
    return said.name if said.name is not None else settings.name if settings else ""


def _born(run: Run) -> datetime:
    """When a run was made, as its id tells."""
    try:
        return datetime.strptime(run.id[:21], "%Y%m%d-%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)


def kept_epoch(history: History, settings: RunSettings | None) -> EpochDone | None:
    """Return the epoch whose weights the model has, the best where the settings are None; None before the first."""
    last = history.epochs[-1] if history.epochs else None
    if settings is not None and not settings.training.early_stopping.restore_best:
        return last
    return history.best or last


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _thinned(values: Sequence[float]) -> tuple[float, ...]:
    """Some of the finite values, evenly, the first and the last among them."""
    finite = [value for value in values if math.isfinite(value)]
    last, most = len(finite) - 1, _MOST_POINTS - 1
    if last <= most:
        return tuple(finite)
    return tuple(finite[round(place * last / most)] for place in range(most + 1))
