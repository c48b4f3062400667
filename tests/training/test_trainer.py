import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
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

    def spy(
        self: Loop, data: Any, order: Any, first: int, rates: Any, compiled: bool, frozen: Any, **more: Any
    ) -> Any:
        calls.append((first, len(rates), compiled))
        return run_steps(self, data, order, first, rates, compiled, frozen, **more)

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
