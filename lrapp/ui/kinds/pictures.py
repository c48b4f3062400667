"""What the pages show for pictures."""

from contextlib import suppress

from lrapp.errors import UserError
from lrapp.preparation import expected_shape
from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.runs.store import Run
from lrapp.settings import ModelSettings, PolicySettings, RunSettings, TrainingSettings
from lrapp.settings.base import checked
from lrapp.ui.parts import resources
from lrapp.ui.parts.kinds import KindPages
from lrapp.ui.predict import images as predict_images
from lrapp.ui.train import images, network, presets


def _base(settings: RunSettings) -> tuple[RunSettings, ExpectedShape]:
    from lrapp.preparation import image_arrays

    facts = images.facts_of(settings.data)
    task = image_arrays.check_pictures(facts, settings.data)
    return settings, expected_shape.of_pictures(facts, settings.data, task)


def _first(before: RunSettings) -> tuple[ModelSettings, TrainingSettings, PolicySettings]:
    # A whole cycle of the usual cyclical rates.
    training = checked(TrainingSettings(), batch_size=128, epochs=8, optimizer=before.training.optimizer)
    policy = checked(before.policy, source="chosen") if before.policy.source == "raced" else before.policy
    return ModelSettings(layers=presets.SMALL_CNN), training, policy


def _predict(run: Run, place: str) -> None:
    with suppress(UserError):  # damaged settings do not keep a model from predicting
        resources.prewarm(run.settings)
    predict_images.show(run, place)


KIND = KindPages(
    upload="Or a zip of pictures with a folder for each class.",
    offers=images.offers,
    data_step=images.show,
    base=_base,
    first=_first,
    presets=presets.PICTURES,
    columns=network.ALL_COLUMNS,
    predict=_predict,
    stage=images.stage,
)
