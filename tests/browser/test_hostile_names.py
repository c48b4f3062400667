"""Every page, drawer and form with names that would ask somebody else's server: no request leaves, no link is made."""

import csv
import io
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hostile import ELSEWHERE, NAMES
from pictures import BLUE, RED, zipped
from playwright.sync_api import Browser, Error, FilePayload, Locator, Page, expect
from playwright.sync_api import TimeoutError as TooLate

from browser.driving import App, answer, idle, open_app, results, step, tab, train_button, upload
from lrapp.execution import worker
from lrapp.experiments import studies
from lrapp.experiments.studies import Candidate, Plan
from lrapp.images.zip_files import is_picture_zip
from lrapp.runs import links, notes
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    DataSettings,
    FileSource,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    OneCycleSettings,
    PictureFileSource,
    PictureSettings,
    RunSettings,
    TrainingSettings,
)

PICTURE = f"![p](http://{ELSEWHERE}/p.png)"
TAG = f"<img src=http://{ELSEWHERE}/t.png>"
LINK = f"[l](http://{ELSEWHERE}/l) www.{ELSEWHERE}"
COLUMNS = [PICTURE, TAG, LINK, "image", "title", f"`{PICTURE}`", f"$x$ {PICTURE}"]
WORDS = [PICTURE, TAG, f"http://{ELSEWHERE}/w.png"]
# A folder's name has no slash of its own; Markdown and HTML read these as one.
CLASSES = [
    f"![c](http:&#47;&#47;{ELSEWHERE}&#47;c.png)",
    f"<img src=http:&#47;&#47;{ELSEWHERE}&#47;d.png>",
    f"[c](http:&sol;&sol;{ELSEWHERE})",
]
# Lists whose entries are names of columns, runs, files or classes.
NAMED = (
    "Table",
    "Pictures",
    "Target",
    "Column",
    "Model",
    "Vary one column",
    "Only these classes",
    "Run",
)
QUICK = TrainingSettings(epochs=2, batch_size=16)
SMALL = ModelSettings(layers=(LayerSettings(units=4),))
# What a page has that it should not, as the browser sees it: a defect, or what asks or leads elsewhere.
_FOUND = """elsewhere => [
  ...[...document.querySelectorAll('[data-testid=stException]')].map(one => one.innerText),
  ...(document.body.textContent.includes('Traceback') ? ['Traceback'] : []),
  ...[...document.querySelectorAll('img, image, iframe, object, embed, video, audio, source, link')]
    .map(one => one.currentSrc || one.src || one.href?.baseVal || one.href || one.data || '')
    .filter(address => address && !/^(data|blob):/.test(address) && new URL(address, location).host !== location.host),
  ...[...document.querySelectorAll('a[href]')].map(one => one.href)
    .filter(address => /^(javascript|data|vbscript|mailto):/.test(address) || address.includes(elsewhere)),
  ...[...document.querySelectorAll('img')].map(one => one.src).filter(address => address.includes(elsewhere)),
  ...[...document.querySelectorAll('.katex')].map(one => one.textContent),
]"""


def table(rows: int, target: str, *, words: bool, with_target: bool = True) -> bytes:
    """Columns of such names, two of them with such words; the first numbers tell the target."""
    chance = random.Random(rows)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, *([target] if with_target else [])])
    for _ in range(rows):
        numbers = [round(chance.gauss(0, 1), 3) for _ in COLUMNS]
        cells: list[object] = [*numbers[:3], *chance.choices(WORDS, k=2), *numbers[5:]]
        answer: object = WORDS[sum(numbers[:2]) > 0] if words else round(sum(numbers[:2]), 3)
        writer.writerow([*cells, *([answer] if with_target else [])])
    return text.getvalue().encode()


@dataclass(frozen=True)
class Home:
    """A server over a home that holds nothing but such names."""

    app: App
    runs: dict[str, Run]
    study: str
    missing: RunSettings


