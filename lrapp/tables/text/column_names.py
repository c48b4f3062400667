"""The names of a table's columns: none missing, all different, with notes on changes."""

import re
from collections.abc import Collection, Sequence

from lrapp.tables.text.header_rows import Said, marked_names, place_of_target, said_of_columns
from lrapp.tables.text.layouts import Layout, has_names, usual_width

_SIGN = "The # before the column names was taken off."
_MARKS = "The marks before the column names (such as cD#) say their roles and kinds, and were taken off."
_COUNTED = {2: "two", 3: "three"}


def without_sign(rows: list[list[str]], notes: list[str]) -> list[list[str]]:
    """Remove a comment sign that precedes the names in a cell of its own.

    Args:
        rows: The first rows of the file.
        notes: Gets a sentence on it.
    """
    alone = len(rows) > 1 and rows[0][0].strip() == "#"
    if not alone or len(rows[0]) < 2 or any(len(row) != len(rows[0]) - 1 for row in rows[1:]):
        return rows
    notes.append(_SIGN)
    return [rows[0][1:], *rows[1:]]


def with_split_names(rows: list[list[str]], notes: list[str]) -> list[list[str]]:
    """Split a first row with another delimiter than the rows below, if that gives names.

    Args:
        rows: The first rows of the file.
        notes: Gets a sentence on it.
    """
    if len(rows) < 2 or len(rows[0]) > 1 or (width := usual_width(rows[1:])) < 2:
        return rows
    for mark in (";", ",", "\t", "|"):
        names = [name.strip().strip('"') for name in rows[0][0].split(mark)]
        if (
            len(names) == width
            and all(names)
            and has_names([names, *(row for row in rows[1:] if len(row) == width)])
        ):
            notes.append(f"The column names are delimited by {mark!r}, unlike the rows below them.")
            return [names, *rows[1:]]
    return rows


def column_names(
    header: Sequence[Sequence[str]], plan: Layout, notes: list[str], known: Collection[str] = ()
) -> tuple[list[str], set[int]]:
    """Return names, none missing and all different.

    Args:
        header: The rows that hold the names, none where the file has none.
        plan: Where the table lies.
        notes: Gets a sentence on each change.
        known: Names that columns may have, as those joined of several rows.

    Returns:
        The names, and the places that had none.
    """
    if not header:
        notes.append("The file has no column names; the columns were numbered.")
        return [f"column_{place + 1}" for place in range(plan.width)], set()
    rows = [["", *row] if plan.short_header else list(row) for row in header]
    if re.match(r"#+\s*[^\s#]", rows[0][0]):
        rows[0][0] = rows[0][0].lstrip("#").lstrip()
        notes.append(_SIGN)
    padded = [[*row[: plan.width], *[""] * (plan.width - len(row))] for row in rows]
    if plan.below and not _are_joined(padded, known):
        notes.append(_below(padded, plan.below))
        padded = padded[:1]
    if len(padded) > 1:
        notes.append(f"The column names stand in {_COUNTED[len(padded)]} rows and were joined.")
        if all(cell.strip() for cell in padded[1]):
            for place in range(1, plan.width):
                padded[0][place] = padded[0][place] if padded[0][place].strip() else padded[0][place - 1]
    raw = _joined(padded)
    trimmed = [name.strip() for name in raw]
    changed = sum(name != clean for name, clean in zip(raw, trimmed, strict=True))
    if changed:
        notes.append(f"Spaces around {changed} column name{'s' if changed > 1 else ''} were removed.")
    if len(padded) == 1 and (marked := _marked(trimmed, known)) is not None:
        notes.append(_MARKS)
        trimmed = [name for _, name in marked]
    empty = {place for place, name in enumerate(trimmed) if not name}
    names: list[str] = []
    taken = {name for name in trimmed if name}
    seen: set[str] = set()
    renamed: list[str] = []
    for place, name in enumerate(trimmed):
        final = name or f"column_{place + 1}"
        if final in seen or (not name and final in taken):
            number = 2
            while f"{final}_{number}" in taken or f"{final}_{number}" in seen:
                number += 1
            final = f"{final}_{number}"
            if name:
                renamed.append(final)
        seen.add(final)
        names.append(final)
    if renamed:
        listed = ", ".join(map(repr, renamed[:5]))
        again = (
            "column name repeats an earlier one" if len(renamed) == 1 else "column names repeat earlier ones"
        )
        notes.append(f"{len(renamed):,} {again}: now {listed}{', …' if len(renamed) > 5 else ''}.")
    return names, empty


def said_of(
    plan: Layout, header: Sequence[Sequence[str]], names: Sequence[str], known: Collection[str] = ()
) -> Said:
    """Return the kinds, roles and units in the header.

    Args:
        plan: Where the table lies.
        header: The rows of names, of kinds and of roles.
        names: The names of the columns.
        known: As for ``column_names``.
    """
    if plan.below == "kinds" and len(header) > 1:
        rows = [header[0], header[1], header[2] if len(header) > 2 else [""]]
    elif len(header) == 1 and not plan.short_header:
        marked = _marked([cell.strip() for cell in header[0]], known)
        if marked is None:
            return Said()
        kinds, roles = (
            ["".join(filter(kept, marks)) for marks, _ in marked] for kept in (str.isupper, str.islower)
        )
        rows = [header[0], kinds, ["class" if role == "c" else role for role in roles]]
    else:
        return Said()
    place = place_of_target(rows)
    to_predict = names[place] if place is not None and place < len(names) else ""
    kinds_of = {place: kind for place, kind in said_of_columns(rows[1:]).items() if place < len(names)}
    return Said(to_predict, kinds_of)


def _marked(names: Sequence[str], known: Collection[str]) -> list[tuple[str, str]] | None:
    """Names without their marks, unless a model of an earlier version knows them with these."""
    marked = marked_names(names)
    if marked is None or any(
        name in known and bare not in known for name, (_, bare) in zip(names, marked, strict=True)
    ):
        return None
    return marked


def _joined(rows: Sequence[Sequence[str]]) -> list[str]:
    return [" ".join(part for part in parts if part.strip()) for parts in zip(*rows, strict=True)]


def _are_joined(rows: Sequence[Sequence[str]], known: Collection[str]) -> bool:
    """Whether the known names are those of all rows, joined as in earlier versions."""
    alone = {name.strip() for name in rows[0]}
    return any(name.strip() in known and name.strip() not in alone for name in _joined(rows))


def _below(rows: Sequence[Sequence[str]], what: str) -> str:
    """A sentence on the rows below the names."""
    if what == "units":
        units = [
            f"{name.strip()!r} in {unit.strip()}"
            for name, unit in zip(*rows[:2], strict=True)
            if unit.strip()
        ]
        listed = ", ".join(units[:5]) + (", …" if len(units) > 5 else "")
        return f"The row below the column names holds units: {listed}."
    if len(rows) == 2:
        return "The row below the column names says their kinds, and was left out."
    return "The two rows below the column names say their kinds and roles, and were left out."
