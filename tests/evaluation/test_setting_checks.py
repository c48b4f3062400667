"""Settings that cannot do what they promise: said before, true afterwards, and their advice helps."""

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from lrapp.evaluation.diagnosis import Diagnosis, diagnose
from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores
from lrapp.evaluation.setting_checks import Remark, after, before
from lrapp.execution import worker
from lrapp.runs.events import (
    Cause,
    DataPrepared,
    Ending,
    EpochDone,
    Event,
    History,
    TrainingEnded,
    TrainingStarted,
)
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    CLRSettings,
    CosLog4Settings,
    DataSettings,
    EarlyStoppingSettings,
    FileSource,
    FixedSettings,
    FreshStart,
    GroupSettings,
    LayerSettings,
    ModelSettings,
    OneCycleSettings,
    PolicySettings,
    PruningSettings,
    RangeTestSettings,
    RunSettings,
    RunStart,
    SGDRSettings,
    TrainingSettings,
)
from lrapp.training import course

NORM = ModelSettings(layers=(LayerSettings(units=4, batch_norm=True),))
CONV_NORM = ModelSettings(layers=(LayerSettings(kind="conv", units=4, batch_norm=True),))


def settings(
    policy: PolicySettings | None = None,
    patience: int | None = None,
    epochs: int = 50,
    batch_size: int = 32,
    model: ModelSettings | None = None,
    min_delta: float = 0.0,
    **more: Any,
) -> RunSettings:
    stopping = EarlyStoppingSettings(
        enabled=patience is not None, patience=patience or 1, min_delta=min_delta
    )
    return RunSettings(
        policy=policy or FixedSettings(),
        training=TrainingSettings(epochs=epochs, batch_size=batch_size, early_stopping=stopping),
        model=model or ModelSettings(),
        **more,
    )


def test_what_will_not_be_kept_is_said_before(subtests: pytest.Subtests) -> None:
    cases: list[tuple[RunSettings, int, list[str]]] = [
        # What comes without a choice must not be warned of, but for one-cycle, which early stopping can spoil.
        (RunSettings(), 1_000, []),
        (settings(SGDRSettings(), 20), 1_000, []),
        (settings(OneCycleSettings(), 20), 1_000, ["one-cycle cut"]),
        (settings(OneCycleSettings(), 31), 1_000, []),
        (settings(OneCycleSettings(rise=0.9), 31), 1_000, ["one-cycle cut"]),
        (settings(OneCycleSettings()), 1_000, []),
        (settings(OneCycleSettings(), 20, epochs=21), 1_000, []),  # too short to be stopped
        (settings(CLRSettings(step_size=4), 7), 1_000, ["cycle cut"]),
        (settings(CLRSettings(step_size=4), 8), 1_000, []),
        (settings(CLRSettings(step_size=128, unit="steps"), 7), 1_000, ["cycle cut"]),  # 32 steps an epoch
        (settings(CLRSettings(step_size=112, unit="steps"), 7), 1_000, []),
        (settings(SGDRSettings(T_0=10, T_mult=1), 9), 1_000, ["cycle cut"]),
        (settings(SGDRSettings(T_0=10, T_mult=2), 19), 1_000, ["cycle cut"]),  # 10, 20, and 20 of 40
        (settings(SGDRSettings(T_0=1, T_mult=1, unit="steps"), 1), 1_000, []),
        (settings(FixedSettings(), 1), 1_000, []),
        (
            settings(CosLog4Settings(), 26),
            1_000,
            ["cycle cut"],
        ),  # the last cycle takes 8 of 15 parts of 50 epochs
        (settings(CosLog4Settings(), 27), 1_000, []),
        (settings(model=NORM, batch_size=1), 1_000, ["batch of one"]),
        (settings(model=NORM, batch_size=37), 1_000, ["last batch of one"]),
        (settings(model=NORM, batch_size=36), 1_000, []),
        (settings(model=NORM, batch_size=2_000), 1_000, []),
        (settings(model=NORM), 1, ["batch of one"]),
        (settings(model=CONV_NORM, batch_size=1), 1_000, []),  # a picture has many pixels to compare
        (settings(batch_size=1), 1_000, []),
        (settings(CLRSettings(warmup=50)), 1_000, ["warm-up too long"]),
        (settings(CLRSettings(warmup=1_600, step_size=32, unit="steps")), 1_000, ["warm-up too long"]),
        (settings(CLRSettings(warmup=34, step_size=8)), 1_000, []),
        (settings(CLRSettings(warmup=35, step_size=8)), 1_000, ["cycle too long"]),
        (settings(SGDRSettings(T_0=51)), 1_000, ["cycle too long"]),
        (settings(CLRSettings(source="found")), 12, ["learned by heart"]),
        (settings(CLRSettings(source="found")), 1_000, []),
        (settings(mode="range test"), 12, ["learned by heart"]),
        (settings(OneCycleSettings(), 5, mode="range test"), 1_000, []),  # nothing is trained
    ]
    for made, rows, kinds in cases:
        with subtests.test(f"{made!r}"):
            assert [remark.kind for remark in before(made, rows)] == kinds


