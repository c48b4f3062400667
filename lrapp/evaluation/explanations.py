"""What predictions depend on: columns shuffled, columns set to a value, and a linear model for comparison.

Columns are moved among the prepared inputs: all inputs that came from one column move together.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrapp.evaluation import kinds
from lrapp.preparation import threshold as thresholds
from lrapp.tables import cell_values
from lrapp.tables.columns.kinds import ColumnKind

if TYPE_CHECKING:
    from lrapp.preparation.preprocessor import Preprocessor
    from lrapp.preparation.table_arrays import Prepared, Split

Answer = Callable[[NDArray[np.float32]], NDArray[Any]]
Error = Callable[["Prepared", NDArray[Any], NDArray[Any]], NDArray[np.float64]]
REPEATS = 5
GRID = 20
_MOST_VALUES = 12
_MOST_SERIES = 6
# Inputs of a batch of predictions.
_NUMBERS_AT_ONCE = 1 << 17
_LEAST_ROWS = 20


@dataclass(frozen=True)
class Importance:
    """The importance of a column.

    Args:
        drop: How much worse the figure gets when the column is shuffled among the rows: a mean over repeats.
        spread: Standard deviation over the repeats.
    """

    column: str
    drop: float
    spread: float


@dataclass(frozen=True)
class Series:
    """One line: its name (a class, or the target) and a value for each place."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Dependence:
    """The mean answer when a column is set to one value in all rows.

    Args:
        numbers: The values that it was set to, of a number column; else empty.
        labels: The values that it was set to, as text, of other columns; else empty.
        series: The mean answers: a probability for each class, or the target's value.
    """

    column: str
    numbers: tuple[float, ...]
    labels: tuple[str, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Inputs:
    """The inputs that a column became.

    Args:
        numbers: Inputs that hold a number or yes/no.
        flags: Inputs that mark a gap.
        categories: Inputs of its categories, one of them 1.
        labels: What each of ``categories`` stands for.
    """

    numbers: tuple[int, ...] = ()
    flags: tuple[int, ...] = ()
    categories: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def every(self) -> list[int]:
        """All of them."""
        return [*self.numbers, *self.flags, *self.categories]


def inputs_of(preprocessor: "Preprocessor") -> tuple[Inputs, ...]:
    """Return for each of the preprocessor's columns which inputs came from it."""
    owners = [place for place, column in enumerate(preprocessor.columns) for _ in column.slots]
    found: list[dict[str, list[Any]]] = [
        {"numbers": [], "flags": [], "categories": [], "labels": []} for _ in preprocessor.columns
    ]
    at = 0
    for name, step, slots in preprocessor.transformer.transformers_:
        if name == "remainder":
            continue
        for place, slot in enumerate(slots):
            of_column = found[owners[slot]]
            if name != "categories":
                of_column["flags" if name == "flags" else "numbers"].append(at)
                at += 1
                continue
            labels = _labels(step, place, preprocessor.columns[owners[slot]].values)
            of_column["categories"] += range(at, at + len(labels))
            of_column["labels"] += labels
            at += len(labels)
    return tuple(Inputs(**{key: tuple(values) for key, values in one.items()}) for one in found)


def _labels(encoder: Any, place: int, values: tuple[str, ...]) -> list[str]:
    rare = encoder.infrequent_categories_[place]
    hidden = set() if rare is None else {int(code) for code in rare}
    shown = [values[int(code)] for code in encoder.categories_[place] if int(code) not in hidden]
    return [text if text != cell_values.MISSING else "(missing)" for text in shown] + ["(rare)"] * bool(
        hidden
    )


def error_of(prepared: "Prepared", y: NDArray[Any], outputs: NDArray[Any]) -> NDArray[np.float64]:
    """Return each row's error: 0 or 1 for classes, the distance in the target's units for a number.

    Args:
        y: The truth as prepared, shape (rows,).
    """
    table = np.asarray(outputs, np.float64).reshape(len(outputs), -1)
    if prepared.task == "regression":
        preprocessor = prepared.preprocessor
        errors: NDArray[np.float64] = (
            np.abs(preprocessor.linear(table[:, 0]) - preprocessor.linear(y)) * prepared.metric_scale
        )
        return errors
    binary, level = prepared.task == "binary", thresholds.level_of(prepared.preprocessor.threshold)
    answers = table[:, 0] > level if binary else table.argmax(axis=1)
    return (answers != y).astype(np.float64)


def log_loss_of(prepared: "Prepared", y: NDArray[Any], outputs: NDArray[Any]) -> NDArray[np.float64]:
    """Return each row's log loss, of classes only; arguments as for ``error_of``."""
    chances = prepared.preprocessor.decode(outputs).probabilities
    assert chances is not None
    given = chances[np.arange(len(y)), y.astype(np.int64)]
    losses: NDArray[np.float64] = -np.log(np.clip(given, np.finfo(np.float64).eps, 1.0))
    return losses


def sampled(part: "Split", most: int) -> NDArray[np.int64]:
    """Return positions of at most that many rows of a part, ascending, the same ones each time."""
    rows = len(part.y)
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def importance(
    prepared: "Prepared",
    part: "Split",
    rows: NDArray[np.int64],
    column: int,
    of: Inputs,
    answer: Answer,
    error: Error = error_of,
) -> Importance:
    """Return a column's importance: how much the mean error grows when it is shuffled (Breiman 2001).

    Args:
        part, rows: The rows to measure on, at least 1.
        answer: The network, inputs -> outputs; called once.
        error: What is counted as an error: ``error_of``, or ``log_loss_of``.
    """
    x, y = part.x[rows], part.y[rows]
    random = np.random.default_rng((0, column))
    stacked = np.tile(x, (REPEATS + 1, 1))
    for repeat in range(1, REPEATS + 1):
        shuffled = random.permutation(len(rows))
        stacked[repeat * len(x) : (repeat + 1) * len(x), of.every] = x[shuffled][:, of.every]
    errors = error(prepared, np.tile(y, REPEATS + 1), answer(stacked))
    means = errors.reshape(REPEATS + 1, -1).mean(axis=1)
    drops = means[1:] - means[0]
    return Importance(prepared.tabular.columns[column].name, float(drops.mean()), float(drops.std(ddof=1)))


def dependence(
    prepared: "Prepared", part: "Split", rows: NDArray[np.int64], column: int, of: Inputs, answer: Answer
) -> Dependence | None:
    """Return the mean answer over the values of a column (Friedman 2001); None for dates and single values.

    Args:
        part, rows: The rows to average over, at least 1.
        answer: The network, inputs -> outputs; called once.
    """
    about = prepared.tabular.columns[column]
    if about.kind is ColumnKind.DATE:
        return None
    x = part.x[rows]
    numbers: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    if of.categories:
        often = np.argsort(-x[:, of.categories].sum(axis=0), kind="stable")[:_MOST_VALUES]
        chosen = np.sort(often)
        settings = np.eye(len(of.categories), dtype=np.float32)[chosen]
        moved = list(of.categories)
        labels = tuple(of.labels[place] for place in chosen)
    elif not of.numbers:
        return None
    elif about.kind is ColumnKind.YES_NO:
        settings, moved, labels = np.array([[0.0], [1.0]], np.float32), list(of.numbers), about.values
    else:
        there = x[(x[:, of.flags] == 0).all(axis=1)][:, of.numbers[0]] if of.flags else x[:, of.numbers[0]]
        if not len(there):
            return None
        grid = np.unique(np.quantile(there, np.linspace(0.02, 0.98, GRID), method="nearest"))
        settings, moved = grid[:, None].astype(np.float32), [of.numbers[0]]
        numbers = _raw(prepared.tabular, of.numbers[0], grid)
    if len(settings) < 2:
        return None
    stacked = np.tile(x, (len(settings), 1))
    stacked[:, moved] = np.repeat(settings, len(x), axis=0)
    stacked[:, list(of.flags)] = 0.0
    table = np.asarray(answer(stacked), np.float64).reshape(len(settings), len(x), -1).mean(axis=1)
    return Dependence(about.name, numbers, labels, _series(prepared, table))


def _raw(preprocessor: "Preprocessor", place: int, values: NDArray[Any]) -> tuple[float, ...]:
    """Scaled numbers of one input in the column's units."""
    pipeline = preprocessor.transformer.named_transformers_["numbers"]
    unit, scale = pipeline.named_steps["unit"], pipeline.named_steps["scale"]
    # "numbers" comes first among the transformers, so an input's place is its place there.
    table = np.zeros((len(values), len(unit.exponent_)))
    table[:, place] = values
    raw = np.ldexp(scale.inverse_transform(table)[:, place], unit.exponent_[place])
    return tuple(float(f"{value:.6g}") for value in raw.tolist())


def _series(prepared: "Prepared", table: NDArray[np.float64]) -> tuple[Series, ...]:
    if prepared.task == "regression":
        values = prepared.preprocessor.decode(table[:, 0]).values
        return (Series(prepared.target, tuple(values.tolist())),)
    if prepared.task == "binary":
        return (Series(prepared.classes[1], tuple(table[:, 0].tolist())),)
    sizes = np.bincount(prepared.train.y, minlength=len(prepared.classes))
    largest = np.sort(np.argsort(-sizes, kind="stable")[:_MOST_SERIES])
    return tuple(Series(prepared.classes[k], tuple(table[:, k].tolist())) for k in largest)


def related(prepared: "Prepared", of: tuple[Inputs, ...], rows: int = 5_000) -> list[int]:
    """Return column numbers, those first whose inputs go most with the target in a line (by correlation)."""
    chosen = sampled(prepared.train, rows)
    y = prepared.train.y[chosen].astype(np.float64)
    if prepared.task == "multi-class":
        sizes = np.bincount(prepared.train.y)
        targets = y[:, None] == np.argsort(-sizes, kind="stable")[:_MOST_SERIES]
    else:
        targets = y[:, None]
    targets = targets - targets.mean(axis=0)
    strengths = []
    for one in of:
        x = prepared.train.x[chosen][:, one.every].astype(np.float64)
        x = x - x.mean(axis=0)
        norms = np.sqrt(np.outer((x**2).sum(axis=0), (targets**2).sum(axis=0)))
        strengths.append((np.abs(x.T @ targets) / np.maximum(norms, 1e-12)).max(initial=0.0))
    return [int(place) for place in np.argsort(-np.array(strengths), kind="stable")]


def linear_outputs(prepared: "Prepared", x: NDArray[np.float32]) -> tuple[NDArray[Any], int] | None:
    """Return a linear model's predictions, in the form of the network's outputs, and how many rows it learned from.

    Logistic regression for classes, ridge regression for a number, both with scikit-learn's defaults, on the same
    prepared training rows; of many, a sample. None where too few rows would be left, or a sample has one class.
    Pictures are made smaller first.

    Args:
        x: Inputs to predict for, as in ``Part.x``.
    """
    from threadpoolctl import threadpool_limits

    # On one core: the last bits do not depend on the number of cores, and each takes megabytes more.
    with threadpool_limits(1, user_api="blas"):
        return _fitted(prepared, x)


def _fitted(prepared: "Prepared", x: NDArray[np.float32]) -> tuple[NDArray[Any], int] | None:
    from sklearn.linear_model import LogisticRegression, Ridge

    train, kind = prepared.train, kinds.of(prepared.kind)
    width = kind.linear_inputs(train.x[:1]).shape[1]
    work = width * (len(prepared.classes) if prepared.task == "multi-class" else 1)
    rows = sampled(train, kind.linear_work // work)
    weight = None if train.weight is None else train.weight[rows]
    y = train.y[rows]
    if len(rows) < _LEAST_ROWS or (prepared.task != "regression" and len(np.unique(y)) < 2):
        return None
    at_once = max(1, _NUMBERS_AT_ONCE // int(np.prod(prepared.shape)))
    inputs = np.empty((len(rows), width))
    for start in range(0, len(rows), at_once):
        piece = slice(start, start + at_once)
        inputs[piece] = kind.linear_inputs(train.x[rows[piece]])
    pieces = [x[start : start + at_once] for start in range(0, len(x), at_once)]
    if prepared.task == "regression":
        line = Ridge().fit(inputs, y.astype(np.float64))
        return np.concatenate([line.predict(kind.linear_inputs(piece)) for piece in pieces]), len(rows)
    model = LogisticRegression(max_iter=kind.linear_rounds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not quite the optimum, but still a fair comparison
        model.fit(inputs, y.astype(np.int64), sample_weight=weight)
    chances = np.concatenate([model.predict_proba(kind.linear_inputs(piece)) for piece in pieces])
    if prepared.task == "binary":
        return chances[:, 1], len(rows)
    # A sample, or the training rows themselves, may lack a class.
    table = np.zeros((len(x), len(prepared.classes)))
    table[:, model.classes_] = chances
    return table, len(rows)
