"""Numbers in sentences: of one row, one picture, one epoch; and no sentence that only knows more."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lrapp.evaluation.analysis import Insight
from lrapp.evaluation.analysis_text import threshold_sentence
from lrapp.evaluation.counts_and_curves import Confusion, Thresholds
from lrapp.evaluation.misclassified import Mistakes
from lrapp.phrasing import counted, distinct
from lrapp.prediction.row_predictions import Answers
from lrapp.prediction.summary import Tally
from lrapp.preparation.preprocessor import InputColumn, Preprocessor
from lrapp.tables.columns.kinds import ColumnKind

ROOT = Path(__file__).parents[1] / "lrapp"
_NOUNS = re.compile(
    r" (?:[a-z]+ )?(?:rows|pictures|epochs|steps|columns|values|files|networks|layers|weights|updates|seeds|runs)\b"
)
# Sentences that are said of two or more only, or of a limit.
_ALWAYS_MORE = {
    "diagnosis.py: {rows:,} rows",
    "diagnosis.py: {epochs:,} epochs",
    "zip_files.py: {pictures:,} pictures",
    "table.py: {len(inputs):,} columns",
    "image_arrays.py: {len(rows[0]):,} training pictures",
    "file_kinds.py: {right:,} and rows",
    "scoring.py: {rows:,} rows",
    "search.py: {training_rows:,} rows",
    "random_split.py: {least:,} rows",
    "splitting.py: {max(rows):,} rows",
    "model_for_use.py: {len(best):,} networks",
    "model_for_use.py: {networks:,} networks",
    "next_tries.py: {steps:,} steps",
    "next_tries.py: {epochs:,} epochs",
    "linear_test.py: {needed:,} epochs",
    "trials.py: {steps:,} steps",
    "stopping.py: {strip:,} epochs",
    "training.py: {folds:,} networks",
    "image_arrays.py: {least:,} pictures",
    "table_body.py: {rows:,} rows",
    "targets.py: {len(values):,} rows",
    "data.py: {columns:,} columns",
    "page.py: {number:,} runs",
    "setting_checks.py: {math.ceil(end):,} epochs",
    "setting_checks.py: {number:,} epochs",
    "setting_checks.py: {rows:,} rows",
    "setting_checks.py: {rows:,} training rows",
    "setting_checks.py: {earliest:,} epochs",
    "lr_range.py: {room.rows:,} training rows",
    "refusals.py: {room.rows:,} training rows",
    "worker.py: {rows:,} training rows",
}


def test_a_number_takes_its_noun(subtests: pytest.Subtests) -> None:
    cases: list[tuple[int, tuple[str, ...], str]] = [
        (0, ("row",), "0 rows"),
        (1, ("row",), "1 row"),
        (1_234, ("row",), "1,234 rows"),
        (1, ("row is", "rows are"), "1 row is"),
        (2, ("row is", "rows are"), "2 rows are"),
    ]
    for number, words, text in cases:
        with subtests.test(f"{number!r}"):
            assert counted(number, *words) == text


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (1, "1 row holds a class in “y” that training never saw, and is not in the score."),
        (2, "2 rows hold a class in “y” that training never saw, and are not in the score."),
    ],
)
def test_rows_of_an_unknown_class(rows: int, sentence: str) -> None:
    told = Preprocessor("binary", "y", ("a", "b"), 0.0, 1.0, (InputColumn("x", ColumnKind.NUMBER),), (), None)
    tally = Tally(told)
    count = rows + 1
    tally.add(
        Answers(
            pd.DataFrame({"x": [1.0] * count, "y": ["c"] * count}),
            pd.DataFrame(index=range(count)),
            np.arange(count),
            np.zeros(count, np.int64),
            np.full((count, 2), 0.5),
            np.array([-1.0] * rows + [0.0]),
            np.array([""] * count, dtype=object),
            np.array([""] * count, dtype=object),
            {},
        )
    )
    assert sentence in tally.notes()


def test_one_row_at_a_threshold() -> None:
    confusion = Confusion(("no", "yes"), ((1, 0), (0, 1)))
    found = Thresholds(1, 1, (1,) * 201, (1,) * 201)
    insight = Insight("binary", "test", 2, confusion=confusion, thresholds=found)
    assert threshold_sentence(insight, 0.5).startswith(
        "Of 1 row that is “yes”, 1 is found (recall 100.0 %); of 1 that is “no”, 1 is called “yes” by mistake"
    )


def test_one_picture() -> None:
    assert Mistakes("test", 1, 0, ()).sentence == "The only test picture was classified correctly."
    assert Mistakes("test", 5, 1, ()).sentence.startswith("1 of 5 test pictures was misclassified")


def _unaware() -> Iterator[str]:
    """Numbers with a noun that only knows more than one of them."""
    for path in sorted(ROOT.rglob("*.py")):
        for text in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(text, ast.JoinedStr):
                continue
            for number, word in zip(text.values, text.values[1:], strict=False):
                if not isinstance(number, ast.FormattedValue) or not isinstance(word, ast.Constant):
                    continue
                limit = ast.unparse(number.value).replace("_", "").replace(" ", "").split(".")[-1].isupper()
                match = _NOUNS.match(str(word.value))
                if match and number.format_spec is not None and not limit:
                    yield f"{path.name}: {{{ast.unparse(number.value)}:,}}{match[0]}"


def test_no_sentence_only_knows_more_than_one() -> None:
    assert set(_unaware()) <= _ALWAYS_MORE, "say it with phrasing.counted"


def test_no_two_names_are_the_same() -> None:
    names = distinct(["a", "a", "a (2)", "", " ", "x" * 60, "x" * 70, "two\nlines"])
    assert names[:4] == ["a", "a (2)", "a (2) (2)", "(no name)"]
    assert len(set(names)) == 8
    assert names[-1] == "two lines"
    assert all(len(name) <= 46 for name in names)


def test_long_names_keep_what_tells_them_apart() -> None:
    names = [f"species from penguins.csv, 27 Nov 13:25:{second} UTC" for second in ("02", "42")]
    assert distinct(names) == [
        "species from penguin…27 Nov 13:25:02 UTC",
        "species from penguin…27 Nov 13:25:42 UTC",
    ]
    assert [distinct(["x" * long])[0] for long in (40, 41)] == ["x" * 40, "x" * 20 + "…" + "x" * 19]


def test_equal_names_are_told_apart_by_what_else_is_known_of_them() -> None:
    names, times = ["mine", "yours", "mine", "mine"], ["10:00", "11:00", "12:00", "12:00"]
    assert distinct(names, apart=times) == ["mine (10:00)", "yours", "mine (12:00)", "mine (12:00) (2)"]