def test_an_accuracy_above_one_is_no_target_also_where_the_task_is_detected() -> None:
    stopping = EarlyStoppingSettings(target="val_metric", target_value=90)
    made = RunSettings(training=TrainingSettings(early_stopping=stopping))
    assert made.data.task is None
    assert kinds(before(made, 1_000, "multi-class")) == ["far target"]
    assert kinds(before(made, 1_000, "regression")) == kinds(before(made, 1_000)) == []


def test_weights_that_all_go_at_once_are_said(subtests: pytest.Subtests) -> None:
    cases: list[tuple[int, dict[str, Any], str]] = [
        (
            4,
            {},
            "epoch 1, so 80 % of the weights become zero at once, before the network has learned anything. Train",
        ),
        (4, {"start": RunStart(run="20260101-000000000000-0123456789abcdef")}, "become zero at once. Train"),
        (
            4,
            {"first_epoch": 4, "initial_sparsity": 20},
            "3 epochs of learning; the initial sparsity, 20 %, is not",
        ),
        (9, {"first_epoch": 2, "last_epoch": 2}, "begins and ends in epoch 2, so 80 % "),
        (5, {}, ""),
        (4, {"first_epoch": 5}, ""),  # an obstacle says more
        (4, {"enabled": False}, ""),
    ]
    for epochs, changes, said in cases:
        with subtests.test(f"{epochs!r}"):
            model = ModelSettings(start=changes.pop("start", FreshStart()))
            pruning = PruningSettings(**({"enabled": True} | changes))
            made = RunSettings(model=model, training=TrainingSettings(epochs=epochs, pruning=pruning))

            found = [remark for remark in before(made, 1_000) if remark.kind == "pruned at once"]

            assert len(found) == bool(said)
            assert all(said in remark.text for remark in found)


@pytest.mark.parametrize("rows", [3, 12, 181, 1_000, 70_001])
def test_whoever_follows_the_advice_is_rid_of_the_remark(rows: int) -> None:
    chance = random.Random(rows)
    seen = set()
    for _ in range(400):
        policies: list[PolicySettings] = [
            CLRSettings(step_size=chance.uniform(1, 40), warmup=chance.choice([0, 0, 5, 80])),
            SGDRSettings(T_0=chance.uniform(1, 60), T_mult=chance.choice([1, 1.5, 3])),
            OneCycleSettings(rise=chance.uniform(0.1, 0.9), warmup=chance.choice([0, 10, 90])),
            CosLog4Settings(warmup=chance.choice([0, 10, 90])),
            FixedSettings(warmup=chance.choice([0, 200])),
        ]
        policy = chance.choice(policies)
        made = settings(
            policy,
            chance.choice([None, 1, 10, 30]),
            chance.choice([5, 40, 150]),
            chance.choice([1, 2, 3, 20, 90]),
            chance.choice([NORM, None]),
        )
        for remark in before(made, rows):
            seen.add(remark.kind)
            assert remark.text[0].isupper()
            assert remark.text.endswith(".")
            assert len(remark.text) < 330
            if remark.settings is not None:
                RunSettings.model_validate(remark.settings.model_dump())  # nothing out of its range
                assert remark.kind not in [one.kind for one in before(remark.settings, rows)], remark.text
    assert {"one-cycle cut", "cycle cut", "batch of one", "warm-up too long", "cycle too long"} <= seen


