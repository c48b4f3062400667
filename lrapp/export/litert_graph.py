"""A run's model -> a LiteRT file (.tflite), from raw columns to answers, for phones and small devices.

LiteRT's own operations know neither float64 nor texts: numbers go in as float32, a category as its place in a list, a
date as its day and the second of that day.
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lrapp.export.tf_graph import SIGNATURE, Ops, answers, module, save
from lrapp.networks.saved import SavedModel
from lrapp.prediction.plain_model import (
    Portable,
    day_parts,
    in_portions,
    prepared,
    text_codes,
)
from lrapp.prediction.plain_network import answer, learned
from lrapp.preparation.preprocessor import InputColumn
from lrapp.tables.columns.kinds import ColumnKind

_DAY = 86_400


def input_names(plan: Portable) -> dict[str, tuple[str, ...]]:
    """Return the names of the inputs of each column: ``column_1`` and so on, two of them for a date."""
    return {
        column.name: (f"column_{place}_days", f"column_{place}_seconds")
        if column.kind is ColumnKind.DATE
        else (f"column_{place}",)
        for place, column in enumerate(plan.columns, start=1)
    }


def inputs(plan: Portable, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a table's columns as the file takes them, by the names of its inputs.

    Args:
        columns: As ``plain_model.raw_inputs`` gives them.

    Returns:
        float32 (a gap is NaN) or int32 (the place of a text, -1 for one that training never saw), shape (rows,).
    """
    made: dict[str, np.ndarray] = {}
    names = input_names(plan)
    for column in plan.columns:
        values = columns[column.name]
        if column.kind is ColumnKind.DATE:
            days = np.floor(values / _DAY)
            parts = [days, values - days * _DAY]
        elif column.kind is ColumnKind.NUMBER:
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


def of_columns(model: SavedModel, plan: Portable) -> tf.Module:
    """Return a module that takes an input of shape (rows,) for each column; arguments as for ``onnx_graph.build``."""
    names, ops, members = input_names(plan), Ops(np.float32), learned(model.network)
    specs: dict[str, Any] = {}
    for column in plan.columns:
        kind = tf.int32 if column.kind in (ColumnKind.CATEGORY, ColumnKind.YES_NO) else tf.float32
        specs |= {name: tf.TensorSpec([None], kind, name=name) for name in names[column.name]}

    def serve(**given: Any) -> dict[str, Any]:
        def parts(column: InputColumn) -> list[Any]:
            return [tf.reshape(given[name], [-1, 1]) for name in names[column.name]]

        def dates(column: InputColumn) -> list[Any]:
            days, seconds = parts(column)
            return day_parts(days, seconds / float(_DAY), ops)

        def row(column: InputColumn, table: np.ndarray) -> Any:
            codes, last = given[names[column.name][0]], len(table) - 1
            # Codes outside of the table are those of its last row.
            codes = tf.where(tf.less(codes, 0), last, tf.minimum(codes, last))
            return tf.gather(tf.constant(table), codes)

        x = prepared(plan, ops, lambda column: parts(column)[0], dates, row)
        return answers(model.preprocessor, answer(members, x, ops), numbers=True)

    return module(serve, specs)


def of_network(network: keras.Model) -> tf.Module:
    """Return a module from a network's own inputs ``x`` to its ``outputs``."""
    spec = tf.TensorSpec([None, *network.input_shape[1:]], network.inputs[0].dtype, name="x")
    return module(lambda x: {"outputs": network(x, training=False)}, {"x": spec}, network)


def converted(served: tf.Module, *, int8: bool = False) -> bytes:
    """Return a module as a LiteRT file.

    Args:
        int8: Whether weights are kept in eight bits, and what they are multiplied with is rounded while it answers
            (LiteRT's dynamic range quantization); kernels of fewer than 1,024 weights stay as they are.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Only this way keeps the names of inputs and outputs.
        save(served, Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        if int8:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        made: bytes = converter.convert()
    return made


def run(path: Path, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return LiteRT's outputs by name."""
    return runner(path)(given)


def runner(path: Path) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """Return what answers for a LiteRT file: from inputs by name to outputs by name."""
    import warnings

    with warnings.catch_warnings():
        # TensorFlow warns that another package will replace it.
        warnings.filterwarnings(
            "ignore", message=r"[\s\S]*tf\.lite\.Interpreter is deprecated", category=UserWarning
        )
        interpreter = tf.lite.Interpreter(model_path=str(path))
    ask = interpreter.get_signature_runner(SIGNATURE)
    return lambda given: in_portions(given, lambda part: ask(**part))
