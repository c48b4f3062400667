"""The README of an exported model: its inputs, its outputs, and example code."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrapp.escaping import code, line
from lrapp.export.finished_run import slot_names
from lrapp.prediction import plain_model
from lrapp.prediction.plain_model import Portable
from lrapp.preparation.preprocessor import InputColumn
from lrapp.tables.columns.kinds import ColumnKind

if TYPE_CHECKING:
    from lrapp.export.finished_image_run import PictureRecipe
    from lrapp.export.finished_run import Recipe

_MOST_SHOWN = 200
_FAR = np.finfo(np.float64).max
# How a column is described for programs that support texts and float64, and for LiteRT.
_KINDS = {
    ColumnKind.NUMBER: ("number (float64)", "a gap is NaN"),
    ColumnKind.DATE: ("number (float64)", "seconds since 1970-01-01, UTC; a gap is NaN"),
    ColumnKind.YES_NO: ("text", "a gap is an empty text; one of: "),
    ColumnKind.CATEGORY: ("text", "a gap is an empty text; known: "),
}
_LITERT_KINDS = {
    ColumnKind.NUMBER: ("float32", "a gap is NaN"),
    ColumnKind.DATE: ("float32", "whole days since 1970-01-01, and seconds of that day (UTC); a gap is NaN"),
    ColumnKind.YES_NO: ("int32", "0 for the first, 1 for the second of these, -1 for a gap: "),
    ColumnKind.CATEGORY: ("int32", "the place, from 0, in `columns.json`, which begins: "),
}


def of_columns(recipe: "Recipe", names: Mapping[str, str], about: str, example: str, sentence: str) -> str:
    """Return the README of a model that takes the columns of a table as they are.

    Args:
        names: What the model calls each column.
        example: Python that predicts the first row that was checked.
        sentence: How its answers compare with the app's.
    """
    about += " Preprocessing is inside: give the columns as they stand in the table."
    texts = (
        "Texts are compared letter by letter; a category that training never saw counts as a rare one.\n"
        f"It answers with {_outputs(recipe)}"
    )
    inputs = {column: [name] for column, name in names.items()}
    return _of_inputs(recipe, inputs, _KINDS, about, texts, example, sentence)


def of_litert(recipe: "Recipe", names: Mapping[str, Sequence[str]], example: str, sentence: str) -> str:
    """Return the README of a LiteRT file; arguments as for ``of_columns``."""
    about = """\
model.tflite is a LiteRT (TensorFlow Lite) model with built-in operations only. Each input has the shape (rows,), and
the preprocessing of numbers and dates is inside. LiteRT knows no texts: a text goes in as its place in the list that
`columns.json` has for its column; -1, or any other number, is a text that training never saw. An empty text in such
a list stands for a gap."""
    outputs = _outputs(recipe)
    if recipe.preprocessor.classes:
        outputs = outputs.replace("the name of a class", "the number of a class, from 0")
    return _of_inputs(recipe, names, _LITERT_KINDS, about, f"It answers with {outputs}", example, sentence)


def _of_inputs(
    recipe: "Recipe",
    names: Mapping[str, Sequence[str]],
    kinds: Mapping[ColumnKind, tuple[str, str]],
    about: str,
    answers: str,
    example: str,
    sentence: str,
) -> str:
    preprocessor = recipe.preprocessor
    lines = []
    for column in preprocessor.columns:
        kind, note = kinds[column.kind]
        inputs = " and ".join(map(code, names[column.name]))
        lines.append(f"| {inputs} | {code(column.name)} | {kind} | {note}{_known(column)} |")
    listed = "\n".join(lines)
    return f"""\
# A model that predicts {code(preprocessor.target)}

{about}
{line(recipe.worth)}
{sentence}{_mean(recipe)}

| input | column | type | values |
|---|---|---|---|
{listed}

{answers}.

