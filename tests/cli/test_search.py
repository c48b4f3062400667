"""A random search without a browser: done, gone on with, its best trained on all rows, and what is refused."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from lrapp import __main__ as command
from lrapp.experiments import search, study_files
from lrapp.experiments.search import Search
from lrapp.experiments.search_file import SavedSearch
from lrapp.experiments.search_space import Numbers, Range, Space
from lrapp.runs.store import Store
from lrapp.settings import (
    DataSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    RunSettings,
    TrainingSettings,
)

ROOT = Path(__file__).parents[2]
PATIENCE = 240
SAVED = SavedSearch(
    base=RunSettings(
        data=DataSettings(target="species"),
        model=ModelSettings(layers=(LayerSettings(units=8),)),
        # Long enough to be stopped in.
        training=TrainingSettings(epochs=300),
        policy=FixedSettings(learning_rate=0.01),
    ),
    search=Search(
        space=Space(units=Range(low=4, high=16, step=4), learning_rate=Numbers(among=(1e-2, 1e-3))), trials=3
    ),
)


def start(home: Path, *arguments: str | Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "lrapp", "search", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "LRAPP_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert command.main(["search", *map(str, arguments)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1, "one sentence"
    return captured.err


def test_a_search_is_stopped_gone_on_with_and_its_best_trained_on_all_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "search.json", tmp_path / "out"
    file.write_text(SAVED.to_json())
    process = start(tmp_path / "home", file, "--out", out)
    deadline = time.monotonic() + PATIENCE
    store = Store(out)
    while not any(run.history().epochs for run in store.runs()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, errors
    assert "Traceback" not in errors
    assert "Trial 3 of 3: Stopped while it waited for its turn." in errors
    assert "Stopped before its end; --resume goes on with it." in errors
    assert "stopped" in {run.status.state for run in store.runs()}
    assert "holds a search already" in refused(capsys, file, "--out", out)
    assert "was started with other settings" in refused(
        capsys, file, "--out", out, "--resume", "--epochs", "3"
    )

    process = start(tmp_path / "home", file, "--out", out, "--resume", "--all-rows")
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert "Trial 3 of 3: validation accuracy " in errors
    (study,) = study_files.every(store)
    trials = [store.get(member.run_id) for member in study.members]
    assert [run.settings for run in trials] == [
        one.model_copy(
            update={"name": run.settings.name, "closer_look": False, "training": run.settings.training}
        )
        for one, run in zip(search.draw(SAVED.search, SAVED.base), trials, strict=True)
    ]
    rows = list(csv.DictReader(io.StringIO((out / "search.csv").read_text("utf-8-sig"))))
    best = trials[int(rows[0]["Trial"]) - 1]
    assert f"Trial {rows[0]['Trial']} is the best of the 3 that finished" in output
    assert str(best.folder / "run.json") in output
    (model,) = [run for run in store.runs() if run.settings.made_from]
    assert model.settings.made_from is not None
    assert model.settings.made_from.run == best.id
    assert model.settings.data.all_rows
    assert model.settings.model == best.settings.model
    assert model.settings.training.epochs == int(rows[0]["Best epoch"])
    assert "Expect the score of the run it was made from: The network is right in" in output
    (packed,) = out.glob("*.zip")
    assert "predict.py" in zipfile.ZipFile(packed).namelist()


def test_what_cannot_be_searched_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "search.json", tmp_path / "out"
    assert "The search cannot be read" in refused(capsys, file, "--out", out)
    assert "“search.trials” must be at most 200" in refused(
        capsys, "fashion-mnist", "--trials", "300", "--out", out
    )
    file.write_text("{")
    assert "not valid JSON" in refused(capsys, file, "--out", out)
    told = json.loads(SAVED.to_json())
    told["search"]["space"] = {}
    file.write_text(json.dumps(told))
    assert "A search must vary at least one setting" in refused(capsys, file, "--out", out)
    file.write_text(SAVED.to_json())
    assert "holds no search to go on with" in refused(capsys, file, "--out", out, "--resume")


@pytest.mark.parametrize(
    ("range_", "sentence"),
    [
        (
            '{"low": 4, "high": 16, "step": 1e-320}',
            "“search.space.units.step” must be at least 1e-12. Received: 1e-320.",
        ),
        (
            '{"low": 4, "high": 1%s}' % (400 * "0"),
            "“search.space.units.high” is not valid. It must be a number from",
        ),
        ('{"low": 4, "high": 1%s}' % (5000 * "0"), "These settings are not valid JSON"),
        ('{"low": 4, "high": "16"}', "“search.space.units.high” is not valid. It must be a number from"),
        ('{"low": 4}', "“search.space.units.high” is not valid: field required. Received: {'low': 4}."),
        (
            '{"low": 4, "high": 99999}',
            "“search.space.units” is not valid. The ends must be whole numbers from 1 to 16,384. Received: 99,999.\n",
        ),
        ('{"among": []}', "“search.space.units.among” is not valid: tuple should have at least 1 item"),
        ('{"among": [4, "8"]}', "“search.space.units.among.1” is not valid. It must be a number from"),
        (
            '{"among": [4, 8], "low": 4}',
            "“search.space.units.low” is not valid: extra inputs are not permitted",
        ),
        ("[4, 8]", "“search.space.units” is not valid: "),
    ],
)
def test_a_range_that_is_none_is_a_sentence_with_the_files_own_words(
    range_: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "search.json"
    told = json.loads(SAVED.to_json())
    told["search"]["space"] = {"units": "HERE"}
    file.write_text(json.dumps(told).replace('"HERE"', range_))
    said = refused(capsys, file, "--out", tmp_path / "out")
    assert sentence in said
    assert not any(word in said for word in ("Range", "Numbers", "more field"))
