"""The course of a run of many networks: each has its own best epoch, patience and end.

A member whose numbers become infinite is left out, and the others go on. A member whose patience has ended goes on too,
as it costs nothing beside the others, but what it does counts no more: its weights are those of its best epoch, or,
where the best are not kept, those of its own end.
"""

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrapp.phrasing import counted
from lrapp.runs.events import Ending, EpochDone
from lrapp.training import fold_rows
from lrapp.training.blocks import Blocks, Feed, Whole, taken
from lrapp.training.checkpoints import MemberState, TrainingState
from lrapp.training.course import Best, Course, Diverged
from lrapp.training.members_loop import MembersLoop, MemberSnapshot
from lrapp.training.records import Steps
from lrapp.training.stopping import patience

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared

Figures = NDArray[np.float64]


class MembersCourse(Course):
    """A run of many networks; arguments as for ``trainer.train``."""

    loop: MembersLoop
    latest: MemberSnapshot

    @cached_property
    def bests(self) -> list[Best]:
        """Which epoch was best, for each network."""
        return [replace(self.best) for _ in range(self.loop.members)]

    def _load(self, prepared: "Prepared") -> tuple[Feed, Feed]:
        self.crossed = prepared.folds is not None
        if not self.crossed:
            return super()._load(prepared)
        weights, counts = fold_rows.learned(prepared)
        watched = fold_rows.watched(prepared)
        # What balances the classes is in the weights already.
        part, loop = replace(prepared.train, weight=None), self.loop
        rows, block_rows = len(part.y), prepared.block_rows
        if not 0 < block_rows < rows:
            data = loop.load(part, weights, counts)
            return Whole(loop, data), Whole(loop, loop.reweighted(data, watched, watched))
        return (
            Blocks(loop, rows, block_rows, lambda at: loop.load(taken(part, at), weights[at], counts[at])),
            Blocks(loop, rows, block_rows, lambda at: loop.load(taken(part, at), watched[at], watched[at])),
        )

    def _begin(self) -> None:
        self.latest = self.loop.snapshot_members()
        if not self.best_weights:
            self.best_weights = self.latest.model

    @property
    def _criterion_met(self) -> bool:
        running = self.loop.running
        return all(best.ended for best, runs in zip(self.bests, running, strict=True) if runs)

    def _steps_done(self, step: int, steps: Steps) -> None:
        self._leave_out(np.isfinite(steps.losses[-1]), "The loss", step + len(steps.losses))
        shown = steps.losses[:, self.loop.running].mean(axis=1, dtype=np.float64)
        member = self._reference
        rates = steps.group_rates[:, member] / self.loop.factors[member]
        self._say(step, shown, rates, steps.momenta)

    @property
    def _reference(self) -> int:
        """The member whose rates are nearest to the plan's."""
        return int(np.abs(np.log(self.loop.factors)).argmin())

    def _leave_out(self, finite: NDArray[np.bool_], what: str, step: int) -> None:
        """Leave out members whose numbers are infinite; the run ends when none is left."""
        running = self.loop.running & finite
        if not running.any():
            rate = float(self.rates[min(step, len(self.rates)) - 1, -1] * self.loop.factors.min())
            raise Diverged(f"{what} of every network became infinite", step, rate)
        if (running != self.loop.running).any():
            self.loop.running = running

    def _epoch_done(self, losses: NDArray[np.float32], metrics: NDArray[np.float32]) -> None:
        step = (self.epochs + 1) * self.steps_per_epoch
        rows, size = self.training.rows, self.settings.batch_size
        batch_rows = np.minimum(size, rows - size * np.arange(self.steps_per_epoch))
        loss = batch_rows @ losses.astype(np.float64) / rows
        metric = metrics.astype(np.float64).sum(axis=0) / rows * self.scale
        latest = self.loop.snapshot_members()
        self._leave_out(latest.finite, "The weights", step)
        val_loss, val_metric = self._validate_members(latest.penalty)
        if self.validation.rows:
            self._leave_out(np.isfinite(val_loss[:-1]), "The validation loss", step)
        self.latest, self.last_masks = latest, self.loop.masks.values
        self.epochs += 1
        running = self.loop.running
        watched = val_loss[:-1], val_metric[:-1]
        if not self.validation.rows:
            watched = loss, metric
        values = watched[0] if self.settings.early_stopping.monitor == "val_loss" else watched[1]
        keeps_best = self.settings.early_stopping.restore_best
        kept = np.zeros(self.loop.members, np.bool_)
        for member, best in enumerate(self.bests):
            if running[member] and not best.ended:
                better = self._counts() and best.take(self.epochs, float(values[member]))
                kept[member] = better or not keeps_best
        if kept.any():
            self.best_weights = self.loop.merged(kept, latest.model, self.best_weights)
        self._record(loss, watched[0])
        self._judge()
        self.unsaved = True
        done = self._event(step, (loss, val_loss, metric, val_metric), values[running].mean())
        self._check_target((done.loss, done.val_loss, done.metric, done.val_metric))
        self.on_event(done)
        self._save_now_and_then()

    def _judge(self) -> None:
        """Let each network's criterion look at its own losses."""
        recorded = self._recorded()
        for member, best in enumerate(self.bests):
            if self.loop.running[member]:
                best.judge(*(recorded[..., member] if recorded.ndim > 2 else recorded))

    def _event(self, step: int, figures: tuple[Figures, ...], value: float) -> EpochDone:
        """The event of an epoch: the means over the members that count, and each of them."""
        running = self.loop.running
        each = [np.where(running, figure[: self.loop.members], np.nan) for figure in figures]
        loss, val_loss, metric, val_metric = (float(figure[running].mean()) for figure in each)
        # With folds, most networks have seen most of the rows: their mean would flatter.
        told = self.validation.rows and not self.crossed
        ensemble = (float(figures[1][-1]), float(figures[3][-1])) if told else ()
        return EpochDone(
            epoch=self.epochs,
            step=step,
            loss=loss,
            val_loss=val_loss,
            metric=metric,
            val_metric=val_metric,
            learning_rate=float(self.rates[step - 1, -1]),
            seconds=self.seconds,
            best=self._counts() and self.best.take(self.epochs, float(value)),
            loss_scale=self.loop.loss_scale,
            members=tuple(tuple(figure.tolist()) for figure in each),
            ensemble=ensemble,
            sparsity=self.loop.masks.sparsity,
        )

    def _validate_members(self, penalty: Figures) -> tuple[Figures, Figures]:
        """Loss and metric of each member and of their mean on the validation rows, shape (members + 1,) each."""
        members, data = self.loop.members, self.validation
        if not data.rows:
            return np.full(members + 1, np.nan), np.full(members + 1, np.nan)
        sums = np.concatenate(list(self._evaluated(data))).sum(axis=0) / data.rows
        # The mean of answers has no weights of its own; it is shown beside the members', with their penalties' mean.
        penalties = np.append(penalty, penalty[self.loop.running].mean())
        return sums[:, 0] + penalties, sums[:, 1] * self.scale

    # --- states and endings ----------------------------------------------------------------------------------

    def _take_up(self, state: TrainingState) -> None:
        state.require_fit(self.loop.snapshot_members(), self.loop.masks.values)
        self.loop.restore(state.model, state.optimizer)
        self.best_weights = tuple(tf.constant(value) for value in state.best_weights)
        self.best.epoch, self.best.value, self.best.wait = state.best_epoch, state.best_value, state.wait
        for best, member in zip(self.bests, state.members, strict=True):
            best.epoch, best.value, best.wait = member.best_epoch, member.best_value, member.wait
        self.loop.running = np.array([member.running for member in state.members])
        self._take_up_course(state)
        self._judge()

    def _state(self) -> TrainingState:
        members = tuple(
            MemberState(best.epoch, best.value, best.wait, bool(runs))
            for best, runs in zip(self.bests, self.loop.running, strict=True)
        )
        best = self.best
        return TrainingState.of(
            *(self.latest, self.best_weights, self.epochs, best.epoch, best.value, best.wait, members),
            losses=self._recorded(),
            seconds=self.spent + self.seconds,
            reached=self.reached,
            masks=self.last_masks,
        )

    def _leave_weights(self, reason: Ending) -> str:
        """Give every network its final weights, and return a sentence on which they are."""
        running, members = self.loop.running, self.loop.members
        stopping = self.settings.early_stopping
        if stopping.restore_best:
            kept_before = np.array([best.epoch is not None for best in self.bests])
        else:  # those whose own end came before the run's
            kept_before = np.array([best.ended for best in self.bests])
        now = self.loop.snapshot_members()
        usable = now.finite & (reason != "diverged")
        final = self.loop.merged(usable, now.model, self.latest.model)
        if kept_before.any():
            final = self.loop.merged(kept_before, self.best_weights, final)
        self.loop.restore(final)
        kept = ""
        epochs = [epoch for epoch, runs in zip(self._best_epochs, running, strict=True) if runs and epoch]
        if epochs and (stopping.restore_best or min(epochs) < max(epochs)):
            first, last = min(epochs), max(epochs)
            own = "its own best epoch" if stopping.restore_best else "the epoch at which it ended"
            which = f"epoch {first:,}" if first == last else f"{own}, {first:,} to {last:,}"
            kept = f" Each network keeps the weights of {which}."
        out = members - int(running.sum())
        if out and running.any():
            lost = counted(out, "network was", "networks were")
            kept += f" {lost} left out: the loss became infinite."
        return kept

    @property
    def _best_epochs(self) -> tuple[int, ...]:
        if self.settings.early_stopping.restore_best:
            return tuple(best.epoch or 0 for best in self.bests)
        # After its end, a member's figures are not taken any more.
        return tuple((best.epoch or 0) + best.wait if best.ended else self.epochs for best in self.bests)

    def _sentence(self, reason: Ending) -> str:
        stopping = self.settings.early_stopping
        if reason != "early_stopping" or self.reached:
            return super()._sentence(reason)
        if stopping.criterion != "patience":
            return f"Ended early: every network has met the criterion {stopping.criterion}."
        return f"Ended early: no network has improved for {patience(stopping)}."
