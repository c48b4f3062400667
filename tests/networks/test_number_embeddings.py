"""Embeddings of numbers, against sums over each number and frequency in plain Python."""

import math
from bisect import bisect_right
from pathlib import Path

import keras
import numpy as np
import pytest
from small_networks import RICH, prepared, train

from lrapp.networks import models, number_embeddings, shapes
from lrapp.networks.memory_estimate import count_parameters
from lrapp.networks.number_embeddings import BINS, LEARNED, WAVES, bins, learn_bins
from lrapp.prediction import plain_network
from lrapp.prediction.numpy_arithmetic import NumpyArithmetic
from lrapp.settings import GroupSettings, LayerSettings, ModelSettings, NumberEmbedding, TrainingSettings
from lrapp.training.loop import Loop
from lrapp.training.xla import uses_xla

KINDS: tuple[NumberEmbedding, ...] = ("periodic", "bins")
X = np.random.default_rng(0).normal(size=(70, 6)).astype(np.float32)
NUMBERS = 4


def built(kind: NumberEmbedding, seed: int = 0, numbers: int | None = NUMBERS) -> keras.Model:
    settings = ModelSettings(layers=(LayerSettings(units=5),), number_embedding=kind)
    network = models.build(settings, X.shape[1], "regression", seed=seed, numbers=numbers)
    learn_bins(network, X)
    return network


def embedded(network: keras.Model, x: np.ndarray) -> np.ndarray:
    return np.asarray(keras.Model(network.input, network.get_layer("embedding").output)(x))


def test_waves_are_those_of_the_paper() -> None:
    network = built("periodic")
    kernel, shift = (np.asarray(value) for value in network.get_layer("embedding_waves").get_weights())
    mixed, mixed_shift = (np.asarray(value) for value in network.get_layer("embedding_mixed").get_weights())
    found = embedded(network, X)
    assert found.shape == (70, 6 + LEARNED * NUMBERS)
    np.testing.assert_array_equal(found[:, :6], X)
    for row in range(3):
        for number in range(NUMBERS):
            for result in range(LEARNED):
                total = float(mixed_shift[result, number])
                for wave in range(WAVES):
                    phase = kernel[number, 0, wave] * X[row, number] + shift[wave, number]
                    total += mixed[number, wave, result] * math.cos(phase)
                assert found[row, 6 + result * NUMBERS + number] == pytest.approx(total, abs=1e-5)


def test_waves_start_with_the_spread_of_the_paper() -> None:
    settings = ModelSettings(layers=(), number_embedding="periodic")
    network = models.build(settings, 500, "regression")
    kernel, shift = network.get_layer("embedding_waves").get_weights()
    assert kernel.std() / (2 * math.pi) == pytest.approx(0.1, rel=0.03)
    assert shift.min() == pytest.approx(-math.pi, abs=0.01)
    assert shift.max() == pytest.approx(math.pi, abs=0.01)


def test_bins_hold_as_many_rows_each_and_say_how_much_of_them_lies_below() -> None:
    found = embedded(built("bins"), X)
    assert found.shape == (70, 6 + BINS * NUMBERS)
    for number in range(NUMBERS):
        edges = np.quantile(X[:, number], [share / BINS for share in range(BINS + 1)], method="nearest")
        for row in (0, 5, 33):
            value = float(X[row, number])
            place = min(bisect_right(edges.tolist(), value) - 1, BINS - 1)
            expected = [1.0] * place + [(value - edges[place]) / (edges[place + 1] - edges[place])]
            expected += [0.0] * (BINS - len(expected))
            got = [found[row, 6 + part * NUMBERS + number] for part in range(BINS)]
            assert got == pytest.approx(expected, abs=1e-4)


def test_a_number_with_few_values_has_fewer_bins_and_nothing_is_infinite() -> None:
    x = np.stack([np.arange(40) % 2, np.full(40, 7), np.arange(40) % 3], axis=1).astype(np.float32)
    factors, offsets = bins(x)
    assert np.isfinite(factors).all()
    assert [np.count_nonzero(row) for row in factors[:, 0]] == [1, 0, 2]
    found = np.clip(factors[:, 0].T * x[:, None] + offsets, 0, 1)
    assert found[:3, 0, 0].tolist() == [0, 1, 0]
    assert not found[:, :, 1].any()
    assert found[:3, :2, 2].tolist() == [[0, 0], [1, 0], [1, 1]]


@pytest.mark.parametrize("kind", KINDS)
def test_no_number_changes_the_embedding_of_another(kind: NumberEmbedding) -> None:
    network = built(kind)
    moved = X.copy()
    moved[:, 1] += 1
    changed = (embedded(network, X) != embedded(network, moved)).any(axis=0)
    assert set(np.flatnonzero(changed[6:]) % NUMBERS) == {1}
    assert changed[:6].tolist() == [False, True, *[False] * 4]


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_network_needs_no_code_of_ours(kind: NumberEmbedding, tmp_path: Path) -> None:
    network = built(kind)
    network.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(X), network(X))


