"""The tasks of a process that reads. The content of uploads is parsed here, and only here.

Each task takes the line to the caller and its arguments as JSON, and returns JSON; tables and pixels go into files.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrapp.pacing import now_and_then
from lrapp.sandbox.wire import Line
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.kept_tables import write_table
from lrapp.tables.reading import Table, read_csv
from lrapp.tables.text.dialects import DialectOverrides

if TYPE_CHECKING:
    from lrapp.column_formats.match import UnclearFormat
    from lrapp.settings import PictureSettings

# Files written ahead before the first of them has been used.
_AHEAD = 2
_TOLD_SECONDS = 0.2
# Broken ones are not in a batch, but their names are.
_FILES_AT_ONCE = 4_096


def read(
    line: Line,
    *,
    path: str,
    name: str,
    dialect: dict[str, Any],
    kinds: dict[str, str],
    out: str,
    known_names: Sequence[str] = (),
    gap_codes: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, Any]:
    """Read a table into a file."""
    overrides = DialectOverrides(**dialect)
    table = read_csv(Path(path).read_bytes(), name, dialect=overrides, known_names=known_names)
    if gap_codes:
        table = table.with_gap_codes(gap_codes)
    if kinds:
        table = table.with_kinds({column: ColumnKind(kind) for column, kind in kinds.items()})
    write_table(table, Path(out))
    return {}


def read_known(
    line: Line, *, path: str, name: str, needed: list[str], formats: str, out: str
) -> dict[str, Any]:
    """Read a table of which column names are known into a file."""
    from lrapp.column_formats import as_learned
    from lrapp.column_formats.learned import ModelFormats
    from lrapp.column_formats.match import UnclearFormat

    known = ModelFormats.from_json(formats.encode())
    try:
        table = as_learned.read_known(Path(path).read_bytes(), name, needed, formats=known)
    except UnclearFormat as error:
        return _unclear(error)
    write_table(table, Path(out))
    return {}


def portions(
    line: Line,
    *,
    path: str,
    name: str,
    needed: dict[str, str],
    sizes: dict[str, int],
    formats: str,
    out: str,
) -> dict[str, Any]:
    """Read a long table portion by portion, a file each; ``whole`` says that it must be read as a whole instead."""
    from lrapp.column_formats import chunks
    from lrapp.column_formats.learned import ModelFormats
    from lrapp.column_formats.match import UnclearFormat

    for size, value in sizes.items():  # the caller's settings; this process reads nothing else
        setattr(chunks, size, value)
    kinds = {column: ColumnKind(kind) for column, kind in needed.items()}
    found = chunks.Portions(Path(path), name, kinds, ModelFormats.from_json(formats.encode()))

    def write(numbered: Iterable[tuple[int, tuple[Table, float]]]) -> Iterator[dict[str, Any]]:
        for number, (table, share) in numbered:
            file = Path(out) / f"{number:06}.table"
            write_table(table, file)
            yield {"file": str(file), "share": share, "notes": list(found.notes)}

    try:
        _hand_out(line, write(enumerate((portion.table, portion.share) for portion in found)))
    except chunks.ReadWhole:
        return {"whole": True, "notes": []}
    except UnclearFormat as error:
        return _unclear(error)
    return {"whole": False, "notes": list(found.notes)}


def _unclear(error: "UnclearFormat") -> dict[str, Any]:
    from pydantic import TypeAdapter

    from lrapp.column_formats.match import Question

    questions = TypeAdapter(tuple[Question, ...]).dump_python(error.questions, mode="json")
    return {"unclear": {"sentence": error.sentence, "questions": questions}}


def pandas_gives(line: Line, *, path: str, options: dict[str, Any], known: str) -> dict[str, Any]:
    """Check whether pandas alone reads from a CSV file the frame in another file."""
    import pyarrow as pa

    from lrapp.tables import plain_csv

    with pa.memory_map(known) as file, pa.ipc.open_stream(file) as stream:
        frame = stream.read_all().to_pandas()
    return {"same": plain_csv.gives(Path(path).read_bytes(), options, frame)}


def _hand_out(line: Line, words: Iterable[dict[str, Any]]) -> None:
    """Send one message after the other, never far ahead of the receiver."""
    untaken = 0
    for word in words:
        line.tell(**word)
        untaken += 1
        while untaken >= _AHEAD:
            line.take()
            untaken -= 1


def holds_pictures(line: Line, *, path: str) -> dict[str, Any]:
    """Check whether a zip holds pictures rather than a table."""
    from lrapp.images.zip_files import is_picture_zip

    return {"holds": is_picture_zip(Path(path))}


def about_pictures(line: Line, *, path: str, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the contents of a zip of pictures."""
    from lrapp.images.zip_files import about_zip

    return asdict(about_zip(Path(path), name, _pictures(settings)))


