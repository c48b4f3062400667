"""Curves drawn by hand, and what they tell."""

from collections.abc import Sequence
from typing import Any

import pytest

from lrapp.evaluation.counts_and_curves import ClassFigures
from lrapp.evaluation.diagnosis import Diagnosis, diagnose
from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores
from lrapp.runs.events import Ending, EpochDone, Event, History, TrainingEnded, TrainingStarted
from lrapp.settings import FixedSettings, LayerSettings, ModelSettings, RunSettings, TrainingSettings

DOWN = [1.0, 0.7, 0.5, 0.4, 0.35, 0.33, 0.32, 0.32, 0.32, 0.32, 0.32, 0.32]


def told(
    train: Sequence[float],
    val: Sequence[float],
    settings: RunSettings | None = None,
    reason: Ending = "early_stopping",
    accuracy: float = 0.9,
    scores: Scores | None = None,
    classes: Sequence[ClassFigures] = (),
) -> Diagnosis:
    events: list[Event] = [TrainingStarted(5, "accuracy", 10, 10 * len(train), len(train))]
    best = float("inf")
    for epoch, (loss, val_loss) in enumerate(zip(train, val, strict=True), start=1):
        events.append(
            EpochDone(epoch, 10 * epoch, loss, val_loss, 0.5, 0.5, 0.1, 1.0, best=bool(val_loss < best))
        )
        best = min(best, val_loss)
    events.append(TrainingEnded(reason, "", None, len(train)))
    scores = scores or Scores("binary", "test", 100, "no", (Metric("accuracy", accuracy, 0.5, True),))
    return diagnose(History.of(events), settings or RunSettings(), scores, classes)


def layers(*each: LayerSettings, **training: Any) -> RunSettings:
    return RunSettings(model=ModelSettings(layers=each), training=TrainingSettings(**training))


RISING = [1.0, 0.8, 0.6, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9, 1.0]
FALLING = [1.0, 0.7, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05, 0.04]


def test_overfitting_leads_from_dropout_over_l2_to_width_to_rows() -> None:
    found = told(FALLING, RISING, layers(LayerSettings(units=64)))
    assert found.verdict == "overfitting"
    assert found.sentence.startswith("Overfitting: after epoch 4 the validation loss rose from 0.5 by 0.4")
    assert found.advice == "Try dropout 0.2 in every layer, or an ensemble of 8 networks."
    assert "fewer epochs would do" in found.sentence
    assert found.step == "Network"
    tried = []
    for _ in range(3):
        assert found.settings is not None
        tried.append(found.settings.model.layers[0])
        found = told(FALLING, RISING, found.settings)
    assert [(one.units, one.dropout, one.l2) for one in tried] == [
        (64, 0.2, 0.0),
        (64, 0.2, 0.001),
        (32, 0.2, 0.001),
    ]
    last = told(FALLING, RISING, layers(LayerSettings(units=8, dropout=0.2, l2=0.001)))
    assert (last.step, last.settings) == ("Data", None)


# As a run on Titanic's 700 training rows: down to 0.37, then slowly up to 0.42.
SLOW = [0.62, 0.5, 0.44, 0.41, 0.39, 0.37, 0.375, 0.38, 0.385, 0.395, 0.4, 0.405, 0.41, 0.42, 0.42]
SLOWLY = [0.64, 0.52, 0.46, 0.42, 0.40, 0.385, 0.38, 0.37, 0.365, 0.36, 0.35, 0.345, 0.34, 0.335, 0.33]


def test_overfitting_that_the_chart_shows_is_named() -> None:
    found = told(SLOWLY, SLOW)
    assert found.verdict == "overfitting"
    assert "rose from 0.37 by 0.05" in found.sentence
    eight = told(SLOWLY, SLOW, layers(LayerSettings(), members=8))
    assert eight.advice == "Try dropout 0.2 in every layer."


def test_a_loss_that_jumps_or_hardly_rises_does_not_overfit() -> None:
    jumps = [0.04 * (-1) ** k for k in range(9)]
    noisy = [*SLOW[:6], *(0.41 + jump for jump in jumps)]
    assert told(SLOWLY, noisy).verdict == "sound"
    flat = [*SLOW[:6], *(0.37 + 0.001 * k for k in range(1, 10))]
    assert told(SLOWLY, flat).verdict == "sound"
    assert "fell and stayed low" in told(SLOWLY, flat).sentence
    # What is seen to rise is not said to have stayed low.
    assert "fell until epoch 6, and rose a little" in told(SLOWLY, noisy).sentence
    # A rate that has risen again lifts both losses.
    both = [*SLOWLY[:6], *(0.39 + 0.004 * k for k in range(9))]
    assert told(both, SLOW).verdict == "sound"


