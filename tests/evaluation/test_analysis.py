"""The closer look: whole, kept, and never in the way of a run."""

import dataclasses
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pictures import some_images

from lrapp.errors import UserError
from lrapp.evaluation import analysis, analysis_text, explanations, kinds
from lrapp.evaluation import scores as evaluation
from lrapp.evaluation.analysis import Insight, look
from lrapp.evaluation.kinds import pictures
from lrapp.execution import worker
from lrapp.preparation.image_arrays import prepare_images
from lrapp.preparation.table_arrays import Prepared, prepare
from lrapp.runs.store import Run, Store
from lrapp.settings import DataSettings, RunSettings, SampleSource, TrainingSettings
from lrapp.tables.reading import read_csv

RNG = np.random.default_rng(11)
ROWS = 400
A = RNG.normal(size=ROWS)


def prepared(target: NDArray[Any], test_share: float = 0.3) -> Prepared:
    frame = pd.DataFrame({"a": A, "b": RNG.normal(size=ROWS), "target": target})
    table = read_csv(frame.to_csv(index=False).encode(), "t.csv")
    return prepare(table, DataSettings(target="target", test_share=test_share))


def looked(data: Prepared, outputs: NDArray[Any], parameters: int = 1_000) -> Insight:
    def answer(x: NDArray[np.float32]) -> NDArray[Any]:
        return np.repeat(outputs[:1], len(x), axis=0)

    return look(data, outputs, evaluation.evaluate(data, outputs), answer, parameters)


def test_a_finished_run_has_a_closer_look(finished: Run) -> None:
    found = Insight.from_json(finished.insight_path.read_bytes())
    scores = evaluation.Scores.from_json(finished.scores_path.read_bytes())
    assert (found.part, found.rows) == ("test", scores.rows)
    assert found.confusion is not None
    counts = np.array(found.confusion.counts)
    assert counts.sum() == scores.rows
    assert np.trace(counts) / scores.rows == pytest.approx(scores.metrics[0].value)
    assert np.mean([one.f1 for one in found.classes]) == pytest.approx(scores.metrics[1].value)
    assert {one.model for one in found.curves} == {"network", "linear model"}
    assert {one.column for one in found.importance} >= {"bill_length_mm", "sex", "island"}
    drops = [one.drop for one in found.importance]
    assert drops == sorted(drops, reverse=True)
    assert found.verdict
    assert found.notes == ()
    assert analysis_text.views(found) == ["Confusion", "ROC", "Calibration", "What matters"]
    assert finished.insight_path.stat().st_size < 100_000
    assert Insight.from_json(found.to_json()) == found


def test_chance_is_told_from_skill() -> None:
    bend = prepared(np.abs(A) + RNG.normal(0, 0.01, ROWS))
    truth = bend.test.y[:, None]
    assert looked(bend, truth).verdict.startswith(
        "The network clearly beats a linear model: off by 0 on average,"
    )
    line = prepared(A * 2 + RNG.normal(0, 0.01, ROWS))
    assert looked(line, np.zeros_like(line.test.y)[:, None]).verdict.startswith("A linear model does better")
    noise = prepared(RNG.normal(size=ROWS))
    assert "about as good" in looked(noise, np.zeros_like(noise.test.y)[:, None]).verdict


@pytest.mark.parametrize(
    ("network", "linear", "verdict"),
    [
        (
            2,
            3,
            "The network does better than a linear model, but not clearly better than the baseline: off by ",
        ),
        (0, 3, "The network clearly beats a linear model: off by 0 on average,"),
        (2, 0, "A linear model does better, with less effort: off by 0 on average,"),
        (
            0,
            0,
            "The network and a linear model answer equally well: off by 0 on average, a linear model by 0",
        ),
    ],
)
def test_a_verdict_says_no_more_than_the_figures(
    monkeypatch: pytest.MonkeyPatch, network: int, linear: int, verdict: str
) -> None:
    data = prepared(A)
    truth = data.test.y[:, None]
    monkeypatch.setattr(explanations, "linear_outputs", lambda _, x: (truth + linear, len(data.train.y)))
    assert looked(data, truth + network).verdict.startswith(verdict)


def test_accuracy_alone_does_not_decide() -> None:
    """A rare class that is never answered, but ranked far better than a line can."""
    data = prepared(np.where(np.abs(A) > 1.3, "rare", "usual"))
    rare = np.clip(0.45 * np.abs(data.test.x[:, data.inputs.index("a")]) / 3, 0, 0.45)
    outputs = (rare if data.classes[1] == "rare" else 1 - rare)[:, None]
    scores = evaluation.evaluate(data, outputs).metrics
    assert scores[0].value == scores[0].baseline
    assert looked(data, outputs).verdict.startswith("The network clearly beats a linear model: ROC AUC 0.9")


