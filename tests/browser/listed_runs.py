"""Finished runs that are made up, and what a person does with them on the Runs page."""

import re
import time

from drawn.charts import marks
from playwright.sync_api import Locator, Page

from browser.driving import PATIENCE, App, idle
from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores
from lrapp.runs.events import (
    DataPrepared,
    EpochDone,
    Event,
    StepsDone,
    TrainingEnded,
    TrainingStarted,
    to_line,
)
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    PolicySettings,
    RunSettings,
    SampleSource,
    TrainingSettings,
)

# Pixels of a line of the list.
ROW = 44
UGLY = "*x* $y$ <b>n</b> ![n](http://example.com/n.png) :red[r] https://example.com"
DATA = DataSettings(source=SampleSource(name="penguins.csv"), target="species")


def made(
    store: Store, name: str, accuracy: float, policy: PolicySettings | None = None, batch: int = 32
) -> Run:
    """A finished run on the penguins, made up, as training is not what is tested here."""
    training = TrainingSettings(epochs=6, batch_size=batch)
    return finish(
        store.create(RunSettings(name=name, data=DATA, training=training, policy=policy or CLRSettings())),
        accuracy,
    )


def finish(run: Run, accuracy: float) -> Run:
    """Make up what training would have left."""
    batch = run.settings.training.batch_size
    rates = tuple(run.settings.plan(6 * batch)[:36])
    events: list[Event] = [
        DataPrepared(206, 69, 69, 14),
        TrainingStarted(3_139, "accuracy", 6, 36, 6),
        StepsDone(0, tuple(1 / (n + 1) for n in range(36)), rates, 0.3),
        *(EpochDone(n, 6 * n, 1 / n, 1.1 / n, accuracy, accuracy, 0.01, 0.05 * n, True) for n in range(1, 7)),
        TrainingEnded("completed", "All 6 epochs are done.", 6, 6),
    ]
    run.events_path.write_text("".join(to_line(event) for event in events))
    scores = Scores("multi-class", "test", 69, "Adelie", (Metric("accuracy", accuracy, 0.44, True),))
    run.scores_path.write_text(scores.to_json())
    run.set_status(state="completed", message="All 6 epochs are done.", attempts=1)
    return run


def open_runs(page: Page, app: App, query: str = "") -> Locator:
    """Open the Runs page and return its table."""
    page.goto(f"{app.url}/runs{query}")
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    grid = page.locator("[data-testid=stDataFrame]").first
    grid.locator("canvas").first.wait_for()
    idle(page)
    return grid


def cells(grid: Locator, column: int) -> list[str]:
    """The texts of a column, from 0, as they stand in the table for screen readers, which comes a little later."""
    grid.locator("canvas tbody td").first.wait_for(state="attached")
    grid.page.wait_for_timeout(600)
    return grid.locator(f"canvas [data-testid^=glide-cell-{column + 1}-]").all_text_contents()


def titles(grid: Locator) -> list[str]:
    """The titles of the columns that are seen."""
    grid.locator("canvas tbody td").first.wait_for(state="attached")
    grid.page.wait_for_timeout(600)
    return grid.locator("canvas thead th").all_text_contents()


def click_row(page: Page, row: int) -> None:
    """Click the tick before a line of the list."""
    grid = page.locator("[data-testid=stDataFrame]").first
    grid.scroll_into_view_if_needed()
    count = len(cells(grid, 1))
    box = grid.bounding_box()
    assert box is not None
    tall = (box["height"] - 38) / count if box["height"] < 578 else ROW
    page.mouse.click(box["x"] + 16, box["y"] + 36 + tall * (row + 0.5))
    page.wait_for_timeout(200)


def tick(page: Page, row: int) -> None:
    """Turn the tick before a run over."""
    before = page.url
    click_row(page, row)
    page.wait_for_url(lambda url: url != before)
    idle(page)


def chosen(page: Page) -> list[str]:
    """The ids of the runs in the address."""
    return re.findall(r"run=([0-9a-f-]+)", page.url)


def heading(page: Page, name: str) -> Locator:
    """The name of the run that is open."""
    return page.locator("strong").get_by_text(name, exact=True).first


def drawn(page: Page, panels: int, runs: int) -> dict[int, list[int]]:
    """Wait until each panel has a line with points for each run; return how many points each has."""
    deadline = time.monotonic() + PATIENCE / 1000
    while True:
        found: dict[int, list[int]] = {}
        for mark in (mark for chart in marks(page) for mark in chart):
            match = re.match(r"lines_(\d)", mark.name)
            if match and mark.kind == "line" and mark.seen >= 2:
                found.setdefault(int(match[1]), []).append(mark.seen)
        if len(found) == panels and all(len(lines) == runs for lines in found.values()):
            return found
        assert time.monotonic() < deadline, f"The charts have no data: {found}"
        page.wait_for_timeout(200)


def strong(page: Page) -> int:
    """How many lines are drawn at full strength."""
    number: int = page.evaluate(
        """() => [...document.querySelectorAll('[data-testid=stVegaLiteChart] svg .mark-line path')].filter(
             path => path.getAttribute('d').length > 20 && !(Number(path.getAttribute('opacity') ?? 1) < 0.5)
                     && path.getAttribute('aria-roledescription') !== 'legend').length"""
    )
    return number
