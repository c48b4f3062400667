from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from small_networks import CLASSES, INPUTS, PLAIN, RICH, network, prepared, weights

from lrapp.networks import models
from lrapp.preparation.log_target import LogTarget
from lrapp.settings import LayerSettings, ModelSettings, Task, TrainingSettings
from lrapp.training.loop import MOST_STEPS, Loop, loop_key, shuffled

# Seven batches of eight rows, the last of them short.
ROWS, BATCH, STEPS = 50, 8, 7
RATES = np.linspace(0.001, 0.05, STEPS).astype(np.float32)
# Penalties and batch normalisation, but no dropout, whose random numbers fit draws at other times.
UNDROPPED = ModelSettings(
    layers=(
        LayerSettings(units=8, batch_norm=True, l1=1e-3),
        LayerSettings(units=6, activation="tanh", l2=1e-2),
    )
)
OPTIMIZERS = [
    TrainingSettings(optimizer="sgd", momentum=0.0, batch_size=BATCH),
    TrainingSettings(optimizer="sgd", momentum=0.9, nesterov=True, batch_size=BATCH),
    TrainingSettings(optimizer="adam", batch_size=BATCH),
    TrainingSettings(optimizer="adamw", weight_decay=0.1, beta_1=0.8, beta_2=0.95, batch_size=BATCH),
    TrainingSettings(optimizer="rmsprop", momentum=0.5, batch_size=BATCH),
]


def keras_losses(
    layers: ModelSettings, task: Task, settings: TrainingSettings, weighted: bool
) -> tuple[list[float], Any]:
    """The losses that ``train_on_batch`` has on the same batches, and the model that it leaves."""
    data = prepared(task, ROWS, weighted=weighted).train
    model = models.build(layers, INPUTS, task, CLASSES[task])
    model.compile(models.optimizer(settings), models.loss(task))
    order = shuffled(ROWS, 0, 0).numpy()
    y = data.y if task == "multi-class" else data.y[:, None]
    losses = []
    for step, rate in enumerate(RATES):
        model.optimizer.learning_rate = float(rate)
        batch = order[step * BATCH : (step + 1) * BATCH]
        weight = None if data.weight is None else data.weight[batch]
        model.reset_metrics()
        losses.append(float(model.train_on_batch(data.x[batch], y[batch], sample_weight=weight)))
    return losses, model


