"""How a run ends: stopped, diverged, early, or with its best epoch."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_networks import PLAIN, network, prepared, train, weights

from lrapp.networks import models
from lrapp.settings import (
    EarlyStoppingSettings,
    TrainingSettings,
)
from lrapp.training import course
from lrapp.training.loop import Loop

NEVER = EarlyStoppingSettings(enabled=False)
LATEST = EarlyStoppingSettings(enabled=False, restore_best=False)
SHORT = TrainingSettings(batch_size=8, epochs=3, early_stopping=NEVER)
STEPS = 7  # an epoch of 50 rows


def with_chunks(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(course, "CHUNK_SECONDS", seconds)


# --- stopped -------------------------------------------------------------------------------------------------


def test_stopping_before_the_first_step_leaves_the_first_weights() -> None:
    run = train(SHORT, stop_after=1)
    assert [type(event).__name__ for event in run.events] == ["TrainingStarted", "TrainingEnded"]
    assert (run.ended.reason, run.ended.best_epoch, run.ended.epochs) == ("stopped", None, 0)
    assert run.ended.message == "Stopped after 0 of 3 epochs."
    assert run.states == []
    for one, two in zip(weights(run.model), weights(network()), strict=True):
        np.testing.assert_array_equal(one, two)


def test_stopping_inside_the_first_epoch_keeps_what_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    with_chunks(monkeypatch, 0.0)
    run = train(SHORT, stop_after=4)
    assert len(run.losses) == 3
    assert not np.array_equal(weights(run.model)[0], weights(network())[0])


def test_stopping_keeps_the_best_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    with_chunks(monkeypatch, 0.0)
    data = prepared()
    run = train(SHORT, data, stop_after=1 + 2 * (STEPS + 1) + 3)
    assert (run.ended.reason, run.ended.epochs) == ("stopped", 2)
    best = run.ended.best_epoch
    assert best is not None
    assert run.ended.message == (
        f"Stopped after 2 of 3 epochs. The model keeps the weights of epoch {best}, the best."
    )
    assert validation_loss(run.model, data) == pytest.approx(run.epochs[best - 1].val_loss, rel=1e-5)


def test_validation_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "CHUNK_SECONDS", 0.0)
    loop = Loop(network(), "binary", SHORT)
    loop.evaluation_rows = 10
    evaluated: list[int] = []
    evaluate = Loop.evaluate

    def spy(self: Loop, data: Any, first: int, count: int) -> Any:
        evaluated.append(count)
        return evaluate(self, data, first, count)

    monkeypatch.setattr(Loop, "evaluate", spy)
    run = train(SHORT, loop=loop, stop_after=1 + STEPS)
    assert evaluated == [1]
    assert (run.ended.reason, run.ended.epochs, run.epochs) == ("stopped", 0, [])


# --- diverged ------------------------------------------------------------------------------------------------


def test_an_infinite_loss_ends_the_run_with_the_best_weights() -> None:
    rates = np.full(21, 0.01)
    rates[16] = 1e25
    data = prepared("regression")
    settings = SHORT.model_copy(update={"optimizer": "sgd"})
    run = train(settings, data, rate=rates)
    assert (run.ended.reason, run.ended.epochs) == ("diverged", 2)
    best = run.ended.best_epoch
    assert best is not None
    assert run.ended.message == (
        "The loss became infinite at step 18 (learning rate 0.01): lower the learning rate. "
        f"The model keeps the weights of epoch {best}, the best."
    )
    assert len(run.losses) == 18
    assert np.isfinite(run.losses).tolist() == [True] * 17 + [False]
    assert validation_loss(run.model, data) == pytest.approx(run.epochs[best - 1].val_loss, rel=1e-5)


def test_without_a_finished_epoch_the_first_weights_come_back() -> None:
    settings = SHORT.model_copy(update={"optimizer": "sgd"})
    run = train(settings, prepared("regression"), rate=np.full(21, 1e30))
    assert (run.ended.reason, run.ended.best_epoch) == ("diverged", None)
    assert run.ended.message == (
        "The loss became infinite at step 2 (learning rate 1 × 10³⁰): lower the learning rate. "
        "The model is back at its initial weights."
    )
    for one, two in zip(weights(run.model), weights(network(PLAIN, "regression")), strict=True):
        np.testing.assert_array_equal(one, two)


def test_weights_that_overflow_in_an_epochs_last_step_are_noticed() -> None:
    rates = np.full(21, 0.01)
    rates[13] = np.inf
    settings = SHORT.model_copy(update={"optimizer": "sgd", "early_stopping": LATEST})
    run = train(settings, rate=rates)
    assert np.isfinite(run.losses).all()
    assert len(run.epochs) == 1
    assert run.ended.message == (
        "The weights became infinite at step 14 (learning rate inf): lower the learning rate. "
        "The model keeps the weights of epoch 1."
    )
    assert all(np.isfinite(value).all() for value in weights(run.model))


def test_an_infinite_validation_loss_is_noticed() -> None:
    data = prepared("regression")
    data.validation.y[3] = 1e30
    run = train(SHORT, data)
    assert run.ended.reason == "diverged"
    assert run.ended.message.startswith("The validation loss became infinite at step 7 (learning rate 0.05)")


# --- the best epoch and early stopping -----------------------------------------------------------------------


class Stub(keras.Model):
    """A model that only remembers whether it was told to stop."""

    stop_training = False


@given(
    # Exact in any precision, so that ties are ties for both.
    st.lists(st.integers(0, 8).map(lambda number: number / 8), min_size=1, max_size=25),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.125, 0.25]),
    st.booleans(),
)
def test_early_stopping_is_that_of_keras(
    series: list[float], patience: int, min_delta: float, upwards: bool
) -> None:
    theirs = keras.callbacks.EarlyStopping(
        "figure", mode="max" if upwards else "min", patience=patience, min_delta=min_delta
    )
    model = Stub()
    theirs.set_model(model)
    theirs.on_train_begin()
    ours = course.Best(EarlyStoppingSettings(patience=patience, min_delta=min_delta), upwards)
    for epoch, value in enumerate(series):
        theirs.on_epoch_end(epoch, {"figure": value})
        ours.take(epoch + 1, value)
        ours.judge([], [])
        assert ours.ended == model.stop_training
        assert ours.epoch == theirs.best_epoch + 1
        if model.stop_training:
            break


def test_a_run_ends_early_and_keeps_the_best_weights() -> None:
    settings = TrainingSettings(
        batch_size=8, epochs=60, early_stopping=EarlyStoppingSettings(patience=3, min_delta=0.001)
    )
    data = prepared()
    run = train(settings, data, rate=0.05)
    theirs = keras.callbacks.EarlyStopping("val_loss", patience=3, min_delta=0.001)
    model = Stub()
    theirs.set_model(model)
    theirs.on_train_begin()
    stopped = None
    for epoch in run.epochs:
        theirs.on_epoch_end(epoch.epoch - 1, {"val_loss": epoch.val_loss})
        if model.stop_training:
            stopped = epoch.epoch
            break
    assert stopped is not None
    assert run.ended.epochs == len(run.epochs) == stopped
    assert run.ended.best_epoch == theirs.best_epoch + 1
    assert run.ended.reason == "early_stopping"
    assert run.ended.message == (
        "Ended early: the validation loss has not improved for 3 epochs. "
        f"The model keeps the weights of epoch {run.ended.best_epoch}, the best."
    )
    best = run.epochs[theirs.best_epoch]
    assert validation_loss(run.model, data) == pytest.approx(best.val_loss, rel=1e-5)
    assert [epoch.best for epoch in run.epochs][theirs.best_epoch :] == [True, False, False, False]


@pytest.mark.parametrize(("task", "pick"), [("binary", max), ("regression", min)])
def test_watching_the_metric_looks_up_for_accuracy_and_down_for_errors(task: Any, pick: Any) -> None:
    watching = EarlyStoppingSettings(enabled=False, monitor="val_metric", min_delta=10.0)
    settings = TrainingSettings(batch_size=8, epochs=8, early_stopping=watching)
    run = train(settings, prepared(task))
    figures = [epoch.val_metric for epoch in run.epochs]
    # Not enabled: the minimum improvement does not count, nor does patience.
    assert run.ended.best_epoch == figures.index(pick(figures)) + 1
    assert run.ended.epochs == 8


def test_the_latest_weights_stay_where_that_is_wanted() -> None:
    data = prepared()
    settings = TrainingSettings(batch_size=8, epochs=12, early_stopping=LATEST)
    run = train(settings, data, rate=0.1)
    assert run.ended.best_epoch != 12
    assert run.ended.message == "All 12 epochs are done."
    assert validation_loss(run.model, data) == pytest.approx(run.epochs[-1].val_loss, rel=1e-5)


def validation_loss(model: Any, data: Any) -> float:
    """The loss on the validation rows as Keras sees it; networks without penalties."""
    part = data.validation
    return float(models.loss(data.task)(part.y[:, None], model(part.x)))
