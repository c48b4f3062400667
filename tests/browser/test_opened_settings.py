"""Settings that come from elsewhere, on the Train page: a link, a file, and the table that they were made for."""

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from browser.driving import App, choose, expander, field, idle, open_app, set_number, tab, train, train_button
from lrapp.runs import links
from lrapp.runs.store import Store
from lrapp.settings import (
    DataSettings,
    FileSource,
    FixedSettings,
    RunSettings,
    TrainingSettings,
    starting_values,
)

TABLE = b"a,b,y\n" + b"".join(b"%d,%d,%d\n" % (n % 7, n % 5, (n % 7 + n % 5) > 5) for n in range(297))


def test_a_broken_link_is_a_sentence_and_the_usual_settings(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_app(page, f"{app.url}/?settings=eNo9ztEK")
        page.get_by_text("The link was cut off or changed on its way").wait_for()
        expect(field(page, "spinbutton", "Ensemble (networks)")).to_have_value(f"{starting_values.NETWORKS}")
        expect(train_button(page)).to_be_enabled()


def test_settings_are_opened_from_a_file(browser: Browser, app: App, tmp_path: Path) -> None:
    settings = RunSettings(
        name="from a colleague",
        training=TrainingSettings(optimizer="sgd", epochs=3),
        policy=FixedSettings(learning_rate=0.125),
    )
    with tab(browser) as page:
        open_app(page, app.url)
        page.get_by_role("button", name="Open settings").click()
        uploader = page.get_by_test_id("stPopoverBody").locator("input[type=file]")
        uploader.set_input_files(
            {"name": "run.json", "mimeType": "application/json", "buffer": b'{"epochs": 3}'}
        )
        page.get_by_text("The setting “epochs” is not valid").wait_for()
        uploader.set_input_files(
            {"name": "run.json", "mimeType": "application/json", "buffer": settings.to_json().encode()}
        )
        expect(field(page, "spinbutton", "Epochs")).to_have_value("3")
        idle(page)
        expect(field(page, "combobox", "Optimizer")).to_have_value("SGD")
        expect(field(page, "spinbutton", "Learning rate")).to_have_value("0.125")


def test_the_link_of_the_train_page_holds_what_its_fields_say(browser: Browser, app: App) -> None:
    with tab(browser) as page:
        open_app(page, app.url)
        set_number(page, "Epochs", 9)
        page.get_by_role("button", name="Share").click()
        link = page.get_by_test_id("stCode").inner_text()
        settings = links.from_text(link.partition("settings=")[2])
        assert settings.training.epochs == 9
        assert settings.data.target == "species"


def test_the_file_that_a_link_was_made_for_is_asked_for(browser: Browser, app: App, tmp_path: Path) -> None:
    elsewhere = Store(tmp_path / "elsewhere")
    source = elsewhere.keep_file(TABLE, "their table.csv")
    assert isinstance(source, FileSource)
    settings = RunSettings(
        data=DataSettings(source=source, target="b", task="multi-class", split_seed=7),
        training=TrainingSettings(epochs=2),
    )
    with tab(browser) as page:
        open_app(page, f"{app.url}/?settings={links.to_text(settings)}")
        page.get_by_text(f"its SHA-256 begins with {source.sha256[:8]}").wait_for()
        expect(train_button(page)).to_be_disabled()
        uploader = page.get_by_test_id("stFileUploader").filter(has_text="The table of these settings")
        file = uploader.locator("input[type=file]")
        file.set_input_files({"name": "other.csv", "mimeType": "text/csv", "buffer": b"a\n1\n"})
        page.get_by_text("SHA-256 must begin with").wait_for()
        # Under whatever name it comes.
        file.set_input_files({"name": "copy (1).csv", "mimeType": "text/csv", "buffer": TABLE})
        expect(field(page, "combobox", "Target")).to_have_value("b")
        idle(page)
        expect(field(page, "combobox", "Task")).to_have_value("Several classes")
        expander(page, "Gaps, scaling and split")
        expect(field(page, "spinbutton", "Split seed")).to_have_value("7")
        wanted = train(page)
        assert app.wait_until_ended(wanted).settings.data == settings.data


def test_epochs_follow_from_the_table_until_somebody_chooses(browser: Browser, app: App) -> None:
    def shown(page: Page) -> tuple[int, int]:
        fields = [field(page, "spinbutton", name) for name in ("Epochs", "Patience (epochs)")]
        return int(fields[0].input_value()), int(fields[1].input_value())

    def wanted(rows: int, batch: int = 32) -> tuple[int, int]:
        suited = starting_values.for_rows(TrainingSettings(batch_size=batch), rows)
        return suited.epochs, suited.early_stopping.patience

    with tab(browser) as page:
        open_app(page, app.url)
        idle(page)
        penguins = wanted(206)
        assert shown(page) == penguins
        choose(page, "Table", "Sample: Breast cancer")
        idle(page)
        cancer = wanted(341)
        assert cancer != penguins
        assert shown(page) == cancer
        set_number(page, "Batch size (rows)", 16)
        idle(page)
        assert shown(page) == wanted(341, 16)
        set_number(page, "Epochs", 7)
        choose(page, "Table", "Sample: Penguins")
        idle(page)
        assert shown(page)[0] == 7, "chosen by hand"
