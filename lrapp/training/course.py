"""The course of a run: epoch after epoch, with its events, best weights, state and end."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray

from lrapp.errors import Stopped
from lrapp.phrasing import counted, number
from lrapp.runs.events import Cause, Ending, EpochDone, Event, StepsDone, TrainingEnded, TrainingStarted
from lrapp.settings import EarlyStoppingSettings, Task, TrainingSettings
from lrapp.training.blocks import Feed, feed
from lrapp.training.checkpoints import TrainingState
from lrapp.training.loop import MOST_STEPS, Loop
from lrapp.training.records import Snapshot, Steps
from lrapp.training.stopping import first_stop, patience, reaches, waited
from lrapp.training.xla import XLA_FROM_STEP, uses_xla

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared

# Seconds of a call: long enough that calls cost nothing, short enough that Stop is prompt and charts move.
CHUNK_SECONDS = 0.25
# Least seconds between two states; the pauses also grow with the cost of saving one.
STATE_SECONDS = 1.0


def metric_name(task: Task) -> str:
    """Return what the task's metric is called."""
    return "mean absolute error" if task == "regression" else "accuracy"


class Pace:
    """How many steps fit into the time of one call, estimated from those that ran."""

    def __init__(self) -> None:
        self.steps = 1

    def took(self, steps: int, seconds: float) -> None:
        fitting = CHUNK_SECONDS / max(seconds / steps, 1e-9)
        self.steps = int(np.clip(fitting, 1, min(4 * max(steps, self.steps), MOST_STEPS)))


@dataclass
class Best:
    """Which epoch was best, and for how many there has been nothing better."""

    settings: EarlyStoppingSettings
    upwards: bool
    cycle_ends: tuple[int, ...] = ()
    epoch: int | None = None
    value: float = float("nan")
    wait: int = 0
    reason: str = ""

    def take(self, epoch: int, value: float) -> bool:
        """Take an epoch's figure; return whether it is the best so far."""
        least = self.settings.min_delta if self.settings.enabled else 0.0
        gain = value - self.value if self.upwards else self.value - value
        if self.epoch is None or gain > least:
            self.epoch, self.value, self.wait = epoch, value, 0
            return True
        self.wait += 1
        return False

    def judge(self, loss: ArrayLike, val_loss: ArrayLike) -> None:
        """Let the criterion look at the losses of all epochs so far, shape (epochs,) each."""
        if self.reason or not self.settings.enabled or self.epoch is None:
            return
        if self.settings.criterion == "patience":
            ends = self.cycle_ends if self.settings.patience_unit == "cycles" else None
            if waited(self.epoch, self.epoch + self.wait, ends) >= self.settings.patience:
                self.reason = f"there has been no improvement for {patience(self.settings)}"
        elif (stop := first_stop(self.settings, loss, val_loss)) is not None:
            self.reason = stop.reason

    @property
    def ended(self) -> bool:
        """Whether the criterion was met."""
        return self.reason != ""


class _TimeUp(Exception):
    """The time limit has passed."""


class Diverged(Exception):
    """A number became infinite or NaN."""

    def __init__(self, what: str, step: int, learning_rate: float) -> None:
        super().__init__(
            f"{what} at step {step} (learning rate {number(learning_rate, 6)}): lower the learning rate."
        )


