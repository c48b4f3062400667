"""Training rows -> how columns become inputs: which are useful, and the fitted ``ColumnTransformer``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lrapp import free_memory
from lrapp.errors import UserError
from lrapp.phrasing import quoted
from lrapp.preparation.preprocessor import InputColumn, raw_slots
from lrapp.settings import DataSettings
from lrapp.tables import cell_values
from lrapp.tables.columns.column_records import Column
from lrapp.tables.columns.kinds import ColumnKind


@dataclass(frozen=True)
class Fitted:
    """What was learned about the inputs.

    Args:
        columns, inputs, transformer: As in ``preprocessor.Preprocessor``.
        slots: Raw numbers of all rows, float64, shape (rows, slots); of no row where memory does not hold them.
        notes: Plain sentences on columns that are not used, and why.
    """

    columns: tuple[InputColumn, ...]
    inputs: tuple[str, ...]
    transformer: Any
    slots: np.ndarray
    notes: tuple[str, ...]


@dataclass
class Plan:
    """Which slots go through which transformer, and the columns that are left out."""

    numbers: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    categories: list[int] = field(default_factory=list)
    single: list[str] = field(default_factory=list)
    rare: list[str] = field(default_factory=list)

    def lists(self) -> Iterator[list[int]]:
        yield from (self.numbers, self.answers, self.flags, self.categories)

    def add(self, other: "Plan", start: int) -> None:
        """Add the plan of later columns, whose slots begin at a number."""
        for own, theirs in zip(self.lists(), other.lists(), strict=True):
            own.extend(slot + start for slot in theirs)
        self.single.extend(other.single)
        self.rare.extend(other.rare)


def fit(
    frame: pd.DataFrame, kinds: Mapping[str, ColumnKind], training: np.ndarray, settings: DataSettings
) -> Fitted:
    """Learn from the training rows how columns become inputs.

    Args:
        frame: All rows, and every column but the target.
        training: Positions of the training rows, int64.

    Raises:
        UserError: If no column is of use, or the arrays would not fit in memory.
    """
    candidates, single = input_columns(frame, kinds, training, settings)
    width = sum(len(column.slots) for column in candidates)
    # Fitting holds about four float64 copies of the training rows beside the slots themselves.
    check_memory(
        8 * width * (len(frame) + 4 * len(training)), f"columns: {len(candidates):,}, rows: {len(frame):,}"
    )
    slots, _ = raw_slots(frame, candidates)
    known = slots[training]
    plan = plan_of(candidates, known, settings)
    plan.single[:0] = single
    notes = (*kind_notes(frame, kinds), *plan_notes(plan, settings))
    columns, keep = used(candidates, plan)
    require_some(columns, notes, rare=bool(plan.rare))
    if len(keep) < slots.shape[1]:
        slots, known = np.take(slots, keep, axis=1), np.take(known, keep, axis=1)
    width = _width(columns, plan, settings)
    # The inputs of all rows in float32, and while fitting twice those of the training rows in float64.
    check_memory(width * (4 * len(frame) + 16 * len(training)), f"inputs: {width:,}, rows: {len(frame):,}")
    transformer = transformer_of(plan, settings, len(training)).fit(known)
    return Fitted(columns, input_names(columns, plan, transformer), transformer, slots, notes)


def require_some(columns: Sequence[InputColumn], notes: Sequence[str], *, rare: bool) -> None:
    """Raise a ``UserError`` that says why, if no column is of use."""
    if not columns:
        raise UserError(
            "No column is left to learn from: besides the target, the table needs a number, category, yes/no or "
            "date column with at least two values in the training rows."
            + "".join(f" {note}" for note in notes)
            + " Add rows or columns"
            + (", lower “Rare category below”" if rare else "")
            + ", or change the kind of a column."
        )


def fits_memory(
    columns: Sequence[Column], rows: int, training: int, settings: DataSettings, available: int | None
) -> bool:
    """Return whether memory holds all that ``fit`` makes of a table, and its inputs twice, as training needs them.

    Args:
        columns: The table's, but for those that are no inputs.
        rows, training: How many rows there are, and how many of them train.
        available: Free bytes; None where that is unknown, then all fits.
    """
    slots = inputs = 0
    for column in columns:
        if column.kind in _WHY:
            continue
        numbers = len(InputColumn(column.name, column.kind, ("", "")).slots)
        slots += numbers
        categories = column.kind is ColumnKind.CATEGORY
        inputs += min(column.distinct, settings.max_categories) + 2 if categories else numbers + 1
    needed = max(8 * slots * (rows + 4 * training), inputs * (4 * rows + 16 * training), 8 * inputs * rows)
    return available is None or needed <= available


# Numbers in a block of columns: 16 MB.
_BLOCK = 1 << 21


def count_inputs(
    frame: pd.DataFrame, kinds: Mapping[str, ColumnKind], training: np.ndarray, settings: DataSettings
) -> tuple[int, int]:
    """Return how many inputs ``fit`` makes of the columns, and how many of them are scaled numbers.

    Looks at one block of columns after the other, so that memory stays level.

    Args:
        frame, kinds, training, settings: As for ``fit``.
    """
    names, count, numbers = list(frame.columns), 0, 0
    width = max(1, _BLOCK // max(1, len(training)))
    for start in range(0, len(names), width):
        block = frame[names[start : start + width]].iloc[training]
        columns, _ = input_columns(block, kinds, np.arange(len(block)), settings)
        slots, _ = raw_slots(block, columns)
        plan = plan_of(columns, slots, settings)
        numbers += len(plan.numbers)
        count += len(plan.numbers) + len(plan.answers) + len(plan.flags)
        for slot in plan.categories:
            rows = np.bincount(slots[:, slot].astype(np.int64))
            # As scikit-learn's encoder groups them: all rare ones, and all beyond the limit.
            shown = min(int((rows >= settings.min_category_rows).sum()), settings.max_categories)
            count += shown + (shown < len(rows))
    return count, numbers


def input_columns(
    frame: pd.DataFrame, kinds: Mapping[str, ColumnKind], training: np.ndarray, settings: DataSettings
) -> tuple[list[InputColumn], list[str]]:
    """The usable columns with the texts that training rows hold, and those that hold a single one."""
    columns, single = [], []
    for name in frame.columns:
        kind, gaps = kinds[name], tuple(sorted(settings.gap_codes.get(name, ())))
        if kind in (ColumnKind.NUMBER, ColumnKind.DATE):
            columns.append(InputColumn(name, kind, gaps=gaps))
        elif kind in (ColumnKind.CATEGORY, ColumnKind.YES_NO):
            codes, names = cell_values.texts(frame[name].iloc[training])
            known = cell_values.natural(names)
            missing = bool((codes < 0).any())
            if len(known) + missing < 2:
                single.append(name)
            elif kind is ColumnKind.YES_NO and len(known) == 2:
                columns.append(InputColumn(name, kind, known, gaps))
            else:
                values = known + (cell_values.MISSING,) * missing
                columns.append(InputColumn(name, ColumnKind.CATEGORY, values, gaps))
    return columns, single


def plan_of(columns: list[InputColumn], slots: np.ndarray, settings: DataSettings) -> Plan:
    """Decide by the training rows' slots which transformer each column gets."""
    varied = np.fmax.reduce(slots, axis=0, initial=-np.inf) > np.fmin.reduce(slots, axis=0, initial=np.inf)
    missing = np.count_nonzero(np.isnan(slots), axis=0)
    gaps = (missing > 0) & (missing < len(slots))
    plan = Plan()
    start = 0
    for column in columns:
        of_column = range(start, start + len(column.slots))
        start = of_column.stop
        if column.kind is ColumnKind.CATEGORY:
            rows = np.bincount(slots[:, of_column[0]].astype(np.int64), minlength=len(column.values))
            # The encoder joins all rare categories to one; if there is nothing else, the input says nothing.
            frequent = rows >= settings.min_category_rows
            if frequent.any():
                plan.categories.append(of_column[0])
            else:
                plan.rare.append(column.name)
            continue
        target = plan.answers if column.kind is ColumnKind.YES_NO else plan.numbers
        target.extend(slot for slot in of_column if varied[slot])
        if settings.missing_flags and gaps[of_column[0]]:
            plan.flags.append(of_column[0])
        elif not any(varied[slot] for slot in of_column):
            plan.single.append(column.name)
    return plan


