"""Two models on the same rows: the figure fits the question, and noise is no verdict."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from lrapp.evaluation import judging
from lrapp.evaluation.judging import AREA, BALANCED, LOSS, OFF
from lrapp.preparation.table_arrays import Prepared, prepare
from lrapp.settings import DataSettings
from lrapp.tables.reading import read_csv

RNG = np.random.default_rng(3)
ROWS = 1_000
A = RNG.normal(size=ROWS)


def prepared(target: NDArray[Any], **settings: Any) -> Prepared:
    frame = pd.DataFrame({"a": A, "target": target})
    table = read_csv(frame.to_csv(index=False).encode(), "t.csv")
    return prepare(table, DataSettings(target="target", test_share=0.4, **settings))


def test_two_classes_are_judged_by_how_they_are_ranked() -> None:
    data = prepared(np.where(A + RNG.normal(size=ROWS) > 1.5, "rare", "usual"))
    y, x = data.test.y, data.test.x[:, 0]
    sign = 1 if roc_auc_score(y, x) > 0.5 else -1
    good = 1 / (1 + np.exp(-sign * x.astype(float)))
    # Never sure enough to say the rarer class, so that its accuracy is the baseline's, and yet it has learned.
    shy = good * 0.4 if np.mean(y) < 0.5 else 1 - (1 - good) * 0.4
    found = judging.contrast(data, data.test, shy[:, None], RNG.random((len(y), 1)))
    assert found.figure == AREA
    assert found.first == pytest.approx(roc_auc_score(y, shy))
    assert found.sure
    assert found.gain > 0
    beside = judging.beside_baseline(data, data.test, shy[:, None])
    assert (beside.second, beside.sure) == (0.5, True)
    assert judging.contrast(data, data.test, shy[:, None], good[:, None]).level


def test_the_error_of_two_areas_is_that_of_samples_drawn_again() -> None:
    data = prepared(np.where(A + RNG.normal(size=ROWS) > 0, "pos", "neg"))
    y = data.test.y
    first, second = y + RNG.normal(0, 1, len(y)), y + RNG.normal(0, 2, len(y))
    scaled = [(one - one.min()) / np.ptp(one) for one in (first, second)]
    found = judging.contrast(data, data.test, *(one[:, None] for one in scaled))
    drawn = []
    for _ in range(400):
        rows = RNG.integers(0, len(y), len(y))
        drawn.append(roc_auc_score(y[rows], first[rows]) - roc_auc_score(y[rows], second[rows]))
    assert found.chance == pytest.approx(float(np.std(drawn)), rel=0.2)


def test_noise_is_rarely_a_verdict() -> None:
    data = prepared(np.where(A > 0, "pos", "neg"))
    shape = (len(data.test.y), 1)
    sure = [judging.contrast(data, data.test, RNG.random(shape), RNG.random(shape)).sure for _ in range(200)]
    assert np.mean(sure) < 0.1


@pytest.mark.parametrize(("balanced", "figure"), [(False, LOSS), (True, BALANCED)])
def test_several_classes_are_judged_by_the_log_loss(balanced: bool, figure: str) -> None:
    names = np.array(["x", "y", "z"])[np.digitize(A, [0.8, 1.6])]
    data = prepared(names, class_weights=balanced)
    y = data.test.y
    often = np.tile(np.bincount(data.train.y) / len(data.train.y), (len(y), 1))
    equal = np.full((len(y), 3), 1 / 3)
    found = judging.contrast(data, data.test, often, equal)
    assert found.figure == figure
    # Whether it pays to say what is frequent is the question that the weights decide.
    assert found.sure
    assert (found.gain > 0) is not balanced
    assert judging.beside_baseline(data, data.test, equal if balanced else often).level


def test_numbers_are_judged_in_their_units() -> None:
    data = prepared(A * 10 + 3)
    found = judging.contrast(data, data.test, data.test.y[:, None], np.zeros_like(data.test.y)[:, None])
    assert (found.figure, found.first) == (OFF, 0)
    assert found.second == pytest.approx(np.abs(data.test.y).mean() * data.metric_scale, rel=1e-5)
    assert judging.words(found, "a linear model").startswith("off by 0 on average, a linear model by ")
