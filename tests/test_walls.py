"""The walls of the house: which package may import what, read from the imports themselves and from the map."""

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import lrapp

ROOT = Path(__file__).parents[1]
TRAIN_OR_LOAD = {"networks", "training", "export", "execution"}
PROCESSES = {"execution", "sandbox"}
READS_AHEAD = "training.blocks"
THREADS = {"threading", "multiprocessing", "concurrent", "subprocess", "_thread", "asyncio"}
HEAVY = {"tensorflow", "keras", "sklearn"}
MOST_LINES = 450
MOST_MODULES = 20

FILES = {
    ".".join(path.relative_to(ROOT / "lrapp").with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "lrapp").rglob("*.py"))
    if path.parent != ROOT / "lrapp" or path.name not in ("__init__.py", "__main__.py")
} | {"app": ROOT / "app.py", "__main__": ROOT / "lrapp" / "__main__.py"}
PAGES = [name for name in FILES if name == "ui" or name.startswith("ui.")]
FOLDERS = [
    path
    for top in ("lrapp", "tests")
    for path in [ROOT / top, *(ROOT / top).rglob("*")]
    if path.is_dir() and any(path.glob("*.py"))
]
# The map, from the ground up; ``python -m lrapp`` only opens the command line.
ORDER = re.findall(r"^- ``(\w+)/?``", lrapp.__doc__ or "", re.MULTILINE)


