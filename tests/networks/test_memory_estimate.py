import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lrapp.errors import UserError
from lrapp.networks import memory_estimate
from lrapp.networks.memory_estimate import Estimate, Parameters, count_parameters, estimate
from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.settings import (
    DataSettings,
    FixedSettings,
    GroupSettings,
    LayerSettings,
    ModelSettings,
    PretrainedName,
    PretrainedStart,
    RunSettings,
    TrainingSettings,
)
from lrapp.settings.base import checked

# The most memory, in MB, that a worker took for a whole run of 64 training pictures, and 700 others, at 96 pixels
# in batches of 16 with Adam, above what it took idle (AMD EPYC): with all layers learning, and with the head alone.
MEASURED: list[tuple[PretrainedName, bool, int]] = [
    ("EfficientNetB0", False, 823),
    ("EfficientNetB0", True, 473),
    ("ResNet50V2", False, 1712),
    ("ResNet50V2", True, 1115),
    ("InceptionV3", False, 1607),
    ("VGG16", False, 1158),
    ("VGG16", True, 725),
]


def run(*units: int, **training: Any) -> RunSettings:
    layers = tuple(LayerSettings(units=width) for width in units)
    return RunSettings(model=ModelSettings(layers=layers), training=TrainingSettings(**training))


# tests/test_models.py holds the counts against Keras's own.
def test_parameters_by_hand() -> None:
    assert count_parameters(ModelSettings(), 11, 1) == Parameters(2881, 2881)
    assert count_parameters(ModelSettings(layers=()), 11, 3) == Parameters(36, 36)
    normalised = ModelSettings(layers=(LayerSettings(units=10, batch_norm=True),))
    assert count_parameters(normalised, 4, 1) == Parameters(40 + 20 + 11, 40 + 40 + 11)


def test_memory_grows_with_weights_by_optimizer() -> None:
    count = count_parameters(run(8000, 8000).model, 100, 1).total
    by_optimizer = {
        name: estimate(run(8000, 8000, optimizer=name, momentum=0.9), 100, 1, 1000).memory_bytes / count / 4
        for name in ("sgd", "adam", "rmsprop")
    }
    # Five and a half copies of the weights, 2.2 of each slot, and little else.
    assert by_optimizer == pytest.approx({"sgd": 7.7, "adam": 9.9, "rmsprop": 9.9}, rel=0.05)


def test_memory_grows_with_the_batch_but_not_beyond_the_table() -> None:
    small, large, whole = (
        estimate(run(4000, batch_size=size), 10, 1, 100_000).memory_bytes for size in (32, 100_000, 1_000_000)
    )
    assert large - small == pytest.approx(99_968 * 4 * (10 + 1 + 2.2 * 4000))
    assert whole == large


def test_steps_count_the_last_short_batch() -> None:
    assert estimate(run(8, batch_size=32, epochs=10), 5, 1, 100).steps == 40


def test_folds_are_networks_and_each_row_counts_for_something_in_each() -> None:
    crossed = run(8).model_copy(update={"data": DataSettings(folds=5)})
    folds, several = (estimate(one, 5, 1, 1_000_000) for one in (crossed, run(8, members=5)))
    assert folds.networks == 5
    assert folds.memory_bytes - several.memory_bytes == 3 * 2 * 4 * 5_000_000


CNN = ModelSettings(
    layers=(
        LayerSettings(kind="conv", units=32),
        LayerSettings(kind="max_pool", size=2),
        LayerSettings(kind="conv", units=64),
        LayerSettings(kind="max_pool", size=2),
        LayerSettings(units=64),
    )
)


def of_pictures(model: ModelSettings = CNN, **training: Any) -> RunSettings:
    return RunSettings(model=model, training=TrainingSettings(**training))


def test_the_parameters_of_a_small_convolutional_network() -> None:
    estimated = estimate(of_pictures(), (28, 28, 1), 10, 60_000)
    assert estimated.parameters == Parameters(220_234, 220_234)


