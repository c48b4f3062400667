"""Cyclical momentum: an optimizer whose momentum is a variable, to be set before every step.

Keras keeps momentum as a plain number, which a traced function would hold fast. Here SGD and RMSprop do the same
arithmetic with a variable, and Adam and AdamW are given it as their beta_1.

About Adam's bias correction: with one beta_1 for all steps, the running mean is divided by ``1 - beta_1 ** step``, and
this is exact. With one that moves, ``1 - (product of all beta_1 so far)`` would be. Keras and PyTorch take the present
beta_1 to the power of the step, and so does this: it differs in the first dozens of steps only, as both go to 1.
"""

from functools import lru_cache
from typing import Any

import keras
from keras import ops


@lru_cache(maxsize=8)
def moving(kind: Any) -> Any:
    """Return a kind of optimizer that reads its momentum from the variable ``momentum_now``.

    Args:
        kind: SGD or RMSprop, to be made with a momentum above 0, which is no longer looked at; or Adam or AdamW.
    """

    class Moving(kind):
        def build(self, variables: Any) -> None:
            super().build(variables)
            self.momentum_now = self.add_variable(
                shape=(), dtype="float32", initializer="zeros", name="momentum_now"
            )
            if issubclass(kind, keras.optimizers.Adam):
                self.beta_1 = self.momentum_now

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            if issubclass(kind, keras.optimizers.Adam):
                super().update_step(gradient, variable, learning_rate)
            elif issubclass(kind, keras.optimizers.RMSprop):
                _rmsprop(self, gradient, variable, learning_rate)
            else:
                _sgd(self, gradient, variable, learning_rate)

    Moving.__name__ = f"Moving{kind.__name__}"
    return Moving


def momentum_of(optimizer: keras.optimizers.Optimizer) -> Any:
    """Return the variable of a moving optimizer's momentum, also of one inside a ``LossScaleOptimizer``."""
    return getattr(optimizer, "inner_optimizer", optimizer).momentum_now


def _sgd(optimizer: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    """As ``keras.optimizers.SGD.update_step``."""
    momentum = ops.cast(optimizer.momentum_now, variable.dtype)
    down = ops.cast(gradient, variable.dtype) * ops.cast(learning_rate, variable.dtype)
    velocity = optimizer.momentums[optimizer._get_variable_index(variable)]
    optimizer.assign(velocity, velocity * momentum - down)
    optimizer.assign_add(variable, velocity * momentum - down if optimizer.nesterov else velocity)


def _rmsprop(optimizer: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    """As ``keras.optimizers.RMSprop.update_step``."""
    momentum = ops.cast(optimizer.momentum_now, variable.dtype)
    gradient, rate = ops.cast(gradient, variable.dtype), ops.cast(learning_rate, variable.dtype)
    place, rho = optimizer._get_variable_index(variable), optimizer.rho
    square, velocity = optimizer._velocities[place], optimizer._momentums[place]
    optimizer.assign(square, rho * square + (1 - rho) * ops.square(gradient))
    optimizer.assign(velocity, momentum * velocity + rate * gradient / ops.sqrt(square + optimizer.epsilon))
    optimizer.assign_sub(variable, velocity)
