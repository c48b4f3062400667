"""Pictures, from the choice of a set to a trained network and a second one that starts from the first."""

import io
import re
import time
import zipfile

import numpy as np
import pytest
from drawn.charts import marks, wait_for_charts
from imagenet import weights as imagenet_weights
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from browser.driving import (
    PATIENCE,
    App,
    choose,
    expander,
    field,
    idle,
    no_defect,
    open_app,
    results,
    set_number,
    state,
    step,
    switch,
    tab,
    train,
    train_button,
    type_into_cell,
    upload,
)
from lrapp.images import datasets
from lrapp.prediction import folders
from lrapp.runs.store import ENDED, Run
from lrapp.settings import RunStart

# Convolutions on a busy machine, and ten thousand test pictures after them.
LONG = 3 * PATIENCE
CLASSES = ("<b>bold & co", "$x^2$ ![x](http:example.com x.png) :red[y]", "plain")


def take_set(page: Page, name: str) -> None:
    """Choose a set of pictures by its button, and wait for its examples."""
    step(page, "Data").get_by_role("button", name=name).click()
    expect(field(page, "combobox", "Pictures")).to_have_value(f"Pictures: {name}")
    page.locator("table.classes img").first.wait_for()
    idle(page)


def finish(app: App, page: Page) -> Run:
    """Train, wait until the run has ended well, and until the page says so."""
    run = app.run(train(page))
    deadline = time.monotonic() + LONG / 1000
    while run.status.state not in ENDED:
        assert time.monotonic() < deadline, f"The run has not ended: {run.status}"
        page.wait_for_timeout(200)
    assert run.status.state == "completed", run.status.message
    state(page, "Done").wait_for()
    idle(page)
    return run


def own_pictures() -> bytes:
    generator = np.random.default_rng(0)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number, (name, count) in enumerate(zip(CLASSES, (30, 20, 10), strict=True)):
            for copy in range(count):
                pixels = generator.integers(0, 60, (20, 26, 3), dtype=np.uint8)
                pixels[..., number] += 150
                one = io.BytesIO()
                Image.fromarray(pixels).save(one, "PNG")
                archive.writestr(f"{name}/{copy}.png", one.getvalue())
    return target.getvalue()


def test_from_a_click_on_a_set_to_what_the_network_is_worth(app: App, page: Page) -> None:
    take_set(page, "Fashion-MNIST" if datasets.here("fashion-mnist") else "Handwritten digits")
    expect(page.locator("table.classes tr")).to_have_count(10)
    expect(field(page, "combobox", "Preset")).to_have_value("Small CNN (32, 64)")
    shapes = page.locator("table.layers tr").all_inner_texts()
    assert [row.split("\t")[0] for row in shapes[2:]] == [
        "Layer 1 (Convolution)",
        "Layer 2 (Max pooling)",
        "Layer 3 (Convolution)",
        "Layer 4 (Max pooling)",
        "Layer 5 (Dense)",
        "Output",
    ]
    set_number(page, "Most training pictures", 500)
    expander(page, "Split and class weights")
    idle(page)
    set_number(page, "Validation share", 0.01)
    set_number(page, "Epochs", 2)
    run = finish(app, page)
    wait_for_charts(page)
    results(page)
    no_defect(page)
    _predict(page, app, run)
    page.goto(f"{app.url}/?run={run.id}")
    idle(page)

    # A second network that starts from the first, gently.
    expander(page, "Start from")
    idle(page)
    choose(page, "Start from", "A run of mine")
    choose(page, "Run", 1)
    step(page, "Training").get_by_role("button", name="Gentle").click()
    idle(page)
    expect(page.get_by_role("spinbutton", name="Early layers", exact=False)).to_have_value("0.1")
    page.get_by_role("button", name="Setup").click()
    page.get_by_role("heading", name="Learning rate", exact=True).wait_for()
    idle(page)
    plan = [mark for chart in marks(page) for mark in chart if mark.kind == "line" and mark.values[0][1] == 0]
    assert len(plan) == 2, "early and middle stand still at first"
    second = finish(app, page)
    assert second.settings.model.start == RunStart(run=run.id)
    expander(page, "Data preparation")
    expect(page.get_by_text("start with the weights of an earlier run")).to_be_visible()


def _predict(page: Page, app: App, run: Run) -> None:
    """Predict pictures: a long prediction shows how far it is, is cancelled, and a short one follows."""
    file = io.BytesIO()
    Image.fromarray(np.full((28, 28), 99, np.uint8)).save(file, "PNG")
    long = io.BytesIO()
    with zipfile.ZipFile(long, "w") as archive:
        for number in range(40_000):
            archive.writestr(f"{number}.png", file.getvalue())
    page.goto(f"{app.url}/predict?run={run.id}")
    upload(page, "long.zip", long.getvalue())
    expect(page.get_by_text(re.compile(r"Predicting … [\d,]+ pictures done"))).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The prediction was cancelled; nothing was kept of it.")).to_be_visible()
    assert list((app.home / "predictions").iterdir()) == []
    page.reload()
    upload(page, "one.png", file.getvalue())
    seen = page.get_by_text("As the network saw them.")
    expect(seen).to_be_visible()
    page.reload()
    expect(seen).to_be_visible()
    no_defect(page)

    # As a crash leaves it: the pictures are there, and nobody is busy with them.
    left = folders.create_of_pictures(app.home, [("left.png", file.getvalue())], run=run.id)
    page.goto(f"{app.url}/predict?run={run.id}&prediction={left.id}")
    page.get_by_text("The prediction of left.png was cut off").wait_for()
    page.get_by_role("button", name="Predict again").click()
    expect(seen).to_be_visible()
    no_defect(page)


