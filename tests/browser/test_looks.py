"""Both themes, a phone, hands that have a keyboard only, and what axe-core finds."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from drawn.charts import wait_for_charts
from playwright.sync_api import Browser, Page, expect

from browser.driving import (
    App,
    expander,
    idle,
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
        for title in ("How the file is read", "Missing values", "Seed, best epoch", "First rows"):
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
    assert fields == ["Table", "Target", "Name of the run"]
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


def test_ctrl_and_enter_start_a_run(page: Page) -> None:
    set_number(page, "Epochs", 3)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: "run=" in url)
    state(page, "Done").wait_for()


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
