"""Text from a file stays text in Markdown, and in everything that a person takes away from a run."""

import ast
import csv
import html
import io
import json
import random
import tokenize
import zipfile

import pytest
from hostile import ELSEWHERE, NAMES, links, tokens
from markdown_it import MarkdownIt

from lrapp import escaping
from lrapp.execution import worker
from lrapp.export import download, finished_run, registry
from lrapp.export import script as codegen
from lrapp.runs.notes import change
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    DataSettings,
    FileSource,
    LayerSettings,
    ModelSettings,
    RunSettings,
    TrainingSettings,
)

_LETTERS = "![]()<>:/.@#&*_`~$|\\-+=^'\" \n\twahtp:mx1"


def random_names(number: int) -> list[str]:
    chance = random.Random(0)
    return ["".join(chance.choices(_LETTERS, k=chance.randrange(1, 40))) for _ in range(number)]


def read(text: str) -> str:
    """What a person sees of Markdown, in words."""
    return " ".join(
        "".join(one.content for one in tokens(text) if one.type in ("text", "text_special")).split()
    )


def test_on_a_page_no_markup_is_left() -> None:
    for name in [*NAMES, *random_names(500)]:
        shown = escaping.markdown(name)
        kinds = {token.type for token in tokens(f"Rows of {shown}")}
        assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}, (name, kinds)
        assert read(shown).replace("\u2060", "") == " ".join(name.split()), "and it is seen as it was typed"
    assert escaping.markdown("a" * 70, 60) == "a" * 59 + "…"
    assert escaping.markdown("a.b", None) == r"a\.b"


def test_in_a_file_a_line_is_one_line_of_words() -> None:
    for name in [*NAMES, *random_names(500)]:
        shown = escaping.line(name)
        kinds = {token.type for token in tokens(shown)}
        assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}, (
            name,
            shown,
            kinds,
        )
        assert read(shown).replace("\u2060", "") == " ".join(name.split())
        assert not links(f"# {shown}\n\n- {shown}\n\n| a |\n|---|\n| {shown} |\n")
    # A person reads the file itself, too.
    usual = "The accuracy is 97.4 % on 114 test rows (majority class: 62.3 %)."
    assert escaping.line(usual) == usual


def test_code_stays_in_its_cell() -> None:
    for name in ["", "``", *NAMES, *random_names(300)]:
        table = f"| a | b |\n|---|---|\n| {escaping.code(name)} | {escaping.code(name)} |\n"
        kinds = [token.type for token in tokens(table)]
        assert kinds.count("code_inline") == 2, name
        assert kinds.count("td_open") == 2, name
        assert not links(table)


@pytest.fixture(
    scope="module", params=[NAMES[0], NAMES[4], NAMES[11]], ids=["picture", "reference", "encoding"]
)
def hostile(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Run, Store]:
    """A run whose table has nothing but such names."""
    target: str = request.param
    chance = random.Random(0)
    text = io.StringIO()
    writer = csv.writer(text)
    names = [name for name in NAMES if name != target]
    writer.writerow(["x", *names, target])
    for _ in range(60):
        x = chance.random()
        values = [f"{chance.random():.3f}", *chance.choices(NAMES[:4], k=len(names) - 1)]
        writer.writerow([f"{x:.4f}", *values, NAMES[0] if x > 0.5 else NAMES[2]])
    store = Store(tmp_path_factory.mktemp("hostile"))
    source = store.keep_file(text.getvalue().encode(), "odd.csv")
    run = store.create(
        RunSettings(
            name=NAMES[1],
            data=DataSettings(source=FileSource(name=f"{NAMES[0]}.csv", sha256=source.sha256), target=target),
            model=ModelSettings(layers=(LayerSettings(units=2),)),
            training=TrainingSettings(epochs=1),
        )
    )
    outcome = worker.work(run.folder, store.home)
    run.set_status(state=outcome.state, message=outcome.message)
    change(run, name=NAMES[1], note=NAMES[0])
    return target, run, store


def test_the_script_imports_what_it_says_and_no_more(hostile: tuple[str, Run, Store]) -> None:
    _, run, store = hostile
    script = codegen.script(finished_run.recipe(run, store)).encode()
    encoding, _ = tokenize.detect_encoding(io.BytesIO(script).readline)
    assert encoding == "utf-8", "a comment in the first lines can say another"
    imported = {
        one.name for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Import) for one in node.names
    }
    assert imported == {"os", "keras", "numpy", "pandas"}


def test_what_is_taken_away_leads_nowhere(hostile: tuple[str, Run, Store]) -> None:
    target, run, store = hostile
    notebook = json.loads(codegen.notebook(finished_run.recipe(run, store)))
    texts = [
        "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    ]
    for key in ("code", "keras", "savedmodel", "litert")[: 4 if target == NAMES[0] else 2]:
        with zipfile.ZipFile(registry.export(run.folder, store.home, key)) as archive:
            texts.append(archive.read("README.md").decode())
    with zipfile.ZipFile(io.BytesIO(download.pack(run))) as archive:
        texts.append(archive.read("README.md").decode())
    for text in texts:
        assert links(text) == set()
    assert ELSEWHERE not in target or ELSEWHERE in html.unescape(MarkdownIt("commonmark").render(texts[0]))
