"""The range test: the same loop with rising rates on a throwaway network, and what that suggests."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lrapp.errors import Stopped
from lrapp.policies import lr_range
from lrapp.policies.lr_range import Advice, LossCurve, RatesFound, Room
from lrapp.runs.events import Event, SweepDone
from lrapp.settings import RangeTestSettings
from lrapp.training.loop import MOST_STEPS, Loop, shuffled

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
    when its loss is not finite or its running mean passes four times its least.

    Smith 2017, arXiv 1506.01186, section 3.3.

    Args:
        loop: The run's network, optimizer and batch size; put back afterwards.
        prepared: The run's data; training rows are used.
        settings: Rates, steps and seeds of the test.
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
    rates = settings.sweep().plan(settings.steps).astype(np.float32)
    before = loop.snapshot()
    try:
        curves = [
            _repetition(
                loop, prepared, rates, factors, seed + number, number, settings.seeds, on_event, should_stop
            )
            for number in range(settings.seeds)
        ]
    finally:
        loop.restore(before.model, before.optimizer)
    advice = lr_range.advise(curves, _room(settings, len(prepared.train.y), loop.batch_size))
    on_event(told(advice))
    return advice


def _room(settings: RangeTestSettings, rows: int, batch_size: int) -> Room:
    """What could still be changed if no rate is found."""
    fields = RangeTestSettings.model_fields
    highest = next(rule.le for rule in fields["end_lr"].metadata if hasattr(rule, "le"))
    lowest = next(rule.ge for rule in fields["start_lr"].metadata if hasattr(rule, "ge"))
    return Room(
        higher=settings.end_lr < highest,
        lower=settings.start_lr >= 100 * lowest,
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
    )


def _repetition(
    loop: Loop,
    prepared: "Prepared",
    rates: np.ndarray,
    factors: Sequence[float],
    seed: int,
    number: int,
    seeds: int,
    on_event: Callable[[Event], None],
    should_stop: Callable[[], bool],
) -> LossCurve:
    loop.reset(seed)
    data = loop.load(prepared.train)
    steps_per_epoch = -(-data.rows // loop.batch_size)
    losses: list[float] = []
    watch = lr_range.Watch()
    groups = rates[:, None] * np.asarray(factors, np.float32)
    fitting, traced = 1, False
    while len(losses) < len(rates):
        if should_stop():
            raise Stopped
        first = len(losses)
        epoch, done = divmod(first, steps_per_epoch)
        count = min(fitting, len(rates) - first, steps_per_epoch - done)
        begun = time.perf_counter()
        steps = loop.run(data, shuffled(data.rows, seed, epoch), done, groups[first : first + count])
        exploded = watch.exploded(steps.losses)
        kept = steps.losses[:exploded].tolist()
        losses.extend(kept)
        on_event(
            SweepDone(
                number,
                seeds,
                len(rates),
                first,
                tuple(kept),
                tuple(steps.learning_rates[: len(kept)].tolist()),
            )
        )
        if exploded is not None:
            return lr_range.curve(rates[: len(losses)], losses, len(rates))
        seconds = (time.perf_counter() - begun) / count
        # The first call traces, so its time is not that of the next ones.
        fitting = int(np.clip(_CHUNK_SECONDS / max(seconds, 1e-9), 1, MOST_STEPS)) if traced else fitting
        traced = True
    return lr_range.curve(rates, losses, len(rates))
