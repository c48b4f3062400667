"""Command line options for a file that is not written as the model learned."""

import argparse

from lrapp.column_formats.match import Choice

UNCLEAR = 2
"""Exit code if such an option is needed."""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options to a command."""
    group = parser.add_argument_group(
        "for a file that is not written as the table that the model learned from"
    )
    group.add_argument(
        "--format",
        choices=("model", "file"),
        help="read decimal marks and dates as the model learned them, or as the file seems to write them",
    )
    group.add_argument("--decimal", choices=(".", ","), help="the decimal mark of the file's numbers")
    group.add_argument(
        "--sheet",
        metavar="NAME",
        help="the sheet of a spreadsheet; else the one that was chosen for the model, the first with a value, or "
        "another that has the columns",
    )
    order = group.add_mutually_exclusive_group()
    order.add_argument(
        "--day-first", action="store_true", default=None, help="1/2/2024 is the first of February"
    )
    order.add_argument(
        "--month-first", action="store_false", dest="day_first", help="1/2/2024 is the second of January"
    )


def choice_of(arguments: argparse.Namespace) -> Choice:
    """Return the options as a choice."""
    return Choice(arguments.format, arguments.decimal, arguments.day_first, arguments.sheet)
