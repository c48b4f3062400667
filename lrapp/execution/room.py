"""Whether memory holds a run: all of its rows, or some blocks of them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from lrapp import free_memory
from lrapp.networks import memory_estimate
from lrapp.phrasing import counted
from lrapp.settings import RunSettings

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared


def needed(settings: RunSettings, prepared: "Prepared", block_rows: int | None = None) -> tuple[int, int]:
    """Return the bytes that a run needs, and how many training rows are in memory at once; 0 where all are.

    Args:
        block_rows: How many were in memory at once where the run began, as other numbers come of other blocks.

    Raises:
        UserError: If memory does not hold the run.
    """
    estimate = memory_estimate.estimate(
        settings,
        inputs=prepared.shape,
        outputs=len(prepared.classes) if prepared.task == "multi-class" else 1,
        rows=len(prepared.train.y) + len(prepared.validation.y),
        numbers=prepared.preprocessor.numbers,
    )
    free = free_memory.for_a_run()
    if block_rows == 0:
        estimate = replace(estimate, in_blocks=None)
    memory_estimate.check_memory(estimate, free)
    if block_rows is None and estimate.goes_in_blocks(free):
        block_rows = memory_estimate.rows_of_a_block(prepared.shape, settings.training.batch_size)
    return (
        estimate.in_blocks or estimate.memory_bytes
    ) if block_rows else estimate.memory_bytes, block_rows or 0


def remarks(prepared: "Prepared") -> Iterator[str]:
    """Yield what to say where rows go in blocks."""
    if prepared.block_rows:
        unit = prepared.unit.removesuffix("s")
        rows, block = len(prepared.train.y), counted(prepared.block_rows, unit)
        yield (
            f"Memory does not hold the {counted(rows, f'training {unit}')} beside the network, so they train in blocks "
            f"of {block} from everywhere in the data, shuffled within each. The order is the same for the same seed."
        )
