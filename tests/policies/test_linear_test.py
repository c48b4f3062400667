"""Smith's own reading of a range test, on curves drawn by hand."""

import numpy as np
import pytest

from lrapp.errors import UserError
from lrapp.policies.linear_test import FigureCurve, LinearSweep, advise, read

RATES = np.linspace(0, 0.05, 51)
ROWS = 10_000
CALM = 0.002  # what two measurements of one network may differ by


def drawn(base: float, top: float, *, after: str, seed: int = 0, height: float = 0.8) -> FigureCurve:
    """An accuracy of 0.2 that rises from a rate on, levels off, and from another rate on falls or jumps."""
    figures = 0.2 + (height - 0.2) * (1 - np.exp(-np.maximum(RATES - base, 0) / 0.003))
    beyond = top < RATES
    if after == "falls":
        figures = figures - np.where(beyond, 15 * (RATES - top), 0)
    elif after == "ragged":
        figures = figures - np.where(beyond & (np.arange(51) % 2 == 0), 0.2, 0)
    noise = CALM * np.random.default_rng(seed).normal(size=51)
    return FigureCurve(RATES, figures + noise, diverged=after == "diverged")


def test_a_sweep_rises_by_the_same_amount() -> None:
    sweep = LinearSweep(0.1, 0.5, 41, 20)
    assert sweep.plan(3) == pytest.approx([0.1, 0.11, 0.12])
    assert sweep.plan([20, 40, 99]) == pytest.approx([0.3, 0.5, 0.5])
    assert sweep.bounds == (0.1, 0.5)


def test_a_test_of_fewer_epochs_than_it_needs_is_a_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[int, int, str]] = [
        (1, 500, "give it 2 epochs or more. Received: 1 epoch of 500 steps."),
        (5, 7, "give it 6 epochs or more. Received: 5 epochs of 7 steps."),
        (39, 1, "give it 40 epochs or more. Received: 39 epochs of 1 step."),
    ]
    for epochs, steps, sentence in cases:
        with subtests.test(f"{epochs!r}"):
            with pytest.raises(UserError, match=sentence):
                LinearSweep(0, 0.1, epochs * steps, steps)
            needed = int(sentence.split()[2])
            LinearSweep(0, 0.1, needed * steps, steps)


def test_rates_that_do_not_rise_are_a_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[float, float]] = [(0.1, 0.1), (0.2, 0.1), (-0.1, 0.1), (0, np.inf)]
    for start, end in cases:
        with subtests.test(f"{start!r}"), pytest.raises(UserError, match="lower the start or raise the end"):
            LinearSweep(start, end, 100, 10)


@pytest.mark.parametrize("after", ["falls", "ragged"])
@pytest.mark.parametrize(("base", "top"), [(0.0, 0.02), (0.005, 0.03), (0.01, 0.04)])
def test_the_range_is_from_the_rise_to_the_fall(base: float, top: float, after: str) -> None:
    for seed in range(10):
        reading = read(drawn(base, top, after=after, seed=seed), ROWS)
        assert reading is not None
        assert reading.end == after
        # A tenth of the rise is there after 0.1 x 0.003; measurements are 0.001 apart.
        assert base < reading.base_lr <= base + 0.003
        # A fall of 15 a unit is a tenth of the rise after 0.004.
        assert top - 0.001 <= reading.max_lr <= top + 0.006


def test_smiths_example_typed_out() -> None:
    # His figure 3: the accuracy begins to rise at once, and at 0.006 it becomes ragged.
    rates = np.arange(0, 0.011, 0.001)
    figures = np.array([0.10, 0.30, 0.45, 0.55, 0.62, 0.66, 0.68, 0.55, 0.64, 0.50, 0.60])
    reading = read(FigureCurve(rates, figures), ROWS)
    assert reading is not None
    assert (reading.base_lr, reading.max_lr) == pytest.approx((0.001, 0.006))
    assert reading.end == "ragged"


def test_one_bad_measurement_is_no_end() -> None:
    curve = drawn(0, 1, after="nothing")
    figures = curve.figures.copy()
    figures[25] = 0.3
    reading = read(FigureCurve(RATES, figures), ROWS)
    assert reading is not None
    assert (reading.max_lr, reading.end) == (RATES[-1], "nothing")


