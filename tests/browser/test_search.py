"""Random search: set up, run, read, and its best settings used; a bad range; a stop; themes and a phone."""

import csv
import io
import re

import pytest
from drawn.charts import marks
from playwright.sync_api import Browser, Page, expect

from browser.driving import (
    App,
    choose,
    field,
    fits_in_both_themes,
    go,
    idle,
    open_app,
    run_id,
    set_number,
    tab,
    train,
    train_button,
)
from lrapp.experiments import search, study_files
from lrapp.experiments.search_file import SavedSearch
from lrapp.experiments.search_space import Numbers, Range, Space
from lrapp.experiments.study_files import Study
from lrapp.images import datasets
from lrapp.runs.store import Store


def open_search(page: Page, app: App) -> None:
    page.goto(f"{app.url}/compare")
    choice = page.get_by_role("radio", name="Settings")
    choice.or_(page.get_by_role("button", name="Settings", exact=True)).first.click()
    page.get_by_role("button", name=re.compile("^Start")).wait_for()
    idle(page)


def made(page: Page, app: App) -> Study:
    """The search in the page's address, from the disk."""
    page.wait_for_url(lambda url: "study=" in url)
    found = re.search(r"study=([0-9a-f-]+)", page.url)
    assert found
    return study_files.get(Store(app.home), found[1])


def vary(page: Page, name: str) -> None:
    """Take a setting into the search, or out of it."""
    pill = page.get_by_test_id("stButtonGroup").filter(has_text="Number of layers")
    pill.get_by_text(name, exact=True).click()
    idle(page)


def points(page: Page) -> list[int]:
    """How many points each chart shows."""
    return [sum(mark.seen for mark in chart if mark.kind == "symbol") for chart in marks(page)]