def look_at_pictures(line: Line, *, path: str, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Show some pictures of a zip."""
    from lrapp.images.examples import look_at_zip

    look = look_at_zip(Path(path), name, _pictures(settings), _progress(line))
    return {"classes": look.classes, "sheets": [base64.b64encode(sheet).decode() for sheet in look.sheets]}


def read_pictures(line: Line, *, path: str, name: str, settings: dict[str, Any], out: str) -> dict[str, Any]:
    """Read all pictures of a zip into files."""
    import numpy as np

    from lrapp.images.zip_files import read_zip

    images = read_zip(Path(path), name, _pictures(settings), _progress(line), out=Path(out) / "pixels")
    np.save(Path(out) / "labels.npy", images.labels, allow_pickle=False)
    return {
        "shape": images.pixels.shape,
        "classes": images.classes,
        "test_from": images.test_from,
        "names": images.names,
        "entries": images.entries,
        "notes": images.notes,
    }


def single_pictures(
    line: Line, *, files: list[tuple[str, str]], shape: tuple[int, int, int], at_once: int, out: str
) -> dict[str, Any]:
    """Read pictures, and those in zips, for a network: batch after batch, a file each."""
    _hand_out(line, _batches(files, (shape[0], shape[1], shape[2]), at_once, Path(out)))
    return {}


def _batches(
    files: list[tuple[str, str]], shape: tuple[int, int, int], at_once: int, out: Path
) -> Iterator[dict[str, Any]]:
    import numpy as np

    from lrapp.errors import UserError
    from lrapp.images.pixels import read_picture

    names: list[str] = []
    reasons: list[str] = []
    pixels: list[np.ndarray] = []

    def batch(number: int, share: float) -> dict[str, Any]:
        file = out / f"{number:06}.npy"
        np.save(file, np.stack(pixels) if pixels else np.zeros((0, *shape), np.uint8), allow_pickle=False)
        word = {"file": str(file), "names": names.copy(), "reasons": reasons.copy(), "share": share}
        names.clear()
        reasons.clear()
        pixels.clear()
        return word

    number = 0
    for name, data, share in _every(files):
        names.append(name)
        try:
            pixels.append(read_picture(data, shape))
            reasons.append("")
        except UserError as error:
            reasons.append(str(error))
        if len(pixels) == at_once or len(names) == _FILES_AT_ONCE:
            yield batch(number, share)
            number += 1
    if names:
        yield batch(number, 1.0)


def _every(files: list[tuple[str, str]]) -> Iterator[tuple[str, bytes, float]]:
    """Each picture with its name, those in zips in the order of the zip, and the share done so far."""
    from lrapp.images.zip_files import every_picture

    for number, (name, path) in enumerate(files):
        data = Path(path).read_bytes()
        if data[:4] == b"PK\x03\x04":
            for entry, unpacked, share in every_picture(data, name):
                yield entry, unpacked, (number + share) / len(files)
        else:
            yield name, data, (number + 1) / len(files)


def _pictures(settings: dict[str, Any]) -> "PictureSettings":
    from lrapp.settings import PictureSettings

    return PictureSettings.model_validate(settings)


def _progress(line: Line) -> Callable[[str, float], None]:
    return now_and_then(lambda what, share: line.tell(doing=what, share=share), _TOLD_SECONDS)


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    task.__name__: task
    for task in (
        *(read, read_known, portions, pandas_gives),
        *(holds_pictures, about_pictures, look_at_pictures, read_pictures, single_pictures),
    )
}
