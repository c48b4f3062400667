"""One of every chart that the app draws, with points that try it: names side by side, classes, single rows."""

import numpy as np
import pandas as pd

from lrapp.charts import (
    linear_test,
    members,
    overlays,
    plans,
    predictions,
    pruning,
    range_test,
    results,
    score_line,
    search,
    stopping,
    studies,
    training,
)
from lrapp.charts.figure import Figure
from lrapp.evaluation.analysis import ClassCurves
from lrapp.evaluation.counts_and_curves import Calibration, Confusion, Curve, Residuals
from lrapp.evaluation.explanations import Dependence, Importance, Series
from lrapp.experiments.search_space import Range, Space
from lrapp.policies.lr_range import RatesFound
from lrapp.prediction.summary import Bar
from lrapp.runs.events import EpochDone, Event, History, StepsDone, SweepDone, TrainingStarted
from lrapp.settings import EarlyStoppingSettings, PruningSettings
from lrapp.training.stopping import verdicts

EPOCHS, PER_EPOCH = 20, 10


def history(epochs: int = EPOCHS, seed: int = 0, networks: int = 1) -> History:
    """A run whose losses fall, and whose batches have peaks."""
    random = np.random.default_rng(seed)
    total = PER_EPOCH * EPOCHS
    events: list[Event] = [TrainingStarted(5, "accuracy", PER_EPOCH, total, EPOCHS)]
    for epoch in range(epochs):
        falls = 0.4 + np.exp(-epoch / 5)
        losses = falls + random.normal(0, 0.1, PER_EPOCH)
        losses[0] += 20 if epoch in (0, 7) else 0
        rates = tuple(0.001 + 0.009 * abs(np.linspace(epoch, epoch + 0.9, PER_EPOCH) / 4 % 2 - 1))
        events.append(StepsDone(PER_EPOCH * epoch, tuple(losses), rates, epoch / 10))
        held, score = falls + 0.1 + 0.01 * epoch, 0.9 - falls / 3
        many = tuple(
            tuple(value + 0.01 * n for n in range(networks)) for value in (falls, held, score, score)
        )
        events.append(
            EpochDone(
                epoch + 1,
                PER_EPOCH * (epoch + 1),
                *(falls, held, score + 0.03, score, 0.1, 1.0),
                best=epoch == 9,
                members=many if networks > 1 else (),
                ensemble=(held - 0.02, score + 0.01) if networks > 1 else (),
            )
        )
    return History.of(events)


def _swept() -> History:
    rates = np.logspace(-7, 1, 100)
    sweeps: list[Event] = []
    for seed in range(3):
        losses = 1 - 0.6 / (1 + (3e-3 / rates) ** 2) + 0.05 * seed + np.where(rates > 0.3, 3 * rates, 0)
        sweeps.append(SweepDone(seed, 3, 100, 0, tuple(losses), tuple(rates)))
    marks = (("steepest", 2e-3), ("tenth", 3e-3), ("valley", 1e-3), ("slide", 2.2e-3))
    found = RatesFound("Sure.", 1e-3, 1e-2, 3e-3, tuple((name, rate, rate, rate) for name, rate in marks))
    return History.of([*sweeps, found])


def _linear() -> History:
    rates = np.linspace(0, 0.05, 20)
    sweeps: list[Event] = [
        SweepDone(
            seed,
            2,
            20,
            0,
            (1.0,) * 20,
            tuple(rates),
            tuple(zip(rates, 0.5 + 6 * rates, strict=True)),
            "accuracy",
        )
        for seed in range(2)
    ]
    marks = (("rise", 0.001, 0.001, 0.002), ("fall", 0.048, 0.048, 0.05))
    return History.of([*sweeps, RatesFound("Sure.", 0.001, 0.048, 0.03, marks, watched="accuracy")])


def _run(*, log: bool = False, networks: int = 1) -> Figure:
    done = history(networks=networks)
    rates = np.linspace(0.001, 0.01, PER_EPOCH * EPOCHS)
    extra = [members.spread(done, training.MOST_POINTS)] if networks > 1 else []
    frame = training.run_frame(done, training.planned(rates, PER_EPOCH), extra=extra, ghost=history(seed=1))
    more = members.spread_layers if networks > 1 else None
    return Figure(training.run_spec(EPOCHS, "accuracy", log_loss=log, more=more), frame, "run")


def _each(name: str) -> Figure:
    done = history(networks=8)
    lines = members.each_frame(done, [0.002 * 1.6**member for member in range(8)])
    if name == "rates":
        return Figure(members.rates_spec(), members.rates_frame(lines), name)
    return Figure(members.each_spec(EPOCHS, "rates"), lines, name)


def _search() -> Figure:
    space = Space(units=Range(low=16, high=256))
    rows = [("units", n, 2.0**n, None, 0.6 + n / 50, "best" if n == 8 else "trial") for n in range(4, 9)]
    rows.append(("units", 9, 200.0, None, float("nan"), "diverged"))
    points = pd.DataFrame(rows, columns=["setting", "trial", "value", "name", "measure", "part"])
    spec = search.setting_spec(space, "units", "validation accuracy", upwards=True)
    return Figure(spec, search.setting_frame(points, "units"), "search")


def _study() -> Figure:
    labels = ["fixed", "CLR", "SGDR"]
    curves = pd.DataFrame(
        [
            {
                "panel": panel,
                "policy": policy,
                "epoch": epoch,
                "mean": 1 / (epoch + policy + 1),
                "low": 0.9 / (epoch + policy + 1),
                "high": 1.1 / (epoch + policy + 1),
                "seeds": 3,
            }
            for panel in ("loss", "rate", "metric")
            for policy in range(3)
            for epoch in range(1, 9)
        ]
    )
    return Figure(studies.study_spec(labels, 8, "accuracy"), studies.study_frame(curves, labels), "study")


