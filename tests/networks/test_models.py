import threading
from typing import Any, get_args

import keras
import numpy as np
import pytest
from small_networks import RICH, weights

from lrapp.networks import models
from lrapp.networks.memory_estimate import count_parameters
from lrapp.settings import (
    Activation,
    InitialWeights,
    LayerSettings,
    ModelSettings,
    Precision,
    Task,
    TrainingSettings,
)


def test_the_layers_come_in_their_order_with_names_of_their_own() -> None:
    model = models.build(RICH, 5, "multi-class", 3)
    assert [layer.name for layer in model.layers] == [
        "inputs",
        *("dense_1", "batch_norm_1", "activation_1", "dropout_1"),
        *("dense_2", "activation_2"),
        "output",
    ]
    assert model.input_shape == (None, 5)


def test_a_normalised_layer_has_no_bias_of_its_own() -> None:
    model = models.build(RICH, 5, "binary")
    assert not model.get_layer("dense_1").use_bias
    assert model.get_layer("dense_2").use_bias


@pytest.mark.parametrize(
    ("task", "classes", "width", "activation"),
    [("binary", 2, 1, "sigmoid"), ("multi-class", 4, 4, "softmax"), ("regression", 0, 1, "linear")],
)
def test_the_output_follows_from_the_task(task: Task, classes: int, width: int, activation: str) -> None:
    output = models.build(ModelSettings(), 3, task, classes).get_layer("output")
    assert (output.units, output.activation.__name__) == (width, activation)
    assert models.outputs(task, classes) == width


def test_no_layers_make_a_linear_model() -> None:
    model = models.build(ModelSettings(layers=()), 3, "regression")
    x = np.array([[1.0, 2.0, 3.0]], np.float32)
    kernel, bias = weights(model)
    assert np.asarray(model(x)) == pytest.approx(x @ kernel + bias)


@pytest.mark.parametrize("activation", get_args(Activation))
def test_every_activation_builds_and_starts_with_weights_of_the_size_it_needs(activation: Activation) -> None:
    settings = ModelSettings(layers=(LayerSettings(units=400, activation=activation),))
    kernel = weights(models.build(settings, 400, "binary"))[0]
    variance = {"relu": 2, "leaky_relu": 2, "elu": 2, "gelu": 2, "silu": 2}.get(activation, 1) / 400
    assert np.var(kernel) == pytest.approx(variance, rel=0.05)


@pytest.mark.parametrize(
    ("chosen", "variance", "bounded"),
    [
        ("glorot_uniform", 2 / (300 + 500), (6 / 800) ** 0.5),
        ("he_normal", 2 / 300, None),
        ("lecun_normal", 1 / 300, None),
    ],
)
@pytest.mark.parametrize("activation", ["relu", "tanh", "selu"])
def test_chosen_initial_weights_hold_for_every_activation(
    chosen: InitialWeights, variance: float, bounded: float | None, activation: Activation
) -> None:
    hidden = LayerSettings(units=500, activation=activation)
    settings = ModelSettings(layers=(hidden, hidden), initial_weights=chosen)
    model = models.build(settings, 300, "multi-class", 400, seed=3)
    kernel = weights(model)[0]
    assert np.var(kernel) == pytest.approx(variance, rel=0.05)
    if bounded is not None:
        assert 0.99 * bounded < np.abs(kernel).max() <= bounded
    output = weights(model)[-2]
    assert np.abs(output).max() <= (6 / 900) ** 0.5, "the output layer stays with Glorot"
    models.reset(model, 4)
    for one, two in zip(
        model.variables, models.build(settings, 300, "multi-class", 400, seed=4).variables, strict=True
    ):
        np.testing.assert_array_equal(one, two)


