"""Whether pandas reads exactly a known table from the bytes of a CSV file."""

import io
import warnings
from typing import Any

import numpy as np
import pandas as pd


def gives(data: bytes, options: dict[str, Any], frame: pd.DataFrame) -> bool:
    """Return whether ``pandas.read_csv`` gives exactly this frame, without a warning.

    Args:
        data: Bytes of the file.
        frame: Columns of texts, numbers (float64) and dates; the file may have more of them.
    """
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            read = pd.read_csv(io.BytesIO(data), **options)
        return (
            not warned and len(read) == len(frame) and all(_same(read[name], frame[name]) for name in frame)
        )
    except MemoryError:
        raise
    except Exception:  # pandas can raise anything
        return False


def _same(read: pd.Series, wanted: pd.Series) -> bool:
    if pd.api.types.is_float_dtype(wanted.dtype):
        numeric = pd.api.types.is_numeric_dtype(read.dtype) and not pd.api.types.is_bool_dtype(read.dtype)
        # Versions of pandas differ in the last bit of a number.
        return numeric and np.allclose(
            read.to_numpy(np.float64), wanted.to_numpy(), rtol=1e-14, atol=0.0, equal_nan=True
        )
    if pd.api.types.is_datetime64_any_dtype(wanted.dtype):
        return pd.api.types.is_datetime64_any_dtype(read.dtype) and bool(
            ((read == wanted) | (read.isna() & wanted.isna())).all()
        )
    return pd.api.types.is_string_dtype(read.dtype) and read.equals(wanted)
