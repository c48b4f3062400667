from typing import Any

import numpy as np
import pytest
from small_networks import CLASSES, INPUTS, PLAIN, RICH, Recorded, prepared, weights

from lrapp.networks import members, models, number_embeddings
from lrapp.policies.schedules import CLR
from lrapp.runs.events import EpochDone, History, StepsDone
from lrapp.settings import (
    EarlyStoppingSettings,
    GroupSettings,
    ModelSettings,
    NumberEmbedding,
    Optimizer,
    Task,
    TrainingSettings,
)
from lrapp.training import course, trainer
from lrapp.training.checkpoints import TrainingState
from lrapp.training.loop import Loop
from lrapp.training.members_loop import MembersLoop

K = 3
LATEST = EarlyStoppingSettings(enabled=False, restore_best=False)
SHORT = TrainingSettings(batch_size=8, epochs=3, early_stopping=LATEST, members=K, xla="off")
STEPS = 7  # an epoch of 50 rows
FACTORS = (0.5, 1.0, 2.0)
PLAN = CLR(0.001, 0.02, step_size=5).plan(STEPS * 3)


def rates(settings: TrainingSettings) -> np.ndarray:
    plan = CLR(0.001, 0.02, step_size=5).plan(STEPS * settings.epochs)
    if not settings.groups.differ:
        return plan
    made = plan[:, None] * np.array([settings.groups.early, settings.groups.middle, settings.groups.head])
    made[: STEPS * settings.groups.frozen_epochs, :2] = 0
    return made


def together(
    settings: TrainingSettings = SHORT,
    layers: ModelSettings = RICH,
    task: Task = "binary",
    factors: Any = FACTORS,
    plan: Any = None,
    stop_after: int | None = None,
    state: TrainingState | None = None,
    **more: Any,
) -> tuple[Recorded, MembersLoop]:
    seeds = members.member_seeds(settings.seed, settings.members)
    model = members.stack(layers, INPUTS, task, CLASSES[task], seeds, settings.precision)
    owners = models.owners(model, layers) if settings.groups.differ else ()
    number_embeddings.learn_bins(model, prepared(task).train.x)
    loop = MembersLoop(model, task, settings, owners)
    loop.factors = factors
    run = Recorded(model)

    def stop() -> bool:
        return stop_after is not None and len(run.epochs) >= stop_after

    trainer.train(
        model,
        prepared(task, **more),
        rates(settings) if plan is None else plan,
        settings,
        on_event=run.events.append,
        should_stop=stop,
        state=state,
        on_state=run.states.append,
        loop=loop,
    )
    return run, loop


def alone(
    member: int,
    settings: TrainingSettings,
    layers: ModelSettings,
    task: Task,
    factors: Any = FACTORS,
    plan: Any = None,
    **more: Any,
) -> Recorded:
    """The same network by itself: Keras's own layers, the loop of one network."""
    seed = members.member_seeds(settings.seed, settings.members)[member]
    model = models.build(layers, INPUTS, task, CLASSES[task], seed, settings.precision)
    owners = models.owners(model, layers) if settings.groups.differ else ()
    number_embeddings.learn_bins(model, prepared(task).train.x)
    one = settings.model_copy(update={"members": 1})
    run = Recorded(model)
    trainer.train(
        model,
        prepared(task, **more),
        np.float32(factors[member]) * (rates(settings) if plan is None else plan).astype(np.float32),
        one,
        on_event=run.events.append,
        should_stop=lambda: False,
        loop=Loop(model, task, one, owners),
    )
    return run


def member_weights(model: Any, layers: ModelSettings, task: Task) -> list[list[np.ndarray]]:
    """Those of each member, as its own network would have them."""
    ensemble = members.empty(layers, INPUTS, task, CLASSES[task], range(K))
    members.unstack(model, ensemble, [1 / K] * K)
    return [member.get_weights() for member in members.each(ensemble)]


