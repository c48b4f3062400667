"""A real server, a real Chromium, and what a person does in it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from drawn.charts import PATIENCE, wait_for_charts
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import TimeoutError as TooLate

from lrapp.access import preferences
from lrapp.runs.store import ENDED, Run, Store

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
# The same engine without windows of its own takes less of the processor; not every system has it.
HEADLESS = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or CHROMIUM
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
LOCAL = {"127.0.0.1", "localhost", ""}


class App:
    """A server of the app over a home folder, which can be killed and started again."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self._environment = environment
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._log = home.parent / f"{home.name}.log"

    def start(self, script: str = "app.py", *, expert: bool = True) -> None:
        """Start the server and wait until it answers; whoever comes sees the expert settings, unless they are off."""
        preferences.write(self.home, "", "expert settings", on=expert)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "streamlit",
                    "run",
                    script,
                    "--server.headless=true",
                    "--server.address=127.0.0.1",
                    f"--server.port={self.port}",
                    "--server.fileWatcherType=none",
                ],
                cwd=ROOT,
                env={**os.environ, **self._environment, "LRAPP_HOME": str(self.home)},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"The app did not answer within a minute.\n{self.log()}")

    def stop(self, *, kill: bool = False) -> None:
        """End the server: politely, or as a crash would."""
        if self.process is None:
            return
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        self.process.wait(timeout=30)
        self.process = None

    def log(self) -> str:
        """What the server printed."""
        return self._log.read_text("utf-8", errors="replace")

    def run(self, run_id: str) -> Run:
        """The run of that id, from the disk."""
        return Store(self.home).get(run_id)

    def wait_until_ended(self, run_id: str) -> Run:
        """Wait without a browser until a run has ended."""
        run = self.run(run_id)
        deadline = time.monotonic() + PATIENCE / 1000
        while run.status.state not in ENDED:
            assert time.monotonic() < deadline, f"The run has not ended: {run.status}\n{self.log()}"
            time.sleep(0.1)
        return run


@contextmanager
def tab(
    browser: Browser, *, width: int = 1280, height: int = 1400, dark: bool = False, strict: bool = True
) -> Iterator[Page]:
    """A fresh tab, with its own cookies, that fails on errors in the page and on requests to anywhere else.

    Args:
        browser: Chromium.
        width: Of the window, in pixels.
        height: Of the window, in pixels.
        dark: As a person sees it whose system is dark.
        strict: Fail on errors in the console too; off where the test ends the server under the page.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        accept_downloads=True,
    )
    wrong: list[str] = []
    context.on(
        "request",
        lambda request: (
            wrong.append(f"request to {request.url[:200]}")
            if (urlsplit(request.url).hostname or "") not in LOCAL
            else None
        ),
    )
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(f"error in the page: {error}"))
    if strict:
        page.on(
            "console",
            lambda message: (
                wrong.append(f"in the console: {message.text[:300]}")
                # Below the address of another page than the first, Streamlit looks for its server in vain once.
                if message.type == "error" and "/_stcore/" not in message.location["url"]
                else None
            ),
        )
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    try:
        yield page
        no_defect(page)
        assert wrong == []
    finally:
        context.close()


def no_defect(page: Page) -> None:
    """Fail if the page shows a traceback or Streamlit's box for a defect."""
    assert page.locator("[data-testid=stException]").count() == 0, page.locator(
        "[data-testid=stException]"
    ).first.inner_text()
    assert "Traceback" not in page.locator("body").inner_text()


# 97.1% and 5e-07 are written 97.1 % and 5 × 10⁻⁷ (what a person typed or uploaded may be as it is).
_ODD_NUMBER = re.compile(r"(?<![\w.,])[\d.,]+(?:%|e[+-]?\d+)(?!\w)")


def fits_in_both_themes(page: Page) -> None:
    """Check that the page is no wider than its window, as a light and as a dark system shows it."""
    main = page.get_by_test_id("stMain")
    themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    grounds = []
    for theme in themes:
        page.emulate_media(color_scheme=theme)
        idle(page)
        wide, narrow = main.evaluate("main => [main.scrollWidth, main.clientWidth]")
        assert wide <= narrow, theme
        grounds.append(page.get_by_test_id("stApp").evaluate("app => getComputedStyle(app).backgroundColor"))
    assert grounds[0] != grounds[1], "the page follows the system"


