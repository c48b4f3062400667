"""Every file that a crash, a full disk or a person may have damaged is read, or a sentence says that it cannot be."""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrapp.errors import UserError
from lrapp.evaluation.analysis import Insight
from lrapp.evaluation.misclassified import Mistakes
from lrapp.evaluation.scores import Scores
from lrapp.experiments import run_table, studies, study_files
from lrapp.files import from_json
from lrapp.prediction import files
from lrapp.prediction.files import Result
from lrapp.prediction.folders import PredictionFolder
from lrapp.preparation import preprocessor
from lrapp.preparation.image_inputs import PicturePreprocessor
from lrapp.progress import Progress
from lrapp.runs import links, notes
from lrapp.runs.store import Run, Store
from lrapp.settings import FixedSettings, RunSettings
from lrapp.training.checkpoints import TrainingState

# Deeper than any reader of JSON goes.
DEEP = [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000]
FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@dataclass
class Kept:
    """A file as it should be, and what reads it."""

    path: Path
    whole: bytes
    read: Callable[[], Any]


@pytest.fixture(scope="module")
def folder(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run's folder with everything in it that a run, a study or a prediction may leave."""
    store = Store(tmp_path_factory.mktemp("damaged"))
    run = Run(store.home / "runs" / finished.id)
    shutil.copytree(finished.folder, run.folder)
    notes.change(run, name="a name", note="a note", starred=True)
    state = TrainingState(1, 1, 0.5, 0, (np.ones(3),), (np.ones(2),), (np.ones(3),))
    state.save(run.checkpoint_path)
    table = run.folder / "table.csv"
    table.write_bytes(Path("sample_data/penguins.csv").read_bytes())
    files.predict_file(run.folder, table, "table.csv", run.folder)
    PicturePreprocessor("multi-class", ("a", "b", "c"), (8, 8, 1)).save(run.folder)
    (run.folder / "progress.json").write_text(json.dumps({"doing": "Writing …", "share": 0.5}))
    return run.folder


@pytest.fixture(
    params=[
        *(
            "run.json",
            "status.json",
            "events.jsonl",
            "rows",
            "scores.json",
            "insight.json",
            "preprocessor.json",
        ),
        *("about.json", "pictures.json", "result.json", "progress.json", "study", "checkpoint.npz"),
    ]
)
def kept(request: pytest.FixtureRequest, folder: Path) -> Kept:
    name: str = request.param
    run, store = Run(folder), Store(folder.parent.parent)
    if name == "study":
        plan = studies.Plan(
            "s", RunSettings(), studies.contenders([FixedSettings(), FixedSettings(learning_rate=0.1)]), (0,)
        )
        study = studies.create(store, plan)
        path = store.home / "studies" / f"{study.id}.json"
        return Kept(path, path.read_bytes(), lambda: study_files.get(store, study.id))

    def history() -> None:
        found = run.history()
        found.step_frame()
        found.epoch_frame()

    readers: dict[str, Callable[[], Any]] = {
        "run.json": lambda: run.settings,
        "status.json": lambda: run.status,
        "events.jsonl": history,
        "rows": lambda: run_table.row(run),
        "scores.json": lambda: Scores.from_json((folder / name).read_bytes()),
        "insight.json": lambda: Insight.from_json((folder / name).read_bytes()),
        "preprocessor.json": lambda: preprocessor.needs(folder),
        "about.json": lambda: notes.read(run),
        "pictures.json": lambda: PicturePreprocessor.load(folder),
        "result.json": lambda: Result.load(folder),
        "progress.json": lambda: PredictionFolder(folder).progress,
        "checkpoint.npz": lambda: TrainingState.load(folder / name),
    }
    path = folder / ("events.jsonl" if name == "rows" else name)
    return Kept(path, path.read_bytes(), readers[name])


def assert_read_or_said(kept: Kept, data: bytes) -> None:
    kept.path.write_bytes(data)
    try:
        with suppress(UserError):
            kept.read()
    finally:
        kept.path.write_bytes(kept.whole)


def test_a_whole_file_is_read(kept: Kept) -> None:
    kept.read()


@pytest.mark.parametrize("deep", DEEP, ids=["lists", "objects", "closed"])
def test_a_file_that_is_nested_without_end_is_damaged(kept: Kept, deep: bytes) -> None:
    assert_read_or_said(kept, deep)
    assert_read_or_said(kept, deep + b"\n" + kept.whole)
    assert_read_or_said(kept, kept.whole.replace(b": ", b": " + deep, 1))


@FEW
@given(data=st.data())
def test_a_file_that_was_cut_or_overwritten_is_damaged(kept: Kept, data: st.DataObject) -> None:
    whole = kept.whole
    start = data.draw(st.integers(0, len(whole)), "start")
    length = data.draw(st.sampled_from([0, 1, 2, 8, 512, len(whole)]), "length")
    instead = data.draw(
        st.one_of(
            st.binary(max_size=8), st.just(bytes(length)), st.sampled_from([b"[" * 5_000, b"1e999", b'"'])
        ),
        "instead",
    )
    assert_read_or_said(kept, whole[:start] + instead + whole[start + length :])


def test_any_byte_of_a_checkpoint_may_be_wrong(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    TrainingState(1, 1, 0.5, 0, (np.ones(3),), (np.ones(2),), (np.ones(3),)).save(path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for wrong in (whole[place] ^ 255, whole[place] ^ 1):
            path.write_bytes(whole[:place] + bytes([wrong]) + whole[place + 1 :])
            with suppress(UserError):
                TrainingState.load(path)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@FEW
@given(data=st.data())
def test_a_value_of_another_kind_is_damaged(kept: Kept, data: st.DataObject) -> None:
    if kept.path.suffix == ".npz":
        return
    lines = kept.whole.splitlines() if kept.path.suffix == ".jsonl" else [kept.whole]
    number = data.draw(st.integers(0, len(lines) - 1), "line")
    value = json.loads(lines[number])
    holder: Any = value
    for _ in range(data.draw(st.integers(0, 4), "depth")):
        places = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        inner = [place for place in places if isinstance(holder[place], (dict, list)) and holder[place]]
        if not inner:
            break
        holder = holder[data.draw(st.sampled_from(inner), "inner")]
    place = data.draw(
        st.sampled_from(list(holder) if isinstance(holder, dict) else range(len(holder))), "place"
    )
    holder[place] = data.draw(anything, "instead")
    lines[number] = json.dumps(value).encode()
    assert_read_or_said(kept, b"\n".join([*lines, b""]))


def test_settings_and_links_that_are_nested_without_end_are_refused(subtests: pytest.Subtests) -> None:
    for deep in DEEP:
        with subtests.test(f"{deep!r}"):
            import base64
            import zlib

            with pytest.raises(UserError):
                RunSettings.from_json(deep)
            with pytest.raises(UserError):
                links.from_text(base64.urlsafe_b64encode(zlib.compress(deep)).decode().rstrip("="))
            with pytest.raises(UserError):
                Mistakes.from_json(deep)
            with pytest.raises(ValueError, match=r"nested|Expecting"):
                from_json(deep)


def test_progress_of_another_kind_is_none(folder: Path) -> None:
    told = PredictionFolder(folder)
    assert told.progress == Progress("Writing …", 0.5)
    (folder / "progress.json").write_text('{"doing": "many", "share": []}')
    assert told.progress is None
