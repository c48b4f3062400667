"""Files that hold a table in a wrapper: gzip, zip, spreadsheets. Other formats are refused by name."""

import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import IO, Any

from lrapp.errors import Refused, UserError
from lrapp.phrasing import number, quoted

UNPACKED_LIMIT = 1 << 30
"""Bytes that a file may unpack to. Sizes in headers can lie, so the limit is kept while unpacking."""

_CELL_LIMIT = 20_000_000
_BLOCK = 1 << 20
_WRAPPERS = 3
# Python unpacks the others block by block whatever a block unpacks to: a kilobyte of bzip2 can hold gigabytes.
_READABLE_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_NOT_TABLES = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"FEA1", "a Feather file"),
    (b"SQLite format 3", "a SQLite database"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"{\\rtf", "an RTF document"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x7fELF", "a program"),
    (b"$FL2", "an SPSS file"),
    (b"<stata_dta>", "a Stata file"),
)
_ADVICE = "Save the table as CSV and upload that."
# A cell of a sheet with its place, with any other attributes and quotes. One that is written in a
# stranger way, or cut by the end of a block, passes: then the limit of memory says that the sheet is too large.
_CELL = re.compile(rb"<(?:\w+:)?c\s(?:[^>]*?\s)?r\s*=\s*[\"']\$?([A-Za-z]{1,3})\$?([0-9]{1,7})[\"']")
_SPREADSHEET_PARTS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")
_OFFICE_PARTS = (("word/document.xml", "a Word document"), ("ppt/presentation.xml", "a presentation"))
_TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".tab", ".dat", ".data")


@dataclass(frozen=True)
class Unpacked:
    """What was inside a file.

    Args:
        data: Bytes of the text table, empty when ``sheet`` is given.
        name: Name of the innermost file.
        sheet: Rows of cells as text when the file is a spreadsheet, else None.
        sheets: Names of all sheets of a spreadsheet.
        notes: Plain sentences on what was unpacked.
    """

    data: bytes
    name: str
    sheet: tuple[tuple[str, ...], ...] | None = None
    sheets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def unpack(data: bytes, name: str, *, sheet: str | None = None, limit: int = UNPACKED_LIMIT) -> Unpacked:
    """Take the table out of gzip, zip or a spreadsheet, whatever the name says.

    Args:
        data: Bytes of the file as uploaded.
        name: Its name, for sentences only.
        sheet: Name of the sheet of a spreadsheet; the first with a value by default.
        limit: Bytes that it may unpack to.

    Raises:
        UserError: If it is empty, holds no table, several tables, or more than the limit.
    """
    notes: list[str] = []
    if len(data) > limit:
        raise Refused(
            f"A file may hold at most {_size(limit)}. Received: {_size(len(data))}. Upload fewer rows."
        )
    for _ in range(_WRAPPERS):
        if data[:2] == b"\x1f\x8b":
            data, name = _gunzip(data, limit), re.sub(r"\.(gz|gzip)$", "", name, flags=re.IGNORECASE)
            notes.append("The file was unpacked from gzip.")
        elif data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            archive = _open_zip(data)
            if any(part in archive.namelist() for part in _SPREADSHEET_PARTS):
                _check_unpacked_size(archive, limit)
                return _spreadsheet(data, name, notes, sheet)
            for part, what in _OFFICE_PARTS:
                if part in archive.namelist():
                    raise UserError(f"The file is {what}, not a CSV table. {_ADVICE}")
            data, name = _from_zip(archive, limit)
            notes.append(f"The table {name!r} was taken out of the zip archive.")
        elif data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
            return _spreadsheet(data, name, notes, sheet)
        else:
            _refuse_other_formats(data)
            return Unpacked(data=data, name=name, notes=tuple(notes))
    raise UserError("The file is an archive inside an archive inside an archive. Upload the CSV file itself.")


def _size(count: int) -> str:
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if count >= factor:
            return f"{number(count / factor, 3)} {unit}"
    return f"{count} bytes"


