"""Boosted trees beside a network: scikit-learn's, on the same training rows, measured on the same rows.

The reference for tables. They see a column's categories as categories and gaps as gaps, as suits them, put together
again from the network's inputs. Validation rows tell them when to end, as they tell the network.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrapp.errors import UserError
from lrapp.evaluation import explanations, judging, tree_advice
from lrapp.evaluation.judging import Contrast
from lrapp.evaluation.kept_json import KeptAsJson
from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import evaluate
from lrapp.evaluation.tree_advice import Idea
from lrapp.phrasing import counted
from lrapp.runs.events import History
from lrapp.settings import RunSettings

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared, Split

FILE = "trees.json"
# Numbers that the trees look at, of all rows; of more rows a sample. 50,000 rows of 15 columns take some seconds.
_MOST_NUMBERS = 4_000_000
_LEAST_ROWS = 40
_MOST_ROUNDS, _ROUNDS_AT_ONCE, _ROUNDS_WITHOUT_VALIDATION = 1_000, 10, 100
# Every call sorts the rows into bins again, so that more rounds at once cost less, while a call is shorter than this,
# in processor time. The trees are the same.
_SECONDS_AT_ONCE = 0.4
# If they take longer they are left out; nobody waits for them.
_SECONDS = 45.0
_MOST_CATEGORIES = 255


@dataclass(frozen=True)
class BesideTrees(KeptAsJson):
    """How a network compares with boosted trees.

    Args:
        part, rows: The rows that both were measured on, and their number.
        metrics: The trees' figures; empty where they were left out.
        sentence: Who does better, and what to try; or why they were left out.
        ideas: What to try, where the trees do better; the sentence has it in words.
    """

    part: str
    rows: int
    metrics: tuple[Metric, ...] = ()
    sentence: str = ""
    better: bool = False
    notes: tuple[str, ...] = ()
    ideas: tuple[Idea, ...] = ()

    DAMAGED = (
        "The comparison of this run with boosted trees is damaged or from another version: train it again to "
        "have a new one."
    )


def kept(folder: Path) -> BesideTrees | None:
    """Return how a run's network compares with boosted trees; None where that was not measured.

    Raises:
        UserError: If the file is damaged or from another version.
    """
    try:
        return BesideTrees.from_json((folder / FILE).read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError("The comparison of this run with boosted trees cannot be read.") from error


def beside(
    prepared: "Prepared",
    outputs: NDArray[Any],
    settings: RunSettings,
    history: History,
    go_on: Callable[[], bool] = lambda: True,
) -> BesideTrees | None:
    """Return how a network compares with boosted trees on the test rows; where there are none, the validation rows.

    Args:
        outputs: The network's outputs for those rows, as for ``scores.evaluate``.
        settings: Of the run, to see what else could be tried.
        go_on: Called repeatedly; None is returned soon after it returns False.
    """
    from threadpoolctl import threadpool_limits

    name, part = ("test", prepared.test) if len(prepared.test.y) else ("validation", prepared.validation)
    with threadpool_limits(1, user_api="openmp"):  # the page and the next run need the other cores
        found = _outputs(prepared, part, settings, go_on)
    if found is None:
        return None
    if isinstance(found, str):
        return BesideTrees(
            name, len(part.y), sentence=f"There are no boosted trees to compare with: {found}."
        )
    answers, learned = found
    notes: tuple[str, ...] = ()
    # In a cross-validation a fold is held out for the trees to watch.
    whole = max(len(prepared.train.y), history.prepared.train if history.prepared is not None else 0)
    if learned < whole:
        notes = (f"The boosted trees learned from {learned:,} of {counted(whole, 'training row')}.",)
    contrast = judging.contrast(prepared, part, outputs, answers)
    metrics = evaluate(prepared, answers).metrics
    better = contrast.sure and contrast.gain < 0
    wanted = tree_advice.ideas(settings, history, prepared) if better else ()
    sentence = _sentence(contrast, len(part.y), tree_advice.words(wanted))
    return BesideTrees(name, len(part.y), metrics, sentence, better, notes, wanted)


def _sentence(found: Contrast, rows: int, advice: str) -> str:
    if found.level:
        return f"The network and boosted trees answer equally well: {judging.words(found, 'boosted trees')}."
    if not found.sure:
        many = counted(rows, "row")
        return (
            f"The network and boosted trees are about as good: {judging.words(found, 'boosted trees')}; with {many} "
            "that much can be chance."
        )
    if found.gain > 0:
        return f"The network clearly beats boosted trees: {judging.words(found, 'boosted trees')}."
    figures = judging.words(found, "boosted trees", second_first=True)
    return f"Boosted trees do better: {figures}. {advice}".strip()


def _outputs(
    prepared: "Prepared", part: "Split", settings: RunSettings, go_on: Callable[[], bool]
) -> tuple[NDArray[Any], int] | str | None:
    """The trees' predictions, as the network's outputs, and the rows they learned from; or why there are none."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    columns = explanations.inputs_of(prepared.tabular)
    classes = len(prepared.classes) if prepared.task == "multi-class" else 1
    rows = explanations.sampled(prepared.train, _MOST_NUMBERS // (len(columns) * classes))
    y = _targets(prepared, prepared.train)[rows]
    of_classes = prepared.task != "regression"
    if len(rows) < _LEAST_ROWS:
        return "there are too few rows for them"
    if of_classes and len(np.unique(y)) < 2:
        return "the rows that they would learn from have a single class"
    x, categorical = _features(columns, prepared.train.x[rows])
    weight = None if prepared.train.weight is None else prepared.train.weight[rows]
    watched = prepared.validation
    known = np.isin(watched.y, y) if of_classes else np.ones(len(watched.y), np.bool_)
    choices = {
        "categorical_features": categorical,
        "random_state": settings.training.seed,
        "warm_start": True,
    }
    choices["early_stopping"] = bool(known.any())
    model: Any = (HistGradientBoostingClassifier if of_classes else HistGradientBoostingRegressor)(
        max_iter=_ROUNDS_AT_ONCE, **choices
    )
    held = {}
    if known.any():
        held = {
            "X_val": _features(columns, watched.x)[0][known],
            "y_val": _targets(prepared, watched)[known],
        }
        if weight is not None and watched.weight is not None:
            held["sample_weight_val"] = watched.weight[known]
    most = _MOST_ROUNDS if held else _ROUNDS_WITHOUT_VALIDATION
    began, at_once = time.monotonic(), _ROUNDS_AT_ONCE
    while True:
        if not go_on():
            return None
        call = time.thread_time()
        model.fit(x, y, sample_weight=weight, **held)
        if model.n_iter_ < model.max_iter or model.max_iter >= most:
            break
        if time.monotonic() - began > _SECONDS:
            return f"they were not done after {_SECONDS:.0f} seconds"
        at_once *= 2 if time.thread_time() - call < _SECONDS_AT_ONCE else 1
        model.max_iter = min(most, model.max_iter + at_once)
    given = _features(columns, part.x)[0]
    if not of_classes:
        return model.predict(given), len(rows)
    chances = np.zeros((len(given), len(prepared.classes)))
    chances[:, model.classes_] = model.predict_proba(given)
    return (chances[:, 1] if prepared.task == "binary" else chances), len(rows)


def _targets(prepared: "Prepared", part: "Split") -> NDArray[Any]:
    return part.y.astype(np.float64 if prepared.task == "regression" else np.int64)


def _features(
    columns: tuple[explanations.Inputs, ...], x: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Inputs as trees like them, and which are categories: one number a category column, NaN for a gap."""
    found: list[Any] = []
    categorical: list[bool] = []
    for column in columns:
        gaps = (x[:, list(column.flags)] > 0).any(axis=1) if column.flags else None
        for place in column.numbers:
            numbers = np.array(x[:, place], np.float32)
            if gaps is not None:
                numbers[gaps] = np.nan
            found.append(numbers)
            categorical.append(False)
        if column.flags and not column.numbers:
            assert gaps is not None
            found.append(np.asarray(gaps, np.float32))
            categorical.append(False)
        if column.categories:
            ones = x[:, list(column.categories)]
            code = np.where(ones.max(axis=1) > 0, ones.argmax(axis=1), np.nan).astype(np.float32)
            found.append(code)
            categorical.append(len(column.categories) <= _MOST_CATEGORIES)
    return np.column_stack(found), np.array(categorical)
