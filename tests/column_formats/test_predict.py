"""New files for a model that remembers how its columns were written: read rightly, asked about, converted, refused."""

import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from spreadsheets import workbook, xlsx

from lrapp import __main__ as command
from lrapp.column_formats import chunks
from lrapp.column_formats import learned as model_formats
from lrapp.column_formats.match import Choice, UnclearFormat
from lrapp.errors import UserError
from lrapp.execution import worker
from lrapp.networks.saved import SavedModel
from lrapp.prediction import files, folders
from lrapp.prediction.files import Result
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    DataSettings,
    DialectSettings,
    LayerSettings,
    ModelSettings,
    RunSettings,
    TrainingSettings,
)

RNG = np.random.default_rng(5)
ROWS = 120
SIZES = RNG.uniform(2, 90, ROWS)
KINDS = RNG.choice(["a", "b"], ROWS)
Way = tuple[str, Sequence[str]]


def grouped(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


TABLES: dict[str, tuple[str, list[list[str]], DialectSettings]] = {
    "thousands": (";", [[grouped(1000 * size)] for size in SIZES], DialectSettings()),
    "chosen decimal": (
        ",",
        [[f'"{size:.3f}"'.replace(".", ",")] for size in SIZES],
        DialectSettings(decimal=","),
    ),
    "commas": (";", [[f"{size:.2f}".replace(".", ",")] for size in SIZES], DialectSettings()),
    "points": (",", [[f"{size:.2f}"] for size in SIZES], DialectSettings()),
    "unit": (",", [[f"{size:.1f} kg"] for size in SIZES], DialectSettings()),
    "degrees": (",", [[f"{size:.1f} °C"] for size in SIZES], DialectSettings()),
    "percent": (",", [[f"{size:.1f} %"] for size in SIZES], DialectSettings()),
    "share": (",", [[f"{size / 100:.3f}"] for size in SIZES], DialectSettings()),
    "days": (",", [[f"{1 + n % 28:02}/{1 + n % 12:02}/2020"] for n in range(ROWS)], DialectSettings()),
    "iso": (",", [[f"2020-{1 + n % 12:02}-{1 + n % 28:02}"] for n in range(ROWS)], DialectSettings()),
    "answers": (",", [["ja" if size > 40 else "nein"] for size in SIZES], DialectSettings()),
    "words": (",", [["New York" if kind == "a" else "Rome"] for kind in KINDS], DialectSettings()),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Models by what was peculiar in their tables; each is trained when it is first asked for."""
    store = Store(tmp_path_factory.mktemp("formats"))
    made: dict[str, Run] = {}

    def model(name: str) -> Run:
        if name not in made:
            made[name] = _train(store, *TABLES[name])
        return made[name]

    return model


def _train(store: Store, delimiter: str, column: list[list[str]], dialect: DialectSettings) -> Run:
    words = len(set(map(tuple, column))) == 2 and column[0][0] in ("New York", "Rome")
    names, rows = ["x", "kind", "y"], []
    for (cell,), kind, size in zip(column, KINDS, SIZES, strict=True):
        rows.append(
            [cell, *([] if words else [kind]), ("hi" if kind == "a" else "lo") if words else str(int(size))]
        )
    if words:
        names = ["x", "y"]
    text = "\n".join(delimiter.join(row) for row in [names, *rows]) + "\n"
    run = store.create(
        RunSettings(
            data=DataSettings(
                source=store.keep_file(text.encode(), "train.csv"),
                dialect=dialect,
                target="y",
                task=None if words else "regression",
            ),
            model=ModelSettings(layers=(LayerSettings(units=4),)),
            training=TrainingSettings(epochs=30 if words else 2),
            closer_look=False,
        )
    )
    outcome = worker.work(run.folder, store.home)
    run.set_status(state=outcome.state, message=outcome.message, attempts=1)
    assert run.model_path.exists(), outcome
    return run


def predicted(
    run: Run, folder: Path, data: str | bytes, choice: Choice | None = None, name: str = "new.csv"
) -> tuple[Result, pd.DataFrame]:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    result = files.predict_file(run.folder, path, name, folder / "out", choice=choice)
    return result, pd.read_parquet(folder / "out" / "predictions.parquet")


@pytest.mark.parametrize(
    ("model", "data", "values", "noted"),
    [
        ("thousands", "x;kind\n50.000;a\n20.000;b\n75.500;a\n", [50000, 20000, 75500], "50.000 was read as 50000"),
        ("thousands", "x;kind\n50.000,00;a\n20.000,00;b\n", [50000, 20000], ""),
        ("thousands", "x\tkind\n50000\ta\n20000\tb\n", [50000, 20000], ""),
        ("chosen decimal", 'x,kind\n"3,125",a\n"7,250",b\n', [3.125, 7.25], "3,125 was read as 3.125"),
        ("commas", "x;kind\n12,5;a\n7;b\n", [12.5, 7], ""),
        ("points", "x,kind\n3.125,a\n7.250,b\n", [3.125, 7.25], ""),
        ("unit", "x,kind\n50000 g,a\n20000 g,b\n", [50, 20], "converted from g to kg"),
        ("unit", "x,kind\n50000 g,a\n", [50], "converted from g to kg"),
        ("unit", "x,kind\n50 kg,a\n20 kg,b\n", [50, 20], ""),
        ("unit", "x,kind\n50,a\n20,b\n", [50, 20], "were taken as kg"),
        ("degrees", "x,kind\n212 °F,a\n32 °F,b\n", [100, 0], "converted from °F to °C"),
        ("degrees", "x,kind\n373.15 K,a\n273.15 K,b\n", [100, 0], "converted from K to °C"),
        ("degrees", "x,kind\n50 °C,a\n20 °C,b\n", [50, 20], ""),
        ("percent", "x,kind\n12.5%,a\n40%,b\n", [12.5, 40], ""),
        ("share", "x,kind\n12.5%,a\n40%,b\n", [0.125, 0.4], "converted from % to shares"),
    ],
)  # fmt: skip
def test_numbers_are_read_as_the_model_learned_them(
    models: Callable[[str], Run], tmp_path: Path, model: str, data: str, values: list[float], noted: str
) -> None:
    result, frame = predicted(models(model), tmp_path, data)
    assert frame["x"].tolist() == pytest.approx(values)
    assert frame["prediction"].notna().all()
    assert [note for note in result.notes if "“x”" in note and noted in note] or not noted
    if not noted:
        assert not [note for note in result.notes if note.startswith("“x”")]


@pytest.mark.parametrize(
    ("model", "cells", "days", "noted"),
    [
        ("days", ["03/04/2020", "05/06/2020"], ["2020-04-03", "2020-06-05"], True),
        ("days", ["31.12.2020", "05.06.2020"], ["2020-12-31", "2020-06-05"], False),
        ("days", ["2020-04-03", "2020-06-05"], ["2020-04-03", "2020-06-05"], False),
        ("iso", ["31.12.2020", "05.06.2020"], ["2020-12-31", "2020-06-05"], False),
    ],
)
def test_dates_are_read_as_the_model_learned_them(
    models: Callable[[str], Run], tmp_path: Path, model: str, cells: list[str], days: list[str], noted: bool
) -> None:
    result, frame = predicted(models(model), tmp_path, f"x,kind\n{cells[0]},a\n{cells[1]},b\n")
    assert frame["x"].astype(str).str[:10].tolist() == days
    assert any("as the model learned it" in note for note in result.notes) == noted


@pytest.mark.parametrize(
    ("model", "data", "ways"),
    [
        ("commas", "x,kind\n12.5,a\n7.25,b\n", {Choice("file"): [12.5, 7.25], Choice(decimal="."): [12.5, 7.25]}),
        ("commas", "x;kind\n3.125;a\n7.250;b\n", {Choice("file"): [3.125, 7.25], Choice("model"): [3125, 7250]}),
        ("points", "x;kind\n12,5;a\n7,25;b\n", {Choice("file"): [12.5, 7.25], Choice(decimal=","): [12.5, 7.25]}),
        ("points", 'x,kind\n"3,125",a\n"7,250",b\n', {Choice("file"): [3.125, 7.25], Choice("model"): [3125, 7250]}),
    ],
)  # fmt: skip
def test_other_marks_are_asked_about_before_anything_is_predicted(
    models: Callable[[str], Run], tmp_path: Path, model: str, data: str, ways: dict[Choice, list[float]]
) -> None:
    with pytest.raises(UnclearFormat, match=r"new\.csv: “x” has"):
        predicted(models(model), tmp_path, data)
    assert not (tmp_path / "out" / files.CSV_FILE).exists()
    for choice, values in ways.items():
        result, frame = predicted(models(model), tmp_path, data, choice)
        assert frame["x"].tolist() == values
        assert any(note.startswith("“x”: ") for note in result.notes)


@pytest.mark.parametrize(("model", "cell"), [("days", "12/31/2020"), ("iso", "03/04/2020")])
def test_the_order_of_dates_is_asked_where_it_is_another_or_open(
    models: Callable[[str], Run], tmp_path: Path, model: str, cell: str
) -> None:
    data = f"x,kind\n{cell},a\n02/03/2020,b\n"
    with pytest.raises(UnclearFormat, match="--day-first or --month-first"):
        predicted(models(model), tmp_path, data)
    _, frame = predicted(models(model), tmp_path, data, Choice(day_first=False))
    assert frame["x"].astype(str).str[:10].tolist()[1] == "2020-02-03"


@pytest.mark.parametrize(
    ("model", "cell", "sentence"),
    [
        ("unit", "50 m", "The model learned “x” in kg, and the file has it in m"),
        ("points", "50 kg", "The model learned “x” without a unit"),
        ("percent", "0.12", "which may be shares"),
    ],
)
def test_what_cannot_be_converted_is_refused(
    models: Callable[[str], Run], tmp_path: Path, model: str, cell: str, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        predicted(models(model), tmp_path, f"x,kind\n{cell},a\n{cell},b\n")


def test_a_cell_that_does_not_fit_leaves_its_row_without_a_prediction(
    models: Callable[[str], Run], tmp_path: Path
) -> None:
    data = "x;kind\n12,5;a\n7,25;b\n3.5;a\n?;b\nabc;a\n"
    result, frame = predicted(models("commas"), tmp_path, data)
    assert frame["prediction"].notna().tolist() == [True, True, False, True, False]
    reasons = frame["no prediction because"].tolist()
    assert reasons[2] == "“x” must be a number and is “3.5”"
    assert reasons[4] == "“x” must be a number and is “abc”"
    assert any("2 rows have no prediction" in note for note in result.notes)


def test_a_spreadsheet_needs_no_question(models: Callable[[str], Run], tmp_path: Path) -> None:
    rows: list[list[str | float | None]] = [["x", "kind"], [12.5, "a"], [3.125, "b"]]
    _, frame = predicted(models("commas"), tmp_path, xlsx(rows), name="new.xlsx")
    assert frame["x"].tolist() == [12.5, 3.125]


def test_of_several_sheets_the_one_with_the_columns_is_predicted(
    models: Callable[[str], Run], tmp_path: Path
) -> None:
    rows: list[list[str | float | None]] = [["x", "kind"], [12.5, "a"], [3.125, "b"]]
    notes: list[list[str | float | None]] = [["about"], ["made by hand"]]
    result, frame = predicted(
        models("commas"), tmp_path, workbook({"Read me": notes, "May": rows}), name="new.xlsx"
    )
    assert frame["x"].tolist() == [12.5, 3.125]
    assert any("“May”" in note or "'May'" in note for note in result.notes)

    # The first one is read where it has them, as ever; which of two others is meant must be said.
    both = workbook({"April": [rows[0], rows[2]], "May": rows})
    _, frame = predicted(models("commas"), tmp_path, both, name="new.xlsx")
    assert frame["x"].tolist() == [3.125]
    two = workbook({"Read me": notes, "April": [rows[0], rows[2]], "May": rows})
    with pytest.raises(UnclearFormat, match=r"2 sheets have the columns .*April.*May.*--sheet") as unclear:
        predicted(models("commas"), tmp_path, two, name="new.xlsx")
    (question,) = unclear.value.questions
    assert [option.label for option in question.options] == ["April", "May"]
    _, frame = predicted(models("commas"), tmp_path, two, question.options[1].choice, name="new.xlsx")
    assert frame["x"].tolist() == [12.5, 3.125]


def test_a_second_question_keeps_the_first_answer(models: Callable[[str], Run], tmp_path: Path) -> None:
    notes: list[list[str | float | None]] = [["about"], ["made by hand"]]
    cells: list[list[str | float | None]] = [["x", "kind"], ["12,500", "a"], ["3,125", "b"]]
    made = workbook({"Read me": notes, "April": cells, "May": cells})
    folder = folders.create(tmp_path, made, name="new.xlsx").folder
    choice = None
    for about in ("sheet", "decimal"):
        folders.work(folder, models("points").folder, "new.xlsx", choice=choice)
        (question,) = folders.PredictionFolder(folder).questions
        assert question.about == about
        choice = question.options[1].choice
    assert choice is not None
    assert choice.sheet == "May"


def test_other_words_for_yes_and_no_are_said(models: Callable[[str], Run], tmp_path: Path) -> None:
    result, _ = predicted(models("answers"), tmp_path, "x,kind\nyes,a\nno,b\n")
    _, learned = predicted(models("answers"), tmp_path, "x,kind\nja,a\nnein,b\n")
    assert "“x”: “no”, “yes” were taken as words for “nein” and “ja”." in result.notes
    _, other = predicted(models("answers"), tmp_path, "x,kind\nyes,a\nno,b\n")
    assert other["prediction"].tolist() == learned["prediction"].tolist()


@pytest.mark.parametrize(
    ("data", "answers"),
    [
        ("x\nNew York\nRome\n", ["hi", "lo"]),
        ("x\nNew York\nNew York\n", ["hi", "hi"]),
        ("x\nNew York\n", ["hi"]),
    ],
)
def test_a_file_of_one_column_of_words_is_read(
    models: Callable[[str], Run], tmp_path: Path, data: str, answers: list[str]
) -> None:
    _, frame = predicted(models("words"), tmp_path, data)
    assert frame["x"].tolist() == data.splitlines()[1:]
    assert frame["prediction"].tolist() == answers


def test_a_long_file_is_read_by_what_its_first_rows_say(
    models: Callable[[str], Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "PORTION_BYTES", 2_000)
    monkeypatch.setattr(chunks, "MOST_BYTES", 4_000)
    monkeypatch.setattr(chunks, "_BLOCK", 700)
    monkeypatch.setattr(chunks, "_LEAST_ROWS", 20)
    data = "x,kind\n" + "".join(f"{1000 * n} g,a\n" for n in range(1, 900))
    result, frame = predicted(models("unit"), tmp_path, data)
    assert frame["x"].tolist() == list(range(1, 900))
    assert len([note for note in result.notes if "converted from g to kg" in note]) == 1
    with pytest.raises(UnclearFormat):
        predicted(models("commas"), tmp_path, "x,kind\n" + "".join(f"{n}.5,a\n" for n in range(900)))
    # What only the last rows show is asked as well.
    with pytest.raises(UnclearFormat):
        predicted(models("commas"), tmp_path, "x,kind\n" + "7,a\n" * 900 + "12.5,a\n")


@pytest.fixture
def _own_interrupt() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_own_interrupt")
def test_the_command_asks_with_exit_code_2_and_takes_an_answer(
    models: Callable[[str], Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new, out = tmp_path / "new.csv", tmp_path / "answer.csv"
    new.write_text("x,kind\n12.5,a\n7.25,b\n")
    call = ["predict", str(models("commas").folder), str(new), "--out", str(out)]
    assert command.main(call) == 2
    said = capsys.readouterr().err
    assert "new.csv: “x” has 12.5, and the model learned it with decimal commas." in said
    assert "--format model or --format file" in said
    assert not out.exists()
    assert command.main([*call, "--format", "file"]) == 0
    assert "“x”: 12.5 was read as 12.5, as you chose." in capsys.readouterr().out
    assert pd.read_csv(out)["x"].tolist() == [12.5, 7.25]


def test_a_page_keeps_the_table_until_the_question_is_answered(
    models: Callable[[str], Run], tmp_path: Path
) -> None:
    run = models("commas")
    folder = folders.create(tmp_path, b"x,kind\n12.5,a\n7.25,b\n", name="new.csv", run=run.id)
    assert not folder.questions
    folders.work(folder.folder, run.folder, "new.csv")
    assert folder.questions
    assert not folder.cut_off, "it waits for a person, not for a worker"
    option = folder.questions[0].options[0]
    assert option.label == "As the file seems to write it: decimal points, so that 12.5 is 12.5"
    with pytest.raises(UserError):
        folder.result()
    folder.answer()
    folders.work(folder.folder, run.folder, "new.csv", option.choice)
    assert not folder.questions
    assert folder.result().rows == 2


def test_a_model_without_formats_reads_as_the_file_looks(
    models: Callable[[str], Run], tmp_path: Path
) -> None:
    import shutil

    old = tmp_path / "old"
    shutil.copytree(models("commas").folder, old)
    (old / model_formats.FILE).unlink()
    _, frame = predicted(Run(old), tmp_path, "x,kind\n12.5,a\n7.25,b\n")
    assert frame["x"].tolist() == [12.5, 7.25]
    chosen = tmp_path / "chosen"
    shutil.copytree(models("chosen decimal").folder, chosen)
    (chosen / model_formats.FILE).unlink()
    # What was chosen by hand stands in the settings, too.
    _, frame = predicted(Run(chosen), tmp_path, 'x,kind\n"3,125",a\n"7,250",b\n')
    assert frame["x"].tolist() == [3.125, 7.25]


def test_damaged_formats_are_a_sentence(models: Callable[[str], Run], tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "damaged"
    shutil.copytree(models("commas").folder, folder)
    for text in ("{", '{"version": 2}', '{"columns": {"x": {"format": 3}}}'):
        (folder / model_formats.FILE).write_text(text)
        with pytest.raises(UserError, match=r"formats\.json"):
            SavedModel.load(folder)
