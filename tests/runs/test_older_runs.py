"""What version 1.0 left still opens and answers what it answered."""

import os
from pathlib import Path

import pandas as pd
import pytest

from lrapp.prediction import files
from lrapp.runs.store import SAMPLES

FOLDER = Path(os.environ.get("LRAPP_TEST_DATA", "")) / "runs-1.0"

pytestmark = pytest.mark.skipif(
    not os.environ.get("LRAPP_TEST_DATA"),
    reason="The runs are in the folder that LRAPP_TEST_DATA names; it is not set.",
)


@pytest.mark.parametrize(
    ("run", "table"), [("penguins", SAMPLES / "penguins.csv"), ("sales", FOLDER / "sales.csv")]
)
def test_a_table_is_predicted_as_before(run: str, table: Path, tmp_path: Path) -> None:
    files.predict_file(FOLDER / run, table, table.name, tmp_path)
    found = pd.read_csv(tmp_path / files.CSV_FILE)
    before = pd.read_csv(FOLDER / f"{run}.predictions.csv")
    pd.testing.assert_frame_equal(found, before, rtol=1e-6, atol=1e-6)
