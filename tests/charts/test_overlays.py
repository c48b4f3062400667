"""Several histories in one group of charts: each point where it belongs, and a legend that can be clicked."""

from dataclasses import replace
from itertools import product

from lrapp.charts import overlays
from lrapp.charts.overlays import DASHES, metrics_of, overlay_frame, overlay_spec
from lrapp.charts.theme import HUES
from lrapp.runs.events import EpochDone, Event, History, StepsDone, TrainingStarted


def history(metric: str = "accuracy", epochs: int = 2, per_epoch: int = 4, loss: float = 0.5) -> History:
    events: list[Event] = [TrainingStarted(9, metric, per_epoch, 8, epochs)]
    steps = per_epoch * epochs
    events.append(StepsDone(0, (9.0,) * steps, tuple(0.01 * (n + 1) for n in range(steps)), 1.0))
    events += [
        EpochDone(n, n * per_epoch, loss / n, loss / n + 1, 0.1, 0.2 * n, 0.01, float(n), True)
        for n in range(1, epochs + 1)
    ]
    return History.of(events)


def points(histories: list[History], names: list[str], axis: overlays.Axis) -> set[tuple[object, ...]]:
    frame = overlay_frame(histories, names, axis)
    return {(p, n, round(a, 6), round(v, 6)) for p, n, a, v in frame.itertuples(index=False)}


def test_points_of_a_short_run() -> None:
    rates = {("rate", "a", (n + 1) / 4, round(0.01 * (n + 1), 6)) for n in range(8)}
    assert points([history()], ["a"], "epoch") == rates | {
        ("loss", "a", 1, 0.5),
        ("loss", "a", 2, 0.25),
        ("val_loss", "a", 1, 1.5),
        ("val_loss", "a", 2, 1.25),
        ("accuracy", "a", 1, 0.2),
        ("accuracy", "a", 2, 0.4),
    }


def test_of_several_networks_the_mean_of_their_answers_is_drawn() -> None:
    single, several = history(), history()
    several.epochs = [
        replace(one, members=((0.5, 0.5),) * 4, ensemble=(one.val_loss / 10, one.val_metric * 2))
        for one in several.epochs
    ]
    assert [overlays.of_several(one) for one in (single, several)] == [False, True]
    found = points([single, several], ["a", "b"], "epoch")
    assert {value for panel, name, _, value in found if (panel, name) == ("val_loss", "b")} == {0.15, 0.125}
    assert {value for panel, name, _, value in found if (panel, name) == ("accuracy", "b")} == {0.4, 0.8}
    for panel in ("loss", "rate"):
        lines = [{point[2:] for point in found if point[:2] == (panel, name)} for name in ("a", "b")]
        assert lines[0] == lines[1]


def test_steps_tell_runs_of_other_batches_apart() -> None:
    found = points([history(), history(per_epoch=2)], ["a", "b"], "step")
    assert {at for panel, name, at, _ in found if (panel, name) == ("rate", "a")} == set(range(1, 9))
    assert {at for panel, name, at, _ in found if (panel, name) == ("val_loss", "a")} == {4, 8}
    assert {at for panel, name, at, _ in found if (panel, name) == ("val_loss", "b")} == {2, 4}


def test_runs_without_steps_and_what_is_not_finite_are_left_out() -> None:
    assert len(overlay_frame([], [], "epoch")) == 0
    assert len(overlay_frame([History()], ["a"], "epoch")) == 0
    found = points([History(), history(loss=float("inf"))], ["a", "b"], "epoch")
    assert {panel for panel, _, _, _ in found} == {"rate", "accuracy"}
    assert {name for _, name, _, _ in found} == {"b"}


def test_long_runs_are_thinned() -> None:
    many = [history(epochs=3_000) for _ in range(10)]
    frame = overlay_frame(many, [f"{n}" for n in range(10)], "epoch")
    assert len(frame) < 4 * 3_500
    assert frame.groupby(["panel", "name"]).size().min() >= 100
    assert frame["at"].max() == 3_000


