"""The fitted preprocessor as plain arrays, and its arithmetic, written once for all runtimes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from lrapp.prediction import quantiles
from lrapp.prediction.quantiles import Quantiles
from lrapp.preparation.preprocessor import InputColumn, Preprocessor
from lrapp.tables import cell_values
from lrapp.tables.columns.coded_gaps import as_written
from lrapp.tables.columns.kinds import ColumnKind

if TYPE_CHECKING:
    from lrapp.export.finished_run import Recipe

_FARTHEST = 1e6
_ROWS_AT_ONCE = 8_192
_NO_ROWS = np.zeros(0)


@dataclass(frozen=True, eq=False)
class Numbers:
    """How number slots become inputs: moved between bounds, brought to unit size, filled, scaled.

    Args:
        slots: Their places, int64, shape (n,).
        low, high, unit, fill, mean, scale: float64, shape (n,) each; ``unit`` is multiplied with.
        quantiles: Scales in place of mean and scale, if there are any.
        bound: What scaled values are bent towards smoothly; None where they are not.
    """

    slots: np.ndarray
    low: np.ndarray
    high: np.ndarray
    unit: np.ndarray
    fill: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    quantiles: Quantiles | None = None
    bound: float | None = None


@dataclass(frozen=True, eq=False)
class Portable:
    """A fitted preprocessor as arrays: columns of a table -> inputs of the network.

    Args:
        columns: The columns, in the order of the slots.
        numbers: The number slots, in the order of the inputs.
        answers, answer_fill: Places of yes/no slots, and what stands in for a missing one.
        flags: Places of the slots whose gaps are an input.
        categories: Of each category slot its place, and the inputs of each of its values, float32, shape
            (values + 1, inputs); the last row is for a value that training never saw.
    """

    columns: tuple[InputColumn, ...]
    numbers: Numbers | None
    answers: np.ndarray
    answer_fill: np.ndarray
    flags: np.ndarray
    categories: tuple[tuple[int, np.ndarray], ...]


class Arithmetic(Protocol):
    """The operations of a runtime besides + - * / on its tensors, which have the shape (rows, columns)."""

    kind: type[np.floating[Any]]
    """The precision of its numbers; the network's are float32 in any case."""

    def join(self, parts: Sequence[Any]) -> Any:
        """Put columns beside one another."""

    def is_nan(self, x: Any) -> Any:
        """True where a value is missing."""

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        """Take x where the condition holds, else y."""

    def less(self, x: Any, y: Any) -> Any:
        """True where x is less than y."""

    def floor(self, x: Any) -> Any:
        """Round down."""

    def sine(self, x: Any) -> Any:
        """Sine of radians."""

    def log(self, x: Any) -> Any:
        """Natural logarithm."""

    def root(self, x: Any) -> Any:
        """Square root."""

    def cosine(self, x: Any) -> Any:
        """Cosine of float32 radians."""

    def first(self, x: Any, columns: int) -> Any:
        """Take the first columns."""

    def take(self, table: np.ndarray, places: Any) -> Any:
        """Take the entries of a flat table that stand at whole numbers."""

    def product(self, x: Any, weights: np.ndarray) -> Any:
        """Multiply float32 rows with a matrix."""

    def activation(self, name: str, x: Any) -> Any:
        """Apply one of the functions that a layer may have, by Keras's name."""

    def single(self, x: Any) -> Any:
        """Turn booleans and float64 into float32."""

    def constant(self, values: np.ndarray) -> Any:
        """Make a tensor of an array."""


def portable(preprocessor: Preprocessor) -> Portable:
    """Return a fitted preprocessor as arrays."""
    numbers, answers, fill, flags = None, _NO_ROWS, _NO_ROWS, _NO_ROWS
    categories: list[tuple[int, np.ndarray]] = []
    owners = [column for column in preprocessor.columns for _ in column.slots]
    for name, part, slots in preprocessor.transformer.transformers_:
        match name:
            case "numbers":
                near = np.array([_near(preprocessor.columns, slot) for slot in slots])
                numbers = _numbers(part, np.asarray(slots), near)
            case "answers":
                answers, fill = np.asarray(slots), part.statistics_
            case "flags":
                flags = np.asarray(slots)
            case "categories":
                categories = _categories(part, list(slots), [len(owners[slot].values) for slot in slots])
    return Portable(
        preprocessor.columns,
        numbers,
        answers.astype(np.int64),
        fill,
        flags.astype(np.int64),
        tuple(categories),
    )


def _near(columns: Sequence[InputColumn], slot: int) -> float:
    """The tolerance between runtimes in a slot of unit size, for computed parts of dates."""
    for column in columns:
        if slot < len(column.slots):
            # Whole days and their shares; year and day of month are whole; waves, which may be computed in float32.
            return 0.0 if column.kind is not ColumnKind.DATE else (1e-9, 0.0, 0.0)[slot] if slot < 3 else 1e-6
        slot -= len(column.slots)
    raise IndexError(slot)


