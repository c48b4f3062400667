"""Finding the learning rate in the browser: from the button to the policy's plan."""

import re

from drawn.charts import wait_for_charts
from playwright.sync_api import Browser, expect

from browser.driving import App, choose, expander, idle, open_app, run_id, set_number, state, step, tab, train


def test_from_the_button_to_the_policy(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_app(page, app.url)
        box = expander(page, "Find the rates")
        box.get_by_role("button", name="Run the range test").click()
        take = page.get_by_role("button", name=re.compile(r"^Use [\d.e-]+ to [\d.e-]+$"))
        take.wait_for()
        idle(page)
        expect(page.get_by_text("steepest descent").first).to_be_attached()
        rates = re.findall(r"[\d.]+(?:e-\d+)?", take.inner_text())
        assert len(rates) == 2

        # A refresh finds the test again.
        page.reload()
        take.wait_for()
        idle(page)

        take.click()
        step(page, "Learning rate").get_by_text("Rates: Range test, least loss at").wait_for()
        low, high = (
            float(page.get_by_label(name, exact=True).input_value()) for name in ("base_lr", "max_lr")
        )
        assert [low, high] == [float(rate) for rate in rates]
        assert 0 < low < high

        run = app.run(train(page))
        state(page, "Done").wait_for()
        wait_for_charts(page)
        settings = run.settings
        assert settings.policy.type == "clr"
        assert (settings.policy.base_lr, settings.policy.max_lr) == (low, high)
        assert settings.policy.origin.startswith("Range test, least loss at")


def test_a_test_over_epochs_is_read_off_the_accuracy(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_app(page, app.url)
        box = expander(page, "Find the rates")
        choose(page, "Kind of test", "By the accuracy (linear)")
        set_number(page, "Epochs of the test", 1)
        box.get_by_text("needs at least 2 epochs and 40 steps: give it 6 epochs or more").wait_for()
        expect(box.get_by_role("button", name="Run the range test")).to_be_disabled()
        set_number(page, "Epochs of the test", 8)
        box.get_by_role("button", name="Run the range test").click()
        take = page.get_by_role("button", name=re.compile(r"^Use [\d.e-]+ to [\d.e-]+$"))
        take.wait_for()
        idle(page)
        page.get_by_text("The validation accuracy starts to rise at").wait_for()
        expect(page.get_by_text("upper end").first).to_be_attached()
        take.click()
        step(page, "Learning rate").get_by_text(
            "Rates: Linear range test, highest validation accuracy at"
        ).wait_for()


def test_rates_found_as_the_first_phase_of_a_run(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_app(page, app.url)
        choose(page, "Rates", "From a range test")
        page.get_by_text("It sets the rates").wait_for()
        idle(page)
        train(page)
        state(page, "Done").wait_for()
        wait_for_charts(page)
        history = app.run(run_id(page)).history()
        assert len(history.sweeps) == 3
        assert history.found is not None
        assert history.found.max_lr is not None
        assert history.epochs


def test_a_test_that_finds_nothing_offers_what_to_do_next(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_app(page, app.url)
        choose(page, "Rates", "From a range test")
        page.get_by_text("It sets the rates").wait_for()
        idle(page)
        expander(page, "Find the rates")
        set_number(page, "Highest rate", 1e-5)
        refused = train(page)
        state(page, "Failed").wait_for()
        page.get_by_text("No learning rate was found.").wait_for()
        expect(page.get_by_role("button", name="Resume")).to_have_count(0)
        for name in ("Test with 400 steps", "Test with batches of 128", "Find them for me"):
            expect(page.get_by_role("button", name=name)).to_be_visible()
        page.get_by_role("button", name="Use the default rates").click()
        state(page, "Done").wait_for()
        wait_for_charts(page)
        assert run_id(page) != refused
        policy = app.run(run_id(page)).settings.policy
        assert (policy.source, policy.type) == ("chosen", "clr")
        assert app.run(run_id(page)).history().epochs
