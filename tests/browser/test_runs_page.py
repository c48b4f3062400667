"""The Runs page: find, sort, open, name, star, compare, delete and take back, share, start again; damaged runs too."""

import os
import re
import time
from collections.abc import Iterator

import pytest
from drawn.charts import marks, wait_for_charts
from playwright.sync_api import Browser, Locator, Page, expect

from browser.driving import (
    PATIENCE,
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
from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores
from lrapp.experiments import studies, study_files
from lrapp.runs import notes
from lrapp.runs.events import (
    DataPrepared,
    EpochDone,
    Event,
    StepsDone,
    SweepDone,
    TrainingEnded,
    TrainingStarted,
    to_line,
)
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    FixedSettings,
    PolicySettings,
    RunSettings,
    SampleSource,
    TrainingSettings,
)

UGLY = "*x* $y$ <b>n</b> ![n](http://example.com/n.png) :red[r] https://example.com"


DATA = DataSettings(source=SampleSource(name="penguins.csv"), target="species")


def made(
    store: Store, name: str, accuracy: float, policy: PolicySettings | None = None, batch: int = 32
) -> Run:
    """A finished run on the penguins, made up, as training is not what is tested here."""
    training = TrainingSettings(epochs=6, batch_size=batch)
    return finish(
        store.create(RunSettings(name=name, data=DATA, training=training, policy=policy or CLRSettings())),
        accuracy,
    )


def finish(run: Run, accuracy: float) -> Run:
    """Make up what training would have left."""
    batch = run.settings.training.batch_size
    rates = tuple(run.settings.plan(6 * batch)[:36])
    events: list[Event] = [
        DataPrepared(206, 69, 69, 14),
        TrainingStarted(3_139, "accuracy", 6, 36, 6),
        StepsDone(0, tuple(1 / (n + 1) for n in range(36)), rates, 0.3),
        *(EpochDone(n, 6 * n, 1 / n, 1.1 / n, accuracy, accuracy, 0.01, 0.05 * n, True) for n in range(1, 7)),
        TrainingEnded("completed", "All 6 epochs are done.", 6, 6),
    ]
    run.events_path.write_text("".join(to_line(event) for event in events))
    scores = Scores("multi-class", "test", 69, "Adelie", (Metric("accuracy", accuracy, 0.44, True),))
    run.scores_path.write_text(scores.to_json())
    run.set_status(state="completed", message="All 6 epochs are done.", attempts=1)
    return run


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
        if run.status.state == "completed" if (run.folder / "status.json").exists() else True:
            store.delete(run)


def open_runs(page: Page, app: App, query: str = "") -> Locator:
    """Open the Runs page and return its table."""
    page.goto(f"{app.url}/runs{query}")
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    grid = page.locator("[data-testid=stDataFrame]").first
    grid.locator("canvas").first.wait_for()
    idle(page)
    return grid


def cells(grid: Locator, column: int) -> list[str]:
    """The texts of a column, from 0, as they stand in the table for screen readers, which comes a little later."""
    grid.locator("canvas tbody td").first.wait_for(state="attached")
    grid.page.wait_for_timeout(600)
    return grid.locator(f"canvas [data-testid^=glide-cell-{column + 1}-]").all_text_contents()


def titles(grid: Locator) -> list[str]:
    """The titles of the columns that are seen."""
    grid.locator("canvas tbody td").first.wait_for(state="attached")
    grid.page.wait_for_timeout(600)
    return grid.locator("canvas thead th").all_text_contents()


def click_row(page: Page, row: int) -> None:
    """Click the tick before a line of the list, whose lines are tall."""
    grid = page.locator("[data-testid=stDataFrame]").first
    grid.scroll_into_view_if_needed()
    count = len(cells(grid, 1))
    box = grid.bounding_box()
    assert box is not None
    tall = (box["height"] - 38) / count if box["height"] < 578 else 66
    page.mouse.click(box["x"] + 16, box["y"] + 36 + tall * (row + 0.5))
    page.wait_for_timeout(200)


def tick(page: Page, row: int) -> None:
    """Turn the tick before a run over."""
    before = page.url
    click_row(page, row)
    page.wait_for_url(lambda url: url != before)
    idle(page)


def chosen(page: Page) -> list[str]:
    """The ids of the runs in the address."""
    return re.findall(r"run=([0-9a-f-]+)", page.url)


