"""What parses the bytes of a stranger's file runs in the process that reads: found in the source, and tried."""

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lrapp.sandbox import plain_files
from lrapp.sandbox.limits import Limits
from lrapp.sandbox.readers import OverLimit, Readers

ROOT = Path(__file__).parents[2]
# Ours, by the packages that hold them: what they are given may be anybody's.
PARSERS = {"tables", "images", "column_formats"}
OURS = {
    *("read_csv", "unpack", "read_sheet", "decode", "read_known", "read_for", "Portions", "Way", "gives"),
    *("read_picture", "read_zip", "about_zip", "is_picture_zip", "every_picture", "look_at_zip"),
}
FOREIGN = {
    *("zipfile.ZipFile", "zipfile.Path", "tarfile.open", "gzip.open", "gzip.GzipFile", "gzip.decompress"),
    *("zlib.decompress", "zlib.decompressobj", "bz2.open", "bz2.decompress", "lzma.open", "lzma.decompress"),
    *("csv.reader", "csv.DictReader", "PIL.Image.open", "numpy.load", "numpy.loadtxt", "numpy.genfromtxt"),
    *("pyarrow.csv.read_csv", "pyarrow.csv.open_csv", "pyarrow.parquet.read_table", "pyarrow.json.read_json"),
}
LIBRARIES = {"python_calamine", "openpyxl", "xlrd", "polars", "duckdb", "cv2", "imageio"}
# What the page's or a worker's process does parse, and why it may.
ALLOWED = {
    "lrapp.sandbox.tasks": {"read_csv", "read_known", "Portions", "gives"}
    | {"read_picture", "read_zip", "about_zip", "is_picture_zip", "every_picture", "look_at_zip"},
    "lrapp.sandbox.sources": {"read_csv"},  # samples, which are ours
    "lrapp.sandbox.uploads": {"numpy.load"},  # plain arrays that our reader wrote
    "lrapp.sandbox.loose_images": {"numpy.load"},
    "lrapp.training.checkpoints": {"numpy.load"},  # our own files, without pickles
    "lrapp.prediction.single_row": {"numpy.load"},
    "lrapp.prediction.images": {"numpy.load", "pandas.read_parquet"},  # as our worker wrote them
    "lrapp.evaluation.error_costs": {"numpy.load"},
    "lrapp.preparation.kept_arrays": {"numpy.load"},
    "lrapp.preparation.pieces": {"numpy.load"},  # of its own entry, mapped
    "lrapp.ui.predict.table": {"pyarrow.parquet.read_table"},  # the first rows, as we wrote them
    "lrapp.runs.links": {"zlib.decompressobj"},  # settings of a link, to a limit of bytes
}


def parsed_by(tree: ast.AST) -> Iterator[str]:
    """Names of parsers that a module uses."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    yield from (name for origin in known.values() if (name := origin.split(".")[0]) in LIBRARIES)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        first, *rest = ast.unparse(node).split(".")
        if first not in known:
            continue
        name = ".".join([known[first], *rest])
        if name in FOREIGN or name.startswith("pandas.read_"):
            yield name
        last = name.rsplit(".", maxsplit=1)[-1]
        if name.startswith("lrapp.") and last in OURS and len(rest) < 2:
            yield last


def reading_calls(text: str) -> set[str]:
    """The same without archives that are written."""
    tree = ast.parse(text)

    class Written(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            mode = node.args[1] if len(node.args) > 1 else None
            if ast.unparse(node.func) == "zipfile.ZipFile" and ast.unparse(mode or node) == "'w'":
                return ast.Constant(None)
            self.generic_visit(node)
            return node

    return set(parsed_by(Written().visit(tree)))


def test_the_reading_of_the_source_sees_parsers() -> None:
    assert reading_calls("import pandas as pd\nx = pd.read_excel(f)") == {"pandas.read_excel"}
    assert reading_calls("import zipfile\nzipfile.ZipFile(f)") == {"zipfile.ZipFile"}
    assert reading_calls("import zipfile\nwith zipfile.ZipFile(f, 'w', 8) as a:\n    pass") == set()
    assert reading_calls("from PIL import Image\nread = Image.open") == {"PIL.Image.open"}
    assert reading_calls("from lrapp.images.pixels import read_picture as r\nr(x)") == {"read_picture"}
    assert reading_calls("from lrapp.column_formats import chunks\nchunks.Portions(x)") == {"Portions"}
    assert reading_calls("def f():\n    from python_calamine import load_workbook") == {"python_calamine"}


def test_only_the_process_that_reads_parses_what_strangers_upload() -> None:
    found = {}
    for path in [*(ROOT / "lrapp").rglob("*.py"), ROOT / "app.py"]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        if len(parts) > 1 and parts[1] in PARSERS:
            continue
        if names := reading_calls(path.read_text("utf-8")):
            found[".".join(parts)] = names
    assert found == ALLOWED


def test_pandas_is_asked_in_another_process_whether_it_reads_the_same() -> None:
    frame = pd.DataFrame(
        {
            "n": [1.5, None, 3.0],
            "word": pd.Series(["a", None, "ü"], dtype="str"),
            "day": np.array(["2020-01-02", "NaT", "2020-03-04"], "datetime64[us]"),
        }
    )
    options = {"dtype": {"word": "str"}, "parse_dates": ["day"], "keep_default_na": False, "na_values": [""]}
    data = frame.to_csv(index=False).encode()
    assert plain_files.pandas_gives(data, options, frame)
    assert not plain_files.pandas_gives(data.replace(b"1.5", b"1.6"), options, frame)
    assert not plain_files.pandas_gives(data.replace("ü".encode(), b"\xff"), options, frame)
    assert not plain_files.pandas_gives(b"", options, frame)


def test_what_pandas_would_take_too_much_for_is_a_sentence_here(tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_bytes(b"a\n" + b"1\n" * 15_000_000)
    readers = Readers(allowed=Limits(memory=100 * 10**6))
    with pytest.raises(OverLimit, match="100 MB"):
        plain_files.pandas_gives(tmp_path / "long.csv", {}, pd.DataFrame({"a": [1.0]}), readers)
