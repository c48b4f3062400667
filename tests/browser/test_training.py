"""The main job: from a CSV to a trained model, through everything that may happen on the way."""

import csv
import io
import random
import zipfile
from pathlib import Path

import pytest
from drawn.charts import painted, plan_points, plan_with_momentum, wait_for_charts
from playwright.sync_api import Browser, Locator, Page, expect

from browser.driving import (
    App,
    choose,
    click_cell,
    expander,
    field,
    go,
    idle,
    look,
    open_app,
    results,
    run_id,
    set_number,
    state,
    step,
    stop_button,
    switch,
    tab,
    take,
    train,
    train_button,
    type_into_cell,
    upload,
    wait_for_epochs,
)
from lrapp.palette import TRAINING
from lrapp.runs.store import Run, Store

ROWS = 400


def customers(rows: int = ROWS, *, target: bool = True, seed: int = 0) -> bytes:
    """A table of two classes with a category, numbers, a yes/no column and gaps."""
    chance = random.Random(seed)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["age", "income", "city", "member", *(["left"] if target else [])])
    for number in range(rows):
        age, income = chance.randint(18, 80), round(chance.gauss(40_000, 12_000), 2)
        city = chance.choice(["Oslo", "Lima", "Cairo"])
        gone = (age < 40) != (city == "Lima" and chance.random() < 0.7)
        row: list[object] = [age, "" if number % 9 == 4 else income, "" if number % 13 == 5 else city]
        row.append(chance.choice(["yes", "no"]))
        writer.writerow(row + (["gone" if gone else "stayed"] if target else []))
    return text.getvalue().encode()


def make_long(page: Page) -> None:
    """Settings of a run that nobody waits for."""
    set_number(page, "Epochs", 20_000)
    switch(page, "Early stopping")


def stop(page: Page) -> None:
    """Press Stop and wait until it has."""
    stop_button(page).click()
    state(page, "Stopped").wait_for()
    idle(page)


def test_the_first_click_trains_a_sample(browser: Browser, own_app: App) -> None:
    with tab(browser) as page:
        open_app(page, own_app.url)
        train(page)
        results(page)
        panels = wait_for_charts(page)
        assert sum(mark.seen for mark in panels["loss"]) >= 100
        # The loss of the training rows has fallen, and the chart shows it so: further down is a larger y.
        training = next(
            m for m in panels["loss"] if m.name.startswith("loss_lines") and m.values[0][2] == "training"
        )
        assert training.points[-1][1] > training.points[0][1]
        assert painted(page, TRAINING) > 300
        look(page, "Export")
        page.get_by_role("button", name="Download the model").wait_for()


def test_a_killed_server_finds_the_run_and_finishes_it(browser: Browser, own_app: App) -> None:
    with tab(browser, strict=False) as page:
        open_app(page, own_app.url)
        set_number(page, "Epochs", 1_500)
        switch(page, "Early stopping")
        train(page)
        wait_for_epochs(page, 5)
        run = own_app.run(run_id(page))
        own_app.stop(kill=True)
        assert run.status.state == "running", "the run was over before the server was killed; make it longer"
        done = len(run.history().epochs)
        own_app.start()
        page.goto(f"{own_app.url}/?run={run.id}")
        state(page, "Training").or_(state(page, "Waiting")).or_(state(page, "Done")).first.wait_for()
        state(page, "Done").wait_for()
        wait_for_charts(page)
    history = run.history()
    assert history.starts == 2
    assert [epoch.epoch for epoch in history.epochs] == list(range(1, 1_501))
    assert done >= 5


