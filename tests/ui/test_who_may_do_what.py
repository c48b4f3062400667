"""Every action of every page, tried by its maker, by whoever has its address, and by anybody else."""

import time
from collections.abc import Callable
from typing import get_args

import pytest
from source.ownership import MAKER, OTHER, SEARCH, TABLE, Made, attempt, ended, new_runs, plan, visit

from lrapp.access.rights import Relation
from lrapp.errors import UserError
from lrapp.execution.reading_desk import StillReading
from lrapp.experiments import study_files
from lrapp.export import registry
from lrapp.runs import notes
from lrapp.runs.store import Run
from lrapp.settings import (
    ModelSettings,
    RunSettings,
    RunStart,
)
from lrapp.ui.parts import access, actions, resources
from lrapp.ui.parts.access import Owned


def look(thing: Owned) -> None:
    if not access.may("look", thing):
        raise UserError("not listed")


def started_from(made: Made) -> RunSettings:
    return made.sample.model_copy(update={"model": ModelSettings(start=RunStart(run=made.run.id))})


def see_table(made: Made) -> None:
    while True:
        try:
            resources.table(made.settings.data)
            return
        except StillReading:
            time.sleep(0.05)


def new_upload(made: Made) -> None:
    made.store.keep_wanted(TABLE, made.source)
    access.uploaded(made.source)
    actions.start(made.settings)


def listed(made: Made) -> None:
    if made.run not in resources.visible_runs():
        raise UserError("not listed")


def member(made: Made) -> Run:
    return made.store.get(made.study.members[0].run_id)


def said(made: Made) -> notes.About:
    return notes.read(made.run)[0]


