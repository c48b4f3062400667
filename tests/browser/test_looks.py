"""Both themes, a phone, hands that have a keyboard only, and what axe-core finds; what is written in every chart."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from charts.every import CHARTS
from drawn.charts import wait_for_charts
from playwright.sync_api import Browser, Locator, Page, expect

from browser.driving import (
    App,
    expander,
    field,
    idle,
    no_defect,
    open_app,
    run_id,
    set_number,
    state,
    step,
    stop_button,
    switch,
    tab,
    train,
    train_button,
)
from lrapp.runs.store import Store
from lrapp.ui.style import STYLE

_UNNAMED = """() => [...document.querySelectorAll('button, input, select, textarea, a[href]')]
  .filter(item => item.checkVisibility({checkVisibilityCSS: true}) && !item.closest('[aria-hidden=true]'))
  .filter(item => !(item.getAttribute('aria-label') || item.innerText || item.title || item.placeholder
    || [...(item.labels || [])].some(label => label.innerText)
    || (item.getAttribute('aria-labelledby') || '').split(' ').some(id => document.getElementById(id)?.innerText)))
  .map(item => item.outerHTML.slice(0, 200))"""
# Luminance of what is written and of what it is written on, for the page's own text.
_CONTRAST = """() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const ground = node => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.95) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll('[data-testid=stMain] p, [data-testid=stMain] h3')) {
    if (!node.checkVisibility() || !node.innerText.trim()) continue;
    const [r, g, b, a = 1] = parse(getComputedStyle(node).color);
    const under = ground(node);
    const over = [r, g, b].map((v, k) => v * a + under[k] * (1 - a));
    const [low, high] = [light(over), light(under)].sort((x, y) => x - y);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 3) found.push(ratio.toFixed(2) + ' ' + node.innerText.slice(0, 60));
  }
  return found;
}"""

# Pixels that boxes of letters may share: they are higher than what is seen of them.
_SLACK, _EDGE = 3, 5
_WRITTEN = """chart => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const colour = text => text.startsWith('color(') ? parse(text).map(v => 255 * v) : parse(text).slice(0, 3);
  const light = rgb => rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const ground = parse(getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor).slice(0, 3);
  const seen = node => {
    for (let at = node; at.tagName !== 'svg'; at = at.parentElement)
      if (Number(getComputedStyle(at).opacity) === 0) return false;
    return node.textContent.trim() !== '' && getComputedStyle(node).display !== 'none';
  };
  const svg = chart.querySelector('svg.marks'), edge = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(seen).map(node => {
    const box = node.getBoundingClientRect(), style = getComputedStyle(node);
    const alpha = Number(style.fillOpacity) * Number(style.opacity);
    const over = colour(style.fill).map((v, k) => v * alpha + ground[k] * (1 - alpha));
    const [low, high] = [light(over), light(ground)].sort((x, y) => x - y);
    return { text: node.textContent, left: box.left, right: box.right, top: box.top, bottom: box.bottom,
      outside: Math.max(edge.left - box.left, box.right - edge.right, edge.top - box.top, box.bottom - edge.bottom),
      contrast: (high + 0.05) / (low + 0.05),
      slanted: /rotate\\(-?[1-8]?\\d\\)/.test(node.getAttribute('transform') || '') };
  });
}"""


def _no_overflow(page: Page) -> None:
    wide, narrow = page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= narrow
    main = page.get_by_test_id("stMain")
    inner = main.evaluate("main => [main.scrollWidth, main.clientWidth]")
    assert inner[0] <= inner[1]


@pytest.fixture(scope="module")
def finished_run(browser: Browser, app: App) -> str:
    """A short run to look at."""
    with tab(browser) as page:
        open_app(page, app.url)
        set_number(page, "Epochs", 8)
        train(page)
        state(page, "Done").wait_for()
        return run_id(page)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (400, False), (400, True)])
def test_nothing_hangs_over_and_everything_can_be_read(
    browser: Browser, app: App, finished_run: str, width: int, dark: bool
) -> None:
    with tab(browser, width=width, height=850, dark=dark) as page:
        open_app(page, f"{app.url}/?run={finished_run}")
        wait_for_charts(page)
        ground = page.evaluate(
            "() => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
        )
        assert (sum(int(part) for part in ground.strip("rgb()").split(",")[:3]) < 200) is dark
        _no_overflow(page)
        assert page.evaluate(_CONTRAST) == []
        # The button is there without scrolling, and not beneath the edge.
        box = train_button(page).bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 850
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        for title in ("How the file is read", "Gaps, scaling and split", "Seed, best epoch"):
            expander(page, title)
        idle(page)
        _no_overflow(page)
        assert page.evaluate(_UNNAMED) == []
        assert page.evaluate(_CONTRAST) == []


def test_the_other_pages_fit_a_phone(browser: Browser, app: App, finished_run: str) -> None:
    with tab(browser, width=400, height=850) as page:
        for place, heading in (("runs", "Runs"), ("predict", "Predict")):
            page.goto(f"{app.url}/{place}?run={finished_run}")
            page.get_by_role("heading", name=heading, exact=True).wait_for()
            idle(page)
            _no_overflow(page)
            assert page.evaluate(_UNNAMED) == []


def test_a_keyboard_is_enough(page: Page) -> None:
    wanted = train_button(page)
    reached: list[str] = []
    for _ in range(120):
        page.keyboard.press("Tab")
        if wanted.evaluate("button => button === document.activeElement"):
            break
        reached.append(str(page.evaluate("() => document.activeElement.getAttribute('aria-label') || ''")))
    else:
        pytest.fail(f"Tab never came to Train, only to: {reached}")
    # What can be typed into comes by on the way, in the order of the page.
    fields = [name for name in reached if name in ("Table", "Target", "Name of the run")]
    assert fields == ["Table", "Target"]
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="Name of the run")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "run=" in url)
    stop = stop_button(page)
    stop.or_(state(page, "Done")).first.wait_for()
    state(page, "Done").wait_for()


def test_pages_have_names_and_headings(page: Page) -> None:
    expect(page).to_have_title("LR Lab")
    expect(page.get_by_role("heading", level=2).first).to_have_text(
        "Train a neural network on your data, without code"
    )
    steps = page.locator("[class*=st-key-step-] > [data-testid=stLayoutWrapper]:first-child summary strong")
    assert steps.all_inner_texts() == ["Data", "Network", "Training", "Learning rate"]


def test_one_step_is_open_and_each_other_says_in_a_line_what_is_chosen(page: Page) -> None:
    expect(page.locator(".st-key-step-Training")).to_contain_text("Adam · 429 epochs · batch 32 · 8 networks")
    step(page, "Training")
    expect(page.get_by_role("spinbutton", name="Epochs", exact=True)).to_be_visible()
    expect(page.get_by_role("combobox", name="Table")).to_be_hidden()
    expect(page.locator(".st-key-step-Data")).to_contain_text("penguins.csv → species")
    expect(page.locator(".st-key-step-Training")).not_to_contain_text("429 epochs · batch")


def test_ctrl_and_enter_start_a_run(page: Page, app: App) -> None:
    set_number(page, "Epochs", 3)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: "run=" in url)
    state(page, "Done").wait_for()
    # What is typed in the rail beside a run, and the keys, come together: only the rail is drawn for them at first.
    first = page.url
    number = field(page, "spinbutton", "Epochs")
    number.fill("4")
    number.press("Control+Enter")
    page.wait_for_url(lambda url: "run=" in url and url != first)
    assert Store(app.home).get(run_id(page)).settings.training.epochs == 4
    state(page, "Done").wait_for()
    page.go_back()
    page.wait_for_url(first)
    page.go_back()
    page.wait_for_url(lambda url: "run=" not in url)
    idle(page)
    expect(state(page, "Done")).to_have_count(0)
    assert "run=" not in page.url


def test_the_switch_for_experts_is_remembered(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_app(page, app.url)
        step(page, "Training")
        rare = page.locator("summary", has_text="Seed, best epoch")
        expect(rare).to_be_visible()
        switch(page, "Expert settings")
        expect(rare).to_have_count(0)
        page.reload()
        step(page, "Training")
        expect(page.get_by_role("spinbutton", name="Epochs", exact=True)).to_be_visible()
        expect(rare).to_have_count(0)
        switch(page, "Expert settings")
        expect(rare).to_be_visible()


def test_the_style_comes_with_the_page_itself_and_stands_after_streamlits_own(
    browser: Browser, app: App
) -> None:
    with tab(browser) as page:
        for place in ("", "runs"):
            answer = page.goto(f"{app.url}/{place}")
            assert answer is not None
            assert answer.text().count(STYLE) == 1
        page.goto(app.url)
        again = page.reload()  # of what the browser has already
        assert again is not None
        assert again.text().count(STYLE) == 1
        expect(page.locator(".st-key-bar")).to_be_visible()
        bar = page.locator("[data-testid=stLayoutWrapper]:has(> .st-key-bar)")
        expect(bar).to_have_css("position", "sticky")
        # Nothing shines through what it scrolls under.
        expect(bar).to_have_css("background-color", "rgb(255, 255, 255)")
        expect(page.locator("[data-testid=stMainBlockContainer]")).to_have_css("padding-bottom", "48px")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, app: App, finished_run: str, *, dark: bool) -> None:
    found = []
    with tab(browser, dark=dark) as page:
        for place in ("", f"?run={finished_run}", "runs", "compare", "predict"):
            page.goto(f"{app.url}/{place}")
            page.locator("[data-testid=stMainBlockContainer]").get_by_role("button").first.wait_for()
            idle(page)
            for one in Axe().run(page).response["violations"]:
                if one["impact"] in ("serious", "critical"):
                    found += [f"{place}: {one['id']}: {node['html'][:200]}" for node in one["nodes"]]
    assert found == []


# --- charts --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server of the page with all charts."""
    server = App(tmp_path_factory.mktemp("gallery") / "home")
    server.start("tests/drawn/gallery.py")
    yield server
    server.stop()
    assert "Traceback" not in server.log(), server.log()