def test_a_training_loss_that_only_trembles_did_not_go_on_falling() -> None:
    # With dropout it stands still, a hair lower at times, while the validation loss creeps up.
    still = [
        0.62,
        0.52,
        0.46,
        0.43,
        0.42,
        0.41,
        *[0.411, 0.409, 0.4095, 0.411, 0.409, 0.4095, 0.412, 0.408, 0.411],
    ]
    assert told(still, SLOW).verdict != "overfitting"
    assert told([*still[:-1], 0.405], SLOW).verdict != "overfitting", "the last epoch alone is no trend"


def test_overfitting_that_reached_the_model_asks_for_early_stopping_first() -> None:
    base = RunSettings()
    stopping = base.training.early_stopping.model_copy(update={"enabled": False, "restore_best": False})
    training = base.training.model_copy(update={"early_stopping": stopping})
    found = told(FALLING, RISING, base.model_copy(update={"training": training}))
    assert found.step == "Training"
    assert found.settings is not None
    assert found.settings.training.early_stopping.restore_best
    assert found.settings.training.early_stopping.enabled


def test_a_network_no_better_than_the_trivial_answer_underfits() -> None:
    found = told(DOWN, DOWN, layers(LayerSettings(units=8)), accuracy=0.51)
    assert found.verdict == "underfitting"
    assert found.settings is not None
    assert found.settings.model.layers[0].units == 16
    strict = told(DOWN, DOWN, layers(LayerSettings(units=64, dropout=0.8, l2=0.5)), accuracy=0.51)
    assert strict.settings is not None
    assert strict.settings.model.layers[0] == LayerSettings(units=64)
    none = told(DOWN, DOWN, layers(), accuracy=0.51)
    assert none.settings is not None
    assert len(none.settings.model.layers) == 1
    assert told(DOWN, DOWN, layers(LayerSettings()), accuracy=0.51).step == "Learning rate"


def test_a_rare_class_is_not_taken_for_underfitting(subtests: pytest.Subtests) -> None:
    cases: list[tuple[float, float | None, float | None, str]] = [
        # One row in twenty is of the second class: nothing is right more often than "no".
        (0.95, 0.92, 0.12, "sound"),
        # Rows of rare classes weighed more, so that it is right less often, and rightly so.
        (0.88, 0.92, 0.31, "sound"),
        (0.95, 0.61, 0.198, "underfitting"),
        (0.60, 0.58, 0.66, "underfitting"),
        (0.99, None, None, "sound"),
    ]
    for accuracy, area, loss, verdict in cases:
        with subtests.test(f"{accuracy!r}"):
            figures = (
                Metric("accuracy", accuracy, 0.95, True),
                Metric("ROC AUC", area, None if area is None else 0.5, True),
                Metric("log loss", loss, 0.1985, False),
            )
            assert told(DOWN, DOWN, scores=Scores("binary", "test", 500, "no", figures)).verdict == verdict


def test_figures_that_guessing_raises_are_not_learning() -> None:
    # Three classes of one size: always answering the first has a macro F1 of 1/6, guessing has 1/3.
    figures = (
        Metric("accuracy", 0.34, 1 / 3, True),
        Metric("macro F1", 0.34, 1 / 6, True),
        Metric("log loss", 1.12, 1.0986, False),
    )
    scores = Scores("multi-class", "test", 300, "a", figures)
    assert told(DOWN, DOWN, scores=scores).verdict == "underfitting"


def test_a_trivial_answer_that_is_always_right_tells_nothing() -> None:
    scores = Scores("binary", "test", 9, "no", (Metric("accuracy", 1.0, 1.0, True),))
    assert told(DOWN, DOWN, scores=scores).verdict == "sound"


def test_a_loss_that_still_falls_wants_more_epochs() -> None:
    straight = [1.0 - 0.05 * k for k in range(12)]
    found = told(straight, straight, layers(LayerSettings(), epochs=12), reason="completed")
    assert found.verdict == "unfinished"
    assert found.settings is not None
    assert found.settings.training.epochs == 24
    assert told(DOWN, DOWN, reason="completed").verdict == "sound"


def test_a_fixed_rate_that_is_too_high_jumps() -> None:
    jumps = [1.0, 0.7, 0.9, 0.6, 0.9, 0.62, 0.95, 0.61, 0.9, 0.63, 0.92, 0.61]
    fixed = RunSettings(policy=FixedSettings(learning_rate=1.0))
    assert told(DOWN, jumps, fixed).verdict == "unsteady"