# What the maker, another browser with the address and one without it get: y, it is done; n, it is refused.
Row = tuple[str, Callable[[Made], object], Callable[[Made], bool] | None]
WHO_MAY: dict[str, Row] = {
    "Train: see a run, its curves and results": (
        "yyn",
        lambda made: look(made.run),
        None,
    ),
    "Train: train on a sample": (
        "yyy",
        lambda made: actions.start(made.sample),
        lambda made: new_runs(made) >= 1,
    ),
    "Train: train on the maker's upload": (
        "ynn",
        lambda made: actions.start(made.settings),
        lambda made: new_runs(made) >= 1,
    ),
    "Train: train on it after uploading the same file": ("yyy", new_upload, lambda made: new_runs(made) >= 1),
    "Train: see the table, its columns and first rows": (
        "ynn",
        see_table,
        None,
    ),
    "Train: check the gradients": ("ynn", lambda made: actions.check(made.settings), None),
    "Train: run the range test": (
        "ynn",
        lambda made: actions.start(made.settings.model_copy(update={"mode": "range test"})),
        lambda made: new_runs(made) >= 1,
    ),
    "Train: start from a run's weights": (
        "ynn",
        lambda made: actions.start(started_from(made)),
        lambda made: new_runs(made) >= 1,
    ),
    "Train: save its charts, tables and report": (
        "yyn",
        lambda made: access.require("save what is shown", made.run),
        None,
    ),
    "Train: stop a run": (
        "ynn",
        lambda made: actions.stop(made.run),
        lambda made: made.run.stop_asked is not None,
    ),
    "Train: resume a run": (
        "ynn",
        lambda made: actions.resume(made.run),
        lambda made: made.run.status.state in ("queued", "running"),
    ),
    "Train: calibrate the probabilities": ("ynn", lambda made: actions.calibrate(made.run), None),
    "Train: download the model": ("ynn", lambda made: actions.download(made.run), None),
    "Train: take other formats away": (
        "ynn",
        lambda made: actions.export(made.run, registry.formats(made.run)[0]),
        None,
    ),
    "Runs: find a run in the list": ("yyn", listed, None),
    "Runs: share a run's settings, start from them": (
        "yyn",
        lambda made: access.require("take settings", made.run),
        None,
    ),
    "Runs: star a run": ("ynn", lambda made: actions.star(made.run, True), lambda made: said(made).starred),
    "Runs: name a run": (
        "ynn",
        lambda made: actions.describe(made.run, "mine", ""),
        lambda made: said(made).name == "mine",
    ),
    "Runs: note something": (
        "ynn",
        lambda made: actions.describe(made.run, None, "n"),
        lambda made: said(made).note == "n",
    ),
    "Runs: delete a run": (
        "ynn",
        lambda made: actions.delete([made.run]),
        lambda made: not made.run.folder.exists(),
    ),
    "Runs: undo that": (
        "ynn",
        lambda made: actions.restore(made.deleted.id),
        lambda made: made.deleted.folder.exists(),
    ),
    "Compare: see a comparison": ("yyn", lambda made: look(made.study), None),
    "Compare: compare on the maker's upload": (
        "ynn",
        lambda made: actions.compare(plan(made.settings)),
        lambda made: new_runs(made) >= 2,
    ),
    "Compare: search on the maker's upload": (
        "ynn",
        lambda made: actions.search(SEARCH, made.settings),
        lambda made: new_runs(made) >= 2,
    ),
    "Compare: compare on a sample": (
        "yyy",
        lambda made: actions.compare(plan(made.sample)),
        lambda made: new_runs(made) >= 2,
    ),
    "Compare: stop its runs": (
        "ynn",
        lambda made: actions.stop(member(made)),
        lambda made: member(made).stop_asked is not None,
    ),
    "Compare: resume its runs": (
        "ynn",
        lambda made: actions.resume(member(made)),
        lambda made: member(made).status.state in ("queued", "running"),
    ),
    "Compare: delete a comparison and its runs": (
        "ynn",
        lambda made: actions.delete_study(made.study),
        lambda made: study_files.run_of(made.store, made.study.members[0]) is None,
    ),
    "Compare: undo that": (
        "ynn",
        lambda made: actions.restore_study(made.deleted_study.id),
        lambda made: study_files.run_of(made.store, made.deleted_study.members[0]) is not None,
    ),
    "Predict: predict with a run's model": (
        "ynn",
        lambda made: actions.predict(made.run, "new.csv", TABLE),
        lambda made: len(list((made.store.home / "predictions").iterdir())) == 2,
    ),
    "Predict: move the values of one row": ("ynn", lambda made: access.require("predict", made.run), None),
    "Predict: predict pictures with a run's model": (
        "ynn",
        lambda made: actions.predict_pictures(made.run, [("a.png", b"")]),
        lambda made: len(list((made.store.home / "predictions").iterdir())) == 2,
    ),
    "Predict: see a prediction and download it": (
        "ynn",
        lambda made: access.require("predict", made.prediction, "prediction"),
        None,
    ),
    "Predict: predict again what was cut off": (
        "ynn",
        lambda made: actions.predict_again(made.prediction, made.run),
        lambda made: not made.prediction.cut_off,
    ),
    "Predict: cancel a prediction": (
        "ynn",
        lambda made: actions.cancel(made.prediction),
        lambda made: (made.prediction.folder / "stop").exists(),
    ),
}


@pytest.mark.parametrize("action", WHO_MAY)
def test_who_may_do_what(made: Made, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    gets, deed, done = WHO_MAY[action]
    address = {"run": made.run.id, "study": made.study.id, "prediction": made.prediction.id}

    def everybody() -> None:
        # The maker last, since what is refused leaves all as it was.
        for relation in reversed(get_args(Relation)):
            may = gets[get_args(Relation).index(relation)] == "y"
            who, where = (MAKER if relation == "owner" else OTHER), (address if relation == "guest" else {})
            before = len(made.store.runs())
            outcome = attempt(monkeypatch, who, lambda: deed(made), where)
            assert isinstance(outcome, UserError) != may, (relation, outcome)
            assert len(made.store.runs()) == before or may, "refused, but done"
            if done is not None:
                assert done(made) is may

    visit(everybody)


def test_where_nobody_owns_anything_everybody_may_do_everything(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LRAPP_RUNS")

    def anybody() -> None:
        for gets, deed, _ in WHO_MAY.values():
            assert gets[0] == "y"
            for run in made.store.runs():
                ended(run)
            outcome = attempt(monkeypatch, OTHER, lambda deed=deed: deed(made))  # type: ignore[misc]
            assert not isinstance(outcome, UserError), outcome

    visit(anybody)
    assert made.store.runs()[0].owner == "", "what is made now is nobody's"
