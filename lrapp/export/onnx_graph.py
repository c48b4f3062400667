"""A run's model -> an ONNX graph from raw columns to answers, and the check that ONNX Runtime gives the same."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lrapp.networks.saved import SavedModel
from lrapp.prediction.plain_model import (
    Portable,
    date_parts,
    in_portions,
    prepared,
    text_codes,
)
from lrapp.prediction.plain_network import answer, learned
from lrapp.preparation.fitted import Fitted
from lrapp.preparation.preprocessor import InputColumn
from lrapp.tables.columns.kinds import ColumnKind

OPSET, ML_OPSET, IR_VERSION = 20, 3, 9
_OUTPUTS = ("prediction", "probabilities")


class Tensor:
    """A value in the graph, with the arithmetic that the graph is to do."""

    def __init__(self, graph: "Graph", name: str) -> None:
        self.graph, self.name = graph, name

    def __add__(self, other: "Tensor") -> "Tensor":
        return self.graph.add("Add", self, other)

    def __sub__(self, other: "Tensor") -> "Tensor":
        return self.graph.add("Sub", self, other)

    def __mul__(self, other: "Tensor") -> "Tensor":
        return self.graph.add("Mul", self, other)

    def __truediv__(self, other: "Tensor") -> "Tensor":
        return self.graph.add("Div", self, other)


class Graph:
    """Nodes and constants, one after the other; also the ``Arithmetic`` of ``portable``."""

    kind: type[np.floating[Any]] = np.float64

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def _name(self) -> str:
        return f"{self.prefix}{len(self.nodes) + len(self.constants)}"

    def add(
        self, kind: str, *inputs: Tensor, output: str = "", domain: str = "", **attributes: Any
    ) -> Tensor:
        """Append a node and return what it computes."""
        from onnx import helper

        made = output or self._name()
        names = [tensor.name for tensor in inputs]
        self.nodes.append(helper.make_node(kind, names, [made], domain=domain, **attributes))
        return Tensor(self, made)

    def constant(self, values: np.ndarray) -> Tensor:
        """Make a tensor of an array."""
        from onnx import numpy_helper

        name = self._name()
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return Tensor(self, name)

    def cast(self, x: Tensor, kind: str) -> Tensor:
        """Turn a tensor into another type."""
        from onnx import TensorProto

        return self.add("Cast", x, to=getattr(TensorProto, kind))

    def join(self, parts: Sequence[Tensor]) -> Tensor:
        """Put columns beside one another."""
        return self.add("Concat", *parts, axis=1)

    def is_nan(self, x: Tensor) -> Tensor:
        """True where a value is missing."""
        return self.add("IsNaN", x)

    def where(self, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Take x where the condition holds, else y."""
        return self.add("Where", condition, x, y)

    def less(self, x: Tensor, y: Tensor) -> Tensor:
        """True where x is less than y."""
        return self.add("Less", x, y)

    def floor(self, x: Tensor) -> Tensor:
        """Round down."""
        return self.add("Floor", x)

    def sine(self, x: Tensor) -> Tensor:
        """Sine of radians; runtimes need not know it for float64."""
        return self.cast(self.add("Sin", self.single(x)), "DOUBLE")

    def log(self, x: Tensor) -> Tensor:
        """Natural logarithm; as sine."""
        return self.cast(self.add("Log", self.single(x)), "DOUBLE")

    def root(self, x: Tensor) -> Tensor:
        """Square root."""
        return self.add("Sqrt", x)

    def cosine(self, x: Tensor) -> Tensor:
        """Cosine of float32 radians."""
        return self.add("Cos", x)

    def first(self, x: Tensor, columns: int) -> Tensor:
        """Take the first columns."""
        start, end, axis = (self.constant(np.array([value], np.int64)) for value in (0, columns, 1))
        return self.add("Slice", x, start, end, axis)

    def take(self, table: np.ndarray, places: Tensor) -> Tensor:
        """Take the entries of a flat table that stand at whole numbers."""
        return self.add("Gather", self.constant(table), self.cast(places, "INT64"), axis=0)

    def product(self, x: Tensor, weights: np.ndarray) -> Tensor:
        """Multiply float32 rows with a matrix."""
        return self.add("MatMul", x, self.constant(weights))

    def activation(self, name: str, x: Tensor) -> Tensor:
        """Apply one of the functions that a layer may have, by Keras's name."""
        match name:
            case "linear":
                return x
            case "silu":
                return x * self.add("Sigmoid", x)
            case "leaky_relu":
                return self.add("LeakyRelu", x, alpha=0.2)
            case "softmax":
                return self.add("Softmax", x, axis=1)
            case "relu" | "elu" | "selu" | "gelu" | "tanh" | "sigmoid":
                return self.add(name.capitalize(), x)
        raise NotImplementedError(name)

    def single(self, x: Tensor) -> Tensor:
        """Turn booleans and float64 into float32."""
        return self.cast(x, "FLOAT")

    def row(self, x: Tensor, table: np.ndarray, keys: list[str], codes: list[int]) -> Tensor:
        """Take each text's row of a table; the last row for all other texts."""
        place = self.add(
            "LabelEncoder",
            x,
            domain="ai.onnx.ml",
            keys_strings=keys,
            values_int64s=codes,
            default_int64=len(table) - 1,
        )
        flat = self.add("Reshape", place, self.constant(np.array([-1], np.int64)))
        return self.add("Gather", self.constant(table), flat, axis=0)


