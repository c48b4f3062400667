"""Lines of dashes that only draw a table: under the names, around the rows, or between them."""

import re
from dataclasses import dataclass

_LOOKED_AT = 1 << 16
_TOP_LINES = 12
_DRAWN = re.compile(rb"(?=.*(?:---|===))[\s+|:,;]*(?:[-=]{2,}[\s+|:,;]*)+")
_GRID = re.compile(rb"\s*\+(?:[-=]+\+)+\s*")
_MARKDOWN = re.compile(rb"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?\s*")
_SHORTEST_EVERYWHERE = 4


@dataclass(frozen=True)
class Ruled:
    """A text without its drawn lines.

    Args:
        data: UTF-8 bytes.
        lines: Numbers from 1 of the lines that were left out.
    """

    data: bytes
    lines: tuple[int, ...] = ()

    def line(self, number: int) -> int:
        """Number in the file of a line of the text that is left."""
        for gone in self.lines:
            if gone > number:
                break
            number += 1
        return number


def without_rulings(data: bytes) -> Ruled:
    """Leave out lines that hold only dashes and delimiters.

    Args:
        data: UTF-8 bytes.
    """
    beginning = data[:_LOOKED_AT]
    lines = [line for line in re.split(rb"\r\n|\n|\r", beginning) if line.strip()][:_TOP_LINES]
    drawn = [line for line in lines if _is_drawn(line)]
    once = [line for line in drawn if not _anywhere(line)]
    # Short dashes may mark missing cells: they are a ruling only once, right below the names.
    chosen = {line for line in drawn if _anywhere(line)} | set(once if lines[1:2] == once else [])
    if not chosen:
        return Ruled(data)
    pattern = b"|".join(re.escape(line) for line in sorted(chosen))
    numbers: list[int] = []
    pieces: list[bytes] = []
    position = number = 0
    for match in re.finditer(rb"(?m)(?:^|(?<=\r))(?:" + pattern + rb")(?:\r\n|\n|\r|\Z)", data):
        pieces.append(data[position : match.start()])
        number += len(re.findall(rb"\r\n|\n|\r", pieces[-1])) + 1
        numbers.append(number)
        position = match.end()
    pieces.append(data[position:])
    return Ruled(b"".join(pieces), tuple(numbers))


def _is_drawn(line: bytes) -> bool:
    if _DRAWN.fullmatch(line) or _GRID.fullmatch(line):
        return True
    return b"|" in line and _MARKDOWN.fullmatch(line) is not None


def _anywhere(line: bytes) -> bool:
    """Whether a line is a ruling at any place, as cells do not look like that."""
    runs = re.findall(rb"[-=]+", line)
    return b"+" in line or b"==" in line or min(map(len, runs)) >= _SHORTEST_EVERYWHERE