class Course:
    """A run of one network; arguments as for ``trainer.train``."""

    def __init__(
        self,
        loop: Loop,
        prepared: "Prepared",
        learning_rates: ArrayLike,
        settings: TrainingSettings,
        on_event: Callable[[Event], None],
        should_stop: Callable[[], bool],
        on_state: Callable[[TrainingState], None] | None,
        cycle_ends: tuple[int, ...] = (),
        momenta: ArrayLike | None = None,
    ) -> None:
        self.started = time.perf_counter()
        self.loop, self.settings = loop, settings
        self.on_event, self.should_stop, self.on_state = on_event, should_stop, on_state
        self.training, self.validation = self._load(prepared)
        self.steps_per_epoch = -(-self.training.rows // settings.batch_size)
        given: NDArray[np.float32] = np.asarray(learning_rates, np.float32)
        self.rates = given.reshape(len(given), -1)
        total = settings.epochs * self.steps_per_epoch
        if given.ndim > 2 or self.rates.shape not in {(total, 1), (total, loop.groups)}:
            raise ValueError(f"There must be a rate for each of {total} steps. Received: {given.shape}.")
        self.momenta = None if momenta is None else np.asarray(momenta, np.float32)
        if loop.moving_momentum != (self.momenta is not None):
            raise ValueError("A loop whose momentum moves, and no other, needs a momentum for each step.")
        if self.momenta is not None and self.momenta.shape != (total,):
            raise ValueError(
                f"There must be a momentum for each of {total} steps. Received: {self.momenta.shape}."
            )
        loop.units.take(prepared.logarithm)
        # With a logarithm, the loop itself measures in the target's units.
        linear = prepared.task == "regression" and prepared.logarithm is None
        self.scale = prepared.metric_scale if linear else 1.0
        stopping = settings.early_stopping
        self.upwards = prepared.task != "regression"  # of the metric
        self.best = Best(stopping, stopping.monitor == "val_metric" and self.upwards, cycle_ends)
        self.best_weights: tuple[tf.Tensor, ...] = ()
        # Before it is pruned to the end, no epoch's model is what was asked for: none is the best, or good enough.
        self.counts_from = settings.counts_from
        self.last_masks = loop.masks.values
        self.epochs = 0
        # Loss and validation loss of every epoch, for criteria that look back.
        self.losses: list[NDArray[np.float64]] = []
        self.spent, self.reached = 0.0, ""
        # Only full batches are compiled; one larger than the table is not full.
        self.xla = settings.batch_size <= self.training.rows and uses_xla(loop.model, settings, total)
        self.pace, self.evaluation_pace = Pace(), Pace()
        self.traced: set[tuple[str, bool, tuple[bool, ...]]] = set()
        self.last: Snapshot
        self.unsaved = False
        self.save_at = self.started + STATE_SECONDS

    def _load(self, prepared: "Prepared") -> tuple[Feed, Feed]:
        """The rows to train on, and those to watch."""
        training, watched = prepared.train, prepared.validation
        return feed(self.loop, training, prepared.block_rows), feed(self.loop, watched, prepared.block_rows)

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started

    def go(self, state: TrainingState | None) -> TrainingEnded:
        """Train to the end, from a state or from the beginning; emit the events, return how it ended."""
        if state is not None:
            self._take_up(state)
        self._begin()
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
        cause: Cause = ""
        message = ""
        try:
            while self.epochs < self.settings.epochs and not (self.reached or self._criterion_met):
                self._epoch()
            if self.epochs < self.settings.epochs:
                reason, cause = "early_stopping", "target" if self.reached else "criterion"
        except _TimeUp:
            reason, cause = "early_stopping", "time"
            minutes = self.settings.early_stopping.minutes
            message = f"Ended early: the time limit, {number(minutes)} min, has passed."
        except Stopped:
            reason = "stopped"
        except Diverged as error:
            reason, message = "diverged", str(error)
        self._save()
        kept = self._leave_weights(reason) + self.loop.masks.sentence(self.epochs, self.settings)
        ended = TrainingEnded(
            reason,
            f"{message or self._sentence(reason)}{kept}",
            self.best.epoch,
            self.epochs,
            self._best_epochs,
            cause,
        )
        self.on_event(ended)
        return ended

    def _begin(self) -> None:
        self.last = self.loop.snapshot()

    @property
    def _criterion_met(self) -> bool:
        return self.best.ended

    @property
    def _best_epochs(self) -> tuple[int, ...]:
        return ()

    def _frozen(self, epoch: int) -> tuple[bool, ...]:
        """Which groups are frozen in an epoch, counted from 0."""
        rates = self.rates[epoch * self.steps_per_epoch : (epoch + 1) * self.steps_per_epoch]
        still = tuple(bool(group) for group in (rates == 0).all(axis=0))
        return still if any(still) and not all(still) else ()

    def _epoch(self) -> None:
        frozen = self._frozen(self.epochs)
        if self.epochs and frozen != self._frozen(self.epochs - 1):
            self.loop.reset_optimizer()
        self.loop.masks.begin(self.epochs + 1, self.settings)
        before = self.epochs * self.steps_per_epoch
        losses: list[NDArray[np.float32]] = []
        metrics: list[NDArray[np.float32]] = []
        done = 0
        while done < self.steps_per_epoch:
            if self.should_stop():
                raise Stopped
            self._check_time()
            step = before + done
            part = self.training.steps(self.settings.seed, self.epochs, done)
            count, compiled = self._count(step, part.left)
            begun = self.seconds
            steps = self.loop.run(
                *(part.data, part.order, part.first, self.rates[step : step + count], compiled, frozen),
                momenta=None if self.momenta is None else self.momenta[step : step + count],
            )
            self._learn(self.pace, ("train", compiled, frozen), count, self.seconds - begun)
            done += len(steps.losses)
            self._steps_done(step, steps)
            losses.append(steps.losses)
            metrics.append(steps.metrics)
        self._epoch_done(np.concatenate(losses), np.concatenate(metrics))

    def _counts(self) -> bool:
        """Whether the epoch that is done can be the best, or end the run."""
        return self.epochs >= self.counts_from

    def _check_time(self) -> None:
        stopping = self.settings.early_stopping
        if stopping.enabled and 0 < 60 * stopping.minutes <= self.spent + self.seconds:
            raise _TimeUp

    def _steps_done(self, step: int, steps: Steps) -> None:
        """Emit the events of some steps, from this number on; a loss that is not finite ends the run."""
        self._say(step, steps.losses, steps.group_rates, steps.momenta)
        if not np.isfinite(steps.losses[-1]):
            last = step + len(steps.losses)
            raise Diverged("The loss became infinite", last, float(steps.learning_rates[-1]))

    def _say(
        self, step: int, losses: NDArray[Any], rates: NDArray[np.float32], momenta: NDArray[np.float32]
    ) -> None:
        groups = tuple(map(tuple, rates.T.tolist())) if self.loop.groups > 1 else ()
        told = tuple(losses.tolist()), tuple(rates[:, -1].tolist())
        self.on_event(StepsDone(step, *told, self.seconds, groups, tuple(momenta.tolist())))

    def _count(self, step: int, left: int) -> tuple[int, bool]:
        """How many steps the next call is to do, of those left, and whether they go through XLA."""
        compiled = self.xla and step >= XLA_FROM_STEP
        count = min(self.pace.steps, left)
        return (min(count, XLA_FROM_STEP - step) if self.xla and not compiled else count), compiled

    def _epoch_done(self, losses: NDArray[np.float32], metrics: NDArray[np.float32]) -> None:
        step = (self.epochs + 1) * self.steps_per_epoch
        rate = float(self.rates[step - 1, -1])
        rows, size = self.training.rows, self.settings.batch_size
        batch_rows = np.minimum(size, rows - size * np.arange(self.steps_per_epoch))
        loss = float(losses.astype(np.float64) @ batch_rows) / rows
        metric = float(metrics.astype(np.float64).sum()) / rows * self.scale
        latest = self.loop.snapshot()
        if not latest.finite:
            raise Diverged("The weights became infinite", step, rate)
        val_loss, val_metric = self._validate(latest.penalty)
        if self.validation.rows and not np.isfinite(val_loss):
            raise Diverged("The validation loss became infinite", step, rate)
        self.last, self.last_masks = latest, self.loop.masks.values
        self.epochs += 1
        monitored = (loss, metric) if not self.validation.rows else (val_loss, val_metric)
        value = monitored[0] if self.settings.early_stopping.monitor == "val_loss" else monitored[1]
        best = self._counts() and self.best.take(self.epochs, value)
        if best:
            self.best_weights = latest.model
        self._record(loss, monitored[0])
        self.best.judge(*self._recorded())
        self._check_target((loss, val_loss, metric, val_metric))
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
                sparsity=self.loop.masks.sparsity,
            )
        )
        self._save_now_and_then()

    def _record(self, loss: ArrayLike, watched: ArrayLike) -> None:
        if self.settings.early_stopping.looks_back and self._counts():
            self.losses.append(np.array([loss, watched], np.float64))

    def _recorded(self) -> NDArray[np.float64]:
        """Loss and watched loss of every epoch, shape (2, epochs), or (2, epochs, members)."""
        return np.stack(self.losses, axis=1) if self.losses else np.empty((2, 0))

    def _check_target(self, figures: tuple[float, float, float, float]) -> None:
        """Take loss, validation loss, metric and validation metric of an epoch."""
        stopping = self.settings.early_stopping
        if not stopping.enabled or stopping.target == "none" or not self._counts():
            return
        value = dict(zip(("loss", "val_loss", "metric", "val_metric"), figures, strict=True))[stopping.target]
        of_metric = stopping.target.endswith("metric")
        if reaches(value, stopping.target_value, upwards=of_metric and self.upwards):
            part = "validation" if stopping.target.startswith("val_") else "training"
            name = metric_name(self.loop.task) if of_metric else "loss"
            self.reached = (
                f"Ended early: the target, a {part} {name} of {number(stopping.target_value)}, was reached with "
                f"{number(value)}."
            )

    def _save_now_and_then(self) -> None:
        if time.perf_counter() >= self.save_at:
            self._save()

    def _validate(self, penalty: float) -> tuple[float, float]:
        """Loss with penalties and metric on the validation rows; NaN when there are none."""
        watched: Feed = self.validation
        if not watched.rows:
            return float("nan"), float("nan")
        loss, metric = np.concatenate(list(self._evaluated(watched))).sum(axis=0) / watched.rows
        return float(loss) + penalty, float(metric) * self.scale

    def _evaluated(self, watched: Feed) -> Iterator[NDArray[np.float64]]:
        """The loop's sums over all batches, some batches at a time."""
        batches, done = -(-watched.rows // self.loop.evaluation_rows), 0
        while done < batches:
            if done and self.should_stop():
                raise Stopped
            part = watched.batches(done)
            count = min(self.evaluation_pace.steps, part.left)
            begun = self.seconds
            yield self.loop.evaluate(part.data, part.first, count)
            self._learn(self.evaluation_pace, ("evaluate", False, ()), count, self.seconds - begun)
            done += count

    def _learn(
        self, pace: Pace, kind: tuple[str, bool, tuple[bool, ...]], steps: int, seconds: float
    ) -> None:
        # The first call of a kind traces or compiles, so its time is not that of the next ones.
        if kind in self.traced:
            pace.took(steps, seconds)
        self.traced.add(kind)

    # --- states and endings ----------------------------------------------------------------------------------

    def _take_up(self, state: TrainingState) -> None:
        state.require_fit(self.loop.snapshot(), self.loop.masks.values)
        self.loop.restore(state.model, state.optimizer)
        self.best_weights = tuple(tf.constant(value) for value in state.best_weights)
        self.best.epoch, self.best.value, self.best.wait = state.best_epoch, state.best_value, state.wait
        self._take_up_course(state)
        self.best.judge(*self._recorded())

    def _take_up_course(self, state: TrainingState) -> None:
        self.epochs, self.spent, self.reached = state.epochs, state.seconds, state.reached
        self.losses = list(np.moveaxis(state.losses, 1, 0)) if state.losses.size else []
        self.loop.masks.put(state.masks)
        self.last_masks = self.loop.masks.values

    def _save(self) -> None:
        if self.on_state is None or not self.unsaved:
            return
        begun = time.perf_counter()
        self.on_state(self._state())
        self.unsaved = False
        now = time.perf_counter()
        self.save_at = now + max(STATE_SECONDS, 10 * (now - begun))

    def _state(self) -> TrainingState:
        best = self.best
        return TrainingState.of(
            *(self.last, self.best_weights, self.epochs, best.epoch, best.value, best.wait),
            losses=self._recorded(),
            seconds=self.spent + self.seconds,
            reached=self.reached,
            masks=self.last_masks,
        )

    def _leave_weights(self, reason: Ending) -> str:
        """Give the model its final weights, and return a sentence on which they are."""
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
        if self.reached:
            return self.reached
        # Without validation rows, the criterion looks at the training rows.
        part = "validation" if self.validation.rows else "training"
        if self.settings.early_stopping.criterion != "patience":
            return f"Ended early: {self.best.reason.replace('validation', part)}."
        watched = self.settings.early_stopping.monitor == "val_loss"
        name = "loss" if watched else metric_name(self.loop.task)
        return (
            f"Ended early: the {part} {name} has not improved for {patience(self.settings.early_stopping)}."
        )