def test_a_network_that_cannot_be_built_says_which_layer_and_why(page: Page) -> None:
    take_set(page, "Handwritten digits")
    grid = step(page, "Network").get_by_test_id("stDataFrame")
    type_into_cell(page, grid, 240, 1, "9")
    expect(page.get_by_text("Layer 2 (Max pooling) needs pictures of at least 9 x 9 pixels")).to_be_visible()
    expect(train_button(page)).to_be_disabled()
    choose(page, "Preset", "Small residual network")
    expect(train_button(page)).to_be_enabled()
    expect(page.locator("table.layers").get_by_text("Layer 5 (Global average pooling)")).to_be_visible()


def test_a_table_gets_its_own_network_back(page: Page) -> None:
    choose(page, "Preset", "Small (32)")
    set_number(page, "Epochs", 7)
    take_set(page, "Handwritten digits")
    expect(field(page, "spinbutton", "Epochs")).to_have_value("8")
    choose(page, "Pictures", "Sample: Penguins", then="Table")
    expect(field(page, "combobox", "Preset")).to_have_value("Small (32)")
    expect(field(page, "spinbutton", "Epochs")).to_have_value("7")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (400, True)])
def test_own_pictures_and_how_they_are_varied(browser: Browser, app: App, width: int, dark: bool) -> None:
    with tab(browser, width=width, dark=dark) as page:
        open_app(page, app.url)
        upload(page, "mine.zip", own_pictures())
        expect(field(page, "combobox", "Pictures")).to_have_value("Your file: mine.zip")
        idle(page)
        names = page.locator("table.classes th").all_inner_texts()
        assert sorted(name.split("\n")[0] for name in names) == sorted(CLASSES)
        assert sorted(int(name.split("\n")[1]) for name in names) == [10, 20, 30]
        set_number(page, "Size (pixels)", 16)
        expect(page.get_by_text("16 x 16 pixels in colour")).to_be_visible()
        expander(page, "Augmentation")
        idle(page)
        set_number(page, "Rotate (degrees)", 30)
        page.get_by_role("button", name="Show a batch").click()
        page.get_by_text("The first pictures of the first batch").wait_for()
        wide, narrow = page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= narrow
        if width > 1000:
            expander(page, "Split and class weights")
            idle(page)
            switch(page, "Balance classes")
            set_number(page, "Epochs", 2)
            finish(app, page)
            wait_for_charts(page)


def test_a_network_from_imagenet_is_unfrozen_bit_by_bit(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("imagenet")
    imagenet_weights.keep("MobileNetV2", 224, folder)
    app = App(folder / "home", KERAS_HOME=str(folder))
    app.start()
    try:
        with tab(browser) as page:
            open_app(page, app.url)
            take_set(page, "Handwritten digits")
            set_number(page, "Most training pictures", 64)
            set_number(page, "Epochs", 3)
            expander(page, "Start from")
            idle(page)
            choose(page, "Start from", "InceptionV3 (ImageNet)")
            size = field(page, "spinbutton", "Pictures are brought to (pixels)")
            expect(page.get_by_text("its weights (88 MB) are downloaded once")).to_be_visible()
            expect(size).to_have_value("96")
            set_number(page, "Pictures are brought to (pixels)", 74)
            expect(
                page.get_by_text("InceptionV3 needs pictures of at least 75 pixels along a side")
            ).to_be_visible()
            expect(train_button(page)).to_be_disabled()
            choose(page, "Start from", "MobileNetV2 (ImageNet)")
            set_number(page, "Pictures are brought to (pixels)", 32)
            expander(page, "Differential learning rates")
            page.get_by_role("button", name="Gradual: head, middle, early").click()
            idle(page)
            learns = "What learns: head alone in epoch 1; head and middle in epoch 2; all layers in epoch 3."
            expect(page.get_by_text(learns)).to_be_visible()
            run = finish(app, page)
            assert run.settings.training.groups.unfreezing == (2, 1)
            assert (run.history().step_frame()["early"] > 0).sum() == len(run.history().step_frame()) // 3
            results(page)
            idle(page)
            expander(page, "Data preparation")
            expect(
                page.get_by_text("MobileNetV2 starts with what it has learned from ImageNet.")
            ).to_be_visible()
    finally:
        app.stop()
    assert "Traceback" not in app.log(), app.log()
