"""Results of a random search: a table, the fate of each trial, and the score of the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from lrapp.evaluation.scores import Scores
from lrapp.experiments import run_table
from lrapp.experiments.comparing import FATES
from lrapp.experiments.search import values
from lrapp.experiments.search_space import AXES, Space, Value, shown, title
from lrapp.phrasing import measured
from lrapp.runs.events import EpochDone, History
from lrapp.runs.store import State
from lrapp.settings import RunSettings


@dataclass(frozen=True, eq=False)
class SearchTrial:
    """One trial of a search so far.

    Args:
        number: Its number, from 1.
        state: Its state; None when its folder is gone or damaged.
        settings: Its settings; None when they cannot be read.
    """

    number: int
    state: State | None
    history: History
    settings: RunSettings | None

    @property
    def kept(self) -> EpochDone | None:
        """The epoch whose weights its model has. None unless it finished all its epochs with finite figures."""
        if self.state != "completed" or self.settings is None:
            return None
        epoch = run_table.kept_epoch(self.history, self.settings)
        if epoch is None or not (math.isfinite(epoch.answer_metric) and math.isfinite(epoch.answer_loss)):
            return None
        return epoch

    @property
    def fate(self) -> str:
        """Why its figures do not count, in a word; empty if they do."""
        if self.kept is not None:
            return ""
        return "damaged" if self.state and not self.settings else FATES.get(self.state, "without figures")


@dataclass(frozen=True, eq=False)
class Found:
    """All trials of a search.

    Args:
        trials: In the order of their numbers.
        folds: Of the cross-validation that each trial is; 1 where none is.
    """

    space: Space
    metric: str
    validation_rows: int
    trials: tuple[SearchTrial, ...]
    folds: int = 1

    @property
    def upwards(self) -> bool:
        """Whether more of the metric is better."""
        return self.metric == "accuracy"

    @property
    def measure(self) -> str:
        """What the trials are chosen by."""
        return f"validation {self.metric}"

    @property
    def ranked(self) -> tuple[SearchTrial, ...]:
        """The trials whose figures count, the best first; of equals the one with the least validation loss."""
        counted = [(one, one.kept) for one in self.trials]
        places = sorted(
            (-epoch.answer_metric if self.upwards else epoch.answer_metric, epoch.answer_loss, one.number)
            for one, epoch in counted
            if epoch is not None
        )
        return tuple(self.trials[number - 1] for _, _, number in places)

    @property
    def best(self) -> SearchTrial | None:
        """The best trial; None when there is none whose figures count."""
        return next(iter(self.ranked), None)

    def table(self) -> pd.DataFrame:
        """Return a row for each trial, the best first and those that do not count last; numbers are numbers."""
        ranked = self.ranked
        rows = [*ranked, *(one for one in self.trials if one not in ranked)]
        kept = [one.kept for one in rows]
        columns: dict[str, object] = {
            "Trial": [one.number for one in rows],
            self.measure.capitalize(): pd.Series(
                [one.answer_metric if one else None for one in kept], dtype="float64"
            ),
        }
        columns |= drawn_columns(self.space, [one.settings for one in rows])
        columns["Best epoch"] = pd.Series([one.epoch if one else None for one in kept], dtype="Int64")
        columns["Seconds"] = pd.Series(
            [run_table.seconds(one.history.epochs) for one in rows], dtype="float64"
        )
        columns["State"] = [one.fate or "done" for one in rows]
        return pd.DataFrame(columns)

    def points(self) -> pd.DataFrame:
        """Return the points of the charts, a row for each trial and varied setting, in columns of our own naming.

        Columns: ``setting``, ``trial``, ``value`` (a number) or ``name`` (an optimizer), ``measure``, and ``part``:
        ``best``, ``trial``, or ``diverged``, which has no measure.
        """
        best = self.best
        rows = []
        for one in self.trials:
            epoch = one.kept
            if one.settings is None or (epoch is None and one.state != "diverged"):
                continue
            part = "diverged" if epoch is None else "best" if one is best else "trial"
            for name, value in values(self.space, one.settings).items():
                number_, word = _split(value)
                rows.append((name, one.number, number_, word, epoch.answer_metric if epoch else None, part))
        frame = pd.DataFrame(rows, columns=["setting", "trial", "value", "name", "measure", "part"])
        return frame.astype({"value": "float64", "measure": "float64"})

    def so_far(self) -> str:
        """Return a sentence on the best of the trials that are done."""
        best = self.best
        if best is None or best.kept is None:
            return "No trial is done yet."
        return f"Best so far: trial {best.number}, {self.measure} {measured(self.metric, best.kept.answer_metric)}."

    def verdict(self, scores: Scores | None) -> str:
        """Return in plain words which trial is best, how far its figure is flattered, and its score on other rows.

        Args:
            scores: Of the best trial's model; None when they cannot be read.
        """
        ranked = self.ranked
        if not ranked:
            return "No trial finished all its epochs, so there is none to choose."
        best, epoch = ranked[0], ranked[0].kept
        assert epoch is not None
        figure = measured(self.metric, epoch.answer_metric)
        if len(ranked) == 1:
            return (
                f"Only trial {best.number} finished: {self.measure} {figure}. One trial leaves no choice; resume "
                f"the others, or search again. {scores.summary if scores else ''}"
            ).strip()
        equal = [one for one in ranked[1:] if one.kept and one.kept.answer_metric == epoch.answer_metric]
        parts = [
            f"Trial {best.number} is the best of the {len(ranked)} that finished: {self.measure} {figure}."
        ]
        if equal:
            have = "has" if len(equal) == 1 else "have"
            names = _named(equal).capitalize() if len(equal) < 6 else f"{len(equal)} others"
            parts.append(f"{names} {have} the same, with no smaller validation loss.")
        unit = scores.unit if scores is not None else "rows"
        by = f"these same {self.validation_rows:,} validation {unit}"
        if self.folds > 1:
            by = f"the same {self.folds:,} folds"
        parts.append(
            f"It was chosen among {len(ranked)} by {by}, so that figure looks better than the settings are."
        )
        if scores is not None and scores.part == "test":
            parts.append(f"{unit.capitalize()} that had no part in the choice tell more. {scores.summary}")
        elif scores is not None:
            parts.append(
                f"There are no test {unit} to tell by how much; give the Train page a test share and search again. "
                f"The baseline, always “{scores.trivial}”, has {_baseline(scores)}."
            )
        return " ".join(parts)

    def left_out(self) -> str:
        """Return how many trials do not count, why, and which; empty if all do, or will."""
        fates: dict[str, list[SearchTrial]] = {}
        for one in self.trials:
            if one.fate and one.state not in ("queued", "running"):
                fates.setdefault(one.fate, []).append(one)
        if not fates:
            return ""
        parts = [f"{len(ones)} {fate} ({_named(ones)})" for fate, ones in fates.items()]
        return f"Left out, as they did not finish: {'; '.join(parts)}."


def drawn_columns(space: Space, trials: Sequence[RunSettings | None]) -> dict[str, pd.Series]:
    """Return each trial's values of the settings that vary, by their titles; numbers are numbers.

    Args:
        trials: Settings of each; None where they cannot be read.
    """
    found = [values(space, one) if one is not None else {} for one in trials]
    columns = {}
    for name, _ in space.varied:
        cells = [each.get(name) for each in found]
        if name not in AXES:
            columns[title(name)] = pd.Series([shown(cell) if cell is not None else "" for cell in cells])
        else:
            columns[title(name)] = pd.Series(cells, dtype="Int64" if AXES[name].whole else "float64")
    return columns


def of_trials(space: Space, trials: Sequence[SearchTrial]) -> Found | None:
    """Return the results of the trials, in the order of their numbers; None before one has begun to train."""
    begun = [one.history for one in trials if one.history.started is not None]
    if not begun or begun[0].started is None:
        return None
    prepared = begun[0].prepared
    rows, folds = (prepared.validation, prepared.folds) if prepared else (0, 1)
    return Found(space, begun[0].started.metric, rows, tuple(trials), folds)


def _split(value: Value) -> tuple[float | None, str | None]:
    return (None, shown(value)) if isinstance(value, str) else (float(value), None)


def _baseline(scores: Scores) -> str:
    metric = scores.metrics[0]
    return (
        f"{metric.name} {measured(metric.name, metric.baseline)}" if metric.baseline is not None else "none"
    )


def _named(trials: Sequence[SearchTrial]) -> str:
    numbers = [f"{number_}" for number_ in sorted(one.number for one in trials)]
    if len(numbers) == 1:
        return f"trial {numbers[0]}"
    return f"trials {', '.join(numbers[:-1])} and {numbers[-1]}"
