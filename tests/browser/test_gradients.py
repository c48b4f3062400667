"""Checking the gradients in the browser: from the button to the table, behind a run, and when settings change."""

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browser.driving import (
    App,
    choose,
    expander,
    field,
    idle,
    open_app,
    set_number,
    state,
    stop_button,
    switch,
    tab,
    train,
)

TITLES = ["Layer", "Verdict", "Weights checked", "Largest error", "Lost in mixed_bfloat16"]


def check(page: Page) -> Locator:
    """Open the drawer and press its button; return the drawer."""
    box = expander(page, "Check the gradients")
    box.get_by_role("button", name="Check the gradients", exact=True).click()
    return box


def no_overflow(page: Page) -> None:
    main = page.get_by_test_id("stMain")
    wide, room = main.evaluate("main => [main.scrollWidth, main.clientWidth]")
    assert wide <= room


def as_number(text: str) -> float:
    """Read a number such as 5 × 10⁻⁸."""
    plain = text.replace(",", "").replace(" × 10", "e")
    return float(plain.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (400, True)])
def test_from_the_button_to_the_table(browser: Browser, app: App, width: int, dark: bool) -> None:
    with tab(browser, width=width, dark=dark) as page:
        open_app(page, app.url)
        expander(page, "Seed, best epoch")
        choose(page, "Precision", "mixed_bfloat16")
        box = check(page)
        box.get_by_text("The gradients are right:").wait_for()
        idle(page)
        table = box.locator(".gradients table")
        # An invitation to break a line stands in the name of the precision.
        assert [
            title.replace("\u200b", "") for title in table.locator("thead th").all_inner_texts()
        ] == TITLES
        rows = [row.split("\t") for row in table.locator("tbody tr").all_inner_texts()]
        assert [row[:2] for row in rows] == [
            ["Layer 1 (Dense)", "agrees"],
            ["Layer 2 (Dense)", "agrees"],
            ["Output", "agrees"],
        ]
        # 14 inputs, 16 bins for each of 4 numbers, and a bias: 79 x 64 weights.
        assert [row[2].split(" of ")[1] for row in rows] == ["5,056", "2,080", "99"]
        assert rows[0][2].startswith("64 of")
        assert all(as_number(row[3]) < 1e-5 for row in rows)
        assert all(0.01 < as_number(row[4].split(" %")[0]) < 10 for row in rows)
        expect(box.get_by_text("mixed_bfloat16 changes the gradient by")).to_be_visible()
        expect(box.get_by_text("On 32 training rows")).to_be_visible()
        no_overflow(page)

        # What was found is true of these settings only.
        set_number(page, "Batch size (rows)", 16)
        expect(table).to_have_count(0)
        box.get_by_role("button", name="Check the gradients", exact=True).click()
        expect(box.get_by_text("On 16 training rows")).to_be_visible()
        # What it does not depend on leaves it there.
        set_number(page, "Epochs", 7)
        expect(table).to_have_count(1)
    assert list((app.home / "tasks").iterdir()) == []


def test_a_check_waits_for_the_run_in_training_and_can_be_cancelled(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_app(page, app.url)
        set_number(page, "Epochs", 20_000)
        switch(page, "Early stopping")
        train(page)
        state(page, "Training").wait_for()
        box = check(page)
        box.get_by_text("A run is training; the check comes right after it").wait_for()
        box.get_by_role("button", name="Cancel").click()
        expect(box.get_by_test_id("stProgress")).to_have_count(0)
        idle(page)
        assert list((app.home / "tasks").iterdir()) == []
        check(page)
        box.get_by_text("A run is training; the check comes right after it").wait_for()
        stop_button(page).click()
        box.get_by_text("The gradients are right:").wait_for()
        state(page, "Stopped").wait_for()
        idle(page)


def test_a_network_that_cannot_be_checked_says_why(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_app(page, app.url)
        page.get_by_role("button", name="Handwritten digits").click()
        expect(field(page, "combobox", "Pictures")).to_have_value("Pictures: Handwritten digits")
        page.locator("table.classes img").first.wait_for()
        idle(page)
        expander(page, "Start from")
        idle(page)
        choose(page, "Start from", "MobileNetV2 (ImageNet)")
        box = check(page)
        expect(box.get_by_text("MobileNetV2 stands before them")).to_be_visible()
        choose(page, "Start from", "Fresh weights")
        box = check(page)
        expect(box.get_by_text("MobileNetV2 stands before them")).to_have_count(0)
        box.get_by_text("The gradients are right:").wait_for()
        expect(box.locator(".gradients tbody tr")).to_have_count(4)
        idle(page)
