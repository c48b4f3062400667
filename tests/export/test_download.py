"""The download: everything that it needs is in it, and its script answers as the app does."""

import ast
import csv
import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from packaging.requirements import Requirement

from lrapp.errors import UserError
from lrapp.export import download, registry
from lrapp.prediction import files
from lrapp.runs.store import SAMPLES, Run
from lrapp.settings import DataSettings, FileSource, RunSettings

# Modules by the package that brings them, where the names differ.
PACKAGES = {
    "sklearn": "scikit-learn",
    "charset_normalizer": "charset-normalizer",
    "python_calamine": "python-calamine",
    "PIL": "pillow",
}


@pytest.fixture(scope="module")
def unpacked(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("download")
    with zipfile.ZipFile(io.BytesIO(download.pack(finished))) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return folder


def script(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Call the script as a person would who has nothing but the unpacked folder."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONPATH" and not name.startswith("TF_")
    }
    return subprocess.run(
        [sys.executable, "predict.py", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_everything_is_in_it(unpacked: Path) -> None:
    assert {path.name for path in unpacked.iterdir()} == {
        "model.keras",
        "preprocessor.skops",
        "preprocessor.json",
        "formats.json",
        "run.json",
        "scores.json",
        "history_steps.csv",
        "history_epochs.csv",
        "predict.py",
        "README.md",
        "requirements.txt",
        "lrapp",
    }
    assert not (unpacked / "lrapp" / "ui").exists()


def test_the_history_is_that_of_the_run(unpacked: Path, finished: Run) -> None:
    steps = pd.read_csv(unpacked / "history_steps.csv")
    pd.testing.assert_frame_equal(steps, finished.history().step_frame(), rtol=1e-12)
    epochs = pd.read_csv(unpacked / "history_epochs.csv")
    expected = finished.history().epoch_frame()["val_loss"].tolist()
    assert epochs["val_loss"].tolist() == pytest.approx(expected, rel=1e-12)
    assert RunSettings.from_json((unpacked / "run.json").read_text()) == finished.settings


def test_the_readme_tells_what_goes_in_and_what_it_is_worth(unpacked: Path) -> None:
    readme = (unpacked / "README.md").read_text("utf-8")
    assert "Predicts `species`" in readme
    for column in ("island", "bill_length_mm", "sex"):
        assert f"`{column}`" in readme
    assert "The network is right in" in readme
    for path in unpacked.iterdir():
        assert path.name in readme or path.name == "README.md"


def test_the_script_answers_as_the_app_does_with_the_code_of_its_own_folder(
    unpacked: Path, finished: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    shutil.copytree(unpacked, folder)
    with (folder / "lrapp" / "errors.py").open("a") as own:
        own.write('\nprint("my own code")\n')
    rows = SAMPLES.joinpath("penguins.csv").read_text().splitlines()
    new = "\n".join([rows[0], *rows[:0:-7], "Adelie,Atlantis,,,,,"]) + "\n"
    (tmp_path / "new.csv").write_text(new)
    done = script(folder, "../new.csv", "../answer.csv")
    assert done.returncode == 0, done.stderr
    assert "my own code" in done.stdout
    assert "rows are in ../answer.csv." in done.stdout
    answer = (tmp_path / "answer.csv").read_bytes()
    files.predict_file(finished.folder, tmp_path / "new.csv", "new.csv", tmp_path / "app")
    assert answer == (tmp_path / "app" / "predictions.csv").read_bytes()
    lines = list(csv.DictReader(io.StringIO(answer.decode("utf-8-sig"))))
    assert len(lines) == len(new.splitlines()) - 1
    assert {line["prediction"] for line in lines} >= {"Adelie", "Gentoo", "Chinstrap"}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "predict.py: error: the following arguments are required: NEW.csv, PREDICTIONS.csv"),
        (("new.csv", "x.csv", "--format", "mine"), 2, "invalid choice: 'mine'"),
        (("gone.csv", "x.csv"), 1, "gone.csv"),
    ],
)
def test_a_wrong_call_of_the_script_is_a_sentence(
    unpacked: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    done = script(unpacked, *arguments)
    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (unpacked / "x.csv").exists()


def test_the_script_asks_how_a_file_is_meant(unpacked: Path, tmp_path: Path) -> None:
    table = pd.read_csv(SAMPLES / "penguins.csv").head(40)
    new, answer = tmp_path / "new.csv", tmp_path / "answer.csv"
    new.write_bytes(table.to_csv(index=False, sep=";", decimal=",").encode())
    done = script(unpacked, str(new), str(answer))
    assert done.returncode == 2, done.stderr
    assert "and the model learned it with decimal points" in done.stderr
    assert "--format model or --format file" in done.stderr
    assert not answer.exists()
    done = script(unpacked, str(new), str(answer), "--format", "file")
    assert done.returncode == 0, done.stderr
    assert "as you chose." in done.stdout
    assert pd.read_csv(answer)["bill_length_mm"].tolist() == pytest.approx(
        table["bill_length_mm"].tolist(), nan_ok=True
    )


def _imports(path: Path) -> set[str]:
    """What a file imports anywhere, but for what only a type checker reads."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def test_the_requirements_hold_all_that_its_code_imports(unpacked: Path) -> None:
    pinned = re.findall(r"^([a-z-]+)==\d", (unpacked / "requirements.txt").read_text(), re.MULTILINE)
    todo, seen, wanted = [unpacked / "predict.py"], set(), set()
    while todo:
        path = todo.pop()
        seen.add(path)
        for name in _imports(path):
            first, *rest = name.split(".")
            if first == "lrapp":
                inner = unpacked.joinpath("lrapp", *rest)
                for file in (inner.with_suffix(".py"), inner / "__init__.py"):
                    if file.exists() and file not in seen:
                        todo.append(file)
            elif first not in sys.stdlib_module_names:
                wanted.add(PACKAGES.get(first, first))
    assert {"tensorflow", "keras", "pandas", "scikit-learn", "pydantic"} <= wanted, "the walk sees the code"
    assert wanted <= set(pinned)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (RunSettings(name="My run: a/b\\c 🐧"), "My-run-a-b-c.zip"),
        (RunSettings(name="../../etc/passwd"), "etc-passwd.zip"),
        (RunSettings(name="日本語"), "model.zip"),
        (RunSettings(name="x" * 150), "x" * 60 + ".zip"),
        (RunSettings(data=DataSettings(target="species")), "species-penguins.zip"),
        (
            RunSettings(
                data=DataSettings(source=FileSource(name="a b.tar.csv", sha256="0" * 64), target="$y$")
            ),
            "y-a-b-tar.zip",
        ),
    ],
)
def test_the_download_has_a_name_that_every_system_can_write(
    settings: RunSettings, name: str, tmp_path: Path
) -> None:
    (tmp_path / "run.json").write_text(settings.to_json())
    assert download.file_name(Run(tmp_path)) == name


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        ("model.keras", r"^This run left no model\."),
        ("scores.json", r"^This run's folder is damaged: scores\.json is missing\."),
        ("preprocessor.skops", r"^This run's folder is damaged: preprocessor\.skops is missing\."),
    ],
)
def test_a_run_that_lacks_a_part_is_a_sentence(
    finished: Run, tmp_path: Path, gone: str, sentence: str
) -> None:
    shutil.copytree(finished.folder, tmp_path / "copy")
    (tmp_path / "copy" / gone).unlink()
    with pytest.raises(UserError, match=sentence):
        download.pack(Run(tmp_path / "copy"))


def test_scores_that_are_no_text_are_a_sentence(finished: Run, tmp_path: Path) -> None:
    copy = Run(tmp_path / "copy")
    shutil.copytree(finished.folder, copy.folder)
    copy.scores_path.write_bytes(b"\xff\xfe{")
    with pytest.raises(UserError, match=r"^The scores of this run are damaged"):
        download.pack(copy)


@pytest.mark.parametrize("source", ["app", "download"])
def test_requirements_are_lines_that_pip_understands(source: str) -> None:
    text = (
        (SAMPLES.parent / "requirements.txt").read_text("utf-8")
        if source == "app"
        else download._requirements()
    )
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    wanted = [Requirement(line) for line in lines if line]
    linux = {"sys_platform": "linux", "platform_machine": "x86_64"}
    for place, build in (
        (linux, "tensorflow-cpu"),
        (linux | {"platform_machine": "aarch64"}, "tensorflow"),
        ({"sys_platform": "darwin", "platform_machine": "arm64"}, "tensorflow"),
        ({"sys_platform": "win32", "platform_machine": "AMD64"}, "tensorflow-cpu"),
    ):
        needed = {one.name for one in wanted if one.marker is None or one.marker.evaluate(place)}
        assert {name for name in needed if name.startswith("tensorflow")} == {build}


def test_owners_stand_in_folders_and_not_in_what_is_taken_away(finished: Run, tmp_path: Path) -> None:
    owner = "0123456789abcdef" * 2
    run = Run(tmp_path / "runs" / finished.id)
    shutil.copytree(finished.folder, run.folder)
    (run.folder / "owner").write_text(owner)
    assert run.owner == owner
    with zipfile.ZipFile(io.BytesIO(download.pack(run))) as packed:
        assert "owner" not in packed.namelist()
        assert not any(owner.encode() in packed.read(name) for name in packed.namelist())
    script = next(one for one in registry.formats(run) if one.key == "code")
    made = registry.export(run.folder, tmp_path, script.key)
    with zipfile.ZipFile(made) as packed:
        assert not any(owner.encode() in packed.read(name) for name in packed.namelist())
