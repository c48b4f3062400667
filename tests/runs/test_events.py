"""What a run says, as lines, and the history that the lines add up to."""

import json
import math
from dataclasses import fields, replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrapp.policies.lr_range import RatesFound
from lrapp.runs.events import (
    DataPrepared,
    EpochDone,
    Event,
    History,
    MembersChosen,
    Preparing,
    StepsDone,
    SweepDone,
    TrainingEnded,
    TrainingStarted,
    UntrainedDone,
    from_line,
    to_line,
)

STARTED = TrainingStarted(
    parameters=9, metric="accuracy", steps_per_epoch=2, total_steps=8, epochs=4, first_epoch=0
)
EVENTS: list[Event] = [
    DataPrepared(6, 2, 2, inputs=3, notes=("“Größe” became a number.", "\n\u2028"), task="binary"),
    STARTED,
    StepsDone(first_step=0, losses=(0.1, 1e-300), learning_rates=(1e-5, 0.1), seconds=0.25),
    EpochDone(1, 2, 0.5, 0.6, 0.7, 0.8, 0.1, 0.3, best=True, loss_scale=32768.0),
    TrainingEnded("diverged", "The loss became infinite at step 3.", None, 0),
    SweepDone(seed=1, seeds=3, steps=100, first_step=20, losses=(0.5, 0.25), learning_rates=(1e-7, 2e-7)),
    RatesFound(
        "Three seeds agree.", 0.01, 0.1, 0.3, (("tenth", 0.03, 0.02, 0.05), ("steepest", 0.1, 0.1, 0.2))
    ),
    RatesFound("The loss never fell."),
    RatesFound("Narrowed.", 0.01, 0.1, 0.3, (), tried=((0.03, 0.3, False), (0.01, 0.1, True)), more_steps=90),
    RatesFound("No range held.", refusal="tried", tried=((0.03, 0.3, False),)),
    UntrainedDone(seed=2, first_step=5, losses=(0.7, 0.8)),
    Preparing(what="Reading the pictures", share=0.25),
    EpochDone(2, 4, 0.5, 0.6, 0.7, 0.8, 0.1, 0.3, True, None, ((0.4, 0.6), (0.5, float("inf"))), (0.5, 0.9)),
    MembersChosen("The best of 2.", (1.0, 0.0), (0.5, 1.0), (0.4, 0.6), (3, 0), (0.5, 0.7), 1, (2,)),
    TrainingEnded("completed", "Both epochs are done.", 2, 2, (2, 0), "target"),
]


def epoch(number: int, *, best: bool = False, val_loss: float = 0.5) -> EpochDone:
    return EpochDone(number, 2 * number, 0.4, val_loss, 0.9, 0.8, 0.1, 1.0, best=best)


def steps(first: int, *losses: float) -> StepsDone:
    return StepsDone(first, losses, tuple(0.01 * loss for loss in losses), 1.0)


def test_every_kind_of_event_is_tried() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_is_one_line_and_comes_back(event: Event) -> None:
    line = to_line(event)
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1
    assert from_line(line) == event
    assert from_line(line.encode()) == event
    assert json.loads(line)["type"] == event.type


def test_infinite_numbers_come_back_from_lines_that_are_json() -> None:
    event = StepsDone(3, (math.inf, -math.inf, math.nan), (1.0, 2.0, 3.0), 1.0)
    line = to_line(event)
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    back = from_line(line)
    assert isinstance(back, StepsDone)
    assert back.losses[:2] == (math.inf, -math.inf)
    assert math.isnan(back.losses[2])
    nothing = from_line(to_line(epoch(1, val_loss=math.nan)))
    assert isinstance(nothing, EpochDone)
    assert math.isnan(nothing.val_loss)
    assert nothing.loss_scale is None


@settings(max_examples=100, derandomize=True)
@given(st.lists(st.floats(allow_nan=False, width=64)), st.floats(0, 1e9))
def test_every_float_comes_back_to_the_last_bit(losses: list[float], seconds: float) -> None:
    event = StepsDone(0, tuple(losses), tuple(losses), seconds)
    assert from_line(to_line(event)) == event


def test_what_is_no_event_is_refused(subtests: pytest.Subtests) -> None:
    cases: list[str | bytes] = [
        "",
        "{",
        "5",
        "[]",
        "null",
        '"epoch_done"',
        "{}",
        '{"type": "new_in_a_later_version"}',
        '{"type": ["steps_done"]}',
        '{"type": "steps_done"}',
        '{"type": "steps_done", "first_step": 0, "losses": [], "learning_rates": [], "seconds": 1, "more": 2}',
        '{"type": "steps_done", "first_step": 0, "losses": [{"x": 1}], "learning_rates": [], "seconds": 1}',
        to_line(EVENTS[3])[:-20],
        b"\xff\xfe\x00",
    ]
    for line in cases:
        with subtests.test(f"{line!r}"), pytest.raises(ValueError, match=r"^Not an event: "):
            from_line(line)


# --- the history --------------------------------------------------------------------------------------------