def test_the_main_job(page: Page, app: App, tmp_path: Path) -> None:
    take(page, "customers.csv", customers(), "left")
    expect(page.get_by_text(f"{ROWS} rows, 5 columns")).to_be_visible()
    expect(field(page, "combobox", "Target")).to_have_value("left")
    expect(page.get_by_text("Task: two classes.")).to_be_visible()
    page.get_by_role("textbox", name="Name of the run").fill("who leaves")
    page.get_by_role("textbox", name="Name of the run").press("Enter")
    make_long(page)
    first = train(page)
    wait_for_epochs(page)

    # A refresh finds the run again, with what it has done, and the run goes on.
    done = len(app.run(first).history().epochs)
    page.reload()
    wait_for_epochs(page, done + 2)
    assert run_id(page) == first
    expect(field(page, "combobox", "Target")).to_have_value("left")

    stop(page)
    run = app.run(first)
    assert run.status.state == "stopped"
    assert run.model_path.exists()
    wait_for_charts(page)
    look(page, "Export")

    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the model").click()
    waiting.value.save_as(tmp_path / "model.zip")
    assert waiting.value.suggested_filename == "who-leaves.zip"
    names = set(zipfile.ZipFile(tmp_path / "model.zip").namelist())
    assert names >= {
        "model.keras",
        "preprocessor.skops",
        "run.json",
        "history_steps.csv",
        "history_epochs.csv",
        "scores.json",
        "predict.py",
        "requirements.txt",
        "README.md",
        "lrapp/preparation/preprocessor.py",
    }

    # Resume goes on after the last epoch.
    done = len(run.history().epochs)
    page.get_by_role("button", name="Resume").click()
    wait_for_epochs(page, done + 2)
    stop(page)
    history = run.history()
    assert history.starts == 2
    assert [epoch.epoch for epoch in history.epochs] == list(range(1, len(history.epochs) + 1))

    # The model predicts rows that it has never seen.
    go(page, "Predict")
    expect(page.get_by_role("combobox", name="Model")).to_have_value("who leaves")
    upload(page, "new.csv", customers(57, target=False, seed=1))
    page.get_by_text("57 rows of new.csv predicted.").wait_for()
    expect(page.locator("[data-testid=stDataFrame]").first).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    waiting.value.save_as(tmp_path / "predictions.csv")
    with (tmp_path / "predictions.csv").open(newline="", encoding="utf-8-sig") as file:
        predictions = list(csv.DictReader(file))
    assert len(predictions) == 57
    assert {"age", "income", "city", "member"} < set(predictions[0])

    # The Runs page lists it; deleting can be taken back.
    go(page, "Runs")
    grid = page.locator("[data-testid=stDataFrame]").first
    click_cell(page, grid, 16, 0)
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("The run was deleted.").wait_for()
    assert first not in [kept.id for kept in runs(app)]
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("The run was deleted.").wait_for(state="hidden")
    idle(page)
    assert first in [kept.id for kept in runs(app)]
    click_cell(page, page.locator("[data-testid=stDataFrame]").first, 16, 0)
    page.get_by_role("button", name="Open on the Train page").click()
    page.wait_for_url(lambda url: first in url)
    state(page, "Stopped").wait_for()
    idle(page)  # or the server is ended in the middle of drawing it


def runs(app: App) -> list[Run]:
    """The runs on the disk."""
    return Store(app.home).runs()