def test_the_whole_way(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_app(page, app.url)
        set_number(page, "Epochs", 3)
        go(page, "Compare")
        choice = page.get_by_role("radio", name="Settings")
        choice.or_(page.get_by_role("button", name="Settings", exact=True)).first.click()
        idle(page)
        set_number(page, "Trials", 4)
        vary(page, "Dropout")
        vary(page, "L2")
        vary(page, "Batch size")
        set_number(page, "Width to", 32)
        expect(page.get_by_role("button", name="Start 4 runs")).to_be_visible()
        expect(page.get_by_text("What will be tried")).to_be_visible()

        # What was typed is still there after a look at another page.
        go(page, "Runs")
        go(page, "Compare")
        expect(page.get_by_role("spinbutton", name="Trials")).to_have_value("4")
        expect(page.get_by_role("spinbutton", name="Width to")).to_have_value("32")
        expect(page.get_by_role("button", name="Start 4 runs")).to_be_visible()
        page.get_by_role("button", name=re.compile("^Start")).click()
        study = made(page, app)
        assert study.search is not None
        varied = [name for name, _ in study.search.space.varied]
        assert varied == ["learning_rate", "units", "dropout", "l2"]
        assert study.search.trials == len(study.members) == 4

        page.get_by_role("heading", name="What it shows").wait_for()
        page.reload()
        page.get_by_role("heading", name="What it shows").wait_for()
        idle(page)
        runs = [app.run(member.run_id) for member in study.members]
        assert [run.status.state for run in runs] == ["completed"] * 4
        assert [len(run.history().epochs) for run in runs] == [3] * 4
        page.wait_for_timeout(1_000)
        assert points(page) == [4] * 4

        # The table is the same as the file, and the first row is the best of it.
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Trials (CSV)").click()
        rows = list(csv.DictReader(io.StringIO(waiting.value.path().read_text("utf-8-sig"))))
        assert list(rows[0])[:3] == ["Trial", "Validation accuracy", "Learning rate"]
        accuracies = [float(row["Validation accuracy"]) for row in rows]
        assert accuracies == sorted(accuracies, reverse=True)
        best = int(rows[0]["Trial"])
        told = search.values(study.search.space, runs[best - 1].settings)
        assert float(rows[0]["Learning rate"]) == told["learning_rate"]
        expect(page.get_by_text(f"Trial {best} is the best of the 4 that finished")).to_be_visible()
        expect(page.get_by_text("looks better than the settings are")).to_be_visible()
        expect(page.get_by_text("of the 69 test rows; always answering")).to_be_visible()
        expect(page.get_by_role("link", name=f"Open trial {best}")).to_be_visible()

        # Its settings, trained as a run of their own, are the trial again, also where the page has shown others before.
        page.get_by_role("link", name="Train", exact=True).click()
        train_button(page).wait_for()
        idle(page)
        go(page, "Compare")
        page.get_by_role("button", name="Use these settings").click()
        train_button(page).wait_for()
        idle(page)
        expect(field(page, "spinbutton", "Epochs")).to_have_value("3")
        again = app.wait_until_ended(train(page))
        theirs, ours = runs[best - 1], again
        assert ours.settings == theirs.settings.model_copy(update={"name": "", "closer_look": True})
        assert [one.val_loss for one in ours.history().epochs] == [
            one.val_loss for one in theirs.history().epochs
        ]

        # One click makes the model for use of the best.
        page.goto(f"{app.url}/compare?study={study.id}")
        page.get_by_role("button", name="Train on all rows with the best").click()
        page.wait_for_url(lambda url: "run=" in url)
        page.get_by_role("heading", name="A model for use").wait_for()
        model = app.wait_until_ended(run_id(page))
        assert model.settings.made_from is not None
        assert model.settings.made_from.run == theirs.id
        assert model.settings.data.all_rows
        expect(page.get_by_text("Expect the score of the run it was made from")).to_be_visible()

        # Deleted, and taken back.
        page.goto(f"{app.url}/compare?study={study.id}")
        page.get_by_role("button", name="Delete the search").click()
        page.get_by_text("The search and its runs were deleted.").wait_for()
        assert study not in study_files.every(Store(app.home))
        idle(page)
        page.get_by_role("button", name="Undo").click()
        page.get_by_role("heading", name="What it shows").wait_for()
        assert study_files.get(Store(app.home), study.id) == study


def test_a_bad_range_is_a_sentence_and_starts_nothing(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_search(page, app)
        start = page.get_by_role("button", name=re.compile("^Start"))
        field = page.get_by_role("spinbutton", name="Learning rate from")
        field.fill("0.5")
        field.press("Enter")
        idle(page)
        expect(
            page.get_by_text(
                "Learning rate: the range must end above its start; raise its end or lower its start. "
                "Received: 0.5 to 0.1."
            )
        ).to_be_visible()
        expect(start).to_be_disabled()
        field.fill("0.001")
        field.press("Enter")
        expect(start).to_be_enabled()
        choose(page, "Batch size to", "4")
        expect(page.get_by_text("Batch size: the range must end above its start")).to_be_visible()
        expect(start).to_be_disabled()
        for name in ("Learning rate", "Batch size", "Width"):
            vary(page, name)
        expect(page.get_by_text("A search must vary at least one setting; choose one.")).to_be_visible()
        expect(start).to_be_disabled()


def test_a_stop_in_the_middle_loses_nothing(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_search(page, app)
        set_number(page, "Trials", 3)
        set_number(page, "Epochs", 5_000)
        page.get_by_role("button", name=re.compile("^Start")).click()
        study = made(page, app)
        page.wait_for_function("() => /Trial 1: epoch [1-9]/.test(document.body.innerText)")
        page.get_by_role("button", name="Stop all").click()
        page.get_by_text("Ended; not all runs finished").wait_for()
        assert [app.run(member.run_id).status.state for member in study.members] == ["stopped"] * 3
        expect(
            page.get_by_text("No trial finished all its epochs, so there is none to choose.")
        ).to_be_visible()
        expect(page.get_by_text("3 stopped (trials 1, 2 and 3)")).to_be_visible()
        idle(page)
        page.get_by_role("button", name="Resume 3 runs").click()
        page.get_by_role("button", name="Stop all").wait_for()
        page.wait_for_function("() => /Trial 1: epoch [1-9]/.test(document.body.innerText)")
        page.get_by_role("button", name="Stop all").click()
        page.get_by_text("Ended; not all runs finished").wait_for()


def test_it_fits_a_phone(browser: Browser, app: App) -> None:
    with tab(browser, width=400, height=850) as page:
        open_search(page, app)
        fits_in_both_themes(page)


@pytest.mark.skipif(not datasets.here("fashion-mnist"), reason="Fashion-MNIST is not on this machine")
def test_one_click_fills_in_the_search_of_the_article(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_search(page, app)
        set_number(page, "Trials", 3)
        page.get_by_role("button", name="Examples").click()
        page.get_by_role("button", name="Fill in this search").click()
        expect(page.get_by_text("From the Train page: Fashion-MNIST")).to_be_visible()
        page.keyboard.press("Escape")
        idle(page)
        for label, value in (
            *(("Width from", "32"), ("Width to", "512"), ("Width step", "32")),
            *(("Trials", "10"), ("Epochs", "10")),
        ):
            expect(page.get_by_role("spinbutton", name=label, exact=True)).to_have_value(value)
        rates = page.get_by_role("textbox", name="Learning rate among")
        expect(rates).to_have_value("0.01, 0.001, 0.0001")
        expect(page.get_by_role("button", name="Start 10 runs")).to_be_visible()
        start = page.get_by_role("button", name=re.compile("^Start"))
        expect(start).to_be_enabled()

        # The list is checked as it is typed, and a saved search is what the command line takes.
        rates.fill("0.01, quick")
        rates.press("Enter")
        expect(page.get_by_text("Learning rate: the list must be numbers from")).to_be_visible()
        expect(start).to_be_disabled()
        rates.fill("0.01 0.002")
        rates.press("Enter")
        expect(start).to_be_enabled()
        set_number(page, "Width step", 160)
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Save", exact=True).click()
        saved = SavedSearch.from_json(waiting.value.path().read_bytes())
        assert saved.search.space == Space(
            learning_rate=Numbers(among=(0.01, 0.002)), units=Range(low=32, high=512, step=160)
        )
        assert saved.base.data.source.name == "fashion-mnist"
        drawn = [search.values(saved.search.space, one) for one in search.draw(saved.search, saved.base)]
        assert {one["units"] for one in drawn} <= {32, 192, 352, 512}
