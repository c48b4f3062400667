"""Gradients against numerical ones: right ones pass, wrong ones are found, and nothing is changed by looking."""

import math
from typing import Any, get_args

import keras
import numpy as np
import pytest
import small_networks
import tensorflow as tf
from numpy.typing import NDArray

from lrapp.errors import UserError
from lrapp.networks import models
from lrapp.preparation.table_arrays import Split
from lrapp.settings import (
    GroupSettings,
    LayerSettings,
    ModelSettings,
    Precision,
    RunSettings,
    Task,
    TrainingSettings,
)
from lrapp.training import gradient_check
from lrapp.training.gradient_check import Copy, check
from lrapp.training.gradient_report import GradientReport
from lrapp.training.loop import Loop, shuffled

TASKS: tuple[Task, ...] = get_args(Task)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
SMALL_BATCH = TrainingSettings(batch_size=16)


def checked(
    model: ModelSettings = small_networks.PLAIN,
    task: Task = "binary",
    training: TrainingSettings = SMALL_BATCH,
    part: Split | None = None,
    network: Any = None,
) -> GradientReport:
    network = network or small_networks.network(model, task, training)
    return check(
        network, task, part or small_networks.part(task, 100, 1), RunSettings(model=model, training=training)
    )


def names(report: GradientReport, verdict: str) -> list[str]:
    return [layer.name for layer in report.layers if layer.verdict == verdict]


# --- right networks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("task", TASKS)
def test_a_right_network_passes(task: Task, precision: Precision) -> None:
    """With L1, L2, batch normalisation and dropout."""
    report = checked(small_networks.RICH, task, TrainingSettings(precision=precision))
    assert [layer.name for layer in report.layers] == [
        "Layer 1 (Dense)",
        "Layer 1 (Dense), batch norm",
        "Layer 2 (Dense)",
        "Output",
    ]
    assert report.right
    assert {layer.verdict for layer in report.layers} == {"agrees"}
    assert all(layer.agree == layer.checked for layer in report.layers)
    assert max(layer.error for layer in report.layers) < 1e-6
    # What is left of the gradient in a precision: its digits, give or take what adds up.
    digits = {"float32": 2.0**-24, "mixed_float16": 2.0**-11, "mixed_bfloat16": 2.0**-8}[precision]
    # Or what it moves to the other side of a kink.
    assert digits / 20 < report.lost < max(20 * digits, 0.05 if precision != "float32" else 0)
    assert not any(layer.vanished for layer in report.layers)
    assert report.between is not None
    assert report.between > 0.1, "other rows pull elsewhere"


def test_all_weights_of_small_variables_are_checked_and_some_of_large_ones() -> None:
    report = checked(ModelSettings(layers=(LayerSettings(units=100),)))
    first, output = report.layers
    assert (first.weights, first.checked) == (100 * small_networks.INPUTS + 100, 64)
    assert (output.weights, output.checked) == (101, 33)
    assert report.rows == 16
    assert report.precision == "float32"


def test_deep_networks_pass(subtests: pytest.Subtests) -> None:
    for activation in ["relu", "leaky_relu", "selu", "gelu", "tanh"]:
        with subtests.test(f"{activation!r}"):
            layers = tuple(LayerSettings(units=40, activation=activation, l1=1e-3) for _ in range(6))
            assert checked(ModelSettings(layers=layers), "regression").right


def test_values_that_rule_a_column_do_not_spoil_the_check() -> None:
    part = small_networks.part("regression", 50, 1)
    part.x[:, 2] *= 1e5
    assert checked(task="regression", part=part).right


def test_class_weights_count() -> None:
    weighted = small_networks.part("binary", 16, 1, weighted=True)
    assert weighted.weight is not None
    network = small_networks.network()
    report = checked(part=weighted, network=network)
    assert report.right
    answers = np.asarray(network(weighted.x))[:, 0].astype(np.float64)
    each = -np.where(weighted.y > 0.5, np.log(answers), np.log(1 - answers))
    assert report.loss == pytest.approx(np.mean(each * weighted.weight), rel=1e-6)
    assert report.loss != pytest.approx(np.mean(each), rel=1e-3)


