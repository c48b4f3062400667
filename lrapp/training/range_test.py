"""The range test: the same loop with rising rates on a throwaway network, and what that suggests."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from lrapp.errors import Stopped
from lrapp.phrasing import number as decimals
from lrapp.policies import loss_curve, lr_range, trials
from lrapp.policies.loss_curve import LossCurve
from lrapp.policies.lr_range import Advice, RatesFound
from lrapp.policies.refusals import Room
from lrapp.policies.schedules import FloatArray
from lrapp.runs.events import Event, Preparing, SweepDone, UntrainedDone
from lrapp.settings import RangeTestSettings
from lrapp.settings.base import bound
from lrapp.training.blocks import feed
from lrapp.training.loop import MOST_STEPS, Loop
from lrapp.training.records import Steps

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared

# As in training: long enough that calls cost nothing, short enough that Stop is prompt.
_CHUNK_SECONDS = 0.25


def run(
    loop: Loop,
    prepared: "Prepared",
    settings: RangeTestSettings,
    seed: int,
    *,
    on_event: Callable[[Event], None],
    should_stop: Callable[[], bool],
    factors: Sequence[float] = (1.0,),
) -> Advice:
    """Look for learning rates, and leave network and optimizer as they were.

    Each repetition starts from the initial weights of another seed and draws its batches in another order; it ends
    when its loss is not finite or its running mean passes four times its least. Where the curves are too noisy to
    show a fall, the same batches are measured without training, so that what makes one batch dearer than another can
    be taken off. The range that follows is tried before it is suggested, and narrowed where it does not hold.

    Smith 2017, arXiv 1506.01186, section 3.3.

    Args:
        loop: The run's network, optimizer and batch size; put back afterwards.
        seed: Seed of the first repetition; the others follow it.
        on_event: Told of every chunk of steps, and at last of what was found.
        should_stop: Asked several times a second.
        factors: What each group of layers multiplies the rate with; one for all, or early, middle and head.

    Returns:
        Suggestions and a range, or why there are none.

    Raises:
        Stopped: If it was asked to stop.
        UserError: If the test's rates do not rise.
    """
    rates = settings.sweep().plan(settings.steps)
    throwaway = Throwaway(loop, prepared, factors, should_stop)
    room = _room(settings, len(prepared.train.y), loop.batch_size)
    seeds = [seed + number for number in range(settings.seeds)]
    before = loop.snapshot()
    try:
        seen = [_Seen(_sweep(throwaway, rates, seeds, number, on_event)) for number in range(len(seeds))]
        in_curves = throwaway.taken

        def measure(number: int) -> None:
            seen[number].untrained = _untrained(throwaway, len(rates), seeds, number, on_event)

        advice = lr_range.advise([one.curve(rates) for one in seen], room)
        if advice.refusal == "flat":
            for number in range(len(seeds)):
                measure(number)
            advice = lr_range.advise([one.curve(rates) for one in seen], room)
        if advice.max_lr is not None:
            advice = _tried(throwaway, advice, rates, seen, seeds, measure, on_event)
        advice = replace(advice, more_steps=throwaway.taken - in_curves)
    finally:
        loop.restore(before.model, before.optimizer)
    on_event(told(advice))
    return advice


@dataclass
class Throwaway:
    """A network that is trained from fresh weights again and again; arguments as for ``run``.

    ``taken`` counts its steps.
    """

    loop: Loop
    prepared: "Prepared"
    factors: Sequence[float]
    should_stop: Callable[[], bool]
    taken: int = 0

    def steps(self, rates: FloatArray, seed: int, every: int = MOST_STEPS) -> Iterator[Steps]:
        """Train from the initial weights of a seed, at a rate for each step, and yield some steps after the others.

        Each time when so many steps as ``every`` says are done, some end.
        """
        loop = self.loop
        loop.reset(seed)
        data = feed(loop, self.prepared.train, self.prepared.block_rows)
        per_epoch = -(-data.rows // loop.batch_size)
        groups = np.asarray(rates, np.float32)[:, None] * np.asarray(self.factors, np.float32)
        # As in training, what stands still for good has no gradient, and keeps its averages.
        frozen = tuple(factor == 0 for factor in self.factors) if any(self.factors) else ()
        fitting, traced, first = 1, False, 0
        while first < len(groups):
            if self.should_stop():
                raise Stopped
            epoch, done = divmod(first, per_epoch)
            begun = time.perf_counter()
            part = data.steps(seed, epoch, done)
            count = min(fitting, len(groups) - first, part.left, every - first % every)
            steps = loop.run(part.data, part.order, part.first, groups[first : first + count], frozen=frozen)
            self.taken += len(steps.losses)
            yield steps
            if len(steps.losses) < count:  # the last of them is not finite
                return
            seconds = (time.perf_counter() - begun) / count
            # The first call traces, so its time is not that of the next ones.
            fitting = int(np.clip(_CHUNK_SECONDS / max(seconds, 1e-9), 1, MOST_STEPS)) if traced else fitting
            traced, first = True, first + count


@dataclass
class _Seen:
    """The losses of one seed while the rate rose, and what the same batches cost untrained, where that was measured."""

    losses: list[float]
    untrained: list[float] = field(default_factory=list)

    def curve(self, rates: FloatArray) -> LossCurve:
        """The rates are those that the loop had, which the history shows."""
        used = rates.astype(np.float32).astype(np.float64)[: len(self.losses)]
        return loss_curve.curve(used, self.losses, len(rates), self.untrained)


def _sweep(
    throwaway: Throwaway,
    rates: FloatArray,
    seeds: Sequence[int],
    number: int,
    on_event: Callable[[Event], None],
) -> list[float]:
    """The losses of one seed while the rate rises, up to where they explode."""
    losses: list[float] = []
    watch = lr_range.Watch()
    for steps in throwaway.steps(rates, seeds[number]):
        exploded = watch.exploded(steps.losses)
        kept = tuple(steps.losses[:exploded].tolist())
        used = tuple(steps.learning_rates[: len(kept)].tolist())
        on_event(SweepDone(number, len(seeds), len(rates), len(losses), kept, used))
        losses.extend(kept)
        if exploded is not None:
            break
    return losses


def _untrained(
    throwaway: Throwaway, count: int, seeds: Sequence[int], number: int, on_event: Callable[[Event], None]
) -> list[float]:
    """What the same batches cost the untrained network: the same steps, at a rate of zero."""
    losses: list[float] = []
    for steps in throwaway.steps(np.zeros(count), seeds[number]):
        on_event(UntrainedDone(number, len(losses), tuple(steps.losses.tolist())))
        losses.extend(steps.losses.tolist())
    return losses


def _tried(
    throwaway: Throwaway,
    advice: Advice,
    rates: FloatArray,
    seen: Sequence[_Seen],
    seeds: Sequence[int],
    measure: Callable[[int], None],
    on_event: Callable[[Event], None],
) -> Advice:
    """Try the range with every seed, and narrow it until it holds."""
    tried: list[tuple[float, float, bool]] = []
    while True:
        assert advice.base_lr is not None
        assert advice.max_lr is not None
        course = trials.rates(advice.base_lr, advice.max_lr, len(rates))
        held = True
        for number, (seed, one) in enumerate(zip(seeds, seen, strict=True)):
            on_event(Preparing(f"Trying the range up to {decimals(advice.max_lr, 2)}", number / len(seeds)))
            losses = [loss for some in throwaway.steps(course, seed) for loss in some.losses.tolist()]
            held = trials.held(losses, one.curve(rates), one.untrained)
            if not held and not one.untrained:
                # Before a range is given up, it is made sure that it was not the batches.
                measure(number)
                held = trials.held(losses, one.curve(rates), one.untrained)
            if not held:
                break
        tried.append((advice.base_lr, advice.max_lr, held))
        if held or len(tried) == trials.MOST_TRIALS:
            return trials.settled(advice, tried, len(rates))
        advice = trials.narrowed(advice)


def _room(settings: RangeTestSettings, rows: int, batch_size: int) -> Room:
    """What could still be changed if no rate is found."""
    return Room(
        higher=settings.end_lr < bound(RangeTestSettings, "end_lr", "le"),
        lower=settings.start_lr >= 100 * bound(RangeTestSettings, "start_lr", "ge"),
        larger_batch=batch_size < rows,
        rows=rows,
        passes=settings.steps / -(-rows // batch_size),
    )


def told(advice: Advice) -> RatesFound:
    """Return advice as a run's event."""
    return RatesFound(
        sentence=advice.sentence,
        base_lr=advice.base_lr,
        max_lr=advice.max_lr,
        minimum=advice.minimum,
        suggestions=tuple((one.name, one.learning_rate, one.low, one.high) for one in advice.suggestions),
        refusal=advice.refusal,
        tried=advice.tried,
        more_steps=advice.more_steps,
    )
