"""A finished run and the file of a table -> files of predictions, in memory that does not grow with the rows.

Each portion's answers go to a file of their own at once. At the end these become one Parquet and one CSV file, whose
column types are known only then: a column of whole numbers may hold a fraction in the last portion.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from lrapp.column_formats.chunks import Portion, ReadWhole
from lrapp.column_formats.match import Choice
from lrapp.errors import Stopped, UserError
from lrapp.evaluation import scores
from lrapp.evaluation.metrics import Metric
from lrapp.files import disk_errors, put, write_beside
from lrapp.prediction import disagreement, scoring
from lrapp.prediction.progress import CANCELLED, Progress
from lrapp.prediction.row_predictions import Answers, answers, check_columns, free_names
from lrapp.prediction.summary import Bar, Tally, Unseen
from lrapp.preparation.preprocessor import Preprocessor
from lrapp.sandbox.long_tables import LongTable
from lrapp.settings import Task
from lrapp.tables import csv_writer
from lrapp.tables.columns.kinds import ColumnKind

if TYPE_CHECKING:
    from lrapp.networks.saved import SavedModel

CSV_FILE, PARQUET_FILE, RESULT_FILE, PREVIEW_FILE = (
    "predictions.csv",
    "predictions.parquet",
    "result.json",
    "preview.parquet",
)
PREVIEW_ROWS = 200
# Progress when all rows are predicted and only the files remain.
_PREDICTED_SHARE = 0.85


@dataclass(frozen=True)
class Result:
    """The result of predicting a table; the predictions themselves are in files beside it.

    Args:
        run: Id of the run whose model predicted.
        rows: Rows of the table; ``predicted`` of them have a prediction.
        columns: Names of all columns of the files; the last ``added`` were not in the table.
        needed: How many columns the model needs, all of which were found.
        notes: Plain sentences on how the file was read, and others.
        bars: What was predicted how often.
        confidence: Mean probability of the predicted classes; None for numbers.
        metrics: Figures of merit over ``scored`` rows, where the table holds the target.
        trained: The same figures on the run's own ``trained_part`` rows.
    """

    name: str
    run: str
    task: Task
    target: str
    rows: int
    predicted: int
    columns: tuple[str, ...]
    added: int
    needed: int
    extra: tuple[str, ...]
    unseen: tuple[Unseen, ...]
    notes: tuple[str, ...]
    bars: tuple[Bar, ...]
    confidence: float | None
    metrics: tuple[Metric, ...]
    scored: int
    trained: tuple[Metric, ...]
    trained_part: str
    verdict: str

    @classmethod
    def load(cls, folder: Path) -> "Result":
        """Return the result that a folder holds.

        Raises:
            UserError: If it is missing or damaged.
        """
        try:
            return TypeAdapter(cls).validate_json((folder / RESULT_FILE).read_bytes())
        except (OSError, ValidationError) as error:
            raise UserError("These predictions are no longer kept here: predict the table again.") from error

    def save(self, folder: Path) -> None:
        """Write ``result.json`` into a folder; where it is, the files of predictions are."""
        write_beside(folder / RESULT_FILE, TypeAdapter(Result).dump_json(self, indent=1))


def predict_file(
    run_folder: Path,
    path: Path,
    name: str,
    out: Path,
    on_progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    choice: Choice | None = None,
) -> Result:
    """Write the predictions of a finished run's model for the rows of a file, and return their summary.

    Args:
        run_folder: The run's folder, or an unpacked download.
        out: Folder for ``predictions.csv``, ``predictions.parquet``, ``preview.parquet`` and ``result.json``.
        choice: What a person decided on how the file is written.

    Raises:
        UnclearFormat: If that must be decided first.
        UserError: If the model or the file cannot be read, a column that the model needs is missing, or no row can
            be predicted.
        Stopped: If it was asked to stop.
    """
    from lrapp.networks.saved import SavedModel

    model = SavedModel.load(run_folder)
    parts, read = out / "parts", out / "read"
    with disk_errors():
        try:
            made = _write_parts(model, path, name, (parts, read), on_progress, should_stop, choice)
            made.tally.check()
            schema = _write_files(made, out, on_progress, should_stop)
        except Stopped as error:
            raise Stopped(CANCELLED) from error
        finally:
            shutil.rmtree(parts, ignore_errors=True)
            shutil.rmtree(read, ignore_errors=True)
            for name_of in (CSV_FILE, PARQUET_FILE):
                _beside(out, name_of).unlink(missing_ok=True)
    result = _result(made, model, run_folder, name, schema)
    result.save(out)
    return result


@dataclass(frozen=True, eq=False)
class _Made:
    """Portions on the disk, and their summary."""

    paths: list[Path]
    schema: pa.Schema
    added: int
    tally: Tally
    notes: tuple[str, ...]


class _Parts:
    """Writes answers, a file each, and learns what types the columns of all of them have."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._folder = folder
        self.paths: list[Path] = []
        self.names: list[str] = []
        self.added = 0
        self._types: list[list[pa.DataType]] = []
        self._empty: list[pa.DataType] = []

    def write(self, part: Answers) -> None:
        """Write a part."""
        left, right = csv_writer.arrow(part.frame), csv_writer.arrow(part.added)
        if not self.names:
            self.names = [*left.column_names, *free_names(left.column_names, right.column_names)]
            self.added = right.num_columns
            self._empty = [column.type for column in (*left.columns, *right.columns)]
            self._types = [[] for _ in self.names]
        columns = [*left.columns, *right.columns]
        for types, column in zip(self._types, columns, strict=True):
            if column.null_count < len(column) and column.type not in types:
                types.append(column.type)
        path = self._folder / f"{len(self.paths):06}.arrow"
        table = pa.Table.from_arrays(columns, names=[f"c{place}" for place in range(len(columns))])
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        self.paths.append(path)

    def schema(self) -> pa.Schema:
        """The columns' types over all parts."""
        types = [_common(types, empty) for types, empty in zip(self._types, self._empty, strict=True)]
        return pa.schema(list(zip(self.names, types, strict=True)))


