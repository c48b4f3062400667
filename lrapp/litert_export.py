"""A run's model -> a LiteRT file (.tflite), from raw columns to answers, for phones and small devices.

LiteRT's own operations know neither float64 nor texts: numbers go in as float32, a category as its place in a list, a
date as its day and the second of that day.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from lrapp.portable import (
    Layer,
    Portable,
    answer,
    compute,
    day_parts,
    in_portions,
    layers,
    text_codes,
    yes_no_table,
)
from lrapp.reading.columns import Kind
from lrapp.saved import SavedModel
from lrapp.tf_export import Ops

_SIGNATURE = "serving_default"
_DAY = 86_400


def input_names(plan: Portable) -> dict[str, tuple[str, ...]]:
    """Return what the file calls the inputs of each column: ``column_1`` and so on, two of them for a date."""
    return {
        column.name: (f"column_{place}_days", f"column_{place}_seconds")
        if column.kind is Kind.DATE
        else (f"column_{place}",)
        for place, column in enumerate(plan.columns, start=1)
    }


def inputs(plan: Portable, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a table's columns as the file takes them, by the names of its inputs.

    Args:
        plan: Names the columns.
        columns: As ``portable.raw_inputs`` gives them.

    Returns:
        float32 (a gap is NaN) or int32 (the place of a text, -1 for one that training never saw), shape (rows,).
    """
    made: dict[str, np.ndarray] = {}
    names = input_names(plan)
    for column in plan.columns:
        values = columns[column.name]
        if column.kind is Kind.DATE:
            days = np.floor(values / _DAY)
            parts = [days, values - days * _DAY]
        elif column.kind is Kind.NUMBER:
            with np.errstate(over="ignore"):
                parts = [values]
        else:
            places = dict(zip(*text_codes(column), strict=True))
            made[names[column.name][0]] = np.array([places.get(text, -1) for text in values], np.int32)
            continue
        with np.errstate(over="ignore"):
            made |= {
                name: part.astype(np.float32) for name, part in zip(names[column.name], parts, strict=True)
            }
    return made


def build(model: SavedModel, plan: Portable) -> bytes:
    """Return the file: an input of shape (rows,) for each column, ``prediction`` and ``probabilities``.

    Args:
        model: Network and preprocessor.
        plan: The preprocessor as arrays.
    """
    names = input_names(plan)
    specs: dict[str, Any] = {}
    for column in plan.columns:
        kind = tf.int32 if column.kind in (Kind.CATEGORY, Kind.YES_NO) else tf.float32
        specs |= {name: tf.TensorSpec([None], kind, name=name) for name in names[column.name]}

    learned = layers(model.network)

    def serve(**given: Any) -> dict[str, Any]:
        columns = {column: [given[name] for name in of] for column, of in names.items()}
        return _answer(model, learned, plan, columns)

    module = tf.Module()
    module.serve = tf.function(serve, autograph=False)
    traced = module.serve.get_concrete_function(**specs)
    with tempfile.TemporaryDirectory() as folder:
        # The names of inputs and outputs come through by this way only.
        tf.saved_model.save(module, folder, signatures={_SIGNATURE: traced})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[_SIGNATURE])
        converted: bytes = converter.convert()
    return converted


def _answer(
    model: SavedModel, learned: tuple[Layer, ...], plan: Portable, given: dict[str, list[Any]]
) -> dict[str, Any]:
    ops, tables = Ops(np.float32), dict(plan.categories)
    slots, chosen = {}, {}
    slot = 0
    for column in plan.columns:
        parts = [tf.reshape(part, [-1, 1]) for part in given[column.name]]
        match column.kind:
            case Kind.CATEGORY:
                chosen[slot] = _row(tables[slot], given[column.name][0])
            case Kind.YES_NO:
                slots[slot] = _row(yes_no_table().astype(np.float32), given[column.name][0])
            case Kind.DATE:
                slots |= dict(enumerate(day_parts(parts[0], parts[1] / float(_DAY), ops), slot))
            case _:
                slots[slot] = parts[0]
        slot += len(column.slots)
    answers = answer(learned, compute(plan, slots, chosen, ops), ops)
    told = model.preprocessor
    if told.task == "regression":
        return {"prediction": answers[:, 0] * np.float32(told.target_scale) + np.float32(told.target_mean)}
    if told.task == "binary":
        answers = tf.concat([1.0 - answers, answers], axis=1)
    return {
        "prediction": tf.argmax(answers, axis=1, output_type=tf.int32),
        "probabilities": answers,
    }


def _row(table: np.ndarray, codes: Any) -> Any:
    """Rows of a table, its last one for codes outside of it."""
    last = len(table) - 1
    codes = tf.where(tf.less(codes, 0), last, tf.minimum(codes, last))
    return tf.gather(tf.constant(table), codes)


def run(path: Path, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what LiteRT answers, by the names of the outputs.

    Args:
        path: The file.
        given: As ``inputs`` returns them.
    """
    import warnings

    with warnings.catch_warnings():
        # It says that a package of its own will take its place one day.
        warnings.filterwarnings(
            "ignore", message=r"[\s\S]*tf\.lite\.Interpreter is deprecated", category=UserWarning
        )
        interpreter = tf.lite.Interpreter(model_path=str(path))
    runner = interpreter.get_signature_runner(_SIGNATURE)
    return in_portions(given, lambda part: runner(**part))
