from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, mean_squared_error

from lrapp.evaluation import selection
from lrapp.settings import Task


def made(task: Task, members: int, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    y: np.ndarray
    generator = np.random.default_rng(seed)
    if task == "regression":
        y = generator.normal(size=rows)
        return y + generator.normal(size=(members, rows)) * generator.uniform(0.1, 2, (members, 1)), y
    y = generator.integers(0, 2, rows)
    chances = np.clip(y + generator.normal(size=(members, rows)) * 0.6, 0.02, 0.98)
    return chances, y


def loss(answer: np.ndarray, y: np.ndarray, task: Task) -> float:
    """That of scikit-learn."""
    return float(
        mean_squared_error(y, answer) if task == "regression" else log_loss(y, answer, labels=[0, 1])
    )


def judged(answer: np.ndarray, y: np.ndarray, task: Task) -> float:
    """The rows once more as both classes, each with half a share of 1 / (n + 2)."""
    if task == "regression":
        return loss(answer, y, task)
    share = 1 / (len(y) + 2)
    weights = np.repeat([1 - share, share / 2, share / 2], len(y))
    both = np.concatenate([y, np.zeros(len(y)), np.ones(len(y))])
    return float(log_loss(both, np.tile(answer, 3), labels=[0, 1], sample_weight=weights))


def caruana(answers: np.ndarray, y: np.ndarray, task: Task, rounds: int) -> list[int]:
    """The paper's loop, as plainly as it can be said: how often each is taken."""
    taken: list[int] = []
    course = []
    for _ in range(rounds):
        tried = [
            judged(np.mean([answers[one] for one in [*taken, candidate]], axis=0), y, task)
            for candidate in range(len(answers))
        ]
        taken.append(int(np.argmin(tried)))
        course.append(min(tried))
    kept = taken[: int(np.argmin(course)) + 1]
    return [kept.count(one) for one in range(len(answers))]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_the_selected_are_those_of_the_paper(task: Task, seed: int) -> None:
    answers, y = made(task, 5, 60, seed)
    chosen = selection.select(answers[:, :, None], y, task, [True] * 5, "selected")
    counts = caruana(answers, y, task, selection._ROUNDS)
    np.testing.assert_allclose(chosen.shares, np.array(counts) / sum(counts))
    losses = [loss(answer, y, task) for answer in answers]
    np.testing.assert_allclose(chosen.losses, losses)
    together = judged(np.tensordot(chosen.shares, answers, 1), y, task)
    best = min(judged(answer, y, task) for answer in answers)
    assert together <= best + 1e-12, "no worse than the best alone, on the rows that chose"


def test_several_classes_are_judged_by_the_chance_of_the_right_one() -> None:
    generator = np.random.default_rng(0)
    answers = generator.dirichlet([1, 1, 1], size=(4, 30))
    y = generator.integers(0, 3, 30)
    chosen = selection.select(answers, y, "multi-class", [True] * 4, "all")
    np.testing.assert_allclose(chosen.losses, [log_loss(y, one, labels=[0, 1, 2]) for one in answers])


@given(
    seed=st.integers(0, 1000),
    usable=st.lists(st.booleans(), min_size=2, max_size=6).filter(any),
    combine=st.sampled_from(["all", "raced", "selected", "best"]),
    rows=st.sampled_from([0, 1, 25]),
)
def test_shares_add_up_and_nothing_that_diverged_counts(
    seed: int, usable: list[bool], combine: Any, rows: int
) -> None:
    answers, y = made("binary", len(usable), rows, seed)
    answers[[not one for one in usable]] = np.nan
    chosen = selection.select(answers[:, :, None], y, "binary", usable, combine)
    assert chosen.shares.sum() == pytest.approx(1)
    assert not chosen.shares[[not one for one in usable]].any()
    assert usable[chosen.best]
    assert chosen.level[chosen.best]
    if combine == "all":
        assert np.ptp(chosen.shares[usable]) == 0
    if combine == "best":
        assert np.count_nonzero(chosen.shares) == 1
    assert selection.sentence(chosen, combine, [0.01 * (1 + one) for one in range(len(usable))])


def test_the_best_rate_is_told_with_how_sure_that_is() -> None:
    y = np.array([0, 1] * 100)
    sure, unsure = np.where(y, 0.9, 0.1), np.where(y, 0.9, 0.1)
    unsure[:2] = 0.5, 0.85
    bad = np.full(200, 0.5)
    answers = np.stack([bad, sure, unsure])[:, :, None]
    chosen = selection.select(answers, y, "binary", [True] * 3, "best")
    assert chosen.best == 1
    assert chosen.level.tolist() == [False, True, False] or chosen.level.tolist() == [False, True, True]
    said = selection.sentence(chosen, "best", [0.001, 0.01, 0.1], left_out=0)
    assert "The best peak rate is 0.01" in said
    alike = selection.select(np.stack([sure, sure, bad])[:, :, None], y, "binary", [True] * 3, "selected")
    assert "from 0.001 to 0.01" in selection.sentence(alike, "selected", [0.001, 0.01, 0.1])


def test_who_is_too_sure_on_a_few_rows_does_not_win() -> None:
    y = np.array([0, 1] * 15)
    careful, bold = np.where(y, 0.97, 0.03), np.where(y, 1 - 1e-7, 1e-7)
    few = selection.select(np.stack([careful, bold])[:, :, None], y, "binary", [True, True], "best")
    assert few.best == 0
    assert few.losses[1] < few.losses[0], "though its log loss is next to nothing"
    many = np.tile(y, 200)
    answers = np.stack([np.tile(careful, 200), np.tile(bold, 200)])[:, :, None]
    assert selection.select(answers, many, "binary", [True, True], "best").best == 1


# --- a race of rates ----------------------------------------------------------------------------------------------


def race(
    rows: int, better: float, seed: int, task: Task = "regression", own: int = 4
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Networks at the policy's own rates, and four at others; of these one makes so many times their errors."""
    generator = np.random.default_rng(seed)
    y = generator.normal(size=rows)
    # They err on the same rows, and a little each on its own.
    noise = generator.normal(size=rows) + 0.1 * generator.normal(size=(own + 4, rows))
    noise *= np.concatenate([np.ones(own), [better, 3, 3, 3]])[:, None]
    factors = [1.0] * own + [0.1, 0.3, 3.0, 10.0]
    if task == "regression":
        return y + 0.5 * noise, y, factors
    classes = (y > 0).astype(float)
    return 1 / (1 + np.exp(-(3 * y + noise))), classes, factors


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_rates_that_do_clearly_better_are_taken(task: Task, seed: int) -> None:
    answers, y, factors = race(1000, 0.05, seed, task)
    chosen = selection.select(answers[:, :, None], y, task, [True] * 8, "raced", factors=factors)
    assert chosen.clear
    assert chosen.shares[4] > 0.5
    assert chosen.best == 4
    said = selection.sentence(chosen, "raced", [0.01 * factor for factor in factors])
    assert said.startswith("The best peak rate is 0.001")
    assert "clearly better on the validation rows than those at the policy's own rates" in said


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("rows", [1, 3, 12, 30, 300])
def test_without_a_clear_difference_the_own_rates_stay(task: Task, rows: int) -> None:
    kept = []
    for seed in range(20):
        answers, y, factors = race(rows, 1.0, seed, task)
        chosen = selection.select(answers[:, :, None], y, task, [True] * 8, "raced", factors=factors)
        kept.append(not chosen.clear)
        if not chosen.clear:
            assert chosen.shares.tolist() == [0.25] * 4 + [0] * 4
            said = selection.sentence(chosen, "raced", [0.01 * factor for factor in factors])
            assert "4 networks of 8: those at the policy's own rates, since no other choice" in said
    assert sum(kept) >= 15


def test_who_is_too_sure_on_a_few_rows_wins_no_race() -> None:
    y = np.array([0, 1] * 15)
    careful, bold = np.where(y, 0.97, 0.03), np.where(y, 1 - 1e-6, 1e-6)
    answers = np.stack([careful] * 4 + [bold] * 4)[:, :, None]
    factors = [1.0] * 4 + [2.0] * 4
    assert not selection.select(answers, y, "binary", [True] * 8, "raced", factors=factors).clear
    many, more = np.tile(y, 200), np.tile(answers, (1, 200, 1))
    assert selection.select(more, many, "binary", [True] * 8, "raced", factors=factors).clear


def test_a_rate_that_many_networks_have_is_not_best_by_chance() -> None:
    # The best of eight is better than one that is as good as each of them.
    y = np.zeros(40)
    errors = np.concatenate([np.linspace(0.8, 1.2, 8), [0.9]])
    answers = np.tile(errors[:, None, None], (1, 40, 1))
    factors = [1.0] * 8 + [0.5]
    assert selection.select(answers, y, "regression", [True] * 9, "raced", factors=factors).best == 8
    assert selection.select(answers, y, "regression", [True] * 9, "best", factors=factors).best == 0


def test_with_few_at_their_own_rates_the_best_four_and_those_level_with_the_best_stay(
    subtests: pytest.Subtests,
) -> None:
    for seed in range(5):
        with subtests.test(f"{seed!r}"):
            answers, y, factors = race(50, 1.0, seed, own=1)
            usable = [True] * 4 + [False]
            chosen = selection.select(answers[:, :, None], y, "regression", usable, "raced", factors=factors)
            errors = (answers - y) ** 2
            order = np.argsort(errors[:4].mean(axis=1))
            behind = errors - errors[order[0]]
            level = {k for k in range(4) if behind[k].mean() <= behind[k].std() / np.sqrt(50)}
            if not chosen.clear:
                assert set(np.flatnonzero(chosen.shares)) == level | set(order[:4].tolist())
                assert np.ptp(chosen.shares[chosen.shares > 0]) == 0


@pytest.mark.parametrize("own", [0, 1, 3, 4])
@pytest.mark.parametrize("better", [1.0, 0.05])
def test_words_and_page_say_what_a_race_with_few_networks_does(own: int, better: float) -> None:
    answers, y, factors = race(1000, better, 0, own=own)
    usable = [True] * len(factors)
    chosen = selection.select(answers[:, :, None], y, "regression", usable, "raced", factors=factors)
    said = selection.sentence(chosen, "raced", [0.01 * factor for factor in factors])
    assert chosen.leads == (own < 4)
    assert ("own rates" in said) == (own >= 4 or np.all(chosen.shares > 0))
    assert ("best, and those that are level" in said) == (own < 4)
    assert ("own rates" in selection.usual_in_race(own)) == (own >= 4)


def test_where_all_of_their_own_rates_diverged_the_others_are_the_model() -> None:
    answers, y, factors = race(60, 1.0, 0)
    answers[:4] = np.nan
    usable = [False] * 4 + [True] * 4
    chosen = selection.select(answers[:, :, None], y, "regression", usable, "raced", factors=factors)
    assert chosen.shares[:4].tolist() == [0] * 4
    assert chosen.shares.sum() == pytest.approx(1)
    none = selection.select(answers[:, :0, None], y[:0], "regression", usable, "raced", factors=factors)
    assert none.shares.tolist() == [0] * 4 + [0.25] * 4


def test_weights_of_rows_count() -> None:
    y = np.array([0, 1])
    answers = np.array([[0.1, 0.1], [0.9, 0.9]])[:, :, None]
    for weight, best in (([1.9, 0.1], 0), ([0.1, 1.9], 1)):
        chosen = selection.select(answers, y, "binary", [True, True], "best", np.array(weight))
        assert chosen.best == best


def test_the_choice_in_words(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Any, int, str]] = [
        ("all", 0, "The model is the mean of 3 networks."),
        ("all", 1, "1 network diverged and is not part of it."),
        ("all", 2, "2 networks diverged and are not part of it."),
        ("best", 0, "The model is the best of 3 networks."),
    ]
    for combine, left_out, wanted in cases:
        with subtests.test(f"{combine!r}"):
            answers, y = made("binary", 3, 40, 1)
            chosen = selection.select(answers[:, :, None], y, "binary", [True] * 3, combine)
            assert wanted in selection.sentence(chosen, combine, left_out=left_out)


def test_every_share_of_two_is_told_the_same_way() -> None:
    for shares in product((0.0, 0.5, 1.0), repeat=2):
        if sum(shares) == 1:
            one = selection.Selection(
                np.array(shares), np.array([0.3, 0.4]), np.array([0.3, 0.4]), 0, np.array([True, False])
            )
            count = np.count_nonzero(shares)
            assert f"{count} network" in selection.sentence(one, "selected")
