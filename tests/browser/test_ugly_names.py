"""Column names that break charts, tables and Markdown elsewhere."""

import csv
import io
import random
from pathlib import Path

from drawn.charts import wait_for_charts
from playwright.sync_api import Page, expect

from browser.driving import (
    choose,
    expander,
    field,
    go,
    idle,
    no_defect,
    results,
    set_number,
    state,
    take,
    train,
    upload,
)

TARGET = "![x](http://example.com/a.png) **bold** $x^2$ <img src='http://example.com/b.png'> :red[hot]"
NAMES = [
    "a.b[0]:'c'\"d\\e",
    "emoji 🐧 :material/home:",
    "two\nlines",
    "constructor",
    "__proto__",
    "twice",
    "twice",
    "",
    "[link](http://example.com/c)",
    TARGET,
]


def ugly(rows: int, *, target: bool = True) -> bytes:
    """A table with those names, in which the first columns tell the last."""
    chance = random.Random(rows)
    text = io.StringIO()
    writer = csv.writer(text)
    names = NAMES if target else NAMES[:-1]
    writer.writerow(names)
    for _ in range(rows):
        numbers = [round(chance.gauss(0, 1), 4) for _ in NAMES[:-1]]
        answer = "$yes$" if numbers[0] + numbers[3] > 0 else "![no](http://example.com/d.png)"
        writer.writerow([*numbers, *([answer] if target else [])])
    return text.getvalue().encode()


def test_names_show_as_they_are_and_nothing_breaks(page: Page, tmp_path: Path) -> None:
    # The tab itself fails on requests to elsewhere and on errors in the console.
    take(page, "ugly **names** $x$ ![f](http:..example.com).csv", ugly(300), TARGET)
    expect(page.get_by_text("300 rows, 10 columns")).to_be_visible()
    expect(field(page, "combobox", "Target")).to_have_value(TARGET)
    for title in ("First rows", "Notes"):
        expander(page, title)
        idle(page)
    no_defect(page)
    # A column between the others can be the target too, by its own name.
    choose(page, "Target", "two lines")
    choose(page, "Target", TARGET)

    name = page.get_by_role("textbox", name="Name of the run")
    name.fill("![n](http://example.com/e.png) $n$ **n** <b>n</b>")
    name.press("Enter")
    set_number(page, "Epochs", 10)
    train(page)
    state(page, "Done").wait_for()
    wait_for_charts(page)
    results(page)
    no_defect(page)
    # Nothing became an image, bold text, a formula or a link on the way.
    main = page.get_by_test_id("stMainBlockContainer")
    assert main.locator("img[src*=example]").count() == 0
    assert main.locator("a[href*=example]").count() == 0
    assert main.locator(".katex").count() == 0
    # A word joiner, which nobody sees, keeps the address from becoming a link.
    expect(main.get_by_text("![n](http:\u2060//example.com/e.png) $n$ **n** <b>n</b>")).to_be_visible()

    go(page, "Runs")
    no_defect(page)
    go(page, "Predict")
    upload(page, "new.csv", ugly(21, target=False))
    page.get_by_text("21 rows of new.csv predicted.").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    waiting.value.save_as(tmp_path / "predictions.csv")
    with (tmp_path / "predictions.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 22
    assert rows[0][:4] == ["a.b[0]:'c'\"d\\e", "emoji 🐧 :material/home:", "two\nlines", "constructor"]
    assert {"$yes$", "![no](http://example.com/d.png)"} >= {row[9] for row in rows[1:]}
    no_defect(page)
    assert main.locator("img[src*=example]").count() == 0