def test_a_run_needs_no_tab(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_app(page, app.url)
        set_number(page, "Epochs", 200)
        switch(page, "Early stopping")
        wanted = train(page)
    run = app.wait_until_ended(wanted)
    assert run.status.state == "completed"
    assert len(run.history().epochs) == 200


def test_a_second_run_waits_and_says_its_place(browser: Browser, app: App) -> None:
    with tab(browser) as one, tab(browser) as two:
        open_app(one, app.url)
        make_long(one)
        open_app(two, app.url)
        set_number(two, "Epochs", 2)
        train(one)
        wait_for_epochs(one)
        train(two)
        two.get_by_text("Place 1 in the queue").wait_for()
        state(two, "Waiting").wait_for()
        stop(one)
        state(two, "Done").wait_for()
        wait_for_charts(two)


def test_a_rate_that_explodes_is_said(page: Page, app: App) -> None:
    # A squared error grows without bound in every network; a cross-entropy may end in one that answers always the same.
    choose(page, "Table", "Sample: Fuel economy of cars")
    choose(page, "Optimizer", "SGD")
    choose(page, "Policy", "Fixed")
    set_number(page, "Learning rate", 1000)
    wanted = train(page)
    state(page, "Diverged").wait_for()
    page.get_by_text("became infinite at step").wait_for()
    assert "lower" in app.run(wanted).status.message.lower()


def test_the_plan_is_drawn_while_its_numbers_move(page: Page) -> None:
    def plan(check: str) -> list[tuple[float, float]]:
        page.get_by_text(check).wait_for()
        page.wait_for_timeout(300)
        return plan_points(page)

    set_number(page, "Epochs", 50)
    clr = plan("the rate moves between 0.001 and 0.01.")
    assert max(rate for _, rate in clr) == pytest.approx(0.01)
    assert max(clr, key=lambda point: point[1])[0] == pytest.approx(4, abs=0.2)
    set_number(page, "max_lr", 0.05)
    assert max(rate for _, rate in plan("between 0.001 and 0.05.")) == pytest.approx(0.05)
    set_number(page, "step_size (epochs)", 10)
    page.wait_for_timeout(500)
    assert max(plan_points(page), key=lambda point: point[1])[0] % 20 == pytest.approx(10, abs=0.2)
    choose(page, "Policy", "Fixed")
    assert {rate for _, rate in plan("the rate stays at 0.001.")} == {0.001}
    choose(page, "Policy", "Warm restarts (SGDR)")
    sgdr = plan("the rate moves between")
    page.wait_for_timeout(500)
    sgdr = plan_points(page)
    jumps = [after[0] for before, after in zip(sgdr, sgdr[1:], strict=False) if after[1] > before[1] * 2]
    assert jumps == pytest.approx([10, 30], abs=0.3)
    choose(page, "Policy", "One-cycle")
    page.wait_for_timeout(500)
    one_cycle = plan_points(page)
    assert max(one_cycle, key=lambda point: point[1])[0] == pytest.approx(12.5, abs=0.3)
    switch(page, "Cyclical momentum")
    page.get_by_text("the rate moves between 1 × 10⁻⁷ and 0.01, beta_1 against it.").wait_for()
    page.wait_for_timeout(500)
    rates, momenta = plan_with_momentum(page)
    assert max(rates, key=lambda point: point[1]) == pytest.approx((12.5, 0.01), abs=0.3)
    assert min(momenta, key=lambda point: point[1]) == pytest.approx((12.5, 0.85), abs=0.3)
    assert (momenta[0][1], momenta[-1][1]) == pytest.approx((0.95, 0.95))
    set_number(page, "base_momentum", 0.97)
    page.get_by_text("raise max_momentum or lower base_momentum").wait_for()
    expect(train_button(page)).to_be_disabled()
    switch(page, "Cyclical momentum")
    choose(page, "Unit of lengths", "steps")
    set_number(page, "Warm-up (steps)", 35)
    page.wait_for_timeout(500)
    # 35 steps of 7 an epoch come before the policy, and nothing falls in them.
    warm = [rate for at, rate in plan_points(page) if at <= 5]
    assert warm == sorted(warm)


def layers(page: Page) -> Locator:
    """The table of layers."""
    return step(page, "Network").locator("[data-testid=stDataFrame]")


def test_layers_change_by_preset_and_by_cell(page: Page) -> None:
    parameters = page.get_by_text("parameters,")
    expect(parameters).to_contain_text("8 networks, their answers averaged, of 7,235 parameters")
    choose(page, "Preset", "Linear")
    expect(parameters).to_contain_text("237 parameters")
    choose(page, "Preset", "Small (32)")
    expect(parameters).to_contain_text("2,627 parameters")
    # 14 inputs and 16 bins for each of the 4 numbers, 3 species: 79 n + 3 (n + 1) parameters.
    type_into_cell(page, layers(page), 70, 0, "100")
    expect(parameters).to_contain_text("8,203 parameters")
    # The list of presets learns of it with the next change.
    set_number(page, "Epochs", 51)
    expect(field(page, "combobox", "Preset")).to_have_value("My own")


def test_a_layer_beyond_its_limits_is_refused_and_not_moved_to_them(page: Page) -> None:
    table = layers(page)
    train = train_button(page)
    error = page.get_by_test_id("stAlert").filter(has_text="Layer 1: The setting “units”")
    for units, sentence in (
        ("0", "must be at least 1. Received: 0."),
        ("20000", "must be at most 16,384. Received: 20000."),
        ("99999999999999999999", "must be at most 16,384. Received: 1000000000."),
    ):
        type_into_cell(page, table, 70, 0, units)
        expect(error).to_contain_text(sentence)
        expect(train).to_be_disabled()
        type_into_cell(page, table, 70, 0, "16")
        expect(error).to_have_count(0)
        expect(train).to_be_enabled()


def test_the_page_is_also_found_by_its_name(page: Page, app: App) -> None:
    open_app(page, f"{app.url}/train?run=gone")
    expect(page).to_have_url(f"{app.url}/?run=gone")
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.get_by_role("link", name="Train")).to_have_count(1)
    expect(page.get_by_text("There is no such run here")).to_be_visible()


