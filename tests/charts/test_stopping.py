import numpy as np

from lrapp.charts import stopping as chart
from lrapp.settings import EarlyStoppingSettings
from lrapp.training import stopping


def test_the_chart_marks_each_epoch_at_which_criteria_end_the_run_on_the_line() -> None:
    val = np.array([1.0, 0.5, 0.504, 0.8, 0.4, 0.4])
    found = list(stopping.verdicts(np.ones(6), val, EarlyStoppingSettings()))
    frame = chart.frame(val, found)
    line, stops = frame[frame["kind"] == "loss"], frame[frame["kind"] == "stop"]
    assert line["value"].tolist() == val.tolist()
    assert stops[["epoch", "value", "names"]].values.tolist() == [[4, 0.8, "GL 1, GL 2, GL 3, GL 5"]]


def test_where_nothing_ends_the_run_there_is_the_line_alone() -> None:
    val = np.linspace(1, 0.5, 9)
    frame = chart.frame(val, list(stopping.verdicts(val, val, EarlyStoppingSettings())))
    assert set(frame["kind"]) == {"loss"}
