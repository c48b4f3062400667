"""Who may do what: every action of every page, tried by its maker, by whoever has its address, and by anybody else."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from lrapp.access import uploaders
from lrapp.access.rights import Relation
from lrapp.errors import UserError
from lrapp.execution.desk import StillReading
from lrapp.execution.queue import Jobs
from lrapp.experiments import studies, study_files
from lrapp.experiments.search import Search
from lrapp.experiments.search_space import Space, usual_rates
from lrapp.experiments.studies import Plan
from lrapp.experiments.study_files import Study
from lrapp.export import registry
from lrapp.prediction import folders
from lrapp.prediction.folders import PredictionFolder
from lrapp.runs import notes
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    FileSource,
    FixedSettings,
    ModelSettings,
    RunSettings,
    RunStart,
    SampleSource,
)
from lrapp.ui.parts import access, actions, identity, resources, starting
from lrapp.ui.parts.access import Owned

TABLE = b"a,b,y\n" + b"".join(b"%d,%d,%d\n" % (n % 7, n % 5, (n % 7 + n % 5) > 5) for n in range(60))
MAKER, OTHER = "maker", "other"
SEARCH = Search(space=Space(learning_rate=usual_rates("adam")), trials=2)


class Idle(Executor):
    """Takes work and never does it: who may ask is tested here, not what comes of it."""

    def __init__(self) -> None:
        self.asked: list[Future[Any]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.asked.append(Future())
        return self.asked[-1]


@dataclass(frozen=True)
class Made:
    """What the maker has on this server."""

    store: Store
    jobs: Jobs
    source: FileSource
    run: Run
    deleted: Run
    study: Study
    deleted_study: Study
    prediction: PredictionFolder

    @property
    def settings(self) -> RunSettings:
        """Of a run on the maker's upload."""
        return RunSettings(data=DataSettings(source=self.source, target="y"))

    @property
    def sample(self) -> RunSettings:
        """Of a run on a table that is everybody's."""
        return RunSettings(data=DataSettings(source=SampleSource(name="penguins.csv"), target="species"))


def plan(base: RunSettings) -> Plan:
    return Plan("two", base, studies.contenders([FixedSettings(), CLRSettings()]), (0,))


def ended(run: Run) -> Run:
    run.set_status(state="stopped", message="Stopped.")
    return run


def ended_study(store: Store, base: RunSettings) -> Study:
    study = studies.create(store, plan(base), owner=MAKER)
    for member in study.members:
        ended(store.get(member.run_id))
    return study


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    monkeypatch.setenv("LRAPP_RUNS", "own")
    monkeypatch.setenv("LRAPP_HOME", str(tmp_path / "home"))
    store = Store.default()
    jobs = Jobs(store, lambda _: Idle())
    monkeypatch.setattr(resources, "store", lambda: store)
    monkeypatch.setattr(resources, "jobs", lambda: jobs)
    source = store.keep_file(TABLE, "t.csv")
    uploaders.note(store.home, source.sha256, MAKER)
    base = RunSettings(data=DataSettings(source=source, target="y"))
    deleted, deleted_study = ended(store.create(base, MAKER)), ended_study(store, base)
    store.delete(deleted)
    study_files.delete(store, deleted_study)
    prediction = folders.create(store.home, TABLE, name="new.csv", owner=MAKER)
    run, study = ended(store.create(base, MAKER)), ended_study(store, base)
    yield Made(store, jobs, source, run, deleted, study, deleted_study, prediction)
    jobs.close()


def do(deed: "Callable[[], object]", outcome: "list[Any]") -> None:
    """A page's script: does something and keeps what came of it."""
    outcome.append(deed())


def visit(deed: Callable[[], object]) -> Any:
    """Do something as a page does it, in a session; return what came of it."""
    outcome: list[Any] = []
    app = AppTest.from_function(do, args=(deed, outcome), default_timeout=60).run()
    assert not app.exception
    return outcome[0]


