"""Whether the loop goes through XLA, and from which step on."""

import keras

from lrapp.networks.stacked import StackedBatchNormalization, StackedDense, StackedDropout
from lrapp.networks.stacked_embeddings import SideBySide, StackedMix, StackedWaves
from lrapp.settings import TrainingSettings

# Steps before XLA takes over, so that the first points come before its compiling. A fixed number: were it
# measured, the last bits of the numbers would depend on how busy the machine is.
XLA_FROM_STEP = 256
# Layers that XLA compiles within a second: no convolutions, no augmentation.
_COMPILED = (
    keras.layers.InputLayer,
    keras.layers.Rescaling,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Cropping1D,
    keras.layers.EinsumDense,
    keras.layers.ReLU,
    keras.layers.Concatenate,
    keras.layers.Dense,
    keras.layers.Activation,
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
    StackedDense,
    StackedBatchNormalization,
    StackedDropout,
    StackedWaves,
    StackedMix,
    SideBySide,
)


def uses_xla(model: keras.Model, settings: TrainingSettings, total_steps: int) -> bool:
    """Return whether the loop is to go through XLA; follows from settings and sizes alone.

    Compiling takes some 0.4 s and 0.1 s more for each layer; then it spares about 80 microseconds a step, and 3 more
    for every thousand weights to update. So it has to be a long run. Not with dropout, whose random numbers XLA may
    compute once for every use (13 ms a step instead of 0.9 were measured), not with millions of weights, where more
    cores do more than XLA, and not with so many layers that compiling would keep Stop waiting. Never with layers
    that only pictures have: compiling one small network of convolutions took 175 s on a CPU.

    Args:
        settings: How to train; "on" and "off" decide by themselves where all layers are dense.
    """
    if not all(isinstance(layer, _COMPILED) for layer in model.layers):
        return False
    if settings.xla != "auto":
        return settings.xla == "on"
    if any(isinstance(layer, keras.layers.Dropout | StackedDropout) for layer in model.layers):
        return False
    compiling = 0.4 + 0.1 * sum(bool(layer.weights) for layer in model.layers)
    weights = model.count_params()
    spared = total_steps * (80e-6 + 3e-9 * weights)
    return weights <= 1_000_000 and compiling <= 1.5 and spared >= 2 * compiling
