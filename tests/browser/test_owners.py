"""With LRAPP_RUNS=own: a browser owns what it made, an address shows it to others, and no more; real browsers."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from drawn.charts import wait_for_charts
from playwright.sync_api import Browser, BrowserContext, Page, expect

from browser.driving import (
    CHROMIUM,
    FLAGS,
    PATIENCE,
    App,
    idle,
    look,
    no_defect,
    open_app,
    run_id,
    set_number,
    state,
    stop_button,
    switch,
    tab,
    take,
    train,
    train_button,
    upload,
    wait_for_epochs,
)
from lrapp.prediction.folders import PredictionFolder
from lrapp.runs import notes
from lrapp.runs.store import SAMPLES, Store
from lrapp.settings import DataSettings, RunSettings, SampleSource

TABLE = b"a,b,y\n" + b"".join(b"%d,%d,%d\n" % (n % 7, n % 5, (n % 7 + n % 5) > 5) for n in range(300))
LONG = 4 * PATIENCE
SHOWN = "started in another browser; you can look at it"
MAKERS = ("Stop", "Resume", "Delete", "Star", "Name and note", "Download the model")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server whose visitors each have their own."""
    server = App(tmp_path_factory.mktemp("owners") / "home", LRAPP_RUNS="own")
    server.start()
    yield server
    server.stop()
    assert "Traceback" not in server.log(), server.log()


@contextmanager
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of somebody, with no cookies yet."""
    context = browser.new_context(viewport={"width": 1280, "height": 1400}, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    try:
        yield context
    finally:
        for page in context.pages:
            no_defect(page)
        context.close()


@pytest.fixture
def maker(browser: Browser) -> Iterator[BrowserContext]:
    with visitor(browser) as context:
        yield context


@pytest.fixture
def other(browser: Browser) -> Iterator[BrowserContext]:
    with visitor(browser) as context:
        yield context


def opened(context: BrowserContext, address: str, heading: str = "") -> Page:
    """A new tab with a page of the app."""
    page = context.new_page()
    if heading:
        page.goto(address)
        page.get_by_role("heading", name=heading, exact=True).wait_for()
        idle(page)
    else:
        open_app(page, address)
    return page


def buttons(page: Page) -> set[str]:
    """Which of the maker's buttons are there."""
    return {
        name
        for name in MAKERS
        if page.get_by_role("button", name=re.compile(f"^{re.escape(name)}( Shortcut .*)?$")).count()
    }


def visitor_cookies(context: BrowserContext) -> list[str]:
    return [cookie["value"] for cookie in context.cookies() if cookie["name"].startswith("lrapp-")]


