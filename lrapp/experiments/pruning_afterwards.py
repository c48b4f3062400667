"""A finished run -> the settings of a run that prunes its model: from its weights, for some epochs of fine-tuning."""

from lrapp.errors import UserError
from lrapp.experiments.model_for_use import policy_of_model
from lrapp.phrasing import counted, number
from lrapp.runs import starts
from lrapp.runs.events import History
from lrapp.runs.store import Run
from lrapp.settings import MadeFrom, PruningSettings, RunStart, TrainingSettings
from lrapp.settings.base import checked
from lrapp.settings.run import RunSettings

FOR_USE = (
    "Then it was pruned and trained further. As no rows were held back, nothing told the best epoch, so it has the "
    "weights of the last one, and what pruning costs is not known: prune the run that it was made from to see that."
)
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
    if settings.crossed and history.chosen is not None and (lost := len(history.chosen.left_out)):
        return (
            f"{counted(lost, 'network')} of this cross-validation diverged and left no weights to prune, and every "
            "fold needs one; train again at lower rates."
        )
    return ""


def settings_of(run: Run, *, sparsity: float | None = None, epochs: int | None = None) -> RunSettings:
    """Return settings that start from a run's weights and prune from the first epoch on.

    A quarter of the epochs prunes, and the others let the network recover; they are as many as the run's, at least 10.
    As many networks are pruned as its model has, after a race at the rate of these; of a cross-validation each on the
    rows that it has learned from. Of a model that is pruned already, half of the weights that are left go. Where all
    rows are trained on, none tell the best epoch, so the last one's weights are kept.

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
            f"Received: {number(sparsity)}."
        )
    if epochs is not None and not 1 <= epochs <= MOST_EPOCHS:
        raise UserError(f"The epochs must be 1 to {MOST_EPOCHS:,}. Received: {epochs:,}.")
    if settings.policy.source == "found" and history.found is not None:
        settings = settings.with_found(history.found)
    policy = policy_of_model(settings, history)
    if policy.source == "raced":  # no network was chosen
        policy = checked(policy, source="chosen")
    before = settings.training
    pruning = checked(_further(before, history), first_epoch=1, last_epoch=0)
    if sparsity is not None:
        pruning = checked(pruning, final_sparsity=round(100 * sparsity, 6))
    training = checked(
        before,
        epochs=epochs or max(LEAST_EPOCHS, before.epochs),
        members=before.members if settings.crossed else _networks_of_model(settings, history),
        combine="all",
        pruning=pruning,
    )
    if settings.data.all_rows:
        stopping = checked(training.early_stopping, enabled=False, restore_best=False)
        training = checked(training, early_stopping=stopping)
    model = checked(settings.model, start=RunStart(run=starts.id_of(run), base=settings.model.base))
    made = settings.model_copy(
        update={
            "model": model,
            "training": training,
            "policy": policy,
            "name": "",
            "made_from": _made_from(settings.made_from),
        }
    )
    if made.obstacle:
        raise UserError(made.obstacle)
    return made


def _networks_of_model(settings: RunSettings, history: History) -> int:
    if history.chosen is None or not settings.leaves_ensemble:
        return 1
    return sum(share > 0 for share in history.chosen.shares)


def _made_from(origin: MadeFrom | None) -> MadeFrom | None:
    """Where a pruned model for use comes from: where the whole one does, but without that run's score."""
    if origin is None:
        return None
    epochs = origin.epochs.removesuffix(FOR_USE).strip()
    return checked(origin, epochs=f"{epochs} {FOR_USE}".strip(), score="")


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
