"""Boosted trees beside a network: on the same rows, as they like their inputs, and never for long."""

from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from lrapp.errors import UserError
from lrapp.evaluation import analysis_text, boosted_trees, tree_advice
from lrapp.evaluation.boosted_trees import BesideTrees, beside
from lrapp.evaluation.explanations import inputs_of
from lrapp.evaluation.scores import evaluate
from lrapp.evaluation.tree_advice import Idea
from lrapp.preparation.table_arrays import Prepared, prepare
from lrapp.runs.events import EpochDone, History
from lrapp.settings import DataSettings, RunSettings, TrainingSettings
from lrapp.tables.reading import read_csv

RNG = np.random.default_rng(8)
ROWS = 1_500
A, WORDS = RNG.normal(size=ROWS), RNG.choice(["red", "green", "blue", "black"], ROWS)


def prepared(target: Any, **settings: Any) -> Prepared:
    gaps = np.where(RNG.random(ROWS) < 0.2, np.nan, A)
    frame = pd.DataFrame({"a": A, "gaps": gaps, "word": WORDS, "target": target})
    table = read_csv(frame.to_csv(index=False).encode(), "t.csv")
    return prepare(table, DataSettings(target="target", test_share=0.3, **settings))


def compared(data: Prepared, outputs: Any, settings: RunSettings | None = None) -> BesideTrees:
    found = beside(data, outputs, settings or RunSettings(), History())
    assert found is not None
    assert BesideTrees.from_json(found.to_json()) == found
    return found


def test_trees_do_better_than_a_network_that_has_learned_nothing() -> None:
    data = prepared(np.where((np.abs(A) < 1) ^ (WORDS == "red"), "yes", "no"))
    found = compared(data, np.full((len(data.test.y), 1), 0.5))
    assert found.better
    assert found.sentence.startswith("Boosted trees do better: ROC AUC 0.9999, the network 0.500. Try ")
    assert found.sentence.endswith("Try an ensemble of 8 networks or robust scaling with number embeddings.")
    assert found.ideas == ("ensemble", "robust scaling", "number embeddings")
    assert {one.name: one.value for one in found.metrics}["accuracy"] > 0.9  # type: ignore[operator]


def test_a_network_that_knows_the_answer_does_better() -> None:
    data = prepared(np.abs(A) * 7 + RNG.normal(0, 1, ROWS))
    found = compared(data, data.test.y[:, None])
    assert not found.better
    assert found.sentence.startswith(
        "The network clearly beats boosted trees: off by 0 on average, boosted trees by "
    )
    assert "Try" not in found.sentence


def test_nothing_to_learn_is_no_verdict() -> None:
    data = prepared(RNG.choice(["a", "b", "c"], ROWS))
    shares = np.tile(np.bincount(data.train.y) / len(data.train.y), (len(data.test.y), 1))
    assert not compared(data, shares).better


def test_one_column_of_words_is_one_input_and_a_gap_is_a_gap() -> None:
    data = prepared(A)
    x, categorical = boosted_trees._features(inputs_of(data.tabular), data.train.x)
    assert categorical.tolist() == [False, False, True]
    assert set(np.unique(x[:, 2])) == {0, 1, 2, 3}
    assert np.isnan(x[:, 1]).mean() == pytest.approx(0.2, abs=0.05)
    assert not np.isnan(x[:, 0]).any()


def test_with_classes_weighed_alike_and_without_validation_rows_for_a_class_trees_still_learn() -> None:
    names = np.where(A > 2.2, "rare", np.where(A > 0, "b", "c"))
    data = prepared(names, class_weights=True)
    shares = np.full((len(data.test.y), 3), 1 / 3)
    assert compared(data, shares).better


def test_advice_leaves_out_what_the_run_uses() -> None:
    data = prepared(A)
    used = RunSettings(data=DataSettings(scaling="robust"), training=TrainingSettings(members=8, epochs=10))
    assert tree_advice.words(tree_advice.ideas(used, History(), data)) == "Try number embeddings."
    epochs = [EpochDone(k, k, 1 / k, 1 / k, 0.5, 0.5, 0.1, 1.0, best=True) for k in range(1, 11)]
    late = History.of(epochs)
    found = tree_advice.ideas(used, late, data)
    assert tree_advice.words(found) == "Try more epochs or number embeddings."
    tried = tree_advice.tried(used, found)
    assert (tried.training.epochs, tried.model.number_embedding) == (20, "bins")
    assert tree_advice.ideas(tried, late, data) == ()
    assert tree_advice.step(found) == "Training"


def test_each_idea_is_a_change_that_the_settings_allow(subtests: pytest.Subtests) -> None:
    for idea in get_args(Idea):
        with subtests.test(f"{idea!r}"):
            before = RunSettings()
            after = tree_advice.tried(before, (idea,))
            assert after != before
            assert RunSettings.from_json(after.to_json()) == after
            assert tree_advice.words((idea,)).startswith("Try ")


def test_too_few_rows_and_somebody_who_waits_are_left_out() -> None:
    data = prepared(A)
    assert beside(data, data.test.y, RunSettings(), History(), lambda: False) is None
    few = pd.DataFrame({"a": A[:40], "target": A[:40]})
    small = prepare(read_csv(few.to_csv(index=False).encode(), "t.csv"), DataSettings(target="target"))
    found = compared(small, small.test.y[:, None])
    assert found.sentence == "There are no boosted trees to compare with: there are too few rows for them."
    assert found.metrics == ()


def test_a_time_limit_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosted_trees, "_SECONDS", 0.0)
    data = prepared(np.abs(A))
    assert "they were not done after 0 seconds" in compared(data, data.test.y).sentence


def test_a_sample_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosted_trees, "_MOST_NUMBERS", 900)
    data = prepared(A)
    assert compared(data, data.test.y).notes == (
        f"The boosted trees learned from 300 of {len(data.train.y):,} training rows.",
    )


def test_trees_stand_in_the_table_of_scores() -> None:
    data = prepared(A)
    scores = evaluate(data, data.test.y)
    frame = analysis_text.score_frame(scores, None, compared(data, data.test.y))
    assert list(frame) == ["metric", "network", "boosted trees", "baseline", "better"]
    assert (frame["boosted trees"] != "").all()
    assert list(analysis_text.score_frame(scores, None)) == ["metric", "network", "baseline", "better"]


@pytest.mark.parametrize("text", [b"", b"[]", b'{"part": 3}'])
def test_a_damaged_comparison_is_a_sentence(text: bytes, tmp_path: Any) -> None:
    assert boosted_trees.kept(tmp_path) is None
    (tmp_path / boosted_trees.FILE).write_bytes(text)
    with pytest.raises(UserError, match=r"^The comparison of this run with boosted trees is damaged"):
        boosted_trees.kept(tmp_path)
