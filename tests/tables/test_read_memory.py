"""Reading takes a few times the file in memory, however short its rows are: told by processes that read."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

MEGABYTES = 12


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "read_memory.py"
    spec = importlib.util.spec_from_file_location("read_memory", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# In a file as small as these, what reading takes at any size counts two to three times the file.
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("width", [1, 2])
def test_a_narrow_table_takes_a_few_times_its_file(benchmark: ModuleType, tmp_path: Path, width: int) -> None:
    path = tmp_path / "table.csv"
    benchmark.write_table(path, "one digit a cell", width, MEGABYTES)
    peak, _, _ = benchmark.measure(path)
    assert peak < 10
