"""Learning-rate policies: pure functions from step numbers to learning rates.

A step is one update of the weights by one batch; the first step of a run is number 0. Each policy is a frozen
dataclass whose ``plan`` gives the learning rate of any steps, so the page can draw it before anything trains,
and the loop that trains needs no knowledge of policies at all.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrapp.errors import UserError
from lrapp.phrasing import number

FloatArray = NDArray[np.float64]
CLRMode = Literal["triangular", "triangular2", "exp_range"]


def _require(holds: bool, rule: str, received: object) -> None:
    if not holds:
        raise UserError(f"{rule} Received: {received}.")


def _require_bounds(base_lr: float, max_lr: float) -> None:
    _require_rate("base_lr", base_lr)
    _require_rate("max_lr", max_lr)
    _require(
        max_lr >= base_lr,
        "max_lr must be at least base_lr; raise max_lr or lower base_lr.",
        f"base_lr {number(base_lr, 6)}, max_lr {number(max_lr, 6)}",
    )


def _require_rate(name: str, value: float) -> None:
    _require(bool(np.isfinite(value)) and value >= 0, f"{name} must be zero or a positive number.", value)


class Policy(ABC):
    """A learning rate for every step."""

    def plan(self, steps: int | ArrayLike) -> FloatArray:
        """Return the learning rates of the given steps.

        Args:
            steps: Step numbers, counted from 0, in any shape; or a whole number ``n`` for steps 0 to n - 1.

        Returns:
            Learning rates, float64, in the shape of ``steps`` (or ``(n,)``).

        Raises:
            UserError: If a step number is negative.
        """
        if isinstance(steps, (int, np.integer)):
            _require(bool(steps >= 0), "Step numbers start at 0.", steps)
            return self._rates(np.arange(steps, dtype=np.float64))
        numbers = np.asarray(steps)
        if numbers.size:
            _require(bool(numbers.min() >= 0), "Step numbers start at 0.", numbers.min())
        return self._rates(numbers.astype(np.float64))

    @property
    @abstractmethod
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest rate that it moves between, apart from a warm-up."""

    def heights(self, steps: int | ArrayLike) -> FloatArray:
        """Return where the rate of the given steps stands: 0 at its lower bound and below, 1 at its upper.

        Args:
            steps: As for ``plan``.
        """
        numbers = np.arange(steps) if isinstance(steps, (int, np.integer)) else np.asarray(steps)
        return self._heights(numbers.astype(np.float64))

    def _heights(self, step: FloatArray) -> FloatArray:
        return self._height_of(self._rates(step))

    def _height_of(self, rates: FloatArray) -> FloatArray:
        low, high = self.bounds
        return np.clip((rates - low) / (high - low), 0.0, 1.0) if high > low else np.zeros_like(rates)

    def cycle_ends(self, steps: int) -> FloatArray:
        """Return after how many steps a cycle has ended, for each that ends within so many steps, in order."""
        ends = self._cycle_ends(float(steps))
        return ends[ends <= steps]

    def _cycle_ends(self, steps: float) -> FloatArray:
        """Ends of cycles up to that step at least; none where the rate has no cycles."""
        return np.empty(0)

    @abstractmethod
    def _rates(self, step: FloatArray) -> FloatArray:
        """Learning rates of steps that are known to be valid."""


@dataclass(frozen=True)
class Fixed(Policy):
    """The same learning rate in every step.

    Args:
        learning_rate: The rate, zero or more.
    """

    learning_rate: float

    def __post_init__(self) -> None:
        _require_rate("The learning rate", self.learning_rate)

    @property
    def bounds(self) -> tuple[float, float]:
        return self.learning_rate, self.learning_rate

    def _rates(self, step: FloatArray) -> FloatArray:
        return np.full(step.shape, self.learning_rate)


