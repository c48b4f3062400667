"""One browser for all tests, and a server that most of them share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from browser.driving import FLAGS, HEADLESS, App, open_app, tab
from browser.listed_runs import UGLY, made
from lrapp.runs.store import ENDED, Run, Store
from lrapp.settings import FixedSettings


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives a browser, and skip it where there is none, but never in CI."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if HEADLESS is None and not os.environ.get("CI"):
                item.add_marker(
                    pytest.mark.skip(reason="no chromium found; install it or set CHROMIUM to its path")
                )


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here; it goes with them, as others may come after."""
    assert HEADLESS is not None, "CI must have chromium; .ci/run installs it."
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=HEADLESS, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server for all tests here that leave it standing; a defect that it logged fails the last of them."""
    server = App(tmp_path_factory.mktemp("shared") / "home")
    server.start()
    yield server
    server.stop()
    assert "Traceback" not in server.log(), server.log()


@pytest.fixture(scope="module")
def own_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server with an empty home, for tests that kill it."""
    server = App(tmp_path_factory.mktemp("own") / "home")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def page(browser: Browser, app: App) -> Iterator[Page]:
    """A tab on the Train page."""
    with tab(browser) as fresh:
        open_app(fresh, app.url)
        yield fresh


@pytest.fixture
def runs(own_app: App) -> Iterator[dict[str, Run]]:
    """Four runs in an otherwise empty home; their accuracies rise and fall with their age."""
    store = Store(own_app.home)
    found = {
        "oldest": made(store, "oldest", 0.75),
        "slow": made(store, "slow", 0.875, FixedSettings(learning_rate=0.001)),
        "ugly": made(store, UGLY, 0.5, batch=16),
        "newest": made(store, "newest", 0.8125, FixedSettings(learning_rate=0.25)),
    }
    yield found
    for run in [*store.runs(), *store.broken()]:
        if not (run.folder / "status.json").exists() or run.status.state in ENDED:
            store.delete(run)
