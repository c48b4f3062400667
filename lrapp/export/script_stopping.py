"""Early stopping as code: callbacks of Keras, and a class of its own where Keras has none."""

from lrapp.export.finished_run import FinishedRun
from lrapp.training import stopping as criteria

_HEAD = '''class Criterion(keras.callbacks.Callback):
    """Ends the training {when}."""

'''
_LOSSES = """    def on_train_begin(self, logs=None):
        self.losses, self.val_losses = [], []

    def on_epoch_end(self, epoch, logs=None):
{start}        self.losses.append(logs["loss"])
        self.val_losses.append(logs.get("val_loss", logs["loss"]))
"""
_RISE = "        rise = 100 * (self.val_losses[-1] / min(self.val_losses) - 1)\n"
_STOP = "            self.model.stop_training = True\n"


def _start(recipe: FinishedRun) -> str:
    """Lines that leave out the epochs before a pruned network has its final sparsity; empty where all count."""
    before = recipe.settings.training.counts_from - 1
    if not before:
        return ""
    return f"        if epoch < {before}:\n            return  # its final sparsity is reached in epoch {before + 1}\n"


def cut_short(recipe: FinishedRun) -> bool:
    """Whether the run ended where no criterion ends it: by hand, by its target, by its time, or as it diverged."""
    ended, stopping = recipe.history.ended, recipe.settings.training.early_stopping
    if ended is None or ended.reason == "completed":
        return False
    limited = stopping.enabled and (stopping.target != "none" or stopping.minutes > 0)
    return ended.reason != "early_stopping" or limited


def criterion(recipe: FinishedRun) -> str:
    """Return the code of a class that ends the training; empty where Keras has one, or nothing ends it."""
    stopping = recipe.settings.training.early_stopping
    if not stopping.enabled:
        return ""
    if stopping.criterion == "patience":
        return _cycles(recipe) if stopping.patience_unit == "cycles" else ""
    strip = stopping.strip
    if stopping.criterion == "GL":
        test = f"{_RISE}        if rise > {stopping.gl_alpha!r}:\n{_STOP}"
        when = "by the criterion GL"
    elif stopping.criterion == "PQ":
        test = (
            f"{_RISE}        last = self.losses[-{strip}:]\n"
            "        progress = 1000 * (sum(last) / (len(last) * min(last)) - 1)\n"
            f"        if len(self.losses) % {strip} == 0 and rise > {stopping.pq_alpha!r} * progress:\n{_STOP}"
        )
        when = "by the criterion PQ"
    else:
        strips = stopping.up_strips
        test = (
            f"        ends = self.val_losses[{strip - 1}::{strip}]\n"
            "        rises = [later > earlier for earlier, later in zip(ends, ends[1:])]\n"
            f"        if len(rises) >= {strips} and all(rises[-{strips}:]):\n{_STOP}"
        )
        when = "by the criterion UP"
    when += ': Prechelt, "Early Stopping - But When?", 1998'
    return f"{_HEAD.format(when=when)}{_LOSSES.format(start=_start(recipe))}{test}\n\n"


def _monitor(recipe: FinishedRun) -> str:
    """What Keras is to watch: as in the app, the training rows where none validate."""
    monitor = recipe.settings.training.early_stopping.monitor
    watches = len(recipe.prepared.validation.y) or recipe.prepared.folds is not None
    return monitor if watches else monitor.removeprefix("val_")


def _cycles(recipe: FinishedRun) -> str:
    stopping = recipe.settings.training.early_stopping
    ends = recipe.settings.cycle_ends(len(recipe.prepared.train.y))
    up = stopping.monitor == "val_metric" and recipe.prepared.task != "regression"
    gain = "value - self.best" if up else "self.best - value"
    return (
        f"{_HEAD.format(when=f'when nothing has improved for {criteria.patience(stopping)} of the rate')}"
        f"    cycle_ends = {list(ends)}\n\n"
        "    def on_train_begin(self, logs=None):\n"
        "        self.best = None\n\n"
        f"    def on_epoch_end(self, epoch, logs=None):\n{_start(recipe)}"
        f'        value = logs["{_monitor(recipe)}"]\n'
        f"        if self.best is None or {gain} > {stopping.min_delta!r}:\n"
        "            self.best, self.since = value, epoch + 1\n"
        f"        elif sum(self.since < end <= epoch + 1 for end in self.cycle_ends) >= {stopping.patience}:\n"
        f"{_STOP}\n\n"
    )


def callbacks(recipe: FinishedRun, epochs: int) -> list[str]:
    """Return the callbacks for early stopping and the best weights of at most that many epochs, as code."""
    stopping = recipe.settings.training.early_stopping
    found = ["Criterion()"] if criterion(recipe) else []
    if not stopping.enabled and not stopping.restore_best:
        return found
    if found and not stopping.restore_best:
        return found
    up = stopping.monitor == "val_metric" and recipe.prepared.task != "regression"
    waits = stopping.enabled and not found
    start = recipe.settings.training.counts_from - 1
    found.append(
        "keras.callbacks.EarlyStopping(\n"
        f'            monitor="{_monitor(recipe)}",\n'
        f'            mode="{"max" if up else "min"}",\n'
        f"            patience={stopping.patience if waits else max(1, epochs)},\n"
        f"            min_delta={stopping.min_delta if stopping.enabled else 0.0!r},\n"
        f"            restore_best_weights={stopping.restore_best},\n"
        + (f"            start_from_epoch={start},  # the first with the final sparsity\n" if start else "")
        + "        )"
    )
    return found