def _train(store: Store, run: Run) -> Run:
    outcome = worker.work(run.folder, store.home)
    run.set_status(state=outcome.state, message=outcome.message)
    # A list tells its entries apart by what it shows of them.
    notes.change(run, name=f"{run.id[-4:]} {NAMES[1]}", note=NAMES[0])
    return run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    store = Store(tmp_path_factory.mktemp("hostile") / "home")
    target = f"{PICTURE} y"

    def data(content: bytes, **more: str) -> DataSettings:
        source = store.keep_file(content, "t.csv")
        return DataSettings(
            source=FileSource(name=f"{PICTURE.replace('/', ':')}.csv", sha256=source.sha256),
            target=target,
            **more,
        )

    classes = data(table(120, target, words=True))
    base = RunSettings(name=PICTURE, data=classes, model=SMALL, training=QUICK)
    archive = zipped(
        {f"{name}/{TAG.replace('/', '')}{n}.png": (RED, BLUE)[n % 2] for name in CLASSES for n in range(8)}
    )
    assert is_picture_zip(archive)
    kept = store.keep_file(archive, "p.zip")
    pictures = base.model_copy(
        update={
            "data": DataSettings(
                source=PictureFileSource(name=f"{PICTURE.replace('/', ':')}.zip", sha256=kept.sha256),
                target="class",
                pictures=PictureSettings(size=8),
            )
        }
    )
    runs = {
        "classes": _train(store, store.create(base)),
        "number": _train(
            store, store.create(base.model_copy(update={"data": data(table(110, target, words=False))}))
        ),
        "pictures": _train(store, store.create(pictures)),
    }
    failed = store.create(base)
    failed.set_status(state="failed", message=f"It went wrong: {PICTURE} {TAG}")
    damaged = store.create(base)
    (damaged.folder / "run.json").write_text(f'{{"data": "{PICTURE}", "{TAG}": 1}}')
    damaged.set_status(state="failed", message=PICTURE)
    runs |= {"failed": failed, "damaged": damaged}
    one, two = FixedSettings(learning_rate=0.01), OneCycleSettings()
    plan = Plan(f"{PICTURE} {TAG}", base, (Candidate(PICTURE[:40], one), Candidate(TAG[:40], two)), (0,))
    study = studies.create(store, plan)
    for member in study.members:
        _train(store, store.get(member.run_id))
    gone = FileSource(name=f"{TAG.replace('/', ':')}.csv", sha256="0" * 64)
    missing = base.model_copy(update={"data": classes.model_copy(update={"source": gone})})
    app = App(store.home)
    app.start()
    yield Home(app, runs, study.id, missing)
    app.stop()


@pytest.fixture
def visit(browser: Browser, home: Home) -> Iterator[Page]:
    """A tab that fails on any request but those to the app itself, not only on those to another machine."""
    own = urlsplit(home.app.url).netloc
    left: list[str] = []
    with tab(browser, height=2400, strict=False) as page:
        page.context.on(
            "request",
            lambda request: (
                left.append(request.url[:200])
                if urlsplit(request.url).scheme in ("http", "https", "ws", "wss")
                and urlsplit(request.url).netloc != own
                else None
            ),
        )
        yield page
        assert left == []


STEPS = ("Data", "Network", "Training", "Learning rate")


def walk(page: Page, *, rail: bool = True) -> None:
    """Open every step, drawer and menu of a page, look at every part of it and at every chart's tooltip.

    Args:
        page: The page.
        rail: Open the steps too; off where they are what another walk has seen.
    """
    idle(page)
    clean(page)
    for title in STEPS if rail and page.locator(".st-key-rail").count() else ():
        step(page, title)
        _open_drawers(page)
        for name in NAMED:
            listed = page.get_by_role("combobox", name=name, exact=True)
            if listed.count():
                peek(page, listed.first)
    _open_drawers(page)
    menus = page.get_by_test_id("stPopover").locator("button")
    for number in range(min(menus.count(), 4)):
        peek(page, menus.nth(number))
    helps = page.get_by_test_id("stTooltipIcon").locator("visible=true")
    for number in range(min(helps.count(), 12)):
        helps.nth(number).hover()
        page.wait_for_timeout(80)
        clean(page)
    glance(page)


