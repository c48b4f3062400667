"""A random search as a study: made, kept, deleted and taken back, trained by the worker, and read."""

import json
import shutil
from pathlib import Path

import pytest

from lrapp.errors import UserError
from lrapp.evaluation.scores import Scores
from lrapp.execution import worker, worker_setup
from lrapp.experiments import run_table, search, studies, study_files
from lrapp.experiments.search import Search
from lrapp.experiments.search_file import SavedSearch
from lrapp.experiments.search_results import SearchTrial, of_trials
from lrapp.experiments.search_space import Numbers, Range, Space, usual
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    DataSettings,
    EarlyStoppingSettings,
    FixedSettings,
    RunSettings,
    SampleSource,
    TrainingSettings,
)

BASE = RunSettings(
    data=DataSettings(source=SampleSource(name="penguins.csv"), target="species"),
    policy=FixedSettings(learning_rate=0.01),
    training=TrainingSettings(
        epochs=4, seed=5, early_stopping=EarlyStoppingSettings(enabled=True, patience=3)
    ),
)
SEARCH = Search(
    space=Space(learning_rate=usual("learning_rate"), units=Range(low=4, high=32)), trials=4, seed=3
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def test_a_search_is_runs_with_what_was_drawn(store: Store) -> None:
    study = studies.create_search(store, SEARCH, BASE, training_rows=206)
    assert study_files.get(store, study.id) == study
    assert study.name == "Random search of learning rate, width"
    assert [member.label for member in study.members] == ["Trial 1", "Trial 2", "Trial 3", "Trial 4"]
    assert study.search == SEARCH
    assert study.word == "search"
    drawn = search.draw(SEARCH, BASE)
    for number, member in enumerate(study.members, start=1):
        run = store.get(member.run_id)
        assert run.status.state == "queued"
        told = json.loads((run.folder / "run.json").read_text("utf-8"))
        assert told.pop("name") == f"Random search of learning rate, width: trial {number}"
        # All do the same number of epochs, with the seed of the Train page.
        assert told["training"]["early_stopping"].pop("enabled") is False
        assert told.pop("closer_look") is False
        assert told["training"]["seed"] == member.seed == 5
        expected = json.loads(drawn[number - 1].to_json())
        del expected["name"], expected["closer_look"], expected["training"]["early_stopping"]["enabled"]
        assert told == expected


def test_what_was_kept_before_there_were_searches_still_loads(store: Store) -> None:
    study_id, run_id = "20260101-000000000000-0123456789abcdef", "20260101-000000000001-0123456789abcdef"
    (store.home / "studies").mkdir()
    (store.home / "studies" / f"{study_id}.json").write_text(
        json.dumps(
            {
                "version": 1,
                "id": study_id,
                "name": "Fixed 0.01 or CLR (found)",
                "created": "2026-01-01T00:00:00Z",
                "yardstick": "Fixed 0.01",
                "members": [{"label": "Fixed 0.01", "seed": 0, "run_id": run_id}],
            }
        )
    )
    (study,) = study_files.every(store)
    assert (study.yardstick, study.search, study.word) == ("Fixed 0.01", None, "comparison")


def test_what_cannot_be_searched_leaves_no_runs(store: Store) -> None:
    wrong = Search(space=Space(learning_rate=Range(low=0.1, high=0.01)))
    with pytest.raises(UserError, match=r"^Learning rate: the range must end above its start"):
        studies.create_search(store, wrong, BASE)
    assert store.runs() == []
    assert study_files.every(store) == []


def test_a_deleted_search_comes_back_with_its_runs(store: Store) -> None:
    study = studies.create_search(store, SEARCH, BASE)
    with pytest.raises(UserError, match=r"^Stop this"):
        study_files.delete(store, study)
    for member in study.members:
        store.get(member.run_id).set_status(state="completed")
    study_files.delete(store, study)
    assert (store.runs(), study_files.every(store)) == ([], [])
    assert study_files.restore(store, study.id) == study
    assert {run.id for run in store.runs()} == {member.run_id for member in study.members}


def test_trials_that_want_the_same_worker_train_one_after_the_other(store: Store) -> None:
    space = Space(batch_size=Range(low=16, high=4096), units=Range(low=4, high=512), layers=usual("layers"))
    study = studies.create_search(store, Search(space=space, trials=20), BASE)
    assert [member.label for member in study.members] == [f"Trial {number}" for number in range(1, 21)]
    kinds = [worker_setup.kind_for(store.get(member.run_id).settings) for member in study.queue]
    assert {"small", "large"} == set(kinds)
    changes = sum(before != after for before, after in zip(kinds, kinds[1:], strict=False))
    assert changes == 1
    # The first trial is still the first, and a restarted server takes the queue up in the same order.
    assert study.queue[0] == study.members[0]
    assert [run.id for run in reversed(store.runs())] == [member.run_id for member in study.queue]


def test_a_comparison_s_queue_is_as_it_was(store: Store) -> None:
    policies = studies.contenders([FixedSettings(learning_rate=0.01), FixedSettings(learning_rate=0.1)])
    study = studies.create(store, studies.Plan("a", BASE, policies, (0, 1)))
    assert study.queue == study.members


def tried(store: Store, study: study_files.Study) -> list[SearchTrial]:
    trials = []
    for number, member in enumerate(study.members, start=1):
        run = study_files.run_of(store, member)
        trials.append(
            SearchTrial(number, None, run_table.short_history(Run(store.home / "none")), None)
            if run is None
            else SearchTrial(number, run.status.state, run.history(), run.settings)
        )
    return trials


def test_a_small_search_from_the_draw_to_the_verdict(store: Store) -> None:
    # The last rates are out of all bounds, so that something diverges.
    space = Space(learning_rate=Range(low=1e-3, high=1000), units=Range(low=4, high=32))
    base = RunSettings.model_validate(BASE.model_dump() | {"training": {"optimizer": "sgd", "epochs": 4}})
    study = studies.create_search(store, Search(space=space, trials=6), base, training_rows=206)
    for member in study.queue:
        run = store.get(member.run_id)
        outcome = worker.work(run.folder, store.home)
        run.set_status(state=outcome.state, message=outcome.message)
    shutil.rmtree(store.get(study.members[2].run_id).folder)
    found = of_trials(space, tried(store, study))
    assert found is not None
    states = {one.number: one.state for one in found.trials}
    counted = [number for number, state in states.items() if state == "completed"]
    assert len(counted) >= 2
    assert "diverged" in states.values()
    assert "1 deleted (trial 3)" in found.left_out()
    # What the Runs page says of each run, told in another way.
    rows = {number: run_table.row(store.get(study.members[number - 1].run_id)) for number in counted}
    assert found.best is not None
    assert rows[found.best.number].validation == max(row.validation or 0 for row in rows.values())
    table = found.table()
    assert table["Validation accuracy"].dropna().tolist() == sorted(
        (row.validation or 0 for row in rows.values()), reverse=True
    )
    assert table["Trial"].tolist()[0] == found.best.number
    # All did the same epochs, and the test score is that of rows that had no part in the choice.
    assert {row.epochs for row in rows.values()} == {4}
    best = store.get(study.members[found.best.number - 1].run_id)
    scores = Scores.from_json(best.scores_path.read_bytes())
    assert (scores.part, scores.metrics[0].value) == ("test", rows[found.best.number].test)
    assert scores.summary in found.verdict(scores)


def test_the_search_that_is_ready_to_start(store: Store) -> None:
    asked, base = studies.width_and_rate()
    assert base.data.source.name == "fashion-mnist"
    assert search.check(asked, base, training_rows=48_000) == [], "all ten differ, and nothing is odd"
    drawn = [search.values(asked.space, one) for one in search.draw(asked, base)]
    assert len(drawn) == 10
    assert {one["learning_rate"] for one in drawn} == {1e-2, 1e-3, 1e-4}
    assert {one["units"] for one in drawn} <= set(range(32, 513, 32))
    study = studies.create_search(store, asked, base)
    assert study_files.get(store, study.id).search == asked
    assert [store.get(member.run_id).settings for member in study.members] == list(
        studies.trials_of(asked, base)
    )


def test_a_search_in_a_file() -> None:
    space = Space(
        learning_rate=Numbers(among=(0.1, 1)), units=Range(low=8, high=32, step=8), l2=Range(low=0.1, high=1)
    )
    saved = SavedSearch(base=BASE, search=Search(space=space))
    assert SavedSearch.from_json(saved.to_json()) == saved
    told = json.loads(saved.to_json())
    told["search"]["trials"] = 0
    with pytest.raises(UserError, match=r"^The setting “search\.trials” must be at least 2\. Received: 0\."):
        SavedSearch.from_json(json.dumps(told))