def test_verdicts(subtests: pytest.Subtests) -> None:
    cases: list[tuple[list[float], list[float], Ending, str]] = [
        (DOWN, DOWN, "early_stopping", "sound"),
        (DOWN[:3], DOWN[:3], "completed", "too short"),
        ([], [], "stopped", "too short"),
        (DOWN, [float("nan")] * 12, "completed", "unknown"),
        (DOWN, DOWN, "diverged", "diverged"),
        # One bad epoch at the end is no trend.
        (DOWN, [*DOWN[:-1], 0.9], "early_stopping", "sound"),
    ]
    for train, val, reason, verdict in cases:
        with subtests.test(f"{train!r}"):
            assert told(train, val, reason=reason).verdict == verdict


def test_only_a_run_that_was_to_be_short_is_told_to_be_longer() -> None:
    found = told(DOWN[:3], DOWN[:3], layers(LayerSettings(), epochs=3), reason="completed")
    assert found.settings is not None
    assert found.settings.training.epochs == 20
    assert told(DOWN[:1], DOWN[:1], reason="stopped").sentence.startswith("One epoch is too few")
    assert told([], [], reason="stopped").advice == ""


def test_layers_that_do_not_compute_are_left_as_they_are() -> None:
    pool = LayerSettings(kind="max_pool", size=2)
    found = told(FALLING, RISING, layers(LayerSettings(kind="conv", units=32), pool, LayerSettings(units=64)))
    for units in ((32, 64), (32, 64), (16, 32), (8, 16)):
        assert found.settings is not None
        first, second, third = found.settings.model.layers
        assert (second, first.units, third.units) == (pool, *units)
        found = told(FALLING, RISING, found.settings)
    assert told(FALLING, RISING, layers(LayerSettings(units=8, dropout=0.2, l2=1e-3), pool)).settings is None
    alone = LayerSettings(kind="dropout", dropout=0.6)
    found = told(DOWN, DOWN, layers(LayerSettings(units=64, l1=0.1), alone), accuracy=0.51)
    assert found.settings is not None
    assert found.settings.model.layers == (LayerSettings(units=64), LayerSettings(kind="dropout"))


def test_a_change_is_the_only_difference() -> None:
    settings = layers(LayerSettings(units=64), epochs=77)
    found = told(FALLING, RISING, settings)
    assert found.settings is not None
    assert found.settings.model_copy(update={"model": settings.model}) == settings
    assert RunSettings.from_json(found.settings.to_json()) == found.settings


def of_class(name: str, rows: int, found: int) -> ClassFigures:
    return ClassFigures(name, rows, None, found / rows, 0.0)


def test_a_rare_class_that_is_missed_is_told() -> None:
    common, rare = of_class("0", 582, 579), of_class("1", 18, 2)
    found = told(DOWN, DOWN, classes=[common, rare])
    assert found.verdict == "blind"
    assert found.sentence == (
        "“1” is rare, 18 of 600 rows, and the network finds 2 of them: how often it is right says little here."
    )
    assert found.advice.endswith("or try a lower threshold below.")
    # Above the threshold the second class is answered: the first is found more often with a higher one.
    assert told(DOWN, DOWN, classes=[rare, common]).advice.endswith("or try a higher threshold below.")
    assert found.step == "Data"
    assert found.settings is not None
    assert found.settings.data.class_weights
    # Of more weight than a rise after the epoch whose weights are kept.
    assert told(FALLING, RISING, classes=[common, rare]).verdict == "blind"
    # What was advised is not advised again, and neither is what nothing is wrong with.
    assert told(DOWN, DOWN, found.settings, classes=[common, rare]).verdict == "sound"
    assert told(DOWN, DOWN, classes=[common, of_class("1", 18, 12)]).verdict == "sound"
    assert told(DOWN, DOWN, classes=[of_class("0", 300, 299), of_class("1", 250, 20)]).verdict == "sound"
    assert told(DOWN, DOWN, classes=[common, of_class("1", 4, 0)]).verdict == "sound"


def test_the_largest_of_many_missed_classes_is_named() -> None:
    classes = [of_class("a", 200, 190), of_class("b", 180, 170), of_class("c", 20, 3), of_class("d", 30, 1)]
    found = told(DOWN, DOWN, classes=classes)
    assert found.sentence.startswith("“d” is rare, 30 of 430 rows, and the network finds 1 of them")
    assert found.advice == "If they matter, let classes weigh equally."