def test_two_classes_have_a_threshold() -> None:
    data = prepared(np.where(A > 0, "pos", "neg"))
    found = looked(data, np.clip(data.test.y * 0.6 + 0.2, 0, 1)[:, None])
    assert found.thresholds is not None
    rows = int(data.test.y.sum())
    assert found.thresholds.at(0.5) == (rows, 0, 0, len(data.test.y) - rows)
    assert found.thresholds.at(0.9) == (0, 0, rows, len(data.test.y) - rows)
    assert found.curves[0].name == "pos"
    assert found.curves[0].roc.area == 1
    sentence = analysis_text.threshold_sentence(found, 0.9)
    assert f"Of {rows} rows that are “pos”, 0 are found (recall 0.0 %)" in sentence
    assert "precision not defined" in sentence
    table = analysis_text.threshold_frame(found.thresholds)
    assert len(table) == 201
    assert (table.drop(columns="threshold").sum(axis=1) == len(data.test.y)).all()


def test_numbers_have_residuals() -> None:
    data = prepared(A * 100 + 7)
    found = looked(data, data.test.y[:, None] + 0.5)
    assert found.residuals is not None
    half = 0.5 * data.metric_scale
    assert [found.residuals.median, found.residuals.ninety] == pytest.approx([half, half], rel=1e-4)
    assert analysis_text.views(found) == ["Residuals", "What matters"]
    assert found.confusion is None


def test_what_matters_to_a_rare_class_is_measured_by_the_log_loss() -> None:
    data = prepared(np.where(A > 1.5, "rare", "usual"))
    place = data.inputs.index("a")

    def answer(x: NDArray[np.float32]) -> NDArray[Any]:
        """Sure of nothing, and right about what is more likely."""
        rare = 0.02 + 0.4 / (1 + np.exp(-4 * (x[:, place] - 1.5)))
        return (1 - rare if data.classes[1] == "usual" else rare)[:, None]

    outputs = answer(data.test.x)
    found = look(data, outputs, evaluation.evaluate(data, outputs), answer, 10)
    assert found.by_log_loss
    assert [one.column for one in found.importance] == ["a", "b"]
    assert found.importance[0].drop > 0.01
    assert found.importance[1].drop == 0
    assert analysis_text.worse(found) == "rise in log loss"
    assert any("importance is measured by the rise in log loss" in note for note in found.notes)
    (loss,) = (metric for metric in evaluation.evaluate(data, outputs).metrics if metric.name == "log loss")
    assert explanations.log_loss_of(data, data.test.y, outputs).mean() == pytest.approx(loss.value)


def test_many_classes_are_cut_and_said() -> None:
    names = np.array([f"class {k:03d}" for k in RNG.integers(0, 60, ROWS)])
    data = prepared(names)
    outputs = np.full((len(data.test.y), len(data.classes)), 1 / len(data.classes))
    found = looked(data, outputs)
    assert found.confusion is not None
    assert len(found.confusion.names) == 31
    assert len({one.name for one in found.curves}) <= 8
    assert any("30 largest of" in note for note in found.notes)
    assert any("8 largest of" in note for note in found.notes)
    assert Insight.from_json(found.to_json()) == found


def test_without_test_rows_the_validation_rows_are_taken() -> None:
    data = prepared(np.where(A > 0, "pos", "neg"), test_share=0)
    found = looked(data, np.full((len(data.validation.y), 1), 0.4))
    assert (found.part, found.rows) == ("validation", len(data.validation.y))


def wide(columns: int, rows: int = 9_000) -> Prepared:
    random = np.random.default_rng(5)
    frame = pd.DataFrame({f"c{place}": random.normal(size=rows) for place in range(columns)})
    frame["target"] = frame["c0"] + 2 * frame[f"c{columns - 1}"]
    table = read_csv(frame.to_csv(index=False).encode(), "t.csv")
    return prepare(table, DataSettings(target="target", test_share=0.3))


