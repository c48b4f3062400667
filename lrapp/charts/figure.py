"""A chart together with what it draws."""

from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True, eq=False)
class Figure:
    """A chart and its data.

    Args:
        spec: Vega-Lite, as ``theme.finished`` makes it.
        name: For the file of either.
    """

    spec: dict[str, Any]
    frame: pd.DataFrame
    name: str