def heading(page: Page, name: str) -> Locator:
    """The name of the run that is open."""
    return page.locator("strong").get_by_text(name, exact=True).first


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
        page.get_by_text("3 runs were deleted.").wait_for()
        idle(page)
        assert [run.id for run in Store(own_app.home).runs()] == [runs["ugly"].id]
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("3 runs were deleted.").wait_for(state="hidden")
        idle(page)
        assert {run.id for run in Store(own_app.home).runs()} == {run.id for run in runs.values()}
        assert len(cells(page.locator("[data-testid=stDataFrame]").first, 1)) == 4


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
            assert cells(grid, 1)[0] == "▸ Comparison of fixed or not: 4 runs, best 87.5 %"
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
            assert ": 7 runs, best 87.5" in lines[0]
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
        assert cells(grid, 1)[0] == "▸ Range tests for species from penguins.csv: 2 tests"
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


def drawn(page: Page, panels: int, runs: int) -> dict[int, list[int]]:
    """Wait until each panel has a line with points for each run; return how many points each has."""
    deadline = time.monotonic() + PATIENCE / 1000
    while True:
        found: dict[int, list[int]] = {}
        for mark in (mark for chart in marks(page) for mark in chart):
            match = re.match(r"lines_(\d)", mark.name)
            if match and mark.kind == "line" and mark.seen >= 2:
                found.setdefault(int(match[1]), []).append(mark.seen)
        if len(found) == panels and all(len(lines) == runs for lines in found.values()):
            return found
        assert time.monotonic() < deadline, f"The charts have no data: {found}"
        page.wait_for_timeout(200)


def strong(page: Page) -> int:
    """How many lines are drawn at full strength."""
    number: int = page.evaluate(
        """() => [...document.querySelectorAll('[data-testid=stVegaLiteChart] svg .mark-line path')].filter(
             path => path.getAttribute('d').length > 20 && !(Number(path.getAttribute('opacity') ?? 1) < 0.5)
                     && path.getAttribute('aria-roledescription') !== 'legend').length"""
    )
    return number


def test_a_damaged_run_is_a_sentence_and_the_others_stay(
    browser: Browser, own_app: App, runs: dict[str, Run]
) -> None:
    (runs["slow"].folder / "run.json").write_text("{")
    (runs["ugly"].folder / "status.json").unlink()
    os.utime(runs["ugly"].folder, (0, 0))
    (runs["oldest"].folder / "about.json").write_bytes(b"\xff\xfe")
    with tab(browser) as page:
        grid = open_runs(page, own_app)
        assert cells(grid, 1)[0] == "newest"
        assert cells(grid, titles(grid).index("State")) == ["Done", "Damaged", "Done", "Done"]
        troubles = cells(grid, titles(grid).index("Trouble"))
        assert troubles[0] == ""
        assert "status.json is missing" in troubles[1]
        assert "its run.json cannot be read" in troubles[2]
        assert "about.json" in troubles[3]
        for row, sentence in ((1, "status.json is missing"), (2, "its run.json cannot be read")):
            tick(page, row)
            page.get_by_test_id("stAlertContainer").get_by_text(sentence).wait_for()
            no_defect(page)
            tick(page, row)
        # Compared with a whole one, they are named and left out.
        for row in (0, 1, 2, 3):
            tick(page, row)
        expect(page.get_by_text("is left out")).to_have_count(2)
        drawn(page, 4, 2)
        for row in (0, 3):
            tick(page, row)
        page.get_by_role("button", name="Delete 2 runs").click()
        page.get_by_text("2 runs were deleted.").wait_for()
        idle(page)
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("2 runs were deleted.").wait_for(state="hidden")
        assert (runs["ugly"].folder / "run.json").exists()


def test_damaged_scores_and_an_address_of_no_run_are_sentences(
    browser: Browser, own_app: App, runs: dict[str, Run]
) -> None:
    runs["newest"].scores_path.write_bytes(b"\xff\xfe{")
    with tab(browser) as page:
        open_runs(page, own_app, f"?run={runs['newest'].id}")
        page.get_by_text("The scores of this run are damaged").wait_for()
        wait_for_charts(page)
        no_defect(page)
        grid = open_runs(page, own_app, "?run=../../etc/passwd")
        page.get_by_text("There is no such run here.").wait_for()
        assert len(cells(grid, 1)) == len(runs)


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