def history(
    made: RunSettings,
    val: Sequence[float],
    reason: Ending = "completed",
    rows: int = 320,
    metrics: Sequence[float] | None = None,
) -> History:
    """What a run says whose validation losses are these; which is best is told as in training."""
    steps = math.ceil(rows / made.training.batch_size)
    events: list[Event] = [
        DataPrepared(rows, 100, 100, 3),
        TrainingStarted(5, "accuracy", steps, steps * made.training.epochs, made.training.epochs),
    ]
    by_metric = made.training.early_stopping.monitor == "val_metric"
    best = course.Best(made.training.early_stopping, by_metric)
    metrics = metrics or [0.5] * len(val)
    for epoch, (loss, metric) in enumerate(zip(val, metrics, strict=True), start=1):
        is_best = best.take(epoch, metric if by_metric else loss)
        events.append(EpochDone(epoch, steps * epoch, 0.5, loss, 0.5, metric, 0.1, 1.0, best=is_best))
    events.append(TrainingEnded(reason, "", best.epoch, len(val)))
    return History.of(events)


def kinds(remarks: Sequence[Remark]) -> list[str]:
    return [remark.kind for remark in remarks]


def test_a_run_that_ended_early_says_what_it_missed() -> None:
    one_cycle = settings(OneCycleSettings(), 5)
    (said,) = after(one_cycle, history(one_cycle, [0.7, *[0.8] * 5], "early_stopping"))
    assert said.kind == "one-cycle cut"
    assert said.sentence.startswith(
        "Early stopping ended the run after 6 of 50 epochs, while the learning rate"
    )
    assert said.settings is not None
    assert not said.settings.training.early_stopping.enabled
    fallen = [0.7 - 0.01 * epoch for epoch in range(35)]
    assert after(one_cycle, history(one_cycle, [*fallen, *[0.8] * 5], "early_stopping")) == ()
    assert after(one_cycle, history(one_cycle, [0.7, 0.8], "stopped")) == ()  # somebody wanted it so
    clr = settings(CLRSettings(step_size=4), 5)
    assert kinds(after(clr, history(clr, [0.7, *[0.8] * 5], "early_stopping"))) == ["cycle cut"]
    patient = settings(CLRSettings(step_size=4), 8)
    assert after(patient, history(patient, [0.7, *[0.8] * 8], "early_stopping")) == ()


@pytest.mark.parametrize("cause", ["target", "time"])
def test_an_end_by_target_or_time_is_no_mistake_in_patience(cause: Cause) -> None:
    for made in (settings(OneCycleSettings(), 5), settings(CLRSettings(step_size=4), 2)):
        run = history(made, [0.7, *[0.8] * 5], "early_stopping")
        assert run.ended is not None
        assert after(made, run) != ()
        run.ended = replace(run.ended, cause=cause)
        assert after(made, run) == ()
    # A run from before the cause was kept cannot have ended by a patience longer than itself.
    old = settings(OneCycleSettings(), 5)
    assert after(old, history(old, [0.7, 0.6, 0.5], "early_stopping")) == ()


