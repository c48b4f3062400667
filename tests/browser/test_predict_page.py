"""A person predicts a table and a row with a finished run."""

import csv
import io
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from drawn.charts import PATIENCE, marks
from playwright.sync_api import Browser, Page, expect

from browser.driving import App, choose, expander, go, idle, no_defect, switch, tab, upload
from lrapp.execution import worker
from lrapp.experiments import studies, study_files
from lrapp.prediction import folders
from lrapp.runs import notes
from lrapp.runs.store import SAMPLES, Store
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    FixedSettings,
    RunSettings,
    SampleSource,
    TrainingSettings,
)

# The first prediction waits until TensorFlow is there.
LONG = 4 * PATIENCE
PENGUINS = SAMPLES / "penguins.csv"


@pytest.fixture(scope="module")
def penguins(app: App) -> str:
    """A finished run on the penguins; how it is trained in a browser is tested elsewhere."""
    store = Store(app.home)
    run = store.create(
        RunSettings(
            data=DataSettings(source=SampleSource(name="penguins.csv"), target="species"),
            training=TrainingSettings(epochs=6),
        )
    )
    outcome = worker.work(run.folder, store.home)
    run.set_status(state=outcome.state, message=outcome.message, attempts=1)
    return run.id


def open_page(page: Page, app: App, run: str) -> None:
    page.goto(f"{app.url}/predict?run={run}")
    page.get_by_role("tab", name="One row").wait_for()
    idle(page)


def saved(page: Page, button: str) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    return Path(waiting.value.path()).read_bytes()


def test_a_table_is_predicted_and_taken_away(
    browser: Browser, app: App, penguins: str, tmp_path: Path
) -> None:
    table = pd.read_csv(PENGUINS)
    table["island"] = table["island"].replace("Dream", "Atlantis")
    table["note"] = "=HYPERLINK(1)"
    with tab(browser) as page:
        open_page(page, app, penguins)
        expander(page, "What the model expects")
        template = saved(page, "Template (CSV)")
        assert b"bill_length_mm" in template
        upload(
            page, "new ![x](http:example.com).csv", table[table.columns[::-1]].to_csv(index=False).encode()
        )
        expect(page.get_by_text("predicted.")).to_contain_text(
            "344 rows of new ![x](http:example.com).csv", timeout=LONG
        )
        expect(page.get_by_text("the network is right in")).to_be_visible()
        expect(
            page.get_by_text("“island” holds 1 category that training never saw, in 124 rows")
        ).to_be_visible()
        expect(page.get_by_text("1 column was not used")).to_contain_text("“note”")
        usual = page.get_by_test_id("stDownloadButton").get_by_test_id("stBaseButton-primary")
        expect(usual).to_have_text(re.compile("Download CSV"))
        rows = list(csv.DictReader(io.StringIO(saved(page, "Download CSV").decode("utf-8-sig"), newline="")))
        assert len(rows) == 344
        assert rows[0]["note"] == "'=HYPERLINK(1)"
        (tmp_path / "answer.parquet").write_bytes(saved(page, "Download Parquet"))
        packed = pd.read_parquet(tmp_path / "answer.parquet")
        assert packed["prediction"].tolist() == [row["prediction"] for row in rows]
        # The address finds the result again.
        page.reload()
        expect(page.get_by_text("predicted.")).to_contain_text("344 rows")
        no_defect(page)


def test_a_table_that_does_not_fit_is_a_sentence(browser: Browser, app: App, penguins: str) -> None:
    with tab(browser) as page:
        open_page(page, app, penguins)
        upload(
            page, "short.csv", pd.read_csv(PENGUINS).rename(columns={"island": "Islands"}).to_csv().encode()
        )
        error = page.get_by_test_id("stAlert")
        expect(error).to_contain_text(
            "Missing column: “island”. “island” may be what the table calls “Islands”"
        )
        upload(page, "empty.csv", b"")
        expect(error).to_contain_text("this one is empty")
        page.goto(f"{app.url}/predict?run=gone")
        page.get_by_text("The newest model is chosen instead.").wait_for()
        page.goto(f"{app.url}/predict?run={penguins}&prediction={'0' * 32}")
        expect(page.get_by_test_id("stAlert")).to_contain_text("no longer kept here")


