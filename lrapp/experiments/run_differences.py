"""Several runs side by side: their scores, and the settings in which they differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lrapp.experiments.run_table import Row
from lrapp.phrasing import distinct, number
from lrapp.policies.lr_range import RatesFound
from lrapp.settings import DataSettings, LayerSettings, PretrainedStart, RunSettings, summary

MOST_RUNS = 10
_NONE = "–"
# Settings that decide which rows are in which part.
_ROWS = (
    "dialect",
    "task",
    "validation_share",
    "test_share",
    "stratify",
    "split_seed",
    "split",
    "split_column",
    "pictures",
)
_UNTITLED = {"dialect": "how the file is read", "pictures": "size, colour or classes of the pictures"}


@dataclass(frozen=True, eq=False)
class SideBySide:
    """A table with a column for each run.

    Args:
        frame: Text. The index names scores and settings; the columns name the runs.
        best: The best scores, as places in the frame: (row, column).
        differing: Settings that are not as in the first run.
    """

    frame: pd.DataFrame
    best: frozenset[tuple[int, int]]
    differing: frozenset[tuple[int, int]]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Compared:
    """One run that is compared, and the rates that its own range test found."""

    row: Row
    settings: RunSettings
    found: RatesFound | None = None


def side_by_side(runs: Sequence[Compared]) -> SideBySide:
    """Return the scores of one or more runs, and below them each setting in which not all are as the first."""
    rows = [one.row for one in runs]
    best: set[tuple[int, int]] = set()
    lines: dict[str, list[str]] = {}
    comparable = _comparable(runs)
    for name, values in (
        ("Validation", [row.validation for row in rows]),
        ("Test", [row.test for row in rows]),
    ):
        metrics = [row.metric for row in rows]
        # A run that has not begun has no metric yet.
        known = {metric for metric in metrics if metric}
        same = len(known) < 2
        metric = next(iter(known), "")
        if comparable:
            best |= {(len(lines), column) for column in _best(values, upwards=metric == "accuracy")}
        texts = [_score(value, own, same) for value, own in zip(values, metrics, strict=True)]
        lines[f"{name} {metric}".rstrip() if same else name] = [
            f"{text} ▲ best" if (len(lines), column) in best else text for column, text in enumerate(texts)
        ]
    lines["Epochs done"] = [_count(row.epochs) for row in rows]
    lines["Best epoch"] = [_count(row.best_epoch) for row in rows]
    lines["Seconds of training"] = [_NONE if row.seconds is None else number(row.seconds) for row in rows]
    scores = len(lines)
    flats = [flat(one.settings, one.found) for one in runs]
    for title in dict.fromkeys(title for one in flats for title in one):
        values_of = [one.get(title, _NONE) for one in flats]
        if len(set(values_of)) > 1:
            lines[title] = values_of
    frame = pd.DataFrame.from_dict(
        lines,
        orient="index",
        columns=distinct(
            [row.name for row in rows], apart=[f"{row.created:%d %b, %H:%M:%S}" for row in rows]
        ),
        dtype="str",
    )
    differing = {
        (place, column)
        for place, texts in enumerate(lines.values())
        for column in range(1, len(rows))
        if place >= scores and texts[column] != texts[0]
    }
    return SideBySide(frame, frozenset(best), frozenset(differing), _remarks(runs, comparable))


# --- settings as text ----------------------------------------------------------------------------------------

# Parts whose own fields stand under another heading than their place in the tree.
_GROUPS = {
    "data": "Data",
    "dialect": "Reading",
    "model": "Network",
    "training": "Training",
    "early_stopping": "Early stopping",
    "pruning": "Pruning",
    "policy": "Learning rate",
    "range_test": "Range test",
}
# Described separately, or without effect on the result.
_OWN_WORDS = (
    "version",
    "name",
    "closer_look",
    "type",
    "source",
    "origin",
    "unit",
    "kinds",
    "gap_codes",
    "layers",
    "mode",
)
# Where ``name`` is not what a run is called but which network it starts from.
_NAMED = (PretrainedStart,)


def flat(settings: RunSettings, found: RatesFound | None = None) -> dict[str, str]:
    """Return the settings as titles and texts, in the order of the Train page."""
    source = settings.data.source
    texts = {"Data: Table": source.name}
    if sha256 := getattr(source, "sha256", ""):
        texts["Data: SHA-256 of the table"] = sha256[:8]
    texts |= _fields("Data", settings.data)
    texts |= {f"Kind of {' '.join(name.split())}": kind.value for name, kind in settings.data.kinds.items()}
    texts |= {
        f"Codes for gaps in {' '.join(name.split())}": ", ".join(map(_number, codes))
        for name, codes in settings.data.gap_codes.items()
    }
    texts["Network: Layers"] = " · ".join(_layer(layer) for layer in settings.model.layers) or "none"
    texts |= _fields("Network", settings.model)
    texts |= _fields("Training", settings.training)
    policy = settings.policy
    tests = policy.source == "found" or settings.mode == "range test"
    texts["Learning rate: Policy"] = summary.POLICIES[policy.type]
    texts["Learning rate: Rates"] = {"found": "found by a range test", "raced": "found by a race"}.get(
        policy.source, "chosen"
    )
    if policy.source == "found" and found is not None and found.base_lr is not None:
        policy = settings.with_found(found).policy
    texts |= _fields("Learning rate", policy, policy.unit)
    if not policy.cycle_momentum:
        for name in ("base_momentum", "max_momentum"):
            del texts[f"Learning rate: {name}"]
    if mode := getattr(policy, "mode", ""):
        texts["Learning rate: Mode"] = mode
    if tests:
        test = settings.range_test
        texts |= _fields("Range test", test, only=("rise", *test.fields))
    if settings.mode != "train":
        texts["What was done"] = "range test only"
    return texts


def _fields(group: str, part: BaseModel, unit: str = "", only: Sequence[str] | None = None) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, field in type(part).model_fields.items():
        if only is not None and name not in only:
            continue
        value = getattr(part, name)
        if name in _OWN_WORDS and not (name == "name" and isinstance(part, _NAMED)):
            continue
        if isinstance(value, BaseModel):
            below = _GROUPS.get(name) or f"{group}, {(field.title or name.replace('_', ' ')).lower()}"
            if kind := getattr(value, "type", ""):
                texts[below] = f"{kind}"
            texts |= _fields(below, value)
        else:
            title = field.title or name
            texts[group if title == group else f"{group}: {title}"] = _text(value, field, unit)
    return texts


def _text(value: Any, field: FieldInfo, unit: str) -> str:
    extra: dict[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    labels: dict[Any, str] = extra.get("labels", {})
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return _number(value) + (f" {unit}" if extra.get("unit") == "length" and unit else "")
    if isinstance(value, tuple):
        return ", ".join(f"{one}" for one in value) or _NONE
    # A delimiter may be a tab, which nobody sees.
    text = f"{value}"
    return labels.get(value, " ".join(text.split()) if text.strip() else repr(text))


def _number(value: float) -> str:
    """All its digits: numbers that differ must look different."""
    text = f"{value:,}".removesuffix(".0")
    return number(value, 12) if "e" in text else text


def _layer(layer: LayerSettings) -> str:
    """The kind unless it is dense, the width, and whatever is not the default."""
    words = [] if layer.kind == "dense" else [layer.kind.replace("_", " ")]
    if layer.computes:
        words += [f"{layer.units}", layer.activation]
    for name, field in LayerSettings.model_fields.items():
        value = getattr(layer, name)
        if name not in ("kind", "units", "activation") and value != field.default:
            title = (field.title or name).lower()
            words.append(title if value is True else f"{title} {_number(value)}")
    return " ".join(words)


# --- scores ----------------------------------------------------------------------------------------------------


def _best(values: Sequence[float | None], *, upwards: bool) -> set[int]:
    """Places of the best value; none where all are equal or one is missing."""
    there = [value for value in values if value is not None]
    if len(set(there)) < 2:
        return set()
    best = max(there) if upwards else min(there)
    return {place for place, value in enumerate(values) if value == best}


def _score(value: float | None, metric: str, same: bool) -> str:
    if value is None:
        return _NONE
    text = f"{100 * value:.2f} %" if metric == "accuracy" else number(value)
    return text if same else f"{text} {metric}"


def _count(value: int | None) -> str:
    return _NONE if value is None else f"{value:,}"


def _comparable(runs: Sequence[Compared]) -> bool:
    """Whether the runs answer the same question on the same table."""
    metrics = {one.row.metric for one in runs if one.row.metric}
    return (
        len(metrics) < 2 and len({(_table(one.settings.data), one.settings.data.target) for one in runs}) == 1
    )


def _table(data: DataSettings) -> str:
    return getattr(data.source, "sha256", data.source.name)


def _remarks(runs: Sequence[Compared], comparable: bool) -> tuple[str, ...]:
    if not comparable:
        sentence = (
            "These runs answer different questions (another table, target or task), so none is marked as the "
            "best and their losses cannot be compared."
        )
        return (sentence,)
    first = runs[0].settings.data
    titles = [
        (DataSettings.model_fields[name].title or _UNTITLED.get(name, name)).lower()
        for name in _ROWS
        if any(getattr(one.settings.data, name) != getattr(first, name) for one in runs)
    ]
    if titles:
        sentence = (
            f"Measured on different rows, because these settings differ: {', '.join(titles)}. "
            "A small difference can be chance."
        )
        return (sentence,)
    return ()
