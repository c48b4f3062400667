from typing import Any, get_args

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_networks import PLAIN, RICH, network, prepared, train

from lrapp.networks import models
from lrapp.runs.events import StepsDone
from lrapp.settings import (
    FixedSettings,
    GroupSettings,
    LayerSettings,
    ModelSettings,
    PretrainedName,
    PretrainedStart,
    RunSettings,
    TrainingSettings,
)
from lrapp.settings.network import PRETRAINED
from lrapp.training import range_test
from lrapp.training.loop import Loop, shuffled

ROWS, BATCH, STEPS = 50, 8, 7
FACTORS = np.array([0.1, 0.5, 2.0], np.float32)
RATES = np.linspace(0.001, 0.02, STEPS).astype(np.float32)[:, None] * FACTORS
DIFFERENT = GroupSettings(early=0.1, middle=0.5, head=2.0)
OPTIMIZERS = [
    TrainingSettings(optimizer="sgd", momentum=0.0, batch_size=BATCH),
    TrainingSettings(optimizer="sgd", momentum=0.9, nesterov=True, batch_size=BATCH),
    TrainingSettings(optimizer="adam", batch_size=BATCH),
    TrainingSettings(optimizer="adamw", weight_decay=0.3, batch_size=BATCH),
    TrainingSettings(optimizer="rmsprop", momentum=0.5, batch_size=BATCH),
]
NORMALISED = ModelSettings(
    layers=(LayerSettings(units=6, batch_norm=True), LayerSettings(units=5, batch_norm=True))
)


def grouped_loop(layers: ModelSettings, settings: TrainingSettings) -> Loop:
    model = network(layers, training_settings=settings)
    return Loop(model, "binary", settings, models.owners(model, layers))


def run(loop: Loop, rates: Any = RATES, **more: Any) -> Any:
    return loop.run(loop.load(prepared(rows=ROWS).train), shuffled(ROWS, 0, 0), 0, rates, **more)


def three_optimizers(layers: ModelSettings, settings: TrainingSettings) -> list[Any]:
    """The weights that three of Keras's own optimizers leave, one for each group, each with its own rate."""
    model = network(layers, training_settings=settings)
    owners = models.owners(model, layers)
    parts = [
        [v for v, owner in zip(model.trainable_variables, owners, strict=True) if owner == group]
        for group in range(3)
    ]
    optimizers = [models.optimizer(settings) for _ in parts]
    loss, data, order = models.loss("binary"), prepared(rows=ROWS).train, shuffled(ROWS, 0, 0).numpy()
    for step in range(STEPS):
        batch = order[step * BATCH : (step + 1) * BATCH]
        with tf.GradientTape() as tape:
            value = loss(data.y[batch, None], model(data.x[batch], training=True))
            value = optimizers[0].scale_loss(value)
        gradients = tape.gradient(value, parts)
        for optimizer, part, gradient, rate in zip(optimizers, parts, gradients, RATES[step], strict=True):
            optimizer.learning_rate = float(rate)
            optimizer.apply(gradient, part)
    return [np.asarray(v) for v in model.variables]