```python
{example}
```
"""


def _mean(recipe: "Recipe") -> str:
    chosen = recipe.history.chosen
    if not recipe.settings.leaves_ensemble or (chosen is not None and not chosen.leaves_several):
        return ""
    return (
        "\nIts answer is the mean of several networks; how far these are apart is only told by the app and by "
        "`predict.py`\nof the run's download."
    )


def litert_columns(recipe: "Recipe", names: Mapping[str, Sequence[str]]) -> str:
    """Return the inputs of a LiteRT file as JSON: names, column, kind, and the texts in the order of their numbers."""
    preprocessor = recipe.preprocessor
    listed = [
        {
            "inputs": list(names[column.name]),
            "column": column.name,
            "kind": column.kind.value,
            "values": list(column.values),
        }
        for column in preprocessor.columns
    ]
    return as_json({"columns": listed, "target": preprocessor.target, "classes": list(preprocessor.classes)})


def of_network(recipe: "Recipe", example: str, sentence: str) -> str:
    """Return the README of the network alone, with its preprocessing described; arguments as for ``of_columns``."""
    model = recipe.preprocessor
    described = inputs(recipe)
    lines = [f"| {one['input']} | {code(one['name'])} | {_how(one)} |" for one in described[:_MOST_SHOWN]]
    if len(described) > _MOST_SHOWN:
        lines.append(f"| … | | {len(described) - _MOST_SHOWN:,} more, all in inputs.json |")
    listed = "\n".join(lines)
    outputs = f"shape (rows, 1): {code(model.target)}, standardised"
    if (log := model.logarithm) is not None:
        back = f"{log.unit!r} * (exp({log.scale!r} * z + {log.mean!r}) - 1)"
        outputs = f"shape (rows, 1); of a number z in it, {code(model.target)} is {back}"
    elif model.task == "regression":
        outputs += f"; times {model.target_scale!r} plus {model.target_mean!r} it has the target's own units"
    elif model.task == "binary":
        outputs = f"shape (rows, 1): the probability of {code(model.classes[1])}; else it is {code(model.classes[0])}"
        if model.threshold is not None:
            outputs += (
                f". The app answers {code(model.classes[1])} where it is above {model.threshold.level:.9g}"
            )
    else:
        order = ", ".join(map(code, model.classes[:50]))
        outputs = (
            f"shape (rows, {len(model.classes)}): the probabilities of these classes, in this order: {order}"
        )
    by_quantiles = ""
    if any("quantiles" in one for one in described):
        by_quantiles = (
            "\nShares are interpolated between the quantiles of inputs.json; a value that several of them share gets "
            "the mean of\ntheir shares. At or below the first quantile the share is 0, at or above the last it is 1; "
            "the point of the normal\ndistribution is then -5.199337582 or 5.199337582."
        )
    return f"""\
# A network that predicts {code(model.target)}

model.keras is the network as Keras {version("keras")} saves it. It takes {len(recipe.prepared.inputs):,} numbers
for each row (float32), prepared as below; inputs.json says the same for programs.
{line(recipe.worth)}
{sentence}{_mean(recipe)}

| input | from | how |
|---|---|---|
{listed}

What is beyond a million after this is moved to a million.{by_quantiles}
The answer has the {outputs}.

```python
{example}
```
"""


def inputs(recipe: "Recipe") -> list[dict[str, Any]]:
    """Return how each input of the network is computed, in order, for JSON.

    Each has ``input`` (its place), ``name`` (a column, or a part of a date) and ``kind``. A ``number`` is moved
    between ``low`` and ``high``, a gap becomes ``missing``; then ``mean`` is taken off and ``scale`` divides the rest
    (and where there is a ``bound``, the result z becomes z / sqrt(1 + (z / bound)^2)), or, by ``quantiles`` at
    ``shares``, it becomes the point of the normal distribution with that share below it.
    ``yes/no`` has ``no``, ``yes`` and what stands for a gap; ``gap`` is 1 for a gap, else 0; ``category`` is 1 for the
    ``values``, else 0, and where ``unknown`` also for a text that training never saw.
    """
    plan = plain_model.portable(recipe.preprocessor)
    made = [*_numbers(plan), *_answers(plan), *_flags(plan), *_categories(plan)]
    return [{"input": place} | one for place, one in enumerate(made)]


def _numbers(plan: Portable) -> Iterator[dict[str, Any]]:
    names, n = slot_names(plan.columns), plan.numbers
    if n is None:
        return
    for place, slot in enumerate(n.slots.tolist()):
        unit = float(n.unit[place])
        found: dict[str, Any] = {"name": names[slot], "kind": "number"}
        if abs(n.low[place]) < _FAR:
            found |= {"low": float(n.low[place]), "high": float(n.high[place])}
        found["missing"] = float(n.fill[place]) / unit
        if n.quantiles is None:
            found |= {"mean": float(n.mean[place]) / unit, "scale": float(n.scale[place]) / unit}
            yield found if n.bound is None else found | {"bound": n.bound}
        else:
            values = (n.quantiles.values[:, place] / unit).tolist()
            yield found | {"quantiles": values, "shares": n.quantiles.shares.tolist()}


def _answers(plan: Portable) -> Iterator[dict[str, Any]]:
    owners = _owners(plan)
    for slot, fill in zip(plan.answers.tolist(), plan.answer_fill.tolist(), strict=False):
        no, yes = owners[slot].values
        yield {"name": owners[slot].name, "kind": "yes/no", "no": no, "yes": yes, "missing": float(fill)}


def _flags(plan: Portable) -> Iterator[dict[str, Any]]:
    owners = _owners(plan)
    for slot in plan.flags.tolist():
        yield {"name": owners[slot].name, "kind": "gap"}


def _categories(plan: Portable) -> Iterator[dict[str, Any]]:
    owners = _owners(plan)
    for slot, table in plan.categories:
        for row in table.T:
            texts = [text for text, value in zip(owners[slot].values, row, strict=False) if value]
            yield {"name": owners[slot].name, "kind": "category", "values": texts, "unknown": bool(row[-1])}


def _owners(plan: Portable) -> list[InputColumn]:
    return [column for column in plan.columns for _ in column.slots]


def _how(one: Mapping[str, Any]) -> str:
    match one["kind"]:
        case "number":
            moved = f"moved between {one['low']:.8g} and {one['high']:.8g}, " if "low" in one else ""
            gap = f"{moved}a gap becomes {one['missing']:.8g}, then "
            if "quantiles" in one:
                return gap + "the normal distribution's point with as large a share below it, see inputs.json"
            scaled = f"minus {one['mean']:.8g}, divided by {one['scale']:.8g}"
            bent = f"; then z becomes z / sqrt(1 + (z / {one['bound']:g})^2)" if "bound" in one else ""
            return gap + scaled + bent
        case "yes/no":
            return f"{code(one['no'])} is 0, {code(one['yes'])} is 1, a gap {one['missing']:.8g}"
        case "gap":
            return "1 where the value is missing, else 0"
    texts = ", ".join(code(text) if text else "a gap" for text in one["values"][:20])
    texts += " …" if len(one["values"]) > 20 else ""
    unknown = ", or a text that training never saw" if one["unknown"] else ""
    return f"1 for {texts}{unknown}, else 0"


def arguments(
    given: Mapping[str, np.ndarray], call: str, library: str, texts: str = "", keys: bool = False
) -> str:
    """Return the first of some rows as a call's arguments in code, one on each line.

    Args:
        call: Code around a value, with places for the value and its kind.
        library: Which has the kinds of numbers.
        texts: What texts are called there.
        keys: Write a dict's items in place of arguments.
    """
    parts = []
    for name, values in given.items():
        text = repr(values[0]) if isinstance(values[0], str) else str(values[0])
        kind = texts if values.dtype == object else f"{library}.{values.dtype}"
        made = call.format('float("nan")' if text == "nan" else text, kind)
        parts.append(f"    {name!r}: {made}," if keys else f"    {name}={made},")
    return "\n" + "\n".join(parts) + "\n"


def of_pictures(recipe: "PictureRecipe", about: str, answer: str, example: str, sentence: str) -> str:
    """Return the README of a model of pictures.

    Args:
        example: Python that tells what ``example.png`` shows: imports, an empty line, and code that finds ``pictures``.
        sentence: How its answers compare with the app's.
    """
    height, width, channels = recipe.preprocessor.shape
    imports, _, rest = example.partition("\n\n")
    listed = "\n".join(
        f"| {number} | {code(name)} |" for number, name in enumerate(recipe.preprocessor.classes)
    )
    return f"""\