@pytest.mark.parametrize("task", ["binary", "multi-class", "regression"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_each_of_many_is_the_network_that_it_would_be_alone(optimizer: Optimizer, task: Task) -> None:
    settings = SHORT.model_copy(update={"optimizer": optimizer, "nesterov": optimizer == "sgd"})
    run, _ = together(settings, task=task, weighted=True)
    for member, found in enumerate(member_weights(run.model, RICH, task)):
        single = alone(member, settings, RICH, task, weighted=True)
        for ours, theirs in zip(found, single.model.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
        for epoch, wanted in zip(run.epochs, single.epochs, strict=True):
            for name, values in zip(("loss", "val_loss", "metric", "val_metric"), epoch.members, strict=True):
                assert values[member] == pytest.approx(getattr(wanted, name), rel=1e-4, abs=1e-5), name


@pytest.mark.parametrize("task", ["binary", "multi-class"])
@pytest.mark.parametrize("embedding", ["none", "periodic", "bins"])
def test_embeddings_are_those_of_each(embedding: NumberEmbedding, task: Task) -> None:
    layers = RICH.model_copy(update={"number_embedding": embedding, "initial_weights": "glorot_uniform"})
    # Adam would make much of the last bits where a gradient is next to nothing, as in bins that few rows reach.
    settings = SHORT.model_copy(update={"optimizer": "sgd"})
    run, _ = together(settings, layers, task)
    for member, found in enumerate(member_weights(run.model, layers, task)):
        single = alone(member, settings, layers, task)
        for ours, theirs in zip(found, single.model.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("xla", ["on", "off"])
def test_groups_of_layers_follow_rates_of_their_own_in_each(
    xla: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "XLA_FROM_STEP", 5)
    groups = GroupSettings(early=0.1, middle=0.3, head=1.0, frozen_epochs=1)
    settings = SHORT.model_copy(update={"groups": groups, "xla": xla})
    layers = RICH if xla == "off" else PLAIN
    run, _ = together(settings, layers)
    for member, found in enumerate(member_weights(run.model, layers, "binary")):
        single = alone(member, settings, layers, "binary")
        for ours, theirs in zip(found, single.model.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_what_is_told_is_the_mean_and_each_member_and_the_plan() -> None:
    run, _ = together()
    assert run.started.parameters == K * (5 * 8 + 2 * 8 + 8 * 6 + 6 + 6 + 1)
    steps = [event for event in run.events if isinstance(event, StepsDone)]
    told = [rate for event in steps for rate in event.learning_rates]
    np.testing.assert_allclose(told, PLAN, rtol=1e-6)
    for epoch in run.epochs:
        assert epoch.val_loss == pytest.approx(np.mean(epoch.members[1]))
        assert len(epoch.ensemble) == 2
    history = History.of(run.events)
    assert len(history.member_frame()) == K * 3
    assert list(history.epoch_frame().columns)[:3] == ["epoch", "step", "loss"]


def test_the_figure_of_the_ensemble_is_that_of_the_mean_answer() -> None:
    run, _ = together(layers=PLAIN, task="regression", weighted=True)
    ensemble = members.empty(PLAIN, INPUTS, "regression", 0, range(K))
    members.unstack(run.model, ensemble, [1 / K] * K)
    part = prepared("regression", weighted=True).validation
    ensemble.compile(loss="mse", metrics=["mae"])
    loss, error = ensemble.evaluate(part.x, part.y[:, None], sample_weight=part.weight, verbose=0)
    assert run.epochs[-1].ensemble == pytest.approx((loss, error), rel=1e-5)


@pytest.mark.parametrize("best", [True, False])
def test_each_keeps_its_own_best_epoch_and_its_own_patience(best: bool) -> None:
    stopping = EarlyStoppingSettings(patience=2, restore_best=best)
    settings = SHORT.model_copy(update={"early_stopping": stopping, "epochs": 40})
    factors = (0.3, 3.0, 10.0)
    run, _ = together(settings, PLAIN, factors=factors)
    assert run.ended.reason == "early_stopping"
    singles = [alone(member, settings, PLAIN, "binary", factors=factors) for member in range(K)]
    assert len({single.ended.best_epoch for single in singles}) > 1, "or nothing is shown"
    ends = [single.ended.epochs for single in singles]
    assert run.ended.epochs == max(ends) > min(ends)
    first, _ = together(settings, PLAIN, factors=factors, stop_after=min(ends) + 1)
    rest, _ = together(settings, PLAIN, factors=factors, state=first.states[-1])
    assert rest.ended == run.ended
    for ours, theirs in zip(weights(rest.model), weights(run.model), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert list(run.ended.best_epochs) == ([single.ended.best_epoch for single in singles] if best else ends)
    for found, single in zip(member_weights(run.model, PLAIN, "binary"), singles, strict=True):
        for ours, theirs in zip(found, single.model.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_a_member_that_diverges_is_left_out_and_the_others_go_on_as_alone() -> None:
    settings = SHORT.model_copy(update={"optimizer": "sgd"})
    factors = (1.0, 1e9, 2.0)
    run, loop = together(settings, PLAIN, "regression", factors)
    assert loop.running.tolist() == [True, False, True]
    assert run.ended.reason == "completed"
    assert "1 network was left out" in run.ended.message
    assert all(np.isfinite([epoch.loss, epoch.val_loss, *epoch.ensemble]).all() for epoch in run.epochs)
    assert np.isnan(run.epochs[-1].members[1][1])
    found = member_weights(run.model, PLAIN, "regression")
    for member in (0, 2):
        single = alone(member, settings, PLAIN, "regression", factors)
        for ours, theirs in zip(found[member], single.model.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    ensemble = members.empty(PLAIN, INPUTS, "regression", 0, range(K))
    members.unstack(run.model, ensemble, [0.5, 0, 0.5])
    assert np.isfinite(ensemble(prepared("regression").validation.x)).all()


def test_where_all_diverge_the_run_ends_and_says_so() -> None:
    settings = SHORT.model_copy(update={"optimizer": "sgd"})
    run, _ = together(settings, PLAIN, "regression", (1e9, 1e9, 1e10))
    assert run.ended.reason == "diverged"
    assert "every network" in run.ended.message
    assert all(np.isfinite(value).all() for value in weights(run.model))


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_run_that_was_cut_off_goes_on_to_the_bit(precision: Any) -> None:
    settings = SHORT.model_copy(
        update={"epochs": 4, "precision": precision, "early_stopping": EarlyStoppingSettings(patience=3)}
    )
    whole, _ = together(settings)
    first, _ = together(settings, stop_after=2)
    rest, _ = together(settings, state=first.states[-1])
    assert [epoch.members for epoch in (*first.epochs, *rest.epochs)] == [e.members for e in whole.epochs]
    for ours, theirs in zip(weights(rest.model), weights(whole.model), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_state_comes_back_from_its_file(tmp_path: Any) -> None:
    run, _ = together(SHORT.model_copy(update={"optimizer": "sgd"}), PLAIN, "regression", (1.0, 1e9, 2.0))
    run.states[-1].save(tmp_path / "state.npz")
    read = TrainingState.load(tmp_path / "state.npz")
    assert read.members == run.states[-1].members or repr(read.members) == repr(run.states[-1].members)
    assert [member.running for member in read.members] == [True, False, True]


@pytest.mark.parametrize("rows", [0, 30])
def test_a_reset_loop_gives_what_a_new_one_gives(rows: int) -> None:
    run, loop = together(validation=rows)
    loop.reset(SHORT.seed)
    assert loop.factors.tolist() == [1.0] * K
    loop.factors = FACTORS
    again: list[Any] = []
    trainer.train(
        loop.model,
        prepared(validation=rows),
        PLAN,
        SHORT,
        on_event=again.append,
        should_stop=lambda: False,
        loop=loop,
    )
    assert [e.members[:1] for e in again if isinstance(e, EpochDone)] == [e.members[:1] for e in run.epochs]
