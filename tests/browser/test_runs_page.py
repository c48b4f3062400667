"""The Runs page: find, sort, open, name, star, compare, delete and take back, share, start again."""

import pytest
from playwright.sync_api import Browser, expect

from browser.driving import (
    App,
    choose,
    expander,
    field,
    fits_in_both_themes,
    go,
    idle,
    look,
    no_defect,
    open_app,
    tab,
    train_button,
)
from browser.listed_runs import (
    DATA,
    UGLY,
    cells,
    chosen,
    click_row,
    drawn,
    finish,
    heading,
    open_runs,
    strong,
    tick,
    titles,
)
from lrapp.experiments import studies, study_files
from lrapp.palette import colour_of
from lrapp.runs import notes
from lrapp.runs.events import SweepDone, to_line
from lrapp.runs.store import Run, Store
from lrapp.settings import CLRSettings, FixedSettings, RunSettings, TrainingSettings


def test_find_name_star_and_a_note(browser: Browser, own_app: App, runs: dict[str, Run]) -> None:
    with tab(browser) as page:
        grid = open_runs(page, own_app)
        assert cells(grid, 1) == ["newest", UGLY, "slow", "oldest"]
        assert cells(grid, titles(grid).index("Score")) == ["0.8125", "0.5", "0.875", "0.75"]
        assert cells(grid, titles(grid).index("Baseline")) == ["0.44"] * 4

        tick(page, 0)
        assert chosen(page) == [runs["newest"].id]
        heading(page, "newest").wait_for()
        page.get_by_role("button", name="Star", exact=True).click()
        page.get_by_role("button", name="Unstar", exact=True).wait_for()
        idle(page)
        page.get_by_role("button", name="Name and note").click()
        page.get_by_role("textbox", name="Name").fill("renamed " + UGLY)
        page.get_by_role("textbox", name="Note").fill("why: **bold** $a$\n" + UGLY)
        page.get_by_role("button", name="Save name and note").click()
        page.get_by_text("why: **bold** $a$").first.wait_for()
        idle(page)
        said, _ = notes.read(runs["newest"])
        assert (said.name, said.note, said.starred) == (
            "renamed " + UGLY,
            "why: **bold** $a$\n" + UGLY,
            True,
        )
        assert runs["newest"].settings.name == "newest"
        main = page.get_by_test_id("stMainBlockContainer")
        assert main.locator("img[src*=example], a[href*=example], .katex").count() == 0
        assert cells(grid, 1)[0].startswith("★ renamed *x* $y$ <b>n</b>")

        # A refresh, or whoever is given the address, finds the same run.
        page.reload()
        heading(page, "★ renamed *x* $y$ <b>n</b>").or_(page.get_by_text("★ renamed")).first.wait_for()
        idle(page)
        page.get_by_role("button", name="Unstar", exact=True).wait_for()

        # Found by a word of the note, by the star, and not by what stands nowhere.
        find = page.get_by_role("textbox", name="Find")
        find.fill("WHY bold")
        find.press("Enter")
        idle(page)
        assert len(cells(grid, 1)) == 1
        assert chosen(page) == [runs["newest"].id], "still chosen, now in the first of one row"
        find.fill("no such words")
        find.press("Enter")
        page.get_by_text("No run matches.").wait_for()
        find.fill("")
        find.press("Enter")
        idle(page)
        assert len(cells(page.locator("[data-testid=stDataFrame]").first, 1)) == 4
        page.get_by_role("switch", name="Starred only").locator("xpath=ancestor::label").click()
        idle(page)
        assert len(cells(page.locator("[data-testid=stDataFrame]").first, 1)) == 1


def test_after_sorting_a_tick_chooses_the_row_that_is_seen(
    browser: Browser, own_app: App, runs: dict[str, Run]
) -> None:
    with tab(browser) as page:
        grid = open_runs(page, own_app)
        box = grid.bounding_box()
        assert box is not None
        score = titles(grid).index("Score")
        wanted = sorted(cells(grid, score))
        for place in range(275, 560, 25):
            page.mouse.click(box["x"] + place, box["y"] + 17)
            if cells(grid, score) == wanted:
                break
        assert cells(grid, score) == wanted, "sorted by figures, upwards"
        tick(page, 0)
        assert chosen(page) == [runs["ugly"].id]