def _read_at_most(stream: IO[bytes] | gzip.GzipFile, limit: int) -> bytes:
    blocks: list[bytes] = []
    total = 0
    while block := stream.read(_BLOCK):
        total += len(block)
        if total > limit:
            raise Refused(
                f"A packed file may unpack to at most {_size(limit)}, and this one unpacks to more. "
                "Upload fewer rows or columns."
            )
        blocks.append(block)
    return b"".join(blocks)


def _gunzip(data: bytes, limit: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            return _read_at_most(stream, limit)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError("The gzip file is damaged or cut off. Pack it again and upload it again.") from error


def _open_zip(data: bytes) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, UnicodeDecodeError) as error:
        raise UserError(
            "The zip archive is damaged or cut off. Pack it again and upload it again."
        ) from error
    if any(info.compress_type not in _READABLE_PACKINGS for info in archive.infolist()):
        raise UserError("The zip archive is packed in a rare way. Pack it again as a plain zip.")
    return archive


def _is_clutter(path: str) -> bool:
    leaf = path.rsplit("/", 1)[-1]
    return (
        path.startswith("__MACOSX/") or leaf.startswith(".") or leaf.lower() in ("thumbs.db", "desktop.ini")
    )


def _from_zip(archive: zipfile.ZipFile, limit: int) -> tuple[bytes, str]:
    files = [info for info in archive.infolist() if not info.is_dir() and not _is_clutter(info.filename)]
    tables = [info for info in files if info.filename.lower().endswith(_TABLE_ENDINGS)]
    chosen = tables if len(tables) == 1 else files
    if not chosen:
        raise UserError("The zip archive holds no file. Upload one that holds a CSV file.")
    if len(chosen) > 1:
        listed = ", ".join(repr(info.filename) for info in (tables or files)[:5])
        more = "" if len(tables or files) <= 5 else f" and {len(tables or files) - 5} more"
        raise UserError(
            f"A zip archive must hold one table. This one holds {listed}{more}. Upload one of them by itself."
        )
    try:
        with archive.open(chosen[0]) as stream:
            return _read_at_most(stream, limit), chosen[0].filename.rsplit("/", 1)[-1]
    except RuntimeError as error:
        raise UserError("The zip archive is locked with a password. Upload the CSV file itself.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise UserError(
            "The zip archive is damaged or cut off. Pack it again and upload it again."
        ) from error


def _check_unpacked_size(archive: zipfile.ZipFile, limit: int) -> None:
    """Inflate every part once and keep nothing: the spreadsheet reader has no limit of its own.

    Nor for the area of a sheet, which two cells in opposite corners make huge.
    """
    total = 0
    for info in archive.infolist():
        try:
            with archive.open(info) as stream:
                left, right, top, bottom = 1 << 20, 0, 1 << 30, 0
                while block := stream.read(_BLOCK):
                    total += len(block)
                    for letters, digits in _CELL.findall(block):
                        column = _column_number(letters)
                        left, right = min(left, column), max(right, column)
                        top, bottom = min(top, int(digits)), max(bottom, int(digits))
                    if right and (right - left + 1) * (bottom - top + 1) > 20 * _CELL_LIMIT:
                        raise Refused(
                            f"The cells of a sheet must lie close together, and these span columns {left:,} to "
                            f"{right:,} and rows {top:,} to {bottom:,}. {_ADVICE}"
                        )
                    if total > limit:
                        raise Refused(
                            f"A spreadsheet may unpack to at most {_size(limit)}, and this one unpacks to more. "
                            "Save the sheet as CSV and upload that."
                        )
        except RuntimeError as error:
            raise UserError("The spreadsheet is locked with a password. Save it without one.") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
            raise UserError(f"The spreadsheet is damaged or cut off. {_ADVICE}") from error


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number


def _cell_text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        plain_day = (cell.hour, cell.minute, cell.second, cell.microsecond) == (0, 0, 0, 0)
        return cell.date().isoformat() if plain_day else cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return repr(cell.total_seconds())
    return "" if cell is None else str(cell)


