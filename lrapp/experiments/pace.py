"""How long runs will take, by the pace of others: a range that holds whatever their time is spent on.

The time of a run is taken as a sum of three parts: one for each run (building, reading, judging), one for each step,
and one for each number that a step computes with. How much of each nobody knows, but the time of other runs lies
between what the three say alone (a mediant). It becomes narrow as the runs that are done are like those that are left.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lrapp.networks import memory_estimate
from lrapp.phrasing import counted, number
from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.runs.events import History
from lrapp.settings import RunSettings

# How much the pace of a machine that also does other things moves from one minute to the next.
_SLACK = (0.9, 1.2)
# What a step, and a weight for a row, takes at most where each weight computes once a row, on a slow or a busy machine.
_MOST_FOR_A_STEP, _MOST_FOR_A_NUMBER = 5e-3, 1e-8
# Ends of a range that differ by less are one number.
_ONE_NUMBER = 1.4
# Of ends that are farther apart than this, only the greater one says anything.
_FAR_APART = 6


@dataclass(frozen=True)
class Work:
    """What runs have to do.

    Args:
        runs: How many of them; parts of one count.
        steps: Steps of all.
        numbers: Weights times rows, over all steps.
    """

    runs: float
    steps: float
    numbers: float

    def __add__(self, other: "Work") -> "Work":
        """Return the work of both."""
        return Work(self.runs + other.runs, self.steps + other.steps, self.numbers + other.numbers)

    def share(self, share: float) -> "Work":
        """Return what of a run is done at a share of its steps: building it is the beginning."""
        return Work(self.runs, self.steps * share, self.numbers * share)

    def rest(self, share: float) -> "Work":
        """Return what is left then."""
        return Work(0.0, self.steps * (1 - share), self.numbers * (1 - share))


NONE = Work(0.0, 0.0, 0.0)


def planned(settings: RunSettings, expected: ExpectedShape) -> Work:
    """Return the work of a run before it starts.

    Raises:
        UserError: If the network cannot be built.
    """
    estimate = memory_estimate.estimate_expected(settings, expected)
    return _work(settings, estimate.steps, estimate.parameters.trainable, expected.rows)


def of(settings: RunSettings, history: History, steps: int | None = None) -> Work | None:
    """Return the work of the steps that a run did, by default of all that it has; None where it has not begun."""
    started = history.started
    if started is None:
        return None
    rows = history.prepared.train if history.prepared is not None else 0
    return _work(settings, started.total_steps if steps is None else steps, started.parameters, rows)


def like(settings: RunSettings, history: History) -> Work | None:
    """Return the work of a run that waits, by another one on the same rows; None where that has not begun.

    Args:
        settings: Of the run that waits.
        history: Of the other one.
    """
    prepared = history.prepared
    if prepared is None or history.started is None:
        return None
    parameters = history.started.parameters
    if settings.data.facts.flat:
        numbers = memory_estimate.count_parameters(settings.model, prepared.inputs, 1)
        parameters = numbers.trainable
    steps = -(-prepared.train // settings.training.batch_size) * settings.training.epochs
    return _work(settings, steps, parameters, prepared.train)


def seconds(
    done: Sequence[tuple[float, Work]], left: Work, *, dense: bool = False
) -> tuple[float, float] | None:
    """Return the least and the most that work will take; None where nothing is done yet.

    Args:
        done: Seconds that runs took, with what they did.
        dense: Whether each weight computes once with each row, so that no machine takes long for one.
    """
    taken = sum(time for time, _ in done)
    did = sum((work for _, work in done), NONE)
    if taken <= 0:
        return None
    caps = (math.inf, did.steps * _MOST_FOR_A_STEP, did.numbers * _MOST_FOR_A_NUMBER)
    # What could have taken how much of the time, and how much more of it is left.
    parts = [
        (todo / before, cap if dense else math.inf)
        for todo, before, cap in zip(_parts(left), _parts(did), caps, strict=True)
        if before > 0
    ]
    if not parts:
        return None
    least, most = (_filled(taken, sorted(parts, reverse=upwards)) for upwards in (False, True))
    return _SLACK[0] * least, _SLACK[1] * most


def _parts(work: Work) -> tuple[float, float, float]:
    return work.runs, work.steps, work.numbers


def _filled(taken: float, parts: Sequence[tuple[float, float]]) -> float:
    """The time that is left if each part in turn took as much of the time as it can."""
    found = 0.0
    for ratio, cap in parts:
        own = min(cap, taken)
        found, taken = found + own * ratio, taken - own
    # More than all parts can have taken: the machine was busy, and was so for all of them.
    return found + taken * max(ratio for ratio, _ in parts)


def in_words(least: float, most: float) -> str:
    """Return a range of seconds as a person says it: about 2 min, 40 s to 3 min, up to 5 min."""
    low, high = _duration(least), _duration(most)
    if most < 5:
        return "a few seconds"
    if most > _FAR_APART * least:
        return f"up to {high}"
    return f"about {high}" if low == high or most < _ONE_NUMBER * least else f"{low} to {high}"


def _work(settings: RunSettings, steps: int, parameters: int, rows: int) -> Work:
    batch = settings.training.batch_size
    tests = 0
    if settings.policy.source == "found" and rows:  # of one network
        tests = settings.range_test.most_steps(-(-rows // batch))
    return Work(1.0, steps + tests, float(steps * settings.networks + tests) * batch * parameters)


def _duration(time: float) -> str:
    if time < 90:
        return f"{max(1, round(time / 5) * 5)} s" if time >= 10 else f"{max(1, round(time))} s"
    if time < 5400:
        return f"{round(time / 60)} min"
    hours = round(time / 3600, 1)
    return f"{number(hours)} h" if hours != 1 else counted(1, "hour")
