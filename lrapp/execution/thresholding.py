"""A finished run that answers from another probability on: a threshold becomes part of its model."""

import shutil
from pathlib import Path

from lrapp.errors import UserError
from lrapp.execution import worker
from lrapp.export import registry
from lrapp.networks import calibration
from lrapp.preparation.threshold import Threshold
from lrapp.progress import NOBODY, Watch
from lrapp.runs.store import Run, Store


def set_threshold(folder: Path, home: Path, threshold: Threshold | None, watch: Watch = NOBODY) -> None:
    """Leave a run's model with a threshold, and its scores measured again; what was exported before is removed.

    Args:
        threshold: From which probability on it answers with the second class; None for the usual half.

    Raises:
        UserError: If the run's model does not tell two classes apart, or the data are gone.
    """
    from lrapp.networks.saved import SavedModel

    run = Run(folder)
    with run.held():
        watch.tell("Preparing the data …", 0.0)
        model = SavedModel.load(folder)
        if model.preprocessor.task != "binary":
            raise UserError("Only a model of two classes has a threshold; this one predicts something else.")
        prepared = worker.prepared_data(Store(home), run.settings.data, should_stop=watch.should_stop)
        watch.check("Setting the threshold was stopped.")
        watch.tell("Measuring the model again …", 0.5)
        prepared = prepared.with_threshold(threshold)
        worker.leave_model(run, model.network, prepared, calibration.kept(folder))
        shutil.rmtree(folder / registry.FOLDER, ignore_errors=True)
