"""The colour of a run: the same in the list, in the charts, and tomorrow."""

from collections.abc import Sequence
from typing import Any

# Okabe and Ito's hues, those that are seen in both themes.
HUES = ("#2f7ed8", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")
_DASHES = ([1, 0], [6, 3], [2, 3], [9, 3, 2, 3])


def colour_of(run_id: str) -> str:
    """Return the colour of a run, as CSS writes it."""
    return HUES[sum(run_id.encode()) % len(HUES)]


def coloured(spec: dict[str, Any], run_ids: Sequence[str]) -> dict[str, Any]:
    """Return the specification of charts of several runs with each in its own colour; of one colour, those after the
    first are dashed.

    Args:
        spec: From ``charts.overlays``, with the runs as the domain of its scales.
        run_ids: In the order of that domain.
    """
    hues = [colour_of(one) for one in run_ids]
    before = [hues[:place].count(hue) for place, hue in enumerate(hues)]
    dashes = [_DASHES[count % len(_DASHES)] for count in before]
    for panel in spec["vconcat"]:
        panel["encoding"]["color"]["scale"]["range"] = hues
        panel["encoding"]["strokeDash"]["scale"]["range"] = dashes
    return spec