def test_each_metric_has_a_chart_of_its_own() -> None:
    histories = [history("accuracy"), history("mean absolute error"), History(), history("accuracy")]
    assert metrics_of(histories) == ["accuracy", "mean absolute error"]
    spec = overlay_spec(["a", "b"], metrics_of(histories), "epoch")
    filters = [panel["transform"][0]["filter"]["equal"] for panel in spec["vconcat"]]
    assert filters == ["loss", "val_loss", "rate", "accuracy", "mean absolute error"]
    titles = [panel["encoding"]["y"]["title"] for panel in spec["vconcat"]]
    assert titles == [
        "training loss",
        "validation loss",
        "learning rate",
        "validation accuracy",
        "validation mean absolute error",
    ]
    frame = overlay_frame(histories, list("abcd"), "epoch")
    assert set(frame["panel"]) == set(filters)


def test_the_charts_share_an_axis_a_zoom_and_the_legend() -> None:
    spec = overlay_spec(["a", "b"], ["accuracy"], "step")
    views = [panel["name"] for panel in spec["vconcat"]]
    assert len(set(views)) == 4
    zoom, picked = spec["params"]
    assert zoom["bind"] == "scales"
    assert picked == {
        "name": "picked",
        "select": {"type": "point", "fields": ["name"]},
        "bind": "legend",
        "views": views,
    }
    assert zoom["views"] == views
    assert spec["resolve"]["scale"]["x"] == "shared"
    for panel in spec["vconcat"]:
        assert panel["encoding"]["opacity"]["condition"] == {"param": "picked", "value": 1}
    assert [panel["encoding"]["x"]["title"] for panel in spec["vconcat"]] == [None, None, None, "step"]
    assert spec["data"] == {"name": "points"}


def test_ten_runs_look_different() -> None:
    names = [f"run {n}" for n in range(overlays.MOST_RUNS)]
    encoding = overlay_spec(names, ["accuracy"], "epoch")["vconcat"][0]["encoding"]
    hues, dashes = encoding["color"]["scale"]["range"], encoding["strokeDash"]["scale"]["range"]
    assert encoding["color"]["scale"]["domain"] == names
    looks = {(hue, tuple(dash)) for hue, dash in zip(hues, dashes, strict=True)}
    assert len(looks) == 10
    assert hues[: len(HUES)] == list(HUES)


def test_runs_keep_their_colours_and_twins_are_dashed() -> None:
    spec = overlay_spec(["a", "b", "c"], ["accuracy"], "epoch", colours=[HUES[3], HUES[1], HUES[3]])
    encoding = spec["vconcat"][-1]["encoding"]
    assert encoding["color"]["scale"]["range"] == [HUES[3], HUES[1], HUES[3]]
    assert encoding["strokeDash"]["scale"]["range"] == [DASHES[0], DASHES[0], DASHES[1]]


def test_lines_are_seen_in_both_themes() -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for hue, paper in product(HUES, ("#ffffff", "#0e1117")):
        lighter, darker = sorted((luminance(hue), luminance(paper)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) > 2.2, (hue, paper)


def test_a_logarithmic_axis_is_for_losses_and_takes_no_zero() -> None:
    panels = overlay_spec(["a"], ["accuracy"], "epoch", log_loss=True)["vconcat"]
    assert [panel["encoding"]["y"]["scale"]["type"] for panel in panels] == ["log", "log", "linear", "linear"]
    assert [len(panel["transform"]) for panel in panels] == [2, 2, 1, 1]


def test_names_are_values_and_never_part_of_an_expression() -> None:
    name = 'it\'s "a.b[0]" \\ $x$ <b>'
    spec = overlay_spec([name], ["accuracy"], "epoch")
    for panel in spec["vconcat"]:
        assert panel["encoding"]["color"]["scale"]["domain"] == [name]
        assert panel["encoding"]["color"]["field"] == "name"
        assert name not in str(panel["transform"])
