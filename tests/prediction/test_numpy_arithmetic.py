"""Plain arrays go through the same functions as Keras's tensors."""

from typing import get_args

import numpy as np
import pytest

from lrapp.prediction.numpy_arithmetic import NumpyArithmetic
from lrapp.settings.network import Activation


@pytest.mark.parametrize("name", [*get_args(Activation), "softmax"])
def test_functions_are_those_of_keras(name: str) -> None:
    import keras

    x = np.linspace(-30, 30, 60, dtype=np.float32).reshape(6, 10)
    expected = np.asarray(keras.activations.get(name)(x))
    found = NumpyArithmetic().activation(name, x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


def test_a_function_that_is_not_known_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="no activation 'maxout'"):
        NumpyArithmetic().activation("maxout", np.zeros((1, 1), np.float32))