def attempt(
    monkeypatch: pytest.MonkeyPatch,
    who: str,
    deed: Callable[[], object],
    address: dict[str, str] | None = None,
) -> Any:
    """Do something in the session as somebody else's; return what came of it, or the refusal."""
    st.session_state.clear()
    st.query_params.from_dict(address or {})
    with monkeypatch.context() as there:
        cookies = (who, f"{who} of another tab") if who else ()
        there.setattr(identity, "_of_cookies", lambda: cookies)
        try:
            return deed()
        except UserError as error:
            return error


def new_runs(made: Made) -> int:
    return len(made.store.runs()) - 3


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


def test_what_was_made_before_is_nobodys_and_can_be_looked_at(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ended(made.store.create(made.settings))

    def maker() -> None:
        refused = attempt(monkeypatch, MAKER, lambda: actions.delete([old]), {"run": old.id})
        assert "nobody's" in str(refused)
        assert attempt(monkeypatch, MAKER, lambda: access.may("look", old), {"run": old.id})
        assert not attempt(monkeypatch, MAKER, lambda: access.may("look", old))

    visit(maker)


def test_several_runs_are_deleted_all_or_none(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = ended(made.store.create(made.sample, OTHER))
    refused = visit(lambda: attempt(monkeypatch, MAKER, lambda: actions.delete([made.run, theirs])))
    assert "another browser" in str(refused)
    assert made.run.folder.exists()
    assert theirs.folder.exists()


def test_a_second_tab_of_the_same_browser_may_do_what_the_first_may(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ended(made.store.create(made.sample, f"{MAKER} of another tab"))
    assert visit(lambda: attempt(monkeypatch, MAKER, lambda: actions.delete([run]))) is None
    assert not run.folder.exists()


def test_where_no_cookie_is_kept_the_tab_owns_what_it_made(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_tab() -> Run:
        run = actions.start(made.sample)
        actions.stop(run)
        assert not identity.lasts()
        return run

    run = visit(lambda: attempt(monkeypatch, "", one_tab))
    assert run.owner.startswith("tab-")
    assert isinstance(visit(lambda: attempt(monkeypatch, "", lambda: actions.stop(run))), UserError)


def test_all_clicks_on_one_button_start_one_run(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def clicks() -> None:
        token = starting.token("train")
        first = actions.start(made.settings, token)
        assert {actions.start(made.settings, starting.token("train")).id for _ in range(3)} == {first.id}
        assert new_runs(made) == 1
        named = actions.start(made.settings.model_copy(update={"name": "other"}), starting.token("train"))
        assert named.id != first.id, "other settings are another start"
        assert starting.shown("train")
        assert not starting.shown("train"), "nothing was started since"
        again = actions.start(made.settings, starting.token("train"))
        assert again.id not in (first.id, named.id), "at once, as the button is another one"

    assert visit(lambda: attempt(monkeypatch, MAKER, clicks)) is None


def test_all_clicks_on_one_button_start_one_comparison(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def clicks() -> None:
        deeds: tuple[Callable[[str], Study], ...] = (
            lambda token: actions.compare(plan(made.sample), token=token),
            lambda token: actions.search(SEARCH, made.sample, token=token),
        )
        for name, deed in enumerate(deeds):
            first, second = (deed(starting.token(f"{name}")) for _ in range(2))
            assert first.id == second.id
            starting.shown(f"{name}")
            assert deed(starting.token(f"{name}")).id != first.id

    assert visit(lambda: attempt(monkeypatch, MAKER, clicks)) is None


def test_who_may_not_start_gets_no_run_of_whoever_may(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def both() -> None:
        assert isinstance(attempt(monkeypatch, MAKER, lambda: actions.start(made.settings, "t")), Run)
        assert isinstance(attempt(monkeypatch, OTHER, lambda: actions.start(made.settings, "t")), UserError)

    visit(both)