@dataclass(frozen=True)
class CLR(Policy):
    """Cyclical learning rates: a straight line up from base_lr to max_lr and down again, over and over.

    With ``x = |step / step_size - 2 * cycle + 1|`` and ``cycle = floor(1 + step / (2 * step_size))`` the rate is
    ``base_lr + (max_lr - base_lr) * max(0, 1 - x) * scale``, where scale is 1 (triangular), halves with every
    cycle (triangular2), or is ``gamma ** step`` (exp_range).

    Smith, "Cyclical Learning Rates for Training Neural Networks", 2017, arXiv 1506.01186.

    Args:
        base_lr: The lower bound, zero or more.
        max_lr: The upper bound, at least base_lr.
        step_size: Steps in half a cycle, at least 1. The paper recommends 2 to 10 epochs' worth.
        mode: How the upper bound moves from cycle to cycle.
        gamma: Factor per step for exp_range, above 0 and at most 1.

    Example:
        ``CLR(base_lr=1, max_lr=5, step_size=4).plan(9)`` is ``[1, 2, 3, 4, 5, 4, 3, 2, 1]``.
    """

    base_lr: float
    max_lr: float
    step_size: float
    mode: CLRMode = "triangular"
    gamma: float = 0.9999

    def __post_init__(self) -> None:
        _require_bounds(self.base_lr, self.max_lr)
        _require(
            bool(np.isfinite(self.step_size)) and self.step_size >= 1,
            "Step size must be at least 1 step.",
            number(self.step_size, 6),
        )
        _require(0 < self.gamma <= 1, "gamma must be above 0 and at most 1.", self.gamma)
        _require(
            self.mode in ("triangular", "triangular2", "exp_range"),
            "The CLR mode must be triangular, triangular2 or exp_range.",
            self.mode,
        )

    @property
    def bounds(self) -> tuple[float, float]:
        return self.base_lr, self.max_lr

    def _rates(self, step: FloatArray) -> FloatArray:
        cycle = np.floor(1 + step / (2 * self.step_size))
        x = np.abs(step / self.step_size - 2 * cycle + 1)
        if self.mode == "triangular":
            scale = np.ones_like(step)
        elif self.mode == "triangular2":
            scale = 0.5 ** (cycle - 1)
        else:
            scale = self.gamma**step
        return self.base_lr + (self.max_lr - self.base_lr) * np.maximum(0.0, 1 - x) * scale

    def _cycle_ends(self, steps: float) -> FloatArray:
        return 2 * self.step_size * np.arange(1, int(steps // (2 * self.step_size)) + 1, dtype=np.float64)


@dataclass(frozen=True)
class SGDR(Policy):
    """Warm restarts: a half cosine from max_lr down to min_lr, then at once up again, in cycles that may grow.

    In cycle i, which lasts ``T_i = T_0 * T_mult ** i`` steps, the rate is
    ``min_lr + (max_lr - min_lr) * decay ** i * (1 + cos(pi * T_cur / T_i)) / 2``.

    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017, arXiv 1608.03983.

    Args:
        max_lr: The rate right after a restart, at least min_lr.
        min_lr: The rate at the end of a cycle, zero or more.
        T_0: Steps in the first cycle, at least 1.
        T_mult: Each cycle is this many times as long as the one before, at least 1.
        decay: Each peak stands this much of the one before above min_lr, above 0 and at most 1.
    """

    max_lr: float
    T_0: float
    min_lr: float = 0.0
    T_mult: float = 1.0
    decay: float = 1.0

    def __post_init__(self) -> None:
        _require_rate("max_lr", self.max_lr)
        _require_rate("min_lr", self.min_lr)
        _require(
            self.max_lr >= self.min_lr,
            "max_lr must be at least min_lr; raise max_lr or lower min_lr.",
            f"min_lr {number(self.min_lr, 6)}, max_lr {number(self.max_lr, 6)}",
        )
        _require(
            bool(np.isfinite(self.T_0)) and self.T_0 >= 1,
            "The first cycle (T_0) must be at least 1 step.",
            number(self.T_0, 6),
        )
        _require(
            bool(np.isfinite(self.T_mult)) and self.T_mult >= 1,
            "The cycle multiplier (T_mult) must be at least 1.",
            number(self.T_mult, 6),
        )
        _require(0 < self.decay <= 1, "The peak decay must be above 0 and at most 1.", self.decay)

    @property
    def bounds(self) -> tuple[float, float]:
        return self.min_lr, self.max_lr

    def _rates(self, step: FloatArray) -> FloatArray:
        starts = self._cycle_starts(float(step.max()) if step.size else 0.0)
        # Looked up among the summed starts, because the closed form with logarithms lands in the wrong cycle
        # when rounding moves a restart by one step.
        cycle = np.searchsorted(starts, step, side="right") - 1
        length = self.T_0 * self.T_mult**cycle
        done = np.clip((step - starts[cycle]) / length, 0.0, 1.0)
        peak = (self.max_lr - self.min_lr) * self.decay**cycle
        return self.min_lr + peak * (1 + np.cos(np.pi * done)) / 2

    def _cycle_ends(self, steps: float) -> FloatArray:
        return self._cycle_starts(steps)[1:]

    def _cycle_starts(self, last_step: float) -> FloatArray:
        if self.T_mult == 1.0:
            return self.T_0 * np.arange(int(last_step // self.T_0) + 2, dtype=np.float64)
        starts = [0.0]
        while starts[-1] <= last_step:
            starts.append(starts[-1] + self.T_0 * self.T_mult ** (len(starts) - 1))
        return np.array(starts)


@dataclass(frozen=True)
class OneCycle(Policy):
    """One cosine rise to max_lr and one longer cosine fall far below the start, over the whole run.

    Smith and Topin, "Super-Convergence", 2018, arXiv 1708.07120; cosine halves as fastai draws them.

    Args:
        max_lr: The peak, zero or more.
        total_steps: Steps in the cycle, at least 2; later steps keep the last rate.
        rise: Share of the steps spent rising, above 0 and below 1.
        start_div: The first rate is max_lr divided by this, at least 1.
        end_div: The last rate is max_lr divided by this, at least 1.
    """

    max_lr: float
    total_steps: float
    rise: float = 0.25
    start_div: float = 25.0
    end_div: float = 1e5

    def __post_init__(self) -> None:
        _require_rate("max_lr", self.max_lr)
        _require(
            bool(np.isfinite(self.total_steps)) and self.total_steps >= 2,
            "One-cycle needs a run of at least 2 steps; add epochs or make the batch smaller.",
            number(self.total_steps, 6),
        )
        _require(0 < self.rise < 1, "The rising share must lie between 0 and 1.", self.rise)
        _require(self.start_div >= 1, "The start divisor must be at least 1.", self.start_div)
        _require(self.end_div >= 1, "The end divisor must be at least 1.", self.end_div)

    @property
    def bounds(self) -> tuple[float, float]:
        return self.max_lr / max(self.start_div, self.end_div), self.max_lr

    def _rates(self, step: FloatArray) -> FloatArray:
        last = self.total_steps - 1
        top = self.rise * last
        up = _cosine(self.max_lr / self.start_div, self.max_lr, step / top)
        down = _cosine(self.max_lr, self.max_lr / self.end_div, (step - top) / (last - top))
        return np.where(step <= top, up, down)

    def _heights(self, step: FloatArray) -> FloatArray:
        # Down only where the run ends, though the rate has passed its first one before; as in fastai and PyTorch.
        last = self.total_steps - 1
        top = self.rise * last
        fall = _cosine(1.0, 0.0, (step - top) / (last - top))
        return np.where(step <= top, _cosine(0.0, 1.0, step / top), fall)

    def _height_of(self, rates: FloatArray) -> FloatArray:
        return np.zeros_like(rates)  # a warm-up ends where the cycle begins

    def _cycle_ends(self, steps: float) -> FloatArray:
        return np.array([self.total_steps])


@dataclass(frozen=True)
class CosLog4(Policy):
    """Four cosine cycles over the whole run, each twice as long as the one before.

    At the share ``t = step / total_steps`` of the run the rate is
    ``base_lr + (max_lr - base_lr) * (1 - cos(2 * pi * log2(1 + 15 * t))) / 2``: it starts at base_lr, and comes down
    to it again at 1/15, 3/15 and 7/15 of the run and at its end.

    Holzmüller, Grinsztajn and Steinwart, "Better by Default" (RealMLP), 2024, arXiv 2407.04491.

    Args:
        max_lr: The peak of each cycle, at least base_lr.
        total_steps: Steps in the run, at least 1; later steps stay at base_lr.
        base_lr: The rate between two cycles, zero or more.
    """

    max_lr: float
    total_steps: float
    base_lr: float = 0.0

    def __post_init__(self) -> None:
        _require_bounds(self.base_lr, self.max_lr)
        _require(
            bool(np.isfinite(self.total_steps)) and self.total_steps >= 1,
            "The coslog4 policy needs a run of at least 1 step.",
            number(self.total_steps, 6),
        )

    @property
    def bounds(self) -> tuple[float, float]:
        return self.base_lr, self.max_lr

    def _rates(self, step: FloatArray) -> FloatArray:
        share = np.minimum(step / self.total_steps, 1.0)
        height = (1 - np.cos(2 * np.pi * np.log2(1 + 15 * share))) / 2
        return self.base_lr + (self.max_lr - self.base_lr) * height

    def _cycle_ends(self, steps: float) -> FloatArray:
        return self.total_steps * np.array([1.0, 3.0, 7.0, 15.0]) / 15


@dataclass(frozen=True)
class RangeSweep(Policy):
    """A range test: the rate grows by the same factor in every step.

    Smith 2017, arXiv 1506.01186, section 3.3; geometric as in fastai.

    Args:
        start_lr: The first rate, above 0.
        end_lr: The last rate, above start_lr.
        total_steps: Steps from the first to the last, at least 2; later steps keep the last rate.
    """

    start_lr: float
    end_lr: float
    total_steps: int

    def __post_init__(self) -> None:
        _require_rate("The test's first rate", self.start_lr)
        _require_rate("The test's last rate", self.end_lr)
        _require(
            0 < self.start_lr < self.end_lr,
            "A range test must start above 0 and end above where it starts; lower the start or raise the end.",
            f"start {number(self.start_lr, 6)}, end {number(self.end_lr, 6)}",
        )
        _require(self.total_steps >= 2, "A range test needs at least 2 steps.", self.total_steps)

    @property
    def bounds(self) -> tuple[float, float]:
        return self.start_lr, self.end_lr

    def _rates(self, step: FloatArray) -> FloatArray:
        done = np.minimum(step / (self.total_steps - 1), 1.0)
        return self.start_lr * (self.end_lr / self.start_lr) ** done


@dataclass(frozen=True)
class WarmUp(Policy):
    """A straight line up to the first rate of another policy, which then starts.

    Goyal et al., "Accurate, Large Minibatch SGD", 2017, arXiv 1706.02677.

    Args:
        policy: What follows the warm-up.
        steps: Steps of warm-up, at least 1; step k runs at ``(k + 1) / steps`` of the policy's first rate.
    """

    policy: Policy
    steps: float

    def __post_init__(self) -> None:
        _require(
            bool(np.isfinite(self.steps)) and self.steps >= 1,
            "Warm-up must be at least 1 step.",
            number(self.steps, 6),
        )

    @property
    def bounds(self) -> tuple[float, float]:
        return self.policy.bounds

    def _rates(self, step: FloatArray) -> FloatArray:
        length = np.floor(self.steps)
        first = self.policy.plan(1)[0]
        rising = first * np.minimum((step + 1) / length, 1.0)
        return np.where(step < length, rising, self.policy.plan(np.maximum(step - length, 0)))

    def _heights(self, step: FloatArray) -> FloatArray:
        length = np.floor(self.steps)
        after = self.policy.heights(np.maximum(step - length, 0))
        return np.where(step < length, self.policy._height_of(self._rates(step)), after)

    def _cycle_ends(self, steps: float) -> FloatArray:
        length = np.floor(self.steps)
        return length + self.policy.cycle_ends(max(0, int(steps - length)))


def _cosine(start: float, end: float, done: FloatArray) -> FloatArray:
    return start + (end - start) * (1 - np.cos(np.pi * np.clip(done, 0.0, 1.0))) / 2