def package(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


@cache
def imports(module: str, top_only: bool = False) -> frozenset[str]:
    """What a module imports while it runs; modules of our own by their names within lrapp."""
    tree = ast.parse(FILES[module].read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: modules are imported by their whole name"
            assert node.module is not None
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(_ours(name) or name.split(".")[0] for name in found) - {module}


def _ours(name: str) -> str | None:
    """The module of our own that a dotted name lies in."""
    if not name.startswith("lrapp."):
        return None
    inner = name.removeprefix("lrapp.")
    while inner not in FILES and "." in inner:
        inner = inner.rpartition(".")[0]
    return inner if inner in FILES else None


def importers(modules: set[str]) -> set[str]:
    return {module for module in FILES if imports(module) & modules}


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """Some modules that import one another in a circle; empty where there is none."""
    try:
        list(TopologicalSorter(arrows).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def test_the_reading_of_imports_sees_them() -> None:
    assert {"errors", "execution.worker", "threading"} <= imports("execution.queue")
    assert "ui.shell" in imports("app")
    assert "training.trainer" in imports("execution.worker"), "also inside functions"
    assert "training.trainer" not in imports("execution.worker", top_only=True)
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})


def test_the_map_names_every_package_once() -> None:
    assert len(ORDER) == len(set(ORDER))
    assert set(ORDER) == {package(module) for module in FILES} - {"app", "__main__"}


def test_the_readme_shows_the_map() -> None:
    listed = dict(re.findall(r"^- ``(\w+/?)``: (.+)$", lrapp.__doc__ or "", re.MULTILINE))
    readme = (ROOT / "README.md").read_text("utf-8")
    table = readme.partition("| package | what it is for |\n")[2].partition("\n\n")[0]
    shown = dict(re.findall(r"^\| `(\w+/?)` \| (.+?) \|$", table, re.MULTILINE))
    assert shown == listed


def test_a_package_imports_only_from_those_above_it_on_the_map() -> None:
    wrong = {
        (module, other)
        for module in FILES
        if package(module) in ORDER and package(module) != "ui"
        for other in imports(module) & set(FILES)
        if package(other) not in ORDER[: ORDER.index(package(module)) + 1]
    }
    assert not wrong


def test_no_modules_import_one_another_in_a_circle() -> None:
    assert not circle({module: set(imports(module) & set(FILES)) for module in FILES})


def test_no_folders_import_one_another_in_a_circle() -> None:
    def folder(module: str) -> str:
        return FILES[module].parent.relative_to(ROOT).as_posix()

    arrows: dict[str, set[str]] = {}
    for module in FILES:
        others = {folder(other) for other in imports(module) & set(FILES)}
        # What lies deeper belongs to its folder's own affairs, and a door opens on what lies behind it.
        arrows.setdefault(folder(module), set()).update(
            other
            for other in others
            if other != folder(module) and not other.startswith(f"{folder(module)}/")
        )
    assert not circle({name: others for name, others in arrows.items() if name.startswith("lrapp/ui/")})


def test_streamlit_is_only_in_the_pages() -> None:
    found = importers({"streamlit"})
    assert {"ui.shell", "ui.train.page"} <= found
    assert found <= {"app", *PAGES}


def test_altair_is_only_in_the_charts() -> None:
    assert {package(module) for module in importers({"altair"})} == {"charts"}


def test_threads_and_processes_are_only_where_work_is_given_out() -> None:
    given_out = importers(THREADS) - {READS_AHEAD}
    assert {package(module) for module in given_out} == PROCESSES


def test_tensorflow_is_only_where_networks_are_made_trained_or_exported() -> None:
    found = importers({"tensorflow", "keras"})
    assert {"networks.models", "training.loop"} <= found
    assert {package(module) for module in found} <= TRAIN_OR_LOAD


def test_pages_do_not_wait_for_heavy_imports() -> None:
    todo, seen = [*PAGES, "app"], set()
    while todo:
        module = todo.pop()
        if module in FILES and module not in seen:
            seen.add(module)
            todo += imports(module, top_only=True)
            assert not imports(module, top_only=True) & HEAVY, f"{module}, which a page imports"
    assert {"execution.queue", "charts.training", "runs.store"} <= seen
    trainers = importers({"tensorflow", "keras"})
    for page in PAGES:
        assert not imports(page) & (trainers | HEAVY), page


def test_the_pages_are_imported_without_what_takes_seconds() -> None:
    pages = ", ".join(f"lrapp.{page}" for page in PAGES)
    code = f"import sys; import {pages}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == ""


# What changes or gives away something that somebody made: done in ``ui.parts.actions`` alone, which asks first whether
# one may.
ACTIONS = {
    *("notes.change", "bundle.pack", "registry.export", "folders.create", "folders.create_of_pictures"),
    *("sources.read_table", "uploads.table", "uploads.facts", "uploads.look", "uploads.images"),
    "uploads.ask",
    *("studies.create", "studies.create_search", "study_files.delete", "study_files.restore"),
    *(
        "store.create",
        "store.delete",
        "store.restore",
        "jobs.submit",
        "jobs.once",
        "jobs.stop",
        "jobs.resume",
    ),
    *("store.read_source", "store.source_path"),
}
# Where these are asked for in the same place.
ASKED = {
    "ui.parts.resources": {"sources.read_table", "uploads.table"},
    "ui.train.images": {"uploads.facts", "uploads.look"},
}


def test_pages_ask_before_they_change_what_somebody_made() -> None:
    found: dict[str, set[str]] = {}
    for page in PAGES:
        for node in ast.walk(ast.parse(FILES[page].read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                name = ast.unparse(node).removeprefix("resources.").replace("()", "")
                if name in ACTIONS:
                    found.setdefault(page, set()).add(name)
    actions = found.pop("ui.parts.actions")
    seen = {"notes.change", "bundle.pack", "folders.create", "jobs.stop", "store.delete", "studies.create"}
    assert seen <= actions, "the test sees them"
    assert found == ASKED


def kept_by_name(tree: ast.AST) -> list[str]:
    """What a page keeps in the session under a fixed name, which is no widget's key."""
    asked: list[ast.expr] = []
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Attribute(attr="session_state"), slice=key):
                asked.append(key)
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="session_state")), args=[key, *_]):
                asked.append(key)
            case ast.Compare(left=key, comparators=[ast.Attribute(attr="session_state")]):
                asked.append(key)
    widgets = {
        ast.unparse(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "key"
    }
    fixed = [key for key in asked if isinstance(key, ast.Constant) or ast.unparse(key).isupper()]
    return [name for name in map(ast.unparse, fixed) if name not in widgets]


def test_what_a_session_keeps_is_a_field_of_one_object() -> None:
    source = (
        "st.session_state['a'] = st.session_state.get(_B)\n'c' in st.session_state\nst.session_state[key]"
    )
    assert kept_by_name(ast.parse(source)) == ["'a'", "_B", "'c'"], "the test sees them"
    found = {page: kept_by_name(ast.parse(FILES[page].read_text("utf-8"))) for page in PAGES}
    assert {page: names for page, names in found.items() if names} == {
        "ui.parts.session": ["_KEY", "_KEY", "_KEY"]
    }


# Asked for where somebody wants them; the page says how to install them.
OPTIONAL = {"mlflow", "onnx", "onnxruntime"}


def test_whatever_is_imported_is_required_by_name() -> None:
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    required = {re.split(r"[<>=;\s]", line)[0] for line in lines if line and line[0] not in "#-"}
    imported = {name for module in FILES for name in imports(module)} - set(FILES) - sys.stdlib_module_names
    named = packages_distributions()
    missing = {
        name
        for name in imported - OPTIONAL - {"lrapp"}
        if not required & {one.lower().replace("_", "-") for one in named.get(name, [name])}
    }
    assert not missing


def test_modules_are_small_and_say_what_they_are_for() -> None:
    texts = {module: path.read_text("utf-8") for module, path in FILES.items()}
    large = [module for module, text in texts.items() if len(text.splitlines()) > MOST_LINES]
    assert not large, "a module that outgrows this is two modules"
    vague = ("utils", "util", "helpers", "common", "misc")
    assert [module for module in texts if module.rsplit(".", maxsplit=1)[-1] in vague] == []
    silent = [module for module, text in texts.items() if not ast.get_docstring(ast.parse(text))]
    assert not silent, "a module says in its first line what it is for"


def test_folders_are_small_and_their_files_do_not_repeat_their_names() -> None:
    names = {
        folder: [path.stem for path in folder.glob("*.py") if path.stem not in ("__init__", "__main__")]
        for folder in FOLDERS
    }
    assert [folder for folder, stems in names.items() if len(stems) > MOST_MODULES] == []
    repeating = [
        f"{folder}: {stem}"
        for folder, stems in names.items()
        for stem in stems
        if stem.removeprefix("test_").removesuffix("s") == folder.name.removesuffix("s")
    ]
    assert not repeating, "a file's name says more than its folder's"
