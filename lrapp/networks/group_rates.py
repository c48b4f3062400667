"""Differential learning rates: an optimizer in which each group of layers, or each member, follows a rate of its own.

A factor on the gradient has no effect: Adam and RMSprop divide it out again. So the rate itself differs, where the
optimizer hands it to the update of one variable, and everything else is Keras's own. Howard and Ruder 2018, arXiv
1801.06146, call this discriminative fine-tuning.
"""

from functools import lru_cache
from typing import Any

import keras
import tensorflow as tf

GROUPS = ("early", "middle", "head")


@lru_cache(maxsize=64)
def grouped(kind: Any, owners: tuple[int, ...], members: int = 0) -> Any:
    """Return a kind of optimizer that looks up the rate of every variable in ``group_rates``.

    Its shape is (groups,), or (groups, members, 1, 1) for networks that train at once: Keras's optimizers work number
    by number, so a rate may be an array that goes with the variables' leading axis.

    Args:
        kind: SGD, Adam, AdamW or RMSprop. Its own ``learning_rate`` is no longer looked at.
        owners: For each variable that it will be built with, the group that it belongs to: 0 early, 1 middle,
            2 head. All 0 where there is one group.
        members: Networks whose weights lie side by side; 0 for a single network.
    """
    groups = len(GROUPS) if any(owners) or not members else 1
    shape = (groups, members, 1, 1) if members else (groups,)

    class Grouped(kind):
        def build(self, variables: Any) -> None:
            super().build(variables)
            self.group_rates = self.add_variable(
                shape=shape, dtype="float32", initializer="zeros", name="group_rates"
            )

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            super().update_step(gradient, variable, self._rate(variable))

        def _rate(self, variable: Any) -> Any:
            return tf.convert_to_tensor(self.group_rates)[owners[self._get_variable_index(variable)]]

        def _apply_weight_decay(self, variables: Any) -> None:
            if self.weight_decay is None:
                return
            for variable in variables:
                if self._use_weight_decay(variable):
                    decay = tf.cast(self._rate(variable) * self.weight_decay, variable.dtype)
                    variable.assign(variable - variable * decay)

    Grouped.__name__ = f"Grouped{kind.__name__}"
    return Grouped


def rates_of(optimizer: keras.optimizers.Optimizer) -> Any:
    """Return the variable of a grouped optimizer's rates, also of one inside a ``LossScaleOptimizer``."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return inner.group_rates