def _common(types: list[pa.DataType], empty: pa.DataType) -> pa.DataType:
    """A type that holds the values of several."""
    if len(types) < 2:
        return types[0] if types else empty
    if all(pa.types.is_integer(one) or pa.types.is_floating(one) for one in types):
        return pa.float64()
    if all(pa.types.is_timestamp(one) for one in types):
        return pa.timestamp("us")
    return pa.string()


def _write_parts(
    model: "SavedModel",
    path: Path,
    name: str,
    folders: tuple[Path, Path],
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
    choice: Choice | None,
) -> _Made:
    preprocessor, (parts, read) = model.tabular, folders
    needed = {column.name: column.kind for column in preprocessor.columns}
    needed[preprocessor.target] = (
        ColumnKind.NUMBER if preprocessor.task == "regression" else ColumnKind.CATEGORY
    )
    formats = model.formats.chosen(choice or Choice())
    portions = LongTable(path, name, needed, read, should_stop, formats=formats)
    try:
        return _write_portions(model, portions, lambda: portions.notes, parts, on_progress, should_stop)
    except ReadWhole:
        table = portions.whole([column.name for column in preprocessor.columns])
        whole = iter([Portion(table, 1.0)])
        return _write_portions(model, whole, lambda: table.notes, parts, on_progress, should_stop)