def written_numbers(page: Page) -> None:
    """Check that the charts and sentences of the page write numbers in one way."""
    texts = page.evaluate(
        """[...document.querySelectorAll('[data-testid=stMarkdown], [data-testid=stAlert], [data-testid=stHtml], '
        + '[data-testid=stMetric], svg.marks text')].map(one => {
          const copy = one.cloneNode(true);
          copy.querySelectorAll('style').forEach(style => style.remove());
          const named = (one.closest('[aria-label]') ?? one).getAttribute('aria-label');
          return [copy.textContent, named ?? one.outerHTML.slice(0, 300)];
        })"""
    )
    odd = [(text, where) for text, where in texts if _ODD_NUMBER.search(text)]
    assert not odd, odd


def idle(page: Page) -> None:
    """Wait until the page has said all that it has to say for now, and has read what it was given."""
    page.wait_for_timeout(150)
    rests = page.locator("[data-testid=stApp][data-test-script-state=notRunning]")
    rests.wait_for()
    bar = page.locator(".st-key-reading-cancel")
    if bar.count():
        bar.wait_for(state="detached")
        page.wait_for_timeout(150)
        rests.wait_for()


def open_app(page: Page, url: str) -> None:
    """Open a page of the app and wait for its contents."""
    page.goto(url)
    ready = train_button(page)
    ready.or_(page.locator("[data-testid=stException]")).first.wait_for()
    no_defect(page)
    idle(page)


def go(page: Page, title: str) -> None:
    """Choose a page in the navigation."""
    page.get_by_role("link", name=title).click()
    page.get_by_role("heading", name=title, exact=True).wait_for()
    idle(page)


def upload(page: Page, name: str, data: bytes) -> None:
    """Give a file to the page's uploader."""
    page.locator("[data-testid=stFileUploader] input[type=file]").first.set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": data}
    )


def take(page: Page, name: str, data: bytes, target: str = "") -> None:
    """Upload a table on the Train page, wait until it is the chosen one, and say what to predict.

    Args:
        page: The page.
        name: Of the file.
        data: Its bytes.
        target: The column; the likeliest by default.
    """
    upload(page, name, data)
    expect(field(page, "combobox", "Table")).to_have_value(f"Your file: {name}")
    idle(page)
    answer(page, target)


def answer(page: Page, target: str = "") -> None:
    """Answer the question what should be predicted, if it is asked."""
    question = page.locator(".st-key-target-question")
    if question.count():
        buttons = question.get_by_role("button").filter(has_text=target)
        if buttons.count():
            buttons.first.click()
        else:
            _pick(page, "Another column", target)  # and with the answer the list is gone
        expect(question).to_have_count(0)
        idle(page)


def _rail(page: Page, *, shown: bool) -> None:
    """On a phone, open or close the drawer that the rail lies in."""
    size = page.viewport_size
    if size is None or size["width"] > 640:
        return
    buttons = page.get_by_role("button", name="Expand sidebar" if shown else "Collapse sidebar", exact=True)
    if buttons.count() and buttons.first.is_visible():
        buttons.first.click()
        page.wait_for_timeout(500)  # it slides
        idle(page)


def step(page: Page, title: str) -> Locator:
    """Open a step of the rail, and return it."""
    _rail(page, shown=True)
    box = page.locator(f".st-key-step-{title.replace(' ', '-')}")
    _unfold(page, box.locator("[data-testid=stExpander]").first)
    return box


def reveal(page: Page, wanted: Locator) -> Locator:
    """Open the step of the rail that something lies in, if it lies in one, and return what was wanted."""
    wanted.first.wait_for(state="attached")
    inside = page.locator("[class*=st-key-step-]").filter(has=wanted)
    if inside.count():
        _rail(page, shown=True)
        _unfold(page, inside.first.locator("[data-testid=stExpander]").first)
    return wanted


def field(page: Page, role: Literal["spinbutton", "combobox", "switch"], label: str) -> Locator:
    """Return a field by its label, with the step of the rail open that it lies in."""
    reveal(page, page.get_by_role(role, name=label, exact=True, include_hidden=True))
    return page.get_by_role(role, name=label, exact=True)


def set_number(page: Page, label: str, value: float) -> None:
    """Type a number into a field."""
    number = field(page, "spinbutton", label)
    number.fill(f"{value}")
    number.press("Enter")
    idle(page)


def choose(page: Page, label: str, option: str | int, *, then: str = "") -> None:
    """Choose an entry of a list: by its text, or by its place, counted from 0.

    Args:
        then: What the list is called afterwards, if not as before.
    """
    listed = _pick(page, label, option)
    if isinstance(option, str):
        expect(field(page, "combobox", then) if then else listed).to_have_value(option)
    idle(page)


