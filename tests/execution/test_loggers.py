"""Where events go besides the run's folder, and that nothing there can fail a run."""

import shutil
from pathlib import Path

import pytest

from lrapp.execution import loggers
from lrapp.runs.events import Event, TrainingEnded, from_line
from lrapp.runs.store import Run, Store
from lrapp.settings import RunSettings


@pytest.fixture
def run(finished: Run, tmp_path: Path) -> Run:
    """A copy of a finished run, to log into."""
    return Run(Path(shutil.copytree(finished.folder, tmp_path / finished.id)))


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (loggers.TENSORBOARD, loggers.MLFLOW, loggers.EXPERIMENT):
        monkeypatch.delenv(name, raising=False)


def events(run: Run) -> list[Event]:
    return [from_line(line) for line in run.events_path.read_bytes().splitlines()]


def replay(run: Run) -> None:
    """Log all that the run said."""
    log = loggers.open_for(run)
    for event in events(run):
        log.take(event)
    log.close()


def test_nothing_is_logged_unless_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(loggers.TENSORBOARD, "0")
    before = sorted(run.folder.iterdir())
    replay(run)
    assert sorted(run.folder.iterdir()) == before


@pytest.mark.parametrize("named", [False, True])
def test_event_files_lie_in_the_run_or_in_a_named_folder(
    named: bool, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(loggers.TENSORBOARD, str(tmp_path / "board") if named else "1")
    replay(run)
    folder = tmp_path / "board" / run.id if named else run.folder / "tensorboard"
    assert [path.name for path in sorted(folder.iterdir())] == ["train", "validation"]
    assert loggers.notes(run) == []


def test_a_range_test_is_not_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(loggers.TENSORBOARD, "1")
    run = Store(tmp_path).create(RunSettings(mode="range test"))
    loggers.open_for(run).close()
    assert not (run.folder / "tensorboard").exists()


class _Breaks:
    """A logger that fails in one of its ways."""

    def __init__(self, where: str, seen: list[Event]) -> None:
        self.where, self.seen = where, seen

    def __call__(self, run: Run) -> "_Breaks":
        if self.where == "make":
            raise OSError("no way to https://me:secret@host/path")
        return self

    def take(self, event: Event) -> None:
        if self.where == "take":
            raise OSError("no way to https://me:secret@host/path")
        self.seen.append(event)

    def close(self) -> None:
        if self.where == "close":
            raise OSError("no way to https://me:secret@host/path")


@pytest.mark.parametrize("where", ["make", "take", "close"])
def test_a_logger_that_fails_is_a_note_and_stops_nothing(where: str, run: Run) -> None:
    seen: list[Event] = []
    ended = TrainingEnded("completed", "Done.", 1, 1)
    log = loggers.Loggers(run, {"Board": _Breaks(where, []), "Other": _Breaks("never", seen)})
    log.take(ended)
    log.take(ended)
    log.close()
    assert seen == [ended, ended]
    assert loggers.notes(run) == [
        "Logging to Board failed and was left out; the run itself is whole. (OSError: no way to https://host/path)"
    ]


def test_notes_of_an_earlier_try_are_gone(run: Run) -> None:
    loggers.Loggers(run, {"Board": _Breaks("make", [])})
    assert loggers.notes(run)
    loggers.Loggers(run, {})
    assert loggers.notes(run) == []


def test_damaged_notes_do_not_end_the_page(run: Run) -> None:
    (run.folder / loggers.NOTE_FILE).write_bytes(b"whole\n\xff\xfe")
    assert loggers.notes(run)[0] == "whole"
    (run.folder / loggers.NOTE_FILE).unlink()
    (run.folder / loggers.NOTE_FILE).mkdir()
    assert loggers.notes(run) == []


def test_mlflow_that_is_not_installed_is_a_note(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(loggers.MLFLOW, "http://127.0.0.1:9")
    monkeypatch.setattr(loggers, "find_spec", lambda name: None)
    replay(run)
    (note,) = loggers.notes(run)
    assert note.endswith(
        "(MLFLOW_TRACKING_URI is set, but mlflow is not installed: pip install mlflow-skinny)"
    )


def test_settings_become_names_with_dots() -> None:
    found = dict(
        loggers.flattened({"a": {"b": 1, "kinds": {"x": "y"}}, "c": [{"d": None}, {"d": 2}], "e": [1, 2]})
    )
    assert found == {"a.b": "1", "c.1.d": "None", "c.2.d": "2", "e": "[1, 2]"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_mlflow_has_settings_epochs_figures_and_files(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs the optional package mlflow-skinny")
    uri = (tmp_path / "mlruns").as_uri()
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv(loggers.MLFLOW, uri)
    replay(run)
    assert loggers.notes(run) == []
    client = mlflow.MlflowClient(uri)
    (experiment,) = [one for one in client.search_experiments() if one.name == "LR Lab"]
    (logged,) = client.search_runs([experiment.experiment_id])
    history = run.history()
    assert logged.info.status == "FINISHED"
    assert logged.info.run_name == "Penguins 🐧 of Palmer/Station"
    assert logged.data.params["training.epochs"] == "25"
    assert logged.data.params["model.layers.1.units"] == "8"
    assert logged.data.tags["lrapp.run"] == run.id
    assert logged.data.tags["lrapp.metric"] == "accuracy"
    losses = client.get_metric_history(logged.info.run_id, "val_loss")
    assert [one.value for one in losses] == [epoch.val_loss for epoch in history.epochs]
    assert [one.step for one in losses] == list(range(1, 26))
    assert 0 < logged.data.metrics["test_accuracy"] <= 1
    files = {one.path for one in client.list_artifacts(logged.info.run_id)}
    assert {"model.keras", "preprocessor.skops", "run.json", "scores.json", "events.jsonl"} <= files
    # A run that is taken up again goes on where it was.
    replay(run)
    assert len(client.search_runs([experiment.experiment_id])) == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_server_that_is_not_there_is_a_note(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="needs the optional package mlflow-skinny")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv(loggers.MLFLOW, "http://127.0.0.1:9")
    replay(run)
    (note,) = loggers.notes(run)
    assert note.startswith("Logging to MLflow failed and was left out; the run itself is whole.")
