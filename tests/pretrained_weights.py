"""Files as Keras downloads them of networks that have learned from ImageNet, with random weights in them."""

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from lrapp.settings import PretrainedName

# By Keras: the file that it downloads, and how pictures are brought to what the network has learned from.
_FILES: dict[PretrainedName, tuple[str, Any]] = {
    "MobileNetV2": (
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{size}_no_top.h5",
        keras.applications.mobilenet_v2,
    ),
    "EfficientNetB0": ("efficientnetb0_notop.h5", keras.applications.efficientnet),
    "ResNet50V2": (
        "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        keras.applications.resnet_v2,
    ),
    "VGG16": ("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", keras.applications.vgg16),
    "InceptionV3": (
        "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
        keras.applications.inception_v3,
    ),
}


def as_learned(name: PretrainedName, pictures: np.ndarray) -> Any:
    """Pictures as Keras's own function prepares them for a network."""
    return _FILES[name][1].preprocess_input(pictures.astype(np.float32))


def keep(name: PretrainedName, size: int, home: Path) -> None:
    """Write a network's file, with random weights, to where Keras keeps its downloads.

    Args:
        name: Of the network.
        size: Pixels along a side; MobileNetV2 has files for 96, 128, 160, 192 and 224, the last of which all other
            sizes take.
        home: As ``KERAS_HOME``.
    """
    made = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(size, size, 3))
    random = np.random.default_rng(0)
    for layer in made.layers:
        if isinstance(layer, keras.layers.Normalization):  # as in the file that Keras has
            mean, spread = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
            layer.set_weights([mean.astype(np.float32), np.square(spread).astype(np.float32), np.int32(0)])
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([random.uniform(0.7, 1.3, weight.shape) for weight in layer.get_weights()])
    path = home / "models" / _FILES[name][0].format(size=size)
    path.parent.mkdir(exist_ok=True, parents=True)
    with h5py.File(path, "w") as file:  # the format of the files that Keras downloads
        keras.src.legacy.saving.legacy_h5_format.save_weights_to_hdf5_group(file, made)