def _numbers(part: Any, slots: np.ndarray, near: np.ndarray) -> Numbers:
    steps = part.named_steps
    many = len(slots)
    clip, scale = steps.get("clip"), steps["scale"]
    by_quantiles, robust = (type(scale).__name__ == name for name in ("QuantileTransformer", "RobustScale"))
    far = np.finfo(np.float64).max
    return Numbers(
        slots,
        clip.low_ if clip is not None else np.full(many, -far),
        clip.high_ if clip is not None else np.full(many, far),
        np.ldexp(1.0, -steps["unit"].exponent_),
        steps["fill"].statistics_.astype(np.float64),
        np.zeros(many) if by_quantiles else scale.center_ if robust else scale.mean_,
        np.ones(many) if by_quantiles else scale.scale_,
        Quantiles(scale.quantiles_, scale.references_, near) if by_quantiles else None,
        float(scale.bound) if robust else None,
    )


def _categories(encoder: Any, slots: list[int], values: list[int]) -> list[tuple[int, np.ndarray]]:
    """The encoder's output for each code."""
    found, start = [], 0
    for place, (slot, count) in enumerate(zip(slots, values, strict=True)):
        codes = np.full((count + 1, len(slots)), cell_values.UNKNOWN)
        codes[:count, place] = np.arange(count)
        rare = encoder.infrequent_categories_[place]
        hidden = 0 if rare is None else len(rare)
        width = len(encoder.categories_[place]) - hidden + (hidden > 0)
        found.append((slot, encoder.transform(codes)[:, start : start + width].astype(np.float32)))
        start += width
    return found


def prepared(
    plan: Portable,
    ops: Arithmetic,
    number: Callable[[InputColumn], Any],
    dates: Callable[[InputColumn], Sequence[Any]],
    row: Callable[[InputColumn, np.ndarray], Any],
) -> Any:
    """Return the network's inputs, from raw columns.

    Args:
        number: A column of numbers -> its values, float64, shape (rows, 1).
        dates: A column of dates -> its parts, as ``date_parts`` gives them.
        row: A column of texts and a table -> for each text the table's row at its code.
    """
    tables = dict(plan.categories)
    slots, chosen, slot = {}, {}, 0
    for column in plan.columns:
        match column.kind:
            case ColumnKind.CATEGORY:
                chosen[slot] = row(column, tables[slot])
            case ColumnKind.YES_NO:
                slots[slot] = row(column, yes_no_table().astype(ops.kind))
            case ColumnKind.DATE:
                slots |= dict(enumerate(dates(column), slot))
            case _:
                slots[slot] = _with_gaps(number(column), column, ops)
        slot += len(column.slots)
    return compute(plan, slots, chosen, ops)


def _with_gaps(x: Any, column: InputColumn, ops: Arithmetic) -> Any:
    """Numbers without those that stand for a missing value."""
    for gap in column.gaps:
        code = ops.constant(np.array([gap]))
        other = ops.where(ops.less(code, x), x, ops.constant(np.array([np.nan])))
        x = ops.where(ops.less(x, code), x, other)
    return x


def compute(plan: Portable, slots: Mapping[int, Any], chosen: Mapping[int, Any], ops: Arithmetic) -> Any:
    """Return the network's inputs.

    Args:
        slots: Raw numbers of each slot that holds no category, float64, shape (rows, 1).
        chosen: Inputs of each category slot, float32, shape (rows, inputs), taken from its table.
    """
    parts = []
    if plan.numbers is not None:
        n = plan.numbers
        raw = ops.join([slots[slot] for slot in n.slots.tolist()])
        gaps = ops.is_nan(raw)
        x = ops.where(gaps, ops.constant(n.low), raw)
        x = ops.where(ops.less(x, ops.constant(n.low)), ops.constant(n.low), x)
        x = ops.where(ops.less(ops.constant(n.high), x), ops.constant(n.high), x)
        x = ops.where(gaps, ops.constant(n.fill), x * ops.constant(n.unit))
        if n.quantiles is not None:
            x = quantiles.scaled(x, n.quantiles, ops)
        else:
            x = (x - ops.constant(n.mean)) / ops.constant(n.scale)
        far = ops.constant(np.array([_FARTHEST]))
        near = ops.constant(np.array([-_FARTHEST]))
        x = ops.where(ops.less(x, near), near, ops.where(ops.less(far, x), far, x))
        if n.bound is not None:
            part = x / ops.constant(np.array([n.bound]))
            x = x / ops.root(ops.constant(np.array([1.0])) + part * part)
        parts.append(ops.single(x))
    if len(plan.answers):
        raw = ops.join([slots[slot] for slot in plan.answers.tolist()])
        parts.append(ops.single(ops.where(ops.is_nan(raw), ops.constant(plan.answer_fill), raw)))
    if len(plan.flags):
        parts.append(ops.single(ops.is_nan(ops.join([slots[slot] for slot in plan.flags.tolist()]))))
    parts += [chosen[slot] for slot, _ in plan.categories]
    return ops.join(parts)