def test_penalties_count() -> None:
    layers = (LayerSettings(units=8, activation="linear", l1=0.1, l2=0.01),)
    model = ModelSettings(layers=layers)
    network = small_networks.network(model)
    kernel = network.get_layer("dense_1").kernel.numpy().astype(np.float64)
    without = checked(ModelSettings(layers=(LayerSettings(units=8, activation="linear"),)))
    penalty = 0.1 * np.abs(kernel).sum() + 0.01 * np.square(kernel).sum()
    assert checked(model, network=network).loss == pytest.approx(without.loss + penalty, rel=1e-6)


# --- the gradient itself -------------------------------------------------------------------------------------


def test_a_linear_model_has_the_gradient_that_one_computes_by_hand() -> None:
    part = small_networks.part("regression", 20, 1, weighted=True)
    network = small_networks.network(ModelSettings(layers=()), "regression")
    kernel, bias = (value.astype(np.float64) for value in small_networks.weights(network))
    x, y = part.x.astype(np.float64), part.y.astype(np.float64)[:, None]
    assert part.weight is not None
    pull = 2 * part.weight[:, None] * (x @ kernel + bias - y) / len(x)
    for dtype, near in (("float64", 1e-12), (None, 1e-5)):
        copy = Copy(network, "regression", dtype)
        loss, (of_kernel, of_bias) = copy.gradients(copy.load(part, np.arange(20)))
        np.testing.assert_allclose(of_kernel, x.T @ pull, rtol=near, atol=near)
        np.testing.assert_allclose(of_bias, pull.sum(axis=0), rtol=near, atol=near)
        assert loss == pytest.approx(float((part.weight[:, None] * (x @ kernel + bias - y) ** 2).mean()))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("task", TASKS)
def test_training_moves_the_weights_by_this_gradient(task: Task, precision: Precision) -> None:
    layers = (
        LayerSettings(units=8, batch_norm=True, l2=1e-2),
        LayerSettings(units=6, activation="tanh", l1=1e-3),
    )
    training = TrainingSettings(optimizer="sgd", momentum=0, batch_size=24, precision=precision)
    network = small_networks.network(ModelSettings(layers=layers), task, training)
    part = small_networks.part(task, 24, 1, weighted=True)
    copy = Copy(network, task)
    _, gradients = copy.gradients(
        copy.load(part, np.arange(24)), 2.0**15 if precision == "mixed_float16" else 1.0
    )
    before = [variable.numpy() for variable in network.trainable_variables]
    loop = Loop(network, task, training)
    loop.run(loop.load(part), tf.range(24), 0, np.ones(1, np.float32))
    for was, variable, gradient in zip(before, network.trainable_variables, gradients, strict=True):
        near = {"float32": 2e-6, "mixed_float16": 1e-3, "mixed_bfloat16": 1e-2}[precision]
        np.testing.assert_allclose(was - variable.numpy(), gradient, atol=near)


def test_the_rows_are_the_first_of_the_first_batch() -> None:
    training = TrainingSettings(batch_size=8, seed=3)
    network = small_networks.network(training_settings=training)
    part = small_networks.part("binary", 50, 1)
    copy = Copy(network, "binary", "float64")
    loss, _ = copy.gradients(copy.load(part, shuffled(50, 3, 0).numpy()[:8]))
    assert checked(training=training, network=network, part=part).loss == loss


# --- wrong gradients -----------------------------------------------------------------------------------------


class _Bent(keras.layers.Dense):
    """A dense layer whose gradient is wrong: on its way to the layers before it, or for its own kernel only."""

    factor = 2.0
    own_only = False

    def call(self, inputs: Any) -> Any:
        @tf.custom_gradient
        def bent(x: Any) -> Any:
            return tf.identity(x), lambda upstream: upstream * self.factor

        if not self.own_only:
            return bent(super().call(inputs))
        kernel = bent(tf.convert_to_tensor(self.kernel))
        return self.activation(tf.matmul(inputs, kernel) + self.bias)