def used(columns: list[InputColumn], plan: Plan) -> tuple[tuple[InputColumn, ...], list[int]]:
    """The columns that a transformer takes, and their slots; the plan is renumbered to those."""
    used = {slot for slots_of in plan.lists() for slot in slots_of}
    kept: list[InputColumn] = []
    keep: list[int] = []
    start = 0
    for column in columns:
        of_column = range(start, start + len(column.slots))
        start = of_column.stop
        if used.intersection(of_column):
            kept.append(column)
            keep.extend(of_column)
    place = {slot: position for position, slot in enumerate(keep)}
    for slots_of in plan.lists():
        slots_of[:] = [place[slot] for slot in slots_of]
    return tuple(kept), keep


_WHY = {
    ColumnKind.IDENTIFIER: ("it is an identifier", "they are identifiers"),
    ColumnKind.CONSTANT: ("it is constant", "they are constant"),
    ColumnKind.TEXT: ("it is long text", "they are long text"),
}


def kind_notes(frame: pd.DataFrame, kinds: Mapping[str, ColumnKind]) -> Iterator[str]:
    """Sentences on columns that are left out for their kind."""
    for kind, (one, several) in _WHY.items():
        if names := [name for name in frame.columns if kinds[name] is kind]:
            yield f"Left out, because {one if len(names) == 1 else several}: {quoted(names)}."