def test_runs_side_by_side(browser: Browser, own_app: App, runs: dict[str, Run]) -> None:
    with tab(browser) as page:
        open_runs(page, own_app)
        for row in (0, 2, 3):
            tick(page, row)
        page.get_by_text("3 runs", exact=True).wait_for()
        assert chosen(page) == [runs[name].id for name in ("oldest", "slow", "newest")]
        table = page.locator("[data-testid=stDataFrame]").nth(1)
        table.locator("canvas").first.wait_for()
        idle(page)
        settings = cells(table, -1)
        assert settings[:2] == ["Validation accuracy", "Test accuracy"]
        assert "Learning rate: Policy" in settings
        assert "Training: Batch size" not in settings, "the same in all three"
        assert titles(table)[1:] == ["oldest", "slow", "newest"]
        assert cells(table, 1)[:2] == ["87.50 % ▲ best", "87.50 % ▲ best"]
        assert cells(table, 0)[:2] == ["75.00 %", "75.00 %"]

        # Four charts with a line for each run.
        lines = drawn(page, 4, 3)
        assert [len(lines[panel]) for panel in range(4)] == [3, 3, 3, 3]
        assert strong(page) == 12
        page.locator("[data-testid=stVegaLiteChart] text").get_by_text("slow", exact=True).click()
        page.wait_for_timeout(500)
        assert strong(page) == 4, "a click in the legend leaves one run strong in each chart"
        page.get_by_role("radio", name="step").or_(page.get_by_text("step", exact=True)).first.click()
        idle(page)
        drawn(page, 4, 3)
        page.locator("[data-testid=stVegaLiteChart] text").get_by_text("step", exact=True).wait_for()

        # A refresh shows the same comparison; deleting is for all of them, and so is the undo.
        page.reload()
        page.get_by_text("3 runs", exact=True).wait_for()
        drawn(page, 4, 3)
        idle(page)
        page.get_by_role("button", name="Delete 3 runs").click()
        idle(page)
        page.get_by_role("button", name="Delete them").click()
        page.get_by_text("3 runs were deleted.").wait_for()
        idle(page)
        assert [run.id for run in Store(own_app.home).runs()] == [runs["ugly"].id]
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("3 runs were deleted.").wait_for(state="hidden")
        idle(page)
        assert {run.id for run in Store(own_app.home).runs()} == {run.id for run in runs.values()}
        assert len(cells(page.locator("[data-testid=stDataFrame]").first, 1)) == 4


def test_one_line_a_run_and_all_that_counts_is_seen(
    browser: Browser, own_app: App, runs: dict[str, Run]
) -> None:
    runs["slow"].set_status(state="early_stopping", message="Stopped early.", attempts=1)
    notes.change(runs["oldest"], name="a name that is longer than its column is wide, by far")
    with tab(browser) as page:
        grid = open_runs(page, own_app)
        box = grid.bounding_box()
        assert box is not None
        assert box["height"] == pytest.approx(38 + 44 * 4, abs=3), "a line of text for each run"
        assert cells(grid, titles(grid).index("State")) == ["Done"] * 4
        seen = titles(grid)
        counts = ["Name", "Differs in", "Score", "Baseline", "Metric", "Validation loss", "State", "Age"]
        assert seen[1:9] == counts
        assert seen[9:], "a part of the next column is seen, so the age is seen whole"
        assert len({colour_of(run.id) for run in runs.values()}) == len(runs)


def test_all_that_one_click_ticks_is_not_deleted_by_another(
    browser: Browser, own_app: App, runs: dict[str, Run]
) -> None:
    with tab(browser) as page:
        grid = open_runs(page, own_app)
        box = grid.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + 16, box["y"] + 18)
        page.wait_for_url("**run=**")
        idle(page)
        page.get_by_role("button", name="Delete 4 runs", exact=True).click()
        sure = page.get_by_role("button", name="Delete them")
        sure.wait_for()
        idle(page)
        assert len(Store(own_app.home).runs()) == 4, "it asks first"
        page.keyboard.press("Escape")
        expect(sure).to_have_count(0)
        assert len(Store(own_app.home).runs()) == 4
        page.get_by_role("button", name="Delete 4 runs", exact=True).click()
        sure.click()
        page.get_by_text("4 runs were deleted.").wait_for()
        idle(page)
        assert Store(own_app.home).runs() == []
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("4 runs were deleted.").wait_for(state="hidden")
        idle(page)
        assert {run.id for run in Store(own_app.home).runs()} == {run.id for run in runs.values()}


def test_trials_are_one_line_until_it_is_opened(browser: Browser, own_app: App, runs: dict[str, Run]) -> None:
    store = Store(own_app.home)
    base = RunSettings(data=DATA, training=TrainingSettings(epochs=6))
    policies = studies.contenders([FixedSettings(learning_rate=0.1), CLRSettings()])
    study = studies.create(store, studies.Plan("fixed or not", base, policies, (0, 1)))
    for place, member in enumerate(study.members):
        finish(store.get(member.run_id), 0.5 + place / 8)
    try:
        with tab(browser) as page:
            grid = open_runs(page, own_app)
            assert cells(grid, 1)[0] == "▸ Comparison of fixed or not: best of 4 runs"
            assert cells(grid, titles(grid).index("Score"))[0] == "0.875"
            assert len(cells(grid, 1)) == 5
            click_row(page, 0)
            page.get_by_role("link", name="Open on the Compare page").wait_for()
            idle(page)
            inside = cells(grid, 1)[:5]
            assert inside[0].startswith("▾ Comparison of fixed or not")
            assert inside[1:] == [f"↳ {one.label}, seed {one.seed}" for one in study.members]
            tick(page, 2)
            assert chosen(page) == [study.members[1].run_id]
            tick(page, 1)
            drawn(page, 4, 2)

            # Found again after a look at another page; closing the line lets go of what was ticked in it.
            go(page, "Predict")
            go(page, "Runs")
            page.get_by_text("2 runs", exact=True).wait_for()
            drawn(page, 4, 2)
            assert len(chosen(page)) == 2
            click_row(page, 0)
            page.get_by_text("Tick a row to open it").wait_for()
            assert chosen(page) == []
            assert len(cells(grid, 1)) == 5

            # By a setting.
            choose(page, "Group by", "Training: Batch size")
            lines = cells(grid, 1)
            assert [line.split(":")[1] for line in lines] == [" Batch size 32", " Batch size 16"]
            assert ": best of 7 runs" in lines[0]
    finally:
        study_files.delete(store, study)