def bent(factor: float, own_only: bool, place: str = "dense_2") -> Any:
    kind = type("Bent", (_Bent,), {"factor": factor, "own_only": own_only})
    network = small_networks.network(THREE, "regression")

    def copied(layer: keras.layers.Layer) -> keras.layers.Layer:
        made: Any = kind if layer.name == place else type(layer)
        same: keras.layers.Layer = made.from_config(layer.get_config())
        return same

    copy = keras.models.clone_model(network, clone_function=copied)
    copy.set_weights(network.get_weights())
    return copy


THREE = ModelSettings(layers=tuple(LayerSettings(units=6, activation="tanh") for _ in range(3)))


@pytest.mark.parametrize("factor", [2.0, -1.0, 0.0, 0.99])
def test_a_wrong_gradient_is_found_and_named(factor: float) -> None:
    report = checked(THREE, "regression", network=bent(factor, own_only=True))
    assert names(report, "wrong") == ["Layer 2 (Dense)"]
    assert names(report, "agrees") == ["Layer 1 (Dense)", "Layer 3 (Dense)", "Output"]
    assert report.layers[1].worst == "kernel"
    assert report.sentence.startswith("Wrong gradients in Layer 2 (Dense): ")
    wanted = abs(factor - 1) / (abs(factor) + 1)
    assert report.layers[1].error == pytest.approx(wanted, rel=1e-3)


def test_a_mistake_on_the_way_back_spoils_what_lies_before_it() -> None:
    report = checked(THREE, "regression", network=bent(1.5, own_only=False))
    assert names(report, "wrong") == ["Layer 1 (Dense)", "Layer 2 (Dense)"]
    assert names(report, "agrees") == ["Layer 3 (Dense)", "Output"]


def test_a_gradient_that_is_a_little_wrong_is_suspicious() -> None:
    report = checked(THREE, "regression", network=bent(1 + 2e-4, own_only=True))
    assert names(report, "suspicious") == ["Layer 2 (Dense)"]
    assert names(report, "wrong") == []


def test_a_wrong_gradient_among_kinks_is_found() -> None:
    layers = tuple(LayerSettings(units=6, activation="relu", l1=0.1) for _ in range(3))
    network = bent(1.5, own_only=True)
    for layer in network.layers:
        if layer.name.startswith("activation"):
            layer.activation = keras.activations.relu
    assert "Layer 2 (Dense)" in names(checked(ModelSettings(layers=layers), network=network), "wrong")


# --- kinks ---------------------------------------------------------------------------------------------------


def test_a_weight_at_a_kink_is_counted_apart() -> None:
    """Rows of zeros and biases of zero: each relu stands at its kink, with nothing to the left of it."""
    part = small_networks.part("regression", 16, 1)
    part.x[:] = 0
    report = checked(ModelSettings(layers=(LayerSettings(units=8),)), "regression", part=part)
    first, output = report.layers
    assert (first.checked, first.kinks, first.agree) == (40, 8, 32)
    assert first.verdict == "zero"
    assert output.verdict == "agrees"
    assert report.right


def test_weights_that_l1_has_driven_to_zero_pass() -> None:
    model = ModelSettings(layers=(LayerSettings(units=4, activation="tanh", l1=0.5),))
    network = small_networks.network(model, "regression")
    kernel = network.get_layer("dense_1").kernel
    kernel.assign(kernel * np.resize([0.0, 1.0], kernel.shape))
    report = checked(model, "regression", network=network)
    assert report.right
    assert report.layers[0].agree == report.layers[0].checked


def test_a_kink_within_the_step_is_passed_by_with_a_smaller_one() -> None:
    model = ModelSettings(layers=(LayerSettings(units=1, activation="relu"),))
    network = small_networks.network(model, "regression")
    part = small_networks.part("regression", 16, 1)
    # One row stands half a step from the kink of the only unit, to its right.
    layer = network.get_layer("dense_1")
    nearest = float(part.x[5].astype(np.float64) @ layer.kernel.numpy().astype(np.float64)[:, 0])
    layer.bias.assign([0.0])
    part.x[5] *= gradient_check.STEP / 2 / nearest
    report = checked(model, "regression", part=part, network=network)
    assert report.right
    assert report.layers[0].kinks == 0


