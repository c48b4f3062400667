"""The same as ``fitting.fit``, for a table whose raw numbers memory does not hold: some columns after the other.

Each step of preparing numbers looks at one column at a time, so steps that were fitted on some columns each are joined
to one that is fitted on all; what comes of it is the same to the bit. The codes of categories wait in a file for their
encoder. Imports scikit-learn inside.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lrapp.preparation import fitting
from lrapp.preparation.fitting import Fitted, Plan
from lrapp.preparation.preprocessor import InputColumn, raw_slots
from lrapp.settings import DataSettings
from lrapp.tables.columns.kinds import ColumnKind

# Numbers of training rows that are looked at together, 4 MB, and the copies of them that fitting makes.
_NUMBERS, _COPIES = 1 << 19, 10
# What is not a number for each column: quantiles that all columns share, and counts of columns.
_SHARED, _COUNTS = ("references_",), ("n_features_in_", "_n_features")


def fit(
    frame: pd.DataFrame,
    kinds: Mapping[str, ColumnKind],
    training: np.ndarray,
    settings: DataSettings,
    folder: Path,
    tell: Callable[[float], None],
) -> Fitted:
    """Learn from the training rows how columns become inputs; the result holds the slots of no row.

    Args:
        frame, kinds, training, settings: As for ``fitting.fit``.
        folder: Where a file may be for a while.
        tell: Told how much is done, 0 to 1; may raise to end it.

    Raises:
        UserError: If no column is of use, or not even single columns fit in memory.
    """
    rows = len(training)
    fitting.check_memory(8 * _COPIES * max(rows, min(_NUMBERS, rows * frame.shape[1])), f"rows: {rows:,}")
    candidates, single = fitting.input_columns(frame, kinds, training, settings)
    plan, start = Plan(), 0
    for done, block in enumerate(found := list(_blocks(candidates, rows))):
        tell(done / len(found) / 2)
        slots = _slots(frame, block, training)
        plan.add(fitting.plan_of(block, slots, settings), start)
        start += slots.shape[1]
    plan.single[:0] = single
    notes = (*fitting.kind_notes(frame, kinds), *fitting.plan_notes(plan, settings))
    columns, _ = fitting.used(candidates, plan)
    fitting.require_some(columns, notes, rare=bool(plan.rare))

    def told(share: float) -> None:
        tell(0.5 + share / 2)

    transformer = _fitted(frame, columns, plan, training, settings, folder, told)
    inputs = fitting.input_names(columns, plan, transformer)
    return Fitted(columns, inputs, transformer, np.empty((0, start)), notes)


def _blocks(columns: Sequence[InputColumn], rows: int) -> Iterator[list[InputColumn]]:
    """Columns that are looked at together: at least one."""
    block: list[InputColumn] = []
    for column in columns:
        if block and (sum(len(one.slots) for one in (*block, column)) * rows) > _NUMBERS:
            yield block
            block = []
        block.append(column)
    if block:
        yield block


def _slots(frame: pd.DataFrame, columns: Sequence[InputColumn], rows: np.ndarray) -> np.ndarray:
    return raw_slots(frame[[column.name for column in columns]].iloc[rows], columns)[0]


def _fitted(
    frame: pd.DataFrame,
    columns: tuple[InputColumn, ...],
    plan: Plan,
    training: np.ndarray,
    settings: DataSettings,
    folder: Path,
    tell: Callable[[float], None],
) -> Any:
    """The ColumnTransformer of the plan, fitted."""
    unfitted = fitting.transformer_of(plan, settings, len(training))
    steps = {name: step for name, step, _ in unfitted.transformers}
    places = {name: slots for name, _, slots in unfitted.transformers}
    parts: dict[str, list[Any]] = {name: [] for name in steps}
    start, path = 0, folder / "codes.raw"
    with path.open("wb") as codes:
        for done, block in enumerate(found := list(_blocks(columns, len(training)))):
            tell(done / len(found))
            slots = _slots(frame, block, training)
            for name, step in steps.items():
                own = [slot - start for slot in places[name] if start <= slot < start + slots.shape[1]]
                if name == "categories":
                    for slot in own:
                        codes.write(slots[:, slot].tobytes())
                elif own:
                    parts[name].append(copy.deepcopy(step).fit(slots[:, own]))
            start += slots.shape[1]
    fitted = {name: _joined(every) for name, every in parts.items() if every}
    if plan.categories:
        shape = (len(training), len(plan.categories))
        mapped = np.memmap(path, np.float64, "r", shape=shape, order="F")
        fitted["categories"] = steps["categories"].fit(np.asarray(mapped))
        del mapped
    path.unlink()
    return _assembled(unfitted, fitted, start)


def _joined(parts: list[Any]) -> Any:
    """Steps that were fitted on some columns each, as one that was fitted on all of them."""
    from sklearn.pipeline import Pipeline

    first = parts[0]
    if isinstance(first, Pipeline):
        names = [name for name, _ in first.steps]
        return Pipeline([(name, _joined([part.named_steps[name] for part in parts])) for name in names])
    made = copy.copy(first)
    for name, value in vars(first).items():
        every = [getattr(part, name) for part in parts]
        if name in _COUNTS:
            setattr(made, name, sum(every))
        elif name == "features_":  # positions of columns
            setattr(made, name, np.arange(sum(map(len, every)), dtype=value.dtype))
        elif name not in _SHARED and isinstance(value, np.ndarray) and value.ndim:
            setattr(made, name, np.concatenate(every, axis=-1))
    return made


def _assembled(unfitted: Any, fitted: Mapping[str, Any], slots: int) -> Any:
    """A ColumnTransformer of parts that are fitted already."""
    from sklearn.base import clone
    from sklearn.compose import ColumnTransformer
    from sklearn.frozen import FrozenEstimator

    parts = [(name, FrozenEstimator(fitted[name]), own) for name, _, own in unfitted.transformers]
    made = ColumnTransformer(parts, sparse_threshold=unfitted.sparse_threshold).fit(np.zeros((1, slots)))
    made.transformers = [(name, clone(step), own) for name, step, own in unfitted.transformers]
    made.transformers_ = [(name, fitted.get(name, step), own) for name, step, own in made.transformers_]
    return made