def _open_drawers(page: Page) -> None:
    """Open what can be opened beside a step: of these, whose titles are bold, one is open at a time."""
    closed = page.locator("details:not([open]) > summary:not(:has(strong)):visible")
    for _ in range(
        8
    ):  # a drawer may hold others, and a click that meets the page while it is drawn anew is lost
        for number in reversed(range(closed.count())):
            with suppress(TooLate):
                closed.nth(number).click(timeout=2_000)
        idle(page)
        clean(page)
        if not closed.count():
            break
    expect(closed).to_have_count(0)


def peek(page: Page, opener: Locator) -> None:
    """Open a list or a menu, look at it, and close it."""
    if opener.is_visible() and opener.is_enabled():
        opener.click()
        idle(page)
        clean(page)
        page.keyboard.press("Escape")
        page.wait_for_timeout(100)


def glance(page: Page) -> None:
    """Look at a page as it stands, and at the tooltips of its tables and charts."""
    idle(page)
    clean(page)
    for name in ("stDataFrame", "stVegaLiteChart"):
        grid = page.get_by_test_id(name).locator("visible=true")
        for number in range(grid.count()):
            sweep(page, grid.nth(number))


def sweep(page: Page, part: Locator) -> None:
    """Move the mouse over a chart or a table, so that each of its tooltips is seen."""
    try:
        part.scroll_into_view_if_needed()
    except Error:  # it has just been drawn anew
        idle(page)
        part.scroll_into_view_if_needed()
    box = part.bounding_box()
    if box is None:
        return
    for down in (0.08, 0.35, 0.6):
        for across in (0.2, 0.5, 0.8):
            page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
            page.wait_for_timeout(20)
    clean(page)


def clean(page: Page) -> None:
    assert page.evaluate(_FOUND, ELSEWHERE) == []


def look_at_everything(page: Page) -> None:
    """Choose each of the views of a result, and each format to take away, one after the other."""
    tabs = page.get_by_role("tab")
    for place in range(tabs.count()):
        tabs.nth(place).click()
        idle(page)
        # What lies around the views is the same for each of them.
        shown = page.locator(f"[id='{tabs.nth(place).get_attribute('aria-controls')}']")
        expect(shown).to_be_visible()
        _choose_each(page, shown if place else page)
    if not tabs.count():
        _choose_each(page, page)


def _choose_each(page: Page, inside: Page | Locator) -> None:
    clean(page)
    for group, parts in (("stButtonGroup", "stVegaLiteChart"), ("stRadio", "")):
        choices = inside.get_by_test_id(group).locator("button, label:has(input)")
        for number in range(choices.count()):
            if choices.nth(number).is_visible():
                choices.nth(number).click()
                idle(page)
                clean(page)
                charts = inside.get_by_test_id(parts) if parts else page.locator("#nothing")
                for place in range(charts.count() - 1, max(-1, charts.count() - 3), -1):
                    sweep(page, charts.nth(place))


@pytest.mark.parametrize("name", ["classes", "number", "pictures"])
def test_the_train_page_of_a_run(visit: Page, home: Home, name: str) -> None:
    open_app(visit, f"{home.app.url}/?run={home.runs[name].id}")
    results(visit)
    walk(visit)
    look_at_everything(visit)


def test_the_train_page_of_runs_without_a_model(visit: Page, home: Home) -> None:
    for name in ("failed", "damaged"):
        open_app(visit, f"{home.app.url}/?run={home.runs[name].id}")
        walk(visit, rail=False)


