"""Which rows the loop gets, and in which order: all of them, or block after block where memory holds no more.

A block is some hundreds of runs of neighbouring rows, drawn from the whole table, so that a table in order (by time, or
by class) is mixed nearly as well as by shuffling all rows, and the file that the rows come from is read in pieces that
suit a disk. Within a block, rows are shuffled one by one. While a block trains, a thread reads the next one.
"""

import math
import mmap
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrapp.networks.memory_estimate import RUNS
from lrapp.training.loop import Loop, shuffled
from lrapp.training.records import Data

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Split

Rows = NDArray[np.int64] | slice
Load = Callable[[Rows], Data]


@dataclass(frozen=True)
class Part:
    """What the loop can work through without other rows.

    Args:
        order: The order in which an epoch uses them, int32, shape (rows,).
        first: The step or the batch that comes next, counted from the first of the part.
    """

    data: Data
    order: tf.Tensor
    first: int
    left: int


class Feed(Protocol):
    """Gives the loop its rows, which are ``rows`` in all."""

    rows: int

    def steps(self, seed: int, epoch: int, step: int) -> Part:
        """Return the part that holds a step of an epoch, both counted from 0; it follows from the arguments alone."""

    def batches(self, batch: int) -> Part:
        """Return the part that holds a batch that is evaluated, counted from 0."""