def test_pictures_stay_bytes_in_memory() -> None:
    few, many = (estimate(of_pictures(), (28, 28, 1), 10, rows).memory_bytes for rows in (1_000, 61_000))
    assert many - few == 3 * 60_000 * 784


def test_what_a_convolution_keeps_grows_with_the_batch() -> None:
    model = ModelSettings(layers=(LayerSettings(kind="conv", units=10, batch_norm=True, dropout=0.1),))
    small, large = (
        estimate(of_pictures(model, batch_size=size), (8, 8, 1), 2, 1000).memory_bytes for size in (10, 110)
    )
    assert large - small == pytest.approx(100 * 4 * (64 + 2 + 640 * (2.2 + 1.1 + 1.1)), rel=1e-3)


def test_a_pretrained_network_counts() -> None:
    model = ModelSettings(layers=(), start=PretrainedStart(size=96))
    assert count_parameters(model, (28, 28, 1), 10).total == 2_257_984 + 12_810


def of_imagenet(name: PretrainedName, frozen: bool) -> RunSettings:
    groups = GroupSettings(early=0, middle=0) if frozen else GroupSettings()
    training = TrainingSettings(batch_size=16, epochs=3, groups=groups)
    model = ModelSettings(layers=(), start=PretrainedStart(name=name, size=96))
    return RunSettings(model=model, training=training, policy=FixedSettings(learning_rate=1e-4))


def test_the_memory_of_a_network_from_imagenet_is_about_what_it_took(subtests: pytest.Subtests) -> None:
    for name, frozen, measured in MEASURED:
        with subtests.test(f"{name!r}"):
            found = estimate(of_imagenet(name, frozen), (8, 8, 1), 10, 464).memory_bytes / 1e6
            assert 0.85 * measured < found < 1.6 * measured


def test_what_is_frozen_at_first_and_moves_later_counts_as_moving() -> None:
    settings = of_imagenet("VGG16", frozen=True)
    memory = [
        estimate(
            checked(settings, training=checked(settings.training, groups=groups)), (8, 8, 1), 10, 464
        ).memory_bytes
        for groups in (
            GroupSettings(),
            GroupSettings(frozen_epochs=2),
            GroupSettings(early=0, frozen_epochs=3),
            GroupSettings(frozen_epochs=3),
        )
    ]
    assert memory[0] == memory[1]
    assert memory[0] > memory[2] == memory[3]


def test_an_estimate_says_what_cannot_be_built() -> None:
    with pytest.raises(UserError, match="Layer 1"):
        estimate(of_pictures(), 11, 1, 100)


def test_the_estimate_reads_well(subtests: pytest.Subtests) -> None:
    cases: list[tuple[int, str]] = [
        (80_000_000, "80 MB"),
        (960_000_000, "0.96 GB"),
        (1_460_000_000, "1.5 GB"),
        (12_400_000_000, "12 GB"),
    ]
    for size, wanted in cases:
        with subtests.test(f"{size!r}"):
            sentence = Estimate(Parameters(7, 7), size, 1000).sentence()
            assert sentence == f"7 parameters, 1,000 steps: about {wanted} of memory."


def test_what_is_expected_counts_embeddings_of_the_numbers_alone() -> None:
    settings = RunSettings(model=ModelSettings(number_embedding="bins"))
    expected = ExpectedShape("binary", 100, 20, (10,), 1, numbers=3)
    found = memory_estimate.estimate_expected(settings, expected)
    assert found == estimate(settings, 10, 1, 100, 20, numbers=3)
    assert found.parameters.total < estimate(settings, 10, 1, 100, 20).parameters.total


