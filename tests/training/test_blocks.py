"""Rows that come in blocks: their order, and the numbers of rows that come all at once in that order."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from small_networks import INPUTS, RICH, Recorded, network, prepared, train, weights

from lrapp.networks import members
from lrapp.preparation.folds import dealt
from lrapp.preparation.table_arrays import Prepared, Split, class_weights
from lrapp.runs.events import SweepDone
from lrapp.settings import EarlyStoppingSettings, RangeTestSettings, Task, TrainingSettings
from lrapp.training import blocks, range_test
from lrapp.training.loop import Loop
from lrapp.training.members_loop import MembersLoop

SETTINGS = TrainingSettings(
    batch_size=8, epochs=4, early_stopping=EarlyStoppingSettings(enabled=False, restore_best=False)
)
BLOCK = 24  # three batches


def in_blocks(data: Prepared, block_rows: int = BLOCK) -> Prepared:
    return replace(data, block_rows=block_rows)


def in_the_order_of_blocks(monkeypatch: pytest.MonkeyPatch, block_rows: int = BLOCK) -> None:
    """Rows that are in memory are used in the order that they would have in blocks."""

    def order(rows: int, seed: int, epoch: int) -> tf.Tensor:
        return tf.constant(blocks.shuffled_in_blocks(rows, block_rows, seed, epoch))

    monkeypatch.setattr(blocks, "shuffled", order)


def assert_same(one: Recorded, other: Recorded) -> None:
    assert one.losses == other.losses
    assert one.figures == other.figures
    for ours, theirs in zip(weights(one.model), weights(other.model), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# --- the order -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "block_rows"), [(1, 8), (8, 8), (10_000, 2048), (10_001, 1024), (777, 1)])
def test_an_epoch_uses_every_row_once(rows: int, block_rows: int) -> None:
    order = blocks.shuffled_in_blocks(rows, block_rows, seed=3, epoch=5)
    assert order.dtype == np.int32
    np.testing.assert_array_equal(np.sort(order), np.arange(rows))


def test_the_order_follows_from_seed_and_epoch() -> None:
    def first(seed: int, epoch: int) -> list[int]:
        return blocks.shuffled_in_blocks(5000, 512, seed, epoch)[:20].tolist()

    assert first(1, 1) == first(1, 1)
    assert len({tuple(first(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9


def test_each_block_holds_rows_from_everywhere_and_shuffles_them() -> None:
    rows, size = 100_000, 10_240
    order = blocks.shuffled_in_blocks(rows, size, seed=0, epoch=0)
    for start in range(0, rows - size, size):
        block = order[start : start + size].astype(np.int64)
        # As many from each tenth of the table as chance has it: 256 runs of 40 rows.
        assert np.histogram(block, 10, (0, rows))[0].min() > 0.4 * size / 10
        assert np.count_nonzero(np.diff(block) == 1) < 60
        # The file is read in runs.
        assert np.count_nonzero(np.diff(np.sort(block)) != 1) <= 256


# --- the same numbers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "xla"), [("binary", "on"), ("multi-class", "off"), ("regression", "off")])
def test_one_network_gets_the_numbers_of_that_order(
    task: Task, xla: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrapp.training.course.XLA_FROM_STEP", 10)
    settings = SETTINGS.model_copy(update={"xla": xla})
    data = prepared(task, rows=101, validation=53, weighted=True)
    ours = train(settings, in_blocks(data), RICH)
    in_the_order_of_blocks(monkeypatch)
    assert_same(ours, train(settings, data, RICH))


def test_rows_are_watched_block_by_block_with_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    data = prepared("regression", rows=101, validation=530)

    def loop() -> Loop:
        made = Loop(network(task="regression"), "regression", SETTINGS)
        made.evaluation_rows = 16
        return made

    taken: list[Any] = []
    real = blocks.taken

    def noting(part: Split, rows: Any) -> Split:
        taken.append(rows)
        return real(part, rows)

    monkeypatch.setattr(blocks, "taken", noting)
    ours = train(SETTINGS, in_blocks(data, 64), loop=loop())
    assert max(len(range(530)[rows]) if isinstance(rows, slice) else len(rows) for rows in taken) == 64
    in_the_order_of_blocks(monkeypatch, 64)
    assert_same(ours, train(SETTINGS, data, loop=loop()))


def test_data_of_one_block_are_used_as_ever() -> None:
    data = prepared(rows=50)
    assert_same(train(SETTINGS, in_blocks(data, 56)), train(SETTINGS, data))


def test_other_blocks_give_another_order() -> None:
    data = prepared(rows=101)
    assert train(SETTINGS, in_blocks(data)).losses != train(SETTINGS, in_blocks(data, 48)).losses


def test_a_run_that_was_stopped_goes_on_to_the_bit() -> None:
    epoch = 2
    data = in_blocks(prepared(rows=101, weighted=True))
    whole = train(SETTINGS, data, RICH)
    ends = [place for place, event in enumerate(whole.events) if event in whole.epochs]
    cut = train(SETTINGS, data, RICH, stop_after=ends[epoch - 1] + 2)
    state = cut.states[-1]
    assert state.epochs == epoch
    on = train(SETTINGS, data, RICH, state=state)
    assert cut.figures[:epoch] + on.figures == whole.figures
    for ours, theirs in zip(weights(on.model), weights(whole.model), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("crossed", [False, True])
def test_many_networks_get_the_numbers_of_that_order(crossed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SETTINGS.model_copy(update={"members": 3, "epochs": 2})
    data = prepared("multi-class", rows=101, validation=53, weighted=True)
    if crossed:
        none = blocks.taken(data.validation, slice(0))
        balanced = replace(data.train, weight=class_weights(data.train.y))
        folds = dealt(np.zeros(101, np.int64), 3, 0, stratify=False)
        data = replace(data, train=balanced, validation=none, folds=folds)

    def loop() -> MembersLoop:
        seeds = members.member_seeds(0, 3)
        return MembersLoop(members.stack(RICH, INPUTS, data.task, 3, seeds), data.task, settings)

    ours = train(settings, in_blocks(data), loop=loop())
    in_the_order_of_blocks(monkeypatch)
    theirs = train(settings, data, loop=loop())
    assert_same(ours, theirs)
    assert [epoch.members for epoch in ours.epochs] == [epoch.members for epoch in theirs.epochs]


def test_a_range_test_goes_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    data, test = prepared(rows=101), RangeTestSettings(steps=40, seeds=2)

    def losses(data: Prepared) -> list[float]:
        events: list[Any] = []
        loop = Loop(network(), "binary", SETTINGS)
        range_test.run(loop, data, test, 0, on_event=events.append, should_stop=lambda: False)
        return [loss for event in events if isinstance(event, SweepDone) for loss in event.losses]

    ours = losses(in_blocks(data))
    in_the_order_of_blocks(monkeypatch)
    assert ours == losses(data)


def test_what_fails_while_the_next_block_is_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real, times = blocks.taken, iter(range(9))

    def fails(part: Split, rows: Any) -> Split:
        if next(times) == 2:
            raise OSError("the disk is gone")
        return real(part, rows)

    monkeypatch.setattr(blocks, "taken", fails)
    with pytest.raises(OSError, match="the disk is gone"):
        train(SETTINGS, in_blocks(prepared(rows=101, validation=0)))
