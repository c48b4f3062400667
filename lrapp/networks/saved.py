"""A finished run's model, loaded from its folder.

The network is built anew from the validated settings and only its weights are read from the file: a model file from
a stranger could otherwise run code when it is opened.
"""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lrapp.column_formats.learned import ModelFormats
from lrapp.errors import UserError
from lrapp.networks import calibration
from lrapp.preparation import kinds
from lrapp.preparation.fitted import Fitted
from lrapp.settings import DATA_KINDS, RunSettings
from lrapp.settings.kinds import kind_of_model

if TYPE_CHECKING:
    from lrapp.preparation.preprocessor import Preprocessor

log = logging.getLogger(__name__)

AnyFitted = TypeVar("AnyFitted", bound=Fitted)

MODEL_FILE, SETTINGS_FILE = "model.keras", "run.json"
ROWS_AT_ONCE = 8_192
# Most numbers in the widest layer of a network for pictures: 4 MB. Outside of graphs TensorFlow keeps some twenty
# times that. Large pictures come by eights all the same.
_NUMBERS_AT_ONCE, _LEAST_PICTURES = 1 << 20, 8


@dataclass(frozen=True)
class SavedModel:
    """A network with its weights, the preprocessor that was fitted for it, and the temperature that is part of it."""

    network: Any
    preprocessor: Fitted
    formats: ModelFormats = field(default_factory=ModelFormats)
    temperature: float = 1.0

    @classmethod
    def load(cls, folder: Path) -> "SavedModel":
        """Return the model that a run left in its folder, or that a download was unpacked to.

        Args:
            folder: Holds ``run.json``, ``model.keras``, and ``preprocessor.skops`` with ``preprocessor.json``, or
                ``pictures.json``.

        Raises:
            UserError: If a file is missing or damaged, or the files do not belong together.
        """
        from lrapp.networks import members

        preparation = kinds.of(kind_of_model(folder))
        preprocessor = preparation.load(folder)
        try:
            settings = RunSettings.from_json((folder / SETTINGS_FILE).read_bytes())
        except FileNotFoundError as error:
            raise UserError(
                "This model's settings (run.json) are missing; download or train it again."
            ) from error
        except UserError as error:
            raise UserError(
                "This model's settings (run.json) are damaged or of another version of LR Lab: open it with the "
                f"version that made it, or train it again. What was found: {error}"
            ) from error
        network = members.for_run(
            settings,
            preprocessor.shape,
            preprocessor.task,
            len(preprocessor.classes),
            preprocessor.numbers,
        )
        try:
            network.load_weights(folder / MODEL_FILE)
        except FileNotFoundError as error:
            raise UserError(
                "This run left no model. Train it again, or resume it on the Train page."
            ) from error
        except Exception as error:  # a damaged or foreign file can raise anything
            log.warning("The weights in %s could not be read.", folder, exc_info=True)
            raise UserError(
                "The model file is damaged or belongs to other settings; train the run again."
            ) from error
        formats = preparation.formats(preprocessor, settings)
        return cls(network, preprocessor, formats, calibration.kept(folder))

    @property
    def tabular(self) -> "Preprocessor":
        """The preprocessor of a table.

        Raises:
            UserError: If the model has learned from something else.
        """
        from lrapp.preparation.preprocessor import Preprocessor

        return self.fitted(Preprocessor)

    def fitted(self, kind: type[AnyFitted]) -> AnyFitted:
        """Return the preprocessor, if it is one for that kind of data.

        Raises:
            UserError: If the model has learned from something else.
        """
        if isinstance(self.preprocessor, kind):
            return self.preprocessor
        theirs, ours = DATA_KINDS[self.preprocessor.kind].title, DATA_KINDS[kind.kind].title
        raise UserError(f"This model has learned from {theirs}, not from {ours}. Upload {theirs} to predict.")

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Return the network's outputs, as ``outputs`` does."""
        return outputs(self.network, x)

    @property
    def shares(self) -> np.ndarray:
        """What each network counts for in the answer, float32, shape (networks,)."""
        from lrapp.networks import members

        return members.shares(self.network) if members.each(self.network) else np.ones(1, np.float32)

    def answers_of_each(self, x: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield for some rows after the other what an ensemble answers, and what each of its networks does.

        Yields:
            float32, shape (rows, outputs) and (networks, rows, outputs).
        """
        from lrapp.networks import members

        both = members.with_each(self.network)
        for start in range(0, len(x), ROWS_AT_ONCE):
            mean, each = both(x[start : start + ROWS_AT_ONCE], training=False)
            yield np.asarray(mean), np.asarray(each).transpose(2, 0, 1)


class Answering:
    """A network of a table that has to answer often: traced once, for any number of rows.

    A call takes an eighth to two fifths of the time of ``outputs``, and has the same numbers; the trace takes half a
    second.

    Args:
        network: A ``keras.Model`` whose inputs have one axis.

    ``shares`` is what each network of an ensemble counts for in its answer, float32, shape (networks,).
    """

    def __init__(self, network: Any) -> None:
        import tensorflow as tf

        from lrapp.networks import members

        self.network = network
        self._ensemble = bool(members.each(network))
        parts = members.with_each(network) if self._ensemble else network
        self.shares = members.shares(network) if self._ensemble else np.ones(1, np.float32)
        signature = [tf.TensorSpec((None, network.input_shape[-1]), tf.float32)]
        given = tf.function(lambda x: parts(x, training=False), input_signature=signature, autograph=False)
        self._function = given.get_concrete_function()

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs, as the function ``outputs`` does."""
        return self._answers(x, 0) if self._ensemble else self._answers(x)

    def of_each(self, x: np.ndarray) -> np.ndarray:
        """Return what each network of an ensemble answers, shape (networks, rows, outputs); a single one is its own."""
        return self._answers(x, 1).transpose(2, 0, 1) if self._ensemble else self._answers(x)[None]

    def _answers(self, x: np.ndarray, which: int | None = None) -> np.ndarray:
        parts = []
        for start in range(0, max(len(x), 1), ROWS_AT_ONCE):  # once for no rows, too: the shape is wanted
            found = self._function(np.ascontiguousarray(x[start : start + ROWS_AT_ONCE], np.float32))
            parts.append(np.asarray(found if which is None else found[which]))
        return np.concatenate(parts)


def outputs(network: Any, x: np.ndarray) -> np.ndarray:
    """Return the outputs of a network.

    Args:
        network: A ``keras.Model``.
        x: Inputs, float32, shape (rows, inputs), or pictures, uint8, shape (rows, height, width, channels).

    Returns:
        float32, shape (rows, outputs).
    """
    rows = ROWS_AT_ONCE
    if x.ndim > 2:
        from lrapp.networks.models import every_layer

        widest = max(math.prod(layer.output.shape[1:]) for layer in every_layer(network))
        rows = max(_LEAST_PICTURES, min(rows, _NUMBERS_AT_ONCE // widest))
    # Called without tf.function: a trace for every number of rows would stay in memory for good.
    parts = [np.asarray(network(x[start : start + rows], training=False)) for start in range(0, len(x), rows)]
    return np.concatenate(parts) if parts else np.zeros((0, network.output_shape[-1]), np.float32)
