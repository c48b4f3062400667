import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_networks import INPUTS, PLAIN, RICH, network, prepared, train, weights

from lrapp.errors import UserError
from lrapp.networks import models
from lrapp.policies.schedules import CLR
from lrapp.runs.events import EpochDone, StepsDone
from lrapp.settings import (
    EarlyStoppingSettings,
    LayerSettings,
    ModelSettings,
    Precision,
    TrainingSettings,
)
from lrapp.training import course, trainer, xla
from lrapp.training.checkpoints import TrainingState
from lrapp.training.loop import Loop

NEVER = EarlyStoppingSettings(enabled=False)
LATEST = EarlyStoppingSettings(enabled=False, restore_best=False)
SHORT = TrainingSettings(batch_size=8, epochs=3, early_stopping=NEVER)
STEPS = 7  # an epoch of 50 rows


def with_chunks(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(course, "CHUNK_SECONDS", seconds)


# --- what a run says -----------------------------------------------------------------------------------------


def test_a_run_tells_its_steps_and_epochs_in_order() -> None:
    run = train(SHORT)
    assert (run.started.steps_per_epoch, run.started.total_steps, run.started.epochs) == (STEPS, 21, 3)
    assert run.started.metric == "accuracy"
    assert run.started.parameters == 5 * 8 + 8 + 8 * 6 + 6 + 6 + 1
    done = 0
    for event in run.events[1:-1]:
        if isinstance(event, StepsDone):
            assert event.first_step == done
            done += len(event.losses)
        else:
            assert isinstance(event, EpochDone)
            assert event.step == done == STEPS * event.epoch
    assert run.ended.reason == "completed"
    assert run.ended.epochs == len(run.epochs) == 3


def test_recorded_rates_are_the_plan() -> None:
    plan = CLR(0.001, 0.1, step_size=5).plan(21)
    run = train(SHORT, rate=plan)
    assert run.learning_rates == plan.astype(np.float32).tolist()
    assert [epoch.learning_rate for epoch in run.epochs] == plan[6::7].astype(np.float32).tolist()


def test_the_first_chunk_is_one_step_so_that_a_point_shows_at_once() -> None:
    run = train(SHORT)
    assert isinstance(run.events[1], StepsDone)
    assert len(run.events[1].losses) == 1


def test_an_epochs_loss_is_the_mean_over_rows() -> None:
    run = train(SHORT)
    losses = np.array(run.losses).reshape(3, STEPS)
    rows = np.array([8, 8, 8, 8, 8, 8, 2])
    assert [epoch.loss for epoch in run.epochs] == pytest.approx((losses * rows).sum(axis=1) / 50)


def test_validation_figures_are_those_of_the_model_after_the_epoch() -> None:
    settings = SHORT.model_copy(update={"early_stopping": LATEST})
    data = prepared("regression", weighted=True, scale=10.0)
    run = train(settings, data, RICH)
    run.model.compile(loss=models.loss("regression"), metrics=["mae"])
    part = data.validation
    loss, error = run.model.evaluate(part.x, part.y[:, None], sample_weight=part.weight, verbose=0)
    assert run.epochs[-1].val_loss == pytest.approx(loss, rel=1e-5)
    assert run.epochs[-1].val_metric == pytest.approx(10 * error, rel=1e-5)
    assert run.started.metric == "mean absolute error"


def test_training_learns() -> None:
    run = train(TrainingSettings(batch_size=32, epochs=25), prepared(rows=400, validation=200), rate=0.01)
    assert run.epochs[-1].val_metric > 0.85
    assert run.epochs[-1].metric > 0.85


# --- the same numbers, whatever happens ----------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_two_runs_and_any_chunks_give_the_same_history(
    precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SHORT.model_copy(update={"precision": precision})
    first = train(settings, layers=RICH)
    keras.utils.set_random_seed(3)
    with_chunks(monkeypatch, 0.0)
    stepwise = train(settings, layers=RICH)
    assert all(len(event.losses) == 1 for event in stepwise.events if isinstance(event, StepsDone))
    with_chunks(monkeypatch, 1e9)
    whole = train(settings, layers=RICH)
    assert first.losses == stepwise.losses == whole.losses
    assert first.figures == stepwise.figures == whole.figures
    for one, two in zip(weights(first.model), weights(whole.model), strict=True):
        np.testing.assert_array_equal(one, two)
    assert run_dtype(first.model) == "float32"


def run_dtype(model: Any) -> str:
    return keras.backend.standardize_dtype(model(np.ones((2, INPUTS), np.float32)).dtype)


def test_a_fresh_process_gives_the_same_history() -> None:
    program = (
        "import json, sys; sys.path.insert(0, 'tests'); from small_networks import *\n"
        "from lrapp.settings import EarlyStoppingSettings\n"
        "never = EarlyStoppingSettings(enabled=False)\n"
        "run = train(TrainingSettings(batch_size=8, epochs=3, early_stopping=never), layers=RICH)\n"
        "print(json.dumps([run.losses, run.figures]))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    losses, figures = json.loads(done.stdout)
    here = train(SHORT, layers=RICH)
    assert here.losses == losses
    assert [list(epoch) for epoch in here.figures] == figures


def test_the_seed_changes_the_history() -> None:
    one, two = train(SHORT), train(SHORT.model_copy(update={"seed": 1}))
    assert one.losses != two.losses


def test_xla_takes_over_at_a_fixed_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "XLA_FROM_STEP", 10)
    settings = SHORT.model_copy(update={"xla": "on"})
    calls: list[tuple[int, int, bool]] = []
    run_steps = Loop.run

    def spy(self: Loop, data: Any, order: Any, first: int, rates: Any, compiled: bool, frozen: Any) -> Any:
        calls.append((first, len(rates), compiled))
        return run_steps(self, data, order, first, rates, compiled, frozen)

    monkeypatch.setattr(Loop, "run", spy)
    with_chunks(monkeypatch, 1e9)
    whole = train(settings)
    assert whole.started.compiled
    by_step = [compiled for _, count, compiled in calls for _ in range(count)]
    assert by_step == [False] * 10 + [True] * 11
    with_chunks(monkeypatch, 0.0)
    assert train(settings).losses == whole.losses
    plain = train(SHORT)
    assert not plain.started.compiled
    assert whole.losses[:10] == plain.losses[:10]
    assert whole.losses == pytest.approx(plain.losses, rel=1e-3)


@pytest.mark.parametrize(
    ("layers", "steps", "wanted"),
    [
        (ModelSettings(), 10_000, False),
        (ModelSettings(), 20_000, True),
        (ModelSettings(layers=(LayerSettings(units=64, dropout=0.1),)), 10**7, False),
        (ModelSettings(layers=(LayerSettings(units=512), LayerSettings(units=512))), 6_000, True),
        (ModelSettings(layers=(LayerSettings(units=2000), LayerSettings(units=2000))), 10**7, False),
        (ModelSettings(layers=(LayerSettings(units=8),) * 12), 10**7, False),
    ],
)
def test_xla_is_decided_by_settings_and_sizes(layers: ModelSettings, steps: int, wanted: bool) -> None:
    model = network(layers)
    assert xla.uses_xla(model, TrainingSettings(), steps) is wanted
    assert xla.uses_xla(model, TrainingSettings(xla="on"), 1)
    assert not xla.uses_xla(model, TrainingSettings(xla="off"), 10**9)


# --- interrupted and resumed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam"},
        {"optimizer": "sgd", "nesterov": True, "precision": "mixed_float16"},
        {"optimizer": "rmsprop", "xla": "on"},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())),
)
def test_a_resumed_run_goes_on_bit_for_bit(
    changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "XLA_FROM_STEP", 3)
    settings = SHORT.model_copy(update=changes | {"epochs": 4})
    rates = np.linspace(0.001, 0.05, 28)
    # Dropout through XLA takes seconds to compile and adds nothing here.
    layers = PLAIN if "xla" in changes else RICH
    whole = train(settings, layers=layers, rate=rates)
    with_chunks(monkeypatch, 0.0)
    # The start, two epochs of single steps, and two steps of the third.
    interrupted = train(settings, layers=layers, rate=rates, stop_after=1 + 2 * (STEPS + 1) + 2)
    assert interrupted.ended.reason == "stopped"
    assert interrupted.ended.epochs == 2
    path = tmp_path / "state.npz"
    interrupted.states[-1].save(path)
    with_chunks(monkeypatch, 1e9)
    resumed = train(settings, layers=layers, rate=rates, state=TrainingState.load(path))
    assert resumed.started.first_epoch == 2
    assert resumed.losses == whole.losses[2 * STEPS :]
    assert resumed.figures == whole.figures[2:]
    assert resumed.ended == whole.ended
    for one, two in zip(weights(resumed.model), weights(whole.model), strict=True):
        np.testing.assert_array_equal(one, two)


