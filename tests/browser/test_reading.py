"""The Data step: how a file is read, what is predicted, what each column is for, what looks wrong, and odd names."""

import csv
import io
import json
import random
import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from drawn.charts import wait_for_charts
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from browser.driving import (
    App,
    choose,
    click_cell,
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
    train_button,
    upload,
)

CODES = ("EU", "JP", "NA")
TABLE = "day,code,y\n" + "".join(
    f"{n % 12 + 1:02d}/{(7 * n) % 12 + 1:02d}/2020,{CODES[n % 3]},{CODES[(n // 2) % 3]}\n" for n in range(90)
)


def test_the_order_of_dates_and_the_words_for_gaps_can_be_chosen(page: Page, app: App) -> None:
    take(page, "codes.csv", TABLE.encode(), "y")
    noticed = page.locator("[data-testid=stExpander]").filter(has_text=re.compile("Notes")).last
    expander(page, "Notes")
    expect(noticed).to_contain_text("every date could be read both ways and month before day was taken")
    expect(noticed).to_contain_text("'NA' was kept, as one short code among others")
    expander(page, "How the file is read")
    choose(page, "Order of dates", "Day first 31/12")
    choose(page, "Words for missing values", "Missing")
    idle(page)
    expect(noticed).not_to_contain_text("could be read both ways")
    expect(noticed).to_contain_text("values marked as missing ('NA')")
    choose(page, "Words for missing values", "Categories")
    expect(noticed.first).not_to_be_visible()
    set_number(page, "Epochs", 2)
    run = app.wait_until_ended(train(page))
    state(page, "Done").wait_for()
    dialect = run.settings.data.dialect
    assert (dialect.date_order, dialect.missing_words) == ("dmy", "values")
    no_defect(page)


ROWS = 240


def calls() -> bytes:
    """A table whose answer is not its last column, with a copy of it, and with -1 for a gap."""
    chance = np.random.default_rng(0)
    age = chance.integers(18, 80, ROWS)
    bought = age + chance.normal(0, 20, ROWS) > 50
    visits = chance.integers(1, 30, ROWS)
    visits[::6] = -1
    frame = pd.DataFrame(
        {
            "age": age,
            "bought": np.where(bought, "yes", "no"),
            "contract": np.where(bought, "signed", "none"),
            "visits": visits,
            "town": chance.choice(["Bonn", "Rome", "Oslo"], ROWS),
        }
    )
    return frame.to_csv(index=False).encode()


def question(page: Page) -> Locator:
    return page.locator(".st-key-target-question")


def table(page: Page) -> Locator:
    return page.locator(".st-key-columns [data-testid=stDataFrame]").first


def test_four_clicks_from_a_table_to_a_model(page: Page, app: App) -> None:
    upload(page, "calls.csv", calls())
    question(page).wait_for()
    idle(page)
    expect(train_button(page)).to_be_disabled()
    # The name counts for more than the place, and the reason is told.
    first = question(page).get_by_role("button").first
    expect(first).to_contain_text("bought")
    expect(question(page)).to_contain_text("often predicted, two classes")
    first.click()
    expect(question(page)).to_have_count(0)
    idle(page)
    expect(field(page, "combobox", "Target")).to_have_value("bought")

    # What looks wrong is named, and put right by a click each.
    page.get_by_text("contract is almost the same as bought in other words").wait_for()
    page.get_by_role("button", name="Leave it out").click()
    idle(page)
    page.get_by_text("visits is -1 in 16.7 % of the rows").wait_for()
    page.get_by_role("button", name="Make it a gap").click()
    idle(page)
    expect(page.get_by_role("button", name="Leave it out")).to_have_count(0)
    expect(page.get_by_role("button", name="Make it a gap")).to_have_count(0)
    expect(page.get_by_text("Left out: contract. Gaps: visits -1.")).to_be_visible()
    set_number(page, "Epochs", 3)
    run = app.wait_until_ended(train(page))
    state(page, "Done").wait_for()
    data = run.settings.data
    assert (data.target, data.left_out, data.gap_codes) == ("bought", ("contract",), {"visits": (-1.0,)})
    described = json.loads((run.folder / "preprocessor.json").read_text("utf-8"))
    assert [column["name"] for column in described["columns"]] == ["age", "visits", "town"]
    assert "visits is missing" in described["inputs"]
    no_defect(page)


def _open_cell(page: Page, column: int, row: int) -> None:
    # How wide a column is follows from what is in it, so the cell is reached from the row's name by keys.
    click_cell(page, table(page), 600, row)
    click_cell(page, table(page), 40, row)
    for _ in range(column):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)


def _choose_in_cell(page: Page, column: int, row: int, option: str, seen: Locator) -> None:
    """Choose in a cell until what follows from it is seen: a table that is drawn anew lets go of clicks and keys."""
    for _ in range(8):
        _open_cell(page, column, row)
        entry = page.locator("[id*=react-select] [role=option], [role=option]").filter(has_text=option)
        if entry.count():
            entry.first.click()
        else:
            page.keyboard.press("Escape")
        idle(page)
        with suppress(PlaywrightTimeout):
            seen.wait_for(timeout=4000)
            return
    seen.wait_for()


def _type_in_cell(page: Page, column: int, row: int, text: str, seen: Locator) -> None:
    editor = page.locator("textarea.gdg-input, input.gdg-input")
    for _ in range(8):
        _open_cell(page, column, row)
        if editor.count():
            editor.fill(text)
            editor.press("Enter")
        idle(page)
        with suppress(PlaywrightTimeout):
            seen.wait_for(timeout=4000)
            return
    seen.wait_for()


def test_the_table_is_where_roles_types_and_gaps_are_changed(page: Page) -> None:
    upload(page, "calls.csv", calls())
    question(page).wait_for()
    idle(page)
    question(page).get_by_role("button").first.click()
    idle(page)
    _choose_in_cell(page, 1, 2, "ignore", page.get_by_text("Left out: contract."))
    # Another target makes the one before an input.
    _choose_in_cell(
        page, 1, 4, "target", field(page, "combobox", "Target").and_(page.locator("[value=town]"))
    )
    expect(field(page, "combobox", "Target")).to_have_value("town")
    # The target stands first: town, age, bought, contract, visits.
    _type_in_cell(page, 3, 4, "-1; 29", page.get_by_text("Gaps: visits -1, 29."))
    _type_in_cell(page, 3, 4, "none", page.get_by_text("Codes for gaps must be numbers"))
    page.get_by_text("Gaps: visits -1, 29.").wait_for()
    # Without a target, the question comes back.
    _choose_in_cell(page, 1, 0, "ignore", question(page))
    no_defect(page)


# --- column names that break charts, tables and Markdown elsewhere ---------------------------------------------

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
