"""Groups, folds and a model for use in the browser: from the split to the run that has no score of its own."""

import numpy as np
import pandas as pd
from playwright.sync_api import Browser, expect

from browser.driving import App, choose, expander, open_app, run_id, set_number, state, tab, take, train

ROWS = 120


def customers() -> bytes:
    rng = np.random.default_rng(1)
    amount = rng.normal(50, 9, ROWS).round(2)
    frame = pd.DataFrame(
        {
            "amount": amount,
            "visits": rng.integers(1, 9, ROWS),
            "customer": [f"c{number}" for number in rng.integers(0, 25, ROWS)],
            "shop": "Main Street",
            "bought": np.where(amount + rng.normal(0, 4, ROWS) > 50, "yes", "no"),
        }
    )
    return frame.to_csv(index=False).encode()


def test_from_groups_and_folds_to_a_model_for_use(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_app(page, app.url)
        take(page, "shop.csv", customers())
        expander(page, "Missing values, scaling and split")
        choose(page, "Split", "By groups")
        page.get_by_text("Choose the column that holds the groups").wait_for()
        expect(page.get_by_role("button", name="Train", exact=True)).to_be_disabled()
        choose(page, "Split column", "shop")
        page.get_by_text("needs at least 3 groups").wait_for()
        choose(page, "Split column", "customer")
        set_number(page, "Cross-validation folds", 3)
        page.get_by_text("Cross-validation trains 3 networks at once").wait_for()
        set_number(page, "Epochs", 8)

        first = train(page)
        state(page, "Done").wait_for()
        page.get_by_text("Out-of-fold: accuracy").wait_for()
        expander(page, "Each fold")
        settings = app.run(first).settings
        assert (settings.data.split, settings.data.split_column, settings.data.folds) == (
            "groups",
            "customer",
            3,
        )

        page.get_by_role("button", name="Train on all rows").click()
        page.wait_for_url(lambda url: "run=" in url and first not in url)
        page.get_by_role("heading", name="A model for use").wait_for()
        page.get_by_text("trained on all 120 rows, so it has no test score of its own").wait_for()
        second = app.run(run_id(page))
        assert second.settings.data.all_rows
        assert second.settings.networks == 3
        expect(page.get_by_role("button", name="Download the model")).to_be_visible()
        page.get_by_role("link", name="Open that run").click()
        page.wait_for_url(lambda url: first in url)
        page.get_by_text("Out-of-fold: accuracy").wait_for()
