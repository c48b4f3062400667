"""A run's model -> a TensorFlow SavedModel from raw columns to answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lrapp.portable import Portable, compute, date_parts, in_portions, text_codes, yes_no_table
from lrapp.reading.columns import Kind
from lrapp.saved import SavedModel


class Ops:
    """The ``Arithmetic`` of ``portable``, in float64, or in float32 where nothing else is there."""

    def __init__(self, kind: type[np.floating[Any]] = np.float64) -> None:
        self.kind = kind

    def join(self, parts: Sequence[Any]) -> Any:
        """Put columns beside one another."""
        return tf.concat(list(parts), axis=1)

    def is_nan(self, x: Any) -> Any:
        """True where a value is missing."""
        return tf.math.is_nan(x)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        """Take x where the condition holds, else y."""
        return tf.where(condition, x, y)

    def less(self, x: Any, y: Any) -> Any:
        """True where x is less than y."""
        return tf.less(x, y)

    def floor(self, x: Any) -> Any:
        """Round down."""
        return tf.floor(x)

    def sine(self, x: Any) -> Any:
        """Sine of radians."""
        return tf.sin(x)

    def log(self, x: Any) -> Any:
        """Natural logarithm."""
        return tf.math.log(x)

    def root(self, x: Any) -> Any:
        """Square root."""
        return tf.sqrt(x)

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


class _Module(tf.Module):
    """Everything that the SavedModel holds on to."""

    def __init__(self, model: SavedModel, plan: Portable) -> None:
        super().__init__()
        self._model, self._plan = model, plan
        self.weights = [variable.value for variable in model.network.variables]
        self.texts = {}
        for place, column in enumerate(plan.columns):
            if column.kind in (Kind.CATEGORY, Kind.YES_NO):
                keys, codes = text_codes(column)
                initial = tf.lookup.KeyValueTensorInitializer(
                    tf.constant(keys), tf.constant(codes, dtype=tf.int64)
                )
                self.texts[str(place)] = tf.lookup.StaticHashTable(initial, len(column.values))

    def answer(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Return prediction and probabilities for columns by name."""
        ops, tables = Ops(), dict(self._plan.categories)
        slots, chosen = {}, {}
        slot = 0
        for place, column in enumerate(self._plan.columns):
            values = columns[column.name]
            x = tf.reshape(values, [-1, 1])
            match column.kind:
                case Kind.CATEGORY | Kind.YES_NO:
                    code = self.texts[str(place)].lookup(tf.reshape(values, [-1]))
                    if column.kind is Kind.CATEGORY:
                        chosen[slot] = tf.gather(tf.constant(tables[slot]), code)
                    else:
                        slots[slot] = tf.gather(tf.constant(yes_no_table()), code)
                case Kind.DATE:
                    slots |= dict(enumerate(date_parts(x, ops), slot))
                case _:
                    slots[slot] = x
            slot += len(column.slots)
        answers = self._model.network(compute(self._plan, slots, chosen, ops), training=False)
        told = self._model.preprocessor
        if told.task == "regression":
            return {"prediction": tf.cast(answers[:, 0], tf.float64) * told.target_scale + told.target_mean}
        if told.task == "binary":
            answers = tf.concat([1.0 - answers, answers], axis=1)
        best = tf.gather(tf.constant(list(told.classes)), tf.argmax(answers, axis=1))
        return {"prediction": best, "probabilities": answers}


def input_names(plan: Portable) -> dict[str, str]:
    """Return what the SavedModel calls each column: ``column_1`` and so on, as not every name would do."""
    return {column.name: f"column_{place + 1}" for place, column in enumerate(plan.columns)}


def save(model: SavedModel, plan: Portable, folder: Path) -> None:
    """Write the SavedModel.

    Args:
        model: Network and preprocessor.
        plan: The preprocessor as arrays.
        folder: Where to; made.
    """
    module = _Module(model, plan)
    names = input_names(plan)
    specs = {}
    for column in plan.columns:
        kind = tf.string if column.kind in (Kind.CATEGORY, Kind.YES_NO) else tf.float64
        specs[names[column.name]] = tf.TensorSpec([None], kind, name=names[column.name])

    def serve(**columns: Any) -> dict[str, Any]:
        return module.answer({column: columns[name] for column, name in names.items()})

    module.serve = tf.function(serve, autograph=False)
    traced = module.serve.get_concrete_function(**specs)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": traced})


def run(folder: Path, plan: Portable, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what a SavedModel answers, by the names of the outputs.

    Args:
        folder: The SavedModel.
        plan: Names the columns.
        columns: As ``portable.raw_inputs`` gives them.
    """
    serve = tf.saved_model.load(str(folder)).signatures["serving_default"]
    names = input_names(plan)

    def answer(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        tensors = {
            names[name]: tf.constant(values.tolist(), dtype=_kind(values)) for name, values in given.items()
        }
        return {name: value.numpy() for name, value in serve(**tensors).items()}

    return in_portions(columns, answer)


def _kind(values: np.ndarray) -> Any:
    return tf.string if values.dtype == object else tf.float64
