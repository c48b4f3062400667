from lrapp.charts import pruning as chart
from lrapp.settings import PruningSettings
from lrapp.training.pruning import sparsity


def test_what_is_drawn_is_what_is_trained() -> None:
    settings = PruningSettings(enabled=True, final_sparsity=90, first_epoch=3, last_epoch=8)

    frame = chart.plan_frame(settings, 12)

    assert frame["epoch"].tolist() == list(range(1, 13))
    assert frame["sparsity"].tolist() == [sparsity(settings, epoch, 12) or 0 for epoch in range(1, 13)]
    assert frame["sparsity"].tolist()[:3] == [0, 0, 0]
    assert frame["sparsity"].tolist()[7:] == [0.9] * 5


def test_a_long_plan_is_thinned() -> None:
    frame = chart.plan_frame(PruningSettings(enabled=True), 50_000)

    assert len(frame) < 5_000
    assert frame["sparsity"].iloc[-1] == 0.8


def test_the_axis_shows_shares() -> None:
    encoding = chart.plan_spec()["encoding"]

    assert encoding["y"]["scale"]["domain"] == [0, 1]
    assert {encoding[axis]["field"] for axis in ("x", "y")} == {"epoch", "sparsity"}