def test_a_network_that_does_not_fit_is_refused() -> None:
    estimated = Estimate(Parameters(7, 7), 12_900_000_000, 1)
    with pytest.raises(UserError) as raised:
        memory_estimate.check_memory(estimated, 1_800_000_000)
    assert str(raised.value) == (
        "This network needs about 13 GB, this machine has 1.8 GB free: make layers narrower or the batch smaller."
    )
    memory_estimate.check_memory(estimated, 12_900_000_000)
    memory_estimate.check_memory(estimated, None)


def test_rows_that_do_not_fit_go_in_blocks() -> None:
    settings = RunSettings(training=TrainingSettings(batch_size=256))
    found = estimate(settings, 510, 1, 400_000, 100_000)
    assert found.in_blocks is not None
    # The arrays alone are 1,020 MB, and their tensors as much again; blocks of 16 MB take a tenth of one.
    assert found.memory_bytes > 2_000_000_000
    assert found.in_blocks < 130_000_000
    memory_estimate.check_memory(found, found.in_blocks)
    assert found.goes_in_blocks(found.in_blocks)
    assert found.goes_in_blocks(found.memory_bytes - 1)
    assert not found.goes_in_blocks(found.memory_bytes)
    assert not found.goes_in_blocks(found.in_blocks - 1)
    assert not found.goes_in_blocks(None)
    with pytest.raises(UserError, match=r"This network needs about 108 MB, this machine has 99 MB free"):
        memory_estimate.check_memory(found, 99_000_000)
    # Many networks get copies of the rows that are evaluated.
    several = estimate(checked(settings, training=checked(settings.training, members=8)), 510, 1, 500_000)
    assert several.in_blocks is not None
    assert 226_000_000 < several.in_blocks < 300_000_000, "226 MB were measured"
    # What each row counts for in each network stays in memory.
    crossed = estimate(checked(settings, data=DataSettings(folds=5)), 510, 1, 500_000)
    assert crossed.in_blocks is not None
    assert crossed.in_blocks > found.in_blocks + 3 * 5 * 4 * 500_000


def test_pictures_that_do_not_fit_go_in_blocks() -> None:
    found = estimate(RunSettings(), (128, 128, 3), 10, 100_000, 20_000)
    assert found.memory_bytes > 3 * 120_000 * 128 * 128 * 3
    assert found.in_blocks is not None
    # Blocks of 16 MB of bytes, and a network of three million weights.
    assert found.in_blocks < 250_000_000
    assert found.goes_in_blocks(10**9)
    memory_estimate.check_memory(found, 10**9)
    assert found.sentence(10**9).endswith(
        " MB of memory, which does not hold the data, so they train in blocks."
    )
    assert found.sentence(10**11).endswith(" GB of memory.")
    assert found.sentence(None) == found.sentence(10**11)


def test_small_tables_and_sets_of_pictures_do_not_go_in_blocks(subtests: pytest.Subtests) -> None:
    for shape in [(100,), (28, 28, 1)]:
        with subtests.test(f"{shape!r}"):
            rows = 30_000 if len(shape) == 1 else 20_000
            assert estimate(RunSettings(), shape, 1, rows).in_blocks is None


@pytest.mark.parametrize(
    ("shape", "size", "batch_size"),
    [
        ((510,), 4 * 510, 256),
        ((30,), 4 * 30, 32),
        ((510,), 4 * 510, 100_000),
        ((1,), 4, 1),
        ((64, 64, 3), 12_288, 32),
        ((512, 512, 3), 786_432, 32),
    ],
)
def test_a_block_is_whole_batches_of_a_size(shape: tuple[int, ...], size: int, batch_size: int) -> None:
    rows = memory_estimate.rows_of_a_block(shape, batch_size)
    assert rows % batch_size == 0
    assert size * (rows - batch_size) < memory_estimate.BLOCK_BYTES
    assert rows == batch_size or size * rows <= memory_estimate.BLOCK_BYTES


def test_the_page_can_estimate_without_tensorflow() -> None:
    program = (
        "import sys, lrapp.networks.memory_estimate; "
        "assert not {'tensorflow', 'keras', 'sklearn', 'streamlit'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=True)
