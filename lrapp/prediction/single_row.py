"""A finished run's model as plain arrays: it predicts in a millisecond, without TensorFlow.

The worker leaves the arrays beside the model; the page computes with them while a slider moves.
"""

import io
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from lrapp.errors import UserError
from lrapp.files import from_json, write_beside
from lrapp.prediction import disagreement, plain_embedding, plain_model, plain_network
from lrapp.prediction.disagreement import Disagreement
from lrapp.prediction.numpy_arithmetic import NumpyArithmetic
from lrapp.prediction.plain_model import Numbers, Portable
from lrapp.prediction.plain_network import Layer, Member
from lrapp.prediction.quantiles import Quantiles
from lrapp.preparation.log_target import LogTarget
from lrapp.preparation.preprocessor import Decoded, InputColumn, Preprocessor, raw_slots
from lrapp.preparation.threshold import Threshold
from lrapp.progress import NOBODY, Watch
from lrapp.runs.store import Run, Store
from lrapp.tables import cell_values
from lrapp.tables.columns.kinds import ColumnKind

log = logging.getLogger(__name__)

FILE = "one_row.npz"
VERSION = 2
# 80 MB in the page's process; larger networks are for tables.
MOST_WEIGHTS = 20_000_000
# Points of a curve, and values of a category that are tried.
POINTS, MOST_VALUES = 61, 40
_OUTER = 0.005
_DAY = 86_400  # seconds

Value = float | str | None


@dataclass(frozen=True)
class Field:
    """One value that a person can set.

    Args:
        column: The column that it is of; ``values`` are the texts to choose from.
        low, high: Usual range: of the training table's numbers all but the outer 0.5 % on each side; of dates days
            since 1970.
        start: Median or most frequent value: a number, a text, or days since 1970.
        whole: Whether only whole numbers were seen.
    """

    column: InputColumn
    low: float = 0.0
    high: float = 1.0
    start: float | str = 0.0
    whole: bool = False

    @property
    def of_day(self) -> bool:
        """Whether it is a time of day alone: part of the first day of 1970, as it is read."""
        return self.column.kind is ColumnKind.DATE and not self.whole and 0 <= self.low <= self.high < 1


@dataclass(frozen=True, eq=False)
class OneRow:
    """The model, and the fields to set.

    Args:
        preprocessor: Without its transformer.
        fields: In the order of the columns.
    """

    preprocessor: Preprocessor
    plan: Portable
    members: tuple[Member, ...]
    fields: tuple[Field, ...]

    def answer(self, rows: Sequence[Mapping[str, Value]]) -> Decoded:
        """Return the model's predictions.

        Args:
            rows: For each the value of each column, by name: a number (of a date days since 1970), a text, or None
                where it is missing.
        """
        return self.preprocessor.decode(
            plain_network.answer(self.members, self._inputs(rows), NumpyArithmetic())
        )

    def disagreement(self, rows: Sequence[Mapping[str, Value]]) -> Disagreement | None:
        """Return how far its networks are apart, for rows as for ``answer``; None where there is but one."""
        if len(self.members) < 2:
            return None
        arithmetic = NumpyArithmetic()
        each = np.stack(plain_network.answers(self.members, self._inputs(rows), arithmetic))
        shares = np.array([member.share for member in self.members])
        return disagreement.measured(self.preprocessor, each, shares, np.tensordot(shares, each, axes=1))

    def _inputs(self, rows: Sequence[Mapping[str, Value]]) -> np.ndarray:
        columns = self.plan.columns
        frame = pd.DataFrame({column.name: _series(column, rows) for column in columns}, copy=False)
        slots, _ = raw_slots(frame, columns)
        chosen = {}
        for slot, table in self.plan.categories:
            codes = np.nan_to_num(slots[:, slot], nan=cell_values.UNKNOWN).astype(np.int64)
            chosen[slot] = table[codes]  # -1, a value that training never saw, is the last row
        by_slot = {slot: slots[:, [slot]] for slot in range(slots.shape[1])}
        return np.asarray(plain_model.compute(self.plan, by_slot, chosen, NumpyArithmetic()))

    def curve(self, row: Mapping[str, Value], name: str) -> tuple[list[Value], Decoded]:
        """Return the predictions over the range of one column, with the others fixed.

        Args:
            row: The values of all columns, as for ``answer``.

        Returns:
            The values that it takes, which of them is the row's, and the predictions.
        """
        field = next(field for field in self.fields if field.column.name == name)
        at = _steps(field, row[name])
        return at, self.answer([{**row, name: value} for value in at])