@pytest.mark.parametrize(
    ("settings", "compiled"),
    [(settings, False) for settings in OPTIMIZERS] + [(OPTIMIZERS[3], True)],
    ids=lambda value: value if isinstance(value, bool) else f"{value.optimizer}-{value.momentum}",
)
def test_groups_move_as_under_an_optimizer_of_their_own(settings: TrainingSettings, compiled: bool) -> None:
    loop = grouped_loop(PLAIN, settings)
    steps = run(loop, compiled=compiled)
    np.testing.assert_array_equal(steps.group_rates, RATES)
    np.testing.assert_array_equal(steps.learning_rates, RATES[:, 2])
    for ours, theirs in zip(loop.model.variables, three_optimizers(PLAIN, settings), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_factors_of_one_change_nothing_bit_for_bit() -> None:
    settings = OPTIMIZERS[3]
    grouped, plain = grouped_loop(NORMALISED, settings), Loop(network(NORMALISED), "binary", settings)
    one = RATES[:, 2]
    assert run(grouped, one).losses.tolist() == run(plain, one).losses.tolist()
    for ours, theirs in zip(grouped.model.variables, plain.model.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_with_adam_a_factor_on_the_rate_is_not_one_on_the_gradient() -> None:
    settings = OPTIMIZERS[2]
    full, tenth = grouped_loop(PLAIN, settings), grouped_loop(PLAIN, settings)
    first = [np.asarray(v) for v in full.model.variables]
    rates = np.full((1, 3), 0.01, np.float32)
    run(full, rates)
    run(tenth, rates * np.array([0.1, 1, 1], np.float32))
    moved = np.asarray(full.model.variables[0]) - first[0]
    assert np.abs(moved).max() > 0.005
    # Adam's first step is as long as the rate, whatever the gradient.
    assert np.asarray(tenth.model.variables[0]) - first[0] == pytest.approx(moved / 10, rel=1e-2, abs=1e-7)


@pytest.mark.parametrize("settings", OPTIMIZERS, ids=lambda s: f"{s.optimizer}-{s.momentum}")
@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_groups_move_as_under_an_optimizer_of_their_own_in_mixed_precision(
    settings: TrainingSettings, precision: Any
) -> None:
    settings = settings.model_copy(update={"precision": precision})
    loop = grouped_loop(PLAIN, settings)
    before = [np.asarray(v) for v in loop.model.variables]
    np.testing.assert_array_equal(run(loop).group_rates, RATES)
    for old, ours, theirs in zip(
        before, loop.model.variables, three_optimizers(PLAIN, settings), strict=True
    ):
        # Half floats are rounded otherwise in a graph; a wrong rate would be another length altogether.
        scale = np.abs(theirs - old).max()
        np.testing.assert_allclose(ours, theirs, atol=0.05 * scale)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_groups_follow_their_rates_in_mixed_precision(precision: Any) -> None:
    settings = OPTIMIZERS[2].model_copy(update={"precision": precision})
    loop = grouped_loop(NORMALISED, settings)
    before = [np.asarray(v) for v in loop.model.trainable_variables]
    rates = np.tile(np.array([0.0, 1e-3, 1e-2], np.float32), (3, 1))
    steps = run(loop, rates)
    np.testing.assert_array_equal(steps.group_rates, rates)
    moved = [
        np.abs(np.asarray(v) - b).max() for v, b in zip(loop.model.trainable_variables, before, strict=True)
    ]
    by_group = [
        max(m for m, owner in zip(moved, loop.owners, strict=True) if owner == group) for group in range(3)
    ]
    assert by_group[0] == 0
    assert 1e-3 < by_group[1] < 4e-3
    assert 1e-2 < by_group[2] < 4e-2


@pytest.mark.parametrize("settings", OPTIMIZERS, ids=lambda s: f"{s.optimizer}-{s.momentum}")
def test_frozen_groups_do_not_move_at_all(settings: TrainingSettings) -> None:
    loop = grouped_loop(NORMALISED, settings)
    before = {v.path: np.asarray(v) for v in loop.model.variables}
    run(loop, RATES * np.array([0, 0, 1], np.float32), frozen=(True, True, False))
    changed = {v.path for v in loop.model.variables if not np.array_equal(v, before[v.path])}
    assert changed == {"output/kernel", "output/bias"}
    assert all(layer.trainable for layer in loop.model.layers), "as it was before"
    # What is frozen may learn afterwards.
    run(loop, RATES)
    assert all(not np.array_equal(v, before[v.path]) for v in loop.model.variables)


def test_frozen_normalisation_uses_its_averages_not_the_batch() -> None:
    settings = OPTIMIZERS[0]
    loop = grouped_loop(NORMALISED, settings)
    still = (True, True, False)
    losses = run(loop, np.zeros((STEPS, 3), np.float32), frozen=still).losses
    data, order = prepared(rows=ROWS).train, shuffled(ROWS, 0, 0).numpy()
    wanted = [
        float(models.loss("binary")(data.y[batch, None], loop.model(data.x[batch], training=False)))
        for batch in (order[step * BATCH : (step + 1) * BATCH] for step in range(STEPS))
    ]
    assert losses == pytest.approx(wanted, rel=1e-5)


def test_a_run_freezes_then_unfreezes_with_an_optimizer_that_starts_anew() -> None:
    settings = RunSettings(
        policy=FixedSettings(learning_rate=0.01),
        training=TrainingSettings(
            epochs=3, batch_size=BATCH, groups=GroupSettings(early=0.1, middle=0.5, frozen_epochs=1)
        ),
    )
    plan = settings.group_plan(ROWS)
    assert plan.shape == (21, 3)
    assert (plan[:7, :2] == 0).all()
    np.testing.assert_allclose(plan[7:], np.tile([0.001, 0.005, 0.01], (14, 1)))
    training = settings.training
    whole = train(training, loop=grouped_loop(NORMALISED, training), rate=plan)
    groups = [np.array(event.group_rates).T for event in whole.events if isinstance(event, StepsDone)]
    np.testing.assert_array_equal(np.concatenate(groups), plan.astype(np.float32))

    # From the first epoch's state, by hand: a fresh optimizer, and all groups learn.
    first = training.model_copy(update={"epochs": 1})
    state = train(first, loop=grouped_loop(NORMALISED, first), rate=plan[:7]).states[-1]
    loop = grouped_loop(NORMALISED, training)
    loop.restore(state.model)
    data, order = loop.load(prepared(rows=ROWS).train), shuffled(ROWS, training.seed, 1)
    again = loop.run(data, order, 0, plan[7:14].astype(np.float32))
    assert again.losses.tolist() == whole.losses[7:14]


def test_gradual_unfreezing_moves_the_head_then_the_middle_then_the_early_layers() -> None:
    groups = GroupSettings(early=0.1, middle=0.5, frozen_epochs=1, early_frozen_epochs=2)
    training = TrainingSettings(epochs=5, batch_size=BATCH, groups=groups)
    plan = RunSettings(policy=FixedSettings(learning_rate=0.01), training=training).group_plan(ROWS)
    golden = [(0, 0, 0.01), (0, 0.005, 0.01), (0, 0.005, 0.01), (0.001, 0.005, 0.01), (0.001, 0.005, 0.01)]
    np.testing.assert_allclose(plan, np.repeat(golden, 7, axis=0))
    ran = train(training, loop=grouped_loop(NORMALISED, training), rate=plan)
    used = [np.array(event.group_rates).T for event in ran.events if isinstance(event, StepsDone)]
    np.testing.assert_array_equal(np.concatenate(used), plan.astype(np.float32))

    # By hand, epoch after epoch: the optimizer starts anew where a group begins to move.
    loop = grouped_loop(NORMALISED, training)
    data = loop.load(prepared(rows=ROWS).train)
    losses: list[float] = []
    moved = []
    for epoch, frozen in enumerate([(True, True, False), *[(True, False, False)] * 2, *[()] * 2]):
        if epoch in (1, 3):
            loop.reset_optimizer()
        before = {v.path: np.asarray(v) for v in loop.model.variables}
        order, rates = shuffled(ROWS, training.seed, epoch), plan[7 * epoch : 7 * epoch + 7]
        losses += loop.run(data, order, 0, rates.astype(np.float32), frozen=frozen).losses.tolist()
        changed = [v.path for v in loop.model.variables if not np.array_equal(v, before[v.path])]
        moved.append({path.split("/")[0] for path in changed})
    assert ran.losses == losses
    # Batch normalisation moves, its averages too, with the layer that it follows.
    middle, early = {"dense_2", "batch_norm_2"}, {"dense_1", "batch_norm_1"}
    assert moved == [{"output"}, *[{"output"} | middle] * 2, *[{"output"} | middle | early] * 2]


@pytest.mark.parametrize(
    ("groups", "epochs", "sentence"),
    [
        (GroupSettings(), 5, ""),
        (GroupSettings(early=0.1), 5, ""),
        (GroupSettings(frozen_epochs=1), 2, "What learns: head alone in epoch 1; all layers in epoch 2."),
        (
            GroupSettings(frozen_epochs=1, early_frozen_epochs=2),
            8,
            "What learns: head alone in epoch 1; head and middle in epochs 2 to 3; all layers in epochs 4 to 8.",
        ),
        (
            GroupSettings(early_frozen_epochs=1),
            8,
            "What learns: head and middle in epoch 1; all layers in epochs 2 to 8.",
        ),
        (
            GroupSettings(frozen_epochs=3, early_frozen_epochs=5),
            8,
            "What learns: head alone in epochs 1 to 3; head and middle in epochs 4 to 8. Early layers stay frozen.",
        ),
        (
            GroupSettings(early=0, middle=0),
            8,
            "What learns: head alone in epochs 1 to 8. Middle and early layers stay frozen.",
        ),
        (
            GroupSettings(middle=0, frozen_epochs=2),
            3,
            "What learns: head alone in epochs 1 to 2; head and early in epoch 3. Middle layers stay frozen.",
        ),
    ],
)
def test_what_learns_when_is_said(groups: GroupSettings, epochs: int, sentence: str) -> None:
    assert groups.sentence(epochs) == sentence
    # And it is what the plan does.
    training = TrainingSettings(epochs=epochs, groups=groups)
    plan = RunSettings(policy=FixedSettings(learning_rate=0.01), training=training).group_plan(32)
    if sentence:
        assert sum("to" in part or "epoch" in part for part in sentence.split(";")) == len(
            np.unique(plan > 0, axis=0)
        )


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_resumed_run_with_frozen_epochs_goes_on_bit_for_bit(cut: int) -> None:
    groups = GroupSettings(early=0.1, frozen_epochs=1, early_frozen_epochs=1)
    training = TrainingSettings(epochs=4, batch_size=BATCH, groups=groups)
    plan = RunSettings(policy=FixedSettings(learning_rate=0.01), training=training).group_plan(ROWS)
    whole = train(training, loop=grouped_loop(NORMALISED, training), rate=plan)
    first = training.model_copy(update={"epochs": cut})
    state = train(first, loop=grouped_loop(NORMALISED, first), rate=plan[: 7 * cut]).states[-1]
    assert state.epochs == cut
    rest = train(training, loop=grouped_loop(NORMALISED, training), rate=plan, state=state)
    assert rest.losses == whole.losses[7 * cut :]


def test_all_groups_at_factor_zero_but_the_head_is_a_frozen_network() -> None:
    training = TrainingSettings(epochs=2, batch_size=BATCH, groups=GroupSettings(early=0, middle=0))
    plan = RunSettings(policy=FixedSettings(learning_rate=0.01), training=training).group_plan(ROWS)
    loop = grouped_loop(NORMALISED, training)
    before = {v.path: np.asarray(v) for v in loop.model.variables}
    train(training, loop=loop, rate=plan)
    changed = {v.path for v in loop.model.variables if not np.array_equal(v, before[v.path])}
    assert changed == {"output/kernel", "output/bias"}


def test_every_variable_has_the_group_of_its_row() -> None:
    layers = ModelSettings(
        layers=(
            LayerSettings(kind="conv", units=3, batch_norm=True),
            LayerSettings(kind="residual", units=4),
            LayerSettings(kind="conv", units=3),
            LayerSettings(units=5),
        )
    )
    model = models.build(layers, (8, 8, 1), "multi-class", 3)
    found = {
        v.path.split("/")[0]: owner
        for v, owner in zip(model.trainable_variables, models.owners(model, layers), strict=True)
    }
    assert found == {
        **dict.fromkeys(("conv_1", "batch_norm_1", "residual_2_1", "residual_2_2", "residual_2_3"), 0),
        "conv_3": 1,
        "dense_4": 2,
        "output": 2,
    }


@pytest.mark.parametrize("name", get_args(PretrainedName))
def test_a_pretrained_network_is_cut_in_halves(name: PretrainedName) -> None:
    size = PRETRAINED[name].least
    layers = ModelSettings(layers=(LayerSettings(units=5),), start=PretrainedStart(name=name, size=size))
    model = models.build(layers, (32, 32, 3), "binary")
    owners = models.owners(model, layers)
    assert owners == tuple(sorted(owners))
    paths = [v.path for v in model.trainable_variables]
    assert [path.split("/")[0] for path, owner in zip(paths, owners, strict=True) if owner == 2] == [
        *("dense_1", "dense_1", "output", "output")
    ]
    weighted = [layer for layer in model.get_layer("pretrained").layers if layer.trainable_variables]
    assert sum(owner == 0 for owner in owners) == sum(
        len(layer.trainable_variables) for layer in weighted[: -(-len(weighted) // 2)]
    )


def test_networks_without_groups_keep_keras_own_optimizer() -> None:
    assert type(models.optimizer(OPTIMIZERS[2])) is keras.optimizers.Adam


@pytest.mark.parametrize(
    ("without", "sentence"),
    [
        ((), "What learns: head alone in epoch 1; head and middle in epoch 2; all layers in epochs 3 to 8."),
        (("middle",), "What learns: head alone in epochs 1 to 2; all layers in epochs 3 to 8."),
        (("early", "middle"), ""),
    ],
)
def test_what_learns_is_said_of_groups_that_exist(without: tuple[str, ...], sentence: str) -> None:
    assert GroupSettings(frozen_epochs=1, early_frozen_epochs=1).sentence(8, without) == sentence
    stays = GroupSettings(early=0).sentence(8, without)
    assert ("Early layers stay frozen." in stays) == ("early" not in without)


# --- in a range test ----------------------------------------------------------------------------------------------


def test_what_stands_still_for_good_does_so_in_the_test_too() -> None:
    groups = GroupSettings(early=0, middle=0.5)
    training = TrainingSettings(optimizer="sgd", momentum=0.0, batch_size=16, epochs=3, groups=groups)
    model = network(RICH, training_settings=training)
    loop = Loop(model, "binary", training, models.owners(model, RICH))
    before = {variable.path: np.asarray(variable) for variable in model.variables}
    throwaway = range_test.Throwaway(loop, prepared(), groups.lasting_factors(3), lambda: False)
    assert sum(len(steps.losses) for steps in throwaway.steps(np.full(12, 0.01), training.seed)) == 12
    moved = {
        variable.path for variable in model.variables if (variable != before[variable.path]).numpy().any()
    }
    first = {variable.path for layer in model.layers[:3] for variable in layer.variables}
    assert any("moving_mean" in path for path in first)
    # Batch normalisation keeps its averages, as in training.
    assert not {path for path in moved & first if "seed" not in path}
    assert {variable.path for variable in model.layers[-1].variables} <= moved


@pytest.mark.parametrize(
    ("groups", "factors"),
    [
        (GroupSettings(), (1,)),
        (GroupSettings(early=0.1, head=2), (0.1, 1, 2)),
        (GroupSettings(early=0.1, frozen_epochs=2, early_frozen_epochs=1), (0, 1, 1)),
        (GroupSettings(frozen_epochs=3), (0, 0, 1)),
    ],
)
def test_the_test_freezes_what_the_run_never_moves(groups: GroupSettings, factors: tuple[float, ...]) -> None:
    assert groups.lasting_factors(3) == factors
    assert groups.frozen_for(3) == (factors[:2] == (0, 0))