def test_range_tests_that_are_ticked_draw_their_own_curves(
    browser: Browser, own_app: App, runs: dict[str, Run]
) -> None:
    store = Store(own_app.home)
    for _ in range(2):
        test = store.create(RunSettings(data=DATA, mode="range test"))
        rates = tuple(1e-7 * 10 ** (n / 5) for n in range(40))
        losses = tuple(1.0 if n < 20 else 0.5 for n in range(40))
        test.events_path.write_text(to_line(SweepDone(0, 1, 40, 0, losses, rates)))
        test.set_status(state="completed", message="Done.", attempts=1)
    with tab(browser) as page:
        grid = open_runs(page, own_app)
        assert cells(grid, 1)[0] == "▸ Range tests for species from …: 2 tests"
        click_row(page, 0)
        page.get_by_text("Its runs stand below it.").wait_for()
        idle(page)
        tick(page, 1)
        tick(page, 2)
        expect(page.get_by_text("Range tests have no curves of training; theirs are here.")).to_be_visible()
        expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
        expect(page.get_by_text("The charts appear with the first steps.")).to_have_count(0)
        # Beside a run, which has its curves.
        tick(page, 3)
        drawn(page, 4, 1)
        expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(3)


def test_a_run_without_a_closer_look_has_a_report(
    browser: Browser, own_app: App, runs: dict[str, Run]
) -> None:
    with tab(browser) as page:
        open_runs(page, own_app, f"?run={runs['newest'].id}")
        look(page, "Errors")
        page.get_by_text("There is no closer look at this run's model").wait_for()
        look(page, "Export")
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Report (HTML)").click()
        text = waiting.value.path().read_text("utf-8")
        assert "right in 81.2 % of the 69 test rows" in text
        no_defect(page)


def test_start_again_from_a_run_and_from_its_link(
    browser: Browser, own_app: App, runs: dict[str, Run]
) -> None:
    with tab(browser) as page:
        open_runs(page, own_app, f"?run={runs['newest'].id}")
        heading(page, "newest").wait_for()
        page.get_by_role("button", name="Share").click()
        link = page.get_by_test_id("stCode").inner_text()
        assert link.startswith(f"{own_app.url}/?settings=")
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Settings (JSON)").click()
        assert RunSettings.from_json(waiting.value.path().read_bytes()) == runs["newest"].settings
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Start from these settings").click()
        train_button(page).wait_for()
        assert page.url == link, "the address keeps them too"
        for _ in range(2):
            expect(field(page, "spinbutton", "Epochs")).to_have_value("6")
            expect(field(page, "combobox", "Policy")).to_have_value("Fixed")
            expect(field(page, "spinbutton", "Learning rate")).to_have_value("0.25")
            idle(page)
            page.reload()
            train_button(page).wait_for()
    # Another person's browser.
    with tab(browser) as page:
        open_app(page, link)
        expect(field(page, "spinbutton", "Epochs")).to_have_value("6")
        expect(field(page, "spinbutton", "Learning rate")).to_have_value("0.25")


def test_it_fits_a_phone(browser: Browser, own_app: App, runs: dict[str, Run]) -> None:
    with tab(browser, width=400, height=850) as page:
        open_runs(page, own_app, "?" + "&".join(f"run={run.id}" for run in runs.values()))
        page.get_by_text("4 runs", exact=True).wait_for()
        drawn(page, 4, 4)
        fits_in_both_themes(page)
        open_runs(page, own_app, f"?run={runs['ugly'].id}")
        page.get_by_role("button", name="Start from these settings").wait_for()
        idle(page)
        fits_in_both_themes(page)


def test_prepared_data_are_shown_and_emptied(browser: Browser, own_app: App, runs: dict[str, Run]) -> None:
    kept = own_app.home / "prepared" / "own-1" / "train.x.npy"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(bytes(5_000_000))
    with tab(browser) as page:
        open_runs(page, own_app)
        expander(page, "Where things are kept")
        page.get_by_text("those longest unused go first").wait_for()
        button = page.get_by_role("button", name="Empty prepared data")
        button.click()
        expect(button).to_be_disabled()
        assert not kept.exists()