def date_parts(seconds: Any, ops: Arithmetic) -> list[Any]:
    """Return the numbers that ``cells.DATE_PARTS`` names, for seconds since 1970."""
    day = ops.constant(np.array([86_400.0]))
    days = ops.floor(seconds / day)
    return day_parts(days, seconds / day - days, ops)


def day_parts(days: Any, time: Any, ops: Arithmetic) -> list[Any]:
    """Return the numbers that ``cells.DATE_PARTS`` names, for whole days since 1970 and the share of the last one.

    Days become dates as in Howard Hinnant's "chrono-compatible low-level date algorithms", whose years begin in March.
    """

    def c(value: float) -> Any:
        return ops.constant(np.array([float(value)]))

    def whole(x: Any, divisor: float) -> Any:
        # Between two whole numbers, where no rounding of the quotient reaches the next one.
        return ops.floor((x + c(0.5)) / c(divisor))

    z = days + c(719_468)
    era = whole(z, 146_097)
    day_of_era = z - era * c(146_097)
    year_of_era = whole(
        day_of_era - whole(day_of_era, 1460) + whole(day_of_era, 36_524) - whole(day_of_era, 146_096), 365
    )
    march_day = day_of_era - (year_of_era * c(365) + whole(year_of_era, 4) - whole(year_of_era, 100))
    month = whole(march_day * c(5) + c(2), 153)
    day = march_day - whole(month * c(153) + c(2), 5) + c(1)
    spring = ops.less(month, c(10))  # March to December
    year = year_of_era + era * c(400) + ops.where(spring, c(0), c(1))
    # 59 days before March, 60 in a leap year: the days since the last of February that the calendar has.
    leap = whole(year, 4) - whole(year - c(1), 4) - whole(year, 100) + whole(year - c(1), 100)
    leap = leap + whole(year, 400) - whole(year - c(1), 400)
    of_year = ops.where(spring, march_day + c(59) + leap, march_day - c(306))
    weekday = days + c(3) - whole(days + c(3), 7) * c(7)
    circles = []
    for turn in (of_year / c(366), weekday / c(7), time):
        circles += [ops.sine(turn * c(2 * np.pi)), ops.sine((turn + c(0.25)) * c(2 * np.pi))]
    return [days + time, year, day, *circles]


def raw_inputs(plan: Portable | Preprocessor, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return a table's columns as an exported model takes them, by name.

    Args:
        frame: As ``Recipe.frame``: texts, numbers and dates.

    Returns:
        float64 (a gap is NaN; of a date seconds since 1970) or texts (a gap is ""), shape (rows,) each.
    """
    made: dict[str, np.ndarray] = {}
    for column in plan.columns:
        values = frame[column.name]
        if column.kind is ColumnKind.NUMBER:
            made[column.name] = values.to_numpy(np.float64)
        elif column.kind is ColumnKind.DATE:
            seconds = values.to_numpy().astype("datetime64[s]")
            made[column.name] = np.where(np.isnat(seconds), np.nan, seconds.astype(np.int64))
        else:
            made[column.name] = values.fillna("").to_numpy(dtype=object)
    return made


def checked_inputs(recipe: "Recipe", names: Mapping[str, str] | None = None) -> dict[str, np.ndarray]:
    """Return the rows that an exported model is checked on, as ``raw_inputs`` does.

    Args:
        names: What the model calls each column, where it has other names.
    """
    columns = raw_inputs(recipe.preprocessor, recipe.frame.iloc[recipe.checked.rows])
    return columns if names is None else {names[column]: values for column, values in columns.items()}


def in_portions(
    given: Mapping[str, np.ndarray], answer: Callable[[dict[str, np.ndarray]], Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Return what a model answers to many rows, asked some at a time: its layers hold numbers for each of them.

    Args:
        given: The inputs by name, shape (rows, ...) each, at least one row.
    """
    rows = len(next(iter(given.values())))
    parts = [
        answer({name: values[start : start + _ROWS_AT_ONCE] for name, values in given.items()})
        for start in range(0, rows, _ROWS_AT_ONCE)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def text_codes(column: InputColumn) -> tuple[list[str], list[int]]:
    """Return the texts that a column may hold, and the place of each in its table."""
    if column.kind is not ColumnKind.YES_NO:
        known = {value: place for place, value in enumerate(column.values)}
        if cell_values.MISSING in known:
            known = {as_written(gap): known[cell_values.MISSING] for gap in column.gaps} | known
        return list(known), list(known.values())
    # As new tables write them, too.
    spelled = [
        (text, place)
        for place, value in enumerate(column.values)
        for text in dict.fromkeys((value, value.lower(), value.upper(), value.capitalize()))
    ]
    known = dict(reversed(spelled))
    return list(known), list(known.values())


def yes_no_table() -> np.ndarray:
    """Return the numbers of no, of yes, and of all that is neither: float64, shape (3, 1)."""
    return np.array([[0.0], [1.0], [np.nan]])