# A model that distinguishes {len(recipe.preprocessor.classes)} classes of pictures apart

{about}
It takes pictures as bytes (uint8), shape (pictures, {height}, {width}, {channels}), the channels last
({"grey" if channels == 1 else "red, green, blue"}); scaling them is inside.
It answers with {answer}.
{line(recipe.worth)}
{sentence}

`read_picture.py` reads a PNG, JPEG, GIF, BMP or WebP file as the app does, with Pillow: turned as the camera says, on
white, the shorter side brought to size, the centre cut out. Another way of making pictures smaller gives slightly
other pixels, and so slightly other answers; that is why reading files is not inside.

| number | class |
|---|---|
{listed}

```python
import numpy as np
{imports}
from read_picture import read_picture

pictures = np.stack([read_picture(name) for name in ["example.png"]])
{rest}
```
"""


def requirements(names: Iterable[str]) -> str:
    """Return packages with the installed versions, for whichever TensorFlow it is."""
    return "".join(f"{_installed(name)}\n" for name in names)


def _installed(name: str) -> str:
    if name == "tensorflow":
        with suppress(PackageNotFoundError):
            return f"tensorflow=={version('tensorflow-cpu')}"
    return f"{name}=={version(name)}"


def write(path: Path, text: str) -> None:
    """Write a text file with the same bytes on every system."""
    path.write_text(text, "utf-8", errors="replace", newline="\n")


def as_json(value: Any) -> str:
    """Return JSON that a person can read, too."""
    return json.dumps(value, indent=1) + "\n"


def _known(column: InputColumn) -> str:
    shown = [value for value in column.values if value][:20]
    return ", ".join(map(code, shown)) + (" …" if len(column.values) > len(shown) + 1 else "")


def _outputs(recipe: "Recipe") -> str:
    preprocessor = recipe.preprocessor
    if not preprocessor.classes:
        return "`prediction`, in the target's own units"
    order = ", ".join(map(code, preprocessor.classes[:50]))
    above = ""
    if preprocessor.threshold is not None:
        above = f" ({code(preprocessor.classes[1])} where its probability is above {preprocessor.threshold.level:.9g})"
    return f"`prediction`, the name of a class{above}, and `probabilities`, in this order: {order}"
