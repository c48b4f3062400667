"""What a finished run is worth, as a person meets it; exported, pruned and measured."""

import csv
import io
import re
import shutil
import zipfile
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from drawn.charts import marks
from PIL import Image
from playwright.sync_api import Browser, Download, Locator, Page, expect

from browser import driving
from lrapp.execution import worker
from lrapp.export import registry
from lrapp.networks import tempered
from lrapp.networks.saved import SavedModel
from lrapp.phrasing import number
from lrapp.runs.store import Run, Store
from lrapp.settings import DataSettings, RunSettings, SampleSource, TrainingSettings


def look(page: Page, view: str) -> None:
    """Choose one of the views of the network's errors."""
    page.get_by_test_id("stButtonGroup").get_by_text(view, exact=True).click()
    driving.idle(page)


def charts_below(page: Page) -> Locator:
    """The charts of the view that is open."""
    return page.get_by_role("tabpanel").locator("[data-testid=stVegaLiteChart]:visible")


def saved(page: Page, button: str) -> tuple[str, str]:
    """Press a download button; return the file's name and text."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).first.click()
    download: Download = waiting.value
    return download.suggested_filename, download.path().read_text("utf-8-sig")


def check_saving(page: Page) -> None:
    """Save the confusion matrix in all three ways."""
    page.get_by_role("button", name="Save", exact=False).last.click()
    name, svg = saved(page, "SVG")
    assert name == "confusion.svg"
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = {(part.text or "").strip() for part in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"malignant", "benign", "truth", "answer"} <= texts
    with page.expect_download() as waiting:
        page.get_by_role("button", name="PNG", exact=True).click()
    picture = Image.open(waiting.value.path())
    assert picture.format == "PNG"
    assert picture.width > 1000, "sharp on paper"
    assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 10, "something is drawn"
    name, text = saved(page, "Data (CSV)")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert name == "confusion.csv"
    assert sum(int(row["rows"]) for row in rows) == 114
    assert {row["truth"] for row in rows} == {"benign", "malignant"}
    page.keyboard.press("Escape")


def trained(page: Page, table: str) -> None:
    """Train on a sample table, briefly, and wait for the result."""
    driving.choose(page, "Table", f"Sample: {table}")
    driving.set_number(page, "Epochs", 3)
    driving.train(page)
    driving.look(page, "Errors")
    driving.idle(page)
    driving.no_defect(page)


def test_a_classifier_is_shown_from_all_sides(page: Page) -> None:
    trained(page, "Breast cancer")
    for view, charts in (("ROC", 2), ("Calibration", 1), ("Confusion", 1)):
        look(page, view)
        expect(charts_below(page).locator("svg")).to_have_count(charts)
        driving.no_defect(page)
        driving.written_numbers(page)
    check_saving(page)
    driving.look(page, "What matters")
    expect(charts_below(page).locator("svg")).to_have_count(2)
    driving.written_numbers(page)
    driving.look(page, "Errors")
    page.locator(
        "p", has_text=re.compile("[Bb]oosted trees (do|are|answer|:)|beats boosted")
    ).first.wait_for()
    driving.no_defect(page)

    look(page, "Threshold")
    sentence = page.get_by_text("are found (recall")
    before = sentence.inner_text()
    slider = page.get_by_role("slider").last
    slider.focus()
    slider.press("Home")
    expect(sentence).to_contain_text("42 are found (recall 100.0 %)")
    assert sentence.inner_text() != before

    driving.look(page, "Export")
    name, text = saved(page, "Report (HTML)")
    assert name.endswith(".html")
    assert "malignant" in text
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(text)
    expect(page.locator("svg").first).to_be_visible()
    assert page.locator("svg").count() >= 6
    assert asked == []
    # The settings at its end are JSON.
    read = page.locator("body > :not(:has(pre)):not(pre)").all_inner_texts()
    assert re.findall(r"\S*\d(?:%|e[+-]\d)\S*", " ".join(read)) == []


def test_a_regression_has_residuals_and_a_next_step(page: Page, app: driving.App) -> None:
    trained(page, "Fuel economy of cars")
    expect(charts_below(page).locator("svg")).to_have_count(2)
    points = [mark for chart in marks(page) for mark in chart if mark.kind == "symbol"]
    assert any(mark.seen > 50 for mark in points), "the predictions are drawn"
    expect(page.get_by_text("nine in ten by no more than")).to_be_visible()
    driving.written_numbers(page)
    # Three epochs make no curve, and the page says what to try.
    expect(page.get_by_text("Try 20 epochs.")).to_be_visible()
    epochs = page.get_by_role("spinbutton", name="Epochs", exact=True)
    expect(epochs).to_have_value("3")
    page.locator('[class*="st-key-try-"]:not([class*="st-key-try-trees"])').get_by_role("button").click()
    driving.idle(page)
    expect(epochs).to_have_value("20")
    expect(page.get_by_text("Changed since this run: Training")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    driving.reveal(page, page.get_by_role("spinbutton", name="Epochs", exact=True, include_hidden=True))
    expect(epochs).to_have_value("3")
    expect(page.get_by_text("Changed since this run")).to_have_count(0)
    # Or it is trained with at once, by however many clicks; the result says what came of it.
    first, runs = driving.run_id(page), len(list((app.home / "runs").iterdir()))
    page.get_by_role("button", name="Train with this change").dblclick()
    page.wait_for_url(lambda url: "run=" in url and first not in url)
    run = app.wait_until_ended(driving.run_id(page))
    driving.state(page, "Done").wait_for()
    assert run.settings.training.epochs == 20
    assert len(list((app.home / "runs").iterdir())) == runs + 1
    expect(page.get_by_text(re.compile("(Better than|Worse than|As good as) the run before"))).to_be_visible()
    driving.no_defect(page)


def test_probabilities_are_calibrated_with_one_click(page: Page, app: driving.App) -> None:
    store = Store(app.home)
    run = store.create(
        RunSettings(
            data=DataSettings(
                source=SampleSource(name="penguins.csv"), target="sex", validation_share=0.3, test_share=0.3
            ),
            training=TrainingSettings(epochs=10),
        )
    )
    outcome = worker.work(run.folder, store.home)
    run.set_status(state=outcome.state, message=outcome.message)
    network = SavedModel.load(run.folder).network
    tempered.scale(network, 0.1)  # ten times too sure
    worker.leave_model(run, network, worker.prepared_data(store, run.settings.data))

    driving.open_app(page, f"{app.url}/?run={run.id}")
    driving.look(page, "Errors")
    look(page, "Calibration")
    page.get_by_text("would make the network less sure").wait_for()
    page.get_by_role("button", name="Calibrate the probabilities").click()
    page.get_by_text("Calibrated: a temperature of").wait_for()
    expect(page.get_by_role("button", name="Calibrate the probabilities")).to_have_count(0)
    driving.idle(page)
    driving.no_defect(page)


def test_a_threshold_is_chosen_by_costs_and_taken_back(page: Page, app: driving.App) -> None:
    store = Store(app.home)
    run = store.create(
        RunSettings(
            data=DataSettings(
                source=SampleSource(name="penguins.csv"), target="sex", validation_share=0.3, test_share=0.3
            ),
            training=TrainingSettings(epochs=2, members=3, xla="off"),
        )
    )
    outcome = worker.work(run.folder, store.home)
    run.set_status(state=outcome.state, message=outcome.message)

    driving.open_app(page, f"{app.url}/?run={run.id}")
    driving.look(page, "Errors")
    look(page, "Threshold")
    driving.set_number(page, "Cost of a miss", 9)
    page.get_by_text("1 / (1 + 9) = 0.1").wait_for()
    page.get_by_role("button", name=re.compile(r"^\S*\s*Use 0\.")).first.click()
    page.get_by_text("for a false alarm that costs 1 and a miss that costs 9").first.wait_for()
    driving.idle(page)
    driving.no_defect(page)
    chosen = SavedModel.load(run.folder).preprocessor.threshold
    assert chosen is not None

    # The form of one row answers by it, and says so; an ensemble says how far its networks are apart.
    driving.go(page, "Predict")
    page.get_by_role("tab", name="One row").click()
    page.get_by_text(f"where its probability is above {number(chosen.level)}").first.wait_for()
    expect(page.get_by_text("The 3 networks of the ensemble give")).to_be_visible()
    driving.no_defect(page)

    driving.open_app(page, f"{app.url}/?run={run.id}")
    driving.look(page, "Errors")
    look(page, "Threshold")
    page.get_by_role("button", name="Back to 0.5").click()
    # The button hides while the model is changed; this sentence goes when it has been.
    expect(page.get_by_text("In use.", exact=True)).to_have_count(0, timeout=driving.PATIENCE * 1000)
    driving.idle(page)
    assert SavedModel.load(run.folder).preprocessor.threshold is None
    driving.no_defect(page)


CUSTOMER_ROWS = 120


def customers() -> bytes:
    rng = np.random.default_rng(1)
    amount = rng.normal(50, 9, CUSTOMER_ROWS).round(2)
    frame = pd.DataFrame(
        {
            "amount": amount,
            "visits": rng.integers(1, 9, CUSTOMER_ROWS),
            "customer": [f"c{number}" for number in rng.integers(0, 25, CUSTOMER_ROWS)],
            "shop": "Main Street",
            "bought": np.where(amount + rng.normal(0, 4, CUSTOMER_ROWS) > 50, "yes", "no"),
        }
    )
    return frame.to_csv(index=False).encode()


def test_from_groups_and_folds_to_a_model_for_use(browser: Browser, app: driving.App) -> None:
    with driving.tab(browser) as page:
        driving.open_app(page, app.url)
        driving.take(page, "shop.csv", customers(), "bought")
        driving.expander(page, "Gaps, scaling and split")
        driving.choose(page, "Split", "By groups")
        page.get_by_text("Choose the column that holds the groups").wait_for()
        expect(driving.train_button(page)).to_be_disabled()
        driving.choose(page, "Split column", "shop")
        page.get_by_text("needs at least 3 groups").wait_for()
        driving.choose(page, "Split column", "customer")
        driving.set_number(page, "Cross-validation folds", 3)
        driving.step(page, "Training").get_by_text("Cross-validation trains 3 networks at once").wait_for()
        driving.set_number(page, "Epochs", 8)

        first = driving.train(page)
        driving.state(page, "Done").wait_for()
        page.get_by_text("Out-of-fold: accuracy").wait_for()
        driving.look(page, "Errors")
        driving.expander(page, "Each fold")
        settings = app.run(first).settings
        assert (settings.data.split, settings.data.split_column, settings.data.folds) == (
            "groups",
            "customer",
            3,
        )

        page.get_by_role("button", name="Train on all rows").click()
        page.wait_for_url(lambda url: "run=" in url and first not in url)
        page.get_by_role("heading", name="A model for use").wait_for()
        page.get_by_text("trained on all 120 rows, so it has no test score of its own").wait_for()
        second = app.run(driving.run_id(page))
        assert second.settings.data.all_rows
        assert second.settings.networks == 3
        driving.look(page, "Export")
        expect(page.get_by_role("button", name="Download the model")).to_be_visible()
        # It is pruned at once, as the Train page would hold rows back, and comes from the same run.
        _prune(page)
        page.wait_for_url(lambda url: "run=" in url and second.id not in url)
        page.get_by_text("nothing told the best epoch, so it has the weights of the last one").wait_for()
        driving.state(page, "Done").wait_for()
        # The page trains anew from weights that do not know every row.
        expect(driving.train_button(page)).to_be_enabled()
        third = app.run(driving.run_id(page))
        assert third.settings.data.all_rows
        assert third.settings.training.pruning.enabled
        page.get_by_role("button", name="Open that run").click()
        page.wait_for_url(lambda url: first in url)
        page.get_by_text("Out-of-fold: accuracy").wait_for()
        # Its folds are pruned by way of the Train page.
        driving.look(page, "Export")
        _prune(page)
        expect(driving.step(page, "Network").get_by_text("Start from: a run of mine")).to_be_visible()
        driving.idle(page)
        fourth = app.run(driving.train(page))
        driving.state(page, "Done").wait_for()
        page.get_by_text("Out-of-fold: accuracy").wait_for()
        assert fourth.settings.data == app.run(first).settings.data
        driving.no_defect(page)


def _prune(page: Page) -> None:
    box = driving.expander(page, "Size, pruning, int8")
    box.get_by_role("button", name="Prune this model").click()


FILES = {
    "Python code": "train.py",
    "Keras model": "model.keras",
    "TensorFlow SavedModel": "model/saved_model.pb",
    "ONNX": "model.onnx",
    "LiteRT": "model.tflite",
}


def test_every_format_is_made_and_downloaded(page: Page, app: driving.App, finished: Run) -> None:
    pytest.importorskip("onnx", reason="needs the optional package onnx")
    pytest.importorskip("onnxruntime", reason="needs the optional package onnxruntime")
    shutil.copytree(finished.folder, app.home / "runs" / finished.id)
    page.goto(f"{app.url}/?run={finished.id}")
    driving.look(page, "Export")
    # Each says for whom it is, and the usual one is the one that is seen first.
    usual = page.get_by_test_id("stDownloadButton").first
    expect(usual.get_by_test_id("stBaseButton-primary").first).to_have_text(re.compile("Download the model"))
    expect(page.get_by_text("The usual one, for Python")).to_be_visible()
    for exporter in registry.formats(finished):
        expect(page.get_by_text(exporter.whom, exact=True)).to_be_visible()
    for title, file in FILES.items():
        page.get_by_role("radiogroup", name="Other formats").get_by_text(title, exact=True).click()
        driving.idle(page)
        page.get_by_role("button", name="Make", exact=True).click()
        ready = page.get_by_role("button", name="Download (")
        expect(ready).to_be_visible(timeout=2 * driving.PATIENCE)
        with page.expect_download() as waiting:
            ready.click()
        with zipfile.ZipFile(waiting.value.path()) as archive:
            assert {file, "README.md", "requirements.txt"} <= set(archive.namelist())
            readme = archive.read("README.md").decode()
        assert ("the largest difference to the app's answers" in readme) == (title != "Python code")
    driving.no_defect(page)


def test_a_finished_run_is_pruned_and_measured(page: Page) -> None:
    driving.set_number(page, "Epochs", 4)
    driving.set_number(page, "Ensemble (networks)", 2)
    driving.train(page)
    driving.state(page, "Done").wait_for()
    driving.idle(page)
    driving.look(page, "Export")
    _prune(page)
    expect(
        driving.step(page, "Training").get_by_text("The final sparsity is reached in epoch 3 of 10.")
    ).to_be_visible()
    expect(driving.step(page, "Network").get_by_text("Start from: a run of mine")).to_be_visible()
    driving.idle(page)

    driving.train(page)
    driving.state(page, "Done").wait_for()
    expect(page.get_by_text(re.compile("80 % of its weights are zero"))).to_be_visible()
    driving.idle(page)
    driving.look(page, "Export")
    box = driving.expander(page, "Size, pruning, int8")
    box.get_by_role("button", name="Measure", exact=True).click()
    # After the boosted trees, and a conversion to LiteRT.
    box.get_by_role("button", name="Measure again").wait_for(timeout=2 * driving.PATIENCE)
    driving.idle(page)
    expect(box.get_by_text("Keras's int8 covers dense layers")).to_be_visible()
    expect(box.get_by_test_id("stDataFrame")).to_be_visible()
    driving.no_defect(page)
