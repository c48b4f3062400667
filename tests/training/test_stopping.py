"""Early stopping: Prechelt's criteria on curves drawn by hand, against a second implementation, and in real runs."""

import math
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_networks import RICH, Recorded, prepared, train, weights

from lrapp.export import script_stopping
from lrapp.settings import Criterion, EarlyStoppingSettings, RunSettings, TrainingSettings
from lrapp.training import stopping
from lrapp.training.checkpoints import TrainingState
from lrapp.training.stopping import Verdict

LOSSES = st.lists(st.integers(1, 40).map(lambda number: number / 8), min_size=1, max_size=30)


def test_the_generalization_loss_of_a_curve_drawn_by_hand() -> None:
    curve = [2.0, 1.6, 1.0, 1.02, 1.1, 0.8, 1.0]
    assert stopping.generalization_loss(curve) == pytest.approx([0, 0, 0, 2, 10, 0, 25])
    assert stopping.first_gl(curve, 1) == 4
    assert stopping.first_gl(curve, 5) == 5
    assert stopping.first_gl(curve, 20) == 7
    assert stopping.first_gl(curve, 25.1) is None


def test_the_progress_and_its_quotient_of_curves_drawn_by_hand() -> None:
    loss = [4.0, 2.0, 2.0, 1.0, 1.0, 0.5]
    found = stopping.progress(loss, 2)
    assert math.isnan(found[0])
    assert found[1:] == pytest.approx([500, 0, 500, 0, 500])
    val = [1.0, 1.0, 1.1, 1.5, 2.0, 2.5]
    # At the ends of strips: 0 / 500, 50 / 500, 150 / 500.
    assert stopping.first_pq(loss, val, 0.05, 2) == 4
    assert stopping.first_pq(loss, val, 0.1, 2) == 6
    assert stopping.first_pq(loss, val, 0.3, 2) is None


def test_a_training_loss_that_stands_still_makes_no_progress() -> None:
    assert stopping.first_pq([1, 1, 1, 1], [1, 1, 1, 1.01], 3, 2) == 4
    assert stopping.first_pq([1, 1, 1, 1], [1, 1, 1, 1], 3, 2) is None


def test_rises_in_a_row_of_a_curve_drawn_by_hand() -> None:
    #       strips of 2:  v         v         v         v         v
    curve = [9.0, 3.0, 9.0, 4.0, 0.0, 3.5, 0.0, 3.6, 0.0, 3.7]
    assert stopping.first_up(curve, 2, 1) == 4
    assert stopping.first_up(curve, 2, 2) == 10
    assert stopping.first_up(curve, 2, 3) is None


def test_patience_counts_epochs_or_cycles() -> None:
    curve = [1.0, 0.5, 0.6, 0.7, 0.55, 0.6, 0.7]
    assert stopping.first_patience(curve, 3) == 5
    # Cycles end after epochs 3 and 6; both after the best.
    assert stopping.first_patience(curve, 1, cycle_ends=(3, 6)) == 3
    assert stopping.first_patience(curve, 2, cycle_ends=(3, 6)) == 6
    assert stopping.first_patience(curve, 2, cycle_ends=()) is None


def by_definition(
    criterion: Criterion, loss: list[float], val: list[float], limit: float, k: int
) -> int | None:
    """The paper's sentences, one epoch after the other; times are counted from 1."""

    def rises(t: int, strips: int) -> bool:
        if t % k or t - k < 1 or not val[t - 1] > val[t - k - 1]:
            return False
        return strips == 1 or rises(t - k, strips - 1)

    for t in range(1, len(val) + 1):
        rise = 100 * (val[t - 1] / min(val[:t]) - 1)
        if criterion == "GL" and rise > limit:
            return t
        if criterion == "PQ" and t % k == 0:
            strip = loss[t - k : t]
            pace = 1000 * (sum(strip) / (k * min(strip)) - 1)
            if (rise / pace > limit) if pace else rise > 0:
                return t
        if criterion == "UP" and rises(t, int(limit)):
            return t
    return None


@given(LOSSES, LOSSES, st.integers(2, 4), st.integers(1, 3))
def test_the_criteria_are_those_of_the_paper(loss: list[float], val: list[float], k: int, limit: int) -> None:
    size = min(len(loss), len(val))
    loss, val = loss[:size], val[:size]
    # No quotient of eighths is as near to these as rounding is.
    assert stopping.first_gl(val, limit + 0.123) == by_definition("GL", loss, val, limit + 0.123, k)
    assert stopping.first_pq(loss, val, limit / 7.123, k) == by_definition("PQ", loss, val, limit / 7.123, k)
    assert stopping.first_up(val, k, limit) == by_definition("UP", loss, val, limit, k)