def test_an_epoch_that_was_better_than_the_best_is_named() -> None:
    val = [0.70, 0.60, 0.58, 0.56, 0.59]
    made = settings(patience=10, min_delta=0.05)
    (said,) = after(made, history(made, val))
    assert said.kind == "better epoch"
    assert said.sentence.startswith(
        "Epoch 4 had a better validation loss, 0.56, than epoch 2, 0.6, whose weights"
    )
    assert said.settings is not None
    assert after(said.settings, history(said.settings, val)) == ()
    # Of accuracies the greatest is best; without early stopping every gain counts.
    stopping = made.training.early_stopping.model_copy(update={"monitor": "val_metric"})
    by_metric = made.model_copy(
        update={"training": made.training.model_copy(update={"early_stopping": stopping})}
    )
    (said,) = after(by_metric, history(by_metric, val, metrics=[0.6, 0.7, 0.72, 0.69, 0.71]))
    assert said.sentence.startswith("Epoch 3 had a better validation accuracy, 0.72, than epoch 2, 0.7")
    off = settings(min_delta=0.05)
    assert after(off, history(off, val)) == ()
    assert after(made, history(made, [0.7, float("nan"), 0.6])) == ()


def pruned(made: RunSettings, last_epoch: int) -> RunSettings:
    pruning = PruningSettings(enabled=True, last_epoch=last_epoch)
    return made.model_copy(update={"training": made.training.model_copy(update={"pruning": pruning})})


def test_epochs_before_the_final_sparsity_are_not_held_against_a_run() -> None:
    val = [0.50, 0.51, 0.60, 0.57, 0.59, 0.56, 0.56, 0.56]
    made = settings(patience=10, min_delta=0.001, epochs=8)
    ended = history(pruned(made, 3), val)
    ended.epochs[:] = [replace(epoch, best=epoch.epoch in (3, 4, 6)) for epoch in ended.epochs]

    assert after(pruned(made, 3), ended) == ()
    assert [remark.kind for remark in after(made, ended)] == ["better epoch"]


def test_the_earliest_end_of_a_pruned_run_is_later() -> None:
    cut = settings(CLRSettings(step_size=4), 5, epochs=20)
    (said,) = before(cut, 200)
    assert said.kind == "cycle cut"
    # Nothing ends before epoch 15, and then there are only five more.
    assert before(pruned(cut, 15), 200) == ()


def told(made: RunSettings, run: History, accuracy: float = 0.5) -> Diagnosis:
    scores = Scores("binary", "test", 100, "no", (Metric("accuracy", accuracy, 0.5, True),))
    return diagnose(run, made, scores)


def test_the_diagnosis_names_the_cause() -> None:
    one_cycle = settings(OneCycleSettings(), 5)
    found = told(one_cycle, history(one_cycle, [0.7, *[0.8] * 5], "early_stopping"))
    assert (found.verdict, found.step) == ("hindered", "Training")
    assert "range test" not in found.advice
    norm = settings(model=NORM, batch_size=1)
    found = told(norm, history(norm, [0.7] * 8))
    assert found.verdict == "hindered"
    assert "dropout" not in found.advice
    assert found.settings is not None
    assert found.settings.training.batch_size == 32
    warm = settings(CLRSettings(warmup=60))
    found = told(warm, history(warm, [0.7] * 50))
    assert (found.verdict, found.step) == ("hindered", "Learning rate")
    clr = settings(CLRSettings(step_size=4), 5)
    cut = history(clr, [0.7, *[0.8] * 5], "early_stopping")
    assert told(clr, cut).verdict == "hindered"
    assert told(clr, cut, accuracy=0.9).verdict != "hindered", "it learned all the same"
    # One row that is left over spoils no run, so what the curves tell comes first.
    last = settings(model=NORM, batch_size=29)
    assert kinds(after(last, history(last, [0.7] * 50))) == ["last batch of one"]
    assert told(last, history(last, [0.7] * 50)).verdict != "hindered"


