"""One line for each part of a run's settings: what a closed step of the Train page and the head of a run say."""

from lrapp.phrasing import counted, number
from lrapp.settings.data import DataSettings
from lrapp.settings.network import LayerSettings, ModelSettings, PretrainedStart
from lrapp.settings.policy import PolicySettings
from lrapp.settings.run import RunSettings, TrainingSettings

_OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}
_POLICIES = {
    "fixed": "Fixed",
    "clr": "CLR",
    "sgdr": "SGDR",
    "one-cycle": "One-cycle",
    "coslog4": "Coslog4",
}
# More layers than this are counted.
_MOST_LAYERS = 8


def data(settings: DataSettings, rows: int | None = None, answer: str = "") -> str:
    """Return where the data come from and what is predicted: “titanic.csv → survived · 891 rows · 2 classes”.

    Args:
        settings: Of the data.
        rows: How many rows there are to train on, where that is known.
        answer: What is predicted, such as “2 classes”; empty where that is not known.
    """
    name = getattr(settings.source, "title", settings.source.name)
    parts = [f"{name} → {settings.target}" if settings.target else name]
    if rows is not None:
        parts.append(f"{rows:,} {settings.facts.units} to train on")
    return " · ".join([*parts, *([answer] if answer else [])])


def network(model: ModelSettings) -> str:
    """Return the layers of a network: “64-32 · dropout 0.2”."""
    start = [model.start.name] if isinstance(model.start, PretrainedStart) else []
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
    """Return how a network is trained: “Adam · 50 epochs · batch 32”.

    Args:
        settings: Of the training.
        networks: How many networks train at once.
    """
    count = counted(settings.epochs, "epoch")
    parts = [_OPTIMIZERS[settings.optimizer], count, f"batch {settings.batch_size:,}"]
    if networks > 1:
        parts.append(f"{networks} networks")
    if settings.precision != "float32":
        parts.append(settings.precision)
    if settings.pruning.enabled:
        parts.append("pruned")
    return " · ".join(parts)


def policy(settings: PolicySettings) -> str:
    """Return how the learning rate moves: “CLR 0.001-0.01”."""
    name = _POLICIES[settings.type]
    if settings.source == "found":
        return f"{name} · range test first"
    rates = f"{name} {_rates(settings)}"
    return f"{rates} · raced" if settings.source == "raced" else rates


def _rates(settings: PolicySettings) -> str:
    match settings.type:
        case "fixed":
            return number(settings.learning_rate, 3)
        case "clr" | "coslog4":
            return _span(settings.base_lr, settings.max_lr)
        case "sgdr":
            return _span(settings.min_lr, settings.max_lr)
        case "one-cycle":
            return f"up to {number(settings.max_lr, 3)}"


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