@pytest.mark.parametrize("kind", KINDS)
def test_plain_arrays_answer_the_same(kind: NumberEmbedding) -> None:
    network = built(kind)
    answers = plain_network.answer(plain_network.learned(network), X, NumpyArithmetic())
    np.testing.assert_allclose(answers, network(X), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_reset_equals_building_with_the_other_seed_and_keeps_the_bins(kind: NumberEmbedding) -> None:
    network, wanted = built(kind, seed=3), built(kind, seed=8)
    models.reset(network, 8)
    for one, two in zip(network.variables, wanted.variables, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("numbers", [None, 0, 1, NUMBERS, 6])
def test_parameters_and_widths_are_known_without_building(kind: NumberEmbedding, numbers: int | None) -> None:
    settings = ModelSettings(layers=(LayerSettings(units=5, batch_norm=True),), number_embedding=kind)
    network = models.build(settings, 6, "multi-class", 3, numbers=numbers)
    counted = count_parameters(settings, 6, 3, numbers)
    assert counted.total == network.count_params()
    assert counted.trainable == sum(int(np.prod(v.shape)) for v in network.trainable_variables)
    before = shapes.before(settings, (6,), numbers)
    if numbers == 0:
        assert before is None
    else:
        assert before is not None
        assert before.output == network.get_layer("embedding").output.shape[1:]


def test_pictures_have_no_numbers_to_embed(subtests: pytest.Subtests) -> None:
    for kind in KINDS:
        with subtests.test(f"{kind!r}"):
            settings = ModelSettings(layers=(LayerSettings(units=5),), number_embedding=kind)
            assert not any(
                number_embeddings.is_part(layer.name)
                for layer in models.build(settings, (4, 4, 1), "binary").layers
            )


@pytest.mark.parametrize("layers", [(LayerSettings(units=5), LayerSettings(units=4)), ()])
def test_an_embedding_follows_the_rate_of_the_first_layers(layers: tuple[LayerSettings, ...]) -> None:
    settings = ModelSettings(layers=layers, number_embedding="periodic")
    network = models.build(settings, 6, "regression")
    owners = models.owners(network, settings)
    assert len(owners) == len(network.trainable_variables)
    assert owners == ((0,) * 4 + (0, 0, 1, 1, 2, 2) if layers else (2,) * 6)


@pytest.mark.parametrize("kind", KINDS)
def test_training_moves_what_is_learned_and_leaves_the_bins(kind: NumberEmbedding) -> None:
    layers = RICH.model_copy(update={"number_embedding": kind})
    settings = TrainingSettings(epochs=2, batch_size=8)
    network = models.build(layers, 5, "binary")
    learn_bins(network, prepared().train.x)
    names = [
        layer.name for layer in network.layers if layer.weights and number_embeddings.is_part(layer.name)
    ]
    before = {name: network.get_layer(name).get_weights() for name in names}
    recorded = train(settings, layers=layers, loop=Loop(network, "binary", settings))
    assert np.isfinite(recorded.losses).all()
    for name in names:
        moved = any(
            (a != b).any() for a, b in zip(before[name], network.get_layer(name).get_weights(), strict=True)
        )
        assert moved == (kind == "periodic")


@pytest.mark.parametrize("kind", KINDS)
def test_xla_gives_the_same_losses(kind: NumberEmbedding) -> None:
    layers = ModelSettings(number_embedding=kind)
    losses = []
    for xla in ("off", "on"):
        settings = TrainingSettings.model_validate({"epochs": 50, "batch_size": 8, "xla": xla})
        network = models.build(layers, 5, "binary")
        learn_bins(network, prepared().train.x)
        assert uses_xla(network, settings, 10_000) == (xla == "on")
        losses.append(
            train(settings, layers=layers, rate=0.001, loop=Loop(network, "binary", settings)).losses
        )
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_groups_with_rates_of_their_own_train_an_embedding() -> None:
    layers = ModelSettings(number_embedding="periodic")
    settings = TrainingSettings(epochs=1, batch_size=8, groups=GroupSettings(early=0.0))
    network = models.build(layers, 5, "binary")
    before = network.get_layer("embedding_mixed").get_weights()
    loop = Loop(network, "binary", settings, models.owners(network, layers))
    train(settings, layers=layers, rate=np.full((7, 3), [0.0, 0.01, 0.01]), loop=loop)
    np.testing.assert_array_equal(before[0], network.get_layer("embedding_mixed").get_weights()[0])