def test_a_table_that_can_be_read_in_two_ways_is_asked_about_first(
    browser: Browser, app: App, penguins: str
) -> None:
    table = pd.read_csv(PENGUINS).head(50)
    data = table.to_csv(index=False, sep=";", decimal=",").encode()
    with tab(browser) as page:
        open_page(page, app, penguins)
        upload(page, "new *x*.csv", data)
        asked = page.get_by_test_id("stAlert")
        expect(asked).to_contain_text("new *x*.csv can be read in several ways", timeout=LONG)
        question = page.get_by_role("radiogroup", name="How are its numbers meant?")
        expect(question).to_be_visible()
        expect(page.get_by_text("“bill_length_mm” has 39,1")).to_contain_text(
            "3 more columns are written so."
        )
        expect(page.get_by_text("predicted.")).to_have_count(0)
        # The address finds the question again, and nothing is chosen for the person.
        page.reload()
        expect(question.get_by_role("radio", checked=True)).to_have_count(0)
        expect(page.get_by_role("button", name="Predict")).to_have_count(0)
        question.get_by_text("decimal commas, so that 39,1 is 39.1").click()
        page.get_by_role("button", name="Predict").click()
        expect(page.get_by_text("predicted.")).to_contain_text("50 rows", timeout=LONG)
        expect(page.get_by_text("39,1 was read as 39.1, as you chose.")).to_be_visible()
        rows = list(csv.DictReader(io.StringIO(saved(page, "Download CSV").decode("utf-8-sig"), newline="")))
        assert [float(row["bill_length_mm"] or "nan") for row in rows] == pytest.approx(
            table["bill_length_mm"].tolist(), nan_ok=True
        )
        no_defect(page)


def test_a_long_table_shows_its_progress_and_can_be_cancelled(
    browser: Browser, app: App, penguins: str, tmp_path: Path
) -> None:
    lines = PENGUINS.read_bytes().splitlines(keepends=True)
    # As a file, which the browser reads itself: as bytes it goes through the test's own driver, which takes longer.
    long = tmp_path / "long.csv"
    long.write_bytes(lines[0] + b"".join(lines[1:]) * 3_000)
    with tab(browser) as page:
        open_page(page, app, penguins)
        page.locator("[data-testid=stFileUploader] input[type=file]").first.set_input_files(long)
        expect(page.get_by_text("rows done")).to_be_visible(timeout=LONG)
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("The prediction was cancelled; nothing was kept of it.")).to_be_visible()
        kept = [
            path
            for path in (app.home / "predictions").iterdir()
            if folders.PredictionFolder(path).table_path.exists()
        ]
        assert kept == []