def test_a_run_is_its_makers_also_after_a_restart_and_an_address_shows_it(
    browser: Browser, own: App, maker: BrowserContext, other: BrowserContext
) -> None:
    page = opened(maker, own.url)
    (cookie,) = (one for one in maker.cookies() if one["name"].startswith("lrapp-"))
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Lax", False)
    assert cookie["expires"] > time.time() + 360 * 86_400
    take(page, "mine.csv", TABLE)
    set_number(page, "Epochs", 5)
    train(page)
    state(page, "Done").wait_for(timeout=LONG)
    look(page, "Export")
    page.get_by_role("button", name="Download the model").wait_for()
    run = own.run(run_id(page))
    assert run.owner
    assert run.owner not in cookie["value"]

    # Whoever is given the address sees the run, and may save what stands there.
    theirs = opened(other, f"{own.url}/?run={run.id}")
    theirs.get_by_text(SHOWN).wait_for()
    wait_for_charts(theirs)
    look(theirs, "Export")
    theirs.get_by_role("button", name="Report (HTML)").wait_for()
    assert buttons(theirs) == set()
    assert theirs.get_by_role("radiogroup", name="Other formats").count() == 0
    # The settings came along, the table did not.
    theirs.get_by_text("which this browser has not uploaded").wait_for()
    expect(train_button(theirs)).to_be_disabled()
    assert theirs.get_by_text("First rows").count() == 0
    theirs.goto(f"{own.url}/runs?run={run.id}")
    theirs.get_by_text(SHOWN).wait_for()
    idle(theirs)
    assert buttons(theirs) == set()
    theirs.get_by_role("button", name="Start from these settings").click()
    theirs.wait_for_url(lambda url: "settings=" in url)
    theirs.get_by_text("which this browser has not uploaded").wait_for()
    link = theirs.url
    theirs.goto(f"{own.url}/predict?run={run.id}")
    theirs.get_by_text("Its model predicts only there").wait_for()
    assert theirs.locator("[data-testid=stFileUploader]").count() == 0

    # Without the address there is nothing.
    with visitor(browser) as stranger:
        nobody = opened(stranger, f"{own.url}/runs", "Runs")
        nobody.get_by_text("No runs yet").wait_for()
        nobody = opened(stranger, f"{own.url}/predict", "Predict")
        nobody.get_by_text("No model yet").wait_for()

    # Who has the file may use it.
    theirs.goto(link)
    theirs.get_by_text("which this browser has not uploaded").wait_for()
    idle(theirs)
    theirs.get_by_test_id("stFileUploader").filter(has_text="The table of these settings").locator(
        "input[type=file]"
    ).set_input_files({"name": "same.csv", "mimeType": "text/csv", "buffer": TABLE})
    expect(theirs.get_by_text("which this browser has not uploaded")).to_have_count(0)
    expect(train_button(theirs)).to_be_enabled()
    train(theirs)
    state(theirs, "Done").wait_for(timeout=LONG)
    assert own.run(run_id(theirs)).owner not in ("", run.owner)

    # The maker comes back to a server that was started again, without an address.
    for page in [*maker.pages, *other.pages]:
        page.close()
    own.stop(kill=True)
    own.start()
    page = opened(maker, f"{own.url}/runs", "Runs")
    assert visitor_cookies(maker) == [cookie["value"]]
    grid = page.locator("[data-testid=stDataFrame]").first
    grid.locator("canvas tbody tr").first.wait_for(state="attached")
    assert grid.locator("canvas tbody tr").count() == 1
    page.goto(f"{own.url}/runs?run={run.id}")
    look(page, "Export")
    page.get_by_role("button", name="Download the model").wait_for()
    idle(page)
    assert buttons(page) == {"Delete", "Star", "Name and note", "Download the model"}
    page.get_by_role("button", name="Star", exact=True).click()
    page.get_by_role("button", name="Unstar", exact=True).wait_for()
    assert notes.read(run)[0].starred
    idle(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("The run was deleted.").wait_for()
    assert not run.folder.exists()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The run was deleted.")).to_have_count(0)
    idle(page)
    assert run.folder.exists()


def test_only_its_maker_stops_and_resumes_a_run(
    own: App, maker: BrowserContext, other: BrowserContext
) -> None:
    page = opened(maker, own.url)
    set_number(page, "Epochs", 20_000)
    switch(page, "Early stopping")
    train(page)
    wait_for_epochs(page, 2)
    theirs = opened(other, f"{own.url}/?run={run_id(page)}")
    theirs.get_by_text(SHOWN).wait_for()
    wait_for_charts(theirs)
    assert buttons(theirs) == set()
    stop_button(page).click()
    state(page, "Stopped").wait_for()
    page.get_by_role("button", name="Resume", exact=True).wait_for()
    state(theirs, "Stopped").wait_for()
    idle(theirs)
    assert buttons(theirs) == set()
    page.get_by_role("button", name="Resume", exact=True).click()
    stop_button(page).click()
    state(page, "Stopped").wait_for()


def test_a_comparison_is_its_makers(own: App, maker: BrowserContext, other: BrowserContext) -> None:
    page = opened(maker, own.url)
    set_number(page, "Epochs", 2)
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("button", name=re.compile("^Start")).wait_for()
    idle(page)
    set_number(page, "Seeds", 1)
    page.get_by_role("button", name=re.compile("^Start")).click()
    page.wait_for_url(lambda url: "study=" in url)
    delete = page.get_by_role("button", name="Delete the comparison")
    delete.wait_for(timeout=LONG)
    address = page.url
    theirs = opened(other, address, "What it shows")
    theirs.get_by_text("This comparison was started in another browser").wait_for()
    assert theirs.get_by_role("button", name="Delete the comparison").count() == 0
    theirs.get_by_role("button", name="Curves (CSV)").wait_for()
    theirs.get_by_role("button", name="New comparison").click()
    theirs.get_by_role("button", name=re.compile("^Start")).wait_for()
    idle(theirs)
    assert theirs.get_by_text("Earlier comparisons").count() == 0
    again = opened(maker, f"{own.url}/compare", "Compare")
    again.get_by_text("Earlier comparisons").wait_for()
    delete.click()
    page.get_by_text("The comparison and its runs were deleted.").wait_for()
    page.get_by_role("button", name="Undo").click()
    delete.wait_for()


def test_a_prediction_that_a_crash_cut_off_says_so_and_is_its_makers(
    own: App, maker: BrowserContext, other: BrowserContext
) -> None:
    page = opened(maker, own.url)
    set_number(page, "Epochs", 2)
    train(page)
    state(page, "Done").wait_for(timeout=LONG)
    run = run_id(page)
    target = own.run(run).settings.data.source.name
    lines = (SAMPLES / target).read_bytes().splitlines(keepends=True)
    page.goto(f"{own.url}/predict?run={run}")
    page.get_by_role("tab", name="One row").wait_for()
    idle(page)
    upload(page, "long.csv", lines[0] + b"".join(lines[1:]) * 200)
    page.wait_for_url(lambda url: "prediction=" in url)
    folder = PredictionFolder(own.home / "predictions" / page.url.split("prediction=")[1].split("&")[0])
    assert not folder.cut_off
    address = page.url
    own.stop(kill=True)
    page.close()
    own.start()

    page = maker.new_page()
    page.goto(address)
    page.get_by_text("The prediction of long.csv was cut off").wait_for()
    theirs = other.new_page()
    theirs.goto(address)
    theirs.get_by_text("Its model predicts only there").wait_for()
    page.get_by_role("button", name="Predict again").click()
    expect(page.get_by_text("predicted.")).to_contain_text("of long.csv", timeout=LONG)
    # A second tab of the maker's sees it, another browser does not.
    second = maker.new_page()
    second.goto(address)
    expect(second.get_by_text("predicted.")).to_contain_text("of long.csv")
    theirs.goto(address)
    theirs.get_by_text("Its model predicts only there").wait_for()
    assert theirs.get_by_text("predicted.").count() == 0


def test_three_quick_clicks_train_one_run(own: App, maker: BrowserContext) -> None:
    page = opened(maker, own.url)
    set_number(page, "Epochs", 20)
    switch(page, "Early stopping")
    runs, button = Store(own.home).runs, train_button(page)
    before = len(runs())
    button.click(click_count=3, delay=30)
    page.wait_for_url(lambda url: "run=" in url)
    idle(page)
    assert len(runs()) == before + 1
    # The run is on the page: the next click is meant for another one.
    first = run_id(page)
    button.click()
    page.wait_for_url(lambda url: "run=" in url and first not in url)
    idle(page)
    assert len(runs()) == before + 2
    # A hand that is quick, on a page that is quicker: the third click comes when the run has just been shown.
    shown = """() => new Promise(done => {
        const inBar = () => [...document.querySelectorAll('.st-key-bar button')]
        const train = () => inBar().find(one => /Train/.test(one.innerText))
        const before = train()
        before.click()
        const look = () => {
            if (!train() || train() === before) return requestAnimationFrame(look)
            const place = train().getBoundingClientRect()
            const at = document.elementFromPoint(place.x + place.width / 2, place.y + place.height / 2)
            done(train().contains(at))
        }
        look()
    })"""
    assert page.evaluate(shown) is False
    button.click(trial=True)
    idle(page)
    before += 1
    # Settings that change under the same button are another start, too.
    set_number(page, "Epochs", 21)
    button.evaluate("button => [0, 0, 0].forEach(() => button.click())")
    page.wait_for_url(lambda url: "run=" in url and runs()[1].id not in url)
    idle(page)
    assert len(runs()) == before + 3
    assert runs()[0].settings.training.epochs == 21


def test_a_forged_cookie_opens_nothing_and_is_replaced(own: App, other: BrowserContext) -> None:
    opened(other, own.url).close()
    (mine,) = (one for one in other.cookies() if one["name"].startswith("lrapp-"))
    told, rest = mine["value"].split(".", 1)
    forged = f"{'0' * len(told)}.{rest}"
    other.clear_cookies()
    other.add_cookies([{"name": mine["name"], "value": forged, "url": own.url}])
    opened(other, own.url).close()
    (fresh,) = visitor_cookies(other)
    assert fresh not in (forged, mine["value"])


def test_two_tabs_that_open_at_once_are_one_visitor(own: App, maker: BrowserContext) -> None:
    first, second = maker.new_page(), maker.new_page()
    for page in (first, second):
        page.evaluate("address => { setTimeout(() => location.assign(address), 50) }", own.url)
    for page in (first, second):
        train_button(page).wait_for()
        idle(page)
    set_number(second, "Epochs", 2)
    train(second)
    state(second, "Done").wait_for(timeout=LONG)
    page = opened(maker, f"{own.url}/runs?run={run_id(second)}", "Runs")
    page.get_by_role("button", name="Delete", exact=True).wait_for()


def test_without_cookies_the_tab_is_all_that_is_known(browser: Browser, own: App, tmp_path: Path) -> None:
    (tmp_path / "Default").mkdir()
    refuse = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(refuse))
    context = browser.browser_type.launch_persistent_context(tmp_path, executable_path=CHROMIUM, args=FLAGS)
    try:
        page = opened(context, own.url)
        page.get_by_text("Your browser keeps no cookie of this app").wait_for()
        set_number(page, "Epochs", 2)
        train(page)
        state(page, "Done").wait_for(timeout=LONG)
        look(page, "Export")
        page.get_by_role("button", name="Download the model").wait_for()
        page.reload()
        page.get_by_text(SHOWN).wait_for()
        no_defect(page)
    finally:
        context.close()


def test_without_the_variable_nothing_is_anybodys(browser: Browser, app: App) -> None:
    store = Store(app.home)
    run = store.create(
        RunSettings(data=DataSettings(source=SampleSource(name="penguins.csv"), target="species"))
    )
    run.set_status(state="stopped", message="Stopped.")
    with tab(browser) as page:
        page.goto(f"{app.url}/runs?run={run.id}")
        page.get_by_role("button", name="Delete", exact=True).wait_for()
        idle(page)
        assert buttons(page) == {"Resume", "Delete", "Star", "Name and note"}
        assert visitor_cookies(page.context) == []
        assert not (app.home / "visitors.key").exists()
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_text("The run was deleted.").wait_for()
