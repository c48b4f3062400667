"""Each kind of data has its say in every package that treats them differently, and hardly anything else asks for it."""

import ast
import re
from pathlib import Path

import pytest

from lrapp.evaluation.kinds import Evaluation
from lrapp.export import registry
from lrapp.export.kinds import KindExports
from lrapp.preparation.kinds import Preparation
from lrapp.settings import DATA_KINDS, SOURCES, DataSettings, FileSource, PicturesSource
from lrapp.settings.kinds import kind_of_model, part
from lrapp.settings.sources import UploadedSource, upload_of
from lrapp.ui.parts.kinds import KindPages

ROOT = Path(__file__).parents[1] / "lrapp"
PACKAGES = {
    "preparation": Preparation,
    "evaluation": Evaluation,
    "export": KindExports,
    "ui": KindPages,
}
MOST_DECISIONS = 20
# Whoever asks for one of these asks of which kind the data are, and so does whoever counts the axes of a row. What
# reaches a layer inside a network may be flat there, whatever the data.
CLASSES = {
    *(source.__name__ for source in SOURCES),
    *("Preprocessor", "PicturePreprocessor", "Recipe", "PictureRecipe"),
}
_AXES = re.compile(
    r"^(len\((\w+\.)*input_shape\)|len\(((prepared|expected|self|preprocessor)\.)?shape\)|x\.ndim)$"
)


def decisions(source: str) -> list[str]:
    """What of a source asks whether data are a table or pictures, in any of the ways in which that can be told."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, kinds]):
                asks = bool(_names(kinds) & CLASSES)
            case ast.MatchClass(cls=cls):
                asks = bool(_names(cls) & CLASSES)
            case ast.Compare(left=left, comparators=others):
                texts = [ast.unparse(one) for one in (left, *others)]
                asks = any(_AXES.match(text) for text in texts) or any(
                    f"'{kind}'" in texts for kind in DATA_KINDS
                )
            case ast.Attribute(attr="pixels", value=ast.Attribute(attr="facts")):
                asks = True
            case ast.Attribute(
                attr="of_pictures" | "is_pictures", value=ast.Attribute() | ast.Name(id="self")
            ):
                asks = True
            case ast.If(test=test) | ast.IfExp(test=test):
                asks = ast.unparse(test) in ("pictures", "of_pictures", "self.pictures", "not self.pictures")
            case _:
                asks = False
        if asks:
            found.append(ast.unparse(node).splitlines()[0])
    return found


def _names(node: ast.expr) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def test_decisions_are_seen_however_they_are_told() -> None:
    for source in (
        "isinstance(source, PicturesSource | PictureFileSource)",
        "isinstance(told, PicturePreprocessor)",
        "match source:\n    case PicturesSource(name='digits'): pass",
        "1 if len(prepared.shape) == 3 else 2",
        "x.ndim > 2",
        "settings.data.of_pictures",
        "settings.data.facts.pixels",
        "settings.kind != 'table'",
        "x = 1 if pictures else 2",
    ):
        assert len(decisions(source)) == 1, source
    for source in (
        "isinstance(source, UploadedSource)",
        "len(rows) == 3",
        "kind == other.kind",
        "values.ndim == 1",
    ):
        assert not decisions(source), source


def test_hardly_anything_asks_of_which_kind_the_data_are() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): asks
        for path in sorted(ROOT.rglob("*.py"))
        if (asks := decisions(path.read_text("utf-8")))
    }
    assert sum(map(len, found.values())) <= MOST_DECISIONS, found


def test_every_kind_has_a_module_in_every_package_that_treats_them_differently(
    subtests: pytest.Subtests,
) -> None:
    for package, protocol in PACKAGES.items():
        with subtests.test(package):
            modules = {path.stem for path in (ROOT / package / "kinds").glob("*.py")} - {"__init__"}
            assert modules == set(DATA_KINDS)
            for kind in DATA_KINDS:
                assert isinstance(part(f"lrapp.{package}.kinds", kind), protocol)


def test_every_kind_can_be_uploaded_and_exported(subtests: pytest.Subtests) -> None:
    for kind in DATA_KINDS:
        with subtests.test(f"{kind!r}"):
            uploaded = upload_of(kind, "mine.zip", "ab" * 32)
            assert isinstance(uploaded, UploadedSource)
            assert (uploaded.kind, uploaded.name, uploaded.sha256) == (kind, "mine.zip", "ab" * 32)
            data = DataSettings(source=uploaded)
            assert (data.kind, data.facts) == (kind, DATA_KINDS[kind])
            assert (len(uploaded.likely_shape(data)) == 3) == data.facts.pixels
            assert any(registry.maker(exporter, kind) is not None for exporter in registry.EXPORTERS)


def test_what_is_learned_from_what_is_told_by_the_source() -> None:
    assert DataSettings(source=PicturesSource(name="fashion-mnist")).title == "Fashion-MNIST"
    assert DataSettings(source=PicturesSource(name="digits")).title == "Handwritten digits"
    assert DataSettings(source=upload_of("pictures", "a.zip", "0" * 64)).title == "Pictures of a.zip"
    assert DataSettings(source=FileSource(name="a.csv", sha256="0" * 64)).title == "no target from a.csv"
    assert DataSettings(target="y").title == "y from penguins.csv"


def test_a_models_kind_is_told_from_what_lies_beside_it(tmp_path: Path) -> None:
    assert kind_of_model(tmp_path) == "table"
    for kind, facts in DATA_KINDS.items():
        folder = tmp_path / kind
        folder.mkdir()
        (folder / facts.model_file).touch()
        assert kind_of_model(folder) == kind
