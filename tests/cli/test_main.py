"""The same run without a browser."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from lrapp import __main__ as command
from lrapp.cli import training
from lrapp.runs.events import EpochDone, StepsDone, TrainingStarted
from lrapp.runs.store import SAMPLES, Run, Status, now
from lrapp.settings import (
    DataSettings,
    EarlyStoppingSettings,
    FileSource,
    LayerSettings,
    ModelSettings,
    RunSettings,
    SampleSource,
    TrainingSettings,
)

ROOT = Path(__file__).parents[2]
PATIENCE = 240


def start(home: Path, *arguments: str | Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "lrapp", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "LRAPP_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call(home: Path, *arguments: str | Path) -> tuple[int, str, str]:
    process = start(home, *arguments)
    output, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, output, errors


def test_a_run_is_the_same_as_in_the_app(finished: Run, tmp_path: Path) -> None:
    code, output, errors = call(
        tmp_path / "home", finished.folder / "run.json", "--out", tmp_path / "new" / "run"
    )
    assert code == 0, errors
    run = Run(tmp_path / "new" / "run")
    assert run.status.state == "completed"
    assert run.settings == finished.settings
    assert run.history().step_frame().equals(finished.history().step_frame())
    assert run.scores_path.read_text() == finished.scores_path.read_text()
    assert "epoch 1 of 25  loss " in errors
    assert "epoch 25 of 25  loss " in errors
    assert "accuracy" in errors
    assert "Traceback" not in errors
    lines = output.splitlines()
    assert lines[0] == finished.status.message
    assert lines[1].startswith("The network is right in ")
    assert "boosted trees" in lines[2].lower()
    assert lines[3].endswith("all in one file: Penguins-of-Palmer-Station.zip.")
    packed = (run.folder / "Penguins-of-Palmer-Station.zip").read_bytes()
    assert "predict.py" in zipfile.ZipFile(io.BytesIO(packed)).namelist()
    assert not (tmp_path / "home" / "runs").joinpath(run.id).exists()


def test_a_model_for_use_is_made_of_a_finished_run(finished: Run, tmp_path: Path) -> None:
    settings, out = finished.folder / "run.json", tmp_path / "use"
    code, output, errors = call(tmp_path / "home", settings, "--all-rows", "--out", out)
    assert code == 0, errors
    assert "nan" not in errors
    assert "no test score of its own. Expect the score of the run it was made from: The network is" in output
    told, before = Run(out).history(), finished.history()
    assert told.prepared is not None
    assert (told.prepared.train, told.prepared.validation, told.prepared.test) == (344, 0, 0)
    assert before.best is not None
    assert len(told.epochs) == before.best.epoch
    shutil.copy(settings, tmp_path / "run.json")
    for wrong, sentence in (
        (tmp_path, "--all-rows needs the run.json in the folder of a finished run"),
        (out, "held rows back"),
    ):
        code, _, errors = call(tmp_path / "home", wrong / "run.json", "--all-rows", "--out", tmp_path / "no")
        assert code == 1
        assert sentence in errors


def test_ctrl_c_keeps_the_best_weights_and_the_run_can_go_on(tmp_path: Path) -> None:
    table = tmp_path / "other name.csv"
    shutil.copy(SAMPLES / "penguins.csv", table)
    settings = RunSettings(
        data=DataSettings(source=FileSource(name="mine.csv", sha256="0" * 64), target="species"),
        model=ModelSettings(layers=(LayerSettings(units=4),)),
        training=TrainingSettings(
            epochs=100_000, xla="off", early_stopping=EarlyStoppingSettings(enabled=False)
        ),
    )
    (tmp_path / "run.json").write_text(settings.to_json())
    run = Run(tmp_path / "out")
    done_before = 0
    for more in ([], ["--resume"]):
        process = start(tmp_path / "home", tmp_path / "run.json", "--out", run.folder, "--data", table, *more)
        deadline = time.monotonic() + PATIENCE
        while len(run.history().epochs) <= done_before:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
        assert "other name.csv is not the file that these settings were made with." in errors
        assert run.status.state == "stopped"
        assert output.startswith("Stopped after ")
        assert "The model keeps the weights of epoch" in output
        assert run.model_path.exists()
        assert len(run.history().epochs) > done_before
        done_before = len(run.history().epochs)
    history = run.history()
    assert history.started is not None
    assert history.started.first_epoch > 0
    assert run.status.attempts == 2
    assert [epoch.epoch for epoch in history.epochs] == list(range(1, len(history.epochs) + 1))


# --- calls that end before anything starts ---------------------------------------------------------------------


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    path.write_text(RunSettings(data=DataSettings(target="species")).to_json())
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert command.main([str(argument) for argument in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1, "one sentence"
    return captured.err.rstrip("\n")


@pytest.mark.parametrize(
    "arguments", [[], ["run.json"], ["--out", "x"], ["run.json", "--out", "x", "--fast"]]
)
def test_a_wrong_call_says_how_it_is_done(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        command.main(arguments)
    assert raised.value.code == 2
    assert "usage: python -m lrapp" in capsys.readouterr().err


def test_settings_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tmp_path / "gone.json", tmp_path):
        sentence = refused(capsys, path, "--out", tmp_path / "out")
        assert sentence == f"The settings cannot be read: {path}. Name the JSON file that the app saved."
    (tmp_path / "bad.json").write_text("{")
    assert "not valid JSON" in refused(capsys, tmp_path / "bad.json", "--out", tmp_path / "out")
    (tmp_path / "bad.json").write_text('{"training": {"epochs": 0}}')
    assert "“training.epochs”" in refused(capsys, tmp_path / "bad.json", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_table_that_cannot_be_read(
    settings_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = refused(capsys, settings_file, "--out", tmp_path / "out", "--data", tmp_path / "gone.csv")
    assert sentence == f"The table cannot be read: {tmp_path / 'gone.csv'}. Name a file that is there."
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_used(
    settings_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = refused(capsys, settings_file, "--out", settings_file)
    assert sentence.startswith("This folder cannot be made, as a file is in its way: ")


def test_a_folder_with_a_run_is_not_written_over(
    settings_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    sentence = refused(capsys, settings_file, "--out", out, "--resume")
    assert sentence == f"{out} holds no run to go on with. Leave --resume out to start one."
    (out / "run.json").write_bytes(settings_file.read_bytes())
    status = Status(created=now(), state="completed")
    (out / "status.json").write_text(status.model_dump_json())
    assert "holds a run already" in refused(capsys, settings_file, "--out", out)
    assert "nothing to go on with" in refused(capsys, settings_file, "--out", out, "--resume")
    Run(out).set_status(state="stopped")
    settings_file.write_text(RunSettings(data=DataSettings(target="island")).to_json())
    assert "other settings" in refused(capsys, settings_file, "--out", out, "--resume")
    assert Run(out).status.state == "stopped"


def test_a_run_that_cannot_be_done_ends_with_its_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = RunSettings(data=DataSettings(source=SampleSource(name="gone.csv"), target="a"))
    (tmp_path / "run.json").write_text(settings.to_json())
    before = signal.getsignal(signal.SIGINT)
    try:
        code = command.main([str(tmp_path / "run.json"), "--out", str(tmp_path / "out")])
    finally:
        signal.signal(signal.SIGINT, before)
    captured = capsys.readouterr()
    assert code == 1
    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith("There is no sample table called gone.csv.")
    status = Run(tmp_path / "out").status
    assert status.state == "failed"
    assert status.message == captured.err.splitlines()[-1]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_one_bar_that_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    bar = training.Bar(RunSettings())
    bar.take(TrainingStarted(parameters=1, metric="accuracy", steps_per_epoch=10, total_steps=40, epochs=4))
    bar.take(StepsDone(0, (0.5,) * 4, (0.1,) * 4, 0.1))
    assert terminal.getvalue().startswith("\r[###...........................] epoch 1 of 4")
    bar.take(StepsDone(4, (0.5,) * 6, (0.1,) * 6, 0.2))
    bar.take(EpochDone(4, 40, 0.5, 0.25, 0.9, 0.75, 0.1, 12.34, best=True))
    bar.close()
    last = terminal.getvalue().split("\r")[-1]
    assert last.startswith(f"[{'#' * 30}] epoch 4 of 4  loss 0.5  val_loss 0.25  accuracy 75.0 %  12.3 s")
    assert last.endswith("\n")
    assert len({len(line.rstrip("\n")) for line in terminal.getvalue().split("\r")[1:]}) == 1, (
        "nothing is left over"
    )


def test_a_log_file_gets_a_line_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    bar = training.Bar(RunSettings())
    bar.take(
        TrainingStarted(
            parameters=1, metric="mean absolute error", steps_per_epoch=1, total_steps=2, epochs=2
        )
    )
    bar.take(StepsDone(0, (0.5,), (0.1,), 0.1))
    bar.take(EpochDone(1, 1, 0.5, 0.25, 9.5, 8.5, 0.1, 0.1, best=True))
    bar.close()
    assert log.getvalue() == "epoch 1 of 2  loss 0.5  val_loss 0.25  mean absolute error 8.5  0.1 s\n"
