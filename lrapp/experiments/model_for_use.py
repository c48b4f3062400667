"""A finished run -> the settings of a model for use: trained on every row, for as many epochs as proved best.

What the run has shown stays shown: its validation rows said how long to train, its test rows what the model is worth.
Once both are known, holding rows back only costs; the model that learns from all of them has no score of its own.
"""

from statistics import median_high

from lrapp.errors import UserError
from lrapp.evaluation.scores import Scores
from lrapp.networks import calibration
from lrapp.phrasing import counted
from lrapp.preparation import threshold as thresholds
from lrapp.runs import notes
from lrapp.runs.events import History, MembersChosen
from lrapp.runs.store import Run
from lrapp.settings import MadeFrom, PolicySettings, RunSettings, RunStart
from lrapp.settings.base import checked
from lrapp.settings.policy import scaled

_MOST_NAME = 200


def possible(run: Run, history: History) -> bool:
    """Return whether a model for use can be made of a run, which must have ended."""
    settings = run.settings
    trains = settings.mode == "train" and not settings.data.all_rows
    return trains and run.model_path.exists() and history.ended is not None and bool(history.ended.best_epoch)


def settings_of(run: Run) -> RunSettings:
    """Return the settings of a model for use.

    They are the run's, with every row to train on, without early stopping, and with the epochs that proved best: of
    several networks the median of their best epochs. Networks that did not become part of its model are left out, but
    where they start from those of an earlier run, which has as many. After
    a race the rate is that of the model's networks; where these have several, it is the one that won, with the epochs
    that proved best at it.

    Raises:
        UserError: If the run left no model, or is damaged.
    """
    settings, history = run.settings, run.history()
    if not possible(run, history):
        raise UserError(
            "Only a run that has finished an epoch, left a model and held rows back can be trained on all rows."
        )
    if settings.policy.source == "found" and history.found is not None:
        settings = settings.with_found(history.found)
    epochs, networks, told = _lasting(settings, history)
    training = settings.training
    if isinstance(settings.model.start, RunStart) and networks < settings.networks:
        # There are as many as the run to start from has.
        networks = settings.networks
        told += f" All {networks:,} networks of that run train again, as they start from an earlier one."
    stopping = checked(training.early_stopping, enabled=False, restore_best=False)
    pruning = training.pruning
    if pruning.enabled:  # its end may follow from the epochs, and stays where it was
        pruning = checked(pruning, last_epoch=pruning.last(training.epochs))
    training = checked(
        training, epochs=epochs, members=networks, combine="all", early_stopping=stopping, pruning=pruning
    )
    pictures = checked(settings.data.pictures, most_rows=None)
    name, suffix = notes.name_of(run), f" (all {settings.data.facts.units})"
    threshold, temperature = thresholds.kept(run.folder), calibration.kept(run.folder)
    if said := _adjusted(threshold is not None, temperature != 1):
        told += f" {said}"
    return settings.model_copy(
        update={
            "name": f"{name[: _MOST_NAME - len(suffix)]}{suffix}" if name else "",
            "data": checked(settings.data, all_rows=True, folds=1, pictures=pictures),
            "training": training,
            "policy": policy_of_model(settings, history),
            "made_from": MadeFrom(
                run=run.id,
                epochs=told,
                score=_score(run),
                threshold=None if threshold is None else threshold.level,
                temperature=temperature,
            ),
        }
    )


def _adjusted(threshold: bool, temperature: bool) -> str:
    """What a model takes over besides the settings, as a sentence; empty where there is nothing."""
    if threshold and temperature:
        return "Its threshold and calibration are that run's."
    taken = "threshold" if threshold else "calibration"
    return f"Its {taken} is that run's." if threshold or temperature else ""


def _lasting(settings: RunSettings, history: History) -> tuple[int, int, str]:
    """How many epochs proved best, of how many networks, and that in words."""
    assert history.ended is not None
    if settings.networks == 1 or history.chosen is None:
        if not settings.training.early_stopping.restore_best:
            epochs = history.ended.epochs
            return epochs, 1, f"It was trained for {counted(epochs, 'epoch')}, as the model of that run."
        epochs = history.ended.best_epoch or 1
        return epochs, 1, f"It was trained for {counted(epochs, 'epoch')}, the best of that run."
    chosen = history.chosen
    rate = _rate(chosen)
    shared = [place for place, share in enumerate(chosen.shares) if share]
    if rate is None:
        rate = chosen.factors[chosen.best - 1]
        at_rate = [place for place, factor in enumerate(chosen.factors) if factor == rate]
        best = [chosen.best_epochs[place] for place in at_rate if chosen.best_epochs[place]]
        epochs = median_high(best) if best else history.ended.best_epoch or 1
        told = f"It was trained for {counted(epochs, 'epoch')}, as proved best at the rate that won that run's race."
        return epochs, len(shared), told
    best = [chosen.best_epochs[place] for place in shared if chosen.best_epochs[place]]
    epochs = median_high(best) if best else history.ended.best_epoch or 1
    keeps_best = settings.training.early_stopping.restore_best
    which = "best epochs" if keeps_best else "last epochs"
    if settings.crossed:
        networks = settings.networks - len(chosen.left_out)
        epochs_of = f"the median of the {which} of that run's {len(best):,} networks"
        if len(best) < 2:
            epochs_of = "the best of that run's last network" if keeps_best else "as that run's last network"
        return epochs, networks, f"It was trained for {counted(epochs, 'epoch')}, {epochs_of}."
    if len(best) < 2:
        epochs_of = "the best of that run's network" if keeps_best else "as that run's network"
        return epochs, 1, f"It was trained for {counted(epochs, 'epoch')}, {epochs_of}."
    spread = "" if min(best) == max(best) else f", which were {min(best):,} to {max(best):,}"
    told = (
        f"It was trained for {counted(epochs, 'epoch')}, the median of the {which} of that run's {len(best):,} "
        f"networks{spread}."
    )
    return epochs, len(best), told


def _rate(chosen: MembersChosen) -> float | None:
    """What all networks of the model multiply the policy's rates with; None where they differ in that."""
    used = {factor for factor, share in zip(chosen.factors, chosen.shares, strict=True) if share}
    return used.pop() if len(used) == 1 else None


def policy_of_model(settings: RunSettings, history: History) -> PolicySettings:
    """Return the policy at the rate of the model's networks; where these raced at several, at the rate that won."""
    policy, chosen = settings.policy, history.chosen
    if policy.source != "raced" or chosen is None:
        return policy
    factor = _rate(chosen)
    if factor == 1:
        origin = "The policy's own rates, which were kept after a race of rates."
        return checked(policy, source="chosen", origin=origin)
    best = chosen.factors[chosen.best - 1]
    return scaled(policy, best if factor is None else factor, "The best of a race of rates.")


def _score(run: Run) -> str:
    try:
        return Scores.from_json(run.scores_path.read_bytes()).summary
    except (OSError, UserError):
        return ""