def test_a_loss_that_becomes_infinite_ends_the_range() -> None:
    curve = drawn(0, 1, after="diverged")
    short = FigureCurve(RATES[:20], curve.figures[:20], diverged=True)
    reading = read(short, ROWS)
    assert reading is not None
    assert (reading.max_lr, reading.end) == (RATES[19], "diverged")


def test_where_nothing_rises_there_is_no_reading(subtests: pytest.Subtests) -> None:
    for figures in [np.full(51, 0.5), np.linspace(0.5, 0.2, 51), np.array([0.5, 0.9])]:
        with subtests.test(f"{figures!r}"):
            assert read(FigureCurve(RATES[: len(figures)], figures), ROWS) is None


def test_what_few_rows_may_show_by_chance_is_no_rise() -> None:
    curve = drawn(0, 0.03, after="falls", height=0.3)
    assert read(curve, ROWS) is not None
    assert read(curve, 50) is None


def test_an_r2_without_end_does_not_hide_the_rise() -> None:
    curve = drawn(0, 0.03, after="falls")
    figures = np.where(RATES > 0.04, -1e30, curve.figures)
    reading = read(FigureCurve(RATES, figures), ROWS)
    assert reading is not None
    assert reading.end == "falls"
    assert 0.029 <= reading.max_lr <= 0.036


def test_the_seeds_make_one_range() -> None:
    curves = [drawn(0.005, top, after="falls", seed=seed) for seed, top in enumerate((0.02, 0.03, 0.04))]
    found = advise(curves, "validation accuracy", ROWS)
    assert found.base_lr == pytest.approx(0.006, abs=0.002)
    assert found.max_lr == pytest.approx(0.023, abs=0.003), "the lowest end of all"
    assert found.learning_rate == pytest.approx(0.0115, abs=0.002)
    assert [name for name, *_ in found.suggestions] == ["rise", "fall"]
    assert "The validation accuracy starts to rise at 0.0" in found.sentence
    assert "starts to fall above 0.02" in found.sentence
    assert "agree on the upper end within a factor of" in found.sentence
    assert found.origin.startswith("Linear range test, highest validation accuracy at 0.0")


def test_a_range_too_narrow_for_a_cycle_begins_at_a_quarter_of_its_top() -> None:
    found = advise([drawn(0.02, 0.028, after="ragged")], "validation accuracy", ROWS)
    assert found.max_lr is not None
    assert found.base_lr == pytest.approx(found.max_lr / 4)
    assert "too narrow for a cycle" in found.sentence
    assert found.sentence.endswith("One seed cannot say how sure this is; take three.")


def test_a_test_that_ends_too_early_says_so() -> None:
    found = advise([drawn(0, 1, after="nothing")], "validation R2", ROWS)
    assert found.max_lr == RATES[-1]
    assert "up to the last rate, 0.05: raise that to see where it does" in found.sentence


def test_without_a_rise_there_is_no_rate() -> None:
    flat = FigureCurve(RATES, np.full(51, 0.5))
    found = advise([flat, flat, drawn(0, 0.02, after="falls")], "validation accuracy", ROWS)
    assert (found.base_lr, found.max_lr, found.learning_rate, found.refusal) == (None, None, None, "flat")
    assert found.sentence.startswith("At no rate did the validation accuracy rise by more than chance.")
    most = advise([flat, *(drawn(0, 0.02, after="falls", seed=seed) for seed in range(2))], "accuracy", ROWS)
    assert most.sentence.endswith("1 of 3 seeds showed no rise and were left out.")


def test_learning_one_and_the_same_answer_is_no_rise() -> None:
    curve = drawn(0.01, 0.03, after="falls", height=0.6)
    assert read(curve, ROWS, 0.59) is None
    found = advise([curve], "validation accuracy", ROWS, 0.59)
    assert found.refusal == "flat"
    assert "rise by more than chance above 0.59, which one and the same answer has." in found.sentence
    # Where it rises further, it starts to rise where it passes that.
    first, later = read(curve, ROWS, 0.2), read(curve, ROWS, 0.4)
    assert first is not None
    assert later is not None
    assert later.base_lr > first.base_lr
    assert later.max_lr == pytest.approx(first.max_lr, abs=0.002)
