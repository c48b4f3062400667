"""Comparing policies: the whole way, a refresh, a stop in the middle, and what cannot be compared."""

import re
import shutil
import time

import pytest
from drawn.charts import Mark, marks, wait_for_charts
from playwright.sync_api import Browser, Page, expect

from browser.driving import (
    PATIENCE,
    App,
    choose,
    expander,
    fits_in_both_themes,
    go,
    idle,
    open_app,
    run_id,
    set_number,
    tab,
)
from lrapp.experiments import studies, study_files
from lrapp.experiments.study_files import Study
from lrapp.runs.store import Store


def open_compare(page: Page, app: App) -> None:
    open_app(page, app.url)
    go(page, "Compare")
    page.get_by_role("button", name=re.compile("^Start")).wait_for()
    idle(page)


def study(page: Page, app: App) -> Study:
    """The comparison in the page's address, from the disk."""
    page.wait_for_url(lambda url: "study=" in url)
    found = re.search(r"study=([0-9a-f-]+)", page.url)
    assert found
    return study_files.get(Store(app.home), found[1])


def lines(page: Page) -> dict[str, list[Mark]]:
    """The policies' lines in each of the three charts."""
    found: dict[str, list[Mark]] = {}
    for chart in marks(page):
        for panel in ("loss", "rate", "metric"):
            own = [mark for mark in chart if mark.kind == "line" and mark.name.startswith(f"{panel}_lines")]
            if own:
                found[panel] = own
    return found


def wait_for_lines(page: Page, policies: int) -> dict[str, list[Mark]]:
    """Wait until each chart has a line with points inside of it for each policy."""
    deadline = time.monotonic() + PATIENCE / 1000
    while True:
        panels = lines(page)
        if len(panels) == 3 and all(sum(m.seen >= 2 for m in own) >= policies for own in panels.values()):
            return panels
        assert time.monotonic() < deadline, f"The charts have no data: {panels}"
        page.wait_for_timeout(200)