def _pick(page: Page, label: str, option: str | int) -> Locator:
    listed = field(page, "combobox", label)
    entries = page.get_by_role("option")
    entry = (
        page.get_by_role("option", name=option, exact=True)
        if isinstance(option, str)
        else entries.nth(option)
    )
    # A list closes when the page draws itself anew under it.
    for attempt in range(8):
        listed.click()
        if attempt % 2 and isinstance(option, str):  # of a long list only a part is there until one types
            page.keyboard.type(option[:20])
        try:
            entry.click(timeout=3_000)
            break
        except TooLate:
            page.keyboard.press("Escape")
    expect(entries).to_have_count(0)
    return listed


def switch(page: Page, label: str) -> None:
    """Turn a switch over."""
    wanted = reveal(page, page.get_by_role("switch", name=label, include_hidden=True))
    wanted.locator("xpath=ancestor::label").click()
    idle(page)


def results(page: Page) -> None:
    """Wait until a run shows its results."""
    page.get_by_role("tab", name="Errors").wait_for()
    idle(page)


def look(page: Page, title: str) -> None:
    """Open one of the views of a run's results."""
    results(page)
    page.get_by_role("tab", name=title, exact=True).click()
    idle(page)


def expander(page: Page, title: str) -> Locator:
    """Open an expander, and the step of the rail that it lies in, and return it."""
    summary = page.locator("summary", has_text=title)
    box = reveal(page, page.locator("[data-testid=stExpander]").filter(has=summary)).last
    return _unfold(page, box)


def _unfold(page: Page, box: Locator) -> Locator:
    details = box.locator("details").first
    # A click that meets the page while it draws itself anew is lost, and one that is closing still counts as open.
    for _ in range(8):
        details.evaluate("box => Promise.all(box.getAnimations().map(one => one.finished.catch(() => {})))")
        if details.get_attribute("open") is not None:
            return box
        details.locator("summary").first.click()
        idle(page)
    raise AssertionError(f"It does not open: {box}")


def train_button(page: Page) -> Locator:
    """The button that starts a run."""
    _rail(page, shown=False)
    return page.get_by_role("button", name=re.compile("^Train( Shortcut .*)?$"))


def stop_button(page: Page) -> Locator:
    """The button that ends the run on the stage."""
    return page.locator(".st-key-bar").get_by_role("button", name=re.compile("^Stop( Shortcut .*)?$"))


def train(page: Page) -> str:
    """Press Train, and return the id of the run."""
    before = page.url
    train_button(page).click()
    page.wait_for_url(lambda url: "run=" in url and url != before)
    return run_id(page)


def run_id(page: Page) -> str:
    """The id of the run in the page's address."""
    return parse_qs(urlsplit(page.url).query)["run"][0]


def state(page: Page, text: str) -> Locator:
    """Where the run's state is shown."""
    return page.get_by_test_id("stMainBlockContainer").locator("strong").get_by_text(text, exact=True)


def wait_for_epochs(page: Page, least: int = 2) -> None:
    """Wait until the run in training has finished some epochs and its charts show them."""
    page.wait_for_function(
        "least => [...document.querySelectorAll('[data-testid=stProgress]')].some(bar => "
        "Number((bar.innerText.match(/Epoch ([\\d,]+) of/) || ['', '0'])[1].replace(',', '')) >= least)",
        arg=least,
    )
    wait_for_charts(page)


def click_cell(page: Page, grid: Locator, x: float, row: int) -> None:
    """Click into a table at x pixels from its left, in a row counted from 0."""
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    assert box is not None
    # The canvas lies beneath its own scroller, which takes the click.
    page.mouse.click(box["x"] + x, box["y"] + 35 * (row + 1) + 17)
    page.wait_for_timeout(200)


def type_into_cell(page: Page, grid: Locator, x: float, row: int, text: str) -> None:
    """Replace what stands in a cell of an editable table, found as by ``click_cell``."""
    editor = page.locator("input.gdg-input")
    # A table that has just been replaced lets go of the first click.
    for _ in range(5):
        click_cell(page, grid, x, row)
        page.wait_for_timeout(300)
        page.keyboard.press("Enter")
        try:
            editor.wait_for(timeout=2_000)
            break
        except TooLate:
            page.keyboard.press("Escape")
    editor.fill(text)
    editor.press("Enter")
    idle(page)
