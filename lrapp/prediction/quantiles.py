"""Scaling by quantiles as plain arithmetic, as ``sklearn.preprocessing.QuantileTransformer`` computes it.

A value becomes the share of training rows below it, by interpolation between quantiles, and the share becomes the
point of the normal distribution that has as much below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lrapp.prediction.plain_model import Arithmetic

# As in scikit-learn: what is nearer to an end than this, in values or in shares, is at the end.
_NEAREST = 1e-7
# Quantiles of what another runtime computes that are no further apart than this are one value.
_NOISE = 1e-12
# Wichura 1988, Algorithm AS 241 (PPND7): right to seven digits. Highest power first.
_MIDDLE = (
    (59.10937472, 159.29113202, 50.434271938, 3.3871327179),
    (67.187563600, 78.757757664, 17.895169469, 1.0),
)
_TAIL = (
    (0.17023821103, 1.3067284816, 2.7568153900, 1.4234372777),
    (0.12021132975, 0.73700164250, 1.0),
)


@dataclass(frozen=True, eq=False)
class Quantiles:
    """What was learned from the training rows.

    Args:
        values: Quantiles of each column, rising, float64, shape (quantiles, columns).
        shares: The share of rows below each, 0 to 1, float64, shape (quantiles,).
        near: Values not further apart than this are equal, float64, shape (columns,). Where many rows share a value,
            as a weekday's sine, the last digit of another runtime must not tell it from the quantile.
    """

    values: np.ndarray
    shares: np.ndarray
    near: np.ndarray


@dataclass(frozen=True, eq=False)
class _Tables:
    """Different quantiles of each column, one column after the other, each filled up to a power of two.

    Args:
        length: Entries of each column.
        at: The quantiles, rising.
        least, most, middle: Shares of rows below, up to, and half-way: they differ where quantiles are equal.
    """

    length: int
    at: np.ndarray
    least: np.ndarray
    most: np.ndarray
    middle: np.ndarray


def _tables(learned: Quantiles, kind: type[np.floating[Any]]) -> _Tables:
    """The tables for a runtime of that precision, in which more quantiles may be equal."""
    rows, columns = learned.values.shape
    length = 1 << int(rows).bit_length()  # at least one entry more than quantiles, to be the end
    shape = (columns, length)
    at = np.full(shape, np.finfo(kind).max, np.float64)
    least, most, middle = np.ones(shape), np.ones(shape), np.ones(shape)
    for column in range(columns):
        values, first = np.unique(learned.values[:, column], return_index=True)
        from_, to = learned.shares[first], learned.shares[np.append(first[1:], rows) - 1]
        typed = values.astype(kind)
        same = _NOISE if learned.near[column] else 0.0
        start = np.flatnonzero(np.append(True, typed[1:] > typed[:-1] + same))
        end = np.append(start[1:], len(values))
        many = len(start)
        least[column, :many], most[column, :many] = from_[start], to[end - 1]
        chosen = [
            max(
                range(one, other),
                key=lambda place: _claim(float(values[place]), float(to[place] - from_[place])),
            )
            for one, other in zip(start.tolist(), end.tolist(), strict=True)
        ]
        at[column, :many] = typed[chosen]
        middle[column, :many] = (from_[chosen] + to[chosen]) / 2
    return _Tables(length, at.ravel(), least.ravel(), most.ravel(), middle.ravel())


def _claim(value: float, rows: float) -> tuple[float, int]:
    """Which of nearly equal quantiles rows have: the one that most rows share, or that is rounded.

    Rows hold rounded numbers; what lies beside them by a last digit is where quantiles were interpolated.
    """
    return rows, -len(repr(value))


def scaled(x: Any, learned: Quantiles, ops: "Arithmetic") -> Any:
    """Return the points of the normal distribution for values, shape (rows, columns), of which none is missing."""
    tables = _tables(learned, ops.kind)

    def c(values: Any) -> Any:
        return ops.constant(np.asarray(values, np.float64).reshape(-1))

    low, high = learned.values[0], learned.values[-1]
    near = np.maximum(_NEAREST, learned.near)
    start, end = ops.less(x, c(low + near)), ops.less(c(high - near), x)
    # Where float32 cannot distinguish the ends from values near them.
    not_start, not_end = ops.less(c(low), x), ops.less(x, c(high))
    x = ops.where(ops.less(x, c(low)), c(low), ops.where(ops.less(c(high), x), c(high), x))
    # A binary search: the last quantile that is not above the value.
    place = ops.constant(np.arange(len(low)) * float(tables.length)) + x * c(0.0)
    step = tables.length // 2
    while step:
        further = place + c(float(step))
        place = ops.where(ops.less(x, ops.take(tables.at, further)), place, further)
        step //= 2
    here, there = ops.take(tables.at, place), ops.take(tables.at, place + c(1.0))
    part = (x - here) / (there - here)
    off_here, off_there = ops.less(here + c(learned.near), x), ops.less(x, there - c(learned.near))

    def share(most: np.ndarray, least: np.ndarray, middle: np.ndarray) -> Any:
        start = ops.take(most, place)
        inside = start + part * (ops.take(least, place + c(1.0)) - start)
        inside = ops.where(off_there, inside, ops.take(middle, place + c(1.0)))
        return ops.where(off_here, inside, ops.take(middle, place))

    below = share(tables.most, tables.least, tables.middle)
    # Not 1 minus that: near the upper end float32 would lose it.
    above = share(1.0 - tables.most, 1.0 - tables.least, 1.0 - tables.middle)
    # The lower end wins where a column has a single value.
    below, above = ops.where(not_end, below, c(1.0)), ops.where(not_end, above, c(0.0))
    below, above = ops.where(end, c(1.0), below), ops.where(end, c(0.0), above)
    below, above = ops.where(not_start, below, c(0.0)), ops.where(not_start, above, c(1.0))
    below, above = ops.where(start, c(0.0), below), ops.where(start, c(1.0), above)
    return _normal(below, above, ops)


def _normal(below: Any, above: Any, ops: "Arithmetic") -> Any:
    """The point of the normal distribution with these shares below and above it."""

    def c(value: float) -> Any:
        return ops.constant(np.array([value]))

    def ratio(r: Any, powers: tuple[Sequence[float], Sequence[float]]) -> Any:
        over, under = (_polynomial(r, of, c) for of in powers)
        return over / under

    off = (below - above) * c(0.5)
    middle = off * ratio(c(0.180625) - off * off, _MIDDLE)
    left = ops.less(below, above)
    tail = ops.where(left, below, above)
    tail = ops.where(ops.less(tail, c(_NEAREST)), c(_NEAREST), tail)
    far = ratio(ops.root(c(0.0) - ops.log(tail)) - c(1.6), _TAIL)
    far = ops.where(left, c(0.0) - far, far)
    inside = ops.less(off * off, c(0.425**2))
    return ops.where(inside, middle, far)


def _polynomial(r: Any, powers: Sequence[float], c: Any) -> Any:
    value = c(powers[0])
    for power in powers[1:]:
        value = value * r + c(power)
    return value