def test_settings_are_kept_between_pages(page: Page) -> None:
    for epochs in ("7", "8"):
        # The other page is asked for while this one is drawn with the new value.
        number = field(page, "spinbutton", "Epochs")
        number.fill(epochs)
        number.press("Enter")
        go(page, "Runs")
        page.get_by_test_id("stTopNav").get_by_role("link", name="Train").click()
        expect(field(page, "spinbutton", "Epochs")).to_have_value(epochs)
    expander(page, "Seed, best epoch").wait_for()


def test_a_drawer_keeps_what_was_typed_in_it(page: Page) -> None:
    box = expander(page, "Seed, best epoch")
    seed = page.get_by_role("spinbutton", name="Seed", exact=True)
    seed.fill("11")
    # Without Enter: the click that closes the drawer is also what takes the field's new value.
    box.locator("summary").click()
    idle(page)
    expect(seed).to_have_count(0)
    set_number(page, "Epochs", 3)
    expander(page, "Seed, best epoch")
    expect(seed).to_have_value("11")
    box = expander(page, "Find the rates")
    set_number(page, "Seeds", 5)
    box.locator("summary").click()
    expect(page.get_by_role("spinbutton", name="Seeds", exact=True)).to_have_count(0)
    set_number(page, "Epochs", 4)
    expander(page, "Find the rates")
    expect(field(page, "spinbutton", "Seeds")).to_have_value("5")


def test_a_run_ends_at_its_target_and_shows_where_criteria_would_have_ended_it(page: Page, app: App) -> None:
    set_number(page, "Epochs", 30)
    expander(page, "Criterion, target, time limit")
    choose(page, "Criterion", "Rises in a row (UP)")
    expect(field(page, "spinbutton", "Rises in a row (strips)")).to_have_value("3")
    set_number(page, "Strip (epochs)", 10)
    expect(
        page.get_by_text("The criterion UP needs 4 strips of 10 epochs, and the run has 30")
    ).to_be_visible()
    choose(page, "Stop at a target", "Training accuracy (or error)")
    set_number(page, "Target", 0.9)
    ended = app.wait_until_ended(train(page))
    state(page, "Done, stopped early").wait_for()
    page.get_by_text("the target, a training accuracy of 0.9, was reached with").wait_for()
    epochs = [epoch.metric >= 0.9 for epoch in ended.history().epochs]
    assert epochs == [False] * (len(epochs) - 1) + [True]
    expander(page, "When it could have stopped")
    page.get_by_text("Where patience and Prechelt's criteria").wait_for()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (400, True)])
def test_pruning_that_cannot_be_is_said_and_nothing_is_lost(
    browser: Browser, app: App, width: int, dark: bool
) -> None:
    with tab(browser, width=width, dark=dark) as page:
        open_app(page, app.url)
        set_number(page, "Epochs", 6)
        box = expander(page, "Pruning")
        switch(page, "Pruning")
        expect(box.get_by_text("The final sparsity is reached in epoch 2 of 6.")).to_be_visible()
        expect(box.get_by_test_id("stVegaLiteChart")).to_be_visible()

        set_number(page, "Last epoch of pruning", 9)
        expect(page.get_by_text("after the last, which is 6; choose an earlier end").first).to_be_visible()
        expect(train_button(page)).to_be_disabled()
        set_number(page, "Last epoch of pruning", 4)
        expect(train_button(page)).to_be_enabled()
        expect(box.get_by_text("The final sparsity is reached in epoch 4 of 6.")).to_be_visible()
