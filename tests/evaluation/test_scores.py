"""What a finished network is worth."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pictures import some_images
from sklearn import metrics

from lrapp.errors import UserError
from lrapp.evaluation.scores import Scores, evaluate
from lrapp.preparation.image_arrays import prepare_images
from lrapp.preparation.table_arrays import Prepared, Split, prepare
from lrapp.settings import DataSettings, Task
from lrapp.tables.reading import read_csv

RNG = np.random.default_rng(3)
ROWS = 200
FRAME = pd.DataFrame(
    {
        "a": RNG.normal(size=ROWS),
        "two": np.where(RNG.random(ROWS) < 0.3, "yes", "no"),
        "three": RNG.choice(["x", "y", "z"], ROWS, p=[0.2, 0.5, 0.3]),
        "price": RNG.lognormal(10, 1, ROWS),
    }
)


def prepared(target: str, task: Task | None = None, test_share: float = 0.3) -> Prepared:
    table = read_csv(FRAME.to_csv(index=False).encode(), "table.csv")
    return prepare(table, DataSettings(target=target, task=task, test_share=test_share))


def values(scores: Scores) -> dict[str, tuple[float | None, float | None]]:
    return {metric.name: (metric.value, metric.baseline) for metric in scores.metrics}


@pytest.mark.parametrize("shape", [(60,), (60, 1)])
def test_binary_scores_equal_scikit_learns(shape: tuple[int, ...]) -> None:
    data = prepared("two")
    outputs = RNG.random(60).astype(np.float32)
    truth = FRAME["two"].iloc[data.test.rows] == "yes"
    share = (FRAME["two"].iloc[data.train.rows] == "yes").mean()

    scores = evaluate(data, outputs.reshape(shape))

    wide = outputs.astype(np.float64)
    found = values(scores)
    assert list(found) == ["accuracy", "ROC AUC", "log loss", "balanced accuracy", "average precision"]
    assert found["accuracy"] == pytest.approx(
        (metrics.accuracy_score(truth, outputs > 0.5), 1 - truth.mean())
    )
    assert found["ROC AUC"] == pytest.approx((metrics.roc_auc_score(truth, outputs), 0.5))
    assert found["log loss"] == pytest.approx(
        (metrics.log_loss(truth, wide), metrics.log_loss(truth, np.full(60, share)))
    )
    assert found["balanced accuracy"] == pytest.approx(
        (metrics.balanced_accuracy_score(truth, outputs > 0.5), 0.5)
    )
    assert found["average precision"] == pytest.approx(
        (metrics.average_precision_score(truth, outputs), truth.mean())
    )
    assert scores.trivial == "no"


def test_scores_of_several_classes_equal_scikit_learns() -> None:
    data = prepared("three")
    outputs = RNG.dirichlet([1, 1, 1], 60).astype(np.float32)
    truth = FRAME["three"].iloc[data.test.rows].to_numpy(dtype=object)
    answers = np.array(["x", "y", "z"], dtype=object)[outputs.argmax(axis=1)]

    scores = evaluate(data, outputs)

    found = values(scores)
    wide = outputs.astype(np.float64)
    assert list(found) == ["accuracy", "macro F1", "log loss", "balanced accuracy"]
    assert found["balanced accuracy"] == pytest.approx(
        (metrics.balanced_accuracy_score(truth, answers), 1 / 3)
    )
    assert found["accuracy"] == pytest.approx((np.mean(truth == answers), np.mean(truth == "y")))
    assert found["macro F1"][0] == pytest.approx(metrics.f1_score(truth, answers, average="macro"))
    assert found["macro F1"][1] == pytest.approx(2 / 3 * np.mean(truth == "y") / (1 + np.mean(truth == "y")))
    assert found["log loss"][0] == pytest.approx(
        -np.log((wide / wide.sum(axis=1, keepdims=True))[np.arange(60), data.test.y]).mean(), rel=1e-6
    )
    assert scores.trivial == "y"


def test_scores_of_numbers_are_in_the_targets_units() -> None:
    data = prepared("price")
    truth = FRAME["price"].iloc[data.test.rows].to_numpy()
    guess = truth * RNG.uniform(0.5, 1.5, 60)
    mean = FRAME["price"].iloc[data.train.rows].mean()

    scores = evaluate(data, ((guess - mean) / data.metric_scale).astype(np.float32)[:, None])

    found = values(scores)
    assert list(found) == ["mean absolute error", "root mean squared error", "R²"]
    same = np.full(60, mean)
    for name, judge in [
        ("mean absolute error", metrics.mean_absolute_error),
        ("root mean squared error", metrics.root_mean_squared_error),
        ("R²", metrics.r2_score),
    ]:
        assert found[name] == pytest.approx((judge(truth, guess), judge(truth, same)), rel=1e-4)


def test_numbers_need_not_be_of_a_table() -> None:
    data = prepared("price")
    fitted: Any = SimpleNamespace(kind="pictures", linear=data.preprocessor.linear, target_mean=7.0)
    found = evaluate(replace(data, preprocessor=fitted), np.zeros(len(data.test.y)))
    assert found.metrics == evaluate(data, np.zeros(len(data.test.y))).metrics
    assert (found.unit, found.trivial) == ("pictures", "7")


def test_a_perfect_and_a_trivial_network() -> None:
    data = prepared("three")
    perfect = evaluate(data, np.eye(3)[data.test.y])
    trivial = evaluate(data, np.tile([0.2, 0.5, 0.3], (60, 1)))

    assert perfect.metrics[0].value == 1
    assert trivial.metrics[0].value == trivial.metrics[0].baseline
    assert trivial.metrics[1].value == trivial.metrics[1].baseline


def test_the_summary_is_one_plain_sentence() -> None:
    data = prepared("two")
    data = replace(
        data, test=Split(data.test.x[:10], np.array([1, 0] * 5, np.float32), None, data.test.rows[:10])
    )

    scores = evaluate(data, np.array([0.9, 0.1] * 4 + [0.2, 0.3]))

    assert scores.summary == (
        "The network is right in 90.0 % of the 10 test rows; always answering “no” would be right in 50.0 %."
    )
    assert scores.frame().to_dict("list") == {
        "metric": ["accuracy", "ROC AUC", "log loss", "balanced accuracy", "average precision"],
        "network": ["90.0 %", "0.960", "0.2809", "90.0 %", "0.967"],
        "baseline": ["50.0 %", "0.500", scores.frame()["baseline"][2], "50.0 %", "0.500"],
        "better": ["higher", "higher", "lower", "higher", "higher"],
    }


def test_where_a_class_is_frequent_accuracy_does_not_stand_alone() -> None:
    data = prepared("two")
    rare = np.array([1] + [0] * 9, np.float32)
    data = replace(data, test=Split(data.test.x[:10], rare, None, data.test.rows[:10]))
    scores = evaluate(data, np.array([0.4] + [0.1] * 8 + [0.3]))
    assert scores.summary == (
        "The network is right in 90.0 % of the 10 test rows; always answering “no” would be right in 90.0 %. “no” is "
        "frequent, so the ROC AUC tells more: 1.000; guessing has 0.500."
    )


def test_the_summary_of_numbers() -> None:
    data = prepared("price")
    scores = evaluate(data, np.zeros(60))
    error, mean = scores.metrics[0].value, data.preprocessor.target_mean

    assert scores.summary == (
        f"The network is off by {error:,.0f} on average in the 60 test rows; "
        f"always answering the mean, {mean:,.0f}, would be off by {error:,.0f}."
    )


def test_without_test_rows_the_validation_rows_are_measured_and_that_is_said() -> None:
    data = prepared("two", test_share=0)
    scores = evaluate(data, data.validation.y)

    assert (scores.part, scores.rows, scores.metrics[0].value) == ("validation", 40, 1)
    assert "40 validation rows" in scores.summary
    assert "There are no test rows" in scores.summary


def test_figures_that_do_not_exist_are_none() -> None:
    data = prepared("two")
    alone = replace(data, test=Split(data.test.x[:4], np.ones(4, np.float32), None, data.test.rows[:4]))
    scores = evaluate(alone, np.array([0.2, 0.7, 0.8, 0.9]))
    for name in ("ROC AUC", "balanced accuracy", "average precision"):
        assert values(scores)[name] == (None, None)
    assert scores.frame()["network"][1] == "not defined"
    assert Scores.from_json(scores.to_json()) == scores

    data = prepared("price")
    one = replace(data, test=Split(data.test.x[:1], data.test.y[:1], None, data.test.rows[:1]))
    scores = evaluate(one, np.array([0.2]))
    assert values(scores)["R²"] == (None, None)
    assert "in the only test row" in scores.summary


def test_a_class_that_is_not_in_the_test_rows() -> None:
    data = prepared("three")
    few = replace(data, test=Split(data.test.x[:3], np.array([0, 1, 0], np.int32), None, data.test.rows[:3]))

    assert evaluate(few, np.eye(3)[[0, 1, 0]]).metrics[1].value == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_outputs_must_be_finite(bad: float) -> None:
    outputs = np.full(60, 0.5)
    outputs[3] = bad

    with pytest.raises(UserError, match="finite numbers"):
        evaluate(prepared("two"), outputs)


def test_outputs_must_be_as_many_as_rows() -> None:
    with pytest.raises(ValueError, match="60"):
        evaluate(prepared("two"), np.zeros(59))


def test_scores_survive_json() -> None:
    for target, outputs in (
        ("two", np.zeros(60)),
        ("three", np.full((60, 3), 1 / 3)),
        ("price", np.zeros(60)),
    ):
        scores = evaluate(prepared(target), outputs)
        assert Scores.from_json(scores.to_json()) == scores


def test_damaged_scores_are_a_sentence(subtests: pytest.Subtests) -> None:
    for text in ["", "[]", "{}", '{"metrics": []}', '{"metrics": 3, "task": "binary"}', "nothing"]:
        with subtests.test(text), pytest.raises(UserError, match="damaged"):
            Scores.from_json(text)


def test_pictures_are_called_pictures() -> None:
    data = prepare_images(some_images((6, 8, 10), tests=2), DataSettings())
    scores = evaluate(data, np.eye(3)[data.test.y])
    assert scores.summary == (
        "The network is right in 100.0 % of the 6 test pictures; always answering “class c” would be right in 33.3 %."
    )
    assert Scores.from_json(scores.to_json()) == scores
    untested = prepare_images(some_images((6, 8, 10)), DataSettings(test_share=0))
    assert "There are no test pictures, and the validation pictures also chose the epoch" in (
        evaluate(untested, np.eye(3)[untested.validation.y]).summary
    )


def test_scores_from_before_pictures_are_of_rows() -> None:
    kept = json.loads(evaluate(prepared("two"), RNG.random(60)).to_json())
    assert kept.pop("unit") == "rows"
    assert Scores.from_json(json.dumps(kept)).unit == "rows"
    with pytest.raises(UserError, match="damaged"):
        Scores.from_json(json.dumps(kept | {"unit": "ducks"}))
