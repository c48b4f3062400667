"""What a model takes, and what it is worth, beside the same before it was pruned and in int8."""

import json
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from lrapp.files import disk_errors, write_beside
from lrapp.phrasing import measured, number, percent, size

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared, Split

FILE = "sizes.json"
# While a model is timed: the numbers, and so the rows, that it answers at once, and how often.
_NUMBERS, _LEAST_ROWS, _MOST_ROWS, _TIMES = 1 << 16, 64, 1_024, 5


@dataclass(frozen=True)
class ModelSize:
    """One form of a model.

    Args:
        file_bytes: Of its file.
        zip_bytes: Of a zip that holds this file.
        row_seconds: Time for a row, where many are answered at once.
        zeros: Share of the weights of dense layers and convolutions that are zero, 0 to 1.
        scores: Name and value of the figures that were measured, the one to look at first; empty without such rows.
    """

    name: str
    file_bytes: int
    zip_bytes: int
    row_seconds: float
    zeros: float
    scores: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class ModelSizes:
    """The forms of a run's model."""

    forms: tuple[ModelSize, ...]
    notes: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """Return a row for each form, as text to show."""
        rows = []
        for form in self.forms:
            row = {
                "model": form.name,
                "zeros": percent(form.zeros),
                "file": size(form.file_bytes),
                "zip": size(form.zip_bytes),
                "time for a row": f"{number(1e6 * form.row_seconds, 3)} µs",
            }
            rows.append(row | {name: measured(name, value) for name, value in form.scores})
        return pd.DataFrame(rows).fillna("–")

    def save(self, folder: Path) -> None:
        """Keep it in a run's folder."""
        write_beside(folder / FILE, json.dumps(asdict(self), indent=2).encode())


def kept(folder: Path) -> ModelSizes | None:
    """Return what was measured of a run's model; None where nothing was, or it cannot be read."""
    try:
        made = TypeAdapter(ModelSizes).validate_json((folder / FILE).read_bytes())
        made.frame()
    except (OSError, ValueError):
        return None
    return made


def measure(name: str, network: Any, prepared: "Prepared") -> ModelSize:
    """Return what a network takes and is worth.

    Args:
        network: A ``keras.Model``.
        prepared: Its data; it is measured on the test rows, or where there are none on the validation rows.
    """
    from lrapp.networks import pruned, saved

    def answer(x: np.ndarray) -> np.ndarray:
        return saved.outputs(network, x)

    with disk_errors(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        network.save(path)
        return measure_file(name, path, answer, prepared, pruned.zeros(network).share)


def measure_file(
    name: str, path: Path, answer: Callable[[np.ndarray], np.ndarray], prepared: "Prepared", zeros: float
) -> ModelSize:
    """Return what a model in a file takes and is worth.

    Args:
        answer: Inputs of a network -> its outputs.
    """
    packed = path.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, path.name)
    sizes = path.stat().st_size, packed.stat().st_size
    return ModelSize(*(name, *sizes, _seconds(answer, _part(prepared).x), zeros), scores(answer, prepared))


def scores(answer: Callable[[np.ndarray], np.ndarray], prepared: "Prepared") -> tuple[tuple[str, float], ...]:
    """Return the first figure of a model and its loss, by name; empty where no rows were held back."""
    from lrapp.evaluation import scores as evaluation

    part = _part(prepared)
    if part is prepared.train:
        return ()
    found = evaluation.evaluate(prepared, answer(part.x)).metrics
    wanted = {found[0].name, "log loss", "root mean squared error"}
    return tuple((one.name, one.value) for one in found if one.name in wanted and one.value is not None)


def _part(prepared: "Prepared") -> "Split":
    return next(one for one in (prepared.test, prepared.validation, prepared.train) if len(one.y))


def without_scores(form: ModelSize) -> ModelSize:
    """Return the form of a network that has not learned, whose scores say nothing."""
    return replace(form, scores=())


def _seconds(answer: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> float:
    rows = int(np.clip(_NUMBERS // max(1, x[0].size), _LEAST_ROWS, _MOST_ROWS))
    given = np.take(x, np.arange(rows) % len(x), axis=0)
    answer(given)  # what is made once does not count
    taken = []
    for _ in range(_TIMES):
        begun = time.perf_counter()
        answer(given)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) / rows
