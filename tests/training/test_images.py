"""Networks of pictures, trained on the real thing."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from lrapp.errors import UserError
from lrapp.evaluation.scores import Scores
from lrapp.execution import worker
from lrapp.images import datasets
from lrapp.images.datasets import Images
from lrapp.networks import models
from lrapp.preparation.image_arrays import prepare_images
from lrapp.preparation.image_inputs import ALIGNMENT, aligned
from lrapp.preparation.table_arrays import Prepared, Split
from lrapp.runs.events import DataPrepared, EpochDone, Event, StepsDone, TrainingStarted
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    AugmentationSettings,
    CLRSettings,
    DataSettings,
    FixedSettings,
    GroupSettings,
    LayerSettings,
    ModelSettings,
    OneCycleSettings,
    PictureSettings,
    PicturesSource,
    PolicySettings,
    RunSettings,
    RunStart,
    SGDRSettings,
    TrainingSettings,
)
from lrapp.training import course, trainer, xla
from lrapp.training.checkpoints import TrainingState
from lrapp.training.loop import Loop, shuffled

Row = LayerSettings
CNN = (
    Row(kind="conv", units=16),
    Row(kind="max_pool", size=2),
    Row(kind="conv", units=32),
    Row(kind="max_pool", size=2),
    Row(units=32),
)
DIGITS = DataSettings(source=PicturesSource(name="digits"))
FASHION = DataSettings(source=PicturesSource(name="fashion-mnist"))


@pytest.fixture(scope="module")
def fashion() -> Images:
    return datasets.read_set("fashion-mnist")


@pytest.fixture(scope="module")
def digits() -> Prepared:
    return prepare_images(datasets.read_set("digits"), DIGITS)


def loop_of(settings: ModelSettings, data: Prepared, how: TrainingSettings) -> Loop:
    network = models.build(
        settings, data.shape, data.task, len(data.classes), how.seed, precision=how.precision
    )
    return Loop(network, data.task, how, models.owners(network, settings) if how.groups.differ else ())


def train(
    loop: Loop,
    data: Prepared,
    how: TrainingSettings,
    rate: float = 1e-3,
    steps: int | None = None,
    state: TrainingState | None = None,
) -> tuple[list[Event], list[TrainingState]]:
    """Train; stop after so many steps."""
    told: list[Event] = []
    states: list[TrainingState] = []
    plan = RunSettings(training=how, policy=FixedSettings(learning_rate=rate)).group_plan(len(data.train.y))

    def should_stop() -> bool:
        done = sum(len(event.losses) for event in told if isinstance(event, StepsDone))
        return steps is not None and done >= steps

    trainer.train(
        loop.model,
        data,
        plan,
        how,
        on_event=told.append,
        should_stop=should_stop,
        state=state,
        on_state=states.append,
        loop=loop,
    )
    return told, states


def losses(told: list[Event]) -> list[float]:
    return [loss for event in told if isinstance(event, StepsDone) for loss in event.losses]


def accuracy(loop: Loop, part: Split) -> float:
    data = loop.load(part)
    return float(loop.evaluate(data, 0, loop.evaluation_batches(data))[:, 1].sum() / data.rows)


def test_a_few_hundred_steps_on_all_of_fashion_mnist_teach_a_network(fashion: Images) -> None:
    data = prepare_images(fashion, FASHION)
    assert (len(data.train.y), len(data.validation.y), len(data.test.y)) == (48_000, 12_000, 10_000)
    how = TrainingSettings(batch_size=64, epochs=1)
    loop = loop_of(ModelSettings(layers=CNN), data, how)
    train(loop, data, how, steps=300)
    # Labels that do not belong to their pictures, or pixels that are not scaled, stay far below.
    assert accuracy(loop, data.test) > 0.78


def test_what_a_run_has_learned_helps_with_few_examples_of_other_classes(
    fashion: Images, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    first, others = datasets.FASHION_CLASSES[:5], datasets.FASHION_CLASSES[5:]

    def run(classes: tuple[str, ...], rows: int, epochs: int, model: ModelSettings, seed: int) -> Run:
        made = store.create(
            RunSettings(
                data=FASHION.model_copy(
                    update={
                        "pictures": PictureSettings(only_classes=classes, most_rows=rows),
                        "validation_share": 0.02,
                    }
                ),
                model=model,
                training=TrainingSettings(batch_size=32, epochs=epochs, seed=seed),
                policy=FixedSettings(learning_rate=2e-3),
                closer_look=False,
            )
        )
        worker.work(made.folder, store.home)
        return made

    def score(of: Run) -> float:
        value = Scores.from_json(of.scores_path.read_text()).metrics[0].value
        assert value is not None
        return value

    source = run(first, 4_000, 3, ModelSettings(layers=CNN), 1)
    knowing = ModelSettings(layers=CNN, start=RunStart(run=source.id))
    taught = [score(run(others, 40, 12, knowing, seed)) for seed in (2, 3)]
    fresh = [score(run(others, 40, 12, ModelSettings(layers=CNN), seed)) for seed in (2, 3)]
    assert np.mean(taught) > np.mean(fresh) + 0.03


def test_a_run_that_starts_from_another_says_so_and_a_lost_one_is_a_sentence(tmp_path: Path) -> None:
    store = Store(tmp_path)
    few = DIGITS.model_copy(update={"pictures": PictureSettings(most_rows=60)})
    short = TrainingSettings(batch_size=16, epochs=1)

    def run(start: str | None) -> tuple[Run, list[Event]]:
        model = ModelSettings(layers=(Row(units=6),), **({"start": RunStart(run=start)} if start else {}))
        made = store.create(RunSettings(data=few, model=model, training=short, closer_look=False))
        told: list[Event] = []
        worker.work(made.folder, store.home, told.append)
        return made, told

    source, _ = run(None)
    _, told = run(source.id)
    notes = next(event for event in told if isinstance(event, DataPrepared)).notes
    assert any("starts with the weights of an earlier run" in note for note in notes)
    with pytest.raises(UserError, match="no such run"):
        run("20200101-000000000000-0123456789abcdef")


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_stopped_run_goes_on_bit_for_bit_though_what_it_started_from_is_gone(
    tmp_path: Path, precision: Any
) -> None:
    store = Store(tmp_path)
    layers = (Row(kind="conv", units=3, batch_norm=True, dropout=0.1), Row(kind="global_avg_pool"))
    source = store.create(
        RunSettings(
            data=DIGITS.model_copy(update={"pictures": PictureSettings(most_rows=60)}),
            model=ModelSettings(layers=layers),
            training=TrainingSettings(batch_size=16, epochs=1),
            closer_look=False,
        )
    )
    worker.work(source.folder, store.home)
    settings = source.settings.model_copy(
        update={
            "model": ModelSettings(
                layers=layers,
                start=RunStart(run=source.id),
                augmentation=AugmentationSettings(flip="horizontal", shift=0.1),
            ),
            "training": TrainingSettings(
                batch_size=16,
                epochs=4,
                precision=precision,
                groups=GroupSettings(early=0.1, frozen_epochs=1),
            ),
        }
    )
    whole, cut = store.create(settings), store.create(settings)
    worker.work(whole.folder, store.home)

    def stop(event: Event) -> None:
        if isinstance(event, EpochDone) and event.epoch == 2:
            cut.ask_to_stop()

    assert worker.work(cut.folder, store.home, stop).state == "stopped"
    cut.forget_stop()
    store.delete(source)
    assert worker.work(cut.folder, store.home).state == "completed"
    assert cut.history().step_frame().equals(whole.history().step_frame())
    assert cut.scores_path.read_bytes() == whole.scores_path.read_bytes()
    assert cut.history().prepared == whole.history().prepared, "also where its initial weights came from"


@pytest.mark.parametrize("cut", [1, 2])
def test_a_run_with_augmentation_goes_on_bit_for_bit(digits: Prepared, cut: int) -> None:
    settings = ModelSettings(
        layers=(Row(kind="conv", units=4, batch_norm=True, dropout=0.2), Row(kind="global_avg_pool")),
        augmentation=AugmentationSettings(flip="horizontal", shift=0.1, rotate=10, zoom=0.1, contrast=0.2),
    )
    how = TrainingSettings(batch_size=128, epochs=3)
    told, _ = train(loop_of(settings, digits, how), digits, how)
    first = how.model_copy(update={"epochs": cut})
    _, states = train(loop_of(settings, digits, first), digits, first)
    rest, _ = train(loop_of(settings, digits, how), digits, how, state=states[-1])
    assert losses(rest) == losses(told)[-len(losses(rest)) :]
    assert len(losses(rest)) == (3 - cut) * -(-len(digits.train.y) // 128)


def test_losses_with_convolutions_are_those_of_keras(digits: Prepared) -> None:
    settings = ModelSettings(layers=(Row(kind="residual", units=4, batch_norm=True, l2=0.01), Row(units=8)))
    how = TrainingSettings(batch_size=64)
    loop = loop_of(settings, digits, how)
    theirs = models.build(settings, digits.shape, "multi-class", 10, how.seed)
    theirs.compile(models.optimizer(how), models.loss("multi-class"))
    theirs.optimizer.learning_rate = 1e-3
    order, steps, wanted = shuffled(len(digits.train.y), 0, 0), 6, []
    for step in range(steps):
        batch = order.numpy()[step * 64 : (step + 1) * 64]
        theirs.reset_metrics()
        wanted.append(float(theirs.train_on_batch(digits.train.x[batch], digits.train.y[batch])))
    ours = loop.run(loop.load(digits.train), order, 0, np.full(steps, 1e-3, np.float32)).losses
    assert ours == pytest.approx(wanted, rel=2e-4)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_learns_pictures_and_tells_its_loss_scale(digits: Prepared, precision: Any) -> None:
    settings = ModelSettings(
        layers=(Row(kind="conv", units=8, batch_norm=True), Row(kind="max_pool", size=2), Row(units=16))
    )
    how = TrainingSettings(batch_size=64, epochs=4, precision=precision)
    loop = loop_of(settings, digits, how)
    told, _ = train(loop, digits, how, rate=5e-3)
    epochs = [event for event in told if isinstance(event, EpochDone)]
    assert all(np.isfinite(losses(told)))
    assert accuracy(loop, digits.test) > 0.8
    if precision == "mixed_float16":
        assert all(event.loss_scale is not None and event.loss_scale >= 1 for event in epochs)
    else:
        assert all(event.loss_scale is None for event in epochs)


def test_differential_rates_are_in_the_history_by_group(digits: Prepared) -> None:
    how = TrainingSettings(
        batch_size=256, epochs=2, groups=GroupSettings(early=0.1, middle=0.3, frozen_epochs=1)
    )
    told, _ = train(loop_of(ModelSettings(layers=CNN), digits, how), digits, how, rate=0.01)
    groups = np.concatenate([np.array(event.group_rates).T for event in told if isinstance(event, StepsDone)])
    per_epoch = len(groups) // 2
    np.testing.assert_allclose(groups[:per_epoch], np.tile([0, 0, 0.01], (per_epoch, 1)), rtol=1e-6)
    np.testing.assert_allclose(groups[per_epoch:], np.tile([0.001, 0.003, 0.01], (per_epoch, 1)), rtol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize(
    "policy",
    [
        FixedSettings(learning_rate=0.01, warmup=1),
        CLRSettings(mode="triangular2", step_size=2, warmup=1),
        SGDRSettings(T_0=1, warmup=5, unit="steps"),
        OneCycleSettings(warmup=1),
        OneCycleSettings(source="found", warmup=1),
    ],
    ids=lambda policy: f"{policy.type}-{policy.source}",
)
def test_under_every_policy_groups_follow_their_plan_and_the_history_holds_it(
    tmp_path: Path, policy: PolicySettings, precision: Any
) -> None:
    store = Store(tmp_path)
    settings = RunSettings(
        data=DIGITS,
        model=ModelSettings(layers=(Row(kind="conv", units=8), Row(kind="max_pool", size=2), Row(units=16))),
        training=TrainingSettings(
            batch_size=128,
            epochs=3,
            precision=precision,
            groups=GroupSettings(early=0.1, middle=0.3, head=2, frozen_epochs=1),
        ),
        policy=policy,
        closer_look=False,
    )
    run = store.create(settings)
    worker.work(run.folder, store.home)
    history = run.history()
    if policy.source == "found":
        assert history.found is not None
        settings = settings.with_found(history.found)
    assert history.prepared is not None
    plan = settings.group_plan(history.prepared.train).astype(np.float32)
    recorded = history.step_frame()[["early", "middle", "head"]].to_numpy(np.float32)
    np.testing.assert_array_equal(recorded, plan)
    assert plan[-1, 2] == pytest.approx(20 * plan[-1, 0])
    scales = history.epoch_frame()["loss_scale"]
    assert (scales >= 1).all() if precision == "mixed_float16" else scales.isna().all()


@pytest.mark.parametrize(
    ("layers", "augmentation", "wanted"),
    [
        ((Row(units=8, batch_norm=True),), AugmentationSettings(), True),
        ((), AugmentationSettings(), True),
        ((Row(units=8),), AugmentationSettings(rotate=10), False),
        ((Row(units=8),), AugmentationSettings(flip="horizontal"), False),
        ((Row(kind="conv", units=4),), AugmentationSettings(), False),
        ((Row(kind="max_pool", size=2), Row(units=8)), AugmentationSettings(), False),
        ((Row(kind="global_avg_pool"),), AugmentationSettings(), False),
        ((Row(kind="residual", units=4),), AugmentationSettings(), False),
    ],
    ids=str,
)
def test_of_pictures_only_dense_networks_are_compiled_by_xla(
    digits: Prepared, layers: tuple[Row, ...], augmentation: AugmentationSettings, wanted: bool
) -> None:
    network = models.build(
        ModelSettings(layers=layers, augmentation=augmentation), digits.shape, "multi-class", 10
    )
    assert xla.uses_xla(network, TrainingSettings(), 10**6) is wanted
    assert xla.uses_xla(network, TrainingSettings(xla="on"), 1) is wanted
    assert not xla.uses_xla(network, TrainingSettings(xla="off"), 10**6)


@pytest.mark.parametrize(("epochs", "wanted"), [(3, False), (8, True)])
def test_a_dense_network_on_fashion_mnist_is_compiled_where_its_run_is_long(
    epochs: int, wanted: bool
) -> None:
    network = models.build(ModelSettings(layers=(Row(units=128),)), (28, 28, 1), "multi-class", 10)
    steps = epochs * math.ceil(60_000 / 128)
    assert xla.uses_xla(network, TrainingSettings(), steps) is wanted


@pytest.mark.parametrize("groups", [GroupSettings(), GroupSettings(head=2, frozen_epochs=1)], ids=str)
def test_xla_computes_the_same_for_pictures(
    digits: Prepared, groups: GroupSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "XLA_FROM_STEP", 5)
    layers = ModelSettings(layers=(Row(units=32, batch_norm=True), Row(units=16)))
    with_xla, without = (
        train(loop_of(layers, digits, how), digits, how)[0]
        for how in (
            TrainingSettings(batch_size=100, epochs=3, groups=groups, xla=xla) for xla in ("on", "off")
        )
    )
    assert [event.compiled for event in with_xla if isinstance(event, TrainingStarted)] == [True]
    assert losses(with_xla) == pytest.approx(losses(without), rel=1e-3)
    assert losses(with_xla)[-1] < 0.9 * losses(with_xla)[0]


def test_the_memory_of_pictures_is_shared_where_it_may_be(digits: Prepared) -> None:
    how = TrainingSettings(batch_size=64)
    loop = loop_of(ModelSettings(layers=()), digits, how)
    room = aligned((5, *digits.shape))
    room[:] = 3
    assert room.ctypes.data % ALIGNMENT == 0
    data = loop.load(Split(room, np.zeros(5, np.int32), None, np.arange(5)))
    room[4] = 9
    assert tf.reduce_max(data.tensors[0]).numpy() == 9, "no copy was made"
    # Memory that starts elsewhere would end the process: it is copied.
    shifted = np.frombuffer(bytearray(5 * 64 + 1), np.uint8)[1:].reshape(5, 8, 8, 1)
    copied = loop.load(Split(shifted, np.zeros(5, np.int32), None, np.arange(5))).tensors[0]
    shifted[0] = 7
    assert tf.reduce_max(copied).numpy() == 0


def test_the_first_batch_as_the_network_sees_it(digits: Prepared, tmp_path: Path) -> None:
    how = TrainingSettings(batch_size=40, seed=3)
    varied = RunSettings(
        data=DIGITS,
        model=ModelSettings(layers=(), augmentation=AugmentationSettings(rotate=30)),
        training=how,
    )
    plain = varied.model_copy(update={"model": ModelSettings(layers=())})
    seen, as_it_is = (worker.augmented_batch(tmp_path, settings) for settings in (varied, plain))
    assert seen.shape == as_it_is.shape == (24, 8, 8, 1)
    assert seen.dtype == np.uint8
    batch = digits.train.x[shuffled(len(digits.train.x), 3, 0).numpy()[:40]]
    np.testing.assert_array_equal(as_it_is, batch[:24])
    # What enters the output layer of a network that has no other layers.
    network = models.build(varied.model, digits.shape, "multi-class", 10, seed=3)
    entering = keras.Model(network.input, network.get_layer("augmentation_rotate").output)
    np.testing.assert_allclose(seen, (entering(batch, training=True)[:24] + 1) * 127.5, atol=0.51)
    assert not np.array_equal(seen, as_it_is)
    small = varied.model_copy(update={"training": TrainingSettings(batch_size=5)})
    assert len(worker.augmented_batch(tmp_path, small)) == 5
