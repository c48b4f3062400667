"""Momentum that is set before every step, against loops over NumPy arrays and networks that train alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from small_networks import INPUTS, PLAIN, RICH, Recorded, network, prepared, weights
from small_networks import train as train_plainly

from lrapp.networks import members, models
from lrapp.networks.moving_momentum import momentum_of
from lrapp.policies.momentum import CyclicalMomentum
from lrapp.policies.schedules import CLR
from lrapp.runs.events import History, StepsDone
from lrapp.settings import EarlyStoppingSettings, GroupSettings, TrainingSettings
from lrapp.training import trainer
from lrapp.training.checkpoints import TrainingState
from lrapp.training.loop import Loop, shuffled
from lrapp.training.members_loop import MembersLoop

ROWS, BATCH, STEPS = 50, 8, 7  # an epoch
POLICY = CLR(0.001, 0.02, step_size=5)
PLAN = POLICY.plan(3 * STEPS).astype(np.float32)
MOMENTA = CyclicalMomentum(POLICY, 0.2, 0.9).plan(3 * STEPS).astype(np.float32)
LATEST = EarlyStoppingSettings(enabled=False, restore_best=False)
SHORT = TrainingSettings(batch_size=BATCH, epochs=3, early_stopping=LATEST, xla="off", optimizer="sgd")
Update = Callable[[int, float, float, np.ndarray, dict[str, Any]], np.ndarray]


def changed(**more: Any) -> TrainingSettings:
    return SHORT.model_copy(update=more)


def sgd(step: int, rate: float, momentum: float, gradient: np.ndarray, kept: dict[str, Any]) -> np.ndarray:
    kept["v"] = momentum * kept.get("v", 0.0) - rate * gradient
    return kept["v"]


def nesterov(
    step: int, rate: float, momentum: float, gradient: np.ndarray, kept: dict[str, Any]
) -> np.ndarray:
    kept["v"] = momentum * kept.get("v", 0.0) - rate * gradient
    return momentum * kept["v"] - rate * gradient


def rmsprop(
    step: int, rate: float, momentum: float, gradient: np.ndarray, kept: dict[str, Any]
) -> np.ndarray:
    kept["s"] = 0.9 * kept.get("s", 0.0) + 0.1 * gradient**2
    kept["v"] = momentum * kept.get("v", 0.0) + rate * gradient / np.sqrt(kept["s"] + 1e-7)
    return -kept["v"]


def adam(step: int, rate: float, momentum: float, gradient: np.ndarray, kept: dict[str, Any]) -> np.ndarray:
    # The mean is corrected by the present beta_1 to the power of the step, as in PyTorch.
    kept["m"] = momentum * kept.get("m", 0.0) + (1 - momentum) * gradient
    kept["s"] = 0.999 * kept.get("s", 0.0) + 0.001 * gradient**2
    mean = kept["m"] / (1 - momentum ** (step + 1))
    # Keras's epsilon stands beside the root before that is corrected.
    return -rate * mean * np.sqrt(1 - 0.999 ** (step + 1)) / (np.sqrt(kept["s"]) + 1e-7)


OPTIMIZERS: list[tuple[TrainingSettings, Update]] = [
    (SHORT, sgd),
    (changed(nesterov=True), nesterov),
    (changed(optimizer="rmsprop"), rmsprop),
    (changed(optimizer="adam"), adam),
    (changed(optimizer="adamw", weight_decay=0.0), adam),
]


def in_numpy(update: Update) -> list[np.ndarray]:
    """The weights after an epoch, moved by a formula; Keras only gives the gradients."""
    model = network(PLAIN)
    loss, data, order = models.loss("binary"), prepared(rows=ROWS).train, shuffled(ROWS, 0, 0).numpy()
    kept: list[dict[str, Any]] = [{} for _ in model.trainable_variables]
    for step in range(STEPS):
        batch = order[step * BATCH : (step + 1) * BATCH]
        with tf.GradientTape() as tape:
            value = loss(data.y[batch, None], model(data.x[batch], training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        for variable, gradient, own in zip(model.trainable_variables, gradients, kept, strict=True):
            moved = update(
                step, float(PLAN[step]), float(MOMENTA[step]), np.asarray(gradient, np.float64), own
            )
            variable.assign(np.asarray(variable) + moved)
    return weights(model)


def an_epoch(settings: TrainingSettings, compiled: bool = False, owners: bool = False) -> tuple[Loop, Any]:
    model = network(PLAIN, training_settings=settings)
    loop = Loop(
        model, "binary", settings, models.owners(model, PLAIN) if owners else (), moving_momentum=True
    )
    data, order = loop.load(prepared(rows=ROWS).train), shuffled(ROWS, 0, 0)
    return loop, loop.run(data, order, 0, PLAN[:STEPS], compiled, momenta=MOMENTA[:STEPS])


@pytest.mark.parametrize(
    ("settings", "update", "compiled"),
    [(*each, False) for each in OPTIMIZERS] + [(*OPTIMIZERS[1], True), (*OPTIMIZERS[3], True)],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_each_optimizer_moves_as_its_formula_says(
    settings: TrainingSettings, update: Update, compiled: bool
) -> None:
    loop, steps = an_epoch(settings, compiled)
    assert steps.momenta.tolist() == MOMENTA[:STEPS].tolist()
    for ours, theirs in zip(weights(loop.model), in_numpy(update), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=2e-6)


@pytest.mark.parametrize(("settings", "update"), OPTIMIZERS, ids=lambda value: getattr(value, "__name__", ""))
def test_groups_with_rates_of_their_own_share_the_momentum(
    settings: TrainingSettings, update: Update
) -> None:
    plain, first = an_epoch(settings)
    loop, steps = an_epoch(settings, owners=True)
    assert steps.momenta.tolist() == first.momenta.tolist()
    assert steps.group_rates.shape == (STEPS, 3)
    for ours, theirs in zip(weights(loop.model), weights(plain.model), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize(
    ("settings", "update"), OPTIMIZERS[1:4], ids=lambda value: getattr(value, "__name__", "")
)
def test_mixed_precision_takes_the_momentum_too(
    settings: TrainingSettings, update: Update, precision: str
) -> None:
    loop, steps = an_epoch(settings.model_copy(update={"precision": precision}))
    assert steps.momenta.tolist() == MOMENTA[:STEPS].tolist()
    for ours, theirs, before in zip(
        weights(loop.model), in_numpy(update), weights(network(PLAIN)), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=0.1 * np.abs(theirs - before).max())


@pytest.mark.parametrize(
    "settings", [one for one, _ in OPTIMIZERS], ids=lambda s: f"{s.optimizer}-{s.nesterov}"
)
def test_a_momentum_that_stays_is_that_of_the_optimizer(settings: TrainingSettings) -> None:
    # What a range test does: it gives no momentum.
    moving, plain = (
        Loop(network(), "binary", settings, moving_momentum=True),
        Loop(network(), "binary", settings),
    )
    order = shuffled(ROWS, 0, 0)
    for loop in (moving, plain):
        steps = loop.run(loop.load(prepared(rows=ROWS).train), order, 0, PLAN[:STEPS])
        assert steps.momenta.tolist() == ([np.float32(0.9)] * STEPS if loop is moving else [])
    for ours, theirs in zip(weights(moving.model), weights(plain.model), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def run(
    settings: TrainingSettings, state: TrainingState | None = None, stop_after: int | None = None
) -> Recorded:
    """A run of one network or several, whose momentum moves."""
    if settings.members > 1:
        seeds = members.member_seeds(settings.seed, settings.members)
        model = members.stack(RICH, INPUTS, "binary", 2, seeds)
    else:
        model = network(RICH, training_settings=settings)
    owners = models.owners(model, RICH) if settings.groups.differ else ()
    loop = (MembersLoop if settings.members > 1 else Loop)(model, "binary", settings, owners, True)
    recorded = Recorded(model)
    trainer.train(
        *(model, prepared(), PLAN, settings),
        on_event=recorded.events.append,
        should_stop=lambda: stop_after is not None and len(recorded.epochs) >= stop_after,
        state=state,
        on_state=recorded.states.append,
        loop=loop,
        momenta=MOMENTA,
    )
    return recorded


@pytest.mark.parametrize(
    "settings",
    [
        changed(optimizer="adam"),
        changed(nesterov=True, groups=GroupSettings(early=0.5)),
        changed(members=2, optimizer="adam"),
        changed(members=2, nesterov=True, groups=GroupSettings(early=0.5)),
    ],
    ids=["one", "groups", "two", "two in groups"],
)
def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(settings: TrainingSettings) -> None:
    whole, first = run(settings), run(settings, stop_after=1)
    again = run(settings, state=first.states[-1])
    for ours, theirs in zip(weights(again.model), weights(whole.model), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    history = History.of([*first.events, *again.events])
    assert history.step_frame()["momentum"].tolist() == MOMENTA.tolist()
    assert history.step_frame()["learning_rate"].tolist() == pytest.approx(PLAN.tolist())


@pytest.mark.parametrize("compiled", [False, True])
def test_each_of_several_networks_moves_as_it_would_alone(compiled: bool) -> None:
    settings, order = changed(members=2, nesterov=True), shuffled(ROWS, 0, 0)
    seeds, factors = members.member_seeds(0, 2), (1.0, 0.5)
    model = members.stack(PLAIN, INPUTS, "binary", 2, seeds)
    loop = MembersLoop(model, "binary", settings, moving_momentum=True)
    loop.factors = factors
    momenta = MOMENTA[:STEPS]
    steps = loop.run(loop.load(prepared().train), order, 0, PLAN[:STEPS], compiled, momenta=momenta)
    assert steps.momenta.tolist() == momenta.tolist()
    for member, (seed, factor) in enumerate(zip(seeds, factors, strict=True)):
        alone = Loop(models.build(PLAIN, INPUTS, "binary", 2, seed), "binary", settings, moving_momentum=True)
        alone.run(alone.load(prepared().train), order, 0, PLAN[:STEPS] * np.float32(factor), momenta=momenta)
        picked = models.build(PLAIN, INPUTS, "binary", 2, seed)
        members.pick(model, picked, member)
        for ours, theirs in zip(weights(picked), weights(alone.model), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_without_it_nothing_is_changed() -> None:
    optimizer = models.optimizer(SHORT)
    assert type(optimizer).__module__.startswith("keras.")
    plain = train_plainly(SHORT)
    steps = [event for event in plain.events if isinstance(event, StepsDone)]
    assert all(event.momenta == () for event in steps)
    assert "momentum" not in History.of(plain.events).step_frame()
    assert not hasattr(optimizer, "momentum_now")


def test_the_momentum_of_a_scaled_optimizer_is_found() -> None:
    made = models.optimizer(changed(precision="mixed_float16"), moving_momentum=True)
    made.build(network().trainable_variables)
    assert momentum_of(made).shape == ()


def test_momenta_that_are_missing_are_a_mistake_of_the_caller(subtests: pytest.Subtests) -> None:
    for momenta in [None, MOMENTA[1:]]:
        with subtests.test(f"{momenta!r}"):
            loop = Loop(network(), "binary", SHORT, moving_momentum=True)
            with pytest.raises(ValueError, match="a momentum for each"):
                trainer.train(
                    *(loop.model, prepared(), PLAN, SHORT),
                    on_event=lambda event: None,
                    should_stop=lambda: False,
                    loop=loop,
                    momenta=momenta,
                )
