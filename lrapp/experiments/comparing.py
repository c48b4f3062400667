"""Results of a study: curves with their spread, a table, and a sentence that claims no more than they show."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lrapp.phrasing import counted, measured, number
from lrapp.policies.schedules import FloatArray
from lrapp.runs.events import History
from lrapp.runs.store import State

# A difference is claimed only if its interval of this confidence, over all comparisons together, excludes 0.
_CONFIDENCE = 0.95
_DONE: tuple[State, ...] = ("completed",)
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# Why a run did not finish all its epochs.
FATES = {
    "diverged": "diverged",
    "failed": "failed",
    "stopped": "stopped",
    "interrupted": "interrupted",
    "early_stopping": "ended early",
    "queued": "waiting",
    "running": "training",
    None: "deleted",
}


@dataclass(frozen=True, eq=False)
class StudyRun:
    """One run of a study so far.

    Args:
        label: Its policy.
        seed: Its training seed.
        state: Its state; None when its folder is gone or damaged.
        history: Its events so far.
    """

    label: str
    seed: int
    state: State | None
    history: History


@dataclass(frozen=True)
class Spread:
    """A figure over the seeds: its mean, least and greatest."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of one or more numbers."""
        return cls(float(np.mean(values)), float(np.min(values)), float(np.max(values)))