@pytest.mark.parametrize(
    ("parameters", "rows", "columns"),
    # By hand: 30e9 / 6 / (parameters + 20,000) rows, shared by 8 columns, 64 to 2,000 each.
    [(1_000, 2_000, 8), (1_000_000, 612, 8), (10_000_000, 64, 7), (80_000_000, 64, 1)],
)
def test_sizes_decide_on_how_much_what_matters_is_measured(parameters: int, rows: int, columns: int) -> None:
    data = wide(8)
    outputs = data.test.y[:, None]
    asked: list[int] = []

    def answer(x: NDArray[np.float32]) -> NDArray[Any]:
        asked.append(len(x))
        return x[:, :1]

    found = look(data, outputs, evaluation.evaluate(data, outputs), answer, parameters)
    assert asked[:columns] == [6 * rows] * columns
    assert len(found.importance) == columns
    assert any(note == f"What matters was measured on {rows:,} of 2,700 test rows." for note in found.notes)
    said = f"What matters was measured for {columns} of 8 columns, those that go most with the target."
    assert (said in found.notes) == (columns < 8)
    assert found.importance[0].column in ("c0", "c7")


def test_a_slow_machine_has_the_same_figures_as_a_fast_one() -> None:
    data = wide(4, rows=600)
    outputs = data.test.y[:, None]

    def answer(x: NDArray[np.float32]) -> NDArray[Any]:
        return x.sum(axis=1, keepdims=True)

    def slow(x: NDArray[np.float32]) -> NDArray[Any]:
        time.sleep(0.5)
        return answer(x)

    own = evaluation.evaluate(data, outputs)
    fast = look(data, outputs, own, answer, 10_000)
    assert look(data, outputs, own, slow, 10_000) == fast
    assert len(fast.dependence) == 4


def test_a_damaged_look_is_a_sentence(subtests: pytest.Subtests) -> None:
    for text in [b"", b"{}", b"[1]", b'{"task": "binary", "part": "test", "rows": "x"}']:
        with (
            subtests.test(f"{text!r}"),
            pytest.raises(UserError, match=r"^The closer look at this run is damaged"),
        ):
            Insight.from_json(text)


def test_lists_that_do_not_belong_together_are_damaged(finished: Run) -> None:
    found = Insight.from_json(finished.insight_path.read_bytes())
    assert found.calibration is not None
    shorter = dataclasses.replace(found.calibration, rows=(1,) * (len(found.calibration.rows) + 1))
    with pytest.raises(UserError, match="damaged"):
        Insight.from_json(dataclasses.replace(found, calibration=shorter).to_json())


def test_a_look_that_fails_leaves_the_run_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch, finished: Run
) -> None:
    def fail(*_: object) -> Insight:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(analysis, "look", fail)
    run = store.create(
        RunSettings(
            data=DataSettings(source=SampleSource(name="penguins.csv"), target="species"),
            training=TrainingSettings(epochs=1),
        )
    )
    assert worker.work(run.folder, store.home).state == "completed"
    assert run.model_path.exists()
    found = Insight.from_json(run.insight_path.read_bytes())
    assert analysis_text.views(found) == []
    (note,) = found.notes
    assert note.startswith("The closer look at this model failed")
    assert "on purpose" in note


@pytest.fixture
def store(tmp_path: Any) -> Store:
    return Store(tmp_path / "home")


def test_pictures_have_everything_but_columns() -> None:
    data = prepare_images(some_images((40, 60, 80), tests=20, shape=(30, 20, 3)), DataSettings())
    outputs = np.eye(3)[data.test.y] * 0.7 + 0.1
    outputs[:9] = 1 / 3
    found = looked(data, outputs)
    assert (found.part, found.rows) == ("test", 60)
    assert found.confusion is not None
    assert np.array(found.confusion.counts).sum() == 60
    recalls = [one.recall for one in found.classes]
    assert recalls[0] == 1
    assert None not in recalls
    assert {one.model for one in found.curves} == {"network", "linear model"}
    assert (found.importance, found.dependence) == ((), ())
    assert found.verdict.startswith("The network clearly beats a linear model: log loss 0.")
    assert found.notes == ("The linear model sees the pictures 3 times smaller.",)
    assert Insight.from_json(found.to_json()) == found


def test_a_linear_model_that_saw_a_sample_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    work = 50 * 14 * 14 * 3
    monkeypatch.setattr(kinds, "of", lambda _: dataclasses.replace(pictures.KIND, linear_work=work))
    data = prepare_images(some_images((40, 60, 80), tests=20, shape=(14, 14, 1)), DataSettings())
    found = looked(data, np.eye(3)[data.test.y])
    assert found.notes == ("The linear model learned from 50 of 144 training pictures.",)
    assert ", a linear model that learned from 50 pictures " in found.verdict
    work = 1
    found = looked(data, np.eye(3)[data.test.y])
    assert found.notes == (
        "There is no linear model to compare with: there are too few pictures for their size.",
    )
    assert (found.verdict, found.linear) == ("", ())
    assert {one.model for one in found.curves} == {"network"}
