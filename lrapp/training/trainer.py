"""The run: network, arrays and a learning rate for every step -> events, and the best weights."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray

from lrapp.errors import Stopped, UserError
from lrapp.phrasing import counted
from lrapp.runs.events import Ending, EpochDone, Event, StepsDone, TrainingEnded, TrainingStarted
from lrapp.settings import EarlyStoppingSettings, Task, TrainingSettings
from lrapp.training.checkpoints import TrainingState
from lrapp.training.loop import MOST_STEPS, Data, Loop, Snapshot, shuffled

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared

__all__ = ["Loop", "TrainingState", "metric_name", "train"]

# Long enough that calls cost nothing, short enough that Stop is prompt and charts move.
CHUNK_SECONDS = 0.25
# How often the state is handed out, at most; the pauses also grow with what handing it out costs.
STATE_SECONDS = 1.0
# Steps before XLA takes over, so that the first points come before its compiling. A fixed number: were it
# measured, the last bits of the numbers would depend on how busy the machine is.
XLA_FROM_STEP = 256
# What XLA compiles within a second: no convolutions, and nothing that varies pictures.
_COMPILED = (
    keras.layers.InputLayer,
    keras.layers.Rescaling,
    keras.layers.Flatten,
    keras.layers.Dense,
    keras.layers.Activation,
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
)


def metric_name(task: Task) -> str:
    """Return what the task's metric is called."""
    return "mean absolute error" if task == "regression" else "accuracy"


def train(
    model: keras.Model,
    prepared: "Prepared",
    learning_rates: ArrayLike,
    settings: TrainingSettings,
    *,
    on_event: Callable[[Event], None],
    should_stop: Callable[[], bool],
    state: TrainingState | None = None,
    on_state: Callable[[TrainingState], None] | None = None,
    loop: Loop | None = None,
) -> TrainingEnded:
    """Train a network in place and tell what happens.

    The same network, rows and settings give the same events (but for the seconds), bit for bit, whatever ran before
    in the process, however the steps fall into calls, and whether or not the run was interrupted and resumed. The
    network ends with the weights of the best epoch if the settings say so, else with its latest; after a loss that
    is not finite, with the best or latest that are finite.

    Args:
        model: A network from ``models.build``.
        prepared: Rows to train and to validate on.
        learning_rates: A rate for every step of the run, shape (epochs * steps per epoch,), or of every group of
            layers for every step, shape (epochs * steps per epoch, groups). A group that has a rate of zero for a
            whole epoch, in which others have not, is frozen; where that changes the optimizer starts anew, so that
            nothing it gathered for some layers is taken for the others.
        settings: How to train.
        on_event: Told of every event; the last is what this function returns.
        should_stop: Asked several times a second; when true, the run ends.
        state: Where an interrupted run of the same settings stood.
        on_state: Given the state after epochs, about once a second, and when the run ends.
        loop: A loop made for ``model`` with the same settings, to spare its tracing.

    Raises:
        UserError: If the state belongs to another network, or memory runs out.
        ValueError: If the number of learning rates is not that of the steps.
    """
    if loop is None:
        loop = Loop(model, prepared.task, settings)
    if loop.model is not model:
        raise ValueError("The loop must have been made for the model that it trains.")
    try:
        run = _Run(loop, prepared, learning_rates, settings, on_event, should_stop, on_state)
        return run.go(state)
    except tf.errors.ResourceExhaustedError as error:
        raise UserError(
            "Memory ran out while training: make the layers narrower or the batch smaller."
        ) from error


