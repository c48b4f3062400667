"""The curves of a run in training are drawn for many tabs."""

from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from lrapp.charts import training
from lrapp.runs.store import Run, Store
from lrapp.ui.run import curves

PATIENCE = 120


def watch(home: str, run_id: str) -> None:
    from pathlib import Path

    from lrapp.runs.store import Store
    from lrapp.ui.run import curves

    run = Store(Path(home)).get(run_id)
    curves.show(run, curves.reader(run).read(), live=True)


def test_however_many_tabs_watch_a_run_its_lines_are_made_once(
    finished: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "SECONDS_BETWEEN_DRAWINGS", (600.0, 600.0))
    made = []
    run_frame = training.run_frame

    def counted(*args: Any) -> pd.DataFrame:
        made.append(run_frame(*args))
        return made[-1]

    monkeypatch.setattr(training, "run_frame", counted)
    home = finished.folder.parents[1]
    assert Store(home).get(finished.id) == finished
    for _ in range(3):
        page = AppTest.from_function(watch, args=(str(home), finished.id), default_timeout=PATIENCE).run()
        assert not page.exception
        assert len(page.get("vega_lite_chart") or page.get("arrow_vega_lite_chart")) == 1
    assert len(made) == 1