@given(LOSSES, LOSSES, st.sampled_from(["GL", "PQ", "UP"]), st.integers(2, 4), st.integers(1, 3))
def test_the_script_ends_where_the_app_does(
    loss: list[float], val: list[float], criterion: Criterion, k: int, limit: int
) -> None:
    chosen = EarlyStoppingSettings(
        criterion=criterion, strip=k, up_strips=limit, gl_alpha=limit + 0.123, pq_alpha=limit / 7.123
    )
    recipe: Any = SimpleNamespace(settings=SimpleNamespace(training=TrainingSettings(early_stopping=chosen)))
    names: dict[str, Any] = {
        "keras": SimpleNamespace(callbacks=SimpleNamespace(Callback=object)),
    }
    exec(script_stopping.criterion(recipe), names)
    callback = names["Criterion"]()
    callback.model = SimpleNamespace(stop_training=False)
    callback.on_train_begin()
    ended = None
    for epoch, (one, other) in enumerate(zip(loss, val, strict=False)):
        callback.on_epoch_end(epoch, {"loss": one, "val_loss": other})
        if callback.model.stop_training:
            ended = epoch + 1
            break
    size = min(len(loss), len(val))
    found = stopping.first_stop(chosen, loss[:size], val[:size])
    assert (None if found is None else found.epoch) == ended


@pytest.mark.parametrize(
    ("rows", "folds", "watched"), [(30, None, "val_loss"), (0, 3, "val_loss"), (0, None, "loss")]
)
@pytest.mark.parametrize("unit", ["epochs", "cycles"])
def test_the_script_watches_the_training_rows_where_none_validate(
    rows: int, folds: Any, watched: str, unit: Any
) -> None:
    chosen = TrainingSettings(early_stopping=EarlyStoppingSettings(patience_unit=unit))
    recipe: Any = SimpleNamespace(
        settings=RunSettings(training=chosen), prepared=replace(prepared(validation=rows), folds=folds)
    )
    code = "\n".join([script_stopping.criterion(recipe), *script_stopping.callbacks(recipe, 5)])
    assert set(re.findall(r'monitor="(\w+)"|logs\["(\w+)"\]', code)) <= {(watched, ""), ("", watched)}
    assert watched in code


@pytest.mark.parametrize("criterion", ["patience", "GL"])
def test_without_validation_rows_the_end_speaks_of_the_training_loss(criterion: Criterion) -> None:
    chosen = EarlyStoppingSettings(criterion=criterion, gl_alpha=0, patience=1)
    settings = TrainingSettings(batch_size=8, epochs=60, early_stopping=chosen)
    run = train(settings, prepared(validation=0), RICH, rate=0.5)
    assert run.ended.message.startswith("Ended early: the training loss ")


def test_verdicts_say_what_would_have_been_saved_and_what_it_would_have_cost() -> None:
    val = [1.0, 0.5, 0.504, 0.8, 0.4, 0.4]
    found = {
        verdict.name: verdict
        for verdict in stopping.verdicts([1.0] * 6, val, EarlyStoppingSettings(patience=2))
    }
    waits = found["patience, 2 epochs"]
    assert (waits.stop, waits.best_epoch) == (4, 2)
    assert list(found)[1:] == [
        *("GL 1", "GL 2", "GL 3", "GL 5", "PQ 0.5", "PQ 0.75", "PQ 1", "PQ 2", "PQ 3"),
        *("UP 2", "UP 3", "UP 4", "UP 6", "UP 8"),
    ]
    worst = found["GL 5"]
    assert (worst.stop, worst.best_epoch) == (4, 2)
    assert (worst.saved, worst.cost) == pytest.approx((1 / 3, 25))
    assert found["UP 2"] == Verdict("UP 2", None, 5, 0, 0)


def test_epochs_before_a_network_is_pruned_do_not_count() -> None:
    # The first two are better than all others, and rise from one to the other.
    val = [0.1, 0.2, 1.0, 0.5, 0.504, 0.8, 0.4, 0.4]
    settings = EarlyStoppingSettings(patience=2)

    found = {one.name: one for one in stopping.verdicts([1.0] * 8, val, settings, before=2)}

    assert (found["patience, 2 epochs"].stop, found["patience, 2 epochs"].best_epoch) == (6, 4)
    assert (found["GL 5"].saved, found["GL 5"].cost) == pytest.approx((2 / 8, 25))
    assert found["UP 2"] == Verdict("UP 2", None, 7, 0, 0)