def _rows_of(sheet: Any) -> Iterator[tuple[str, ...]]:
    for row in sheet.to_python(skip_empty_area=True):
        yield tuple(_cell_text(cell) for cell in row)


def _spreadsheet(data: bytes, name: str, notes: list[str], chosen: str | None) -> Unpacked:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        titles = workbook.sheet_names
        if chosen is not None and chosen not in titles:
            raise UserError(
                f"The spreadsheet must have the sheet that was chosen. Received: {chosen!r}. Its sheets are: "
                f"{quoted(titles)}. Choose one of them."
            )
        for title in titles if chosen is None else [chosen]:
            sheet = workbook.get_sheet_by_name(title)
            if sheet.height * sheet.width > _CELL_LIMIT:
                cells = f"{sheet.height * sheet.width:,}"
                raise Refused(f"A sheet may have at most {_CELL_LIMIT:,} cells. Received: {cells}. {_ADVICE}")
            rows = tuple(_rows_of(sheet))
            if any(cell.strip() for row in rows for cell in row):
                break
        else:
            what = "spreadsheet" if chosen is None else "sheet that was chosen"
            advice = "Upload one that holds a table." if chosen is None else "Choose another sheet."
            raise UserError(f"The {what} has no cell with a value. {advice}")
    except UserError:
        raise
    except (CalamineError, OSError, ValueError, TypeError, OverflowError) as error:
        raise UserError(f"The spreadsheet could not be read. {_ADVICE}") from error
    except BaseException as error:  # a panic inside the reader is not an Exception
        if type(error).__name__ != "PanicException":
            raise
        raise UserError(f"The spreadsheet could not be read. {_ADVICE}") from error
    if len(titles) > 1:
        notes.append(f"The spreadsheet has {len(titles)} sheets; {title!r} was read.")
    elif not name.lower().endswith((".xlsx", ".xls", ".xlsb", ".ods", ".xlsm")):
        notes.append("The file is a spreadsheet, whatever its name says, and was read as one.")
    return Unpacked(data=b"", name=name, sheet=rows, sheets=tuple(titles), notes=tuple(notes))


def _refuse_other_formats(data: bytes) -> None:
    for magic, what in _NOT_TABLES:
        if data.startswith(magic):
            raise UserError(f"The file is {what}, not a CSV table. {_ADVICE}")
    if data[:4] == b"RIFF" and data[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        raise UserError(f"The file is an image or a recording, not a CSV table. {_ADVICE}")
    head = data[:4096].removeprefix(b"\xef\xbb\xbf").replace(b"\x00", b"").lstrip()
    lower = head.lower()
    if data.startswith(b"version https://git-lfs"):
        raise UserError(
            "The file only points to a table (Git LFS). Download the table itself and upload that."
        )
    if head[:1] in (b"%", b"@") and re.search(rb"(?im)^@attribute\s", data[: 1 << 16]):
        raise UserError(f"The file is in Weka's format ARFF, not a CSV table. {_ADVICE}")
    if re.match(
        rb"(<!doctype html|<(html|head|meta|style|body|table|div|script|center|font|pre)\b)", lower
    ) or (lower.startswith((b"<?xml", b"<!--")) and b"<html" in lower):
        raise UserError(f"The file is a web page (HTML), not a CSV table. {_ADVICE}")
    if lower.startswith((b"<?xml", b"<svg")):
        raise UserError(f"The file is XML, not a CSV table. {_ADVICE}")
    if head[:1] in (b"{", b"[") and _is_json(data, head):
        raise UserError(f"The file is JSON, not a CSV table. {_ADVICE}")


def _is_json(data: bytes, head: bytes) -> bool:
    first_line = head.split(b"\n", 1)[0]
    for piece in (first_line, data if len(data) < _BLOCK else b""):
        try:
            json.loads(piece.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            continue
        return True
    return bool(re.match(rb'\{\s*"[^"]*"\s*:|\[\s*(\{\s*("|\})|\[\s*["\d\[-])', head))
