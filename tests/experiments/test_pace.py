"""How long runs take is said as a range that holds the truth, whatever the time of a run is spent on."""

import numpy as np
import pytest

from lrapp.experiments import pace
from lrapp.experiments.pace import Work
from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.runs.events import DataPrepared, History, TrainingStarted
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    LayerSettings,
    ModelSettings,
    RunSettings,
    SampleSource,
    TrainingSettings,
)
from lrapp.settings.base import checked

SETTINGS = RunSettings(data=DataSettings(source=SampleSource(name="penguins.csv"), target="species"))


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_the_truth_lies_in_the_range(seed: int, dense: bool) -> None:
    random = np.random.default_rng(seed)
    parts = random.uniform(0, 1, 3) * [5.0, 1e-3, 1e-9] * (random.uniform(size=3) < 0.7)

    def took(work: Work) -> float:
        return float(parts @ [work.runs, work.steps, work.numbers])

    runs = [Work(1.0, *map(float, random.uniform([100, 1e6], [10_000, 1e10]))) for _ in range(20)]
    widths = []
    for number in (1, 5, 19):
        done = [(took(one), one) for one in runs[:number]]
        left = sum(runs[number:], pace.NONE)
        told = pace.seconds(done, left, dense=dense)
        if told is None:
            assert not parts.any()
            return
        assert told[0] <= took(left) <= told[1]
        widths.append(told[1] - told[0])
    assert widths[-1] < widths[0], "corrected as trials end"


def test_a_quick_first_trial_promises_no_quick_search() -> None:
    # The first trial was small; those that wait have batches of 4 and eight times its weights.
    first, others = Work(1.0, 1_000, 32e6), Work(19.0, 60_000, 3_500e6)
    told = pace.seconds([(1.15, first)], others)
    assert told is not None
    assert told[0] <= 22
    assert told[1] >= 126
    assert pace.in_words(*told) == "up to 3 min"


def test_small_networks_do_not_promise_hours() -> None:
    # A run of one small network, and six runs with eight of them each: most of the time is building them.
    told = pace.seconds([(8.0, Work(1, 350, 26e6))], Work(6, 8_400, 1_400e6), dense=True)
    assert told is not None
    assert told[0] > 30
    assert told[1] < 180


def test_nothing_is_said_before_anything_is_done() -> None:
    assert pace.seconds([], Work(2, 2, 2)) is None
    assert pace.seconds([(0.0, Work(1, 0, 0))], Work(2, 2, 2)) is None


def test_half_of_a_run_is_built_and_half_of_its_steps_are_done() -> None:
    whole = Work(1, 100, 1_000)
    assert whole.share(0.5) + whole.rest(0.5) == whole
    assert whole.rest(0.5).runs == 0


def test_the_work_of_a_run_is_the_same_before_it_starts_and_after() -> None:
    settings = checked(
        SETTINGS,
        model=ModelSettings(layers=(LayerSettings(units=8),)),
        training=TrainingSettings(epochs=3, batch_size=10),
    )
    expected = ExpectedShape("regression", shape=(4,), outputs=1, rows=95, validation_rows=20, numbers=4)
    history = History()
    for event in (
        DataPrepared(95, 20, 20, 4),
        TrainingStarted(4 * 8 + 8 + 8 + 1, "mean absolute error", 10, 30, 3),
    ):
        history.add(event)
    before = pace.planned(settings, expected)
    assert before == Work(1, 30, 30 * 10 * 49 * settings.networks)
    assert pace.of(settings, history) == before == pace.like(settings, history)
    assert pace.of(settings, History()) is None
    found = checked(settings, policy=CLRSettings(source="found"))
    assert pace.planned(found, expected).steps > 1_000, "with its range test"


def test_it_is_said_as_a_range(subtests: pytest.Subtests) -> None:
    cases: list[tuple[float, float, str]] = [
        (0.5, 3, "a few seconds"),
        (8, 9, "about 9 s"),
        (22, 126, "20 s to 2 min"),
        (100, 120, "about 2 min"),
        (60, 7_200, "up to 2 h"),
    ]
    for least, most, text in cases:
        with subtests.test(f"{least!r}"):
            assert pace.in_words(least, most) == text
