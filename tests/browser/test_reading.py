"""How a file is read, as a person chooses it on the Data step, is what a run is trained with."""

import re

from playwright.sync_api import Page, expect

from browser.driving import App, choose, expander, idle, no_defect, set_number, state, take, train

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
