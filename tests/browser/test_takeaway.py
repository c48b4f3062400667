"""A finished run in other formats, as a person makes and downloads them."""

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
    driving.expander(page, "Export: code and other formats")
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
