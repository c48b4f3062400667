"""How many polluted variants of one table come back as that table: its shape, and each of its cells.

Run: ``python tests/benchmarks/read_variants.py``. The kinds of pollution are those found in public CSV files by
Vitagliano et al., "Pollock: A Data Loading Benchmark", VLDB 2023: encodings, delimiters, quotes, escapes and line
ends, lines above and below, names that are missing, doubled or long, and in every single row a delimiter too many or
too few, stray quotes, another delimiter. The table and the variants are our own.
"""

import csv
import io
import math
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lrapp.errors import UserError
from lrapp.tables.reading import read_csv

ROWS = 83
NAMES = ["DATE", "TIME", "Qty", "PRODUCTID", "Price", "ProductType", "ProductDescription", "URL", "Comments"]


@dataclass(frozen=True)
class Variant:
    """A polluted table.

    Args:
        group: What was polluted.
        data: Its bytes.
        names: Names it should have, None where the file has none.
        rows: Cells it should have.
        but: Rows in which a cell may differ, since it is lost or stands elsewhere in the file.
    """

    group: str
    data: bytes
    names: list[str] | None
    rows: list[list[str]]
    but: frozenset[int] = frozenset()


def clean() -> list[list[str]]:
    """The rows that every variant is made of."""
    rng = random.Random(5)
    types = ["tool", "toy, small", "book", 'screen 19"', "garden; home"]
    said = ["fine", "", "late, but fine", 'said "so"', "two\nlines", "see above"]
    rows = []
    for place in range(ROWS):
        kind = rng.choice(types)
        rows.append(
            [
                f"{rng.randint(1, 12):02d}/{rng.randint(13, 28)}/2018",
                f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}",
                str(rng.randint(1, 40)),
                f"{rng.choice('ABCD')}-{rng.randint(100, 999)}",
                f"{rng.uniform(1, 900):.2f}",
                kind,
                f"the {kind} number {place}",
                f"http://shop.example/p?id={place}&k=a,b" if place % 3 else "",
                said[place % len(said)],
            ]
        )
    return rows


