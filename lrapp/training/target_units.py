"""In which units the errors of numbers are told while a network trains."""

from typing import Any

import tensorflow as tf

from lrapp.preparation.log_target import LogTarget


class TargetUnits:
    """Turns what a network answers into the target's units, where it learns the target's logarithm; else into itself.

    ``logarithm`` says whether it does, which is traced; the numbers of the logarithm are variables.
    """

    def __init__(self) -> None:
        self.logarithm = False
        self._numbers = tf.Variable([1.0, 0.0, 1.0])

    def take(self, logarithm: LogTarget | None) -> None:
        """Take the logarithm of a run; None for a run without."""
        self.logarithm = logarithm is not None
        if logarithm is not None:
            self._numbers.assign([logarithm.unit, logarithm.mean, logarithm.scale])

    def of(self, numbers: Any) -> Any:
        """Return a tensor of numbers, as the network learns or answers them, in units."""
        if not self.logarithm:
            return numbers
        unit, mean, scale = tf.unstack(tf.convert_to_tensor(self._numbers))
        return unit * tf.math.expm1(numbers * scale + mean)
