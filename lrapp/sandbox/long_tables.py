"""The file of a table, of any length, that is to be predicted: read by a separate process, portion by portion."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from lrapp.column_formats import chunks
from lrapp.column_formats.chunks import Portion, ReadWhole
from lrapp.column_formats.learned import ModelFormats
from lrapp.column_formats.match import Question, UnclearFormat
from lrapp.files import disk_errors
from lrapp.sandbox.readers import Readers
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.kept_tables import open_table
from lrapp.tables.reading import Table

_QUESTIONS = TypeAdapter(tuple[Question, ...])
_SIZES = ("PORTION_BYTES", "MOST_BYTES", "_BLOCK", "_LEAST_ROWS")


class LongTable:
    """As ``chunks.Portions``, read by another process into files that go when they are used.

    Args:
        needed: The columns that the reader will use, with the kind each is to have.
        folder: Where the portions may lie; made, and left empty.
        formats: How the model learned the columns; as they look where there are none.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        needed: Mapping[str, ColumnKind],
        folder: Path,
        should_stop: Callable[[], bool] = lambda: False,
        readers: Readers | None = None,
        formats: ModelFormats | None = None,
    ) -> None:
        self._formats = formats or ModelFormats()
        self._path, self._name, self._needed, self._folder = path, name, needed, folder
        self._should_stop, self._readers = should_stop, readers or Readers()
        self.notes: tuple[str, ...] = ()
        with disk_errors():
            folder.mkdir(parents=True, exist_ok=True)

    def __iter__(self) -> Iterator[Portion]:
        """Yield the portions in the order of the file; errors as for ``chunks.Portions`` and ``Readers.ask``."""
        if self._path.stat().st_size <= chunks.PORTION_BYTES:
            raise ReadWhole  # without a process, which would only repeat it
        needed = {name: kind.value for name, kind in self._needed.items()}
        sizes = {size: getattr(chunks, size) for size in _SIZES}
        asked = self._readers.stream(
            "portions",
            "table",
            self._arguments(needed=needed, sizes=sizes, out=str(self._folder)),
            self._should_stop,
        )
        while True:
            try:
                word = next(asked)
            except StopIteration as end:
                _require_clear(end.value)
                if end.value["whole"]:
                    raise ReadWhole from None
                self.notes = tuple(end.value["notes"])
                return
            file = self._folder / Path(word["file"]).name
            table = open_table(file)
            with suppress(OSError):  # Windows cannot delete a mapped file; the folder is removed at the end
                file.unlink()
            self.notes = tuple(word["notes"])
            yield Portion(table, word["share"])

    def whole(self, needed: list[str]) -> Table:
        """Return the table in one; errors as for ``Readers.ask``."""
        out = self._folder / "whole.table"
        arguments = self._arguments(needed=needed, out=str(out))
        _require_clear(self._readers.ask("read_known", "table", arguments, should_stop=self._should_stop))
        return open_table(out)

    def _arguments(self, **more: Any) -> dict[str, Any]:
        formats = self._formats.to_json().decode()
        return {"path": str(self._path.absolute()), "name": self._name, "formats": formats, **more}


def _require_clear(answer: dict[str, Any]) -> None:
    """Check that a file can be read in one way only.

    Raises:
        UnclearFormat: What the reader found to be asked.
    """
    if unclear := answer.get("unclear"):
        raise UnclearFormat(unclear["sentence"], _QUESTIONS.validate_python(unclear["questions"]))
