"""The range test as Smith drew it: the same loop with evenly rising rates, and a look at the accuracy now and then."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrapp.errors import Stopped
from lrapp.policies import linear_test
from lrapp.policies.linear_test import FigureCurve
from lrapp.policies.lr_range import RatesFound
from lrapp.runs.events import Event, SweepDone
from lrapp.settings import RangeTestSettings
from lrapp.training.blocks import feed
from lrapp.training.course import metric_name
from lrapp.training.loop import Loop
from lrapp.training.range_test import Throwaway

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared

# More rows say hardly more, and cost time fifty times in each test.
_MOST_ROWS = 8192


def run(
    loop: Loop,
    prepared: "Prepared",
    settings: RangeTestSettings,
    seed: int,
    *,
    on_event: Callable[[Event], None],
    should_stop: Callable[[], bool],
    factors: Sequence[float] = (1.0,),
) -> RatesFound:
    """Look for learning rates, and leave network and optimizer as they were.

    Each repetition starts from the initial weights of another seed, and draws its batches in another order. What is
    watched is the accuracy on the validation rows, where there are any, or their R2 for a number.

    Args:
        loop, prepared, settings, seed, on_event, should_stop, factors: As for ``range_test.run``.

    Raises:
        Stopped: If it was asked to stop.
        UserError: If the test's rates do not rise, or it is too short.
    """
    rows = len(prepared.train.y)
    sweep = settings.linear_sweep(-(-rows // loop.batch_size))
    rates = sweep.plan(sweep.total_steps)
    every = max(1, -(-len(rates) // linear_test.POINTS))
    throwaway = Throwaway(loop, prepared, factors, should_stop)
    watch = _Watch(loop, prepared, should_stop)
    curves = []
    before = loop.snapshot()
    try:
        for number in range(settings.seeds):
            loop.reset(seed + number)
            found: list[tuple[float, float]] = []
            new, done, finite = [(float(rates[0]), watch.figure())], 0, True
            for steps in throwaway.steps(rates, seed + number, every):
                first, done = done, done + len(steps.losses)
                finite = bool(np.isfinite(steps.losses[-1]))
                if finite and (done % every == 0 or done == len(rates)):
                    new.append((float(steps.learning_rates[-1]), watch.figure()))
                known = [one for one in new if np.isfinite(one[1])]
                found, new = found + known, []
                told = tuple(steps.losses.tolist()), tuple(steps.learning_rates.tolist())
                event = SweepDone(number, settings.seeds, len(rates), first, *told, tuple(known), watch.name)
                on_event(event)
            at, figures = np.array(found, np.float64).reshape(-1, 2).T
            curves.append(FigureCurve(at, figures, diverged=not finite))
    finally:
        loop.restore(before.model, before.optimizer)
    advice = linear_test.advise(curves, watch.name, watch.rows, watch.trivial)
    on_event(advice)
    return advice


class _Watch:
    """Measures accuracy or R2; arguments as for ``run``."""

    def __init__(self, loop: Loop, prepared: "Prepared", should_stop: Callable[[], bool]) -> None:
        part, of = prepared.validation, "validation"
        if not len(part.y):
            part, of = prepared.train, "training"
        # Rows from everywhere, no more than need be measured.
        kept = np.linspace(0, len(part.y) - 1, min(_MOST_ROWS, len(part.y))).astype(np.int64)
        self._loop, self._should_stop = loop, should_stop
        self._feed = feed(loop, part, prepared.block_rows, kept)
        self.rows, y = len(kept), part.y[kept]
        self._spread = float(np.var(y)) if prepared.task == "regression" else 0.0
        loop.units.take(prepared.logarithm)
        self._regression = prepared.task == "regression"
        self.trivial = _trivial(y, self._regression, prepared.train.weight is not None)
        self.name = f"{of} {'R2' if self._regression else metric_name(prepared.task)}"

    def figure(self) -> float:
        """Return the figure of the network as it is, not finite where its answers are not."""
        total = np.zeros(2)
        for batch in range(-(-self.rows // self._loop.evaluation_rows)):
            if self._should_stop():
                raise Stopped
            part = self._feed.batches(batch)
            total += self._loop.evaluate(part.data, part.first, 1)[0]
        loss, metric = total / self.rows
        if not self._regression:
            return float(metric) if np.isfinite(loss) else float("nan")
        return float(1 - loss / self._spread) if self._spread else float("nan")


def _trivial(y: NDArray[Any], regression: bool, balanced: bool) -> float:
    """What one and the same answer reaches, where learning is drawn to that."""
    if regression:
        return 0.0
    if balanced:  # no class draws more than the others
        return linear_test.LEAST_FIGURE
    return float(np.unique(y, return_counts=True)[1].max() / len(y))
