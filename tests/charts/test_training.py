"""Frames and the specifications that draw them: what a chart asks for is there, under names that Vega can read."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrapp.charts import members, training
from lrapp.charts.plans import plan_frame, plan_spec
from lrapp.charts.training import horizon, planned, run_frame, run_spec, thin
from lrapp.policies.lr_range import RatesFound
from lrapp.runs.events import DataPrepared, EpochDone, Event, History, StepsDone, TrainingStarted
from lrapp.settings import RunSettings, SGDRSettings, TrainingSettings

PER_EPOCH = 10


def history(epochs: int, *, val_loss: float | None = None) -> History:
    """A run with a loss that falls and jumps."""
    random = np.random.default_rng(0)
    events: list[Event] = [
        TrainingStarted(
            parameters=5,
            metric="accuracy",
            steps_per_epoch=PER_EPOCH,
            total_steps=PER_EPOCH * epochs,
            epochs=epochs,
        )
    ]
    for epoch in range(epochs):
        losses = tuple(1 / (1 + epoch) + random.uniform(0, 0.1, PER_EPOCH))
        events.append(StepsDone(PER_EPOCH * epoch, losses, (0.1,) * PER_EPOCH, epoch / 10))
        validation = 1 / (1 + epoch) if val_loss is None else val_loss
        done = PER_EPOCH * (epoch + 1)
        events.append(EpochDone(epoch + 1, done, 0.5, validation, 0.8, 0.7, 0.1, 1.0, best=epoch < 3))
    return History.of(events)


def parts(spec: Any) -> Iterator[dict[str, Any]]:
    if isinstance(spec, dict):
        yield spec
        for value in spec.values():
            yield from parts(value)
    elif isinstance(spec, list):
        for value in spec:
            yield from parts(value)


def fields(spec: dict[str, Any]) -> set[str]:
    """All columns of the frame that a specification reads, in encodings, filters and formulas."""
    found, made = set(), {"last"}
    for part in parts(spec):
        if part.get("field"):
            found.add(part["field"])
        texts = f"{part.get('filter', '')} {part.get('calculate', '')}"
        found |= set(re.findall(r"datum\.(\w+)", texts))
        made |= {part["as"]} if "as" in part else set()
    return found - made


def test_those_who_ask_for_a_specification_at_once_have_it_made_once() -> None:
    made = []

    @training.kept
    def slow(epochs: int) -> dict[str, Any]:
        made.append(epochs)
        time.sleep(0.05)
        return {"epochs": epochs}

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(slow, [1] * 8 + [2] * 8))
    assert made == [1, 2]
    assert found == [{"epochs": 1}] * 8 + [{"epochs": 2}] * 8


def test_a_specification_that_was_changed_is_made_as_before() -> None:
    first = run_spec(7, "accuracy")
    first["vconcat"][0]["layer"].clear()
    first["params"][0]["name"] = "changed"
    again = run_spec(7, "accuracy")
    assert again["vconcat"][0]["layer"]
    assert again["params"][0]["name"] == "zoom"
    assert run_spec(8, "accuracy") != again


# --- thinning -----------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(5, 3_000), st.integers(4, 200), st.integers(0, 9))
def test_thinning_keeps_least_and_greatest_of_every_stretch(rows: int, most: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=rows).round(1)
    frame = pd.DataFrame({"at": np.arange(rows), "v": values})
    thinned = thin(frame, "v", most)
    assert len(thinned) <= max(most, 4) + 2 or rows <= most
    assert thinned["at"].iloc[[0, -1]].tolist() == [0, rows - 1]
    assert thinned["at"].is_monotonic_increasing
    assert thinned["at"].is_unique
    assert (frame.loc[thinned.index, "v"] == thinned["v"]).all()
    if rows > most:
        stretches = most // 2
        for stretch in range(stretches):
            inside = [row for row in range(rows) if row * stretches // rows == stretch]
            kept = thinned[thinned["at"].isin(inside)]["v"]
            assert kept.min() == values[inside].min()
            assert kept.max() == values[inside].max()


def test_a_single_peak_stays_in_a_long_line() -> None:
    values = np.zeros(100_000)
    values[54_321], values[54_322] = 7, -7
    thinned = thin(pd.DataFrame({"v": values}), "v")
    assert len(thinned) <= training.MOST_POINTS
    assert thinned.loc[54_321, "v"] == 7
    assert thinned.loc[54_322, "v"] == -7


def test_a_short_line_is_left_as_it_is() -> None:
    frame = pd.DataFrame({"v": np.arange(training.MOST_POINTS)})
    assert thin(frame, "v") is frame


# --- frames -------------------------------------------------------------------------------------------------


def test_a_runs_frame_holds_every_line() -> None:
    frame = run_frame(history(4), planned(np.linspace(0, 1, 60), 10))
    assert set(frame.columns) == {"panel", "series", "epoch", "value"}
    assert frame.groupby(["panel", "series"]).size().to_dict() == {
        ("loss", "one batch"): 40,
        ("loss", "training"): 4,
        ("loss", "validation"): 4,
        ("loss", "best epoch"): 1,
        ("rate", "planned"): 60,
        ("rate", "used"): 40,
        ("metric", "training"): 4,
        ("metric", "validation"): 4,
        ("metric", "best epoch"): 1,
    }
    best = frame[frame["series"] == "best epoch"]
    assert best["epoch"].tolist() == [3.0, 3.0]
    assert best["value"].tolist() == pytest.approx([1 / 3, 0.7])
    plan = frame[frame["series"] == "planned"]
    assert (plan["epoch"].iloc[0], plan["epoch"].iloc[-1]) == (0.1, 6.0)
    validation = frame[(frame["series"] == "validation") & (frame["panel"] == "loss")]
    assert validation["epoch"].tolist() == [1, 2, 3, 4]
    assert validation["value"].tolist() == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])


def test_the_run_before_is_drawn_as_far_as_this_one_goes() -> None:
    frame = run_frame(history(3), ghost=history(9))
    ghost = frame[frame["series"] == training.GHOST]
    assert ghost.groupby("panel")["epoch"].apply(list).to_dict() == {"loss": [1, 2, 3], "metric": [1, 2, 3]}
    assert ghost[ghost["panel"] == "loss"]["value"].tolist() == pytest.approx([1, 1 / 2, 1 / 3])


def test_a_run_with_other_figures_is_not_drawn_behind(subtests: pytest.Subtests) -> None:
    for before in [History(), History.of([TrainingStarted(5, "R²", 10, 20, 2)])]:
        with subtests.test(f"{before!r}"):
            assert training.GHOST not in set(run_frame(history(3), ghost=before)["series"])


def test_the_axis_of_a_live_run_reaches_a_little_beyond_it_and_moves_in_few_steps() -> None:
    ends = [horizon(429, done / 4) for done in range(4 * 429)]
    assert all(done / 4 < end <= 429 for done, end in enumerate(ends))
    assert ends == sorted(ends)
    assert len(set(ends)) <= 8
    assert all(end <= 10 or end <= 2.6 * done / 4 for done, end in enumerate(ends) if done)
    assert horizon(3, 0.5) == horizon(3, 3) == 3


def test_batch_losses_are_faint_and_do_not_count_for_the_axis() -> None:
    panel = run_spec(20, "accuracy")["vconcat"][0]
    layers = panel["layer"]
    behind, strong = layers[0], next(layer for layer in layers if layer.get("name") == "loss_lines")
    assert behind["mark"]["opacity"] * behind["mark"]["strokeWidth"] <= strong["mark"]["strokeWidth"] / 5
    formulas = {part["as"]: part["calculate"] for part in panel["transform"] if "calculate" in part}
    assert formulas["own_low"].startswith("datum.series != 'one batch'")
    assert "clamp(datum.value, datum.bottom, datum.top)" in formulas["drawn"]


def test_lines_are_named_at_their_ends_in_place_of_a_legend() -> None:
    spec = run_spec(20, "accuracy", momentum="beta_1", more=members.spread_layers)
    assert all(part.get("legend") is None for part in parts(spec["vconcat"]))
    named = [panel["layer"][-1]["mark"]["color"]["expr"] for panel in spec["vconcat"]]
    assert all("'training'" in named[place] and f"'{training.GHOST}'" in named[place] for place in (0, 3))
    assert f"'{training.ENSEMBLE}'" in named[0]
    assert all("'planned'" in named[place] and "'used'" in named[place] for place in (1, 2))
    assert "beta_1" in spec["description"]


@pytest.mark.parametrize("plan", [None, planned(np.linspace(0, 1, 20), 5)])
def test_a_run_that_has_said_nothing_yet_has_a_frame(plan: Any) -> None:
    frame = run_frame(History(), plan)
    assert set(frame.columns) == {"panel", "series", "epoch", "value"}
    assert len(frame) == (0 if plan is None else 20)


def test_what_is_not_finite_is_not_drawn() -> None:
    run = history(2, val_loss=float("nan"))
    run.add(StepsDone(20, (float("inf"), float("nan"), 0.5), (0.1,) * 3, 1.0))
    frame = run_frame(run)
    assert np.isfinite(frame["value"]).all()
    assert len(frame[frame["series"] == "one batch"]) == 21
    assert len(frame[(frame["panel"] == "loss") & (frame["series"] == "validation")]) == 0


def of_steps(losses: np.ndarray, rates: np.ndarray) -> History:
    steps = len(losses)
    events: list[Event] = [
        TrainingStarted(parameters=1, metric="accuracy", steps_per_epoch=steps, total_steps=steps, epochs=1),
        StepsDone(0, tuple(losses), tuple(rates), 1.0),
    ]
    return History.of(events)


def test_a_rate_that_is_no_number_does_not_hide_the_peak_beside_it() -> None:
    rates = np.full(5_000, 0.5)
    rates[2_500], rates[2_501] = 9.0, np.nan
    frame = run_frame(of_steps(np.ones(5_000), rates))
    assert frame["value"].max() == 9.0


def test_many_losses_of_single_batches_become_means() -> None:
    losses = np.random.default_rng(0).exponential(size=5_000)
    frame = run_frame(of_steps(losses, np.full(5_000, 0.1)))
    drawn = frame[frame["series"] == "one batch"]
    assert 100 <= len(drawn) <= 200
    assert drawn["value"].mean() == pytest.approx(losses.mean(), rel=0.01)
    # Each is the mean of the batches around it, not one of them.
    assert drawn["value"].max() < 2.5 < losses.max()


def test_a_long_run_stays_small() -> None:
    frame = run_frame(history(3_000), planned(np.linspace(0, 1, 30_000), 10))
    assert len(frame) <= 7 * (training.MOST_POINTS + 2) + 2


# --- specifications -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("log_loss", [False, True])
@pytest.mark.parametrize("metric", ["accuracy", "mean absolute error"])
def test_a_runs_charts_ask_for_columns_that_the_frame_has(metric: str, log_loss: bool) -> None:
    spec = run_spec(20, metric, log_loss=log_loss)
    frame = run_frame(history(4), planned(np.linspace(0, 1, 60), 10))
    assert fields(spec) == set(frame.columns) | {"low", "high"}
    filters = {str(part["filter"]) for part in parts(spec) if "filter" in part}
    named = {name for text in filters for name in re.findall(r"'([^']+)'", text)}
    assert named <= set(frame["panel"]) | set(frame["series"]) | {training.GHOST}
    for part in parts(spec):
        if part.get("field") == "series" and "scale" in part:
            assert set(part["scale"]["domain"]) <= set(frame["series"]) | {training.GHOST}
            assert len(part["scale"]["domain"]) == len(part["scale"]["range"])
    titles = {part["title"] for part in parts(spec) if isinstance(part.get("title"), str)}
    assert {"loss", "learning rate", metric, "epoch"} <= titles
    assert any(part.get("type") == "log" for part in parts(spec)) == log_loss


def test_a_plans_chart_asks_for_columns_that_its_frame_has() -> None:
    assert fields(plan_spec()) == set(plan_frame(np.ones(9), 3).columns)


def test_specifications_are_valid_and_without_data(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Any, dict[str, Any]]] = [
        (alt.VConcatChart, run_spec(20, "accuracy")),
        (alt.VConcatChart, run_spec(1, "mean absolute error", log_loss=True)),
        (alt.VConcatChart, run_spec(3, "accuracy", momentum=True)),
        (alt.Chart, plan_spec()),
        (alt.VConcatChart, plan_spec(grouped=True, momentum=True)),
    ]
    for kind, spec in cases:
        with subtests.test(f"{kind!r}"):
            kind.from_dict(spec, validate=True)
            json.dumps(spec, allow_nan=False)
            assert spec["data"] == {"name": training.POINTS}
            assert [part for part in parts(spec) if "data" in part] == [spec]
            assert "datasets" not in spec
            for field in fields(spec):
                assert re.fullmatch(r"[a-z_]+", field)


def test_the_zoom_names_views_that_are_there() -> None:
    spec = run_spec(20, "accuracy")
    names = {part["name"] for panel in spec["vconcat"] for part in panel["layer"] if "name" in part}
    assert set(spec["params"][0]["views"]) == names


def test_a_specification_stays_the_same_while_its_run_goes_on() -> None:
    first = json.dumps(run_spec(20, "accuracy"))
    short, long = run_frame(history(2)), run_frame(history(9))
    assert len(short) < len(long)
    assert list(short.columns) == list(long.columns)
    assert (short.dtypes == long.dtypes).all()
    assert json.dumps(run_spec(20, "accuracy")) == first


def test_groups_with_rates_of_their_own_are_three_lines_in_the_place_of_one() -> None:
    rates = ((0.01,) * PER_EPOCH, (0.03,) * PER_EPOCH, (0.1,) * PER_EPOCH)
    grouped = History.of(
        [
            TrainingStarted(5, "accuracy", PER_EPOCH, 2 * PER_EPOCH, 2),
            *(StepsDone(PER_EPOCH * epoch, (1.0,) * PER_EPOCH, rates[2], 1.0, rates) for epoch in range(2)),
        ]
    )
    frame = run_frame(grouped)
    lines = frame[frame["panel"] == "rate"].groupby("series")["value"].unique()
    assert {name: values.tolist() for name, values in lines.items()} == {
        "early": [0.01],
        "middle": [0.03],
        "head": [0.1],
    }
    domains = [
        part["scale"]["domain"]
        for part in parts(run_spec(2, "accuracy", grouped=True))
        if "scale" in part and "planned" in part["scale"].get("domain", [])
    ]
    assert domains
    assert all(domain == ["planned", "early", "middle", "head"] for domain in domains)


def test_momentum_that_moves_has_a_chart_below_the_rates() -> None:
    rates, momenta = (0.01,) * PER_EPOCH, (0.9,) * PER_EPOCH
    events = [
        StepsDone(PER_EPOCH * epoch, (1.0,) * PER_EPOCH, rates, 1.0, momenta=momenta) for epoch in range(2)
    ]
    moved = History.of([TrainingStarted(5, "accuracy", PER_EPOCH, 2 * PER_EPOCH, 2), *events])
    plan = np.full(2 * PER_EPOCH, 0.02)
    frame = run_frame(moved, planned(plan, PER_EPOCH, momenta=plan + 0.9))
    lines = frame[frame["panel"] == "momentum"].groupby("series")["value"].unique()
    assert {name: values.tolist() for name, values in lines.items()} == {"planned": [0.92], "used": [0.9]}
    titles = [
        panel["layer"][1]["encoding"]["y"]["title"]
        for panel in run_spec(2, "accuracy", momentum=True)["vconcat"]
    ]
    assert titles == ["loss", "learning rate", "momentum", "accuracy"]
    panels = run_spec(2, "accuracy", momentum=True)["vconcat"]
    names = [layer["name"] for panel in panels for layer in panel["layer"] if "name" in layer]
    assert run_spec(2, "accuracy", momentum=True)["params"][0]["views"] == names
    assert len(run_spec(2, "accuracy")["vconcat"]) == 3


def test_the_peaks_of_many_networks_are_those_that_they_had() -> None:
    # The numbers of the policy itself do not count, nor need they go together with what was found.
    policy = SGDRSettings(source="found", max_lr=0.7, min_lr=0.2)
    run = RunSettings(policy=policy, training=TrainingSettings(members=3, epochs=2))
    found = RatesFound("Narrowed.", 0.003, 0.03, 0.05, (("tenth", 0.01, 0.01, 0.01),))
    assert members.peaks(run, History.of([DataPrepared(100, 20, 20, 4), found])) == [0.03] * 3
    raced = run.model_copy(update={"policy": SGDRSettings(source="raced", max_lr=0.7)})
    peaks = members.peaks(raced, History.of([DataPrepared(100, 20, 20, 4)]))
    assert peaks == pytest.approx([0.7 * factor for factor in raced.factors()])
    assert len(peaks) == 10
