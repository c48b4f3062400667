"""The arrays of numbers in an exported model, whatever its format, to look for a network's kernels in them."""

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Arrays = list[np.ndarray]


def of_keras(folder: Path) -> Arrays:
    """Weights of a .keras file, also of layers in int8."""
    import keras

    (path,) = folder.rglob("*.keras")
    return [np.asarray(variable) for variable in keras.models.load_model(path).variables]


def of_onnx(folder: Path) -> Arrays:
    """Every tensor of an ONNX file, wherever it stands in the graph."""
    import onnx
    from onnx import numpy_helper

    (path,) = folder.rglob("*.onnx")
    return [numpy_helper.to_array(one) for one in _within(onnx.load(path), onnx.TensorProto)]


def of_savedmodel(folder: Path) -> Arrays:
    """Variables of a SavedModel, and the constants in its graph."""
    import tensorflow as tf
    from tensorflow.core.framework.tensor_pb2 import TensorProto
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    (path,) = folder.rglob("saved_model.pb")
    kept = tf.train.load_checkpoint(path.parent / "variables" / "variables")
    graph = SavedModel()
    graph.ParseFromString(path.read_bytes())
    constants = [tf.make_ndarray(one) for one in _within(graph, TensorProto)]
    return [kept.get_tensor(name) for name in kept.get_variable_to_dtype_map()] + constants


def of_litert(folder: Path) -> Arrays:
    """Every constant of a LiteRT file."""
    import tensorflow as tf

    (path,) = folder.rglob("*.tflite")
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # another package will replace it
        interpreter = tf.lite.Interpreter(
            str(path), experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF
        )
    found = []
    for one in interpreter.get_tensor_details():
        try:
            found.append(interpreter.get_tensor(one["index"]))
        except ValueError:  # made while it answers
            continue
    return found


# Of every format but the code, which trains and prunes again.
OF: dict[str, Callable[[Path], Arrays]] = {
    "keras": of_keras,
    "int8": of_keras,
    "savedmodel": of_savedmodel,
    "onnx": of_onnx,
    "litert": of_litert,
    "litert-int8": of_litert,
}


def holds(arrays: Iterable[Any], kernel: np.ndarray, *, rounded: bool) -> bool:
    """Return whether one of the arrays is a kernel with all its zeros in their places, and with no others.

    Its axes may have another order, and its columns may be multiplied with numbers of their own, as where batch
    normalisation was taken into it. Weights that are rounded to eight bits may become zero, too.

    Args:
        arrays: Of a file.
        kernel: Of a network, of two or more axes.
        rounded: Whether its weights may be rounded.
    """
    shape = sorted(kernel.shape)
    for array in arrays:
        if not isinstance(array, np.ndarray) or array.ndim != kernel.ndim or sorted(array.shape) != shape:
            continue
        for axes in itertools.permutations(range(kernel.ndim)):
            turned = array.transpose(axes)
            if turned.shape != kernel.shape or turned[kernel == 0].any():
                continue
            others = np.mean(turned[kernel != 0] != 0)
            if others == 1 or (rounded and others > 0.9):
                return True
    return False


def _within(message: Any, kind: type) -> Iterator[Any]:
    """Every part of a protocol buffer that is of a kind."""
    if isinstance(message, kind):
        yield message
    elif hasattr(message, "ListFields"):
        for _, value in message.ListFields():
            yield from _within(value, kind)
    elif hasattr(message, "values") or not isinstance(message, (str, bytes, int, float)):
        for one in message.values() if hasattr(message, "values") else message:
            yield from _within(one, kind)