def written(
    rows: list[list[str]],
    names: list[str] | None = None,
    delimiter: str = ",",
    ending: str = "\r\n",
    **how: object,
) -> str:
    """A table as the csv module writes it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=ending, **how)  # type: ignore[arg-type]
    if names is not None:
        writer.writerow(names)
    writer.writerows(rows)
    return out.getvalue()


def records(rows: list[list[str]], delimiter: str = ",") -> list[str]:
    """Each row by itself as text, without its line end."""
    return [written([row], delimiter=delimiter).removesuffix("\r\n") for row in rows]


def of_files(rows: list[list[str]]) -> Iterator[Variant]:
    """Pollutions of the file as a whole."""
    text = written(rows, NAMES)
    plain = [[cell.replace("\n", " ") for cell in row] for row in rows]
    for delimiter in (",", ";", "\t", "|", "^", "~", ":", "\x1f", "\x01"):
        yield Variant("delimiter", written(rows, NAMES, delimiter).encode(), NAMES, rows)
        yield Variant(
            "delimiter", written(rows, NAMES, delimiter, quoting=csv.QUOTE_ALL).encode(), NAMES, rows
        )
    for mark in ("::", "||"):
        cells = [[cell.replace("|", "/") for cell in row] for row in plain]
        joined = ["\x00".join(row).replace('"', "'").replace("\x00", mark) for row in [NAMES, *cells]]
        quoteless = [[cell.replace('"', "'") for cell in row] for row in cells]
        yield Variant("delimiter", "\r\n".join(joined).encode(), NAMES, quoteless)
    spaced = [[*row] for row in plain]
    yield Variant("delimiter", written(spaced, NAMES, " ").encode(), NAMES, spaced)
    yield Variant(
        "delimiter", text.replace("\r\n", "\n").replace(",", ", ").encode(), NAMES, _with_spaces(rows)
    )
    for quote in ('"', "'"):
        for quoting in (csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL):
            for delimiter in (",", ";", "\t"):
                data = written(rows, NAMES, delimiter, quotechar=quote, quoting=quoting).encode()
                yield Variant("quote", data, NAMES, rows)
    for delimiter in (",", ";", "\t"):
        for quoting in (csv.QUOTE_ALL, csv.QUOTE_MINIMAL):
            data = written(
                rows, NAMES, delimiter, quoting=quoting, doublequote=False, escapechar="\\"
            ).encode()
            yield Variant("escape", data, NAMES, rows)
    for ending in ("\n", "\r", "\r\n"):
        for delimiter in (",", ";", "\t"):
            yield Variant("line end", written(plain, NAMES, delimiter, ending).encode(), NAMES, plain)
            yield Variant(
                "line end", written(plain, NAMES, delimiter, ending).rstrip().encode(), NAMES, plain
            )
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"):
        foreign = [[*row[:-1], f"{row[-1]} é ü"] for row in rows]
        yield Variant("encoding", written(foreign, NAMES).encode(encoding), NAMES, foreign)
    for lines in (
        "Report\r\n",
        "Report\r\nof sales\r\n\r\n",
        "# one\r\n# two, three\r\n",
        "a,b\r\n",
        "\r\n\r\n",
    ):
        yield Variant("preamble", (lines + text).encode(), NAMES, rows)
    for padded in ("Report,,,,,,,,\r\n", "Report,,,,,,,,\r\nby,me,,,,,,,\r\n,,,,,,,,\r\n"):
        yield Variant("preamble", (padded + text).encode(), NAMES, rows)
    for lines in (
        "\r\n",
        "\r\n\r\n\r\n",
        ",,,,,,,,\r\n" * 3,
        "Source: the shop\r\n",
        "\r\nSource: the shop\r\n",
        "# end\r\n",
    ):
        yield Variant("table end", (text + lines).encode(), NAMES, rows)
    yield Variant("table end", text.rstrip().encode(), NAMES, rows)
    yield Variant("table end", (text + "\x1a").encode(), NAMES, rows)
    yield Variant("names", written(rows).encode(), None, rows)
    for names in (
        [*NAMES[:-1], ""],
        ["", *NAMES[1:]],
        [*NAMES[:-1], "DATE"],
        [f"{name} of the shop in the north, as counted by hand, in pieces or dollars" for name in NAMES],
        [name.lower() for name in NAMES],
        [f" {name} " for name in NAMES],
        [f"{name}\n(unit)" for name in NAMES],
        [f"{name}!" for name in NAMES],
        NAMES,
    ):
        yield Variant("names", written(rows, names).encode(), None, rows)
    yield Variant("names", ("\n".join([",".join(NAMES[:-1])]) + "\r\n" + written(rows)).encode(), None, rows)
    yield Variant("names", (",".join(NAMES) + ",more\r\n" + written(rows)).encode(), None, rows)
    trailing = written([[*row, ""] for row in rows], [*NAMES, ""])
    yield Variant("trailing delimiters", trailing.encode(), NAMES, rows)
    yield Variant("trailing delimiters", written([[*row, ""] for row in rows], NAMES).encode(), NAMES, rows)
    for number in (1, 2):
        yield Variant("short file", written(rows[:number], NAMES).encode(), NAMES, rows[:number])


def _with_spaces(rows: list[list[str]]) -> list[list[str]]:
    return [[cell.replace(",", ", ") for cell in row] for row in rows]


def of_rows(rows: list[list[str]]) -> Iterator[Variant]:
    """Pollutions of every single row."""
    lines = [",".join(NAMES), *records(rows)]
    for place in range(1, len(lines)):
        line, row = lines[place], rows[place - 1]
        here = frozenset([place - 1])
        changes: dict[str, tuple[str, frozenset[int]]] = {
            "delimiter too many at the end": (line + ",", frozenset()),
            "cell too many at the end": (line + ",x", here),
            "delimiter too many amid": (records([[*row[:5], "", *row[5:]]])[0], here),
            "delimiter too few": (records([[*row[:3], row[3] + row[4], *row[5:]]])[0], here),
            "cell too few at the end": (records([row[:-1]])[0], here),
            "two cells too few": (records([row[:-2]])[0], here),
            "other delimiter": (records([row], ";")[0], frozenset()),
            "stray quote before": ('"' + line, here),
            "stray quote in a cell": (line.replace("/", '/"', 1), here),
            "stray quote after a delimiter": (line.replace(",", ',"', 1), here),
            "no quotes where they should be": (",".join(row).replace("\n", " ").replace('"', ""), here),
            "names again": (",".join(NAMES) + "\r\n" + line, frozenset()),
            "empty line before": ("\r\n" + line, frozenset()),
            "delimiters only before": ("," * (len(NAMES) - 1) + "\r\n" + line, frozenset()),
            "comment before": ("# checked\r\n" + line, frozenset()),
            "other line end": (line + "\n", frozenset()),
            "spaces after delimiters": (", ".join(records([[cell] for cell in row])), frozenset()),
        }
        for group, (changed, but) in changes.items():
            pieces = [*lines[:place], changed, *lines[place + 1 :]]
            text = "\r\n".join(pieces) + "\r\n"
            if group == "other line end":
                text = text.replace("\n\r\n", "\n")
            yield Variant(group, text.encode(), NAMES, rows, but)


def variants() -> list[Variant]:
    """All variants."""
    rows = clean()
    return [*of_files(rows), *of_rows(rows)]


def cells_of(data: bytes) -> tuple[list[str], list[list[str]]] | None:
    """The names and the cells that are read, with all columns as words; None where the file is refused."""
    try:
        table = read_csv(data, "a.csv")
    except UserError:
        return None
    return list(table.frame.columns), [_texts(table.frame[name]) for name in table.frame.columns]


def _texts(column: pd.Series) -> list[str]:
    if column.dtype.kind == "M":
        days = column.dt.normalize().dropna()
        alone = bool((days == pd.Timestamp(0)).all())  # times of day
        return column.dt.strftime("%H:%M" if alone else "%m/%d/%Y").fillna("").tolist()
    if column.dtype.kind == "f":
        return ["" if math.isnan(value) else f"{value:.2f}" for value in column.tolist()]
    return column.fillna("").astype("str").tolist()


def shape_fits(variant: Variant, read: tuple[list[str], list[list[str]]] | None) -> bool:
    """Whether as many rows and columns are read as there are."""
    return read is not None and len(read[1]) == len(NAMES) and len(read[1][0]) == len(variant.rows)


def cells_fit(variant: Variant, read: tuple[list[str], list[list[str]]] | None) -> bool:
    """Whether all names and cells are read that are not lost."""
    if read is None or not shape_fits(variant, read):
        return False
    names, columns = read
    if variant.names is not None and names != variant.names:
        return False
    expected = zip(*variant.rows, strict=True)
    return all(
        place in variant.but or _same(found[place], told[place])
        for found, told in zip(columns, expected, strict=True)
        for place in range(len(told))
    )


def _same(found: str, told: str) -> bool:
    if found.strip() == told.strip():
        return True
    try:
        return float(found) == float(told)
    except ValueError:
        return False


def main() -> None:
    """Print, for each kind of pollution, how many variants are read right."""
    tally: dict[str, Counter[str]] = defaultdict(Counter)
    for variant in variants():
        read = cells_of(variant.data)
        tally[variant.group].update(all=1, shape=shape_fits(variant, read), cells=cells_fit(variant, read))
    print(f"{'pollution':34} {'variants':>8} {'shape':>7} {'cells':>7}")
    total: Counter[str] = Counter()
    for group, counts in tally.items():
        total += counts
        print(f"{group:34} {counts['all']:8} {counts['shape']:7} {counts['cells']:7}")
    print(
        f"{'all':34} {total['all']:8} {total['shape'] / total['all']:7.3f} {total['cells'] / total['all']:7.3f}"
    )


if __name__ == "__main__":
    main()