def test_resuming_a_finished_run_only_ends_it() -> None:
    whole = train(SHORT)
    again = train(SHORT, state=whole.states[-1])
    assert again.losses == []
    assert again.ended == whole.ended
    for one, two in zip(weights(again.model), weights(whole.model), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_state_of_another_network_is_refused() -> None:
    state = train(SHORT, layers=RICH).states[-1]
    with pytest.raises(UserError, match=r"belongs to another network or optimizer; start the run again"):
        train(SHORT, layers=PLAIN, state=state)


def test_states_are_handed_out_sparingly_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "STATE_SECONDS", 1e9)
    assert [state.epochs for state in train(SHORT).states] == [3]
    monkeypatch.setattr(course, "STATE_SECONDS", 0.0)
    assert train(SHORT).states[-1].epochs == 3


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
        "The loss became infinite at step 2 (learning rate 1e+30): lower the learning rate. "
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
        assert ours.patience_ended == model.stop_training
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


# --- small and wrong input -----------------------------------------------------------------------------------


def test_one_row_can_be_trained_on() -> None:
    run = train(SHORT, prepared(rows=1, validation=1), RICH)
    assert run.started.steps_per_epoch == 1
    assert run.ended.reason == "completed"


def test_a_batch_larger_than_the_table_is_the_whole_table() -> None:
    large = train(SHORT.model_copy(update={"batch_size": 1_000_000, "xla": "on"}))
    exact = train(SHORT.model_copy(update={"batch_size": 50}))
    assert large.losses == exact.losses
    assert len(large.losses) == 3
    assert not large.started.compiled


