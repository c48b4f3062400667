"""Files that want all memory: whoever uploads one gets a sentence, and a second visitor notices nothing."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator

import bombs
import pytest
from playwright.sync_api import Browser, Page, expect

from browser.driving import App, field, idle, no_defect, open_app, tab, take, train_button, upload
from lrapp.runs import links
from lrapp.sandbox import limits
from lrapp.settings import DataSettings, FileSource, RunSettings

_NUMBERS = b"x,y,z\n" + b"".join(b"%d,%d,%c\n" % (n % 7, n, b"ab"[n % 2]) for n in range(60))
APART = "The cells of a sheet must lie close together"
TABLE = "This file needs more than"
PICTURES = "These pictures need more than"
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "corners.xlsx": (bombs.two_corners, APART),
    "quotes.xlsx": (bombs.single_quotes, APART),
    "cut.xlsx": (bombs.cut_corners, TABLE),
    "repeated.xlsx": (bombs.repeated_ods, TABLE),
    "string.xlsx": (bombs.one_string_everywhere, TABLE),
    "letters.xlsx": (lambda: bombs.one_string_everywhere(32_767, 60_000), TABLE),
    "long.csv.gz": (lambda: bombs.long_gzip(1_000), TABLE),
    "long.zip": (lambda: bombs.long_zip(450), TABLE),
    "zeros.zip": (bombs.picture_bomb, PICTURES),
    "large.zip": (bombs.large_pictures, PICTURES),
}


@pytest.fixture(scope="module")
def narrow_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server whose readers may take little memory."""
    server = App(tmp_path_factory.mktemp("narrow") / "home")
    before = os.environ.get(limits.MEMORY)
    os.environ[limits.MEMORY] = "300MB"
    try:
        server.start()
    finally:
        os.environ.pop(limits.MEMORY)
        if before is not None:
            os.environ[limits.MEMORY] = before
    yield server
    server.stop()
    assert "Traceback" not in server.log(), server.log()


def _memory(app: App) -> int:
    assert app.process is not None
    return limits.memory_of(app.process.pid) or 0


def _wait_until_gone(app: App, data: bytes) -> None:
    path = app.home / "data" / hashlib.sha256(data).hexdigest()
    refused = app.home / "refused" / path.name
    deadline = time.monotonic() + 60
    while path.exists() or not refused.exists():
        assert time.monotonic() < deadline, "the file is kept"
        time.sleep(0.1)


def _alert(page: Page, sentence: str) -> None:
    expect(page.get_by_role("alert").filter(has_text=sentence).first).to_be_visible()
    idle(page)
    no_defect(page)


def test_a_second_visitor_notices_nothing(browser: Browser, narrow_app: App) -> None:
    app = narrow_app
    with tab(browser) as one, tab(browser) as other:
        open_app(one, app.url)
        open_app(other, app.url)
        take(one, "good.csv", _NUMBERS)
        take(other, "other.csv", _NUMBERS + b"1,2,a\n")
        upload(
            one, "warm.xlsx", bombs.one_string_everywhere(40_000)
        )  # what is loaded for the first error is no growth
        _alert(one, TABLE)
        assert app.process is not None
        process, before = app.process.pid, _memory(app)
        for name, (make, sentence) in BOMBS.items():
            data = make()
            upload(one, name, data)
            _wait_until_gone(app, data)
            _alert(one, sentence)
            expect(train_button(one)).to_be_disabled()
            field(other, "spinbutton", "Epochs").press("ArrowUp")
            idle(other)
            no_defect(other)
        assert app.process.poll() is None
        assert app.process.pid == process
        assert _memory(app) - before < 60_000_000
        open_app(other, app.url)
        take(other, "again.csv", _NUMBERS)
        expect(train_button(other)).to_be_enabled()


def test_an_address_that_names_it_gives_the_same_sentence(browser: Browser, narrow_app: App) -> None:
    found: dict[str, tuple[str, str]] = {}
    with tab(browser) as page:
        open_app(page, narrow_app.url)
        for name in ("cut.xlsx", "long.zip"):
            make, sentence = BOMBS[name]
            data = make()
            found[name] = hashlib.sha256(data).hexdigest(), sentence
            upload(page, name, data)
            expect(field(page, "combobox", "Table")).to_have_value(f"Your file: {name}")
            _alert(page, sentence)
    with tab(browser) as page:
        for name, (sha256, sentence) in found.items():
            settings = RunSettings(data=DataSettings(source=FileSource(name=name, sha256=sha256)))
            open_app(page, f"{narrow_app.url}?settings={links.to_text(settings)}")
            _alert(page, sentence)
            assert page.get_by_text("is not kept on this server").count() == 0
            assert not (narrow_app.home / "data" / sha256).exists()


def test_what_takes_long_shows_so_and_can_be_cancelled(browser: Browser, own_app: App) -> None:
    data = bombs.repeated_ods(9_000, 1_000)  # slow, and below all limits
    with tab(browser) as page, tab(browser) as other:
        open_app(page, own_app.url)
        upload(page, "slow.xlsx", data)
        cancel = page.get_by_role("button", name="Cancel", exact=True)
        for _ in range(2):
            cancel.wait_for()
            expect(page.get_by_text("Reading slow.xlsx …")).to_be_visible()
            expect(train_button(page)).to_be_disabled()
            open_app(other, own_app.url)  # which is as quick as ever
            cancel.click()
            _alert(page, "was cancelled")
            page.get_by_role("button", name="Read it again").click()
        cancel.click()
        take(page, "good.csv", _NUMBERS)
        expect(train_button(page)).to_be_enabled()
