"""One line for each part of a run's settings: what a closed step of the Train page and the head of a run say."""

from collections.abc import Mapping

from lrapp.phrasing import counted, number
from lrapp.settings.data import DataSettings
from lrapp.settings.network import LayerSettings, ModelSettings
from lrapp.settings.policy import CLRSettings, FixedSettings, PolicySettings
from lrapp.settings.run import RunSettings, TrainingSettings

OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}
POLICIES = {
    "fixed": "Fixed",
    "clr": "CLR",
    "sgdr": "SGDR",
    "one-cycle": "One-cycle",
    "coslog4": "Coslog4",
}
# The same with what they are short for.
POLICY_TITLES = {
    "fixed": "Fixed",
    "clr": "Cyclical (CLR)",
    "sgdr": "Warm restarts (SGDR)",
    "one-cycle": "One-cycle",
    "coslog4": "Growing cycles (coslog4)",
}
# More layers than this are counted.
_MOST_LAYERS = 8


def data(settings: DataSettings, rows: int | None = None, answer: str = "") -> str:
    """Return where the data come from and what is predicted: “titanic.csv → survived · 891 rows · 2 classes”.

    Args:
        rows: How many rows there are to train on, where that is known.
        answer: What is predicted, such as “2 classes”; empty where that is not known.
    """
    name = settings.source.title
    parts = [f"{name} → {settings.target}" if settings.target else name]
    if rows is not None:
        parts.append(f"{rows:,} {settings.facts.units} to train on")
    return " · ".join([*parts, *([answer] if answer else [])])


def network(model: ModelSettings) -> str:
    """Return the layers of a network: “64-32 · dropout 0.2”."""
    start = [model.base.name] if model.base is not None else []
    words = [*start, *filter(None, (layer.facts.short.format_map(vars(layer)) for layer in model.layers))]
    parts = ["from a run"] if model.start.type == "run" else []
    parts.append(counted(len(words), "layer") if len(words) > _MOST_LAYERS else "-".join(words) or "linear")
    dropouts = sorted({layer.dropout for layer in model.layers if layer.dropout})
    if dropouts:
        parts.append(f"dropout {_span(dropouts[0], dropouts[-1])}")
    if any(layer.l1 or layer.l2 for layer in model.layers):
        parts.append("/".join(name for name in ("L1", "L2") if any(_of(one, name) for one in model.layers)))
    return " · ".join(parts)


def _of(layer: LayerSettings, name: str) -> float:
    return layer.l1 if name == "L1" else layer.l2


def training(settings: TrainingSettings, networks: int = 1) -> str:
    """Return how a network is trained: “Adam · 50 epochs · batch 32”."""
    count = counted(settings.epochs, "epoch")
    parts = [OPTIMIZERS[settings.optimizer], count, f"batch {settings.batch_size:,}"]
    if networks > 1:
        parts.append(f"{networks} networks")
    if settings.precision != "float32":
        parts.append(settings.precision)
    if settings.pruning.enabled:
        parts.append("pruned")
    return " · ".join(parts)


def policy(settings: PolicySettings, names: Mapping[str, str] = POLICIES) -> str:
    """Return a short name for a policy: what moves the rate, and between which values, “CLR 0.001–0.01”.

    Args:
        settings: Of the policy.
        names: What policies are called, ``POLICIES`` or ``POLICY_TITLES``.
    """
    against = ""
    if settings.cycle_momentum:
        high, low = (number(round(bound, 3), 3) for bound in (settings.max_momentum, settings.base_momentum))
        against = f", momentum {high}–{low}"
    return _name(settings, names) + against


def _name(settings: PolicySettings, names: Mapping[str, str]) -> str:
    name = names[settings.type]
    if isinstance(settings, CLRSettings) and settings.mode != "triangular":
        name += f" {settings.mode}"
    if settings.source != "chosen":
        return f"{name} ({settings.source})"
    match settings:
        case FixedSettings():
            return f"{name} {number(settings.learning_rate, 3)}"
        case CLRSettings():
            return f"{name} {number(settings.base_lr, 3)}–{number(settings.max_lr, 3)}"
        case _:
            return f"{name} {number(settings.max_lr, 3)}"


def _span(low: float, high: float) -> str:
    return number(low, 3) if low == high else f"{number(low, 3)}–{number(high, 3)}"


def run(settings: RunSettings) -> str:
    """Return what a run learns from and how, in one line."""
    parts = (
        data(settings.data),
        network(settings.model),
        training(settings.training, settings.networks),
        "range test" if settings.mode == "range test" else policy(settings.policy),
    )
    return " · ".join(parts)