def _overlay() -> Figure:
    runs, names = [history(seed=0), history(seed=1)], ["a run", "another, with a name that is long"]
    return Figure(
        overlays.overlay_spec(names, ["accuracy"], "epoch"),
        overlays.overlay_frame(runs, names, "epoch"),
        "overlay",
    )


def _stopping() -> Figure:
    losses = np.array([1.0, 0.5, 0.504, 0.8, 0.4, 0.45])
    found = list(verdicts(losses, losses, EarlyStoppingSettings()))
    return Figure(stopping.spec(6), stopping.frame(losses, found), "stopping")


DIGITS = tuple("0123456789")
CLASSES = ("setosa", "versicolor", "virginica")
_LINE = Curve((0.0, 0.1, 1.0), (0.0, 0.8, 1.0), 0.85)
_ERRORS = np.random.default_rng(0).normal(0, 2, 300)
_COUNTS = (1, 3, 200, 60, 1)
_CHANCES = (0.97, 0.02, 0.01)
_SCORE = [
    score_line.Point("baseline", 0.58),
    score_line.Point("linear model", 0.9),
    score_line.Point("trees", 0.91),
]


def _confusion(names: tuple[str, ...]) -> Figure:
    """Shares from none to all, so every colour of a cell is there."""
    many = len(names)
    rows = [
        [round(100 * (row == column) * (many - row) / many) for column in range(many)] for row in range(many)
    ]
    for row in range(many):
        rows[row][(row + 1) % many] += 100 - sum(rows[row])
    return results.confusion(Confusion(names, tuple(map(tuple, rows))))


CHARTS: dict[str, Figure] = {
    "score line": score_line.figure("accuracy", 0.92, _SCORE),
    "run": _run(),
    "run, logarithmic": _run(log=True),
    "run of many networks": _run(networks=8),
    "each network": _each("each"),
    "race": _each("rates"),
    "plan": Figure(plans.plan_spec(), plans.plan_frame(np.linspace(0.01, 0.1, 90), 9), "plan"),
    "plan with momentum": Figure(
        plans.plan_spec(momentum="beta_1"),
        plans.plan_frame(np.linspace(0.01, 0.1, 90), 9, np.linspace(0.95, 0.85, 90)),
        "plan",
    ),
    "plan of groups": Figure(
        plans.plan_spec(grouped=True), plans.plan_frame(np.full((90, 3), 0.1) * [0.1, 0.3, 1], 9), "plan"
    ),
    "pruning": Figure(pruning.plan_spec(), pruning.plan_frame(PruningSettings(enabled=True), 20), "pruning"),
    "range test": Figure(range_test.spec(1e-7, 10), range_test.frame(_swept()), "range test"),
    "linear range test": Figure(
        linear_test.linear_spec(0, 0.05, "validation accuracy"), linear_test.linear_frame(_linear()), "linear"
    ),
    "stopping": _stopping(),
    "search": _search(),
    "study": _study(),
    "runs side by side": _overlay(),
    "confusion": _confusion(CLASSES),
    "confusion of digits": _confusion(DIGITS),
    "roc": results.roc(tuple(ClassCurves(name, "network", _LINE, _LINE) for name in CLASSES)),
    "precision and recall": results.precision_recall((ClassCurves("a", "network", _LINE, _LINE),)),
    "calibration": results.calibration(
        Calibration((0.1, 0.9), (0.2, 0.8), (5, 600), 0.1),
        Calibration((0.15, 0.85), (0.2, 0.8), (5, 600), 0.05),
    ),
    "predicted": results.predicted(
        Residuals(tuple(range(300)), tuple(np.arange(300) + _ERRORS), (0.0, 1.0), (300,), 1.3, 3.2), "price"
    ),
    "residuals": results.residuals(
        Residuals((0.0,) * 300, tuple(_ERRORS), (-4.0, -2.0, 0.0, 2.0, 4.0, 5.0), _COUNTS, 1.3, 3.2)
    ),
    "importance": results.importance(
        tuple(Importance(f"column {n}", 0.3 / n, 0.02) for n in range(1, 6)), "fall in accuracy"
    ),
    "dependence": results.dependence(
        Dependence("age", (10.0, 40.0, 70.0), (), (Series("yes", (0.2, 0.5, 0.6)),)), "probability"
    ),
    "dependence on a category": results.dependence(
        Dependence("port", (), ("Cherbourg", "Queenstown", "Southampton"), (Series("yes", (0.2, 0.5, 0.6)),)),
        "share",
    ),
    "predicted classes": predictions.shares([Bar(970, "no"), Bar(30, "yes")], "y"),
    "predicted numbers": predictions.shares([Bar(1, "", 0, 1), Bar(900, "", 1, 2), Bar(9, "", 2, 3)], "y"),
    "chances": predictions.chances(CLASSES, _CHANCES),
    "what if": predictions.what_if(
        pd.DataFrame({"at": [1.0, 2.0, 3.0], "class": "", "value": [0.1, 0.3, 0.9]}),
        "x",
        "y",
        2.0,
        "number",
        True,
    ),
    "what if of a category": predictions.what_if(
        pd.DataFrame({"at": list(DIGITS), "class": "", "value": np.linspace(0, 1, 10)}),
        "x",
        "y",
        "2",
        "category",
        True,
    ),
}