def uses_xla(model: keras.Model, settings: TrainingSettings, total_steps: int) -> bool:
    """Return whether the loop is to go through XLA; follows from settings and sizes alone.

    Compiling takes some 0.4 s and 0.1 s more for each layer; then it spares about 80 microseconds a step, and 3 more
    for every thousand weights to update. So it has to be a long run. Not with dropout, whose random numbers XLA may
    compute once for every use (13 ms a step instead of 0.9 were measured), not with millions of weights, where more
    cores do more than XLA, and not with so many layers that compiling would keep Stop waiting. Never with layers
    that only pictures have: compiling one small network of convolutions took 175 s on a CPU.

    Args:
        model: The network.
        settings: How to train; "on" and "off" decide by themselves where all layers are dense.
        total_steps: Steps in the whole run.
    """
    if not all(isinstance(layer, _COMPILED) for layer in model.layers):
        return False
    if settings.xla != "auto":
        return settings.xla == "on"
    if any(isinstance(layer, keras.layers.Dropout) for layer in model.layers):
        return False
    compiling = 0.4 + 0.1 * sum(bool(layer.weights) for layer in model.layers)
    weights = model.count_params()
    spared = total_steps * (80e-6 + 3e-9 * weights)
    return weights <= 1_000_000 and compiling <= 1.5 and spared >= 2 * compiling


class _Pace:
    """How many steps fit into the time of one call, learned from those that ran."""

    def __init__(self) -> None:
        self.steps = 1

    def took(self, steps: int, seconds: float) -> None:
        fitting = CHUNK_SECONDS / max(seconds / steps, 1e-9)
        self.steps = int(np.clip(fitting, 1, min(4 * max(steps, self.steps), MOST_STEPS)))


@dataclass
class _Best:
    """Which epoch was best, and for how many there has been nothing better."""

    settings: EarlyStoppingSettings
    upwards: bool
    epoch: int | None = None
    value: float = float("nan")
    wait: int = 0

    def take(self, epoch: int, value: float) -> bool:
        """Take an epoch's figure; return whether it is the best so far."""
        least = self.settings.min_delta if self.settings.enabled else 0.0
        gain = value - self.value if self.upwards else self.value - value
        if self.epoch is None or gain > least:
            self.epoch, self.value, self.wait = epoch, value, 0
            return True
        self.wait += 1
        return False

    @property
    def patience_ended(self) -> bool:
        return self.settings.enabled and self.wait >= self.settings.patience


class _Diverged(Exception):
    """A number became infinite, or none."""

    def __init__(self, what: str, step: int, learning_rate: float) -> None:
        super().__init__(f"{what} at step {step} (learning rate {learning_rate:g}): lower the learning rate.")