def _write_portions(
    model: "SavedModel",
    portions: LongTable | Iterator[Portion],
    notes: Callable[[], tuple[str, ...]],
    folder: Path,
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
) -> _Made:
    tally, parts, before = Tally(model.tabular), _Parts(folder), 0.0
    needed = [column.name for column in model.tabular.columns]
    for portion in portions:
        frame = portion.table.frame
        check_columns(needed, list(frame.columns))
        done = 0
        for part in answers(model.tabular, partial(disagreement.answered, model), portion.table):
            if should_stop():
                raise Stopped(CANCELLED)
            parts.write(part)
            tally.add(part)
            done += len(part.frame)
            share = before + (portion.share - before) * done / len(frame)
            on_progress(Progress(tally.rows, _PREDICTED_SHARE * share))
        before = portion.share
    return _Made(parts.paths, parts.schema(), parts.added, tally, notes())


def _write_files(
    made: _Made, out: Path, on_progress: Callable[[Progress], None], should_stop: Callable[[], bool]
) -> pa.Schema:
    """Make one CSV and one Parquet file of the parts, in which all parts of a column are of one type."""
    keep = list(range(len(made.schema)))
    if made.tally.predicted == made.tally.rows:
        keep.pop()  # nothing has a reason
    schema = pa.schema([made.schema.field(place) for place in keep])
    beside = {name: _beside(out, name) for name in (CSV_FILE, PARQUET_FILE)}
    rows = 0
    with (
        beside[CSV_FILE].open("wb") as text,
        pq.ParquetWriter(beside[PARQUET_FILE], schema, compression="zstd") as packed,
    ):
        text.write(csv_writer.csv_header(schema.names))
        for number, path in enumerate(made.paths):
            if should_stop():
                raise Stopped(CANCELLED)
            with pa.OSFile(str(path), "rb") as file:
                part = pa.ipc.open_file(file).read_all()
            columns = [_cast(part.column(place), schema.field(n).type) for n, place in enumerate(keep)]
            table = pa.Table.from_arrays(columns, schema=schema)
            text.write(csv_writer.csv_rows(table))
            packed.write_table(table)
            if not number:
                pq.write_table(table.slice(0, PREVIEW_ROWS), out / PREVIEW_FILE)
            path.unlink()
            rows += table.num_rows
            share = _PREDICTED_SHARE + (1 - _PREDICTED_SHARE) * (number + 1) / len(made.paths)
            on_progress(Progress(rows, share, "Writing"))
    for name, path in beside.items():
        put(path, out / name)
    return schema


def _beside(out: Path, name: str) -> Path:
    """Where a file is written before it is whole."""
    return out / f".{name}"


def _cast(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if column.type == wanted:
        return column
    if pa.types.is_string(wanted) and pa.types.is_timestamp(column.type):
        return pc.replace_substring_regex(pc.cast(column, wanted), r"( 00:00:00)?(\.0+)?$", "")
    return pc.cast(column, wanted, safe=False)


def _result(made: _Made, model: "SavedModel", run_folder: Path, name: str, schema: pa.Schema) -> Result:
    tally, preprocessor = made.tally, model.tabular
    trained = scores.kept(run_folder / "scores.json")  # a prediction can do without
    metrics = tally.scorer.metrics(trained)
    scored = tally.scorer.rows
    classes = preprocessor.task != "regression"
    return Result(
        name=name,
        run=run_folder.name,
        task=preprocessor.task,
        target=preprocessor.target,
        rows=tally.rows,
        predicted=tally.predicted,
        columns=tuple(schema.names),
        added=made.added - (len(made.schema) - len(schema)),
        needed=len(preprocessor.columns),
        extra=tally.extra,
        unseen=tally.unseen(),
        notes=(*made.notes, *_of_threshold(preprocessor), *tally.notes()),
        bars=tally.bars(),
        confidence=tally.confidence / tally.predicted if classes else None,
        metrics=metrics,
        scored=scored,
        trained=trained.metrics if trained is not None else (),
        trained_part=trained.part if trained is not None else "",
        verdict=scoring.sentence(metrics, scored, preprocessor.target, trained) if metrics else "",
    )


def _of_threshold(told: Preprocessor) -> tuple[str, ...]:
    return () if told.threshold is None else (told.threshold.sentence(told.classes[1]),)