def all_drawn(page: Page, gallery: App) -> Locator:
    """Open the page, and wait until every chart is there; return them."""
    page.goto(gallery.url)
    charts = page.get_by_test_id("stVegaLiteChart")
    expect(charts).to_have_count(len(CHARTS), timeout=120_000)
    expect(page.locator("svg.marks")).to_have_count(len(CHARTS), timeout=120_000)
    page.wait_for_timeout(500)
    no_defect(page)
    return charts


@pytest.mark.parametrize(("width", "dark"), [(400, True), (1100, False)])
def test_what_is_written_is_apart_inside_and_readable(
    browser: Browser, gallery: App, width: int, dark: bool
) -> None:
    with tab(browser, width=width, dark=dark) as page:
        charts, faults = all_drawn(page, gallery), list[str]()
        for place, name in enumerate(CHARTS):
            written = charts.nth(place).evaluate(_WRITTEN)
            assert written, name
            for number, one in enumerate(written):
                if one["contrast"] < 4.5:
                    faults.append(f"{name}: {one['text']} has a contrast of {one['contrast']:.2f}")
                if one["outside"] > _EDGE:
                    faults.append(f"{name}: {one['text']} hangs over the edge by {one['outside']:.0f} pixels")
                for other in written[number + 1 :]:
                    across = min(one["right"], other["right"]) - max(one["left"], other["left"])
                    down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
                    if across > 1 and down > _SLACK and not (one["slanted"] and other["slanted"]):
                        faults.append(f"{name}: {one['text']} lies over {other['text']}")
            told = (
                charts.nth(place)
                .locator("svg.marks")
                .evaluate("svg => svg.closest('[aria-label]').getAttribute('aria-label')")
            )
            if told != CHARTS[name].spec["description"]:
                faults.append(f"{name} is called {told}")
        assert faults == []


