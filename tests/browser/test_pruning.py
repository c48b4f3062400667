"""Pruning in the browser: from the form to the table of sizes, and a finished run that is pruned."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.driving import App, expander, idle, open_app, set_number, state, switch, tab, train


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (400, True)])
def test_what_cannot_be_pruned_is_said_and_nothing_is_lost(
    browser: Browser, app: App, width: int, dark: bool
) -> None:
    with tab(browser, width=width, dark=dark) as page:
        open_app(page, app.url)
        set_number(page, "Epochs", 6)
        box = expander(page, "Pruning")
        switch(page, "Pruning")
        expect(box.get_by_text("The final sparsity is reached in epoch 2 of 6.")).to_be_visible()
        expect(box.get_by_test_id("stVegaLiteChart")).to_be_visible()

        set_number(page, "Last epoch of pruning", 9)
        expect(page.get_by_text("after the last, which is 6; choose an earlier end").first).to_be_visible()
        expect(page.get_by_role("button", name="Train", exact=True)).to_be_disabled()
        set_number(page, "Last epoch of pruning", 4)
        expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()
        expect(box.get_by_text("The final sparsity is reached in epoch 4 of 6.")).to_be_visible()


def test_a_finished_run_is_pruned_and_measured(page: Page) -> None:
    set_number(page, "Epochs", 4)
    set_number(page, "Ensemble (networks)", 2)
    train(page)
    state(page, "Done").wait_for()
    idle(page)
    expander(page, "Size, pruning, int8").get_by_role("button", name="Prune this model").click()
    expect(page.get_by_text("The final sparsity is reached in epoch 3 of 10.")).to_be_visible()
    expect(page.get_by_text("Start from: a run of mine")).to_be_visible()
    idle(page)

    train(page)
    state(page, "Done").wait_for()
    expect(page.get_by_text(re.compile("80 % of its weights are zero"))).to_be_visible()
    idle(page)
    box = expander(page, "Size, pruning, int8")
    box.get_by_role("button", name="Measure", exact=True).click()
    # After the boosted trees, and a conversion to LiteRT.
    box.get_by_role("button", name="Measure again").wait_for()
    idle(page)
    expect(box.get_by_text("Keras's int8 covers dense layers")).to_be_visible()
    expect(box.get_by_test_id("stDataFrame")).to_be_visible()
