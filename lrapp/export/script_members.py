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
from lrapp.preparation import threshold as thresholds

# Without its optimizer, whose class may be the script's own.
_KEPT = "members.append(keras.Model(network.inputs[0], network.outputs[0]))"
_SEED = re.compile(r"seed=(\d+)")
# Which layers have groups; of several networks, each has layers of its own.
LEARNING = (
    "layers = [inner for layer in network.layers for inner in "
    'getattr(layer, "layers", [layer]) if inner.trainable_weights]\n'
)


def networks(recipe: FinishedRun) -> list[Any]:
    """Return the networks that make up the model, as they were before training; empty where one trained alone."""
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
        code: The code that trains ``network``, which begins with its classes.
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
    if recipe.settings.training.groups.differ:
        begin += LEARNING
    if raced:
        begin += "plan = Plan()\nplan.factor = factors[member]\n"
    measured, lists = "", ""
    if recipe.prepared.folds is not None:
        numbers = [place + 1 for place, share in enumerate(shares) if share]
        begin += _weights(recipe)
        measured = (
            f"answers = network.predict(x_train[held], batch_size=8192, verbose=0)\n"
            f"out_of_fold.append({figure(recipe, 'y_train[held]', 'numbers[train][held]')})\n"
        )
        lists = f"folds = {numbers}\nout_of_fold = []\n"
        before = " came before its fold" if recipe.prepared.folds.in_order else " is not in its fold"
        text += f" Each network learns from what{before}: the other rows count for nothing in its loss."
    body = textwrap.indent(f"{begin}history = network.fit({fit}\n{calibrated}{measured}{_KEPT}", "    ")
    listed = f"factors = {factors}\n" if raced else ""
    about = " Each multiplies the plan's rates with a factor of its own." if raced else ""
    keeps_best = recipe.settings.training.early_stopping.restore_best
    kept_weights = " Each network keeps the weights of its own best epoch." if keeps_best else ""
    return Cell(
        "Train",
        f"{text}{about}{kept_weights} The app trains all of them at once, this script one after the other.",
        f"{classes}{listed}{lists}shares = {kept}\n"
        f"members = []\nfor member in range({len(kept)}):\n{body}\n\n"
        "inputs = keras.Input(x_train.shape[1:])\n"
        "parts = [share * member(inputs) for share, member in zip(shares, members)]\n"
        "network = keras.Model(inputs, sum(parts[1:], parts[0]))\n"
        'network.save("model.keras")',
    )


def _weights(recipe: FinishedRun) -> str:
    folds = recipe.prepared.folds
    assert folds is not None
    learned = "fold < folds[member]" if folds.in_order else "fold != folds[member]"
    code = (
        f"learned, held = {learned}, fold == folds[member]\n"
        "weights = np.where(learned, len(fold) / learned.sum(), 0).astype(np.float32)\n"
    )
    if recipe.prepared.train.weight is not None:
        code += (
            "own = numbers[train][learned]  # rare classes weigh more, so that all classes weigh the same\n"
            "rows_of = own.value_counts()\n"
            "weights[learned] *= (len(own) / (len(rows_of) * own.map(rows_of))).to_numpy(np.float32)\n"
        )
    return code


def figure(recipe: FinishedRun, y: str, numbers: str) -> str:
    """Return the code of the first figure of ``answers``.

    Args:
        y: Code of the true answers as the network learns them.
        numbers: Code of the true numbers in the target's units, where the network learns their logarithm.
    """
    if recipe.prepared.logarithm is not None:
        return (
            f"np.mean(np.abs(unit * np.expm1(answers[:, 0].astype(np.float64) * scale + mean) - {numbers}))"
        )
    level = thresholds.level_of(recipe.model.preprocessor.threshold)
    return {
        "binary": f"np.mean((answers > {level:.9g}) == ({y} > 0.5))",
        "multi-class": f"np.mean(answers.argmax(axis=1) == {y})",
        "regression": f"np.mean(np.abs(answers - {y})) * scale",
    }[recipe.prepared.task]


def crossed_code(recipe: FinishedRun) -> str:
    """Return the code that prints what a cross-validation has measured; empty where there was none."""
    scores = recipe.scores
    if recipe.prepared.folds is None or scores is None or scores.out_of_fold is None:
        return ""
    told = scores.out_of_fold.figures[0]
    each = [value for value, share in zip(told.each, _shares(recipe), strict=True) if share]
    known = [value for value in each if value is not None]
    spread = " ± {np.std(out_of_fold, ddof=1):.2g}" if len(each) > 1 else ""
    return f'print(f"{told.name} out of fold: {{np.mean(out_of_fold):.6g}}{spread} (the run: {np.mean(known):.6g})")'


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
