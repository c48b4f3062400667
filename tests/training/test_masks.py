"""Which weights are pruned, and when: the paper's curve, and the smallest of all layers or of each."""

from typing import Literal

import numpy as np
import pytest
from small_networks import CLASSES
from zeros.sorting import by_sorting

from lrapp.settings import (
    EarlyStoppingSettings,
    PruningSettings,
    TrainingSettings,
)
from lrapp.training import pruning

HALF = PruningSettings(enabled=True, final_sparsity=50, first_epoch=1, last_epoch=3)
LATEST = EarlyStoppingSettings(enabled=False, restore_best=False)
SHORT = TrainingSettings(batch_size=8, epochs=5, pruning=HALF, early_stopping=LATEST, xla="off")
CLASSES_OF = CLASSES["binary"]
K = 3


# --- the curve -----------------------------------------------------------------------------------------------


def test_the_sparsity_follows_the_papers_cubic() -> None:
    settings = PruningSettings(enabled=True, final_sparsity=80, first_epoch=3, last_epoch=7)

    found = [pruning.sparsity(settings, epoch, 10) for epoch in range(1, 11)]

    # 0.8 - 0.8 (1 - k/4)^3: 27/64, 8/64 and 1/64 of the 0.8 are left.
    assert found == pytest.approx([None, None, 0, 0.4625, 0.7, 0.7875, 0.8, 0.8, 0.8, 0.8])


def test_the_sparsity_can_begin_above_zero() -> None:
    settings = PruningSettings(enabled=True, initial_sparsity=50, final_sparsity=90, last_epoch=3)

    # 0.9 - 0.4 * 1/8 in the middle.
    assert [pruning.sparsity(settings, epoch, 5) for epoch in (1, 2, 3, 4)] == pytest.approx(
        [0.5, 0.85, 0.9, 0.9]
    )


def test_without_an_end_the_first_quarter_of_the_run_prunes() -> None:
    settings = PruningSettings(enabled=True)

    assert [settings.last(epochs) for epochs in (1, 2, 9, 50)] == [1, 1, 3, 13]
    assert pruning.sparsity(settings, 1, 1) == 0.8


def test_without_an_end_a_quarter_of_the_run_prunes_wherever_it_begins() -> None:
    settings = PruningSettings(enabled=True, first_epoch=21, initial_sparsity=10)

    assert [settings.last(epochs) for epochs in (21, 22, 40, 80)] == [21, 22, 30, 40]
    # 40 epochs: from 10 % in epoch 21 to 80 % in epoch 30.
    assert pruning.sparsity(settings, 21, 40) == pytest.approx(0.1)
    assert 0.1 < (pruning.sparsity(settings, 24, 40) or 0) < 0.8
    assert pruning.sparsity(settings, 30, 40) == 0.8


def test_nothing_is_pruned_where_it_is_off() -> None:
    assert pruning.sparsity(PruningSettings(), 10, 10) is None
    assert PruningSettings(final_sparsity=100).obstacle(1) == ""


# --- which weights --------------------------------------------------------------------------------------------


def test_the_smallest_weights_of_all_layers_go() -> None:
    weights = [np.array([[0.1, -0.9], [0.5, -0.2]]), np.array([-0.3, 0.05])]
    everything = [np.ones(value.shape, np.bool_) for value in weights]

    kept = pruning.masks(weights, 0.5, "all", everything)

    assert [mask.tolist() for mask in kept] == [[[False, True], [True, False]], [True, False]]


def test_each_layer_loses_its_own_smallest_weights() -> None:
    weights = [np.array([[0.1, -0.9], [0.5, -0.2]]), np.array([-0.3, 0.05])]
    everything = [np.ones(value.shape, np.bool_) for value in weights]

    kept = pruning.masks(weights, 0.5, "each", everything)

    assert [mask.tolist() for mask in kept] == [[[False, True], [True, False]], [True, False]]
    assert [mask.tolist() for mask in pruning.masks(weights, 0.25, "each", everything)] == [
        [[False, True], [True, True]],
        [True, False],  # half a weight is rounded up
    ]


def test_a_layer_of_small_weights_keeps_its_largest() -> None:
    weights = [np.full(8, 1.0), np.array([0.01, 0.03, 0.02])]

    kept = pruning.masks(weights, 0.4, "all", [np.ones(8, np.bool_), np.ones(3, np.bool_)])

    assert kept[1].tolist() == [False, True, False]
    assert sum(int((~mask).sum()) for mask in kept) == 4


def test_masks_agree_with_a_sort(subtests: pytest.Subtests) -> None:
    scopes: tuple[Literal["all", "each"], ...] = ("all", "each")
    for scope in scopes:
        with subtests.test(f"{scope!r}"):
            generator = np.random.default_rng(0)
            for _ in range(20):
                shapes = [(4, 5), (5, 3), (7,)]
                # Rounded, so that many are equally small.
                weights = [np.round(generator.normal(size=shape), 1) for shape in shapes]
                before = [generator.random(shape) > 0.3 for shape in shapes]
                share = float(generator.uniform(0, 0.9))

                found = pruning.masks(weights, share, scope, before)

                for mine, other in zip(found, by_sorting(weights, share, scope, before), strict=True):
                    assert mine.tolist() == other.tolist()