def plan_notes(plan: Plan, settings: DataSettings) -> Iterator[str]:
    """Sentences on columns that are left out for what the training rows hold."""
    if plan.single:
        yield f"Left out, because the training rows hold a single value there: {quoted(plan.single)}."
    if plan.rare:
        yield (
            f"Left out, because each category has fewer than {settings.min_category_rows} training rows: "
            f"{quoted(plan.rare)}."
        )


def _width(columns: tuple[InputColumn, ...], plan: Plan, settings: DataSettings) -> int:
    categories = sum(
        min(len(column.values), settings.max_categories + 1)
        for column in columns
        if column.kind is ColumnKind.CATEGORY
    )
    return len(plan.numbers) + len(plan.answers) + len(plan.flags) + categories


def check_memory(needed: int, what: str) -> None:
    """Raise a ``UserError`` if a prepared table needs more memory than a run may take."""
    available = free_memory.for_a_run()
    if available is not None and needed > available:
        raise UserError(
            f"The prepared table ({what}) needs about {needed / 2**30:.1f} GB of memory, this machine has "
            f"{available / 2**30:.1f} GB free: leave columns out, use fewer rows, or lower “Most categories”."
        )


def transformer_of(plan: Plan, settings: DataSettings, rows: int) -> Any:
    """The unfitted ColumnTransformer of the plan."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import MissingIndicator, SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler

    from lrapp.preparation.clipping import QuantileClip, UnitScale

    fill = {"median": "median", "mean": "mean", "zero": "constant"}[settings.missing_numbers]
    scaler = StandardScaler()
    if settings.scaling == "quantile":
        scaler = QuantileTransformer(
            n_quantiles=min(1000, rows), output_distribution="normal", subsample=100_000, random_state=0
        )
    elif settings.scaling == "robust":
        from lrapp.preparation.robust_scaling import RobustScale

        scaler = RobustScale()
    steps: list[tuple[str, Any]] = [
        ("unit", UnitScale()),
        ("fill", SimpleImputer(strategy=fill, fill_value=0.0 if fill == "constant" else None)),
        ("scale", scaler),
    ]
    if settings.scaling == "clipped":
        steps.insert(0, ("clip", QuantileClip(settings.clip)))
    encoder = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=settings.min_category_rows,
        max_categories=settings.max_categories + 1,  # scikit-learn counts the shared one too
        sparse_output=False,
        dtype=np.float32,
    )
    parts = [
        ("numbers", Pipeline(steps), plan.numbers),
        ("answers", SimpleImputer(strategy="mean"), plan.answers),
        # Scaled to unit size first: the check for missing values sums a column.
        ("flags", Pipeline([("unit", UnitScale()), ("flag", MissingIndicator(features="all"))]), plan.flags),
        ("categories", encoder, plan.categories),
    ]
    return ColumnTransformer([part for part in parts if part[2]], sparse_threshold=0)


def input_names(columns: tuple[InputColumn, ...], plan: Plan, transformer: Any) -> tuple[str, ...]:
    """Readable names in the order of the transformer's output."""
    slots = [name for column in columns for name in column.slots]
    owners = [column for column in columns for _ in column.slots]
    names = [slots[slot] for slot in (*plan.numbers, *plan.answers)]
    names += [f"{owners[slot].name} is missing" for slot in plan.flags]
    if plan.categories:
        encoder = transformer.named_transformers_["categories"]
        for place, slot in enumerate(plan.categories):
            owner = owners[slot]
            rare = encoder.infrequent_categories_[place]
            hidden = set() if rare is None else {int(code) for code in rare}
            shown = [
                owner.values[int(code)] for code in encoder.categories_[place] if int(code) not in hidden
            ]
            names += [
                f"{owner.name} is missing" if text == cell_values.MISSING else f"{owner.name} = {text}"
                for text in shown
            ]
            names += [f"{owner.name} is rare"] if hidden else []
    return tuple(names)