def test_a_history_from_start_to_end() -> None:
    history = History.of(
        [
            EVENTS[0],
            STARTED,
            steps(0, 1.0),
            steps(1, 2.0),
            epoch(1, best=True),
            steps(2, 3.0, 4.0),
            epoch(2),
            EVENTS[4],
        ]
    )
    assert history.prepared == EVENTS[0]
    assert history.started == STARTED
    assert history.ended == EVENTS[4]
    assert history.starts == 1
    assert history.steps_done == 4
    assert [done.epoch for done in history.epochs] == [1, 2]
    assert history.best == epoch(1, best=True)


def test_an_empty_history_has_empty_frames() -> None:
    history = History()
    assert history.best is None
    assert history.steps_done == 0
    assert list(history.step_frame().columns) == ["step", "epoch", "loss", "learning_rate"]
    assert history.step_frame().dtypes["loss"] == "float64"
    assert len(history.step_frame()) == 0
    plain = [one.name for one in fields(EpochDone) if one.name not in ("members", "ensemble", "sparsity")]
    assert list(history.epoch_frame().columns) == plain
    assert list(history.member_frame().columns) == [
        "epoch",
        "member",
        "loss",
        "val_loss",
        "metric",
        "val_metric",
    ]
    assert len(history.epoch_frame()) == 0


def test_frames_hold_what_was_said() -> None:
    history = History.of([STARTED, steps(0, 1.0, 2.0, 3.0), epoch(1, best=True), epoch(2)])
    frame = history.step_frame()
    assert frame["step"].tolist() == [0, 1, 2]
    assert frame["epoch"].tolist() == [0.5, 1.0, 1.5]
    assert frame["loss"].tolist() == [1.0, 2.0, 3.0]
    assert frame["learning_rate"].tolist() == [0.01, 0.02, 0.03]
    epochs = history.epoch_frame()
    assert epochs["epoch"].tolist() == [1, 2]
    assert epochs["best"].tolist() == [True, False]
    assert epochs["val_loss"].tolist() == [0.5, 0.5]


def test_the_best_epoch_is_the_latest_that_was_called_best() -> None:
    history = History.of([STARTED, epoch(1, best=True), epoch(2), epoch(3, best=True), epoch(4)])
    assert history.best == epoch(3, best=True)


