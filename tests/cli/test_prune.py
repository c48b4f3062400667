"""Pruning a finished run without a browser: what it says and leaves, where the run may lie, and what is refused."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from zeros.runs import CANCER, LAYERS, left

from lrapp import __main__ as command
from lrapp.cli import training
from lrapp.evaluation import model_sizes
from lrapp.experiments import pruning_afterwards
from lrapp.export import finished_run
from lrapp.runs import starts
from lrapp.runs.events import EpochDone, Event
from lrapp.runs.store import SAMPLES, Run, Store
from lrapp.settings import FixedSettings, PruningSettings, RunSettings, RunStart, TrainingSettings
from lrapp.settings.base import checked
from lrapp.settings.sources import upload_of


@pytest.fixture(autouse=True)
def ctrl_c_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LRAPP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def call(*arguments: str | Path) -> int:
    return command.main([str(argument) for argument in arguments])


def test_a_run_from_the_command_line_is_pruned_twice_and_repeated(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = RunSettings(
        data=CANCER,
        model=LAYERS,
        policy=FixedSettings(learning_rate=0.01),
        training=TrainingSettings(epochs=4, members=2),
        closer_look=False,
    )
    (tmp_path / "run.json").write_text(plain.to_json())
    assert call(tmp_path / "run.json", "--out", tmp_path / "mine") == 0
    assert call("prune", tmp_path / "mine", "--out", tmp_path / "small", "--epochs", "3") == 0

    small = Run(tmp_path / "small")
    output = capsys.readouterr().out
    assert small.settings == pruning_afterwards.settings_of(Run(tmp_path / "mine"), epochs=3)
    assert left(small).share == pytest.approx(0.8, abs=0.01)
    found = model_sizes.kept(small.folder)
    assert found is not None
    assert [form.name for form in found.forms[:2]] == ["before pruning", "pruned"]
    for form in found.forms[:2]:
        row = next(line for line in output.splitlines() if line.lstrip().startswith(f"{form.name} "))
        assert f"{100 * form.scores[0][1]:.1f} %" in row
    assert "a CPU multiplies zeros as it does other numbers" in output
    assert output.splitlines()[-1].endswith("all in one file: diagnosis-breast-cancer.zip.")

    # It holds what it started from: that may go, and the app's own folder has no run.
    shutil.rmtree(tmp_path / "mine")
    assert not any((home / "runs").iterdir())
    assert call("prune", tmp_path / "small", "--out", tmp_path / "less", "--epochs", "2") == 0
    assert left(Run(tmp_path / "less")).share == pytest.approx(0.9, abs=0.01)
    less = model_sizes.kept(tmp_path / "less")
    assert less is not None
    assert [(form.name, round(form.zeros, 1)) for form in less.forms[:2]] == [
        ("pruned less", 0.8),
        ("pruned", 0.9),
    ]
    assert call(tmp_path / "small" / "run.json", "--out", tmp_path / "again") == 0
    assert Run(tmp_path / "again").history().step_frame().equals(small.history().step_frame())


def test_a_run_of_the_app_is_pruned_with_its_table_and_a_script_starts_as_it_did(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], finished: Run
) -> None:
    table = tmp_path / "mine.csv"
    shutil.copy(SAMPLES / "penguins.csv", table)
    elsewhere = Store(tmp_path / "elsewhere")
    kept = elsewhere.keep_file(table.read_bytes(), table.name)
    source = upload_of("table", kept.name, kept.sha256)
    settings = finished.settings
    run = elsewhere.create(checked(settings, data=checked(settings.data, source=source)))
    own = shutil.ignore_patterns("run.json", "status.json", "lock")
    shutil.copytree(finished.folder, run.folder, ignore=own, dirs_exist_ok=True)
    run.set_status(state="completed")
    (elsewhere.home / "data" / kept.sha256).unlink()

    given = ("prune", run.folder, "--out", tmp_path / "out", "--epochs", "1", "--sparsity", "0.5")
    assert call(*given) == 1
    assert "The file mine.csv is not kept on this machine" in capsys.readouterr().err
    assert call(*given, "--data", SAMPLES / "auto_mpg.csv") == 1
    assert "auto_mpg.csv is not the file that the run has learned from" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert call(*given, "--data", table) == 0

    out = Run(tmp_path / "out")
    assert out.settings.model.start == RunStart(run=run.id)
    assert left(out).share == pytest.approx(0.5, abs=0.01)
    shutil.rmtree(run.folder)
    assert finished_run.recipe(out, Store(home)).initial


def test_ctrl_c_and_resume_lead_to_the_same(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: Run
) -> None:
    source, cut = Path(shutil.copytree(finished.folder, tmp_path / "mine")), Run(tmp_path / "cut")
    whole = "prune", source, "--epochs", "4", "--out"
    assert call(*whole, tmp_path / "whole") == 0

    def stops(bar: training.Bar, event: Event) -> None:
        if isinstance(event, EpochDone):
            cut.ask_to_stop()

    with monkeypatch.context() as patch:
        patch.setattr(training.Bar, "take", stops)
        assert call(*whole, cut.folder) == 0
    assert cut.status.state == "stopped"
    assert call(*whole, cut.folder, "--resume") == 0

    ours, theirs = cut.history(), Run(tmp_path / "whole").history()
    assert ours.step_frame().equals(theirs.step_frame())
    assert cut.scores_path.read_text() == (tmp_path / "whole" / "scores.json").read_text()


def test_what_cannot_be_pruned_is_refused(
    home: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    finished: Run,
    subtests: pytest.Subtests,
) -> None:
    def changed(name: str) -> Path:
        return Path(shutil.copytree(finished.folder, tmp_path / name))

    gone, begun, empty = changed("gone"), changed("begun"), tmp_path / "empty"
    empty.mkdir()
    (gone / "model.keras").unlink()
    lines = (begun / "events.jsonl").read_text().splitlines(keepends=True)
    (begun / "events.jsonl").write_text("".join(line for line in lines if "training_ended" not in line))
    lost = changed("lost")
    (lost / "preprocessor.json").unlink()
    damaged = changed("damaged")
    (damaged / "status.json").write_text("{")
    pruned = changed("pruned")
    had = PruningSettings(enabled=True, final_sparsity=70)
    settings = checked(finished.settings, training=checked(finished.settings.training, pruning=had))
    (pruned / "run.json").write_text(settings.to_json())
    share = "The sparsity is the share of weights that are zero in the end: above 0 and below 1, such as 0.8."
    for run, more, sentence in (
        (tmp_path / "no", (), "holds no run. Name the folder of a finished run."),
        (empty, (), "holds no run. Name the folder of a finished run."),
        (begun, (), "This run has not ended yet"),
        (gone, (), "its model.keras is gone"),
        (lost, (), "no preprocessor beside it"),
        (damaged, (), "is damaged"),
        (pruned, ("--sparsity", "0.5"), "cannot begin with more zeros (70 %) than it ends with (50 %)"),
        (finished.folder, ("--sparsity", "0"), f"{share} Received: 0."),
        (finished.folder, ("--sparsity", "1"), f"{share} Received: 1."),
        (finished.folder, ("--sparsity", "80"), f"{share} Received: 80."),
        (finished.folder, ("--sparsity", "-0.1"), f"{share} Received: -0.1."),
        (finished.folder, ("--sparsity", "nan"), f"{share} Received: nan."),
        (finished.folder, ("--sparsity", "0.9999"), "would leave a layer without weights"),
        (finished.folder, ("--epochs", "0"), "The epochs must be 1 to 100,000. Received: 0."),
        (finished.folder, ("--out", finished.folder), "holds a run already"),
        (finished.folder, ("--resume",), "holds no run to go on with"),
    ):
        with subtests.test(run=run.name, more=more):
            out = tmp_path / f"out of {run.name} {more}".replace("/", " ")
            assert call("prune", run, "--out", out, *more) == 1
            captured = capsys.readouterr()
            assert captured.out == ""
            assert "Traceback" not in captured.err
            assert sentence in captured.err.splitlines()[-1]


def test_the_id_of_a_run_to_start_from_is_its_own_or_follows_from_its_files(
    finished: Run, tmp_path: Path
) -> None:
    copy = Run(Path(shutil.copytree(finished.folder, tmp_path / "mine")))
    assert starts.id_of(finished) == finished.id
    assert starts.id_of(copy) == starts.id_of(Run(Path(shutil.copytree(copy.folder, tmp_path / "moved"))))
    assert RunStart(run=starts.id_of(copy)).run != finished.id
