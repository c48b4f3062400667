"""The result of a gradient check, in words; without TensorFlow, so that a page can show it."""

from dataclasses import dataclass
from typing import Literal

from lrapp.phrasing import counted, number

# Relative errors. In float64, right gradients agree to about 1e-8; a wrong sign or factor is near 1.
FINE, WRONG = 1e-5, 1e-3
# Share of a layer's gradient (its norm) that the precision of training may change before the page says so.
MUCH_LOST = 0.1

Verdict = Literal["agrees", "suspicious", "wrong", "zero", "open"]


@dataclass(frozen=True)
class LayerGradients:
    """The result for one layer.

    Args:
        name: Its name in sentences, for example ``Layer 2 (Dense)``.
        agree: For how many of these both gradients agree: a relative error of at most ``FINE``.
        kinks: How many of these stand at a kink of the loss and differ only as far as a kink explains.
        error: The largest relative error of those that stand at no kink, zero or more.
        worst: The variable with that error, as Keras calls it: kernel, bias, gamma or beta.
        zero: Whether the whole gradient is zero, so that these rows teach the layer nothing.
        lost: How far the gradient in the precision of training is from that in float64: norm of the difference to
            norm of the float64 one, over all weights; infinite where it is not finite.
        vanished: Share of the gradient's numbers that are zero in that precision and are not in float64, 0 to 1.
    """

    name: str
    weights: int
    checked: int
    agree: int
    kinks: int
    error: float
    worst: str
    zero: bool
    lost: float
    vanished: float

    @property
    def verdict(self) -> Verdict:
        """The verdict on the layer; ``open`` where all checked weights are at kinks."""
        if self.error > WRONG:
            return "wrong"
        if self.error > FINE:
            return "suspicious"
        if self.kinks == self.checked:
            return "open"
        return "zero" if self.zero else "agrees"

    @property
    def words(self) -> str:
        """The verdict in words."""
        said = {
            "agrees": "agrees",
            "suspicious": f"suspicious: {self.worst}",
            "wrong": f"wrong: {self.worst}",
            "zero": "agrees, but all are zero: these rows teach it nothing",
            "open": "undecided",
        }[self.verdict]
        return f"{said} ({self.kinks} at a kink)" if self.kinks else said


@dataclass(frozen=True)
class GradientReport:
    """The result of a gradient check.

    Args:
        layers: Every layer with weights that training moves, from the inputs to the answer.
        rows: Training rows, or pictures, that it was made on.
        loss: The loss of these rows, with penalties, in float64.
        precision: In which training computes: float32, mixed_float16 or mixed_bfloat16.
        lost: As for a layer, over the whole network.
        between: The same measure for how far the gradient of as many other rows is from that of these, in float64;
            None where there are none.
        notes: Sentences on what was left out, or done in another way than in training.
    """

    layers: tuple[LayerGradients, ...]
    rows: int
    loss: float
    precision: str
    lost: float
    between: float | None
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Whether the gradients are right, in one sentence that names the layers where they are not."""
        wrong, odd = self._named("wrong"), self._named("suspicious")
        if wrong:
            return (
                f"Wrong gradients in {wrong}: training would follow another slope than that of the loss. A mistake in "
                "a layer spoils what lies before it, so look at the last of these first."
            )
        if odd:
            return (
                f"The gradients of {odd} differ a little, more than rounding explains. Another seed tells whether it "
                "was a kink nearby."
            )
        checked, agree = (sum(getattr(layer, name) for layer in self.layers) for name in ("checked", "agree"))
        others = checked - agree
        rest = f"; the other {others:,} stand at a kink, where they have two slopes" if others > 1 else ""
        rest = "; the other one stands at a kink, where it has two slopes" if others == 1 else rest
        weights, verb = counted(checked, "weight"), "agrees" if agree == 1 else "agree"
        return f"The gradients are right: {agree:,} of {weights} checked {verb}{rest}."

    @property
    def right(self) -> bool:
        """Whether no layer is suspicious or wrong."""
        return not any(layer.verdict in ("suspicious", "wrong") for layer in self.layers)

    @property
    def about_precision(self) -> str:
        """One sentence on how the precision of training changes the gradient."""
        worst = max(self.layers, key=lambda layer: layer.lost)
        if worst.lost == float("inf"):
            return (
                f"In {self.precision} the gradient of {worst.name} is not finite, whatever the loss scale: take "
                "float32 or mixed_bfloat16."
            )
        said = (
            f"{self.precision} changes the gradient by {percent(self.lost)}, most in {worst.name} "
            f"({percent(worst.lost)})"
        )
        if self.between is not None:
            said += f"; as many other rows would change it by {percent(self.between)}"
        if worst.lost > MUCH_LOST:
            return f"{said}. More than a tenth of a layer's gradient is rounding there."
        return f"{said}."

    def _named(self, verdict: Verdict) -> str:
        return " and ".join(layer.name for layer in self.layers if layer.verdict == verdict)


def percent(share: float) -> str:
    """Return a share as a person reads it, with two digits, in percent."""
    if share == float("inf"):
        return "not finite"
    value = 100 * share
    if value == 0:
        return "0 %"
    if value < 1e-3:
        return "<0.001 %"
    return f"{value:,.0f} %" if value >= 100 else f"{number(value, 2)} %"
