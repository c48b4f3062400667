"""A run's model of pictures -> a network that only answers, a TensorFlow SavedModel, and a LiteRT file."""

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lrapp import models
from lrapp.picture_inputs import PicturePreprocessor
from lrapp.settings import AugmentationSettings, ModelSettings, Precision

INPUT = "pictures"
_SIGNATURE = "serving_default"


def inference(
    network: keras.Model, settings: ModelSettings, told: PicturePreprocessor, precision: Precision
) -> keras.Model:
    """Return a network with the weights of another, without the layers that vary pictures in training.

    Args:
        network: The trained one.
        settings: What it was built from.
        told: Its classes, and the shape of its pictures.
        precision: In which the new one computes.
    """
    plain = settings.model_copy(update={"augmentation": AugmentationSettings()})
    made = models.build(plain, told.shape, told.task, len(told.classes), precision=precision)
    made.set_weights(network.get_weights())
    for layer in models.every_layer(made):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with a copy of its weights
    return made


def save(network: keras.Model, told: PicturePreprocessor, folder: Path) -> None:
    """Write a SavedModel that takes pictures and gives ``prediction``, names of classes, and ``probabilities``.

    Args:
        network: From ``inference``.
        told: Its classes, and the shape of its pictures.
        folder: Where to; made.
    """
    module = _module(network, told, tf.constant(list(told.classes)))
    tf.saved_model.save(module, str(folder), signatures={_SIGNATURE: module.traced})


def lite(network: keras.Model, told: PicturePreprocessor) -> bytes:
    """Return a LiteRT file; it gives the number of a class as ``prediction``. Arguments as for ``save``."""
    module = _module(network, told, None)
    with tempfile.TemporaryDirectory() as folder:
        # The names of inputs and outputs come through by this way only.
        tf.saved_model.save(module, folder, signatures={_SIGNATURE: module.traced})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[_SIGNATURE])
        converted: bytes = converter.convert()
    return converted


def _module(network: keras.Model, told: PicturePreprocessor, names: Any) -> Any:
    def serve(pictures: Any) -> dict[str, Any]:
        answers = network(pictures, training=False)
        if told.task == "binary":
            answers = tf.concat([1.0 - answers, answers], axis=1)
        best = tf.argmax(answers, axis=1, output_type=tf.int32)
        return {
            "prediction": best if names is None else tf.gather(names, best),
            "probabilities": answers,
        }

    module = tf.Module()
    module.weights = [variable.value for variable in network.variables]
    module.serve = tf.function(serve, autograph=False)
    spec = tf.TensorSpec([None, *told.shape], tf.uint8, name=INPUT)
    module.traced = module.serve.get_concrete_function(pictures=spec)
    return module


def run(folder: Path, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Return what a SavedModel answers, by the names of the outputs.

    Args:
        folder: The SavedModel.
        pictures: uint8, shape (pictures, height, width, channels).
    """
    serve = tf.saved_model.load(str(folder)).signatures[_SIGNATURE]
    return {name: value.numpy() for name, value in serve(pictures=tf.constant(pictures)).items()}