def test_a_resumed_run_is_cut_back_to_the_saved_epoch() -> None:
    lost: list[Event] = [steps(2, 9.0, 9.0), epoch(2, best=True), steps(4, 9.0)]
    again = TrainingStarted(
        parameters=9, metric="accuracy", steps_per_epoch=2, total_steps=8, epochs=4, first_epoch=1
    )
    repeated: list[Event] = [steps(2, 3.0, 4.0), epoch(2), steps(4, 5.0)]
    ended = TrainingEnded("stopped", "Stopped.", 1, 1)
    history = History.of([STARTED, steps(0, 1.0, 2.0), epoch(1, best=True), *lost, ended, again, *repeated])
    assert history.step_frame()["loss"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert [done.epoch for done in history.epochs] == [1, 2]
    assert history.best == epoch(1, best=True)
    assert history.ended is None
    assert history.started == again
    assert history.starts == 2


def test_a_run_taken_up_from_its_start_begins_with_nothing() -> None:
    history = History.of([STARTED, steps(0, 1.0, 2.0), epoch(1, best=True), steps(2, 3.0), STARTED])
    assert history.steps_done == 0
    assert history.epochs == []
    assert history.best is None


def sweep(seed: int, first: int, *losses: float) -> SweepDone:
    return SweepDone(seed, 2, 9, first, losses, tuple(loss / 10 for loss in losses))


def test_sweeps_are_kept_apart_by_seed() -> None:
    history = History.of([sweep(0, 0, 1.0, 2.0), sweep(0, 2, 3.0), sweep(1, 0, 4.0), RatesFound("Found.")])
    assert [held.losses for held in history.sweeps] == [[1.0, 2.0, 3.0], [4.0]]
    assert history.sweeps[0].learning_rates == [0.1, 0.2, 0.3]
    assert (history.sweeps[1].steps, history.sweeps[1].seeds) == (9, 2)
    assert history.found == RatesFound("Found.")
    assert history.steps_done == 0


def test_a_range_test_that_was_interrupted_begins_anew() -> None:
    history = History.of([sweep(0, 0, 9.0), sweep(1, 0, 9.0), sweep(0, 0, 1.0), sweep(0, 1, 2.0)])
    assert [held.losses for held in history.sweeps] == [[1.0, 2.0]]


# --- what a range test says ---------------------------------------------------------------------------------------


def test_a_sweep_that_exploded_comes_back_from_its_line() -> None:
    event = SweepDone(2, 3, 100, 97, (0.5, math.inf), (1.0, 2.0))
    assert from_line(to_line(event)) == event


def test_a_range_test_interrupted_in_its_second_seed_forgets_both() -> None:
    found = RatesFound("Found.", 0.1, 0.2, 0.3, (("tenth", 0.03, 0.02, 0.05),))
    again = [sweep(0, 0, 1.0), sweep(0, 1, 2.0), sweep(1, 0, 3.0), sweep(1, 1, 4.0)]
    history = History.of([sweep(0, 0, 9.0, 9.0, 9.0), sweep(1, 0, 9.0, 9.0), *again, found])
    assert [held.losses for held in history.sweeps] == [[1.0, 2.0], [3.0, 4.0]]
    assert [held.learning_rates for held in history.sweeps] == [[0.1, 0.2], [0.3, 0.4]]
    assert history.found == found


def test_a_training_taken_up_again_keeps_what_its_range_test_found() -> None:
    found = RatesFound("Found.", 0.1, 0.2, 0.3)
    history = History.of([sweep(0, 0, 1.0), found, STARTED, steps(0, 1.0), STARTED, steps(0, 2.0)])
    assert history.found == found
    assert [held.losses for held in history.sweeps] == [[1.0]]
    assert history.step_frame()["loss"].tolist() == [2.0]


def test_the_single_rate_is_a_tenth_of_the_minimum() -> None:
    found = EVENTS[6]
    assert isinstance(found, RatesFound)
    assert found.learning_rate == 0.03
    assert found.origin == "Range test, least loss at 0.3. Three seeds agree."
    nothing = EVENTS[7]
    assert isinstance(nothing, RatesFound)
    assert nothing.learning_rate is None
    assert nothing.origin == ""


def test_what_takes_long_before_training_is_known_until_the_data_are_there() -> None:
    history = History.of([Preparing("Reading", 0.1), Preparing("Reading", 0.6)])
    assert history.preparing == Preparing("Reading", 0.6)
    history.add(DataPrepared(train=6, validation=2, test=2, inputs=3, notes=()))
    assert history.preparing is None


def test_rates_of_groups_are_columns_and_are_cut_back_like_losses() -> None:
    groups = ((0.1, 0.2), (0.3, 0.4), (0.5, 0.6))
    told = StepsDone(0, (1.0, 2.0), groups[2], 1.0, groups)
    history = History.of([STARTED, told, StepsDone(2, (3.0,), (0.7,), 1.0, ((0.7,), (0.8,), (0.9,)))])
    assert history.grouped
    assert history.step_frame()[["early", "middle", "head"]].to_numpy().tolist() == [
        [0.1, 0.3, 0.5],
        [0.2, 0.4, 0.6],
        [0.7, 0.8, 0.9],
    ]
    history.add(replace(STARTED, first_epoch=1))
    assert history.step_frame()["early"].tolist() == [0.1, 0.2]
    assert not History.of([STARTED, StepsDone(0, (1.0,), (0.1,), 1.0)]).grouped


def test_momentum_that_moves_is_a_column_and_is_cut_back_like_losses() -> None:
    history = History.of(
        [
            STARTED,
            StepsDone(0, (1.0, 2.0), (0.1, 0.2), 1.0, momenta=(0.95, 0.9)),
            StepsDone(2, (3.0,), (0.1,), 1.0, momenta=(0.85,)),
        ]
    )
    assert history.momentum_moves
    assert history.step_frame()["momentum"].tolist() == [0.95, 0.9, 0.85]
    history.add(replace(STARTED, first_epoch=1))
    assert history.step_frame()["momentum"].tolist() == [0.95, 0.9]
    still = History.of([STARTED, StepsDone(0, (1.0,), (0.1,), 1.0)])
    assert not still.momentum_moves
    assert "momentum" not in still.step_frame()


def test_a_line_with_too_few_momenta_is_no_event() -> None:
    line = to_line(StepsDone(0, (1.0, 2.0), (0.1, 0.2), 1.0, momenta=(0.95, 0.9)))
    assert from_line(line) == StepsDone(0, (1.0, 2.0), (0.1, 0.2), 1.0, momenta=(0.95, 0.9))
    with pytest.raises(ValueError, match="Not an event"):
        from_line(line.replace("0.95, ", ""))
    # As runs from before momentum could move have it.
    assert from_line(line.replace(', "momenta": [0.95, 0.9]', "")) == StepsDone(
        0, (1.0, 2.0), (0.1, 0.2), 1.0
    )


def test_what_batches_cost_untrained_belongs_to_their_seed() -> None:
    told: list[Event] = [
        sweep(0, 0, 1.0, 2.0),
        sweep(1, 0, 4.0, 5.0),
        UntrainedDone(1, 0, (6.0, 7.0)),
        UntrainedDone(0, 0, (8.0,)),
    ]
    told += [UntrainedDone(0, 1, (9.0,)), UntrainedDone(7, 0, (1.0,))]
    history = History.of(told)
    assert [one.untrained for one in history.sweeps] == [[8.0, 9.0], [6.0, 7.0]]


def test_only_shares_of_two_leave_several_networks(subtests: pytest.Subtests) -> None:
    cases: list[tuple[tuple[float, ...], bool]] = [
        ((0.5, 0.5, 0), True),
        ((0, 1, 0), False),
        ((1,), False),
        ((0, 0.9, 0.1), True),
    ]
    for shares, several in cases:
        with subtests.test(f"{shares!r}"):
            chosen = MembersChosen("", shares, (1,) * len(shares), (0.1,) * len(shares), (), (), 1)
            assert chosen.leaves_several == several
