"""The walls of the house: which room may import what, read from the imports themselves."""

import ast
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the ground up: a room imports only rooms before it. A new room needs a place here.
ORDER = [
    *("errors", "phrasing", "escaping", "memory", "files", "pacing", "policies", "suggestions", "events"),
    *(
        "reading.answers",
        "reading.packed",
        "reading.words",
        "reading.month_names",
        "reading.date_shapes",
        "reading.date_orders",
        "reading.dates",
        "reading.formats",
        "reading.kinds",
        "reading.column_records",
        "reading.numerals",
        "reading.signs",
        "reading.known_names",
        "reading.header_rows",
        "reading.layouts",
        "reading.names",
        "reading.rulings",
        "reading.lines",
        "reading.csv_rows",
        "reading.texts",
        "reading.records",
    ),
    *("reading.dialects", "reading.bodies", "reading.rows", "reading.mending", "reading.decoding"),
    *("reading.wrappings", "reading.unpacking"),
    *(
        "reading.categories",
        "reading.columns",
        "reading.by_format",
        "reading.given",
        "reading.totals",
        "reading.sheets",
        "tables",
        "table_files",
    ),
    *("cells", "setting_parts", "policy_settings", "data_settings", "network_settings", "settings"),
    *("search_space", "search"),
    *("setting_checks", "layer_table", "shapes", "estimates", "overview"),
    *("units", "written", "format_match", "model_formats"),
    *("clipping", "preprocessing", "splitting", "picture_pixels", "images"),
    *("picture_folders", "image_files", "picture_inputs", "picture_look"),
    *("fitting", "targets", "prepare", "prepare_images", "outlook"),
    *(
        "layers",
        "group_rates",
        "models",
        "loop",
        "checkpoints",
        "training",
        "range_test",
        "gradient_report",
        "gradient_check",
        "evaluation",
    ),
    *("measures", "influence", "insight", "picture_results", "findings", "diagnosis"),
    *(
        "harmless",
        "answering",
        "scoring",
        "tally",
        "as_learned",
        "portions",
        "saved",
        "prediction",
        "transfer",
    ),
    *("runs", "rights", "visitors", "uploaders"),
    *(
        "execution.wire",
        "execution.limits",
        "execution.tasks",
        "execution.server",
        "execution.processes",
        "execution.readers",
    ),
    *(
        "execution.uploads",
        "execution.sources",
        "execution.desk",
        "execution.long_tables",
        "execution.loose_pictures",
    ),
    *("picture_prediction", "predicting", "prediction_folders"),
    *(
        "about",
        "sharing",
        "warming",
        "study_files",
        "studies",
        "comparing",
        "run_table",
        "run_differences",
        "search_results",
    ),
    *(
        "event_files",
        "loggers",
        "worker",
        "execution.turns",
        "execution.worker_process",
        "jobs",
        "bundle",
        "charts",
        "overlay_charts",
        "group_charts",
    ),
    *("study_charts", "search_charts"),
    *("recipes", "picture_recipes", "code_data", "code_pictures", "code_training", "codegen"),
    *(
        "quantiles",
        "portable",
        "numpy_arithmetic",
        "one_row",
        "tf_export",
        "onnx_export",
        "litert_export",
        "picture_onnx_export",
        "readmes",
        "exporter",
        "export_formats.code",
        "export_formats.keras",
        "export_formats.litert",
        "export_formats.onnx",
        "export_formats.savedmodel",
        "exports",
    ),
    *(
        "result_charts",
        "predict_charts",
        "drawing",
        "report",
        "format_options",
        "predict_command",
        "__main__",
    ),
]
TRAINERS = {
    "layers",
    "group_rates",
    "models",
    "transfer",
    "loop",
    "training",
    "range_test",
    "gradient_check",
    "tf_export",
    "litert_export",
    "export_formats.keras",
    "event_files",
}
THREADS = {"threading", "multiprocessing", "concurrent", "subprocess", "_thread", "asyncio"}
HEAVY = {"tensorflow", "keras", "sklearn"}
MOST_LINES = 450

FILES = {
    ".".join(path.relative_to(ROOT / "lrapp").with_suffix("").parts): path
    for path in sorted((ROOT / "lrapp").rglob("*.py"))
} | {"app": ROOT / "app.py"}
PAGES = [name for name in FILES if name.startswith("ui.")]
ROOMS = [name for name in FILES if name not in ("app", *PAGES) and not name.endswith("__init__")]