def load(run: Run) -> OneRow | None:
    """Return the arrays that lie beside a run's model; None where there are none yet, or of an earlier model.

    Raises:
        UserError: If the run left no model.
    """
    try:
        with (run.folder / FILE).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        described = from_json(arrays.pop("about").tobytes())
        if described["version"] != VERSION or described["model"] != _stamp(run):
            return None
        return _revived(described, arrays)
    except UserError:
        raise
    except FileNotFoundError:
        return None
    except Exception:  # damaged, foreign or of an earlier version: made again from the model
        log.info("The arrays of run %s could not be read and are made anew.", run.id, exc_info=True)
        return None


def make(run_folder: Path, home: Path, watch: Watch = NOBODY) -> None:
    """Save the arrays of a finished run's model beside it; the worker calls this for the page.

    Raises:
        UserError: If there is no model, or none that can be computed with plain arrays, or it was stopped.
    """
    from lrapp.networks.saved import SavedModel

    run = Run(run_folder)
    stamp = _stamp(run)
    watch.tell("Opening the model …")
    model = SavedModel.load(run_folder)
    preprocessor = model.tabular
    members = plain_network.learned(model.network)
    size = sum(
        layer.weights.size for member in members for layer in member.layers if layer.weights is not None
    )
    if size > MOST_WEIGHTS:
        raise UserError(
            f"One row is answered for networks of at most {MOST_WEIGHTS:,} weights. This one has {size:,}: "
            "predict a table with one row instead."
        )
    plan = plan_of(preprocessor)
    watch.check("Opening the model was stopped.")
    learned = OneRow(preprocessor, plan, members, _fields(plan, _training_table(run, home)))
    write_beside(run_folder / FILE, _packed(learned, stamp))


def plan_of(preprocessor: Preprocessor) -> Portable:
    """Return the preprocessor as arrays, for raw numbers that are exactly those of training.

    The tolerances of exports (for other runtimes' sines and roundings) would change predictions here.
    """
    plan = plain_model.portable(preprocessor)
    numbers = plan.numbers
    if numbers is None or numbers.quantiles is None:
        return plan
    exact = replace(numbers.quantiles, near=np.zeros_like(numbers.quantiles.near))
    return replace(plan, numbers=replace(numbers, quantiles=exact))


def _stamp(run: Run) -> list[int]:
    """A value that changes when the run leaves another model."""
    try:
        about = run.model_path.stat()
    except FileNotFoundError as error:
        raise UserError("This run left no model. Train it again, or resume it on the Train page.") from error
    return [about.st_size, about.st_mtime_ns]


def _training_table(run: Run, home: Path) -> pd.DataFrame | None:
    """The table that the run learned from, where it is still kept."""
    from lrapp.preparation.targets import with_chosen_kinds
    from lrapp.sandbox import sources

    try:
        data = run.settings.data
        return with_chosen_kinds(sources.read_table(Store(home), data), data).frame
    except UserError:
        return None


def _fields(plan: Portable, frame: pd.DataFrame | None) -> tuple[Field, ...]:
    found, start = [], 0
    for column in plan.columns:
        values = frame[column.name] if frame is not None and column.name in frame.columns else None
        field = None
        if values is not None and values.notna().any():
            field = _seen(column, values)
        found.append(field or _learned(column, plan.numbers, start))
        start += len(column.slots)
    return tuple(found)


