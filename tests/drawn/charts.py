"""What the charts of a page in a real browser have drawn."""

import time
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

# Long: a cold start of TensorFlow beside a browser takes its time on a busy machine with two cores.
PATIENCE = 120_000

# Streamlit keeps each Vega view in a hook of the component that drew it; the scene graph is what is on the canvas.
_VIEWS = """
const views = () => [...document.querySelectorAll('[data-testid=stVegaLiteChart]')].map(chart => {
  for (const node of [chart, ...chart.querySelectorAll('*')]) {
    const name = Object.keys(node).find(key => key.startsWith('__reactFiber$'));
    let fiber = name && node[name];
    for (let level = 0; fiber && level < 12; level++, fiber = fiber.return) {
      let hook = fiber.memoizedState;
      for (let n = 0; hook && typeof hook === 'object' && n < 60; n++, hook = hook.next) {
        const kept = hook.memoizedState;
        if (kept && kept.current && typeof kept.current.scenegraph === 'function') return kept.current;
      }
    }
  }
  return null;
}).filter(view => view);
"""
_MARKS = (
    "() => {"
    + _VIEWS
    + """
  return views().map(view => {
    const marks = [];
    const walk = (mark, group) => {
      if (mark.role === 'mark' && ['line', 'symbol', 'rule', 'text'].includes(mark.marktype) && mark.items.length)
        marks.push({
          name: mark.name || '', kind: mark.marktype, width: group.width, height: group.height,
          points: mark.items.map(item => [item.x, item.y]),
          values: mark.items.map(item => item.datum || {}).map(datum => [
            datum.epoch ?? datum.at ?? null,
            datum.value ?? datum.learning_rate ?? datum.momentum ?? null,
            datum.series ?? '',
          ]),
        });
      for (const item of mark.items) for (const inner of item.items || []) walk(inner, item);
    };
    walk(view.scenegraph().root, {});
    return marks;
  });
}"""
)


@dataclass(frozen=True)
class Mark:
    """One line or group of points, as it is drawn.

    Args:
        name: What the chart calls it.
        kind: ``line``, ``symbol``, ``rule`` or ``text``.
        width, height: Size of the panel, in pixels.
        points: Where it is drawn in the panel, in pixels.
        values: Epoch, value and series of each point.
    """

    name: str
    kind: str
    width: float
    height: float
    points: list[tuple[float, float]]
    values: list[tuple[float | None, float | None, str]]

    @property
    def seen(self) -> int:
        """Points that lie inside of the panel."""
        return sum(
            x is not None
            and y is not None
            and -0.5 <= x <= self.width + 0.5
            and -0.5 <= y <= self.height + 0.5
            for x, y in self.points
        )


def marks(page: Page) -> list[list[Mark]]:
    """What each chart of the page draws, in the order of the page."""
    found: list[list[dict[str, Any]]] = page.evaluate(_MARKS)
    return [[Mark(**mark) for mark in chart] for chart in found]


def run_marks(page: Page) -> dict[str, list[Mark]]:
    """The lines of a run's three charts: ``loss``, ``rate`` and ``metric``; no entry for an empty one."""
    panels: dict[str, list[Mark]] = {}
    for chart in marks(page):
        for number, panel in enumerate(("loss", "rate", "metric")):
            if any(mark.name.startswith("concat_") for mark in chart):
                lines = [
                    mark
                    for mark in chart
                    if mark.kind == "line"
                    and (mark.name.startswith((f"{panel}_lines", f"concat_{number}_layer_")))
                ]
                if lines:
                    panels[panel] = lines
    return panels


def wait_for_charts(page: Page) -> dict[str, list[Mark]]:
    """Wait until all three charts of the run have lines with points inside of their panels."""
    deadline = time.monotonic() + PATIENCE / 1000
    while True:
        panels = run_marks(page)
        if set(panels) == {"loss", "rate", "metric"} and all(
            any(mark.seen >= 2 for mark in lines) for lines in panels.values()
        ):
            return panels
        assert time.monotonic() < deadline, f"The charts have no data: {panels}"
        page.wait_for_timeout(200)


def plan_points(page: Page) -> list[tuple[float, float]]:
    """Epoch and learning rate of each point of the plan, as drawn."""
    for chart in marks(page):
        for mark in chart:
            if mark.name == "marks" and mark.seen >= 2:
                return [(at, rate) for at, rate, _ in mark.values if at is not None and rate is not None]
    return []


def plan_with_momentum(page: Page) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Epoch and rate, and epoch and momentum, of each point of a plan whose momentum moves, as drawn."""
    for chart in marks(page):
        lines = [mark for mark in chart if mark.kind == "line" and mark.name.startswith("concat_")]
        if len(lines) == 2 and all(line.seen >= 2 for line in lines):
            rate, momentum = (
                [(at, value) for at, value, _ in line.values if at is not None and value is not None]
                for line in lines
            )
            return rate, momentum
    return [], []


def painted(page: Page, colour: str) -> float:
    """Return the length in pixels of all lines of that colour that charts of the page have painted."""
    length: float = page.evaluate(
        """colour => [...document.querySelectorAll('[data-testid=stVegaLiteChart] svg .mark-line path')]
          .filter(path => path.getAttribute('stroke') === colour && path.checkVisibility())
          .reduce((length, path) => length + path.getTotalLength(), 0)""",
        colour,
    )
    return length