def input_names(plan: Portable) -> dict[str, str]:
    """Return the input name of each column: its own name, unless an output has it."""
    taken = {*_OUTPUTS, *(column.name for column in plan.columns)}
    names = {column.name: column.name for column in plan.columns}
    for name in names.keys() & set(_OUTPUTS):
        while names[name] in taken:
            names[name] += " (column)"
    return names


def build(model: SavedModel, plan: Portable) -> Any:
    """Return the ONNX model: an input for each column, shape (rows, 1); ``prediction`` and ``probabilities``.

    Args:
        model: Network and preprocessor.
        plan: The preprocessor as arrays.
    """
    from onnx import TensorProto, helper

    prefix = "_"
    while any(column.name.startswith(prefix) for column in plan.columns):
        prefix += "_"
    graph, names = Graph(prefix), input_names(plan)
    texts = (ColumnKind.CATEGORY, ColumnKind.YES_NO)
    inputs = [
        helper.make_tensor_value_info(
            names[column.name],
            TensorProto.STRING if column.kind in texts else TensorProto.DOUBLE,
            ["rows", 1],
        )
        for column in plan.columns
    ]

    def given(column: InputColumn) -> Tensor:
        return Tensor(graph, names[column.name])

    x = prepared(
        plan,
        graph,
        given,
        lambda column: date_parts(given(column), graph),
        lambda column, table: graph.row(given(column), table, *text_codes(column)),
    )
    answers = answer(learned(model.network), x, graph)
    made = helper.make_graph(
        graph.nodes, "model", inputs, outputs(graph, model.preprocessor, answers), graph.constants
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    return helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION)


def outputs(graph: Graph, preprocessor: Fitted, answers: Tensor) -> list[Any]:
    """Append the decoding of a network's outputs, and return the model's outputs.

    Args:
        graph: The graph.
        preprocessor: Task, classes, and scale of the target.
        answers: What the network answers.
    """
    from onnx import TensorProto, helper

    if preprocessor.logarithm is not None:
        log = preprocessor.logarithm
        scaled = graph.cast(answers, "DOUBLE") * graph.constant(np.array([log.scale]))
        power = graph.add("Exp", scaled + graph.constant(np.array([log.mean])))
        above = power - graph.constant(np.array([1.0]))
        graph.add("Mul", above, graph.constant(np.array([log.unit])), output="prediction")
        return [helper.make_tensor_value_info("prediction", TensorProto.DOUBLE, ["rows", 1])]
    if preprocessor.task == "regression":
        scaled = graph.cast(answers, "DOUBLE") * graph.constant(np.array([preprocessor.target_scale]))
        graph.add("Add", scaled, graph.constant(np.array([preprocessor.target_mean])), output="prediction")
        return [helper.make_tensor_value_info("prediction", TensorProto.DOUBLE, ["rows", 1])]
    of_second = answers
    if preprocessor.task == "binary":
        answers = graph.join([graph.constant(np.ones(1, np.float32)) - answers, answers])
    graph.add("Identity", answers, output="probabilities")
    if preprocessor.threshold is not None:
        level = graph.constant(np.array([preprocessor.threshold.level], np.float32))
        best = graph.cast(graph.less(level, of_second), "INT64")
    else:
        best = graph.add("ArgMax", answers, axis=1, keepdims=1)
    graph.add(
        "LabelEncoder",
        best,
        domain="ai.onnx.ml",
        output="prediction",
        keys_int64s=list(range(len(preprocessor.classes))),
        values_strings=list(preprocessor.classes),
    )
    return [
        helper.make_tensor_value_info("prediction", TensorProto.STRING, ["rows", 1]),
        helper.make_tensor_value_info(
            "probabilities", TensorProto.FLOAT, ["rows", len(preprocessor.classes)]
        ),
    ]


def run(path: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return ONNX Runtime's outputs by name.

    Args:
        path: The model's file.
        inputs: Columns as ``plain_model.raw_inputs`` gives them, or pictures, by the names of the inputs.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def ask(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        answers = session.run(
            names, {name: values[:, None] if values.ndim == 1 else values for name, values in given.items()}
        )
        return dict(zip(names, answers, strict=True))

    return in_portions(inputs, ask)
