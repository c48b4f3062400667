"""A finished run -> the settings of a run that prunes its model: from its weights, for some epochs of fine-tuning."""

from lrapp.errors import UserError
from lrapp.experiments.model_for_use import policy_of_model
from lrapp.runs.events import History
from lrapp.runs.store import Run
from lrapp.settings import PretrainedStart, PruningSettings, RunStart, TrainingSettings
from lrapp.settings.base import checked
from lrapp.settings.run import RunSettings

LEAST_EPOCHS = 10


def possible(run: Run, history: History) -> bool:
    """Return whether the model of a run, which must have ended, can be pruned by another run."""
    settings = run.settings
    return (
        settings.mode == "train"
        and not settings.data.all_rows
        and not settings.crossed
        and not isinstance(settings.model.start, PretrainedStart)
        and run.model_path.exists()
        and history.ended is not None
    )


def settings_of(run: Run) -> RunSettings:
    """Return settings that start from a run's weights and prune from the first epoch on.

    A quarter of the epochs prunes, and the others let the network recover; they are as many as the run's, at least 10.
    As many networks are pruned as its model has, after a race at the rate of these. Of a model that is pruned already,
    half of the weights that are left go.

    Raises:
        UserError: If the run left no model that another run can start from.
    """
    settings, history = run.settings, run.history()
    if not possible(run, history):
        raise UserError(
            "Only the model of a run that has ended, held rows back and has no pretrained network or folds can be "
            "pruned. Prune while training instead: under “Pruning” on the Train page."
        )
    if settings.policy.source == "found" and history.found is not None:
        settings = settings.with_found(history.found)
    policy = policy_of_model(settings, history)
    if policy.source == "raced":  # no network was chosen
        policy = checked(policy, source="chosen")
    shares = history.chosen.shares if history.chosen is not None and settings.leaves_ensemble else (1.0,)
    before = settings.training
    training = checked(
        before,
        epochs=max(LEAST_EPOCHS, before.epochs),
        members=sum(share > 0 for share in shares),
        combine="all",
        pruning=checked(_further(before, history), first_epoch=1, last_epoch=0),
    )
    model = checked(settings.model, start=RunStart(run=run.id))
    return settings.model_copy(update={"model": model, "training": training, "policy": policy, "name": ""})


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