class _Run:
    def __init__(
        self,
        loop: Loop,
        prepared: "Prepared",
        learning_rates: ArrayLike,
        settings: TrainingSettings,
        on_event: Callable[[Event], None],
        should_stop: Callable[[], bool],
        on_state: Callable[[TrainingState], None] | None,
    ) -> None:
        self.started = time.perf_counter()
        self.loop, self.settings = loop, settings
        self.on_event, self.should_stop, self.on_state = on_event, should_stop, on_state
        self.training, self.validation = loop.load(prepared.train), loop.load(prepared.validation)
        self.steps_per_epoch = -(-self.training.rows // settings.batch_size)
        given: NDArray[np.float32] = np.asarray(learning_rates, np.float32)
        self.rates = given.reshape(len(given), -1)
        total = settings.epochs * self.steps_per_epoch
        if given.ndim > 2 or self.rates.shape not in {(total, 1), (total, loop.groups)}:
            raise ValueError(f"There must be a rate for each of {total} steps. Received: {given.shape}.")
        self.scale = prepared.metric_scale if prepared.task == "regression" else 1.0
        stopping = settings.early_stopping
        self.best = _Best(stopping, stopping.monitor == "val_metric" and prepared.task != "regression")
        self.best_weights: tuple[tf.Tensor, ...] = ()
        self.epochs = 0
        # Only full batches are compiled; a batch larger than the table is none.
        self.xla = settings.batch_size <= self.training.rows and uses_xla(loop.model, settings, total)
        self.pace, self.evaluation_pace = _Pace(), _Pace()
        self.traced: set[tuple[str, bool, tuple[bool, ...]]] = set()
        self.last: Snapshot
        self.unsaved = False
        self.save_at = self.started + STATE_SECONDS

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started

    def go(self, state: TrainingState | None) -> TrainingEnded:
        if state is not None:
            self._take_up(state)
        self.last = self.loop.snapshot()
        self.on_event(
            TrainingStarted(
                parameters=sum(int(np.prod(v.shape)) for v in self.loop.model.trainable_variables),
                metric=metric_name(self.loop.task),
                steps_per_epoch=self.steps_per_epoch,
                total_steps=len(self.rates),
                epochs=self.settings.epochs,
                first_epoch=self.epochs,
                compiled=self.xla,
            )
        )
        reason: Ending = "completed"
        message = ""
        try:
            while self.epochs < self.settings.epochs and not self.best.patience_ended:
                self._epoch()
            if self.epochs < self.settings.epochs:
                reason = "early_stopping"
        except Stopped:
            reason = "stopped"
        except _Diverged as error:
            reason, message = "diverged", str(error)
        self._save()
        kept = self._leave_weights(reason)
        ended = TrainingEnded(
            reason, f"{message or self._sentence(reason)}{kept}", self.best.epoch, self.epochs
        )
        self.on_event(ended)
        return ended

    def _frozen(self, epoch: int) -> tuple[bool, ...]:
        """Which groups stand still in an epoch, counted from 0."""
        rates = self.rates[epoch * self.steps_per_epoch : (epoch + 1) * self.steps_per_epoch]
        still = tuple(bool(group) for group in (rates == 0).all(axis=0))
        return still if any(still) and not all(still) else ()

    def _epoch(self) -> None:
        frozen = self._frozen(self.epochs)
        if self.epochs and frozen != self._frozen(self.epochs - 1):
            self.loop.reset_optimizer()
        order = shuffled(self.training.rows, self.settings.seed, self.epochs)
        before = self.epochs * self.steps_per_epoch
        losses: list[NDArray[np.float32]] = []
        metrics: list[NDArray[np.float32]] = []
        done = 0
        while done < self.steps_per_epoch:
            if self.should_stop():
                raise Stopped
            step = before + done
            compiled = self.xla and step >= XLA_FROM_STEP
            count = min(self.pace.steps, self.steps_per_epoch - done)
            if self.xla and not compiled:
                count = min(count, XLA_FROM_STEP - step)
            begun = self.seconds
            steps = self.loop.run(
                self.training, order, done, self.rates[step : step + count], compiled, frozen
            )
            self._learn(self.pace, ("train", compiled, frozen), count, self.seconds - begun)
            groups = steps.group_rates.T.tolist() if self.loop.groups > 1 else []
            self.on_event(
                StepsDone(
                    step,
                    tuple(steps.losses.tolist()),
                    tuple(steps.learning_rates.tolist()),
                    self.seconds,
                    tuple(tuple(group) for group in groups),
                )
            )
            done += len(steps.losses)
            if not np.isfinite(steps.losses[-1]):
                raise _Diverged("The loss became infinite", before + done, steps.learning_rates[-1])
            losses.append(steps.losses)
            metrics.append(steps.metrics)
        self._epoch_done(np.concatenate(losses), np.concatenate(metrics))

    def _epoch_done(self, losses: NDArray[np.float32], metrics: NDArray[np.float32]) -> None:
        step = (self.epochs + 1) * self.steps_per_epoch
        rate = float(self.rates[step - 1, -1])
        rows, size = self.training.rows, self.settings.batch_size
        batch_rows = np.minimum(size, rows - size * np.arange(self.steps_per_epoch))
        loss = float(losses.astype(np.float64) @ batch_rows) / rows
        metric = float(metrics.astype(np.float64).sum()) / rows * self.scale
        latest = self.loop.snapshot()
        if not latest.finite:
            raise _Diverged("The weights became infinite", step, rate)
        val_loss, val_metric = self._validate(latest.penalty)
        if self.validation.rows and not np.isfinite(val_loss):
            raise _Diverged("The validation loss became infinite", step, rate)
        self.last = latest
        self.epochs += 1
        monitored = (loss, metric) if not self.validation.rows else (val_loss, val_metric)
        value = monitored[0] if self.settings.early_stopping.monitor == "val_loss" else monitored[1]
        best = self.best.take(self.epochs, value)
        if best:
            self.best_weights = latest.model
        self.unsaved = True
        self.on_event(
            EpochDone(
                epoch=self.epochs,
                step=step,
                loss=loss,
                val_loss=val_loss,
                metric=metric,
                val_metric=val_metric,
                learning_rate=rate,
                seconds=self.seconds,
                best=best,
                loss_scale=self.loop.loss_scale,
            )
        )
        if time.perf_counter() >= self.save_at:
            self._save()

    def _validate(self, penalty: float) -> tuple[float, float]:
        """Loss with penalties and metric on the validation rows; NaN when there are none."""
        data: Data = self.validation
        if not data.rows:
            return float("nan"), float("nan")
        sums = []
        batches, done = self.loop.evaluation_batches(data), 0
        while done < batches:
            if done and self.should_stop():
                raise Stopped
            count = min(self.evaluation_pace.steps, batches - done)
            begun = self.seconds
            sums.append(self.loop.evaluate(data, done, count))
            self._learn(self.evaluation_pace, ("evaluate", False, ()), count, self.seconds - begun)
            done += count
        loss, metric = np.concatenate(sums).sum(axis=0) / data.rows
        return float(loss) + penalty, float(metric) * self.scale

    def _learn(
        self, pace: _Pace, kind: tuple[str, bool, tuple[bool, ...]], steps: int, seconds: float
    ) -> None:
        # The first call of a kind traces or compiles, which says nothing about those that follow.
        if kind in self.traced:
            pace.took(steps, seconds)
        self.traced.add(kind)

    # --- states and endings ----------------------------------------------------------------------------------

    def _take_up(self, state: TrainingState) -> None:
        state.require_fit(self.loop.snapshot())
        self.loop.restore(state.model, state.optimizer)
        self.best_weights = tuple(tf.constant(value) for value in state.best_weights)
        self.best.epoch, self.best.value, self.best.wait = state.best_epoch, state.best_value, state.wait
        self.epochs = state.epochs

    def _save(self) -> None:
        if self.on_state is None or not self.unsaved:
            return
        begun = time.perf_counter()
        self.on_state(
            TrainingState.of(
                self.last, self.best_weights, self.epochs, self.best.epoch, self.best.value, self.best.wait
            )
        )
        self.unsaved = False
        now = time.perf_counter()
        self.save_at = now + max(STATE_SECONDS, 10 * (now - begun))

    def _leave_weights(self, reason: Ending) -> str:
        """Give the model the weights that it is to end with, and say which."""
        if self.settings.early_stopping.restore_best and self.best_weights:
            self.loop.restore(self.best_weights)
            return f" The model keeps the weights of epoch {self.best.epoch:,}, the best."
        if reason == "diverged" or not self.loop.snapshot().finite:
            self.loop.restore(self.last.model)
            if self.epochs == 0:
                return " The model is back at its initial weights."
            return f" The model keeps the weights of epoch {self.epochs:,}."
        return ""

    def _sentence(self, reason: Ending) -> str:
        epochs = counted(self.settings.epochs, "epoch")
        if reason == "completed":
            return "The only epoch is done." if self.settings.epochs == 1 else f"All {epochs} are done."
        if reason == "stopped":
            return f"Stopped after {self.epochs:,} of {epochs}."
        watched = self.settings.early_stopping.monitor == "val_loss"
        name = "loss" if watched else metric_name(self.loop.task)
        return f"Ended early: the validation {name} has not improved for {counted(self.best.wait, 'epoch')}."