def _seen(column: InputColumn, values: pd.Series) -> Field | None:
    """A column's field, from the training table; None where it holds another kind of value."""
    if column.kind in (ColumnKind.CATEGORY, ColumnKind.YES_NO):
        codes, names = cell_values.texts(values)
        usual = names[int(np.bincount(codes[codes >= 0]).argmax())]
        return Field(column, start=usual if usual in column.values else _first(column))
    if column.kind is ColumnKind.DATE:
        if not pd.api.types.is_datetime64_any_dtype(values.dtype):
            return None
        seconds = values.dropna().to_numpy().astype("datetime64[s]").astype(np.int64)
        if len(seconds) and seconds.min() >= 0 and seconds.max() < _DAY:
            parts = seconds / _DAY
            return Field(column, float(parts.min()), float(parts.max()), float(np.median(parts)))
        days = np.floor(seconds / _DAY)
        return Field(
            column, float(days.min()), float(days.max()), float(np.floor(np.median(days))), whole=True
        )
    if not pd.api.types.is_numeric_dtype(values.dtype):
        return None
    numbers = cell_values.numbers(values.to_frame())[:, 0]
    numbers = np.sort(numbers[~np.isnan(numbers)])
    if not len(numbers):
        return None
    last = len(numbers) - 1
    low, high = numbers[int(np.ceil(_OUTER * last))], numbers[int(last - np.ceil(_OUTER * last))]
    if not low < high:
        low, high = numbers[0], numbers[-1]
    whole = bool((numbers == np.floor(numbers)).all())
    middle = float(numbers[last // 2])
    return (
        Field(column, float(low), float(high), middle, whole) if low < high else Field(column, start=middle)
    )


def _learned(column: InputColumn, numbers: Numbers | None, slot: int) -> Field:
    """A column's field, from the preprocessor, when the table is gone."""
    if column.kind in (ColumnKind.CATEGORY, ColumnKind.YES_NO):
        return Field(column, start=_first(column))
    if numbers is None or slot not in numbers.slots:
        return Field(column)
    n = int(np.flatnonzero(numbers.slots == slot)[0])
    unit = numbers.unit[n]
    if numbers.quantiles is not None:
        low, high = numbers.quantiles.values[0, n] / unit, numbers.quantiles.values[-1, n] / unit
    else:
        middle, spread = numbers.mean[n] / unit, 3 * numbers.scale[n] / unit
        low, high = max(middle - spread, numbers.low[n]), min(middle + spread, numbers.high[n])
    start = float(np.clip(numbers.fill[n] / unit, low, high))
    field = Field(column, float(low), float(high), start)
    if column.kind is ColumnKind.DATE and not 0 <= low <= high < 1:
        return replace(
            field, low=float(np.floor(low)), high=float(np.ceil(high)), start=np.floor(start), whole=True
        )
    return field


def _first(column: InputColumn) -> str:
    return next((value for value in column.values if value), "")


def _series(column: InputColumn, rows: Sequence[Mapping[str, Value]]) -> pd.Series:
    values = [row[column.name] for row in rows]
    if column.kind in (ColumnKind.CATEGORY, ColumnKind.YES_NO):
        return pd.Series([None if value is None else str(value) for value in values], dtype="str")
    numbers = pd.Series([np.nan if value is None else float(value) for value in values])
    if column.kind is ColumnKind.DATE:
        seconds = np.round(numbers.to_numpy() * _DAY)
        days = np.where(np.isnan(seconds), np.iinfo(np.int64).min, np.nan_to_num(seconds)).astype(np.int64)
        return pd.Series(days.astype("datetime64[s]"))
    return numbers


def _steps(field: Field, now: Value) -> list[Value]:
    if field.column.kind in (ColumnKind.CATEGORY, ColumnKind.YES_NO):
        known: list[Value] = [*filter(None, field.column.values)]
        known = known[:MOST_VALUES]
        return known if now is None or now in known else [*known, now]
    low, high = field.low, field.high
    if isinstance(now, float | int):
        low, high = min(low, now), max(high, now)
    at = np.linspace(low, high, POINTS)
    if field.whole:
        at = np.unique(np.round(at))
    if isinstance(now, float | int):
        at = np.unique(np.append(at, now))
    return [float(value) for value in at]


def _packed(learned: OneRow, stamp: list[int]) -> bytes:
    preprocessor, plan = learned.preprocessor, learned.plan
    arrays: dict[str, np.ndarray] = {
        "answers": plan.answers,
        "answer_fill": plan.answer_fill,
        "flags": plan.flags,
    }
    if plan.numbers is not None:
        n = plan.numbers
        arrays |= {f"numbers.{name}": getattr(n, name) for name in _NUMBERS}
        if n.quantiles is not None:
            arrays |= {f"quantiles.{name}": getattr(n.quantiles, name) for name in _QUANTILES}
    arrays |= {f"category.{place}": table for place, (_, table) in enumerate(plan.categories)}
    for number, member in enumerate(learned.members):
        for place, layer in enumerate(member.layers):
            parts = {name: getattr(layer, name) for name in _LAYER}
            arrays |= {
                f"layer.{number}.{place}.{name}": part for name, part in parts.items() if part is not None
            }
            embedded = plain_embedding.arrays(layer.embedding)
            arrays |= {f"embedding.{number}.{place}.{name}": part for name, part in embedded.items()}
    about = {
        "version": VERSION,
        "model": stamp,
        "task": preprocessor.task,
        "target": preprocessor.target,
        "classes": preprocessor.classes,
        "target_mean": preprocessor.target_mean,
        "target_scale": preprocessor.target_scale,
        "logarithm": None if preprocessor.logarithm is None else asdict(preprocessor.logarithm),
        "threshold": None if preprocessor.threshold is None else asdict(preprocessor.threshold),
        "inputs": preprocessor.inputs,
        "fields": [asdict(field) for field in learned.fields],
        "bound": None if plan.numbers is None else plan.numbers.bound,
        "categories": [slot for slot, _ in plan.categories],
        "members": [
            {"share": member.share, "activations": [layer.activation for layer in member.layers]}
            for member in learned.members
        ],
    }
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]
    return packed.getvalue()


_NUMBERS = ("slots", "low", "high", "unit", "fill", "mean", "scale")
_QUANTILES = ("values", "shares", "near")
_LAYER = ("weights", "scale", "shift")


def _under(arrays: dict[str, np.ndarray], start: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(start): part for name, part in arrays.items() if name.startswith(start)}


def _revived(described: dict[str, Any], arrays: dict[str, np.ndarray]) -> OneRow:
    try:
        fields = tuple(TypeAdapter(list[Field]).validate_python(described["fields"]))
    except ValidationError as error:
        raise ValueError("not fields") from error
    columns = tuple(field.column for field in fields)
    numbers = None
    if "numbers.slots" in arrays:
        quantiles = None
        if "quantiles.values" in arrays:
            quantiles = Quantiles(**{name: arrays[f"quantiles.{name}"] for name in _QUANTILES})
        learned = {name: arrays[f"numbers.{name}"] for name in _NUMBERS}
        numbers = Numbers(**learned, quantiles=quantiles, bound=described.get("bound"))
    plan = Portable(
        columns,
        numbers,
        arrays["answers"],
        arrays["answer_fill"],
        arrays["flags"],
        tuple((slot, arrays[f"category.{place}"]) for place, slot in enumerate(described["categories"])),
    )
    members = tuple(
        Member(
            member["share"],
            tuple(
                Layer(
                    **{name: arrays.get(f"layer.{number}.{place}.{name}") for name in _LAYER},
                    activation=activation,
                    embedding=plain_embedding.of_arrays(_under(arrays, f"embedding.{number}.{place}.")),
                )
                for place, activation in enumerate(member["activations"])
            ),
        )
        for number, member in enumerate(described["members"])
    )
    preprocessor = Preprocessor(
        described["task"],
        described["target"],
        tuple(described["classes"]),
        described["target_mean"],
        described["target_scale"],
        columns,
        tuple(described["inputs"]),
        None,
        logarithm=None if described.get("logarithm") is None else LogTarget(**described["logarithm"]),
        threshold=TypeAdapter(Threshold | None).validate_python(described.get("threshold")),
    )
    return OneRow(preprocessor, plan, members, fields)
