"""What a network that does worse than boosted trees could use and does not yet: in words, and as settings."""

from typing import TYPE_CHECKING, Literal, assert_never

from lrapp.evaluation import diagnosis
from lrapp.evaluation.diagnosis import RailStep
from lrapp.evaluation.setting_checks import with_training
from lrapp.runs.events import History
from lrapp.settings import RunSettings

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared

Idea = Literal["ensemble", "epochs", "robust scaling", "number embeddings", "fewer categories"]
_STEPS: dict[Idea, RailStep] = {
    "ensemble": "Training",
    "epochs": "Training",
    "robust scaling": "Data",
    "number embeddings": "Network",
    "fewer categories": "Data",
}
_WIDE = 100
_MOST_RARE = 1_000_000


def ideas(settings: RunSettings, history: History, prepared: "Prepared") -> tuple[Idea, ...]:
    """Return what may make a network as good as trees, those first that help most."""
    found: list[Idea] = []
    best, numbers = history.best, prepared.preprocessor.numbers
    if diagnosis.may_be_many(settings):
        found.append("ensemble")
    if best is not None and best.epoch > 0.9 * settings.training.epochs:
        found.append("epochs")
    if numbers and settings.data.scaling != "robust":
        found.append("robust scaling")
    if numbers and settings.model.number_embedding == "none":
        found.append("number embeddings")
    if len(prepared.inputs) - numbers > max(_WIDE, len(prepared.inputs) // 2):
        found.append("fewer categories")
    return tuple(found)


def words(found: tuple[Idea, ...]) -> str:
    """Return ideas as a sentence; empty for none."""
    said: dict[str, None] = {}
    both = {"robust scaling", "number embeddings"} <= set(found)
    for idea in found:
        match idea:
            case "ensemble":
                said[f"an ensemble of {diagnosis.MEMBERS} networks"] = None
            case "epochs":
                said["more epochs"] = None
            case "robust scaling" | "number embeddings":
                said["robust scaling with number embeddings" if both else idea] = None
            case "fewer categories":
                said["fewer inputs of categories (a higher “Rare category below”)"] = None
            case _:
                assert_never(idea)
    if not said:
        return ""
    *before, last = said
    return f"Try {', '.join(before)} or {last}." if before else f"Try {last}."


def step(found: tuple[Idea, ...]) -> RailStep:
    """Return the step of the rail that holds the first of some ideas."""
    return _STEPS[found[0]]


def tried(settings: RunSettings, found: tuple[Idea, ...]) -> RunSettings:
    """Return a run's settings with all of some ideas."""
    for idea in found:
        match idea:
            case "ensemble":
                settings = with_training(settings, members=diagnosis.MEMBERS)
            case "epochs":
                settings = with_training(settings, epochs=diagnosis.twice_the_epochs(settings))
            case "robust scaling":
                data = settings.data.model_copy(update={"scaling": "robust"})
                settings = settings.model_copy(update={"data": data})
            case "number embeddings":
                model = settings.model.model_copy(update={"number_embedding": "bins"})
                settings = settings.model_copy(update={"model": model})
            case "fewer categories":
                rare = min(_MOST_RARE, 4 * settings.data.min_category_rows)
                data = settings.data.model_copy(update={"min_category_rows": rare})
                settings = settings.model_copy(update={"data": data})
            case _:
                assert_never(idea)
    return settings
