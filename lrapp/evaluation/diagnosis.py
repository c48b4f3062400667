"""A diagnosis of a run's curves: over- or underfitting in one sentence, and the setting to try next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lrapp.evaluation.counts_and_curves import ClassFigures
from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores
from lrapp.evaluation.setting_checks import Kind, Remark, after, with_training
from lrapp.phrasing import number
from lrapp.runs.events import EpochDone, History
from lrapp.settings import FreshStart, LayerSettings, RunSettings

Verdict = Literal[
    "diverged",
    "hindered",
    "too short",
    "underfitting",
    "overfitting",
    "unfinished",
    "unsteady",
    "blind",
    "sound",
    "unknown",
]
RailStep = Literal["Data", "Network", "Training", "Learning rate"]
# Fewer epochs make no curve.
_LEAST_EPOCHS = 5
# Shares of what the validation loss fell in all: a rise or a fall of more is a trend.
_RISE, _FALL = 0.1, 0.05
# A rise of more than this share of the least validation loss is visible in the chart.
_VISIBLE = 0.05
# A validation loss this many times the training loss of the same epoch is a gap.
_GAP = 1.5
# Nearer to the baseline than this share of its error is hardly better. Of figures that a network can raise
# without having learned anything (by chance, or by answering each class now and then) it takes more.
_HARDLY, _HARDLY_RANKED = 0.05, 0.3
_RANKED = ("ROC AUC", "macro F1", "balanced accuracy", "average precision")
# A class with less than this share of its fair share of the rows is rare; one of which less than half is found, missed.
_RARE, _MISSED = 0.4, 0.5
_LEAST_RARE_ROWS = 5
MEMBERS = 8
_MOST_EPOCHS, _MOST_UNITS = 100_000, 16_384
# Settings that kept a run from working as intended, and their steps of the rail: checked before the curves.
CAUSES: dict[Kind, RailStep] = {
    "batch of one": "Training",
    "warm-up too long": "Learning rate",
    "one-cycle cut": "Training",
    "cycle cut": "Training",
}


@dataclass(frozen=True)
class Diagnosis:
    """What went well or wrong.

    Args:
        advice: What to try next; empty if nothing.
        step: The step of the rail that holds that setting; None if there is none.
        settings: The run's settings with that one change; None if there is no single one.
    """

    verdict: Verdict
    sentence: str
    advice: str = ""
    step: RailStep | None = None
    settings: RunSettings | None = None


def diagnose(
    history: History,
    settings: RunSettings,
    scores: Scores | None = None,
    classes: Sequence[ClassFigures] = (),
) -> Diagnosis:
    """Return the diagnosis of a run's curves.

    Args:
        history: The events of a run that has ended.
        scores: Of its network, to see whether it learned anything.
        classes: The figures of each class, to see whether a rare one is missed.
    """
    # Those before the final sparsity are of a network that is not yet pruned.
    epochs = history.epochs[settings.training.counts_from - 1 :]
    if history.ended is not None and history.ended.reason == "diverged":
        return Diagnosis(
            "diverged",
            "The loss became infinite: the learning rate was too high.",
            "Run the range test and take the rates that it finds, or a tenth of these.",
            "Learning rate",
        )
    val = np.array([epoch.val_loss for epoch in epochs])
    if (cause := _cause(settings, history, val, scores)) is not None:
        return Diagnosis("hindered", cause.sentence, cause.advice, CAUSES[cause.kind], cause.settings)
    if len(epochs) < _LEAST_EPOCHS:
        sentence = "No epoch was finished."
        if epochs:
            few = "One epoch is" if len(epochs) == 1 else f"{len(epochs)} epochs are"
            sentence = f"{few} too few to tell over- from underfitting."
        elif history.epochs:
            sentence = "No epoch with the final sparsity was finished."
        if len(history.epochs) < settings.training.epochs:  # it was stopped: more epochs were not missing
            return Diagnosis("too short", sentence)
        return _longer("too short", sentence, settings, at_least=20)
    if not np.isfinite(val).all():
        return Diagnosis("unknown", "Without validation rows, nothing tells over- from underfitting.")
    if scores is not None and _hardly_better(scores):
        return _underfits(settings)
    best = int(val.argmin())
    fall = max(float(val[0] - val[best]), 1e-12)
    jumps = np.abs(np.diff(val[len(val) // 2 :]))
    if settings.policy.type == "fixed" and len(jumps) > 3 and float(np.median(jumps)) > 0.25 * fall:
        return Diagnosis(
            "unsteady",
            "The validation loss jumps up and down instead of settling.",
            "Try a lower learning rate, or a policy that ends low (one-cycle, SGDR).",
            "Learning rate",
        )
    train = np.array([epoch.loss for epoch in epochs])
    if (missed := _missed(classes)) is not None and not settings.data.class_weights:
        return _blind(missed, classes, settings)
    if (rise := _overfits(val, train, best, fall)) is not None:
        return _overfitting(epochs[best], epochs[-1], rise, settings)
    tail = max(2, len(val) // 5)
    late = float(np.median(val[-2 * tail : -tail]) - np.median(val[-tail:])) if len(val) >= 2 * tail else 0.0
    ran_out = history.ended is None or history.ended.reason == "completed"
    if ran_out and best >= len(val) - tail and late > _FALL * fall:
        return _longer(
            "unfinished",
            f"The validation loss was still falling when the run ended, by {number(late, 2)} over its last "
            f"{tail} epochs.",
            settings,
        )
    return Diagnosis("sound", _sound(val, best, epochs[best], settings))


def _sound(val: NDArray[np.float64], best: int, epoch: EpochDone, settings: RunSettings) -> str:
    """What the curves show where nothing is wrong."""
    after = val[best + 1 :]
    last = after[-max(1, len(after) // 3) :]
    if not len(after) or float(np.median(last)) <= (1 + _VISIBLE) * val[best]:
        return "Neither over- nor underfitting shows in the curves: the validation loss fell and stayed low."
    told = f"The validation loss fell until epoch {epoch.epoch:,}, and rose a little after it."
    kept = settings.training.early_stopping.restore_best
    return told + (" The model keeps the best epoch's weights." if kept else "")


def _cause(
    settings: RunSettings, history: History, val: NDArray[np.float64], scores: Scores | None
) -> Remark | None:
    """Settings that kept the run from learning; None if there are none, or it learned anyway."""
    for remark in sorted(after(settings, history), key=lambda one: one.kind == "cycle cut"):
        if remark.kind not in CAUSES:
            continue
        # An end within a cycle does no harm where the loss had been rising for other reasons.
        if remark.kind != "cycle cut" or (scores is not None and _hardly_better(scores)):
            return remark
    return None


def _hardly_better(scores: Scores) -> bool:
    """Whether no figure is more than a little better than the baseline's.

    Where one class is rare, or weighs more, a network that has learned much can be right no more often than the
    baseline: then its probabilities, or how it ranks the rows, show that it learned.
    """
    shares = [share for metric in scores.metrics if (share := _gain(metric)) is not None]
    return bool(shares) and not any(share >= 1 for share in shares)


def _gain(metric: Metric) -> float | None:
    """How much better than the baseline a figure is, in units of a small gain; None where that is not known."""
    if metric.value is None or metric.baseline is None:
        return None
    little = _HARDLY_RANKED if metric.name in _RANKED else _HARDLY
    if metric.higher_is_better:
        better, room = metric.value - metric.baseline, 1 - metric.baseline
    else:
        better, room = metric.baseline - metric.value, metric.baseline
    return better / (little * room) if room > 0 else None


def _missed(classes: Sequence[ClassFigures]) -> ClassFigures | None:
    """The largest rare class of which the network misses most rows; None if there is none."""
    fair = sum(one.rows for one in classes) / max(1, len(classes))
    missed = [
        one
        for one in classes
        if _LEAST_RARE_ROWS <= one.rows < _RARE * fair and one.recall is not None and one.recall < _MISSED
    ]
    return max(missed, key=lambda one: one.rows, default=None)


def _blind(missed: ClassFigures, classes: Sequence[ClassFigures], settings: RunSettings) -> Diagnosis:
    assert missed.recall is not None
    rows = sum(one.rows for one in classes)
    # The second of two classes is answered where its probability is above the threshold.
    way = "lower" if missed == classes[-1] else "higher"
    return Diagnosis(
        "blind",
        f"“{missed.name}” is rare, {missed.rows:,} of {rows:,} rows, and the network finds "
        f"{round(missed.recall * missed.rows):,} of them: how often it is right says little here.",
        "If they matter, let classes weigh equally"
        + (f", or try a {way} threshold below." if len(classes) == 2 else "."),
        "Data",
        settings.model_copy(update={"data": settings.data.model_copy(update={"class_weights": True})}),
    )


def _overfits(val: NDArray[np.float64], train: NDArray[np.float64], best: int, fall: float) -> float | None:
    """By how much the validation loss rose after its best epoch while the training loss fell; None if it did not."""
    after = val[best + 1 :]
    if len(after) < 3:
        return None
    # The last third of the epochs after it, so that one bad epoch is not a trend.
    last = after[-max(1, len(after) // 3) :]
    rise = float(np.median(last) - val[best])
    fell = train[best] - float(np.median(train[best + 1 :][-len(last) :]))
    # A training loss that has only trembled did not go on falling, as the sentence would say.
    if rise <= _RISE * fall or fell <= _FALL * fall or train[-1] >= train[best]:
        return None
    gap = val[-1] > _GAP * train[-1]
    # A smaller rise is a trend, too, where it exceeds the noise from epoch to epoch.
    jump = float(np.median(np.abs(np.diff(after))))
    seen = rise > _VISIBLE * val[best] and rise > 2 * jump and last.min() > val[best] + rise / 4
    return rise if gap or rise > 0.5 * fall or seen else None


def _overfitting(best: EpochDone, last: EpochDone, rise: float, settings: RunSettings) -> Diagnosis:
    kept = settings.training.early_stopping.restore_best
    sentence = (
        f"Overfitting: after epoch {best.epoch:,} the validation loss rose from {number(best.val_loss, 2)} by "
        f"{number(rise, 2)}, while the training loss went on falling to {number(last.loss, 2)}."
        + (" The model keeps the best epoch's weights: fewer epochs would do." if kept else "")
    )
    training, layers = settings.training, settings.model.layers
    many = f", or an ensemble of {MEMBERS} networks." if may_be_many(settings) else "."
    found = partial(Diagnosis, "overfitting", sentence)
    if not kept:
        stopping = training.early_stopping.model_copy(update={"enabled": True, "restore_best": True})
        advice = "Try early stopping that keeps the best epoch's weights."
        return found(advice, "Training", with_training(settings, early_stopping=stopping))
    if layers and not any(layer.dropout for layer in layers):
        return found("Try dropout 0.2 in every layer" + many, "Network", _with_layers(settings, dropout=0.2))
    if layers and not any(layer.l1 or layer.l2 for layer in layers):
        return found("Try L2 0.001 in every layer" + many, "Network", _with_layers(settings, l2=0.001))
    if any(layer.units > 8 for layer in layers if layer.computes):
        return found("Try layers of half the width" + many, "Network", _scaled(settings, 0.5))
    return found("More rows would help most" + many, "Data")


def may_be_many(settings: RunSettings) -> bool:
    """Return whether a run trained few networks and could train ``MEMBERS`` at once."""
    several = with_training(settings, members=MEMBERS)
    # A run has as many weights to start from as networks.
    fresh = isinstance(settings.model.start, FreshStart)
    return fresh and not settings.crossed and settings.networks < MEMBERS and not several.networks_obstacle


def _underfits(settings: RunSettings) -> Diagnosis:
    found = partial(
        Diagnosis, "underfitting", "Underfitting: the network is hardly better than the baseline."
    )
    layers = settings.model.layers
    if any(layer.dropout > 0.3 or layer.l1 > 1e-3 or layer.l2 > 1e-2 for layer in layers):
        weaker = _with_layers(settings, dropout=0.0, l1=0.0, l2=0.0)
        return found("Try it without dropout, L1 and L2.", "Network", weaker)
    if not layers:
        wider = settings.model.model_copy(update={"layers": (LayerSettings(units=32),)})
        return found("Try a layer of 32 units.", "Network", settings.model_copy(update={"model": wider}))
    if any(layer.units < 32 for layer in layers if layer.computes):
        return found("Try layers of twice the width.", "Network", _scaled(settings, 2.0))
    return found(
        "Run the range test: the learning rate may be far off. If that does not help, the columns may hold "
        "little about the target.",
        "Learning rate",
    )


def _longer(verdict: Verdict, sentence: str, settings: RunSettings, at_least: int = 0) -> Diagnosis:
    epochs = max(twice_the_epochs(settings), at_least)
    if epochs <= settings.training.epochs:
        return Diagnosis(verdict, sentence)
    return Diagnosis(
        verdict, sentence, f"Try {epochs:,} epochs.", "Training", with_training(settings, epochs=epochs)
    )


def twice_the_epochs(settings: RunSettings) -> int:
    """Return twice a run's epochs, or as many as there may be."""
    return min(2 * settings.training.epochs, _MOST_EPOCHS)


def _with_layers(settings: RunSettings, **changes: float) -> RunSettings:
    def changed(layer: LayerSettings) -> LayerSettings:
        # Pooling has none of this, and a layer of dropout nothing else.
        return layer.model_copy(
            update={name: value for name, value in changes.items() if name in layer.facts.reads}
        )

    return _with_each(settings, changed)


def _scaled(settings: RunSettings, factor: float) -> RunSettings:
    def scaled(layer: LayerSettings) -> LayerSettings:
        units = min(_MOST_UNITS, max(1, round(layer.units * factor)))
        return layer.model_copy(update={"units": units}) if layer.computes else layer

    return _with_each(settings, scaled)


def _with_each(settings: RunSettings, change: Callable[[LayerSettings], LayerSettings]) -> RunSettings:
    layers = tuple(map(change, settings.model.layers))
    return settings.model_copy(update={"model": settings.model.model_copy(update={"layers": layers})})
