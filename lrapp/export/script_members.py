"""Several networks as code: trained one after the other, then calibrated."""

import re
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from lrapp.errors import UserError
from lrapp.export.finished_run import FinishedRun
from lrapp.export.script_data import Cell
from lrapp.phrasing import counted

_SEED = re.compile(r"seed=(\d+)")


def networks(recipe: FinishedRun) -> list[Any]:
    """Return the networks that make up the model, as they were before training; empty where one trained alone.

    Args:
        recipe: The run.
    """
    from lrapp.networks import members, models

    settings, data = recipe.settings, recipe.prepared
    if settings.networks == 1:
        return []
    seeds = members.member_seeds(settings.training.seed, settings.networks)
    return [
        models.build(
            *(settings.model, data.shape, data.task, len(data.classes)),
            *(seed, settings.training.precision, data.preprocessor.numbers),
        )
        for seed, share in zip(seeds, _shares(recipe), strict=True)
        if share
    ]


def _shares(recipe: FinishedRun) -> tuple[float, ...]:
    chosen = recipe.history.chosen
    if chosen is None:
        raise UserError("This run ended before its networks were chosen. Resume it, or train it again.")
    return chosen.shares


def network_cell(codes: Sequence[str], compiled: str, text: str) -> Cell:
    """Return the step that builds the networks: one function, as they differ only in their seeds.

    Args:
        codes: The code that builds each, as ``network = …``.
        compiled: The code that compiles it.
        text: Text on their seeds.
    """
    seeds = np.array([[int(seed) for seed in _SEED.findall(code)] for code in codes]).T
    table = "".join(f"    {row},\n" for row in seeds.tolist())
    places = iter(range(len(seeds)))
    code = _SEED.sub(lambda _: f"seed=seeds[{next(places)}][member]", codes[0])
    body = textwrap.indent(f"{code}\n{compiled}return network", "    ")
    return Cell(
        "Build the networks",
        f"{counted(len(codes), 'network')} of one shape; they differ in their seeds. {text}",
        f"# For each initializer, and each dropout, the seed of every network.\nseeds = [\n{table}]\n\n\n"
        f'def build(member):\n    """One of the networks, with fresh weights."""\n{body}\n\n\nbuild(0).summary()',
    )


def training_cell(recipe: FinishedRun, text: str, code: str, calibrated: str = "") -> Cell:
    """Return the step that trains the networks and combines them.

    Args:
        recipe: The run.
        text: Text on the training.
        code: The code that trains ``network``, which begins with its classes.
        calibrated: The code that calibrates it then.
    """
    shares = _shares(recipe)
    factors = [
        round(factor, 12) for factor, share in zip(recipe.settings.factors(), shares, strict=True) if share
    ]
    kept = [round(share, 9) for share in shares if share]
    classes, fit = code.split("history = network.fit(")
    raced = any(factor != 1 for factor in factors)
    if raced:
        classes = classes.replace("= learning_rates[self.step]", "= learning_rates[self.step] * self.factor")
        classes = classes.replace("    step = 0\n", "    step = 0\n    factor = 1.0\n")
        fit = fit.replace("Plan(),", "plan,")
        fit = fit.replace("= learning_rates[", "= factors[member] * learning_rates[")
    begin = "network = build(member)\n"
    if raced:
        begin += "plan = Plan()\nplan.factor = factors[member]\n"
    body = textwrap.indent(f"{begin}history = network.fit({fit}\n{calibrated}members.append(network)", "    ")
    listed = f"factors = {factors}\n" if raced else ""
    about = " Each multiplies the plan's rates with a factor of its own." if raced else ""
    return Cell(
        "Train",
        f"{text}{about} Each network keeps the weights of its own best epoch. The app trains all of them at once, "
        "this script one after the other.",
        f"{classes}{listed}shares = {kept}\n"
        f"members = []\nfor member in range({len(kept)}):\n{body}\n\n"
        "inputs = keras.Input(x_train.shape[1:])\n"
        "parts = [share * member(inputs) for share, member in zip(shares, members)]\n"
        "network = keras.Model(inputs, sum(parts[1:], parts[0]))\n"
        'network.save("model.keras")',
    )


def calibrated(recipe: FinishedRun) -> str:
    """Return the code that gives a network the run's temperature; empty where it has none."""
    temperature = recipe.model.temperature
    if temperature == 1:
        return ""
    return (
        "# Calibrated: a temperature that was fitted on the validation rows (Guo et al. 2017, arXiv 1706.04599).\n"
        "last = network.layers[-1]\n"
        f"last.set_weights([value / np.float32({temperature!r}) for value in last.get_weights()])\n"
    )
