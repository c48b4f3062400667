"""A finished run -> a readable script, and a notebook, in plain pandas, scikit-learn and Keras."""

import json
import textwrap
from dataclasses import replace
from typing import Any

from lrapp.escaping import line
from lrapp.export import kinds
from lrapp.export.finished_run import FinishedRun
from lrapp.export.script_data import WIDTH, Cell
from lrapp.export.script_training import network_cell, rate_cell, testing_cell, training_cell
from lrapp.policies.schedules import OneCycle, WarmUp


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
    made = network_cell(recipe), rate_cell(recipe)
    if recipe.settings.policy.cycle_momentum:
        made = _with_momentum(recipe, *made)
    data = kinds.of(recipe.prepared.kind).cells(recipe)
    return *data, *made, training_cell(recipe), testing_cell(recipe)


# --- cyclical momentum -----------------------------------------------------------------------------------------

_UPDATES = {
    "sgd": """\
    def update_step(self, gradient, variable, learning_rate):
        velocity = self.momentums[self._get_variable_index(variable)]
        down = learning_rate * gradient
        velocity.assign(momentum_now * velocity - down)
        variable.assign_add({step})
""",
    "rmsprop": """\
    def update_step(self, gradient, variable, learning_rate):
        place = self._get_variable_index(variable)
        square, velocity = self._velocities[place], self._momentums[place]
        square.assign(self.rho * square + (1 - self.rho) * keras.ops.square(gradient))
        down = learning_rate * gradient / keras.ops.sqrt(square + self.epsilon)
        velocity.assign(momentum_now * velocity + down)
        variable.assign_sub(velocity)
""",
    "adam": """\
    def build(self, variables):
        super().build(variables)
        self.beta_1 = momentum_now
""",
}


def _with_momentum(recipe: FinishedRun, network: Cell, rates: Cell) -> tuple[Cell, Cell]:
    """The first steps of a run whose momentum moves against the rate; its training sets it."""
    how = recipe.settings.training
    name = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}[how.optimizer]
    update = _UPDATES.get(how.optimizer, _UPDATES["adam"])
    made = (
        "momentum_now = keras.Variable(0.0, trainable=False)\n\n\n"
        f"class Moving{name}(keras.optimizers.{name}):\n"
        f'    """{name} with a {how.momentum_name} that is set before every step; Keras holds on to its first."""\n\n'
        + update.format(step="momentum_now * velocity - down" if how.nesterov else "velocity")
    )
    return (
        replace(network, code=f"{made}\n\n{network.code}"),
        replace(rates, code=f"{rates.code}\n{_momenta(recipe)}"),
    )


def _momenta(recipe: FinishedRun) -> str:
    """The code that plans the momentum of every step: highest where the rate is lowest."""
    settings, steps = recipe.settings, recipe.steps_per_epoch
    policy = settings.policy.build(steps, steps * settings.training.epochs)
    begin = int(policy.steps) if isinstance(policy, WarmUp) else 0
    inner = policy.policy if isinstance(policy, WarmUp) else policy
    bounds = f"{settings.policy.base_momentum!r}, {settings.policy.max_momentum!r}"
    code = (
        "\n# Momentum moves against the rate: Smith 2018, arXiv 1803.09820.\n"
        f"base_momentum, max_momentum = {bounds}\n"
    )
    if isinstance(inner, OneCycle):
        last = inner.total_steps - 1
        return (
            f"{code}top, last = {inner.rise!r} * {last!r}, {last!r}\nmomenta = [\n"
            "    cosine(max_momentum, base_momentum, step / top)\n    if step <= top\n"
            "    else cosine(base_momentum, max_momentum, (step - top) / (last - top))\n"
            f"    for step in np.maximum(0, np.arange(len(learning_rates)) - {begin})\n]"
        )
    low, high = inner.bounds
    return (
        f"{code}height = np.clip((np.array(learning_rates) - {low!r}) / ({high!r} - {low!r}), 0, 1)\n"
        "momenta = max_momentum - (max_momentum - base_momentum) * height"
    )


def _comment(text: str) -> str:
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, WIDTH)]
    return "\n".join(f"# {line}".rstrip() for line in lines)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
