"""A finished run -> the settings of a run that prunes its model: from its weights, for some epochs of fine-tuning."""

from lrapp.errors import UserError
from lrapp.experiments.model_for_use import policy_of_model
from lrapp.runs import starts
from lrapp.runs.events import History
from lrapp.runs.store import Run
from lrapp.settings import PretrainedStart, PruningSettings, RunStart, TrainingSettings
from lrapp.settings.base import checked
from lrapp.settings.run import RunSettings

LEAST_EPOCHS, MOST_EPOCHS = 10, 100_000


def refusal(run: Run, history: History) -> str:
    """Return why the model of a run cannot be pruned by another run, as a sentence; empty if it can."""
    settings = run.settings
    if settings.mode != "train":
        return "A range test leaves no model to prune; train a network first."
    if history.ended is None:
        return "This run has not ended yet, so there is no finished model to prune; let it end, or resume it."
    if not run.model_path.exists():
        return "This run left no model, or its model.keras is gone, so there is nothing to prune; train it again."
    if settings.data.all_rows:
        return "This model was trained on all rows; prune the run that it was made from."
    if settings.crossed:
        return "The networks of a cross-validation cannot start from others; prune while training instead."
    if isinstance(settings.model.start, PretrainedStart):
        return (
            f"No run can start from another that has {settings.model.start.name} before its layers; prune while "
            "training instead: under “Pruning” on the Train page."
        )
    return ""


def settings_of(run: Run, *, sparsity: float | None = None, epochs: int | None = None) -> RunSettings:
    """Return settings that start from a run's weights and prune from the first epoch on.

    A quarter of the epochs prunes, and the others let the network recover; they are as many as the run's, at least 10.
    As many networks are pruned as its model has, after a race at the rate of these. Of a model that is pruned already,
    half of the weights that are left go.

    Args:
        sparsity: Share of the weights that are zero in the end, above 0 and below 1, where one is asked for.
        epochs: How many, where that is asked for.

    Raises:
        UserError: If the run left no model that another run can start from, or it cannot be pruned so.
    """
    settings, history = run.settings, run.history()
    if why := refusal(run, history):
        raise UserError(why)
    if sparsity is not None and not 0 < sparsity < 1:
        raise UserError(
            "The sparsity is the share of weights that are zero in the end: above 0 and below 1, such as 0.8. "
            f"Received: {sparsity:g}."
        )
    if epochs is not None and not 1 <= epochs <= MOST_EPOCHS:
        raise UserError(f"The epochs must be 1 to {MOST_EPOCHS:,}. Received: {epochs:,}.")
    if settings.policy.source == "found" and history.found is not None:
        settings = settings.with_found(history.found)
    policy = policy_of_model(settings, history)
    if policy.source == "raced":  # no network was chosen
        policy = checked(policy, source="chosen")
    shares = history.chosen.shares if history.chosen is not None and settings.leaves_ensemble else (1.0,)
    before = settings.training
    pruning = checked(_further(before, history), first_epoch=1, last_epoch=0)
    if sparsity is not None:
        pruning = checked(pruning, final_sparsity=100 * sparsity)
    training = checked(
        before,
        epochs=epochs or max(LEAST_EPOCHS, before.epochs),
        members=sum(share > 0 for share in shares),
        combine="all",
        pruning=pruning,
    )
    model = checked(settings.model, start=RunStart(run=starts.id_of(run)))
    made = settings.model_copy(update={"model": model, "training": training, "policy": policy, "name": ""})
    if made.obstacle:
        raise UserError(made.obstacle)
    return made


def _further(training: TrainingSettings, history: History) -> PruningSettings:
    """How a run prunes the model of a run that was pruned so far, or was not."""
    before = training.pruning
    if not before.enabled:
        return PruningSettings(enabled=True)
    if len(history.epochs) < training.counts_from:  # it ended before its final sparsity
        has = 100 * (history.epochs[-1].sparsity or 0.0) if history.epochs else 0.0
        return checked(before, initial_sparsity=round(has, 1))
    has = before.final_sparsity
    return checked(before, initial_sparsity=has, final_sparsity=has + (100 - has) / 2)
