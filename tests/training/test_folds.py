"""Cross-validation in one graph: a network never learns from its own fold, and is watched on nothing else."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small_networks import CLASSES, INPUTS, RICH, Recorded, prepared

from lrapp.networks import members, models
from lrapp.policies.schedules import CLR
from lrapp.preparation.folds import Folds, dealt
from lrapp.preparation.table_arrays import Prepared, Split, class_weights
from lrapp.settings import EarlyStoppingSettings, Task, TrainingSettings
from lrapp.training import trainer
from lrapp.training.loop import Loop
from lrapp.training.members_loop import MembersLoop

K, ROWS = 3, 50
SETTINGS = TrainingSettings(
    batch_size=8,
    epochs=3,
    members=K,
    xla="off",
    early_stopping=EarlyStoppingSettings(enabled=False, restore_best=False),
)
PLAN = CLR(0.001, 0.02, step_size=5).plan(7 * 3)


def crossed(task: Task, in_order: bool = False, balanced: bool = False) -> Prepared:
    data = prepared(task, ROWS)
    folds = dealt(np.zeros(ROWS, np.int64), K, 0, stratify=False)
    if in_order:
        folds = Folds(np.arange(ROWS) * (K + 1) // ROWS - 1, K, in_order=True)
    train = data.train
    if balanced:
        train = replace(train, weight=class_weights(train.y))
    return replace(
        data, train=train, validation=replace(data.validation, **_none(data.validation)), folds=folds
    )


def _none(part: Split) -> dict[str, Any]:
    return {"x": part.x[:0], "y": part.y[:0], "rows": part.rows[:0]}


def together(
    data: Prepared, settings: TrainingSettings = SETTINGS
) -> tuple[Recorded, list[list[np.ndarray]]]:
    model = members.stack(RICH, INPUTS, data.task, CLASSES[data.task], members.member_seeds(0, K))
    loop = MembersLoop(model, data.task, settings)
    run = Recorded(model)
    trainer.train(
        model, data, PLAN, settings, on_event=run.events.append, should_stop=lambda: False, loop=loop
    )
    ensemble = members.empty(RICH, INPUTS, data.task, CLASSES[data.task], range(K))
    members.unstack(model, ensemble, [1 / K] * K)
    return run, [member.get_weights() for member in members.each(ensemble)]


def changed(data: Prepared, row: int) -> Prepared:
    y = data.train.y.copy()
    y[row] = {"binary": 1 - y[row], "multi-class": (y[row] + 1) % 3, "regression": y[row] + 2}[data.task]
    weight = None if data.train.weight is None else class_weights(y)
    return replace(data, train=replace(data.train, y=y, weight=weight))


@pytest.mark.parametrize(("task", "xla"), [("binary", "on"), ("multi-class", "off"), ("regression", "off")])
def test_a_row_is_answered_the_same_whatever_its_answer_is(
    task: Task, xla: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrapp.training.course.XLA_FROM_STEP", 4)
    settings = SETTINGS.model_copy(update={"xla": xla})
    data = crossed(task, balanced=task != "regression")
    assert data.folds is not None
    row = 7
    own = int(data.folds.of[row])
    _, before = together(data, settings)
    _, after = together(changed(data, row), settings)
    for member in range(K):
        same = all(np.array_equal(a, b) for a, b in zip(before[member], after[member], strict=True))
        assert same == (member == own)


def test_later_rows_decide_nothing_where_folds_are_times() -> None:
    data = crossed("regression", in_order=True)
    _, before = together(data)
    _, after = together(changed(data, ROWS - 1))
    for ours, theirs in zip(
        before, after, strict=True
    ):  # the last row is in the last fold: nobody learns from it
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
    _, after = together(changed(data, 0))
    assert all((a[0] != b[0]).any() for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("task", "in_order", "balanced"),
    [("binary", False, True), ("multi-class", True, False), ("regression", False, False)],
)
def test_each_is_the_network_that_learns_by_itself_from_the_other_rows(
    task: Task, in_order: bool, balanced: bool
) -> None:
    data = crossed(task, in_order, balanced)
    assert data.folds is not None
    run, found = together(data)
    for fold, seed in enumerate(members.member_seeds(0, K)):
        learned, held = data.folds.learned(fold), data.folds.held(fold)
        weight = np.where(learned, ROWS / learned.sum(), 0).astype(np.float32)
        if balanced:
            weight[learned] *= class_weights(data.train.y[learned])
        part = data.train
        own = Split(part.x[held], part.y[held], None, part.rows[held])
        alone = replace(data, train=replace(part, weight=weight), validation=own, folds=None)
        one = SETTINGS.model_copy(update={"members": 1})
        model = models.build(RICH, INPUTS, task, CLASSES[task], seed)
        single = Recorded(model)
        trainer.train(
            model,
            alone,
            PLAN,
            one,
            on_event=single.events.append,
            should_stop=lambda: False,
            loop=Loop(model, task, one),
        )
        for ours, theirs in zip(found[fold], model.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
        for epoch, wanted in zip(run.epochs, single.epochs, strict=True):
            loss, val_loss, _, val_metric = (values[fold] for values in epoch.members)
            assert loss == pytest.approx(wanted.loss, rel=1e-4)
            assert val_loss == pytest.approx(wanted.val_loss, rel=1e-4)
            assert val_metric == pytest.approx(wanted.val_metric, rel=1e-4)


def test_each_stops_by_its_own_fold() -> None:
    stopping = EarlyStoppingSettings(patience=1)
    settings = SETTINGS.model_copy(update={"early_stopping": stopping})
    run, _ = together(crossed("regression"), settings)
    by_epoch = np.array([epoch.members[1] for epoch in run.epochs])
    for member, best in enumerate(run.ended.best_epochs):
        line = by_epoch[:, member]
        stop = next((place for place in range(1, len(line)) if line[place] >= line[:place].min()), len(line))
        assert best == int(line[:stop].argmin()) + 1
    assert not any(epoch.ensemble for epoch in run.epochs)