# --- what a precision loses ----------------------------------------------------------------------------------


def test_what_float16_cannot_hold_is_found() -> None:
    training = TrainingSettings(precision="mixed_float16", batch_size=16)
    network = small_networks.network(small_networks.PLAIN, "regression", training)
    kernel = network.get_layer("dense_2").kernel
    kernel.assign(kernel * 1e-9)
    report = checked(small_networks.PLAIN, "regression", training, network=network)
    first, second, _ = report.layers
    assert report.right, "the gradients themselves are"
    assert (first.lost, first.vanished) == (1.0, 1.0)
    assert second.lost < 0.01
    assert "most in Layer 1 (Dense) (100 %)" in report.about_precision


def test_a_gradient_that_overflows_at_first_is_taken_at_a_smaller_scale() -> None:
    training = TrainingSettings(precision="mixed_float16", batch_size=16)
    part = small_networks.part("regression", 50, 1)
    part.y[:] *= 1e3
    report = checked(small_networks.PLAIN, "regression", training, part=part)
    assert report.right
    assert report.lost < 0.01


def test_float16_that_overflows_for_good_is_told() -> None:
    training = TrainingSettings(precision="mixed_float16", batch_size=16)
    network = small_networks.network(small_networks.PLAIN, "regression", training)
    kernel = network.get_layer("dense_1").kernel
    kernel.assign(kernel * 1e6)
    report = checked(small_networks.PLAIN, "regression", training, network=network)
    assert math.isinf(report.lost)
    assert "is not finite, whatever the loss scale" in report.about_precision


# --- nothing changes -----------------------------------------------------------------------------------------


def test_the_network_is_left_as_it_is() -> None:
    network = small_networks.network(small_networks.RICH)
    before: list[NDArray[Any]] = [variable.numpy().copy() for variable in network.variables]
    policy = keras.config.dtype_policy().name
    first = checked(small_networks.RICH, network=network)
    for was, variable in zip(before, network.variables, strict=True):
        np.testing.assert_array_equal(was, variable.numpy())
    assert keras.config.dtype_policy().name == policy
    assert checked(small_networks.RICH, network=network) == first, "the same again, with the same sample"


# --- limits and notes ----------------------------------------------------------------------------------------


def test_it_tells_how_far_it_is() -> None:
    told: list[float] = []
    part = small_networks.part("binary", 50, 1)
    report = check(
        small_networks.network(), "binary", part, RunSettings(model=small_networks.PLAIN), told.append
    )
    assert len(told) == sum(layer.checked for layer in report.layers)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_frozen_layers_are_said_to_be_checked_too() -> None:
    training = TrainingSettings(groups=GroupSettings(frozen_epochs=1))
    assert any(note.startswith("Frozen layers") for note in checked(training=training).notes)
    assert checked().notes == ()


def test_a_loss_that_is_not_finite_has_no_gradient() -> None:
    network = small_networks.network()
    kernel = network.get_layer("dense_1").kernel
    kernel.assign(kernel * np.nan)
    with pytest.raises(UserError, match=r"^The loss of the rows is not a finite number"):
        checked(network=network)


def test_a_network_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradient_check, "MOST_WEIGHTS", 100)
    with pytest.raises(UserError, match=r"at most 100 weights.*Received: 109\."):
        checked()


CONVOLUTIONS = tuple(LayerSettings(kind="conv", units=64, size=5) for _ in range(4))


def test_a_check_that_would_take_minutes_is_refused() -> None:
    picture = Split(np.zeros((4, 224, 224, 3), np.uint8), np.zeros(4, np.int32), None, np.arange(4))
    model = ModelSettings(layers=(*CONVOLUTIONS, LayerSettings(kind="global_avg_pool")))
    network = models.build(model, (224, 224, 3), "multi-class", 3)
    with pytest.raises(UserError, match=r"would take about \d+ minutes"):
        check(network, "multi-class", picture, RunSettings(model=model))