# --- real runs -----------------------------------------------------------------------------------------------


def run_with(epochs: int = 40, **stopping_settings: Any) -> Recorded:
    chosen = EarlyStoppingSettings(**stopping_settings)
    return train(TrainingSettings(batch_size=8, epochs=epochs, early_stopping=chosen), prepared(), rate=0.05)


@pytest.mark.parametrize(
    ("criterion", "limit", "numbers"),
    [
        ("GL", 25, {"gl_alpha": 25}),
        ("PQ", 0.05, {"pq_alpha": 0.05, "strip": 4}),
        ("UP", 2, {"up_strips": 2, "strip": 4}),
    ],
)
def test_a_run_ends_where_its_recorded_losses_say(criterion: Criterion, limit: float, numbers: Any) -> None:
    run = run_with(criterion=criterion, **numbers)
    loss, val = ([getattr(epoch, name) for epoch in run.epochs] for name in ("loss", "val_loss"))
    assert run.ended.reason == "early_stopping"
    assert by_definition(criterion, loss, val, limit, 4) == len(run.epochs) == run.ended.epochs < 40
    assert run.ended.best_epoch == int(np.argmin(val)) + 1
    assert run.ended.message.startswith("Ended early: the validation loss ")


def test_a_target_ends_a_run_after_the_first_epoch_that_reaches_it() -> None:
    whole = run_with(enabled=False)
    wanted = sorted(epoch.val_metric for epoch in whole.epochs)[-5]
    first = next(epoch.epoch for epoch in whole.epochs if epoch.val_metric >= wanted)
    run = run_with(target="val_metric", target_value=wanted, patience=100)
    assert run.ended.epochs == first
    assert run.ended.reason == "early_stopping"
    assert "the target, a validation accuracy of" in run.ended.message
    losses = [epoch.loss for epoch in whole.epochs]
    run = run_with(target="loss", target_value=losses[6], patience=100)
    assert run.ended.epochs == next(place for place, loss in enumerate(losses, 1) if loss <= losses[6])


def test_a_resumed_run_stays_at_the_target_that_it_reached(tmp_path: Path) -> None:
    run = run_with(target="loss", target_value=100, patience=100)
    assert (run.ended.epochs, run.ended.cause) == (1, "target")
    run.states[-1].save(tmp_path / "state.npz")
    chosen = EarlyStoppingSettings(target="loss", target_value=100, patience=100)
    settings = TrainingSettings(batch_size=8, epochs=40, early_stopping=chosen)
    state = TrainingState.load(tmp_path / "state.npz")
    assert train(settings, prepared(), rate=0.05, state=state).ended == run.ended


def test_a_target_that_is_met_at_once_leaves_a_model_of_one_epoch() -> None:
    run = run_with(target="val_loss", target_value=100)
    assert run.ended.epochs == 1
    assert "was reached with" in run.ended.message


def test_a_time_limit_ends_a_run_and_counts_the_time_before_an_interruption() -> None:
    run = run_with(minutes=1e-9)
    assert (run.ended.reason, run.ended.cause, run.ended.epochs) == ("early_stopping", "time", 0)
    assert "the time limit" in run.ended.message
    first = run_with(epochs=2, enabled=False)
    chosen = EarlyStoppingSettings(minutes=first.states[-1].seconds / 60)
    settings = TrainingSettings(batch_size=8, epochs=9, early_stopping=chosen)
    resumed = train(settings, prepared(), rate=0.05, state=first.states[-1])
    assert resumed.ended.epochs == 2


@pytest.mark.parametrize("criterion", ["GL", "PQ", "UP"])
def test_a_resumed_run_ends_where_it_would_have_ended(criterion: Criterion, tmp_path: Path) -> None:
    chosen = EarlyStoppingSettings(criterion=criterion, gl_alpha=25, pq_alpha=0.05, strip=4, up_strips=2)
    settings = TrainingSettings(batch_size=8, epochs=40, early_stopping=chosen)
    whole = train(settings, prepared(), RICH, rate=0.05)
    first = train(settings, prepared(), RICH, rate=0.05, stop_after=5)
    assert first.ended.reason == "stopped"
    first.states[-1].save(tmp_path / "state.npz")
    resumed = train(settings, prepared(), RICH, rate=0.05, state=TrainingState.load(tmp_path / "state.npz"))
    assert resumed.ended == whole.ended
    assert resumed.figures == whole.figures[len(first.epochs) :]
    for one, two in zip(weights(resumed.model), weights(whole.model), strict=True):
        np.testing.assert_array_equal(one, two)
