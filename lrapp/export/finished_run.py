"""A finished run -> all that a script needs to repeat it without this package: files, columns, split, rates."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lrapp.errors import UserError
from lrapp.preparation.preprocessor import InputColumn, Preprocessor
from lrapp.runs.events import History
from lrapp.runs.store import Run, Store
from lrapp.sandbox.plain_files import pandas_gives
from lrapp.sandbox.readers import OverLimit
from lrapp.sandbox.sources import read_table
from lrapp.settings import Precision, RunSettings, RunStart, Source, UploadedSource
from lrapp.tables import cell_values
from lrapp.tables.columns.kinds import ColumnKind

if TYPE_CHECKING:
    from lrapp.evaluation.scores import Scores
    from lrapp.networks.saved import SavedModel
    from lrapp.preparation.table_arrays import Prepared, Split
    from lrapp.tables.reading import Table

ORIGINAL, CLEANED, SPLIT, INITIAL = "data.csv", "data_clean.csv", "split.csv", "initial_weights.npz"


@dataclass(frozen=True, eq=False)
class Reading:
    """How pandas reads the table, and from which file.

    Args:
        file: Name of the file beside the script.
        data: Its bytes.
        options: Arguments of ``pandas.read_csv``.
    """

    file: str
    data: bytes
    options: dict[str, Any]
    original: bool


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """A finished run, on a table or on pictures, with its data prepared once more.

    Args:
        settings: Its settings, with the rates that its own range test found, if it did one.
        scores: Of its model; None where it was trained on all rows.
        store: Where the run lies that it may have started from.
    """

    settings: RunSettings
    history: History
    scores: "Scores | None"
    model: "SavedModel"
    prepared: "Prepared"
    store: Store

    @property
    def initial(self) -> bytes | None:
        """The weights that it began with, as NumPy's ``savez`` writes them; None where no earlier run gave them.

        Of several networks, those of each that makes up the model: ``0 0``, ``0 1``, … , ``1 0``, and so on.

        Raises:
            UserError: If the run that it started from is no longer there, or has other weights now.
        """
        from lrapp.networks import members, models, number_embeddings, transfer

        start, prepared = self.settings.model.start, self.prepared
        if not isinstance(start, RunStart):
            return None
        try:
            folder = self.store.get(start.run).folder
        except UserError as error:
            raise UserError(
                "The run that this one started from is no longer here, and a script needs its weights. Take another "
                "format, or train a run from fresh weights."
            ) from error
        training, several = self.settings.training, self.settings.networks > 1
        seeds = members.member_seeds(training.seed, self.settings.networks)
        classes, numbers = len(prepared.classes), prepared.preprocessor.numbers
        single = models.build(
            *(self.settings.model, prepared.shape, prepared.task, classes),
            *(training.seed, training.precision, numbers),
        )
        network = single
        if several:
            network = members.stack(
                *(self.settings.model, prepared.shape[0], prepared.task, classes, seeds),
                *(training.precision, numbers),
            )
        number_embeddings.learn_bins(network, prepared.train.x)
        knowledge = transfer.of_run(folder, network, prepared)
        taken = self.history.prepared.weights if self.history.prepared is not None else ""
        if taken and taken != knowledge.weights:
            raise UserError(
                "The run that this one started from has other weights now, as it was trained further or calibrated, "
                "and a script needs those from then: take another format, or train a run from those of now."
            )
        knowledge.give(network)
        target = io.BytesIO()
        if several:
            arrays: dict[str, Any] = {}
            for place, member in enumerate(self.members_in_use):
                members.pick(network, single, member)
                arrays |= {f"{place} {number}": value for number, value in enumerate(single.get_weights())}
            np.savez(target, **arrays)
        else:
            np.savez(target, *network.get_weights())
        return target.getvalue()

    @property
    def members_in_use(self) -> list[int]:
        """Which of several networks make up the model, from 0.

        Raises:
            UserError: If they were not chosen.
        """
        chosen = self.history.chosen
        if chosen is None:
            raise UserError("This run ended before its networks were chosen. Resume it, or train it again.")
        return [place for place, share in enumerate(chosen.shares) if share]

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch, the last short one included."""
        return -(-len(self.prepared.train.y) // self.settings.training.batch_size)

    @property
    def checked(self) -> "Split":
        """The rows that an exported model is checked on: test rows, else validation rows, else those that trained."""
        parts = (self.prepared.test, self.prepared.validation, self.prepared.train)
        return next(part for part in parts if len(part.y))

    @property
    def checked_part(self) -> str:
        """What sentences call these."""
        prepared = self.prepared
        return "test" if len(prepared.test.y) else "validation" if len(prepared.validation.y) else "training"

    @property
    def worth(self) -> str:
        """A plain sentence on what its model is worth."""
        return worth(self.settings, self.scores)

    def answering(self, precision: Precision) -> Any:
        """Return its network in a precision, without the layers that vary pictures in training."""
        from lrapp.networks import members

        numbers = self.model.preprocessor.numbers
        return members.answering(self.model.network, self.settings, self.prepared.task, numbers, precision)

    def parts(self, rows: int) -> np.ndarray:
        """Return the part that each of so many rows is in, as texts; empty where it is in none."""
        found = np.full(rows, "", dtype=object)
        for name in ("train", "validation", "test"):
            found[getattr(self.prepared, name).rows] = name
        return found


@dataclass(frozen=True, eq=False)
class Recipe(FinishedRun):
    """A finished run on a table, with its data.

    Args:
        frame: Its table's columns as a script has them: texts, numbers (float64) and dates.
        table_notes: Plain sentences on what reading the table changed.
        find_reading: Returns how to read that frame from a file.
    """

    preprocessor: Preprocessor
    frame: pd.DataFrame
    table_notes: tuple[str, ...]
    find_reading: Callable[[], Reading]

    @cached_property
    def reading(self) -> Reading:
        """How to get the frame from a file; found when it is asked for, by a process of its own.

        Raises:
            UserError: If no file can hold it, or reading it takes more than it may.
        """
        return self.find_reading()

    @property
    def split(self) -> bytes:
        """The part that each row of the table is in, as CSV; empty where the target is missing. With folds also the
        number of its fold, 0 where it is in none."""
        parts: dict[str, Any] = {"part": self.parts(len(self.frame))}
        if self.prepared.folds is not None:
            parts["fold"] = np.zeros(len(self.frame), np.int64)
            parts["fold"][self.prepared.train.rows] = self.prepared.folds.of + 1
        return pd.DataFrame(parts).to_csv(index=False, lineterminator="\n").encode()


def worth(settings: RunSettings, scores: "Scores | None") -> str:
    """Return a plain sentence on what a run's model is worth, or why that was not measured."""
    if scores is not None:
        return scores.summary
    told = f"This model was trained on all {settings.data.facts.units}, so it has no test score of its own."
    return f"{told} {settings.made_from.expected}".strip() if settings.made_from else told


def finished(run: Run) -> tuple[RunSettings, History, "Scores | None", "SavedModel"]:
    """Return a finished run's settings (with the rates that it found), history, scores and model.

    Raises:
        UserError: If the run left no model, or its folder is damaged.
    """
    from lrapp.evaluation.scores import Scores
    from lrapp.networks.saved import SavedModel

    if not run.model_path.exists():
        raise UserError("This run left no model. Resume it, or train it again.")
    if not run.scores_path.exists() and not run.settings.data.all_rows:
        raise UserError("This run's folder is damaged: scores.json is missing. Train the run again.")
    settings, history = run.settings, run.history()
    if settings.policy.source == "found" and history.found is not None:
        settings = settings.with_found(history.found)
    scores = None if settings.data.all_rows else Scores.from_json(run.scores_path.read_bytes())
    return settings, history, scores, SavedModel.load(run.folder)


def recipe(run: Run, store: Store) -> Recipe:
    """Return a finished run with its data; reads and prepares its table again.

    Raises:
        UserError: If the run left no model, or its table is gone or no longer what it was.
    """
    from lrapp.preparation.table_arrays import prepare

    settings, history, scores, model = finished(run)
    preprocessor = model.tabular
    table = read_table(store, settings.data)
    prepared = prepare(table, settings.data)
    if prepared.inputs != preprocessor.inputs:
        raise UserError(
            "The table gives other inputs than in training, perhaps because of another version of LR Lab: "
            "train the run again."
        )
    frame = _plain(table, prepared)
    return Recipe(
        settings,
        history,
        scores,
        model,
        prepared,
        store.of(run),
        preprocessor=preprocessor,
        frame=frame,
        table_notes=table.notes,
        find_reading=partial(_reading, store, settings.data.source, table, frame),
    )


def _plain(table: "Table", prepared: "Prepared") -> pd.DataFrame:
    columns = {}
    for column in prepared.tabular.columns:
        values = table.frame[column.name]
        match column.kind:
            case ColumnKind.NUMBER:
                columns[column.name] = _numbers(values)
            case ColumnKind.DATE:
                columns[column.name] = values
            case _:
                columns[column.name] = _texts(values)
    target = table.frame[prepared.target]
    columns[prepared.target] = _numbers(target) if prepared.task == "regression" else _texts(target)
    return pd.DataFrame(columns, copy=False)


def _numbers(values: pd.Series) -> pd.Series:
    return pd.Series(cell_values.numbers(values.to_frame())[:, 0], index=values.index)


def _texts(values: pd.Series) -> pd.Series:
    codes, names = cell_values.texts(values)
    return pd.Series(np.array([*names, None], dtype=object)[codes], index=values.index, dtype="str")


def _reading(store: Store, source: Source, table: "Table", frame: pd.DataFrame) -> Reading:
    """The original if pandas reads exactly the same from it, else the cleaned table."""
    texts = {str(name): "str" for name in frame if pd.api.types.is_string_dtype(frame[name].dtype)}
    dates = [str(name) for name in frame if pd.api.types.is_datetime64_any_dtype(frame[name].dtype)]
    shared: dict[str, Any] = {}
    if texts:
        shared["dtype"] = texts
    if dates:
        shared["parse_dates"] = dates
    options = _dialect(table) | shared
    codes = {one.name: [*one.format.gap_codes] for one in table.columns if one.format.gap_codes}
    if codes := {name: found for name, found in codes.items() if name in frame}:
        options["na_values"] = codes
    if table.dialect is not None and _original_gives(store, source, options, frame):
        return Reading(ORIGINAL, store.read_source(source), options, original=True)
    cleaned = frame.to_csv(index=False, lineterminator="\n").encode("utf-8", "surrogatepass")
    options = {"keep_default_na": False, "na_values": [""], **shared}
    if not pandas_gives(cleaned, options, frame):
        raise UserError(
            "This table holds cells that a CSV file cannot carry to pandas, so no script can be written for it. "
            "The other formats are not affected."
        )
    return Reading(CLEANED, cleaned, options, original=False)


def _original_gives(store: Store, source: Source, options: dict[str, Any], frame: pd.DataFrame) -> bool:
    path = store.source_path(source) if isinstance(source, UploadedSource) else store.read_source(source)
    try:
        return pandas_gives(path, options, frame)
    except OverLimit:
        return False  # then the script gets the cleaned table, which is smaller


def _dialect(table: "Table") -> dict[str, Any]:
    """Arguments of ``read_csv`` for the file's dialect, where it differs from pandas' defaults."""
    dialect = table.dialect
    if dialect is None:
        return {}
    options: dict[str, Any] = {}
    if dialect.encoding.lower().replace("_", "-") not in ("utf-8", "ascii"):
        options["encoding"] = dialect.encoding
    if dialect.delimiter == " ":
        options["sep"] = r"\s+"
    elif dialect.delimiter != ",":
        options["sep"] = dialect.delimiter
    if not dialect.quote:
        options["quoting"] = 3
    elif dialect.quote != '"':
        options["quotechar"] = dialect.quote
    if dialect.escape:
        options["escapechar"] = dialect.escape
    if dialect.decimal != ".":
        options["decimal"] = dialect.decimal
    if dialect.thousands:
        options["thousands"] = dialect.thousands
    if not dialect.header:
        options |= {"header": None, "names": [column.name for column in table.columns]}
    return options


def slot_names(columns: Sequence[InputColumn]) -> list[str]:
    """Return a name for each slot, all different: of a column, or of a part of a date."""
    taken: set[str] = set()
    names = []
    for column in columns:
        for slot in column.slots:
            name = slot if column.kind is ColumnKind.DATE else column.name
            while name in taken:
                name += " (2)"
            taken.add(name)
            names.append(name)
    return names
