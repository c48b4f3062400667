from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small_networks import CLASSES, INPUTS, RICH, Recorded, network, prepared, train, weights
from zeros.sorting import by_sorting

from lrapp.errors import UserError
from lrapp.networks import members, pruned
from lrapp.runs.events import EpochDone
from lrapp.settings import (
    EarlyStoppingSettings,
    LayerSettings,
    ModelSettings,
    Optimizer,
    PruningSettings,
    TrainingSettings,
)
from lrapp.training import pruning, trainer
from lrapp.training.checkpoints import TrainingState
from lrapp.training.loop import Loop, loop_key
from lrapp.training.members_loop import MembersLoop

HALF = PruningSettings(enabled=True, final_sparsity=50, first_epoch=1, last_epoch=3)
LATEST = EarlyStoppingSettings(enabled=False, restore_best=False)
SHORT = TrainingSettings(batch_size=8, epochs=5, pruning=HALF, early_stopping=LATEST, xla="off")
CLASSES_OF = CLASSES["binary"]
K = 3


# --- training -------------------------------------------------------------------------------------------------


def sparsities(run: Recorded) -> list[float | None]:
    return [epoch.sparsity for epoch in run.epochs]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_what_is_recorded_is_what_was_planned(optimizer: Optimizer) -> None:
    run = train(SHORT.model_copy(update={"optimizer": optimizer}), layers=RICH)

    weights = 5 * 8 + 8 * 6 + 6
    planned = [pruning.sparsity(HALF, epoch, 5) for epoch in range(1, 6)]
    assert sparsities(run) == pytest.approx(planned, abs=0.5 / weights + 1e-9)
    assert pruned.zeros(run.model) == pruned.Zeros(weights, weights // 2)
    assert run.ended.message == "All 5 epochs are done. 50 % of its weights are zero."


def test_biases_and_normalisation_are_not_pruned() -> None:
    run = train(SHORT, layers=RICH)

    assert [kernel.path.rpartition("/")[2] for kernel in pruned.kernels(run.model)] == ["kernel"] * 3
    assert sum(weight.size for weight in weights(run.model)) > pruned.zeros(run.model).weights


def test_the_loop_does_what_masked_steps_of_keras_do() -> None:
    """A second implementation: Keras's own train_on_batch, and numpy for the rest."""
    settings = SHORT.model_copy(update={"optimizer": "sgd"})
    run = train(settings)

    data, other = prepared(), network()
    other.compile("sgd", "binary_crossentropy")
    other.optimizer.momentum = 0.0
    import keras

    other.compile(keras.optimizers.SGD(0.05, momentum=0.9), "binary_crossentropy")
    kernels = [layer.kernel for layer in other.layers if layer.name.startswith(("dense", "output"))]
    kept = [np.ones(kernel.shape, np.bool_) for kernel in kernels]
    for epoch in range(5):
        if epoch + 1 <= 3:
            share = 0.5 - 0.5 * (1 - epoch / 2) ** 3
            kept = by_sorting([np.asarray(kernel) for kernel in kernels], share, "all", kept)
        order = np.random.default_rng([0, epoch]).permutation(50)
        for start in range(0, 50, 8):
            for kernel, mask in zip(kernels, kept, strict=True):
                kernel.assign(np.asarray(kernel) * mask)
            rows = order[start : start + 8]
            other.train_on_batch(data.train.x[rows], data.train.y[rows, None])
    for kernel, mask in zip(kernels, kept, strict=True):
        kernel.assign(np.asarray(kernel) * mask)

    for mine, theirs in zip(weights(run.model), weights(other), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


@pytest.mark.parametrize("xla", ["on", "off"])
def test_a_resumed_run_prunes_to_the_bit(xla: Any) -> None:
    settings = SHORT.model_copy(update={"xla": xla, "epochs": 6})
    whole = train(settings, layers=RICH)
    for epochs in (1, 2, 4):
        first = stopped_after(epochs, settings)
        state = first.states[-1]
        assert state.epochs == epochs

        rest = train(settings, layers=RICH, state=state)

        assert [*first.figures, *rest.figures][-len(rest.figures) :] == whole.figures[state.epochs :]
        assert sparsities(rest) == sparsities(whole)[state.epochs :]
        for mine, theirs in zip(weights(rest.model), weights(whole.model), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def stopped_after(epochs: int, settings: TrainingSettings) -> Recorded:
    """A run that is stopped at the beginning of the next epoch, which has already pruned."""
    run = Recorded(network(RICH, training_settings=settings))
    trainer.train(
        run.model,
        prepared(),
        np.full(7 * settings.epochs, 0.05),
        settings,
        on_event=run.events.append,
        should_stop=lambda: len(run.epochs) == epochs,
        on_state=run.states.append,
    )
    return run


def test_masks_survive_the_file_of_a_checkpoint(tmp_path: Any) -> None:
    state = stopped_after(2, SHORT).states[-1]

    state.save(tmp_path / "state")
    read = TrainingState.load(tmp_path / "state")

    assert state.masks
    for mine, theirs in zip(read.masks, state.masks, strict=True):
        assert mine.dtype == np.bool_
        np.testing.assert_array_equal(mine, theirs)
    with pytest.raises(UserError, match="another network or optimizer"):
        train(SHORT.model_copy(update={"pruning": PruningSettings()}), layers=RICH, state=read)


def test_nothing_changes_to_the_bit_where_it_is_off() -> None:
    off = SHORT.model_copy(update={"pruning": PruningSettings()})
    # It begins after the run, as it were: no epoch of it prunes.
    later = SHORT.model_copy(update={"pruning": PruningSettings(enabled=True, first_epoch=9, last_epoch=9)})

    plain, idle = train(off, layers=RICH), train(later, layers=RICH)

    assert plain.losses == idle.losses
    assert sparsities(plain) == [None] * 5
    assert loop_key(off).pruning == PruningSettings()


def test_the_best_epoch_is_among_those_of_the_final_sparsity() -> None:
    stops = EarlyStoppingSettings(patience=1)
    # A rate at which every epoch is worse than the one before.
    run = train(SHORT.model_copy(update={"early_stopping": stops}), rate=np.linspace(0.01, 3, 35))

    assert [epoch.best for epoch in run.epochs][:2] == [False, False]
    assert run.ended.best_epoch is not None
    assert run.ended.best_epoch >= 3
    assert pruned.zeros(run.model).share == pytest.approx(0.5, abs=0.01)


def test_nothing_ends_a_run_before_its_final_sparsity(subtests: pytest.Subtests) -> None:
    for stops in [
        EarlyStoppingSettings(criterion="GL", gl_alpha=0),
        EarlyStoppingSettings(criterion="UP", strip=2, up_strips=1),
        EarlyStoppingSettings(target="loss", target_value=100),
    ]:
        with subtests.test(f"{stops!r}"):
            run = train(SHORT.model_copy(update={"early_stopping": stops}), rate=np.linspace(0.5, 3, 35))

            assert len(run.epochs) >= 3


def test_a_run_that_is_stopped_before_says_so() -> None:
    run = train(SHORT.model_copy(update={"early_stopping": EarlyStoppingSettings()}), stop_after=3)

    assert run.ended.best_epoch is None
    assert "as it ended before the end of epoch 3, in which 50 % are reached." in run.ended.message


def test_a_run_that_is_stopped_once_it_is_pruned_to_the_end_says_nothing_else() -> None:
    early = SHORT.model_copy(update={"pruning": HALF.model_copy(update={"last_epoch": 1})})

    run = train(early, stop_after=3)

    assert not run.epochs
    assert run.ended.message.endswith(" 50 % of its weights are zero.")


# --- many networks --------------------------------------------------------------------------------------------


def together(settings: TrainingSettings, state: TrainingState | None = None, stop_after: int = 99) -> Any:
    seeds = members.member_seeds(settings.seed, settings.members)
    model = members.stack(RICH, INPUTS, "binary", CLASSES_OF, seeds)
    loop, run = MembersLoop(model, "binary", settings), Recorded(model)
    trainer.train(
        model,
        prepared(),
        np.full(7 * settings.epochs, 0.02),
        settings,
        on_event=run.events.append,
        should_stop=lambda: len(run.epochs) >= stop_after,
        state=state,
        on_state=run.states.append,
        loop=loop,
    )
    return run, loop


def test_each_of_many_networks_is_pruned_as_if_it_were_alone() -> None:
    settings = SHORT.model_copy(update={"members": K})
    _, loop = together(settings)

    for member, seed in enumerate(members.member_seeds(0, K)):
        alone = train(SHORT.model_copy(update={"seed": 0}), layers=RICH, rate=0.02, loop=own_loop(seed))
        picked = network(RICH)
        members.pick(loop.model, picked, member)
        for mine, theirs in zip(weights(picked), weights(alone.model), strict=True):
            if mine.dtype == np.float32:
                np.testing.assert_allclose(mine, theirs, atol=2e-5)
                assert ((mine == 0) == (theirs == 0)).all()


def own_loop(seed: int) -> Loop:
    return Loop(network(RICH, training_settings=SHORT.model_copy(update={"seed": seed})), "binary", SHORT)


def test_many_networks_resume_with_their_masks() -> None:
    settings = SHORT.model_copy(update={"members": K, "early_stopping": EarlyStoppingSettings()})
    whole, _ = together(settings)
    first, _ = together(settings, stop_after=4)

    rest, loop = together(settings, state=first.states[-1])

    shown = [replace(epoch, seconds=0) for epoch in rest.epochs]
    assert shown == [replace(epoch, seconds=0) for epoch in whole.epochs[4:]]
    for mine, theirs in zip(weights(rest.model), weights(whole.model), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    ensemble = members.empty(RICH, INPUTS, "binary", CLASSES_OF, members.member_seeds(0, K))
    members.unstack(loop.model, ensemble, [1 / K] * K)
    assert pruned.zeros(ensemble).share == pytest.approx(0.5, abs=0.01)
    assert isinstance(rest.epochs[-1], EpochDone)
    assert rest.epochs[-1].sparsity == pytest.approx(0.5, abs=0.01)


# --- bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"final_sparsity": 100},
            "Pruning to 100 % would leave no weight; choose a smaller final sparsity, such as 90 %.",
        ),
        (
            {"final_sparsity": 0},
            "Pruning to 0 % leaves all weights as they are; choose a larger final sparsity, or switch it off.",
        ),
        (
            {"initial_sparsity": 90, "final_sparsity": 50},
            (
                "Pruning cannot begin with more zeros (90 %) than it ends with (50 %); lower the initial sparsity, or "
                "raise the final one."
            ),
        ),
        (
            {"first_epoch": 11},
            "Pruning would begin in epoch 11, after the last, which is 10; begin earlier, or train for more epochs.",
        ),
        (
            {"first_epoch": 5, "last_epoch": 4},
            "Pruning would end in epoch 4, before it begins in epoch 5; choose a later end, or an earlier beginning.",
        ),
        (
            {"last_epoch": 11},
            (
                "Pruning would reach 80 % in epoch 11, after the last, which is 10; choose an earlier end, or "
                "train for more epochs."
            ),
        ),
    ],
)
def test_pruning_that_cannot_be_says_the_way_out(changes: dict[str, Any], sentence: str) -> None:
    assert PruningSettings(enabled=True, **changes).obstacle(10) == sentence
    assert PruningSettings(enabled=False, **changes).obstacle(10) == ""


@pytest.mark.parametrize(
    ("sizes", "settings", "sentence"),
    [
        (
            [],
            PruningSettings(enabled=True),
            "This network has no weights that can be pruned; switch pruning off.",
        ),
        (
            [2],
            PruningSettings(enabled=True, final_sparsity=10),
            (
                "Pruning to 10 % would not take one of the 2 weights of this network; choose a larger final "
                "sparsity, or a larger network."
            ),
        ),
        (
            [4, 3],
            PruningSettings(enabled=True, final_sparsity=90),
            (
                "Pruning to 90 % of 7 weights in 2 layers would leave a layer without weights; choose a smaller final "
                "sparsity, or a larger network."
            ),
        ),
        (
            [40, 3],
            PruningSettings(enabled=True, final_sparsity=90, scope="each"),
            (
                "Pruning to 90 % of a layer of 3 weights would leave a layer without weights; choose a smaller final "
                "sparsity, or a larger network."
            ),
        ),
    ],
)
def test_a_network_without_weights_to_spare_is_refused(
    sizes: list[int], settings: PruningSettings, sentence: str
) -> None:
    with pytest.raises(UserError) as told:
        pruning.require_spare(sizes, settings)

    assert str(told.value) == sentence


def test_convolutions_are_pruned() -> None:
    from lrapp.networks import models

    layers = ModelSettings(
        layers=(LayerSettings(kind="conv", units=4), LayerSettings(kind="residual", units=4))
    )
    network = models.build(layers, (8, 8, 1), "binary")

    assert len(pruned.kernels(network)) == 4