def test_an_upload_a_link_and_a_file_of_settings(visit: Page, home: Home, tmp_path: Path) -> None:
    open_app(visit, home.app.url)
    upload(visit, f"{PICTURE} {TAG}.csv", table(90, LINK, words=True))
    visit.get_by_text("90 rows, 8 columns").wait_for()
    walk(visit)
    step(visit, "Data")
    answer(visit)
    train_button(visit).click()
    visit.wait_for_url(lambda url: "run=" in url)
    clean(visit)
    results(visit)
    walk(visit, rail=False)
    upload(visit, f"{PICTURE}.csv", f"{PICTURE}\n{TAG}\n".encode())
    idle(visit)
    walk(visit)
    visit.goto(f"{home.app.url}/?settings={links.to_text(home.missing)}")
    visit.get_by_text("which is not kept on this server").wait_for()
    walk(visit)
    broken = replace_text(home.missing.to_json(), '"mode": "train"', f'"mode": "{PICTURE}"')
    visit.get_by_role("button", name="Open settings").click()
    visit.locator("[data-testid=stPopoverBody] input[type=file]").set_input_files(
        {"name": "run.json", "mimeType": "application/json", "buffer": broken.encode()}
    )
    visit.get_by_text("is not valid").wait_for()
    clean(visit)


def replace_text(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def test_the_other_pages(visit: Page, home: Home) -> None:
    url, runs = home.app.url, home.runs
    for query in ("", *(f"?run={run.id}" for run in runs.values())):
        visit.goto(f"{url}/runs{query}")
        visit.get_by_role("heading", name="Runs", exact=True).wait_for()
        walk(visit)
    visit.goto(f"{url}/runs?run={runs['classes'].id}&run={runs['number'].id}&run={runs['damaged'].id}")
    visit.get_by_text("Scores, and below them").wait_for()
    walk(visit)
    for query in (f"?run={runs['classes'].id}", f"?study={home.study}"):
        visit.goto(f"{url}/compare{query}")
        visit.get_by_role("heading", name="Compare", exact=True).wait_for()
        walk(visit)
    visit.get_by_role("button", name="New comparison").click()
    idle(visit)
    look_at_everything(visit)


@pytest.mark.parametrize("name", ["classes", "number"])
def test_predictions_of_a_table_and_of_one_row(visit: Page, home: Home, name: str) -> None:
    visit.goto(f"{home.app.url}/predict?run={home.runs[name].id}")
    visit.get_by_role("heading", name="Predict", exact=True).wait_for()
    visit.get_by_text("Upload the rows to predict").wait_for()
    idle(visit)
    target = f"{PICTURE} y"
    upload(
        visit, f"{PICTURE}.csv", table(30, target, words=name == "classes").replace(b"/w.png", b"/unseen.png")
    )
    visit.get_by_text("30 rows of").wait_for()
    walk(visit)
    upload(visit, "less.csv", f"{TAG},image\n1,{PICTURE}\n".encode())
    visit.get_by_text("Missing column").wait_for()
    walk(visit)
    visit.get_by_role("tab", name="One row").click()
    visit.get_by_test_id("stMetric").wait_for()
    # How the answer moves with the columns whose names a tooltip could take for its own.
    field = visit.get_by_role("combobox", name="Vary one column")
    for column in ("image", "title"):
        field.click()
        visit.get_by_role("option", name=column, exact=True).click()
        glance(visit)


def test_predictions_of_pictures(visit: Page, home: Home) -> None:
    visit.goto(f"{home.app.url}/predict?run={home.runs['pictures'].id}")
    visit.get_by_text("Upload pictures; what the network sees").wait_for()
    idle(visit)
    files: list[FilePayload] = [
        {"name": f"{PICTURE.replace('/', ':')}.png", "mimeType": "image/png", "buffer": RED},
        {"name": f"{TAG.replace('/', ':')}.png", "mimeType": "image/png", "buffer": b"no picture"},
    ]
    visit.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(files)
    visit.get_by_text("as the network saw").wait_for()
    walk(visit)


def test_the_test_itself_sees_what_it_looks_for(browser: Browser, home: Home) -> None:
    bad = f"""<img src="http://{ELSEWHERE}/a.png"><a href="http://{ELSEWHERE}">a</a><a href="javascript:x">b</a>"""
    context = browser.new_context()
    try:
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        context.route("**/*", lambda route: route.abort())
        page = context.new_page()
        page.set_content(bad)
        page.wait_for_timeout(300)
        assert asked == [f"http://{ELSEWHERE}/a.png"]
        assert len(page.evaluate(_FOUND, ELSEWHERE)) == 4
    finally:
        context.close()
