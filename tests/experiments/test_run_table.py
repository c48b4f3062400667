"""The rows of the table of runs: figures as numbers, and a damaged run as a sentence that loses nothing else."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores
from lrapp.experiments import run_table
from lrapp.policies.lr_range import RatesFound
from lrapp.runs import notes
from lrapp.runs.events import (
    EpochDone,
    Event,
    StepsDone,
    SweepDone,
    TrainingEnded,
    TrainingStarted,
    to_line,
)
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    EarlyStoppingSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    PretrainedStart,
    RunSettings,
    SampleSource,
    TrainingSettings,
    summary,
)

SETTINGS = RunSettings(
    name="first",
    data=DataSettings(source=SampleSource(name="penguins.csv"), target="species"),
    policy=FixedSettings(learning_rate=0.02),
)


def started(metric: str = "accuracy", first_epoch: int = 0) -> TrainingStarted:
    return TrainingStarted(9, metric, 2, 8, 4, first_epoch)


def epoch(number: int, metric: float, seconds: float, *, best: bool = True) -> EpochDone:
    return EpochDone(number, 2 * number, 0.5, 0.6, 0.7, metric, 0.01, seconds, best)


def tell(run: Run, *events: Event) -> None:
    run.events_path.write_text("".join(to_line(event) for event in events))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def run(store: Store) -> Run:
    """A run that was resumed after its second epoch and has been evaluated."""
    run = store.create(SETTINGS)
    tell(
        run,
        started(),
        StepsDone(0, (1.0,) * 4, (0.02,) * 4, 2.0),
        epoch(1, 0.5, 1.0),
        epoch(2, 0.75, 2.5),
        started(first_epoch=2),
        epoch(3, 0.875, 0.5),
        StepsDone(6, (1.0, 1.0), (0.02, 0.02), 0.7),
        epoch(4, 0.8, 0.75, best=False),
        TrainingEnded("completed", "Done.", 3, 4),
    )
    scores = Scores("multi-class", "test", 69, "Adelie", (Metric("accuracy", 0.9, 0.4, True),))
    run.scores_path.write_text(scores.to_json())
    run.set_status(state="completed")
    notes.change(run, note="keep", starred=True)
    return run


def test_a_finished_run(run: Run) -> None:
    row = run_table.row(run)
    assert row == run_table.Row(
        id=run.id,
        created=run.status.created,
        state="completed",
        name="first",
        title="first",
        note="keep",
        starred=True,
        metric="accuracy",
        validation=0.875,
        test=0.9,
        measure="accuracy",
        leading=0.9,
        baseline=0.4,
        losses=(0.6,) * 4,
        table="penguins.csv",
        target="species",
        network="64-32",
        training="Adam · 50 epochs · batch 32",
        optimizer="Adam",
        policy="Fixed 0.02",
        epochs=4,
        best_epoch=3,
        seconds=2.5 + 0.75,
    )


def test_the_validation_figure_is_that_of_the_weights_that_were_kept(store: Store) -> None:
    stopping = EarlyStoppingSettings(restore_best=False)
    run = store.create(RunSettings(training=TrainingSettings(early_stopping=stopping)))
    tell(run, started(), epoch(1, 0.9, 1.0), epoch(2, 0.4, 2.0, best=False))
    assert run_table.row(run).validation == 0.4
    assert run_table.row(run).best_epoch == 1


def test_a_run_that_has_not_begun(store: Store) -> None:
    row = run_table.row(store.create(RunSettings()))
    assert (row.state, row.trouble, row.metric, row.target) == ("queued", "", "", "")
    assert (row.validation, row.test, row.epochs, row.best_epoch, row.seconds) == (None,) * 5
    assert row.name == "no target from penguins.csv · CLR 0.001–0.01"
    test = run_table.row(store.create(RunSettings(mode="range test")))
    assert (test.range_test, test.name) == (True, "Range test for no target from penguins.csv")


def test_where_a_class_is_frequent_the_score_is_what_tells_more(run: Run) -> None:
    figures = (Metric("accuracy", 0.91, 0.88, True), Metric("ROC AUC", 0.93, 0.5, True))
    run.scores_path.write_text(Scores("binary", "test", 900, "no", figures).to_json())
    row = run_table.row(run)
    assert (row.measure, row.score, row.baseline) == ("ROC AUC", 0.93, 0.5)
    assert (row.metric, row.test) == ("accuracy", 0.91)


def test_without_test_rows_there_is_no_test_figure(run: Run) -> None:
    values = json.loads(run.scores_path.read_text()) | {"part": "validation"}
    run.scores_path.write_text(json.dumps(values))
    assert run_table.row(run).test is None
    assert run_table.row(run).validation == 0.875


def test_figures_that_are_not_finite_are_left_out(store: Store) -> None:
    run = store.create(RunSettings())
    tell(run, started(), epoch(1, float("nan"), 1.0))
    assert run_table.row(run).validation is None
    assert run_table.row(run).epochs == 1


def test_steps_are_not_read_and_all_else_is(run: Run) -> None:
    told, whole = run_table.short_history(run), run.history()
    assert told.steps_done == 0
    assert whole.steps_done > 0
    assert (told.epochs, told.started, told.ended, told.best) == (
        whole.epochs,
        whole.started,
        whole.ended,
        whole.best,
    )


def test_found_rates_are_told(store: Store) -> None:
    found = RatesFound("Sure.", 0.00123, 0.0179, 0.05, (("tenth", 0.005, 0.005, 0.005),))
    run = store.create(RunSettings(policy=CLRSettings(source="found")))
    assert run_table.row(run).policy == "CLR (found)"
    tell(run, SweepDone(0, 1, 2, 0, (1.0, 0.5), (0.1, 0.2)), found)
    assert run_table.row(run).policy == "CLR 0.00123–0.0179 (found)"
    assert run_table.policy(run.settings, RatesFound("No fall.")) == "CLR (found)"
    assert run_table.policy(RunSettings(mode="range test")) == "Range test"


def test_networks_in_short() -> None:
    cases: list[tuple[ModelSettings, str]] = [
        (ModelSettings(), "64-32"),
        (ModelSettings(layers=()), "linear"),
        (
            ModelSettings(
                layers=(
                    LayerSettings(kind="conv", units=32),
                    LayerSettings(kind="batch_norm"),
                    LayerSettings(kind="max_pool"),
                    LayerSettings(units=10),
                )
            ),
            "conv 32-max pool-10",
        ),
        (ModelSettings(start=PretrainedStart(), layers=()), "MobileNetV2"),
    ]
    for model, text in cases:
        assert summary.network(model) == text, (model, text)


# --- damage ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe", b"[]", b'{"version": 99}'])
@pytest.mark.parametrize("name", ["run.json", "status.json", "scores.json", "about.json", "events.jsonl"])
def test_one_damaged_file_loses_nothing_else(run: Run, name: str, content: bytes | None) -> None:
    whole = run_table.row(run)
    (run.folder / name).unlink()
    if content is None:
        (run.folder / name).mkdir()  # reading it is an error of the system, not of its content
    else:
        (run.folder / name).write_bytes(content)
    row = run_table.row(run)
    if name == "events.jsonl":
        assert (row.trouble, row.epochs, row.test) == ("", None, 0.9)
        return
    if (name, content) == ("about.json", b'{"version": 99}'):
        assert row.trouble == "", "a later version may say more"
        return
    assert name in row.trouble
    assert row.trouble.endswith(".")
    assert (row.state is None) == (name == "status.json")
    assert row.note == ("" if name == "about.json" else "keep")
    assert row.test == (None if name == "scores.json" else whole.test)
    assert row.policy == ("" if name == "run.json" else "Fixed 0.02")
    assert (row.validation, row.epochs, row.seconds) == (whole.validation, whole.epochs, whole.seconds)
    assert abs((row.created - whole.created).total_seconds()) < 1
    assert row.name == (f"Run of {row.created:%d %b %H:%M:%S} UTC" if name == "run.json" else "first")


def test_an_empty_folder_is_a_row(store: Store) -> None:
    folder = store.home / "runs" / "20260102-030405123456-0123456789abcdef"
    folder.mkdir()
    row = run_table.row(Run(folder))
    assert row.created == datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)
    assert "status.json is missing" in row.trouble
    assert "run.json is missing" in row.trouble


def test_the_small_curve_has_few_points_and_the_last_of_them(store: Store) -> None:
    run = store.create(RunSettings())
    losses = [float(number) for number in range(1, 1_002)]
    tell(
        run,
        started(),
        *(EpochDone(n, 2 * n, 0.5, loss, 0.7, 0.5, 0.01, n, True) for n, loss in enumerate(losses, start=1)),
        epoch(1_002, float("nan"), 1_002.0),
    )
    told = run_table.row(run).losses
    assert told[0] == losses[0], "where it began is seen"
    assert len(told) <= 40
    assert told[-1] == 0.6
    assert list(told[:-1]) == sorted(told[:-1])


# --- words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("", True),
        ("  ", True),
        ("FIRST", True),
        ("penguins adam", True),
        ("keep species 0.02", True),
        ("64-32", True),
        ("completed", True),
        ("first missing", False),
        ("[", False),
        ("sgd", False),
    ],
)
def test_each_word_must_be_found(run: Run, text: str, there: bool) -> None:
    assert run_table.row(run).matches(text) is there


def test_the_stamp_changes_with_each_file(run: Run) -> None:
    before = run_table.stamp(run)
    assert run_table.stamp(run) == before
    for name in ("run.json", "status.json", "about.json", "scores.json", "events.jsonl"):
        os.utime(run.folder / name, (1, 1))
        after = run_table.stamp(run)
        assert after != before, name
        before = after
    run.scores_path.unlink()
    assert run_table.stamp(run) != before