@pytest.mark.parametrize("settings", OPTIMIZERS, ids=lambda s: f"{s.optimizer}-{s.momentum}")
def test_losses_and_weights_are_those_of_keras(settings: TrainingSettings) -> None:
    wanted, their_model = keras_losses(UNDROPPED, "binary", settings, weighted=False)
    loop = Loop(network(UNDROPPED), "binary", settings)
    steps = loop.run(loop.load(prepared(rows=ROWS).train), shuffled(ROWS, 0, 0), 0, RATES)
    assert steps.losses == pytest.approx(wanted, rel=2e-5)
    for ours, theirs in zip(weights(loop.model), weights(their_model), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize(
    ("task", "weighted"),
    [
        ("binary", True),
        ("multi-class", False),
        ("multi-class", True),
        ("regression", False),
        ("regression", True),
    ],
)
def test_losses_are_those_of_keras_in_every_task(task: Task, weighted: bool) -> None:
    wanted, _ = keras_losses(UNDROPPED, task, OPTIMIZERS[0], weighted)
    loop = Loop(network(UNDROPPED, task), task, OPTIMIZERS[0])
    data = loop.load(prepared(task, ROWS, weighted=weighted).train)
    assert loop.run(data, shuffled(ROWS, 0, 0), 0, RATES).losses == pytest.approx(wanted, rel=2e-5)


def test_xla_computes_the_same_losses_with_the_short_batch_at_the_end() -> None:
    wanted, their_model = keras_losses(UNDROPPED, "binary", OPTIMIZERS[1], weighted=True)
    loop = Loop(network(UNDROPPED), "binary", OPTIMIZERS[1])
    data = loop.load(prepared(rows=ROWS, weighted=True).train)
    steps = loop.run(data, shuffled(ROWS, 0, 0), 0, RATES, compiled=True)
    assert steps.losses == pytest.approx(wanted, rel=2e-5)
    assert steps.learning_rates.tolist() == RATES.tolist()
    for ours, theirs in zip(weights(loop.model), weights(their_model), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-5)


def test_recorded_rates_are_the_planned_ones() -> None:
    loop = Loop(network(), "binary", OPTIMIZERS[2])
    data, order = loop.load(prepared(rows=ROWS).train), shuffled(ROWS, 0, 0)
    assert loop.run(data, order, 0, RATES).learning_rates.tolist() == RATES.tolist()


@pytest.mark.parametrize("compiled", [False, True])
def test_how_steps_fall_into_calls_changes_nothing(compiled: bool) -> None:
    def run(*cuts: int) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        settings = OPTIMIZERS[2]
        loop = Loop(network(RICH), "binary", settings)
        data, order = loop.load(prepared(rows=ROWS).train), shuffled(ROWS, 0, 0)
        parts = [
            loop.run(data, order, first, RATES[first:end], compiled)
            for first, end in zip((0, *cuts), (*cuts, STEPS), strict=True)
        ]
        return np.concatenate([steps.losses for steps in parts]), weights(loop.model)

    whole, whole_weights = run()
    cut, cut_weights = run(1, 2, 5)
    assert whole.tolist() == cut.tolist()
    for one, two in zip(whole_weights, cut_weights, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_reset_loop_does_what_a_new_one_does_and_traces_nothing() -> None:
    settings = TrainingSettings(batch_size=BATCH, precision="mixed_float16", seed=5)
    data = prepared(rows=ROWS)
    used = Loop(network(RICH, "binary", settings.model_copy(update={"seed": 9})), "binary", settings)
    used.run(used.load(data.train), shuffled(ROWS, 0, 0), 0, RATES)
    functions = dict(used._functions)
    used.reset(5)
    new = Loop(network(RICH, training_settings=settings), "binary", settings)
    again, fresh = (
        loop.run(loop.load(data.train), shuffled(ROWS, 5, 0), 0, RATES).losses.tolist()
        for loop in (used, new)
    )
    assert again == fresh
    assert used._functions == functions


def test_tables_of_other_sizes_need_no_other_trace() -> None:
    loop = Loop(network(), "binary", OPTIMIZERS[0])
    for rows in (50, 31, 8, 3):
        loop.run(loop.load(prepared(rows=rows).train), shuffled(rows, 0, 0), 0, RATES[:1])
    assert len(loop._functions) == 1


@pytest.mark.parametrize("compiled", [False, True])
def test_a_loss_that_is_not_finite_ends_the_call(compiled: bool) -> None:
    loop = Loop(network(PLAIN, "regression"), "regression", OPTIMIZERS[0])
    data, order = loop.load(prepared("regression", ROWS).train), shuffled(ROWS, 0, 0)
    rates = np.array([0.1, 1e25, 0.1, 0.1, 0.1, 0.1, 0.1], np.float32)
    steps = loop.run(data, order, 0, rates, compiled)
    assert np.isfinite(steps.losses).tolist() == [True, True, False]
    assert len(steps.metrics) == len(steps.learning_rates) == 3


@pytest.mark.parametrize("task", ["binary", "multi-class", "regression"])
def test_metrics_are_sums_over_the_rows_of_each_batch(task: Task) -> None:
    loop = Loop(network(PLAIN, task), task, OPTIMIZERS[0])
    part = prepared(task, ROWS, weighted=True).train
    order = shuffled(ROWS, 0, 0).numpy()
    answers = np.asarray(loop.model(part.x))
    measured = loop.run(loop.load(part), tf.constant(order), 0, np.zeros(STEPS, np.float32)).metrics
    if task == "binary":
        figures = (answers[:, 0] > 0.5) == (part.y == 1)
    elif task == "multi-class":
        figures = answers.argmax(axis=1) == part.y
    else:
        figures = np.abs(answers[:, 0] - part.y)
    wanted = [figures[order[start : start + BATCH]].sum() for start in range(0, ROWS, BATCH)]
    assert measured == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("task", ["binary", "multi-class", "regression"])
def test_evaluation_is_that_of_keras(task: Task) -> None:
    loop = Loop(network(UNDROPPED, task), task, OPTIMIZERS[0])
    part = prepared(task, ROWS, weighted=True).train
    loop.evaluation_rows = 16
    data = loop.load(part)
    assert loop.evaluation_batches(data) == 4
    whole = loop.evaluate(data, 0, 4)
    pieces = np.concatenate([loop.evaluate(data, 0, 1), loop.evaluate(data, 1, 2), loop.evaluate(data, 3, 1)])
    assert whole.tolist() == pieces.tolist()

    metric = {"binary": "accuracy", "multi-class": "accuracy", "regression": "mae"}[task]
    model = models.build(UNDROPPED, INPUTS, task, CLASSES[task])
    model.compile(loss=models.loss(task), metrics=[metric])
    y = part.y if task == "multi-class" else part.y[:, None]
    loss, figure = model.evaluate(part.x, y, sample_weight=part.weight, verbose=0)
    ours = whole.sum(axis=0) / ROWS
    assert ours[0] + loop.snapshot().penalty == pytest.approx(loss, rel=1e-5)
    assert ours[1] == pytest.approx(figure, rel=1e-5)


def test_a_snapshot_keeps_its_values_while_training_goes_on() -> None:
    loop = Loop(network(RICH), "binary", OPTIMIZERS[2])
    data, order = loop.load(prepared(rows=ROWS).train), shuffled(ROWS, 0, 0)
    before = loop.snapshot()
    copies = [value.numpy().copy() for value in (*before.model, *before.optimizer)]
    first = loop.run(data, order, 0, RATES).losses
    assert not np.array_equal(before.model[0], weights(loop.model)[0])
    for value, copy in zip((*before.model, *before.optimizer), copies, strict=True):
        np.testing.assert_array_equal(value, copy)
    loop.restore(before.model, before.optimizer)
    assert loop.run(data, order, 0, RATES).losses.tolist() == first.tolist()


def test_a_snapshot_tells_whether_weights_are_finite() -> None:
    loop = Loop(network(), "binary", OPTIMIZERS[0])
    assert loop.snapshot().finite
    bias = loop.model.get_layer("output").bias
    bias.assign(np.full(bias.shape, np.nan, np.float32))
    assert not loop.snapshot().finite


def test_shuffling_follows_from_seed_and_epoch_alone() -> None:
    np.random.seed(0)
    first = shuffled(10, 7, 3).numpy().tolist()
    np.random.seed(1)
    assert shuffled(10, 7, 3).numpy().tolist() == first
    assert sorted(first) == list(range(10))
    others = [shuffled(10, 7, 4), shuffled(10, 8, 3), shuffled(10, 3, 7)]
    assert all(other.numpy().tolist() != first for other in others)


def test_a_call_does_at_most_so_many_steps() -> None:
    loop = Loop(network(ModelSettings(layers=())), "binary", TrainingSettings(batch_size=1))
    rows = MOST_STEPS + 1
    data = loop.load(prepared(rows=rows).train)
    steps = loop.run(data, shuffled(rows, 0, 0), 1, np.full(MOST_STEPS, 1e-3, np.float32))
    assert len(steps.losses) == MOST_STEPS


def test_mixed_float16_skips_what_overflows_and_halves_its_scale() -> None:
    settings = TrainingSettings(precision="mixed_float16", batch_size=BATCH)
    loop = Loop(network(PLAIN, training_settings=settings), "binary", settings)
    assert loop.loss_scale == 2.0**15
    loop.optimizer.dynamic_scale.assign(2.0**40)
    before = weights(loop.model)
    data, order = loop.load(prepared(rows=ROWS).train), shuffled(ROWS, 0, 0)
    steps = loop.run(data, order, 0, RATES[:3])
    assert np.isfinite(steps.losses).all()
    assert loop.loss_scale == 2.0**37
    for one, two in zip(before, weights(loop.model), strict=True):
        np.testing.assert_array_equal(one, two)


def test_errors_of_logarithms_are_those_of_the_numbers() -> None:
    loop = Loop(network(PLAIN, "regression"), "regression", TrainingSettings(batch_size=BATCH))
    part = prepared("regression", rows=ROWS).train
    data = loop.load(part)
    plain = loop.evaluate(data, 0, 1)
    logarithm = LogTarget(7.0, 0.4, 0.9)
    loop.units.take(logarithm)
    answers = np.asarray(loop.model(part.x))[:, 0]
    expected = np.abs(logarithm.numbers(answers) - logarithm.numbers(part.y)).sum()
    assert loop.evaluate(data, 0, 1)[0] == pytest.approx([plain[0, 0], expected], rel=1e-5)
    loop.units.take(None)
    np.testing.assert_array_equal(loop.evaluate(data, 0, 1), plain)


def test_only_float16_has_a_loss_scale() -> None:
    assert Loop(network(), "binary", TrainingSettings()).loss_scale is None
    assert isinstance(Loop(network(), "binary", TrainingSettings()).optimizer, keras.optimizers.Adam)


def test_runs_that_differ_in_length_or_seed_may_share_a_loop() -> None:
    settings = TrainingSettings(optimizer="sgd", momentum=0.3, batch_size=7, seed=1, epochs=5, xla="on")
    assert loop_key(settings) == loop_key(settings.model_copy(update={"seed": 2, "epochs": 9, "xla": "off"}))
    assert hash(loop_key(settings)) == hash(loop_key(settings.model_copy(update={"seed": 2})))
    for change in (
        {"optimizer": "adam"},
        {"momentum": 0.4},
        {"beta_1": 0.8},
        {"beta_2": 0.95},
        {"batch_size": 8},
        {"precision": "mixed_bfloat16"},
    ):
        assert loop_key(settings) != loop_key(settings.model_copy(update=change))


def test_wide_networks_are_evaluated_in_smaller_batches() -> None:
    narrow = Loop(network(), "binary", TrainingSettings())
    wide = Loop(
        network(ModelSettings(layers=(LayerSettings(units=16_000),) * 1)), "binary", TrainingSettings()
    )
    deep = Loop(network(ModelSettings(layers=(LayerSettings(units=2000),) * 2)), "binary", TrainingSettings())
    assert narrow.evaluation_rows == 8192
    assert wide.evaluation_rows == 2**24 // 16_000
    assert deep.evaluation_rows == int(1e10 / (INPUTS * 2000 + 2000 * 2000 + 2000))