def trained(store: Store, rows: int, made: RunSettings) -> tuple[Run, str]:
    """A run on noise, or on a line that a network learns at once."""
    chance = random.Random(0)
    lines = ["a,b,c,y"]
    for _ in range(rows):
        a, b, c = (chance.gauss(0, 1) for _ in range(3))
        lines.append(f"{a:.3f},{b:.3f},{c:.3f},{'yes' if a * b > 0 else 'no'}")
    source = store.keep_file("\n".join(lines).encode(), "train.csv")
    data = DataSettings(source=FileSource(name="train.csv", sha256=source.sha256), target="y")
    run = store.create(made.model_copy(update={"data": data, "closer_look": False}))
    outcome = worker.work(run.folder, store.home)
    run.set_status(state=outcome.state, message=outcome.message)
    return run, outcome.message


def test_real_runs_that_cannot_learn_say_why(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = Store(tmp_path_factory.mktemp("checks"))
    cut, _ = trained(store, 200, settings(OneCycleSettings(max_lr=1.0), 3, epochs=60))
    assert cut.history().ended is not None
    assert kinds(after(cut.settings, cut.history())) == ["one-cycle cut"]
    ones, _ = trained(store, 100, settings(model=NORM, batch_size=1, epochs=6))
    found = diagnose(ones.history(), ones.settings, Scores.from_json(ones.scores_path.read_text("utf-8")))
    assert found.verdict == "hindered"
    assert found.sentence.startswith("Batch normalisation compares the rows of a batch")


def test_a_range_test_of_few_rows_says_what_it_did(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = Store(tmp_path_factory.mktemp("checks"))
    test = RangeTestSettings(end_lr=1000.0)
    made = settings(mode="range test", range_test=test).model_copy(
        update={"training": TrainingSettings(optimizer="sgd")}
    )
    _, said = trained(store, 20, made)
    assert "raise its highest rate" not in said
    assert "by heart" in said


def test_layers_that_would_move_after_the_end(subtests: pytest.Subtests) -> None:
    cases: list[tuple[GroupSettings, dict[str, Any], str]] = [
        (GroupSettings(frozen_epochs=1, early_frozen_epochs=2), {"enabled": False}, ""),
        (GroupSettings(frozen_epochs=1, early_frozen_epochs=2), {"patience": 3}, ""),
        # What never moves is not late.
        (GroupSettings(early=0, frozen_epochs=1, early_frozen_epochs=20), {"patience": 3}, ""),
        (
            GroupSettings(frozen_epochs=4, early_frozen_epochs=6),
            {"enabled": False},
            "The early layers are to move after 10 epochs, and the run has 10: they stay frozen. Train for more epochs",
        ),
        (
            GroupSettings(frozen_epochs=12),
            {"enabled": False},
            "The middle and early layers are to move after 12 epochs, and the run has 10: they stay frozen.",
        ),
        (
            GroupSettings(frozen_epochs=1, early_frozen_epochs=5),
            {"patience": 3},
            "Early stopping can end the run after 4 epochs, and the early layers move only after 6.",
        ),
    ]
    for groups, stopping, sentence in cases:
        with subtests.test(f"{groups!r}"):
            training = TrainingSettings(
                epochs=10, groups=groups, early_stopping=EarlyStoppingSettings.model_validate(stopping)
            )
            settings = RunSettings(training=training, policy=FixedSettings())
            found = [remark for remark in before(settings, 1_000) if remark.kind == "late unfreezing"]
            assert [remark.text.startswith(sentence) for remark in found] == ([True] if sentence else [])
            for remark in found:
                if remark.settings is not None:
                    assert not [
                        one for one in before(remark.settings, 1_000) if one.kind == "late unfreezing"
                    ]


def test_patience_counts_from_the_epoch_from_which_epochs_count() -> None:
    groups = GroupSettings(frozen_epochs=5)
    pruning = PruningSettings(enabled=True, last_epoch=6)
    for patience, pruned, late in ((4, False, True), (5, False, False), (1, True, False)):
        training = TrainingSettings(
            epochs=20,
            groups=groups,
            early_stopping=EarlyStoppingSettings(patience=patience),
            pruning=pruning if pruned else PruningSettings(),
        )
        made = RunSettings(training=training, policy=FixedSettings())
        assert ("late unfreezing" in kinds(before(made, 1_000))) == late
