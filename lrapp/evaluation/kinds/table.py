"""A closer look at a network that learned from a table: which of its columns matter, and how."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrapp.evaluation import explanations
from lrapp.evaluation.explanations import Answer
from lrapp.evaluation.kinds import Evaluation
from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared, Split

# Multiplications for importance, and again for the curves: some seconds. Counted, not timed, so that a run has
# the same figures wherever and whenever it ends.
_BUDGET = 30_000_000_000
# Overhead of a row, in multiplications.
_ROW = 20_000
_MOST_COLUMNS = 50
_MOST_DEPENDENCES = 6
# Rows that columns are shuffled in, and that partial dependence is averaged over.
_SHUFFLED_ROWS, _AVERAGED_ROWS = (64, 2_000), (30, 300)
# Of the room above the baseline's accuracy: less is hardly better.
_HARDLY = 0.05


def _linear_inputs(x: NDArray[Any]) -> NDArray[np.float64]:
    return x.astype(np.float64)


def _further(
    prepared: "Prepared",
    part: "Split",
    name: str,
    own: Scores,
    answer: Answer,
    parameters: int,
    notes: list[str],
) -> dict[str, Any]:
    """The importance of columns, on as many rows and for as many columns as the budget allows."""
    by_log_loss = prepared.task != "regression" and _hardly_right(own.metrics[0])
    if by_log_loss:
        notes.append(
            "The network is hardly right more often than the baseline, so importance is measured by the rise in log "
            "loss, not by the fall in accuracy."
        )
    error = explanations.log_loss_of if by_log_loss else explanations.error_of
    inputs = explanations.inputs_of(prepared.tabular)
    most, columns = _affordable(
        parameters, min(len(inputs), _MOST_COLUMNS), explanations.REPEATS + 1, _SHUFFLED_ROWS
    )
    order = explanations.related(prepared, inputs) if len(inputs) > columns else range(len(inputs))
    rows = explanations.sampled(part, most)
    if len(rows) < len(part.y):
        notes.append(f"What matters was measured on {len(rows):,} of {len(part.y):,} {name} rows.")
    measured = [
        (column, explanations.importance(prepared, part, rows, column, inputs[column], answer, error))
        for column in order[:columns]
    ]
    if len(measured) < len(inputs):
        notes.append(
            f"What matters was measured for {len(measured):,} of {len(inputs):,} columns, those that go most with the "
            "target."
        )
    measured.sort(key=lambda one: -one[1].drop)
    most, curves = _affordable(parameters, _MOST_DEPENDENCES, explanations.GRID, _AVERAGED_ROWS)
    few = explanations.sampled(part, most)
    dependences = [
        found
        for column, _ in measured[:curves]
        if (found := explanations.dependence(prepared, part, few, column, inputs[column], answer)) is not None
    ]
    importance = tuple(one for _, one in measured)
    return {"by_log_loss": by_log_loss, "importance": importance, "dependence": tuple(dependences)}


def _hardly_right(accuracy: Metric) -> bool:
    """Whether so few predictions differ from the baseline that shuffling a column cannot spoil many."""
    assert accuracy.value is not None
    assert accuracy.baseline is not None
    return accuracy.value - accuracy.baseline < _HARDLY * (1 - accuracy.baseline)


def _affordable(parameters: int, columns: int, times: int, rows: tuple[int, int]) -> tuple[int, int]:
    """How many rows and columns the budget allows: rather fewer rows than fewer columns."""
    answers = _BUDGET // ((parameters + _ROW) * times)
    affordable = min(rows[1], max(rows[0], answers // columns))
    return affordable, min(columns, max(1, answers // affordable))


KIND = Evaluation(
    linear_inputs=_linear_inputs,
    linear_work=10_000_000,
    linear_rounds=200,
    too_few="the table has too few rows for its width",
    further=_further,
)
