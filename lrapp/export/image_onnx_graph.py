"""A network of pictures -> an ONNX graph, layer by layer.

Keras's tensors have their channels last, ONNX's convolutions want them first: pictures are turned once, at the start,
and once more before they are flattened, so that the weights behind see the order in which they were learned.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lrapp.errors import UserError
from lrapp.export.onnx_graph import IR_VERSION, ML_OPSET, OPSET, Graph, Tensor, outputs
from lrapp.preparation.image_inputs import PicturePreprocessor

INPUT = "pictures"


def build(network: Any, preprocessor: PicturePreprocessor) -> Any:
    """Return the ONNX model: ``pictures``, uint8, shape (rows, height, width, channels); ``prediction``,
    ``probabilities``.

    Args:
        network: In float32, as ``FinishedRun.answering`` makes it.
        preprocessor: Its classes, and the shape of its pictures.

    Raises:
        UserError: If it has a layer that is not known here.
    """
    from onnx import TensorProto, helper

    graph = Graph("_")
    given = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["rows", *preprocessor.shape])
    turned = graph.add("Transpose", Tensor(graph, INPUT), perm=[0, 3, 1, 2])
    answers = _through(graph, network, graph.single(turned))
    made = helper.make_graph(
        graph.nodes, "model", [given], outputs(graph, preprocessor, answers), graph.constants
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    return helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION)


def _through(graph: Graph, network: Any, x: Tensor) -> Tensor:
    """The output of a network for a tensor."""
    made = {id(network.input): x}
    for layer in network.layers[1:]:
        if hasattr(layer, "layers"):
            # A pretrained network: it has its own input, and follows a chain of layers.
            x = _through(graph, layer, x)
            made[id(layer.output)] = x
            continue
        given = layer.input if isinstance(layer.input, list) else [layer.input]
        # The output of a nested network is another tensor inside than outside.
        x = _layer(graph, layer, [made.get(id(tensor), x) for tensor in given])
        made[id(layer.output)] = x
    return x


def _layer(graph: Graph, layer: Any, given: Sequence[Tensor]) -> Tensor:
    x, *_ = given
    weights = [np.asarray(value, np.float32) for value in layer.get_weights()]
    match type(layer).__name__:
        case "Dropout":
            return x
        case "Rescaling":
            return x * _channels(graph, layer, layer.scale) + _channels(graph, layer, layer.offset)
        case "Normalization":
            mean, variance = (np.asarray(of, np.float32).ravel() for of in (layer.mean, layer.variance))
            spread = np.maximum(np.sqrt(variance), np.float32(1e-7))
            return (x - _channels(graph, layer, mean)) / _channels(graph, layer, spread)
        case "Dense":
            x = graph.product(x, weights[0])
            x = x + graph.constant(weights[1]) if layer.use_bias else x
            return graph.activation(layer.activation.__name__, x)
        case "Conv2D" | "DepthwiseConv2D":
            return _conv(graph, layer, x, weights)
        case "BatchNormalization":
            if not layer.scale:
                weights.insert(0, np.ones_like(weights[0]))
            constants = map(graph.constant, weights)
            return graph.add("BatchNormalization", x, *constants, epsilon=float(layer.epsilon))
        case "Activation":
            return graph.activation(layer.activation.__name__, x)
        case "ReLU" if not layer.negative_slope and not layer.threshold:
            most = math.inf if layer.max_value is None else layer.max_value
            return graph.add("Clip", x, *(graph.constant(np.array(end, np.float32)) for end in (0.0, most)))
        case "Add":
            return given[0] + given[1]
        case "Multiply":
            return given[0] * given[1]
        case "Concatenate":
            return graph.join(given)
        case "MaxPooling2D" | "AveragePooling2D" if layer.padding == "valid":
            kind = "MaxPool" if type(layer).__name__ == "MaxPooling2D" else "AveragePool"
            return graph.add(kind, x, kernel_shape=list(layer.pool_size), strides=list(layer.strides))
        case "AveragePooling2D" if layer.padding == "same" and set(layer.strides) == {1}:
            # As TensorFlow does it: what lies beyond the edge does not count.
            edges = [(size - 1) // 2 for size in layer.pool_size] + [size // 2 for size in layer.pool_size]
            return graph.add(
                "AveragePool",
                x,
                kernel_shape=list(layer.pool_size),
                strides=[1, 1],
                pads=edges,
                count_include_pad=0,
            )
        case "GlobalMaxPooling2D" | "GlobalAveragePooling2D" as kind:
            x = graph.add("GlobalMaxPool" if "Max" in kind else "GlobalAveragePool", x)
            return x if layer.keepdims else graph.add("Flatten", x, axis=1)
        case "Flatten":
            return graph.add("Flatten", graph.add("Transpose", x, perm=[0, 2, 3, 1]), axis=1)
        case "ZeroPadding2D":
            (top, bottom), (left, right) = layer.padding
            pads = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
            return graph.add("Pad", x, graph.constant(pads))
        case "Reshape" if tuple(layer.target_shape[:2]) == (1, 1):
            return graph.add("Reshape", x, graph.constant(np.array([0, -1, 1, 1], np.int64)))
        case "Resizing" if layer.interpolation == "bilinear" and not layer.antialias:
            return _resized(graph, layer, x)
        case other:
            raise UserError(f"This network has layers that this format does not know: {other}.")


def _channels(graph: Graph, layer: Any, values: Any) -> Tensor:
    """One number, or one for each channel."""
    found = np.asarray(values, np.float32).ravel()
    return graph.constant(found.reshape(-1, *[1] * (len(layer.input.shape) - 2)))


def _conv(graph: Graph, layer: Any, x: Tensor, weights: Sequence[np.ndarray]) -> Tensor:
    kernel = weights[0]
    if type(layer).__name__ == "DepthwiseConv2D":
        group = kernel.shape[2]
        turned = kernel.transpose(2, 3, 0, 1).reshape(-1, 1, *kernel.shape[:2])
    else:
        group, turned = 1, kernel.transpose(3, 2, 0, 1)
    starts, ends = [0, 0], [0, 0]
    if layer.padding == "same":
        for place, (size, length, stride) in enumerate(
            zip(layer.input.shape[1:3], kernel.shape[:2], layer.strides, strict=True)
        ):
            # As TensorFlow does it: an odd padding has one more at the end.
            missing = max(0, (math.ceil(size / stride) - 1) * stride + length - size)
            starts[place], ends[place] = missing // 2, missing - missing // 2
    made = graph.add(
        "Conv",
        x,
        *(graph.constant(values) for values in (turned, *weights[1:])),
        group=group,
        kernel_shape=list(kernel.shape[:2]),
        strides=list(layer.strides),
        pads=[*starts, *ends],
    )
    return graph.activation(layer.activation.__name__, made)


def _resized(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    none = Tensor(graph, "")
    size = graph.constant(np.array([layer.height, layer.width], np.int64))
    return graph.add(
        "Resize",
        *(x, none, none, size),
        mode="linear",
        coordinate_transformation_mode="half_pixel",
        axes=[2, 3],
    )
