"""Settings of a run, taken for training anew: from weights that do not know the rows that test."""

from pathlib import Path

import pytest

from lrapp.errors import UserError
from lrapp.runs.store import Store
from lrapp.settings import (
    DataSettings,
    FreshStart,
    ModelSettings,
    PretrainedStart,
    RunSettings,
    RunStart,
)
from lrapp.settings.base import checked
from lrapp.ui.parts import actions, draft, resources


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store(tmp_path / "home")
    monkeypatch.setattr(resources, "store", lambda: made)
    return made


def test_settings_of_a_pruned_model_for_use_train_anew_from_weights_that_know_no_row_that_tests(
    store: Store,
) -> None:
    data, base = DataSettings(target="species"), PretrainedStart(size=32)
    plain, whole = (store.create(RunSettings(data=checked(data, all_rows=every))) for every in (False, True))

    def anew(start: RunStart) -> object:
        settings = RunSettings(data=checked(data, all_rows=True), model=ModelSettings(start=start))
        made = draft.to_train(settings)
        assert not made.data.all_rows
        return made.model.start

    assert anew(RunStart(run=whole.id)) == FreshStart()
    assert anew(RunStart(run=whole.id, base=base)) == base
    assert anew(RunStart(run=plain.id)) == RunStart(run=plain.id)
    store.delete(whole)
    assert anew(RunStart(run=whole.id)) == RunStart(run=whole.id)


def test_no_page_starts_a_run_from_weights_that_know_its_rows(store: Store) -> None:
    folds = DataSettings(target="species", folds=3)
    crossed, whole = (store.create(RunSettings(data=data)) for data in (folds, DataSettings(all_rows=True)))
    for data, run, sentence in (
        (DataSettings(), whole, "must not know the rows that test"),
        (checked(folds, split_seed=1), crossed, "the very same folds"),
    ):
        settings = RunSettings(data=data, model=ModelSettings(start=RunStart(run=run.id)))
        with pytest.raises(UserError, match=sentence):
            actions.check(settings)
    actions.check(RunSettings(data=folds, model=ModelSettings(start=RunStart(run=crossed.id))))