@cache
def imports(room: str, top_only: bool = False) -> frozenset[str]:
    """Modules that a room imports while it runs; those of our own by the name of their room."""
    tree = ast.parse(FILES[room].read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{room}: rooms are imported by their whole name"
            assert node.module is not None
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(_ours(name) or name.split(".")[0] for name in found)


def _ours(name: str) -> str | None:
    """The room that a dotted name of our own lies in."""
    if not name.startswith("lrapp."):
        return None
    inner = name.removeprefix("lrapp.")
    while inner not in FILES and "." in inner:
        inner = inner.rpartition(".")[0]
    return inner if inner in FILES else None


def importers(modules: set[str]) -> set[str]:
    return {room for room in FILES if imports(room) & modules}


def test_the_reading_of_imports_sees_them() -> None:
    assert {"errors", "worker", "threading"} <= imports("jobs")
    assert "ui.shell" in imports("app")
    assert "training" in imports("worker"), "also inside functions"
    assert "training" not in imports("worker", top_only=True)


def test_streamlit_is_only_in_the_pages() -> None:
    found = importers({"streamlit"})
    assert {"ui.shell", "ui.train"} <= found
    assert found <= {"app", *PAGES}


def test_altair_is_only_in_the_charts() -> None:
    assert importers({"altair"}) <= {
        "charts",
        "group_charts",
        "overlay_charts",
        "predict_charts",
        "result_charts",
        "search_charts",
        "study_charts",
    }


def test_threads_and_processes_are_only_where_work_is_given_out() -> None:
    found = importers(THREADS)
    assert {"jobs", "execution.worker_process", "execution.processes"} <= found
    assert all(room == "jobs" or room.startswith("execution.") for room in found)


def test_tensorflow_is_only_where_networks_are_made_and_trained() -> None:
    found = importers({"tensorflow", "keras"})
    assert {"models", "loop"} <= found
    assert found <= TRAINERS


def test_pages_do_not_wait_for_heavy_imports() -> None:
    todo, seen = [*PAGES, "app"], set()
    while todo:
        room = todo.pop()
        if room in FILES and room not in seen:
            seen.add(room)
            todo += imports(room, top_only=True)
            assert not imports(room, top_only=True) & HEAVY, f"{room}, which a page imports"
    assert {"jobs", "charts", "runs"} <= seen
    for page in PAGES:
        assert not imports(page) & (TRAINERS | HEAVY), page


def test_the_pages_are_imported_without_what_takes_seconds() -> None:
    pages = ", ".join(f"lrapp.{page}" for page in PAGES)
    code = f"import sys; import {pages}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == ""


def test_every_room_has_its_place() -> None:
    assert set(ROOMS) <= set(ORDER), "give a new room its place in ORDER"
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_below_it(room: str) -> None:
    below = set(ORDER[: ORDER.index(room)])
    assert imports(room) & set(FILES) <= below


# What changes or gives away something that somebody made: done in ``ui.deeds`` alone, which asks first whether one may.
DEEDS = {
    *("about.change", "bundle.pack", "exports.export", "prediction_folders.create"),
    *("sources.read_table", "uploads.table", "uploads.facts", "uploads.look", "uploads.images"),
    *("studies.create", "studies.create_search", "studies.delete", "studies.restore"),
    *("store.create", "store.delete", "store.restore", "jobs.submit", "jobs.stop", "jobs.resume"),
    *("store.read_source", "store.source_path"),
}
# Where these are asked for in the same place.
ASKED = {
    "ui.resources": {"sources.read_table", "uploads.table"},
    "ui.picture_card": {"uploads.facts", "uploads.look"},
}


def test_pages_ask_before_they_change_what_somebody_made() -> None:
    found: dict[str, set[str]] = {}
    for page in PAGES:
        for node in ast.walk(ast.parse(FILES[page].read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                name = ast.unparse(node).removeprefix("resources.").replace("()", "")
                if name in DEEDS:
                    found.setdefault(page, set()).add(name)
    deeds = found.pop("ui.deeds")
    assert {"about.change", "jobs.stop", "store.delete", "studies.create"} <= deeds, "the test sees them"
    assert found == ASKED


def test_pages_import_one_another_one_way() -> None:
    left = {page: {other for other in imports(page) if other.startswith("ui.")} for page in PAGES}
    while left:
        free = {page for page, others in left.items() if not others & set(left)}
        assert free, f"these import one another in a circle: {sorted(left)}"
        left = {page: others for page, others in left.items() if page not in free}


@pytest.mark.parametrize("room", FILES)
def test_a_room_is_small_and_says_what_it_is(room: str) -> None:
    text = FILES[room].read_text("utf-8")
    assert len(text.splitlines()) <= MOST_LINES, "a room that outgrows this is two rooms"
    assert room.rsplit(".", maxsplit=1)[-1] not in ("utils", "util", "helpers", "common", "misc")
    assert ast.get_docstring(ast.parse(text)), "says in its first line what it is for"


# Asked for where somebody wants them; the page says how to install them.
OPTIONAL = {"mlflow", "onnx", "onnxruntime"}


def test_whatever_is_imported_is_required_by_name() -> None:
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    required = {re.split(r"[<>=;\s]", line)[0] for line in lines if line and line[0] not in "#-"}
    imported = {name for room in FILES for name in imports(room)} - set(FILES) - sys.stdlib_module_names
    named = packages_distributions()
    missing = {
        name
        for name in imported - OPTIONAL - {"lrapp"}
        if not required & {one.lower().replace("_", "-") for one in named.get(name, [name])}
    }
    assert not missing
