"""A finished run whose probabilities are calibrated: a temperature becomes part of its model."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from lrapp.errors import UserError
from lrapp.evaluation import error_costs, temperature
from lrapp.execution import worker
from lrapp.export import registry
from lrapp.networks import calibration, tempered
from lrapp.preparation.threshold import Threshold
from lrapp.progress import NOBODY, Watch
from lrapp.runs.store import Run, Store

if TYPE_CHECKING:
    from lrapp.networks.saved import SavedModel
    from lrapp.preparation.table_arrays import Prepared

_ROUNDS, _CLOSE = 4, 0.02


def calibrate(folder: Path, home: Path, watch: Watch = NOBODY) -> None:
    """Fit a temperature on a run's validation rows and leave the model with it; what was exported before is removed.

    Raises:
        UserError: If there is nothing to calibrate, or the data are gone.
    """
    from lrapp.networks.saved import SavedModel

    run = Run(folder)
    with run.held():
        watch.tell("Preparing the data …", 0.0)
        model = SavedModel.load(folder)
        prepared = worker.prepared_data(Store(home), run.settings.data, should_stop=watch.should_stop)
        if prepared.task == "regression" or len(prepared.validation.y) < temperature.LEAST_ROWS:
            raise UserError(
                f"Only probabilities can be calibrated, with at least {temperature.LEAST_ROWS} validation rows."
            )
        watch.tell("Finding the temperature …", 0.5)
        found = 1.0
        # Probabilities near 0 or 1 lose digits in float32; the temperature that is left is found in the next round.
        for _ in range(_ROUNDS):
            answers, shares = tempered.answers(model.network, prepared.validation.x)
            more = temperature.fit(answers, shares, prepared.validation.y, prepared.task)
            watch.check("The calibration was stopped.")
            tempered.scale(model.network, more)
            found *= more
            if abs(more - 1) < _CLOSE:
                break
        watch.tell("Measuring the model again …", 0.7)
        threshold = _moved(model, prepared, found)
        worker.leave_model(
            run, model.network, prepared.with_threshold(threshold), calibration.kept(folder) * found
        )
        shutil.rmtree(folder / registry.FOLDER, ignore_errors=True)


def _moved(model: "SavedModel", prepared: "Prepared", found: float) -> Threshold | None:
    """The model's threshold once its probabilities have moved: chosen anew by its costs, or where it was among them."""
    before = model.preprocessor.threshold
    if before is None:
        return None
    if before.costs is None:
        return before.tempered(found)
    watched = model.outputs(prepared.validation.x)
    return error_costs.chosen(error_costs.of(prepared, watched, watched).validation, before.costs)
