"""A finished run and a file -> files of predictions: what they hold, and what is said where they cannot be made."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import bombs
import numpy as np
import pandas as pd
import pytest
from predicting import predict_with, read_for

from lrapp.column_formats import chunks
from lrapp.errors import Stopped, UserError
from lrapp.files import disk_errors
from lrapp.networks.saved import SavedModel
from lrapp.prediction import files
from lrapp.prediction.files import Result, predict_file
from lrapp.prediction.progress import Progress
from lrapp.runs.store import SAMPLES, Run
from lrapp.sandbox.readers import OverLimit

PENGUINS = SAMPLES / "penguins.csv"


def predicted(
    finished: Run, tmp_path: Path, data: bytes, name: str = "new.csv"
) -> tuple[Result, pd.DataFrame]:
    path = tmp_path / "table"
    path.write_bytes(data)
    result = predict_file(finished.folder, path, name, tmp_path / "out")
    return result, pd.read_parquet(tmp_path / "out" / "predictions.parquet")


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_files_hold_what_the_model_answers_in_the_tables_order(finished: Run, tmp_path: Path) -> None:
    result, frame = predicted(finished, tmp_path, PENGUINS.read_bytes())

    model = SavedModel.load(finished.folder)
    usual = predict_with(model, read_for(model, PENGUINS.read_bytes(), "penguins.csv"))
    assert frame.columns.tolist() == usual.frame.columns.tolist() == list(result.columns)
    assert frame["prediction"].tolist() == usual.frame["prediction"].tolist()
    np.testing.assert_allclose(frame["confidence"], usual.frame["confidence"], atol=1e-6)
    rows = rows_of((tmp_path / "out" / "predictions.csv").read_bytes())
    assert [row["prediction"] for row in rows] == frame["prediction"].tolist()
    assert [float(row["confidence"]) for row in rows] == pytest.approx(frame["confidence"].tolist(), abs=1e-6)
    assert (result.rows, result.predicted, result.needed, result.added) == (344, 344, 6, 5)
    assert Result.load(tmp_path / "out") == result
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "predictions.csv", "predictions.parquet", "preview.parquet", "result.json",
    ]  # fmt: skip


def test_the_target_gives_the_figures_of_the_run_beside_its_own(finished: Run, tmp_path: Path) -> None:
    result, frame = predicted(finished, tmp_path, PENGUINS.read_bytes())

    right = float((frame["prediction"] == frame["species"]).mean())
    assert result.metrics[0].value == pytest.approx(right)
    assert [metric.name for metric in result.metrics] == [metric.name for metric in result.trained]
    assert result.scored == 344
    assert f"right in {100 * right:.1f} %; on the run's own test rows it was" in result.verdict
    counts = Counter(frame["prediction"])
    assert {bar.name: bar.rows for bar in result.bars} == counts
    assert result.confidence == pytest.approx(frame["confidence"].mean(), abs=1e-6)


def test_a_table_without_the_target_has_no_figures(finished: Run, tmp_path: Path) -> None:
    table = pd.read_csv(PENGUINS).drop(columns="species").assign(note="=1+1")
    result, frame = predicted(finished, tmp_path, table.to_csv(index=False).encode())
    assert result.metrics == ()
    assert result.verdict == ""
    assert result.extra == ("note",)
    # Harmless as CSV; Parquet cannot start a formula and keeps what was there.
    assert rows_of((tmp_path / "out" / "predictions.csv").read_bytes())[0]["note"] == "'=1+1"
    assert frame["note"][0] == "=1+1"


def long_table(tmp_path: Path) -> bytes:
    table = pd.read_csv(PENGUINS)
    many = pd.concat([table.sample(frac=1, random_state=seed) for seed in range(6)])
    # What a portion alone would read as whole numbers has fractions further down.
    many = many.assign(
        extra=[*range(len(many) - 50), *(n + 0.5 for n in range(50))], words=["7"] * 1_000 + ["x"] * 1_064
    )
    return many.to_csv(index=False).encode()


@pytest.mark.parametrize("make", [lambda: bombs.long_gzip(500), bombs.cut_corners])
def test_a_table_that_wants_all_memory_is_a_sentence(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[], bytes]
) -> None:
    monkeypatch.setenv("LRAPP_READER_MEMORY", "300MB")
    with pytest.raises(OverLimit, match="more than 300 MB of memory"):
        predicted(finished, tmp_path, make())
    assert list((tmp_path / "out").iterdir()) == []


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "PORTION_BYTES", 20_000)
    monkeypatch.setattr(chunks, "_BLOCK", 5_000)
    monkeypatch.setattr(chunks, "_LEAST_ROWS", 20)


def test_a_long_file_in_portions_gives_what_the_whole_gives(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = long_table(tmp_path)
    whole, frame = predicted(finished, tmp_path, data)
    small(monkeypatch)
    said: list[Progress] = []
    (tmp_path / "table").write_bytes(data)

    result = predict_file(finished.folder, tmp_path / "table", "new.csv", tmp_path / "out", said.append)

    again = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    assert len({progress.rows for progress in said}) > 4
    assert [progress.share for progress in said] == sorted(progress.share for progress in said)
    assert said[-1] == Progress(len(frame), 1.0, "Writing")
    pd.testing.assert_frame_equal(again, frame, atol=1e-6, rtol=1e-5)
    assert again["extra"].iloc[-1] == 49.5
    assert again["words"].iloc[[0, -1]].tolist() == ["7", "x"]
    assert set(result.notes) == set(whole.notes)
    assert [metric.value for metric in result.metrics] == pytest.approx(
        [metric.value for metric in whole.metrics], abs=1e-5
    )


def test_a_long_file_whose_portions_do_not_agree_is_read_as_a_whole(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch)
    lines = long_table(tmp_path).splitlines(keepends=True)
    result, frame = predicted(finished, tmp_path, b"".join([*lines, b"Adelie,Biscoe\n"]))
    assert result.rows == len(frame) == len(lines)
    assert any("had to be repaired" in note for note in result.notes)


def test_it_can_be_cancelled_and_leaves_nothing(finished: Run, tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(PENGUINS.read_bytes())
    with pytest.raises(Stopped, match="cancelled; nothing was kept"):
        predict_file(finished.folder, tmp_path / "table", "t", tmp_path / "out", should_stop=lambda: True)
    assert list((tmp_path / "out").iterdir()) == []


def test_rows_without_an_answer_stay_with_a_reason(finished: Run, tmp_path: Path) -> None:
    table = pd.read_csv(PENGUINS).astype(object).head(60)
    table.loc[3, ["island", "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex"]] = (
        None
    )
    result, frame = predicted(finished, tmp_path, table.to_csv(index=False).encode())
    assert (result.rows, result.predicted, len(frame)) == (60, 59, 60)
    assert frame["no prediction because"].notna().tolist() == [row == 3 for row in range(60)]
    assert "1 row has no prediction: all columns that the model needs are empty." in result.notes


def test_many_unseen_categories_are_counted(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pd.concat([pd.read_csv(PENGUINS)] * 30, ignore_index=True)
    table["island"] = [f"island {number}" for number in range(len(table))]
    result, frame = predicted(finished, tmp_path, table.to_csv(index=False).encode())
    unseen = result.unseen[0]
    assert (unseen.column, unseen.categories, unseen.rows, unseen.more) == ("island", 10_320, 10_320, False)
    assert frame["prediction"].notna().all()
    monkeypatch.setattr("lrapp.prediction.summary.MOST_UNSEEN", 1_000)
    capped = predicted(finished, tmp_path, table.to_csv(index=False).encode())[0].unseen[0]
    assert capped.sentence.startswith(
        "“island” holds at least 1,000 categories that training never saw, in 10,320 rows: “island 0”, "
    )
    assert capped.sentence.endswith(" and 995 more.")


def _with_comma(cell: object) -> object:
    return str(cell).replace(".", ",") if isinstance(cell, float) else cell


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda table: table.drop(columns="island"), "Missing column: “island”. The table has: “species”"),
        (
            lambda table: table.rename(columns={"bill_length_mm": "Bill_Length mm"}),
            "“bill_length_mm” may be what the table calls “Bill_Length mm”: rename it in the table.",
        ),
        (
            # Decimal commas are a question, but not of a table that is of no use.
            lambda table: table.rename(columns={"bill_length_mm": "Length of bill (mm)"}).map(_with_comma),
            "“bill_length_mm” may be what the table calls “Length of bill (mm)”: rename it in the table.",
        ),
        (lambda table: table.head(0), "must have rows below its column names"),
        (lambda table: pd.DataFrame(), "this one is empty"),
    ],
    ids=["missing", "renamed", "renamed in other words", "no rows", "empty"],
)
def test_a_table_that_does_not_fit_is_a_sentence(
    finished: Run, tmp_path: Path, make: Callable[[pd.DataFrame], pd.DataFrame], sentence: str
) -> None:
    table = make(pd.read_csv(PENGUINS))
    with pytest.raises(UserError) as raised:
        predicted(finished, tmp_path, table.to_csv(index=False).encode() if len(table.columns) else b"")
    assert sentence in str(raised.value)
    assert not (tmp_path / "out" / "result.json").exists()


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
def test_another_encoding_changes_nothing(finished: Run, tmp_path: Path, encoding: str) -> None:
    text = PENGUINS.read_text("utf-8")
    usual, frame = predicted(finished, tmp_path, text.encode())
    _, other = predicted(finished, tmp_path, text.encode(encoding))
    assert other["prediction"].tolist() == frame["prediction"].tolist()
    assert usual.rows == 344


def test_scores_that_are_gone_or_damaged_only_leave_out_what_they_tell(finished: Run, tmp_path: Path) -> None:
    import shutil

    copy = Run(tmp_path / "copy")
    shutil.copytree(finished.folder, copy.folder)
    copy.scores_path.write_text("{")
    result, _ = predicted(copy, tmp_path, PENGUINS.read_bytes())
    assert result.trained == ()
    assert result.verdict.endswith(" %.")


def test_a_damaged_result_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps({"rows": 3}))
    with pytest.raises(UserError, match="predict the table again"):
        Result.load(tmp_path)


def test_a_full_disk_is_a_sentence_and_leaves_nothing(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def full(*_: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.csv_writer, "csv_rows", full)
    with pytest.raises(UserError, match="The disk is full"), disk_errors():
        predicted(finished, tmp_path, PENGUINS.read_bytes())
    assert list((tmp_path / "out").iterdir()) == []
