"""Every chart as it is drawn: nothing is written over anything else or over the edge, and all of it can be read."""

from collections.abc import Iterator

import pytest
from charts.every import CHARTS
from playwright.sync_api import Browser, Locator, Page, expect

from browser.driving import App, no_defect, tab

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


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server of the page with all charts."""
    server = App(tmp_path_factory.mktemp("gallery") / "home")
    server.start("tests/browser/chart_gallery.py")
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