def test_two_shares_are_drawn_as_a_square(browser: Browser, gallery: App) -> None:
    with tab(browser, width=1100) as page:
        charts = all_drawn(page, gallery)
        places = [place for place, name in enumerate(CHARTS) if name in ("roc", "calibration", "predicted")]
        for place in places:
            sides = charts.nth(place).evaluate(
                """chart => ['x', 'y'].map((side, k) => {
                  const boxes = [...chart.querySelectorAll('.role-axis-grid')].map(g => g.getBoundingClientRect());
                  return k ? Math.max(...boxes.map(b => b.height)) : Math.max(...boxes.map(b => b.width));
                })"""
            )
            assert abs(sides[0] - sides[1]) <= 2, list(CHARTS)[place]


def test_icons_come_with_pointer_and_keyboard_and_zoom(browser: Browser, gallery: App) -> None:
    with tab(browser, width=1100) as page:
        chart = all_drawn(page, gallery).nth(list(CHARTS).index("run"))
        place = page.locator("[class*=st-key-chart-stacked-]").first
        icons = place.locator("[class*=st-key-corner-]")
        icons.scroll_into_view_if_needed()
        page.mouse.move(1, 1)
        expect(icons.locator("..")).to_have_css("opacity", "0")
        # They take no room of their own.
        below = place.evaluate(
            """place => place.getBoundingClientRect().bottom
              - place.querySelector('svg.marks').getBoundingClientRect().bottom"""
        )
        assert below < 30
        chart.hover()
        expect(icons.locator("..")).to_have_css("opacity", "1")
        page.mouse.move(1, 1)
        expect(icons.locator("..")).to_have_css("opacity", "0")
        zoom = icons.get_by_role("button", name="Zoom in")
        zoom.focus()
        expect(icons.locator("..")).to_have_css("opacity", "1")
        last = chart.locator(".role-axis-label text").filter(has_text="20")
        expect(last).to_have_count(1)
        page.keyboard.press("Enter")
        expect(last).to_have_count(0)
        icons.get_by_role("button", name="Show all").press("Enter")
        expect(last).to_have_count(1)
        icons.get_by_role("button", name="Save").press("Enter")
        with page.expect_download() as waiting:
            page.get_by_role("button", name="SVG", exact=True).click()
        svg = waiting.value.path().read_text()
        assert "currentColor" not in svg
        assert "color-mix" not in svg
        assert "validation" in svg


def test_icons_are_there_where_no_pointer_is(browser: Browser, gallery: App) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True)
    page = context.new_page()
    all_drawn(page, gallery)
    icons = page.locator("[class*=st-key-corner-]").first
    expect(icons.locator("..")).to_have_css("opacity", "1")
    expect(icons.get_by_role("button", name="Save")).to_be_visible()
    context.close()
