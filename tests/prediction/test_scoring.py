"""Figures added up part by part equal those of scikit-learn over all rows."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores
from lrapp.prediction import scoring
from lrapp.prediction.row_predictions import Answers
from lrapp.prediction.scoring import Scorer, sentence
from lrapp.preparation.preprocessor import Preprocessor
from lrapp.settings import Task


def model(task: Task, classes: Sequence[str] = (), mean: float = 0.0, scale: float = 1.0) -> Preprocessor:
    return Preprocessor(task, "y", tuple(classes), mean, scale, (), (), None)


def part(truth: np.ndarray, values: np.ndarray, probabilities: np.ndarray | None) -> Answers:
    rows = len(truth)
    nothing = np.full(rows, "", dtype=object)
    return Answers(
        pd.DataFrame(index=range(rows)),
        pd.DataFrame(index=range(rows)),
        np.arange(rows),
        values,
        probabilities,
        truth,
        nothing,
        nothing,
        {},
    )


def in_parts(
    told: Preprocessor, truth: np.ndarray, values: np.ndarray, probabilities: np.ndarray | None
) -> Scorer:
    scorer = Scorer(told)
    for rows in np.array_split(np.arange(len(truth)), 7):
        scorer.add(part(truth[rows], values[rows], None if probabilities is None else probabilities[rows]))
    return scorer


def figures(metrics: tuple[Metric, ...]) -> dict[str, float | None]:
    return {metric.name: metric.value for metric in metrics}


def two_classes(rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, rows)
    odds = rng.normal(size=rows) * 3 + 2 * truth - 1
    chance = np.float32(1 / (1 + np.exp(-odds))).round(3).astype(np.float64)  # with ties
    return truth, np.column_stack([1 - chance, chance])


@pytest.mark.parametrize(("exact", "close"), [(10**6, 1e-12), (100, 2e-6)])
def test_two_classes(exact: int, close: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "EXACT_ROWS", exact)
    truth, chances = two_classes(900)
    answered = (chances[:, 1] > 0.5).astype(np.int64)
    trained = Scores("binary", "test", 100, "yes", (Metric("accuracy", 0.8, 0.5, True),))

    scorer = in_parts(model("binary", ("no", "yes")), truth.astype(float), answered, chances)

    metrics = scorer.metrics(trained)
    found = figures(metrics)
    assert scorer.rows == 900
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, answered))
    assert found["ROC AUC"] == pytest.approx(roc_auc_score(truth, chances[:, 1]), abs=close)
    assert found["log loss"] == pytest.approx(log_loss(truth, chances))
    assert found["balanced accuracy"] == pytest.approx(balanced_accuracy_score(truth, answered))
    assert found["average precision"] == pytest.approx(
        average_precision_score(truth, chances[:, 1]), abs=1e-4
    )
    assert metrics[0].baseline == pytest.approx(np.mean(truth == 1))


def test_several_classes_one_of_which_never_comes() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 3, 500)
    raw = rng.random((500, 4)) + 0.7 * np.eye(4)[truth]
    raw[:, 3] = 0
    chances = raw / raw.sum(axis=1, keepdims=True)
    answered = chances.argmax(axis=1)
    trained = Scores("multi-class", "test", 100, "b", (Metric("accuracy", 0.8, 0.5, True),))

    metrics = in_parts(model("multi-class", "abcd"), truth.astype(float), answered, chances).metrics(trained)

    found = figures(metrics)
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, answered))
    assert found["macro F1"] == pytest.approx(f1_score(truth, answered, average="macro"))
    assert found["log loss"] == pytest.approx(log_loss(truth, chances, labels=range(4)))
    assert found["balanced accuracy"] == pytest.approx(balanced_accuracy_score(truth, answered))
    majority = np.ones_like(truth)
    assert metrics[0].baseline == pytest.approx(accuracy_score(truth, majority))
    assert metrics[1].baseline == pytest.approx(f1_score(truth, majority, average="macro", zero_division=0))


def test_numbers() -> None:
    rng = np.random.default_rng(6)
    mean, scale = 5e6, 300.0
    truth = rng.normal(mean, scale, 400)
    answered = (truth - mean) / scale + rng.normal(0, 0.3, 400)

    metrics = in_parts(model("regression", mean=mean, scale=scale), truth, answered, None).metrics(None)

    found = figures(metrics)
    said = answered * scale + mean
    assert found["mean absolute error"] == pytest.approx(mean_absolute_error(truth, said), rel=1e-5)
    assert found["root mean squared error"] == pytest.approx(root_mean_squared_error(truth, said), rel=1e-5)
    assert found["R²"] == pytest.approx(r2_score(truth, said), rel=1e-5)
    assert metrics[0].baseline == pytest.approx(mean_absolute_error(truth, np.full(400, mean)), rel=1e-5)
    assert metrics[2].baseline == pytest.approx(r2_score(truth, np.full(400, mean)), abs=1e-5)


def test_rows_without_a_truth_are_counted_and_left_out() -> None:
    truth = np.array([0, 1, np.nan, -1, 1, 1])
    chances = np.tile([0.4, 0.6], (6, 1))
    scorer = Scorer(model("binary", ("no", "yes")))
    scorer.add(part(truth, np.ones(6, np.int64), chances))
    assert (scorer.rows, scorer.absent, scorer.strange) == (4, 1, 1)
    assert figures(scorer.metrics(None))["accuracy"] == 0.75


def test_figures_that_are_not_defined_are_none() -> None:
    scorer = Scorer(model("binary", ("no", "yes")))
    assert scorer.metrics(None) == ()
    scorer.add(part(np.ones(3), np.ones(3, np.int64), np.tile([0.1, 0.9], (3, 1))))
    assert figures(scorer.metrics(None))["ROC AUC"] is None
    numbers = Scorer(model("regression"))
    numbers.add(part(np.ones(3), np.zeros(3), None))
    assert figures(numbers.metrics(None))["R²"] is None


@pytest.mark.parametrize(
    ("value", "rows", "end"),
    [
        (0.80, 1_000, "on the run's own test rows it was 80.0 %."),
        (0.70, 1_000, "these rows may differ from those it learned from."),
        (0.90, 1_000, "it may have learned from some of these rows."),
        (0.70, 20, "on the run's own test rows it was 80.0 %."),
    ],
)
def test_a_sentence_tells_drift_from_chance(value: float, rows: int, end: str) -> None:
    trained = Scores("binary", "test", 1_000, "yes", (Metric("accuracy", 0.8, 0.5, True),))
    said = sentence((Metric("accuracy", value, None, True),), rows, "y", trained)
    assert said.startswith(f"In the {rows:,} rows that hold “y”, the network is right in {100 * value:.1f} %")
    assert said.endswith(end)


def test_a_sentence_on_numbers() -> None:
    trained = Scores("regression", "validation", 200, "3", (Metric("mean absolute error", 2.0, 5.0, False),))
    said = sentence((Metric("mean absolute error", 4.0, 6.0, False),), 100, "y", trained)
    assert said == (
        "In the 100 rows that hold “y”, the network is off by 4 on average; on the run's own validation rows it was "
        "2. That is more than chance explains: these rows may differ from those it learned from."
    )