def test_the_whole_way(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_compare(page, app)
        set_number(page, "Seeds", 2)
        set_number(page, "Epochs", 6)
        expect(page.get_by_role("button", name="Start 4 runs")).to_be_visible()
        # What is set up is still there after a look at another page.
        go(page, "Predict")
        go(page, "Compare")
        expect(page.get_by_role("spinbutton", name="Epochs", exact=True)).to_have_value("6")
        expect(page.get_by_role("button", name="Start 4 runs")).to_be_visible()
        page.get_by_role("button", name=re.compile("^Start")).click()
        made = study(page, app)
        assert made.labels == ("Fixed 0.001", "CLR (found)")

        # A refresh, and a visit to another page, find it again.
        page.reload()
        page.get_by_text("Comparing").or_(page.get_by_text("What it shows")).first.wait_for()
        page.get_by_role("heading", name="What it shows").wait_for()
        wait_for_lines(page, 2)
        go(page, "Runs")
        go(page, "Compare")
        page.get_by_role("heading", name="What it shows").wait_for()
        assert study(page, app) == made

        # Same data, budget and initial weights; what was drawn is what was done.
        runs = [app.run(member.run_id) for member in made.members]
        assert [run.status.state for run in runs] == ["completed"] * 4
        assert {run.history().steps_done for run in runs} == {6 * 7}
        assert [bool(run.history().sweeps) for run in runs] == [False, True] * 2
        expect(page.get_by_text("on 69 validation rows")).to_be_visible()
        expect(page.get_by_text("Every run: 42 updates in 6 epochs of 7")).to_be_visible()
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Curves (CSV)").click()
        csv = waiting.value.path().read_text("utf-8").splitlines()
        assert csv[0] == "panel,policy,epoch,mean,low,high,seeds"
        assert len(csv) == 1 + 2 * (6 + 6 + 42)

        # In the list of runs they are one line.
        go(page, "Runs")
        listed = page.locator("canvas [data-testid^=glide-cell-2-]").filter(
            has_text=re.compile("▸ Comparison of .*: best of 4 runs")
        )
        expect(listed).to_have_count(1)
        go(page, "Compare")
        page.get_by_role("heading", name="What it shows").wait_for()
        wait_for_lines(page, 2)
        idle(page)  # a link that is drawn anew while it is clicked leads nowhere
        box = expander(page, "Its runs")
        idle(page)
        box.get_by_role("link", name="Fixed 0.001, seed 1").click()
        page.wait_for_url(lambda url: "run=" in url)
        assert run_id(page) == next(
            m.run_id for m in made.members if m.label == "Fixed 0.001" and m.seed == 1
        )
        wait_for_charts(page)

        # Deleted, and taken back.
        go(page, "Compare")
        page.get_by_role("button", name="Delete the comparison").click()
        page.get_by_text("The comparison and its runs were deleted.").wait_for()
        assert made not in study_files.every(Store(app.home))
        idle(page)
        page.get_by_role("button", name="Undo").click()
        page.get_by_role("heading", name="What it shows").wait_for()
        assert study_files.get(Store(app.home), made.id) == made


def test_a_stop_in_the_middle_loses_nothing(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_compare(page, app)
        set_number(page, "Epochs", 3_000)
        set_number(page, "Seeds", 1)
        expect(page.get_by_text("One seed cannot tell")).to_be_visible()
        page.get_by_role("button", name=re.compile("^Start")).click()
        made = study(page, app)
        page.get_by_text("epoch").first.wait_for()
        page.wait_for_function("() => /epoch [1-9]/.test(document.body.innerText)")
        page.get_by_role("button", name="Stop all").click()
        page.get_by_text("Ended; not all runs finished").wait_for()
        states = [app.run(member.run_id).status.state for member in made.members]
        assert states == ["stopped", "stopped"]
        done = len(app.run(made.members[0].run_id).history().epochs)
        assert 0 < done < 3_000
        expect(page.get_by_text("Too few runs finished all their epochs to compare anything")).to_be_visible()
        expect(page.get_by_text("Fixed 0.001, seed 0: stopped.")).to_be_visible()
        idle(page)
        page.get_by_role("button", name="Resume 2 runs").click()
        page.get_by_role("button", name="Stop all").wait_for()
        page.wait_for_function("() => /epoch [1-9]/.test(document.body.innerText)")
        page.get_by_role("button", name="Stop all").click()
        page.get_by_text("Ended; not all runs finished").wait_for()
        history = app.run(made.members[0].run_id).history()
        assert len(history.epochs) >= done
        assert [epoch.epoch for epoch in history.epochs] == list(range(1, len(history.epochs) + 1))

        # Members that are gone are named, and what is left can still be deleted.
        gone, damaged = (app.run(member.run_id) for member in made.members)
        shutil.rmtree(gone.folder)
        (damaged.folder / "status.json").write_text("{")
        page.reload()
        page.get_by_text("Fixed 0.001, seed 0: its run was deleted.").wait_for()
        expect(page.get_by_text("CLR (found), seed 0: its run is damaged.")).to_be_visible()
        idle(page)
        page.get_by_role("button", name="Delete the comparison").click()
        page.get_by_text("The comparison and its runs were deleted.").wait_for()
        assert made not in study_files.every(Store(app.home))


def test_seeds_alone_show_what_is_chance(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_compare(page, app)
        choice = page.get_by_role("radio", name="Seeds")
        choice.or_(page.get_by_role("button", name="Seeds", exact=True)).first.click()
        expect(page.get_by_role("button", name="Start 3 runs")).to_be_visible()
        idle(page)
        set_number(page, "Seeds", 2)
        set_number(page, "Epochs", 3)
        page.get_by_role("button", name="Start 2 runs").click()
        made = study(page, app)
        assert [member.seed for member in made.members] == [0, 1]
        expect(page.get_by_text(f"Over 2 seeds, {made.labels[0]} has a best accuracy of")).to_be_visible()
        # The pace of these runs tells what others will take.
        page.get_by_role("button", name="New comparison").click()
        expect(page.get_by_text("By the pace of your last runs: ")).to_be_visible()


def test_what_cannot_be_compared_is_said_before_it_starts(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_compare(page, app)
        start = page.get_by_role("button", name=re.compile("^Start"))
        box = expander(page, "Rates of policy 2")
        choose(page, "Rates", "Chosen here")
        expect(page.get_by_text("CLR 0.001–0.01", exact=True)).to_be_visible()
        field = box.get_by_role("spinbutton", name="base_lr")
        field.fill("0.5")
        field.press("Enter")
        idle(page)
        expect(page.get_by_text("CLR 0.5–0.01: ")).to_be_visible()
        expect(start).to_be_disabled()
        page.get_by_role("button", name="close").last.click()
        idle(page)
        expect(
            page.get_by_text("Comparing takes at least two policies; add one. Received: 1.")
        ).to_be_visible()
        expect(start).to_be_disabled()
        choose(page, "One more policy", "Warm restarts (SGDR), rates found")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(start).to_be_enabled()
        set_number(page, "Epochs", 9)
        expect(page.get_by_text("its first cycle ends after 10 epochs, the run after 9")).to_be_visible()
        expect(start).to_be_enabled()


def test_the_page_says_what_it_is_for_in_one_even_row(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_compare(page, app)
        expect(page.get_by_text("Try several policies, seeds or settings on the same data")).to_be_visible()
        ways = page.get_by_test_id("stButtonGroup").first.bounding_box()
        examples = page.get_by_role("button", name="Examples").bounding_box()
        assert ways is not None
        assert examples is not None
        assert ways["y"] + ways["height"] / 2 == pytest.approx(
            examples["y"] + examples["height"] / 2, abs=2
        ), "side by side"
        # Each policy is drawn on one scale: the usual fixed rate is as low as the cyclical one begins.
        fixed, moving = (heights(page, place) for place in (0, 1))
        assert len(set(fixed)) == 1
        assert fixed[0] == pytest.approx(max(moving), abs=5), "pixels from the top"
        assert min(moving) < fixed[0] / 2


def heights(page: Page, place: int) -> list[float]:
    """How many pixels below the top the line of a policy's small plan runs, point by point."""
    chart = page.get_by_test_id("stVegaLiteChart").nth(place)
    line = chart.locator("svg .mark-line path").first
    line.wait_for(state="attached")
    found = re.findall(r"[ML][^,]+,(-?[\d.]+)", line.get_attribute("d") or "")
    assert len(found) > 1, "it is drawn"
    return [float(one) for one in found]


def test_an_address_of_no_comparison_is_a_sentence(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        page.goto(f"{app.url}/compare?study=20260101-000000000000-0123456789abcdef")
        page.get_by_text("There is no such comparison here.").wait_for()
        idle(page)
        page.get_by_role("button", name="New comparison").click()
        page.get_by_role("button", name="Examples").wait_for()


def test_it_fits_a_phone(browser: Browser, app: App) -> None:
    with tab(browser, width=400, height=850) as page:
        page.goto(f"{app.url}/compare")
        page.get_by_role("button", name=re.compile("^Start")).wait_for()
        idle(page)
        fits_in_both_themes(page)


def test_the_ready_made_study(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_compare(page, app)
        page.get_by_role("button", name="Examples").click()
        page.get_by_role("button", name="Run this study").click()
        made = study(page, app)
        assert made.name == studies.CYCLICAL
        assert made.yardstick == "Fixed 0.01"
        wait_for_lines(page, 2)
        page.get_by_role("heading", name="What it shows").wait_for()
        expect(page.get_by_text("validation rows.")).to_be_visible()
        assert {app.run(member.run_id).status.state for member in made.members} == {"completed"}
