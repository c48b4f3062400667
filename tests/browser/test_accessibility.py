"""axe-core looks at every page, in both themes: nothing serious is found."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from browser.driving import App, idle, open_app, results, set_number, tab, train

_GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def finished_run(browser: Browser, app: App) -> str:
    """A short run to look at."""
    with tab(browser) as page:
        open_app(page, app.url)
        set_number(page, "Epochs", 4)
        run = train(page)
        results(page)
        return run


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, app: App, finished_run: str, *, dark: bool) -> None:
    found = []
    with tab(browser, dark=dark) as page:
        for place in ("", f"?run={finished_run}", "runs", "compare", "predict"):
            page.goto(f"{app.url}/{place}")
            page.locator("[data-testid=stMainBlockContainer]").get_by_role("button").first.wait_for()
            idle(page)
            for one in Axe().run(page).response["violations"]:
                if one["impact"] in _GRAVE:
                    found += [f"{place}: {one['id']}: {node['html'][:200]}" for node in one["nodes"]]
    assert found == []
