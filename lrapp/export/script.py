"""A finished run -> a readable script, and a notebook, in plain pandas, scikit-learn and Keras."""

import json
import textwrap
from typing import Any

from lrapp.escaping import line
from lrapp.export import kinds, script_transfer
from lrapp.export.finished_run import FinishedRun
from lrapp.export.script_data import WIDTH, Cell
from lrapp.export.script_training import network_cell, rate_cell, testing_cell, training_cell


def script(recipe: FinishedRun) -> str:
    """Return the run as a Python script."""
    first, *others = cells_of(recipe)
    # First, or a comment with a name from a file could set the script's encoding.
    parts = [f"# -*- coding: utf-8 -*-\n# {first.title}\n#\n{_comment(first.text)}\n\n{first.code}"]
    parts += [f"# --- {cell.title} ---\n{_comment(cell.text)}\n\n{cell.code}" for cell in others]
    return "\n\n\n".join(parts) + "\n"


def notebook(recipe: FinishedRun) -> str:
    """Return the run as a Jupyter notebook (format 4.5)."""
    made: list[dict[str, Any]] = []
    for number, cell in enumerate(cells_of(recipe)):
        level = "#" if number == 0 else "##"
        text = "\n".join([f"{level} {line(cell.title)}", "", *map(line, cell.text.splitlines())])
        made.append({"cell_type": "markdown", "id": f"text-{number}", "metadata": {}, "source": _lines(text)})
        made.append(
            {
                "cell_type": "code",
                "id": f"code-{number}",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": _lines(cell.code),
            }
        )
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {
        "cells": made,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1) + "\n"


def cells_of(recipe: FinishedRun) -> tuple[Cell, ...]:
    """Return the steps of the script, in order.

    Raises:
        UserError: If the run does what a script cannot repeat.
    """
    script_transfer.refuse(recipe)
    return (
        *kinds.of(recipe.prepared.kind).cells(recipe),
        network_cell(recipe),
        rate_cell(recipe),
        training_cell(recipe),
        testing_cell(recipe),
    )


def _comment(text: str) -> str:
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, WIDTH)]
    return "\n".join(f"# {line}".rstrip() for line in lines)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
