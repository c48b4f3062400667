"""A server on which somebody owns a run, a study, an upload and a prediction; and pages that others open there."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from lrapp.errors import UserError
from lrapp.execution.queue import Jobs
from lrapp.experiments import studies
from lrapp.experiments.search import Search
from lrapp.experiments.search_space import Space, usual_rates
from lrapp.experiments.studies import Plan
from lrapp.experiments.study_files import Study
from lrapp.prediction.folders import PredictionFolder
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    FileSource,
    FixedSettings,
    RunSettings,
    SampleSource,
)
from lrapp.ui.parts import identity

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
