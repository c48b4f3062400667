"""The units in which errors of a regression are reported during training."""

from typing import Any

import tensorflow as tf

from lrapp.preparation.log_target import LogTarget


class TargetUnits:
    """Converts outputs into the target's units if the network learns the target's logarithm; else leaves them.

    ``logarithm`` says whether it does, which is traced; the numbers of the logarithm are variables.
    """

    def __init__(self) -> None:
        self.logarithm = False
        self._numbers = tf.Variable([1.0, 0.0, 1.0])

    def take(self, logarithm: LogTarget | None) -> None:
        """Set the logarithm of a run; None for a run without."""
        self.logarithm = logarithm is not None
        if logarithm is not None:
            self._numbers.assign([logarithm.unit, logarithm.mean, logarithm.scale])

    def of(self, numbers: Any) -> Any:
        """Return a tensor of targets or outputs, in the target's units."""
        if not self.logarithm:
            return numbers
        unit, mean, scale = tf.unstack(tf.convert_to_tensor(self._numbers))
        return unit * tf.math.expm1(numbers * scale + mean)