def test_one_row_moves_and_its_answer_with_it(browser: Browser, app: App, penguins: str) -> None:
    with tab(browser) as page:
        open_page(page, app, penguins)
        page.get_by_role("tab", name="One row").click()
        answer = page.get_by_test_id("stMetric")
        expect(answer).to_contain_text("Predicted species", timeout=LONG)
        idle(page)
        before = answer.inner_text()
        curve = [
            mark
            for chart in marks(page)
            for mark in chart
            if mark.kind in ("line", "symbol") and mark.seen >= 2
        ]
        assert curve, "the what-if curve has points"
        slider = page.get_by_test_id("stSlider").filter(has_text="bill_length_mm").get_by_role("slider")
        slider.focus()
        slider.press("End")
        expect(answer).not_to_have_text(before)
        exact = page.get_by_role("spinbutton", name="bill_length_mm: exact value")
        expect(exact).to_have_value("55.9")
        exact.fill("20")
        exact.press("Enter")
        idle(page)
        expect(slider).to_have_value("33.5")
        exact.fill("")
        exact.press("Enter")
        idle(page)
        no_defect(page)
        page.get_by_role("button", name="Usual values").click()
        expect(answer).to_have_text(before, use_inner_text=True)
        # The curve can be saved like any other chart.
        page.get_by_role("button", name="Save").last.click()
        rows = list(csv.DictReader(io.StringIO(saved(page, "Data (CSV)").decode("utf-8-sig"))))
        assert {row["class"] for row in rows} == {"Adelie", "Chinstrap", "Gentoo"}
        assert b"<svg" in saved(page, "SVG")
        page.keyboard.press("Escape")
        # What was typed is still there after a look at another page, and so is the model.
        exact.fill("21")
        exact.press("Enter")
        idle(page)
        typed, model = answer.inner_text(), page.get_by_role("combobox", name="Model").input_value()
        go(page, "Runs")
        no_defect(page)
        go(page, "Predict")
        expect(page.get_by_role("combobox", name="Model")).to_have_value(model)
        expect(exact).to_have_value("21")
        expect(answer).to_have_text(typed, use_inner_text=True)
        page.wait_for_url(re.compile(f"run={penguins}"))


def test_models_are_offered_and_not_every_trial(browser: Browser, app: App, penguins: str) -> None:
    store = Store(app.home)
    policies = studies.contenders([FixedSettings(learning_rate=0.1), CLRSettings()])
    study = studies.create(store, studies.Plan("a or b", store.get(penguins).settings, policies, (0,)))
    try:
        for place, member in enumerate(study.members):
            trial = store.get(member.run_id)
            for name in ("model.keras", "preprocessor.json", "scores.json", "events.jsonl"):
                for path in store.get(penguins).folder.glob(name):
                    shutil.copy(path, trial.folder / path.name)
            if place == 0:  # the other one has learned nothing
                events = (trial.folder / "events.jsonl").read_text()
                (trial.folder / "events.jsonl").write_text(
                    re.sub(r'"val_metric": [\d.]+', '"val_metric": 0.0', events)
                )
            trial.set_status(state="completed", attempts=1)
        with tab(browser) as page:
            page.goto(f"{app.url}/predict")
            field = page.get_by_role("combobox", name="Model")
            field.wait_for()
            idle(page)
            field.click()
            options = page.get_by_role("option")
            expect(options.filter(has_text="Best of a or b")).to_have_count(1)
            expect(options.filter(has_text="a or b: ")).to_have_count(0)
            page.keyboard.press("Escape")
            switch(page, "All runs")
            field.click()
            expect(options.filter(has_text="a or b: Fixed 0.1, seed 0")).to_have_count(1)
            page.keyboard.press("Escape")
            # A trial that the address names is offered without the switch.
            page.goto(f"{app.url}/predict?run={study.members[0].run_id}")
            expect(field).to_have_value("a or b: Fixed 0.1, seed 0")
            expect(page.get_by_text("Accuracy ").first).to_contain_text("baseline")
    finally:
        study_files.delete(store, study)


def test_of_two_runs_of_one_name_the_one_that_was_chosen_predicts(
    browser: Browser, app: App, penguins: str
) -> None:
    store = Store(app.home)
    for _ in range(2):
        copied = store.create(store.get(penguins).settings)
        for path in store.get(penguins).folder.iterdir():
            if path.name not in ("status.json", "lock", "turn"):
                shutil.copy(path, copied.folder / path.name)
        copied.set_status(state="completed", attempts=1)
        notes.change(copied, name="the same")
    newer, older = (run.id for run in store.runs()[:2])
    with tab(browser) as page:
        open_page(page, app, penguins)
        for place, chosen in ((1, older), (0, newer), (1, older)):
            choose(page, "Model", place)
            page.wait_for_url(re.compile(f"run={chosen}"))
        expect(page.get_by_role("combobox", name="Model")).to_have_value(re.compile(r"^the same \(.* UTC\)"))
        no_defect(page)
