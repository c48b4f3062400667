"""Rows -> training, validation and test."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrapp.errors import UserError
from lrapp.preparation.image_arrays import too_few_pictures
from lrapp.preparation.random_split import bins, drawn, part_sizes, split
from lrapp.settings import DataSettings


def test_golden_sizes(subtests: pytest.Subtests) -> None:
    cases: list[tuple[int, int, float, float, tuple[int, int, int]]] = [
        (100, 3, 0.2, 0.2, (60, 20, 20)),
        (70_000, 2, 0.2, 0.0, (56_000, 14_000, 0)),
        (3, 1, 0.2, 0.2, (1, 1, 1)),
        (2, 1, 0.5, 0.0, (1, 1, 0)),
        (10, 1, 0.01, 0.01, (8, 1, 1)),
        (6, 2, 0.49, 0.5, (2, 2, 2)),
        (12, 10, 0.4, 0.4, (10, 1, 1)),
    ]
    for rows, classes, validation, test, sizes in cases:
        with subtests.test(f"{rows!r}"):
            assert (
                part_sizes(rows, classes, DataSettings(validation_share=validation, test_share=test)) == sizes
            )


def test_too_few_rows_say_how_many_are_needed(subtests: pytest.Subtests) -> None:
    cases: list[tuple[int, int, float, str]] = [
        (2, 1, 0.2, "at least 3 rows"),
        (1, 1, 0.0, "at least 2 rows"),
        (11, 10, 0.2, "with 10 classes needs at least 12 rows"),
    ]
    for rows, classes, test, sentence in cases:
        with subtests.test(f"{rows!r}"), pytest.raises(UserError, match=sentence):
            part_sizes(rows, classes, DataSettings(test_share=test))


def test_shares_must_leave_rows_to_train_on() -> None:
    with pytest.raises(UserError, match=r"below 1\. Received: 1\.1"):
        part_sizes(100, 1, DataSettings(validation_share=0.5, test_share=0.6))


@settings(deadline=None, max_examples=60)
@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    validation=st.floats(0.05, 0.5),
    test=st.sampled_from([0.0, 0.1, 0.4]),
    stratify=st.booleans(),
    seed=st.integers(0, 5),
)
def test_parts_are_disjoint_and_exhaustive_and_each_class_trains(
    counts: list[int], validation: float, test: float, stratify: bool, seed: int
) -> None:
    strata = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    chosen = DataSettings(validation_share=validation, test_share=test, stratify=stratify, split_seed=seed)
    if len(strata) < len(counts) + 1 + (test > 0):
        with pytest.raises(UserError):
            split(strata, True, chosen)
        return

    parts = split(strata, True, chosen)

    assert sorted(np.concatenate(parts)) == list(range(len(strata)))
    assert tuple(map(len, parts)) == part_sizes(len(strata), len(counts), chosen)
    assert set(strata[parts[0]]) == set(range(len(counts)))
    assert all((np.diff(part) > 0).all() for part in parts)


def test_each_part_has_the_classes_shares() -> None:
    strata = np.repeat([0, 1, 2], [700, 250, 50])

    for part, share in zip(split(strata, True, DataSettings()), (0.6, 0.2, 0.2), strict=True):
        held = np.bincount(strata[part])
        assert np.abs(held - share * np.array([700, 250, 50])).max() <= 2


def test_without_stratifying_the_shares_are_left_to_chance() -> None:
    strata = np.repeat([0, 1], [500, 500])

    held = {
        int(strata[split(strata, True, DataSettings(stratify=False, split_seed=seed))[2]].sum())
        for seed in range(9)
    }

    assert len(held) > 3


def test_the_seed_decides() -> None:
    strata = np.zeros(50, np.int64)
    first, again, other = (
        split(strata, False, DataSettings(split_seed=seed))[2].tolist() for seed in (1, 1, 2)
    )

    assert first == again
    assert first != other


def test_no_row_is_favoured() -> None:
    strata = np.repeat([0, 1], 20)
    tested = np.zeros(40)
    for seed in range(400):
        tested[split(strata, True, DataSettings(split_seed=seed))[2]] += 1

    assert tested.min() > 400 * 0.2 * 0.6
    assert tested.max() < 400 * 0.2 * 1.4


def test_numbers_fall_into_tenths() -> None:
    assert bins(np.arange(20.0)[::-1]).tolist() == [nine for nine in range(9, -1, -1) for _ in range(2)]
    assert bins(np.array([3.0, 1.0, 2.0])).tolist() == [2, 0, 1]


@pytest.mark.parametrize("stratify", [True, False])
def test_some_rows_are_drawn(stratify: bool) -> None:
    strata = np.repeat(np.arange(4), [1, 10, 30, 59])
    chosen = DataSettings(stratify=stratify)
    for most in (4, 7, 20, 99):
        rows = drawn(strata, most, chosen)
        assert len(set(rows.tolist())) == len(rows) == most
        assert (np.diff(rows) > 0).all()
        assert set(strata[rows]) == {0, 1, 2, 3}
        np.testing.assert_array_equal(rows, drawn(strata, most, chosen))
    assert drawn(strata, 1_000, chosen).tolist() == list(range(100))
    assert drawn(strata, 50, chosen).tolist() != drawn(strata, 50, DataSettings(split_seed=1)).tolist()


def test_drawn_rows_have_the_shares_of_all() -> None:
    strata = np.random.default_rng(0).permutation(np.repeat(np.arange(3), [100, 200, 700]))
    for most in (10, 50, 500):
        counts = np.bincount(strata[drawn(strata, most, DataSettings())])
        assert np.abs(counts - most * np.array([0.1, 0.2, 0.7])).max() <= 1


def test_messages_speak_of_pictures() -> None:
    with pytest.raises(UserError, match=r"^There must be at least 4 pictures of 2 classes"):
        split(np.array([0, 1, 1]), True, DataSettings(), too_few_pictures)
