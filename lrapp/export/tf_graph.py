"""A run's model -> a TensorFlow SavedModel from raw columns, or pictures, to answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lrapp.networks.saved import SavedModel
from lrapp.prediction.plain_model import Portable, date_parts, in_portions, prepared, text_codes
from lrapp.preparation.fitted import Fitted
from lrapp.preparation.image_inputs import PicturePreprocessor
from lrapp.preparation.preprocessor import InputColumn
from lrapp.tables.columns.kinds import ColumnKind

SIGNATURE = "serving_default"


class Ops:
    """``plain_model.Arithmetic`` with TensorFlow, in float64, or in float32 where nothing else is there."""

    is_nan: Any = staticmethod(tf.math.is_nan)
    where: Any = staticmethod(tf.where)
    less: Any = staticmethod(tf.less)
    floor: Any = staticmethod(tf.floor)
    sine: Any = staticmethod(tf.sin)
    log: Any = staticmethod(tf.math.log)
    root: Any = staticmethod(tf.sqrt)
    cosine: Any = staticmethod(tf.cos)

    def __init__(self, kind: type[np.floating[Any]] = np.float64) -> None:
        self.kind = kind

    def join(self, parts: Sequence[Any]) -> Any:
        """Put columns beside one another."""
        return tf.concat(list(parts), axis=1)

    def first(self, x: Any, columns: int) -> Any:
        """Take the first columns."""
        return x[:, :columns]

    def take(self, table: np.ndarray, places: Any) -> Any:
        """Take the entries of a flat table that stand at whole numbers."""
        return tf.gather(self.constant(table), tf.cast(places, tf.int32))

    def product(self, x: Any, weights: np.ndarray) -> Any:
        """Multiply float32 rows with a matrix."""
        return tf.matmul(x, tf.constant(weights))

    def activation(self, name: str, x: Any) -> Any:
        """Apply one of the functions that a layer may have, by Keras's name."""
        return keras.activations.get(name)(x)

    def single(self, x: Any) -> Any:
        """Turn booleans and float64 into float32."""
        return tf.cast(x, tf.float32)

    def constant(self, values: np.ndarray) -> Any:
        """Make a tensor of an array."""
        far = np.finfo(self.kind).max
        return tf.constant(
            values if values.dtype == np.float32 else np.clip(values, -far, far).astype(self.kind)
        )


def input_names(plan: Portable) -> dict[str, str]:
    """Return what the SavedModel calls each column: ``column_1`` and so on, as not every name would do."""
    return {column.name: f"column_{place + 1}" for place, column in enumerate(plan.columns)}


def of_columns(model: SavedModel, plan: Portable) -> tf.Module:
    """Return a module from the columns of a table to predictions; arguments as for ``onnx_graph.build``."""
    names, ops = input_names(plan), Ops()
    texts = {}
    for column in plan.columns:
        if column.kind in (ColumnKind.CATEGORY, ColumnKind.YES_NO):
            keys, codes = text_codes(column)
            initial = tf.lookup.KeyValueTensorInitializer(
                tf.constant(keys), tf.constant(codes, dtype=tf.int64)
            )
            texts[names[column.name]] = tf.lookup.StaticHashTable(initial, len(column.values))

    def serve(**given: Any) -> dict[str, Any]:
        def column_of(column: InputColumn) -> Any:
            return tf.reshape(given[names[column.name]], [-1, 1])

        def row(column: InputColumn, table: np.ndarray) -> Any:
            code = texts[names[column.name]].lookup(tf.reshape(given[names[column.name]], [-1]))
            return tf.gather(tf.constant(table), code)

        x = prepared(plan, ops, column_of, lambda column: date_parts(column_of(column), ops), row)
        return answers(model.preprocessor, model.network(x, training=False))

    specs = {
        name: tf.TensorSpec([None], tf.string if name in texts else tf.float64, name=name)
        for name in names.values()
    }
    return module(serve, specs, model.network, texts)


def of_pictures(network: keras.Model, preprocessor: PicturePreprocessor, numbers: bool = False) -> tf.Module:
    """Return a module from pictures, uint8, to predictions.

    Args:
        network: From ``FinishedRun.answering``.
        preprocessor: Its classes, and the shape of its pictures.
    """

    def serve(pictures: Any) -> dict[str, Any]:
        return answers(preprocessor, network(pictures, training=False), numbers)

    spec = tf.TensorSpec([None, *preprocessor.shape], tf.uint8, name="pictures")
    return module(serve, {"pictures": spec}, network)


def answers(preprocessor: Fitted, given: Any, numbers: bool = False) -> dict[str, Any]:
    """Return ``prediction`` and ``probabilities``, decoded from a network's outputs.

    Args:
        numbers: Give classes by their numbers, and other predictions as float32, where a runtime knows no more.
    """
    if preprocessor.task == "regression":
        kind = np.float32 if numbers else np.float64
        if (log := preprocessor.logarithm) is not None:
            power = tf.exp(tf.cast(given[:, 0], kind) * kind(log.scale) + kind(log.mean))
            return {"prediction": (power - kind(1)) * kind(log.unit)}
        return {
            "prediction": tf.cast(given[:, 0], kind) * kind(preprocessor.target_scale)
            + kind(preprocessor.target_mean)
        }
    if preprocessor.task == "binary":
        given = tf.concat([1.0 - given, given], axis=1)
    best = tf.argmax(given, axis=1, output_type=tf.int32)
    if preprocessor.threshold is not None:
        best = tf.cast(given[:, 1] > np.float32(preprocessor.threshold.level), tf.int32)
    best = best if numbers else tf.gather(tf.constant(list(preprocessor.classes)), best)
    return {"prediction": best, "probabilities": given}


def module(serve: Any, specs: dict[str, tf.TensorSpec], network: Any = None, held: Any = None) -> tf.Module:
    """Return a module that serves a function, inputs by name -> outputs by name, and keeps all that it needs."""
    made = tf.Module()
    made.weights = [variable.value for variable in network.variables] if network is not None else []
    made.held = held
    made.serve = tf.function(serve, autograph=False)
    made.traced = made.serve.get_concrete_function(**specs)
    return made


def save(served: tf.Module, folder: Path) -> None:
    """Write a module as a SavedModel; the folder is created."""
    tf.saved_model.save(served, str(folder), signatures={SIGNATURE: served.traced})


def run(folder: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a SavedModel's outputs by name.

    Args:
        inputs: Columns as ``plain_model.raw_inputs`` gives them, or pictures, by the names of the inputs.
    """
    serve = tf.saved_model.load(str(folder)).signatures[SIGNATURE]

    def answer(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        tensors = {
            name: tf.constant(values.tolist(), tf.string) if values.dtype == object else tf.constant(values)
            for name, values in given.items()
        }
        return {name: value.numpy() for name, value in serve(**tensors).items()}

    return in_portions(inputs, answer)
