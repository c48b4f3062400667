"""Marks around rows or cells that are not part of the data: rows quoted as a whole, cells written as formulas."""

import re
from dataclasses import dataclass

from lrapp.tables.text.delimited_text import by_lines

_LOOKED_AT = 1 << 16
_MARKS = (b",", b";", b"\t", b"|")
_FORMULA = re.compile(rb'(^|[,;\t|])="([^"\r\n]*)"(?=[,;\t|\r\n]|\Z)', re.MULTILINE)
_WRAPPED = re.compile(rb'"(?:[^"]|"")*"')


@dataclass(frozen=True)
class Bare:
    """A text without such marks.

    Args:
        data: UTF-8 bytes.
        notes: Plain sentences on what was removed.
    """

    data: bytes
    notes: tuple[str, ...] = ()


def without_wrappings(data: bytes) -> Bare:
    """Remove quotes around whole rows, and equals signs before quoted cells.

    Args:
        data: UTF-8 bytes.
    """
    notes: list[str] = []
    if _rows_are_quoted(data[:_LOOKED_AT]):
        data = by_lines(
            data,
            lambda lines: re.sub(
                rb'(?m)^"(.*?)"(?=\r?$)', lambda match: match[1].replace(b'""', b'"'), lines
            ),
        )
        notes.append("Every row was quoted as a whole; these quotes were taken off.")
    if _FORMULA.search(data[:_LOOKED_AT]):
        data = by_lines(data, lambda lines: _FORMULA.sub(rb'\1"\2"', lines))
        notes.append('Cells that were written as formulas, such as ="001", were read as their text.')
    return Bare(data, tuple(notes))


def _rows_are_quoted(beginning: bytes) -> bool:
    """Whether each line is one quoted cell, and all of these cells fall into as many parts at a delimiter."""
    if not beginning.startswith(b'"'):
        return False
    lines = [line for line in beginning.splitlines()[:200] if line]
    if len(beginning) == _LOOKED_AT:
        lines = lines[:-1]
    if len(lines) < 2 or not all(_WRAPPED.fullmatch(line) for line in lines):
        return False
    inner = [re.sub(rb'"[^"]*"', b"", line[1:-1].replace(b'""', b'"')) for line in lines]
    return any(len({line.count(mark) for line in inner}) == 1 and mark in inner[0] for mark in _MARKS)
