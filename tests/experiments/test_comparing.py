"""What is said about a study: figures checked by hand, and claims only where the seeds carry them."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from lrapp.experiments import comparing
from lrapp.experiments.comparing import StudyRun, compare, curves, difference
from lrapp.policies.lr_range import RatesFound
from lrapp.runs.events import (
    DataPrepared,
    EpochDone,
    Event,
    History,
    StepsDone,
    SweepDone,
    TrainingStarted,
)
from lrapp.runs.store import State

PER_EPOCH = 4


def trial(
    label: str,
    seed: int,
    metrics: Sequence[float],
    *,
    state: State | None = "completed",
    metric: str = "accuracy",
    rate: float = 0.1,
    seconds: float = 2.0,
    sweep: int = 0,
    rows: int = 10_000,
    more_steps: int = 0,
) -> StudyRun:
    """A run whose validation metric at each epoch is given; its loss is one minus that."""
    events: list[Event] = [DataPrepared(train=40, validation=rows, test=0, inputs=3)]
    if sweep:
        events.append(SweepDone(0, 1, sweep, 0, (1.0,) * sweep, (0.1,) * sweep))
        events.append(RatesFound("Tried.", 0.01, 0.1, more_steps=more_steps))
    epochs = max(1, len(metrics))
    events.append(TrainingStarted(7, metric, PER_EPOCH, PER_EPOCH * epochs, epochs))
    for number, value in enumerate(metrics):
        events.append(StepsDone(PER_EPOCH * number, (0.5,) * PER_EPOCH, (rate,) * PER_EPOCH, 1.0))
        epoch, done = number + 1, PER_EPOCH * (number + 1)
        events.append(EpochDone(epoch, done, 0.5, 1 - value, 0.5, value, rate, seconds * epoch, best=True))
    return StudyRun(label, seed, state, History.of(events))


def gone(label: str, seed: int, state: State | None) -> StudyRun:
    return StudyRun(label, seed, state, History())


def in_folds(run: StudyRun, folds: int) -> StudyRun:
    assert run.history.prepared is not None
    run.history.prepared = replace(run.history.prepared, folds=folds)
    return run


FIXED = [trial("fixed", seed, [0.60, 0.70, 0.72 + 0.001 * seed, 0.71]) for seed in range(3)]


# --- differences ---------------------------------------------------------------------------------------------


def test_the_interval_is_that_of_a_paired_t_test() -> None:
    ours, theirs = np.array([0.74, 0.75, 0.73]), np.array([0.70, 0.72, 0.71])
    for comparisons in (1, 3):
        found = difference(ours - theirs, comparisons)
        expected = stats.ttest_rel(ours, theirs).confidence_interval(1 - 0.05 / comparisons)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
        assert found.gain == pytest.approx(0.03)


def test_one_seed_shows_nothing() -> None:
    found = difference([0.5])
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert not found.shown


def test_equal_gains_of_less_than_some_rows_are_not_certainty() -> None:
    assert difference([0.01] * 3).shown
    assert not difference([0.01] * 3, least_deviation=0.01).shown
    rows = 100
    fixed = [trial("fixed", seed, [0.90], rows=rows) for seed in range(3)]
    other = [trial("other", seed, [0.91], rows=rows) for seed in range(3)]
    found = compare([*fixed, *other], "fixed")
    assert found is not None
    assert found.results[1].difference is not None
    assert found.results[1].difference.gain == pytest.approx(0.01)
    assert "no difference in the best accuracy that three seeds could show" in found.verdict()


def test_chance_alone_is_rarely_called_a_difference() -> None:
    random = np.random.default_rng(0)
    said = 0
    for _ in range(400):
        gains = random.normal(size=(3, 3))
        said += any(difference(row, 3).shown for row in gains)
    # Five in a hundred over all three comparisons together, with room for the dice.
    assert said <= 400 * 0.05 + 3 * math.sqrt(400 * 0.05 * 0.95)


# --- figures -------------------------------------------------------------------------------------------------


def test_steps_of_trials_count_among_those_of_a_range_test() -> None:
    tried = [trial("tried", seed, [0.7], sweep=20, more_steps=40 * seed) for seed in range(3)]
    found = compare([*FIXED, *tried], "fixed")
    assert found is not None
    assert [one.range_test_steps for one in found.results] == [0, 60]


def test_figures_are_those_counted_by_hand() -> None:
    quick = [
        trial("quick", seed, [0.50, 0.74 + 0.002 * seed, 0.73, 0.70], seconds=3.0, sweep=20)
        for seed in range(3)
    ]
    found = compare([*FIXED, *quick], "fixed")
    assert found is not None
    fixed, clr = found.results
    assert fixed.best is not None
    assert (fixed.best.mean, fixed.best.low, fixed.best.high) == pytest.approx((0.721, 0.72, 0.722))
    assert fixed.final is not None
    assert fixed.final.mean == pytest.approx(0.71)
    assert (fixed.epochs_to_reach, fixed.seconds_to_reach) == (3.0, 6.0)
    assert (clr.epochs_to_reach, clr.seconds_to_reach) == (2.0, 6.0)
    assert (clr.reached, fixed.reached) == ((2, 2), (3, 3))
    assert (clr.range_test_steps, fixed.range_test_steps) == (20, 0)
    assert clr.difference is not None
    assert clr.difference.gain == pytest.approx(np.mean([0.02, 0.021, 0.022]))
    assert fixed.difference is None
    table = found.table()
    assert table.iloc[1].tolist() == [
        "quick",
        "3 of 3",
        "74.20 % (74.00–74.40)",
        "70.00 % (70.00–70.00)",
        "2",
        "6 s",
        "20",
    ]


def test_each_seed_is_measured_by_the_yardstick_of_its_own_seed() -> None:
    fixed = [trial("fixed", 0, [0.6, 0.9]), trial("fixed", 1, [0.6, 0.7]), trial("fixed", 2, [0.6, 0.7])]
    other = [trial("other", seed, [0.65, 0.75, 0.8]) for seed in range(3)]
    found = compare([*fixed, *other], "fixed")
    assert found is not None
    # Seed 0 never gets to 0.9, the others get to 0.7 in epoch 2: the median is 2, but not all got there.
    assert found.results[1].epochs_to_reach == 2.0
    assert found.results[1].reached is None


def test_what_most_seeds_never_reach_is_not_reached() -> None:
    other = [trial("other", seed, [0.1, 0.2, 0.3, 0.4]) for seed in range(3)]
    found = compare([*FIXED, *other], "fixed")
    assert found is not None
    assert found.results[1].epochs_to_reach == math.inf
    assert found.table().iloc[1, 4:6].tolist() == ["not reached", "not reached"]
    assert "Worse best accuracy than fixed over three seeds: other by 32 points" in found.verdict()


def test_a_smaller_error_is_better() -> None:
    fixed = [
        trial("fixed", seed, [5.0, 3.0 + 0.01 * seed], metric="mean absolute error") for seed in range(3)
    ]
    other = [
        trial("other", seed, [2.0 + 0.02 * seed, 4.0], metric="mean absolute error") for seed in range(3)
    ]
    found = compare([*fixed, *other], "fixed")
    assert found is not None
    result = found.results[1]
    assert result.best is not None
    assert result.best.low == 2.0
    assert result.epochs_to_reach == 1.0
    assert (
        "Better best mean absolute error than fixed over three seeds: other by 0.99 (anything"
        in found.verdict()
    )
    assert found.table().iloc[1, 2] == "2.02 (2–2.04)"


def of_many(one: StudyRun, metrics: list[float]) -> StudyRun:
    """The same run, with several networks whose mean answer has these figures."""
    one.history.epochs = [
        replace(epoch, members=((0.5, 0.5),) * 4, ensemble=(1 - value, value))
        for epoch, value in zip(one.history.epochs, metrics, strict=True)
    ]
    return one


def test_of_several_networks_the_mean_of_their_answers_counts() -> None:
    plain = trial("fixed", 0, [0.6, 0.7])
    several = of_many(trial("other", 0, [0.5, 0.6]), [0.7, 0.9])
    found = compare([plain, several], "fixed")
    assert found is not None
    best = found.results[1].best
    assert best is not None
    assert best.mean == 0.9
    lines = curves([plain, several])
    of_other = lines[lines["policy"] == 1].set_index("panel")["mean"]
    assert of_other["metric"].tolist() == [0.7, 0.9]
    assert of_other["loss"].tolist() == pytest.approx([0.3, 0.1])


def test_seconds_go_on_where_a_run_was_taken_up_again() -> None:
    resumed = trial("fixed", 0, [0.6, 0.7, 0.8, 0.9])
    resumed.history.epochs[2:] = [
        EpochDone(**{**vars(epoch), "seconds": float(epoch.epoch - 2)})
        for epoch in resumed.history.epochs[2:]
    ]
    found = compare([resumed], "fixed")
    assert found is not None
    # 2 and 4 seconds, then 1 and 2 more.
    assert found.results[0].seconds_to_reach == 6.0


# --- words ---------------------------------------------------------------------------------------------------


def test_a_difference_that_the_seeds_carry_is_said_with_its_interval() -> None:
    better = [trial("better", seed, [0.5, 0.8 + 0.001 * seed, 0.7]) for seed in range(3)]
    same = [trial("same", seed, [0.5, 0.7, 0.70 + 0.03 * (seed == 1), 0.71]) for seed in range(3)]
    found = compare([*FIXED, *better, *same], "fixed")
    assert found is not None
    said = found.verdict()
    assert said.startswith(
        "Better best accuracy than fixed over three seeds: better by 8 points (anything from 8 to 8 would fit). "
        "Between fixed and same there is no difference in the best accuracy that three seeds could show. "
        "With every seed fixed’s best accuracy (its epoch 3) came sooner: better in epoch 2. "
    )
    assert "on 10,000 validation rows" in said
    assert "same in epoch" not in said
    assert "\n" not in said


def test_a_range_test_is_named_beside_the_speed_it_bought() -> None:
    better = [trial("better", seed, [0.8]) for seed in range(3)]
    tested = [
        StudyRun(t.label, t.seed, t.state, trial("better", t.seed, [0.8], sweep=6).history) for t in better
    ]
    found = compare([*FIXED, *tested], "fixed")
    assert found is not None
    assert (
        "better in epoch 1; but each range test before had taken as many steps as 1.5 epochs."
        in found.verdict()
    )


def test_one_seed_claims_nothing() -> None:
    found = compare([FIXED[0], trial("other", 0, [0.99])], "fixed")
    assert found is not None
    assert (
        found.verdict() == "One seed cannot tell a difference from chance; compare again with three or more."
    )


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("diverged", "1 diverged"),
        ("stopped", "1 stopped"),
        ("failed", "1 failed"),
        ("interrupted", "1 interrupted"),
        (None, "1 deleted"),
    ],
)
def test_the_study_goes_on_without_a_run_and_says_so(state: State | None, word: str) -> None:
    other = [trial("other", seed, [0.8, 0.9 + 0.001 * seed]) for seed in range(2)]
    found = compare([*FIXED, *other, gone("other", 2, state)], "fixed")
    assert found is not None
    result = found.results[1]
    assert (result.finished, result.runs, result.others) == (2, 3, word)
    assert found.table().iloc[1, 1] == f"2 of 3, {word}"
    assert result.difference is not None
    assert result.difference.seeds == 2
    assert f"Runs left out, as they did not finish: other: {word}." in found.verdict()


def test_a_run_stopped_half_way_gives_no_figures() -> None:
    half = trial("other", 0, [0.99], state="stopped")
    found = compare([*FIXED, half], "fixed")
    assert found is not None
    assert found.results[1].best is None
    assert found.table().iloc[1, 2:6].tolist() == ["–"] * 4
    assert found.verdict().startswith("Too few runs finished all their epochs")


def test_nan_from_the_first_step_in_every_run_of_a_policy() -> None:
    broken = [trial("broken", seed, [], state="diverged") for seed in range(3)]
    found = compare([*broken, *FIXED], "fixed")
    assert found is not None
    assert found.metric == "accuracy"
    assert found.results[0].others == "3 diverged"
    assert "broken: 3 diverged" in found.verdict()


def test_without_the_yardstick_nothing_is_compared() -> None:
    other = [trial("other", seed, [0.9]) for seed in range(3)]
    found = compare([*(gone("fixed", seed, None) for seed in range(3)), *other], "fixed")
    assert found is not None
    assert found.results[1].epochs_to_reach is None
    assert found.results[1].best is not None
    assert found.verdict().startswith("Too few runs")


def test_before_the_first_step_there_is_nothing_to_say() -> None:
    assert compare([gone("a", 0, "queued"), gone("b", 0, "queued")], "a") is None
    assert len(curves([gone("a", 0, "queued")])) == 0


# --- curves --------------------------------------------------------------------------------------------------


def test_curves_are_mean_least_and_greatest_of_those_that_have_come_so_far() -> None:
    trials = [
        trial("a", 0, [0.5, 0.7, 0.9], rate=0.1),
        trial("b", 0, [0.4], rate=0.5),
        trial("a", 1, [0.6, 0.8], rate=0.3, state="running"),
        gone("b", 1, "queued"),
    ]
    frame = curves(trials)
    first = frame[(frame.panel == "metric") & (frame.policy == 0)]
    assert first["epoch"].tolist() == [1, 2, 3]
    assert first["mean"].tolist() == pytest.approx([0.55, 0.75, 0.9])
    assert first["low"].tolist() == pytest.approx([0.5, 0.7, 0.9])
    assert first["high"].tolist() == pytest.approx([0.6, 0.8, 0.9])
    assert first["seeds"].tolist() == [2, 2, 1]
    rate = frame[(frame.panel == "rate") & (frame.policy == 0)]
    assert len(rate) == 3 * PER_EPOCH
    assert rate["mean"].tolist()[:8] == pytest.approx([0.2] * 8)
    assert rate["epoch"].tolist()[:5] == [0.25, 0.5, 0.75, 1.0, 1.25]
    other = frame[(frame.panel == "loss") & (frame.policy == 1)]
    assert other["mean"].tolist() == pytest.approx([0.6])


def test_figures_that_are_not_finite_leave_the_others_standing() -> None:
    trials = [trial("a", 0, [0.5, math.nan, math.inf]), trial("a", 1, [0.7, math.nan, 0.9])]
    frame = curves(trials)
    line = frame[frame.panel == "metric"]
    assert line["epoch"].tolist() == [1, 3]
    assert line["mean"].tolist() == pytest.approx([0.6, 0.9])
    found = compare(trials, "a")
    assert found is not None
    assert found.results[0].finished == 0
    assert found.results[0].others == "2 without figures"


def test_counts_are_written_as_people_do() -> None:
    assert [comparing._count(n, "seed") for n in (1, 3, 12)] == ["one seed", "three seeds", "12 seeds"]


def test_what_was_measured_in_folds_says_so() -> None:
    trials = [trial(label, seed, [0.6, 0.7]) for label in ("fixed", "CLR") for seed in range(3)]
    found = compare(trials, "fixed")
    assert found is not None
    assert "on one split, on 10,000 validation rows." in found.verdict()
    found = compare([in_folds(one, 5) for one in trials], "fixed")
    assert found is not None
    assert "on one split into 5 folds, as the mean over their networks" in found.verdict()
    assert "validation rows" not in found.verdict()