def test_the_seed_decides_everything_and_nothing_else_does() -> None:
    first = models.build(RICH, 5, "binary", seed=3)
    keras.utils.set_random_seed(99)
    same, other = models.build(RICH, 5, "binary", seed=3), models.build(RICH, 5, "binary", seed=4)
    for one, two in zip(first.variables, same.variables, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(weights(first)[0], weights(other)[0])
    x = np.ones((4, 5), np.float32)
    np.testing.assert_array_equal(first(x, training=True), same(x, training=True))


def test_no_two_layers_share_a_seed() -> None:
    twice = ModelSettings(layers=(LayerSettings(units=5, dropout=0.5), LayerSettings(units=5, dropout=0.5)))
    model = models.build(twice, 5, "binary")
    kernels = [np.asarray(model.get_layer(f"dense_{number}").kernel) for number in (1, 2)]
    states = [int(model.get_layer(f"dropout_{number}").seed_generator.state.numpy()[0]) for number in (1, 2)]
    assert not np.array_equal(kernels[0], kernels[1])
    assert states[0] != states[1]


def test_reset_equals_building_with_the_other_seed() -> None:
    model, wanted = models.build(RICH, 5, "binary", seed=3), models.build(RICH, 5, "binary", seed=8)
    model(np.ones((4, 5), np.float32), training=True)
    models.reset(model, 8)
    for one, two in zip(model.variables, wanted.variables, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_computes_hidden_layers_in_halves_and_answers_in_float32(
    precision: Precision,
) -> None:
    model = models.build(RICH, 5, "binary", precision=precision)
    assert model.get_layer("dense_1").compute_dtype == precision.removeprefix("mixed_")
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    assert keras.backend.standardize_dtype(model(np.ones((2, 5), np.float32)).dtype) == "float32"


def test_the_precision_holds_in_another_thread() -> None:
    found: list[Any] = []
    thread = threading.Thread(
        target=lambda: found.append(models.build(RICH, 5, "binary", precision="mixed_bfloat16"))
    )
    thread.start()
    thread.join()
    assert found[0].get_layer("dense_2").compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"


def test_penalties_are_those_of_the_settings() -> None:
    model = models.build(RICH, 5, "binary")
    kernel = np.asarray(model.get_layer("dense_2").kernel, np.float64)
    wanted = 1e-3 * np.abs(kernel).sum() + 1e-2 * np.square(kernel).sum()
    assert sum(float(loss) for loss in model.losses) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("task", get_args(Task))
def test_parameters_are_counted_without_building(task: Task) -> None:
    classes = {"binary": 2, "multi-class": 7, "regression": 0}[task]
    for settings in (RICH, ModelSettings(), ModelSettings(layers=())):
        model = models.build(settings, 13, task, classes)
        counted = count_parameters(settings, 13, models.outputs(task, classes))
        assert counted.total == model.count_params()
        assert counted.trainable == sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def test_optimizers_take_the_settings() -> None:
    sgd = models.optimizer(TrainingSettings(optimizer="sgd", momentum=0.7, nesterov=True))
    assert (sgd.momentum, sgd.nesterov) == (0.7, True)
    assert models.optimizer(TrainingSettings(optimizer="rmsprop", momentum=0.3)).momentum == 0.3
    assert models.optimizer(TrainingSettings(optimizer="adamw", weight_decay=0.2)).weight_decay == 0.2
    assert type(models.optimizer(TrainingSettings(optimizer="adam"))) is keras.optimizers.Adam


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_the_betas_move_a_weight_as_the_paper_says(optimizer: Any) -> None:
    settings = TrainingSettings(optimizer=optimizer, beta_1=0.7, beta_2=0.9, weight_decay=0.1)
    made = models.optimizer(settings)
    weight = keras.Variable(2.0)
    value, mean, square = 2.0, 0.0, 0.0
    made.build([weight])
    for step, slope in enumerate((0.3, -0.1, 0.5, 0.2), start=1):
        made.learning_rate.assign(0.01)
        made.apply([keras.ops.convert_to_tensor(slope)], [weight])
        value -= 0.01 * 0.1 * value if optimizer == "adamw" else 0.0
        mean, square = 0.7 * mean + 0.3 * slope, 0.9 * square + 0.1 * slope**2
        value -= 0.01 * (mean / (1 - 0.7**step)) / ((square / (1 - 0.9**step)) ** 0.5 + 1e-7)
        assert float(weight) == pytest.approx(value, rel=1e-5)


def test_only_float16_needs_its_loss_scaled() -> None:
    assert isinstance(
        models.optimizer(TrainingSettings(precision="mixed_float16")), keras.optimizers.LossScaleOptimizer
    )
    assert isinstance(models.optimizer(TrainingSettings(precision="mixed_bfloat16")), keras.optimizers.Adam)