class Whole:
    """All rows at once, in the batch sizes of a loop."""

    def __init__(self, loop: Loop, data: Data) -> None:
        self.rows, self.data = data.rows, data
        self._loop = loop
        self._order: tuple[tuple[int, int], tf.Tensor] | None = None

    def steps(self, seed: int, epoch: int, step: int) -> Part:
        """Return the part that holds a step of an epoch."""
        if self._order is None or self._order[0] != (seed, epoch):
            self._order = (seed, epoch), shuffled(self.rows, seed, epoch)
        return Part(self.data, self._order[1], step, -(-self.rows // self._loop.batch_size) - step)

    def batches(self, batch: int) -> Part:
        """Return the part that holds a batch that is evaluated."""
        return Part(self.data, tf.zeros(0, tf.int32), batch, self._loop.evaluation_batches(self.data) - batch)


class Blocks:
    """Rows that are read block after block.

    Args:
        loop: Its batch sizes count.
        block_rows: Rows of a block; whole batches.
        load: Returns some rows, in ascending order, as the loop takes them; called in a thread, too.
    """

    def __init__(self, loop: Loop, rows: int, block_rows: int, load: Load) -> None:
        self.rows = rows
        self._loop, self._block_rows, self._load = loop, block_rows, load
        self._order: tuple[tuple[int, int], NDArray[np.int32]] | None = None
        self._shuffled = _Ahead(self._block)
        self._watched: tuple[int, Data] | None = None

    def steps(self, seed: int, epoch: int, step: int) -> Part:
        """Return the part that holds a step of an epoch."""
        per_block = self._block_rows // self._loop.batch_size
        block, first = divmod(step, per_block)
        last = (block + 1) * self._block_rows >= self.rows
        following = (seed, epoch + 1, 0) if last else (seed, epoch, block + 1)
        data, order = self._shuffled.get((seed, epoch, block), following)
        return Part(data, order, first, -(-data.rows // self._loop.batch_size) - first)

    def batches(self, batch: int) -> Part:
        """Return the part that holds a batch that is evaluated."""
        per_block = max(1, self._block_rows // self._loop.evaluation_rows)
        block, first = divmod(batch, per_block)
        if self._watched is None or self._watched[0] != block:
            self._watched = None  # before the next one is there
            size = per_block * self._loop.evaluation_rows
            self._watched = block, self._load(slice(block * size, min(self.rows, (block + 1) * size)))
        data = self._watched[1]
        if (block + 1) * per_block * self._loop.evaluation_rows >= self.rows:
            self._watched = None  # training needs the room
        return Part(data, tf.zeros(0, tf.int32), first, self._loop.evaluation_batches(data) - first)

    def _block(self, key: tuple[int, int, int]) -> tuple[Data, tf.Tensor]:
        seed, epoch, block = key
        if self._order is None or self._order[0] != (seed, epoch):
            self._order = None
            self._order = (seed, epoch), shuffled_in_blocks(self.rows, self._block_rows, seed, epoch)
        chosen = self._order[1][block * self._block_rows : (block + 1) * self._block_rows]
        # Read in the order of the file.
        places = np.argsort(chosen)
        order = np.empty(len(chosen), np.int32)
        order[places] = np.arange(len(chosen), dtype=np.int32)
        return self._load(chosen[places].astype(np.int64)), tf.constant(order)


def feed(loop: Loop, part: "Split", block_rows: int = 0, kept: NDArray[np.int64] | None = None) -> Feed:
    """Return what gives a loop the rows of a part.

    Args:
        block_rows: How many of them memory holds at once; 0 where it holds all.
        kept: Which rows, ascending; all by default.
    """
    rows = len(part.y) if kept is None else len(kept)
    if not 0 < block_rows < rows:
        return Whole(loop, loop.load(part if kept is None or rows == len(part.y) else taken(part, kept)))
    return Blocks(
        *(loop, rows, block_rows), lambda at: loop.load(taken(part, at if kept is None else kept[at]))
    )


def taken(part: "Split", rows: Rows) -> "Split":
    """Return some rows of a part, copied to where the loop can use them without another copy."""
    y, weight = part.y[rows], None if part.weight is None else part.weight[rows]
    x = _room((len(y), *part.x.shape[1:]), part.x.dtype)
    if isinstance(rows, slice):
        x[...] = part.x[rows]
    else:
        np.take(part.x, rows, axis=0, out=x, mode="clip")  # else NumPy copies once more
    return replace(part, x=x, y=y, weight=weight, rows=part.rows[rows])


def _room(shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    """An array of pages of its own, which go back to the system with it; the C library would keep holes."""
    size = max(1, math.prod(shape) * kind.itemsize)
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    pages = mmap.mmap(-1, size, **private)
    return np.frombuffer(pages, kind, math.prod(shape)).reshape(shape)


def shuffled_in_blocks(rows: int, block_rows: int, seed: int, epoch: int) -> NDArray[np.int32]:
    """Return the order in which an epoch uses rows that come in blocks; it follows from its arguments alone.

    Args:
        rows: Rows to shuffle, at least 1.
        block_rows: Rows of a block, at least 1; the last block may have fewer.
        seed: The run's seed, zero or more.
        epoch: Epoch, counted from 0.
    """
    generator = np.random.default_rng(np.random.SeedSequence([seed, epoch]))
    length = max(1, block_rows // RUNS)
    runs = generator.permutation(-(-rows // length)).astype(np.int32)
    every = (runs[:, None] * length + np.arange(length, dtype=np.int32)).reshape(-1)
    order: NDArray[np.int32] = every[every < rows].astype(np.int32)
    for start in range(0, rows, block_rows):
        generator.shuffle(order[start : start + block_rows])
    return order


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Ahead(Generic[K, V]):
    """Makes one thing after the other, the next one in a thread while the one before is used."""

    def __init__(self, make: Callable[[K], V]) -> None:
        self._make = make
        self._now: tuple[K, V] | None = None
        self._next: tuple[K, Future[V]] | None = None
        self._thread = ThreadPoolExecutor(1, "lrapp-blocks")

    def get(self, key: K, following: K) -> V:
        """Return the thing of a key; the one that is likely to follow it is made meanwhile."""
        if self._now is None or self._now[0] != key:
            self._now = None  # memory holds two at most
            expected = self._next is not None and self._next[0] == key
            made = self._next[1].result() if self._next is not None and expected else None
            if self._next is not None and not expected:
                self._next[1].exception()
            self._next = None
            self._now = key, self._make(key) if made is None else made
            if following != key:
                self._next = following, self._thread.submit(self._make, following)
        return self._now[1]