@dataclass(frozen=True)
class Difference:
    """How much better a policy's best figure was than the yardstick's of the same seed.

    Args:
        gain: Mean over the seeds; above 0 is better.
        low, high: Where the mean may lie, by Student's t over the seeds, allowing for all comparisons at once;
            infinite for one seed.
        seeds: Seeds that both finished.
    """

    gain: float
    low: float
    high: float
    seeds: int

    @property
    def shown(self) -> bool:
        """Whether the difference is significant over the seeds."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Result:
    """One policy over its seeds; figures are of the runs that finished all their epochs.

    Args:
        label: The policy.
        runs, finished: Its runs, and those that did all their epochs.
        others: The rest in words: ``1 diverged``.
        best, final: Its validation metric at the best and at the last epoch; None when no run finished.
        epochs_to_reach, seconds_to_reach: Until the yardstick's best of the same seed, median; infinite when half of
            them or more never got there, None when there is nothing to compare with. Without a range test's time.
        reached: Least and greatest epoch at which a seed got there; None unless all did.
        difference: To the yardstick; None for itself and when no seed finished with both.
        range_test_steps: Steps of range tests in a run, median over all that began; 0 for none.
    """

    label: str
    runs: int
    finished: int
    others: str
    best: Spread | None
    final: Spread | None
    epochs_to_reach: float | None
    seconds_to_reach: float | None
    reached: tuple[int, int] | None
    difference: Difference | None
    range_test_steps: int


@dataclass(frozen=True)
class Comparison:
    """All policies of a study.

    Args:
        metric: Name of the metric.
        yardstick: The policy that the others are measured by.
        epochs, steps_per_epoch: The budget of updates, the same for all.
        seeds: Seeds of the study.
        validation_rows: Rows that the metric is measured on.
        results: One for each policy.
        folds: Of the cross-validation that each run is; 1 where none is.
    """

    metric: str
    yardstick: str
    epochs: int
    steps_per_epoch: int
    seeds: int
    validation_rows: int
    results: tuple[Result, ...]
    folds: int = 1

    def table(self) -> pd.DataFrame:
        """Return a row for each policy, as text to read; means with least and greatest of the seeds."""
        unit = f"{self.metric} (validation)"
        return pd.DataFrame(
            [
                {
                    "Policy": result.label,
                    "Runs": f"{result.finished} of {result.runs}"
                    + (f", {result.others}" if result.others else ""),
                    f"Best {unit}": self._spread(result.best),
                    f"Final {unit}": self._spread(result.final),
                    f"Epochs to reach {self.yardstick}’s best": _reach(result.epochs_to_reach, ""),
                    "Seconds to there": _reach(result.seconds_to_reach, " s"),
                    "Range test (steps)": f"{result.range_test_steps:,}"
                    if result.range_test_steps
                    else "none",
                }
                for result in self.results
            ]
        )

    def verdict(self) -> str:
        """Return in plain words what the runs show, and nothing that their spread does not support."""
        compared = [result for result in self.results if result.difference is not None]
        if len(self.results) == 1 and (best := self.results[0].best) is not None:
            only = self.results[0]
            text = f"Over {counted(only.finished, 'seed')}, {only.label} has a best {self.metric} of "
            ends = " to ".join(measured(self.metric, end) for end in (best.low, best.high))
            text += f"{measured(self.metric, best.mean)} on average, from {ends}: differences of that size are chance."
            return " ".join(part for part in (text, self._measured_on(), self._losses()) if part)
        if not compared:
            text = "Too few runs finished all their epochs to compare anything: a policy and "
            return f"{text}{self.yardstick} must both finish with the same seed. {self._losses()}".strip()
        if all(result.difference.seeds < 2 for result in compared if result.difference):
            text = "One seed cannot tell a difference from chance; compare again with three or more."
            return f"{text} {self._losses()}".strip()
        parts = [
            self._differences(
                "Better", [one for one in compared if one.difference and one.difference.low > 0]
            ),
            self._differences(
                "Worse", [one for one in compared if one.difference and one.difference.high < 0]
            ),
            self._equals([one for one in compared if one.difference and not one.difference.shown]),
            self._speed(compared),
            self._measured_on(),
            self._losses(),
        ]
        return " ".join(part for part in parts if part)

    def _measured_on(self) -> str:
        if self.folds > 1:
            return (
                f"All of this is measured on one split into {counted(self.folds, 'fold')}, as the mean over their "
                "networks, each on the rows of its own fold."
            )
        return f"All of this is measured on one split, on {counted(self.validation_rows, 'validation row')}."

    def _differences(self, word: str, results: Sequence[Result]) -> str:
        if not results:
            return ""
        scale, unit = (100, " points") if self.metric == "accuracy" else (1, "")
        parts: list[str] = []
        for result in results:
            assert result.difference is not None
            sizes = (result.difference.gain, result.difference.low, result.difference.high)
            by, *ends = (scale * abs(size) for size in sizes)
            low, high = (number(end, 2) for end in sorted(ends))
            fits = f"{low} to {high}" if parts else f"anything from {low} to {high} would fit"
            parts.append(f"{result.label} by {number(by, 2)}{unit} ({fits})")
        seeds = min(result.difference.seeds for result in results if result.difference)
        return f"{word} best {self.metric} than {self.yardstick} over {_count(seeds, 'seed')}: {_list(parts, 'and')}."

    def _equals(self, results: Sequence[Result]) -> str:
        if not results:
            return ""
        seeds = min(result.difference.seeds for result in results if result.difference)
        return (
            f"Between {self.yardstick} and {_list([one.label for one in results], 'or')} there is no difference in the "
            f"best {self.metric} that {_count(seeds, 'seed')} could show."
        )

    def _speed(self, results: Sequence[Result]) -> str:
        own = next(one for one in self.results if one.label == self.yardstick).reached
        sooner = [one for one in results if own and one.reached and one.reached[1] < own[0]]
        if own is None or not sooner:
            return ""
        names = _list([f"{one.label} in epoch {_range(one.reached)}" for one in sooner if one.reached], "and")
        text = f"With every seed {self.yardstick}’s best {self.metric} (its epoch {_range(own)}) came sooner: {names}"
        tests = [one.range_test_steps for one in sooner if one.range_test_steps]
        if tests:
            worth = number(max(tests) / self.steps_per_epoch, 2)
            text += (
                f"; but each range test before had taken as many steps as {worth} epoch{'s' * (worth != '1')}"
            )
        return f"{text}."

    def _losses(self) -> str:
        left_out = [f"{one.label}: {one.others}" for one in self.results if one.others]
        return f"Runs left out, as they did not finish: {'; '.join(left_out)}." if left_out else ""

    def _spread(self, spread: Spread | None) -> str:
        if spread is None:
            return "–"
        if self.metric == "accuracy":
            return f"{100 * spread.mean:.2f} % ({100 * spread.low:.2f}–{100 * spread.high:.2f})"
        return f"{number(spread.mean)} ({number(spread.low)}–{number(spread.high)})"


def compare(trials: Sequence[StudyRun], yardstick: str) -> Comparison | None:
    """Return the comparison of the runs; None before the first of them has begun to train.

    Args:
        trials: The runs, in the order of the study.
        yardstick: The policy that the others are measured by.
    """
    first = next((trial.history for trial in trials if trial.history.started is not None), None)
    if first is None or first.started is None:
        return None
    upwards = first.started.metric == "accuracy"
    rows = first.prepared.validation if first.prepared is not None else 0
    labels = list(dict.fromkeys(trial.label for trial in trials))
    finished = {(trial.label, trial.seed): _Done.of(trial, upwards) for trial in trials if _finished(trial)}
    yard = {seed: done for (label, seed), done in finished.items() if label == yardstick}
    results = []
    for label in labels:
        own = [trial for trial in trials if trial.label == label]
        done = {seed: found for (other, seed), found in finished.items() if other == label}
        shared = [seed for seed in done if seed in yard]
        reaches = [done[seed].reach(yard[seed].best, upwards) for seed in shared]
        epochs = [reach[0] for reach in reaches]
        gains = [(done[seed].best - yard[seed].best) * (1 if upwards else -1) for seed in shared]
        # Accuracy changes by whole rows; a spread smaller than one row is chance.
        least = 1 / rows if upwards and rows else 0.0
        results.append(
            Result(
                label=label,
                runs=len(own),
                finished=len(done),
                others=_others(own),
                best=Spread.of([one.best for one in done.values()]) if done else None,
                final=Spread.of([one.metric[-1] for one in done.values()]) if done else None,
                epochs_to_reach=float(np.median(epochs)) if shared else None,
                seconds_to_reach=float(np.median([reach[1] for reach in reaches])) if shared else None,
                reached=(int(min(epochs)), int(max(epochs))) if shared and max(epochs) < math.inf else None,
                difference=difference(gains, len(labels) - 1, least)
                if shared and label != yardstick
                else None,
                range_test_steps=_range_test_steps(own),
            )
        )
    return Comparison(
        metric=first.started.metric,
        yardstick=yardstick,
        epochs=first.started.epochs,
        steps_per_epoch=first.started.steps_per_epoch,
        seeds=len({trial.seed for trial in trials}),
        validation_rows=rows,
        results=tuple(results),
        folds=first.prepared.folds if first.prepared is not None else 1,
    )


@dataclass(frozen=True, eq=False)
class _Done:
    """A run that finished all its epochs: metric and seconds of training at the end of each."""

    metric: FloatArray
    seconds: FloatArray
    best: float

    @classmethod
    def of(cls, trial: StudyRun, upwards: bool) -> "_Done":
        metric = np.array([epoch.answer_metric for epoch in trial.history.epochs], np.float64)
        seconds = np.array([epoch.seconds for epoch in trial.history.epochs], np.float64)
        # A resumed run counts its seconds from 0.
        again = np.flatnonzero(np.diff(seconds) < 0) + 1
        for start in again:
            seconds[start:] += seconds[start - 1]
        return cls(metric, seconds, float(metric.max() if upwards else metric.min()))

    def reach(self, goal: float, upwards: bool) -> tuple[float, float]:
        """Epoch (from 1) and seconds at which the goal was reached; infinite if it never was."""
        there = np.flatnonzero(self.metric >= goal if upwards else self.metric <= goal)
        return (float(there[0] + 1), float(self.seconds[there[0]])) if len(there) else (math.inf, math.inf)


def _finished(trial: StudyRun) -> bool:
    epochs = trial.history.epochs
    return (
        trial.state in _DONE and bool(epochs) and bool(np.isfinite([e.answer_metric for e in epochs]).all())
    )


def _others(trials: Sequence[StudyRun]) -> str:
    fates = [FATES.get(trial.state, "without figures") for trial in trials if not _finished(trial)]
    return ", ".join(f"{fates.count(fate)} {fate}" for fate in dict.fromkeys(fates))


def _range_test_steps(trials: Sequence[StudyRun]) -> int:
    steps = [
        sum(len(sweep.losses) for sweep in trial.history.sweeps)
        + (trial.history.found.more_steps if trial.history.found is not None else 0)
        for trial in trials
    ]
    begun = [done for done, trial in zip(steps, trials, strict=True) if trial.history.sweeps]
    return round(float(np.median(begun))) if begun else 0


def difference(gains: Sequence[float], comparisons: int = 1, least_deviation: float = 0.0) -> Difference:
    """Return the mean of paired gains, and where it may lie by Student's t.

    Args:
        gains: One for each seed, at least one.
        comparisons: How many such intervals are shown together (Bonferroni).
        least_deviation: A standard deviation over the seeds below this counts as this.
    """
    values = np.asarray(gains, np.float64)
    mean, seeds = float(values.mean()), len(values)
    if seeds < 2:
        return Difference(mean, -math.inf, math.inf, seeds)
    from scipy.special import stdtrit

    quantile = float(stdtrit(seeds - 1, 1 - (1 - _CONFIDENCE) / (2 * max(1, comparisons))))
    # Rounding errors in differences of equal figures must not look like certainty.
    deviation = max(float(values.std(ddof=1)), least_deviation)
    half = quantile * deviation / math.sqrt(seeds)
    return Difference(mean, mean - half, mean + half, seeds)


# --- curves ----------------------------------------------------------------------------------------------------


def curves(trials: Sequence[StudyRun]) -> pd.DataFrame:
    """Return mean and spread over the seeds of each policy, for every epoch (the rate: every step).

    Columns: ``panel`` (``loss``, ``rate``, ``metric``), ``policy`` (its place, from 0), ``epoch``, ``mean``, ``low``,
    ``high`` and ``seeds``, how many have got there. Figures that are not finite are left out.
    """
    labels = list(dict.fromkeys(trial.label for trial in trials))
    parts = []
    for place, label in enumerate(labels):
        own = [
            trial.history for trial in trials if trial.label == label and trial.history.started is not None
        ]
        per_epoch = max((h.started.steps_per_epoch for h in own if h.started), default=1)
        lines = {
            "loss": [[epoch.answer_loss for epoch in history.epochs] for history in own],
            "metric": [[epoch.answer_metric for epoch in history.epochs] for history in own],
        }
        for panel, values in lines.items():
            parts.append(_band(values, 1).assign(panel=panel, policy=place))
        rates = [history.step_frame()["learning_rate"].to_numpy() for history in own]
        parts.append(_band(rates, per_epoch).assign(panel="rate", policy=place))
    columns = ["panel", "policy", "epoch", "mean", "low", "high", "seeds"]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True)[columns] if filled else pd.DataFrame(columns=columns)


def _band(lines: Sequence[Sequence[float] | FloatArray], per_epoch: int) -> pd.DataFrame:
    longest = max((len(line) for line in lines), default=0)
    grid = np.full((len(lines), longest), np.nan)
    for row, line in zip(grid, lines, strict=True):
        row[: len(line)] = line
    grid[~np.isfinite(grid)] = np.nan
    seeds = np.isfinite(grid).sum(axis=0)
    kept = seeds > 0
    grid, seeds = grid[:, kept], seeds[kept]
    empty = not grid.size
    return pd.DataFrame(
        {
            "epoch": np.flatnonzero(kept).astype(float) / per_epoch + 1 / per_epoch,
            "mean": [] if empty else np.nanmean(grid, axis=0),
            "low": [] if empty else np.nanmin(grid, axis=0),
            "high": [] if empty else np.nanmax(grid, axis=0),
            "seeds": seeds,
        }
    )


# --- words -----------------------------------------------------------------------------------------------------


def _count(number: int, what: str) -> str:
    word = _WORDS[number] if number < len(_WORDS) else f"{number}"
    return f"{word} {what}{'' if number == 1 else 's'}"


def _list(names: Sequence[str], word: str) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def _range(ends: tuple[int, int]) -> str:
    return f"{ends[0]}" if ends[0] == ends[1] else f"{ends[0]}–{ends[1]}"


def _reach(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if math.isinf(value):
        return "not reached"
    return f"{number(value, 2)}{unit}" if unit and value < 10 else f"{number(value)}{unit}"
