"""A finished run in other formats, as a person makes and downloads them; and pruned and measured."""

import re
import shutil
import zipfile

import pytest
from playwright.sync_api import Page, expect

from browser import driving
from lrapp.runs.store import Run

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
    for title, file in FILES.items():
        page.get_by_role("radiogroup", name="Format").get_by_text(title, exact=True).click()
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
    box = driving.expander(page, "Size, pruning, int8")
    box.get_by_role("button", name="Prune this model").click()
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