def test_without_validation_rows_the_training_loss_decides() -> None:
    run = train(SHORT, prepared(validation=0))
    assert all(np.isnan(epoch.val_loss) and np.isnan(epoch.val_metric) for epoch in run.epochs)
    losses = [epoch.loss for epoch in run.epochs]
    assert run.ended.best_epoch == losses.index(min(losses)) + 1


def test_a_plan_of_the_wrong_length_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match=r"a rate for each of 21 steps. Received: \(20,\)"):
        train(SHORT, rate=np.ones(20))


def test_a_loop_of_another_model_is_a_mistake_of_the_caller() -> None:
    loop = Loop(network(), "binary", SHORT)
    with pytest.raises(ValueError, match="made for the model"):
        trainer.train(
            network(),
            prepared(),
            np.ones(21),
            SHORT,
            on_event=lambda event: None,
            should_stop=lambda: False,
            loop=loop,
        )


def test_a_used_loop_serves_the_next_run_as_a_new_one_would() -> None:
    first = train(SHORT, layers=RICH)
    loop = Loop(network(RICH), "binary", SHORT)
    train(SHORT, loop=loop)
    loop.reset(SHORT.seed)
    again = train(SHORT, loop=loop)
    assert again.losses == first.losses
    assert again.figures == first.figures


def test_memory_that_runs_out_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    def exhausted(*_: Any, **__: Any) -> Any:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(Loop, "run", exhausted)
    with pytest.raises(UserError, match="make the layers narrower or the batch smaller"):
        train(SHORT)
