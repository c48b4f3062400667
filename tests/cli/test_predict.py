"""Predicting from the command line."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from lrapp import __main__ as command
from lrapp.cli import predict
from lrapp.prediction.progress import Progress
from lrapp.runs.store import SAMPLES, Run

PENGUINS = SAMPLES / "penguins.csv"


@pytest.fixture(autouse=True)
def _own_interrupt() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_table_goes_in_and_comes_out(
    finished: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "answer.csv"
    assert command.main(["predict", str(finished.folder), str(PENGUINS), "--out", str(out)]) == 0
    frame = pd.read_csv(out)
    assert len(frame) == 344
    assert (frame["prediction"] == frame["species"]).mean() > 0.9
    said = capsys.readouterr().out
    assert "on the run's own test rows it was" in said
    assert f"344 rows are in {out}; 344 of them have a prediction." in said
    packed = tmp_path / "answer.parquet"
    assert command.main(["predict", str(finished.folder), str(PENGUINS), "--out", str(packed)]) == 0
    assert pd.read_parquet(packed)["prediction"].tolist() == frame["prediction"].tolist()
    assert sorted(path.name for path in out.parent.iterdir()) == ["answer.csv"], "nothing else is left"


@pytest.mark.parametrize(
    ("run", "table", "sentence"),
    [
        ("gone", PENGUINS, "The run's folder must be there. Received: gone."),
        (".", PENGUINS, "This model has no preprocessor beside it"),
        ("", SAMPLES / "auto_mpg.csv", "Missing columns: “island”, “bill_length_mm”"),
        ("", "gone.csv", "The table cannot be read: gone.csv."),
    ],
)
def test_what_does_not_fit_is_a_sentence(
    finished: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    run: str,
    table: Path | str,
    sentence: str,
) -> None:
    out = tmp_path / "answer.csv"
    assert predict.main([run or str(finished.folder), str(table), "--out", str(out)]) == 1
    errors = capsys.readouterr().err
    assert sentence in errors
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == [], "nothing is left"


def test_a_bar_is_drawn_in_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    predict._Bar().draw(Progress(10, 0.5))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    bar = predict._Bar()
    bar.draw(Progress(1_000, 0.5))
    bar.draw(Progress(2_000, 0.6))  # too soon to be drawn
    bar.close()
    assert capsys.readouterr().err.rstrip() == "\r[###############...............] predicting  1,000 rows"
