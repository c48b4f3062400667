"""What is said of a search's trials: the order, what does not count, and no more praise than the figures carry."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores
from lrapp.experiments.search import Search, draw
from lrapp.experiments.search_results import Found, SearchTrial, of_trials
from lrapp.experiments.search_space import Range, Space, usual
from lrapp.runs.events import DataPrepared, EpochDone, Event, History, TrainingStarted
from lrapp.runs.store import State
from lrapp.settings import EarlyStoppingSettings, FixedSettings, RunSettings, TrainingSettings

SPACE = Space(
    learning_rate=Range(low=1e-3, high=1.0), units=Range(low=4, high=64), optimizer=usual("optimizer")
)
BASE = RunSettings(
    policy=FixedSettings(),
    training=TrainingSettings(epochs=3, early_stopping=EarlyStoppingSettings(enabled=False)),
)
DRAWN = draw(Search(space=SPACE, trials=6), BASE)


def tried(
    number: int,
    *measures: float,
    losses: tuple[float, ...] = (),
    best: int | None = None,
    state: State | None = "completed",
    metric: str = "accuracy",
) -> SearchTrial:
    """A trial whose validation figures at each epoch are given; its best epoch is the last unless told."""
    events: list[Event] = [
        DataPrepared(train=40, validation=50, test=50, inputs=3),
        TrainingStarted(7, metric, 4, 12, 3),
    ]
    for epoch, measure in enumerate(measures, start=1):
        loss = losses[epoch - 1] if losses else 1.0
        good = epoch <= (best or len(measures))
        events.append(EpochDone(epoch, 4 * epoch, 0.5, loss, 0.5, measure, 0.1, 2.0 * epoch, best=good))
    return SearchTrial(number, state, History.of(events), DRAWN[number - 1])


def found(*trials: SearchTrial) -> Found:
    result = of_trials(SPACE, trials)
    assert result is not None
    return result


def scores(part: str = "test") -> Scores:
    metrics = (Metric("accuracy", 0.86, 0.44, True),)
    return Scores("binary", part, 50, "yes", metrics)


def numbers(result: Found) -> list[int]:
    return [one.number for one in result.ranked]


# --- which is best -------------------------------------------------------------------------------------------


def test_more_accuracy_is_better_and_less_error_is() -> None:
    assert numbers(found(tried(1, 0.7), tried(2, 0.9), tried(3, 0.8))) == [2, 3, 1]
    error = "mean absolute error"
    assert numbers(
        found(tried(1, 7, metric=error), tried(2, 9, metric=error), tried(3, 8, metric=error))
    ) == [1, 3, 2]


def test_what_counts_is_the_epoch_whose_weights_are_kept() -> None:
    # Trial 1 once had more, but its model has the weights of the epoch with the least loss.
    result = found(tried(1, 0.95, 0.7, 0.99, best=2), tried(2, 0.8, 0.6, 0.5, best=1))
    assert numbers(result) == [2, 1]
    table = result.table()
    assert table["Best epoch"].tolist() == [1, 2]
    assert table["Validation accuracy"].tolist() == [0.8, 0.7]


def test_where_the_last_weights_are_kept_the_last_epoch_counts() -> None:
    settings = DRAWN[0].model_copy(
        update={
            "training": DRAWN[0].training.model_copy(
                update={"early_stopping": EarlyStoppingSettings(enabled=False, restore_best=False)}
            )
        }
    )
    one = replace(tried(1, 0.9, 0.5, best=1), settings=settings)
    assert numbers(found(one, tried(2, 0.6))) == [2, 1]


def test_of_equals_the_least_validation_loss_wins_then_the_first() -> None:
    result = found(
        tried(1, 0.9, losses=(0.3,)),
        tried(2, 0.9, losses=(0.2,)),
        tried(3, 0.9, losses=(0.2,)),
        tried(4, 0.5),
    )
    assert numbers(result) == [2, 3, 1, 4]
    assert "Trials 1 and 3 have the same, with no smaller validation loss." in result.verdict(None)


def test_what_did_not_do_all_its_epochs_is_never_best() -> None:
    cases: list[State | None] = ["stopped", "diverged", "failed", "interrupted", "running", "queued", None]
    for state in cases:
        assert numbers(found(tried(1, 0.99, state=state), tried(2, 0.6))) == [2], state


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_figures_that_are_none_do_not_count(value: float) -> None:
    result = found(tried(1, 0.5, value), tried(2, 0.6))
    assert numbers(result) == [2]
    assert "1 without figures (trial 1)" in result.left_out()
    assert numbers(found(tried(1, 0.9, losses=(value,)), tried(2, 0.6))) == [2]


# --- the table -----------------------------------------------------------------------------------------------


def test_the_table_has_what_was_drawn_and_what_came_of_it() -> None:
    gone = SearchTrial(4, None, History(), None)
    table = found(tried(1, 0.7), tried(2, 0.9, state="diverged"), tried(3, 0.8), gone).table()
    assert list(table.columns) == [
        "Trial",
        "Validation accuracy",
        "Learning rate",
        "Width",
        "Optimizer",
        "Best epoch",
        "Seconds",
        "State",
    ]
    assert table["Trial"].tolist() == [3, 1, 2, 4]
    assert table["Learning rate"].tolist()[:3] == [DRAWN[n].policy.learning_rate for n in (2, 0, 1)]  # type: ignore[union-attr]
    assert table["Width"].tolist()[:3] == [DRAWN[n].model.layers[0].units for n in (2, 0, 1)]
    names = {"sgd": "SGD", "adam": "Adam", "rmsprop": "RMSprop"}
    assert table["Optimizer"].tolist() == [*(names[DRAWN[n].training.optimizer] for n in (2, 0, 1)), ""]
    assert table["State"].tolist() == ["done", "done", "diverged", "deleted"]
    assert table["Validation accuracy"].isna().tolist() == [False, False, True, True]
    assert table["Seconds"].tolist()[:2] == [2.0, 2.0]
    for name in ("Validation accuracy", "Learning rate", "Width", "Best epoch", "Seconds"):
        assert pd.api.types.is_numeric_dtype(table[name]), name


def test_before_the_first_step_there_is_nothing_to_say() -> None:
    assert of_trials(SPACE, [SearchTrial(1, "queued", History(), DRAWN[0])]) is None


# --- words ---------------------------------------------------------------------------------------------------


def test_folds_are_no_validation_rows() -> None:
    crossed = replace(found(tried(1, 0.7), tried(2, 0.9)), folds=4)
    said = crossed.verdict(scores())
    assert "It was chosen among 2 by the same 4 folds, so that figure" in said
    assert "validation rows" not in said


def test_the_choice_is_praised_no_more_than_it_deserves() -> None:
    said = found(tried(1, 0.7), tried(2, 0.9), tried(3, 0.8)).verdict(scores())
    assert said == (
        "Trial 2 is the best of the 3 that finished: validation accuracy 90.0 %. It was chosen among 3 by "
        "these same 50 validation rows, so that figure looks better than the settings are. Rows that had no part in "
        "the choice tell more. The network is right in 86.0 % of the 50 test rows; always answering “yes” would be "
        "right in 44.0 %."
    )


def test_without_test_rows_the_validation_score_is_not_called_a_test() -> None:
    said = found(tried(1, 0.7), tried(2, 0.9)).verdict(scores("validation"))
    assert "There are no test rows to tell by how much" in said
    assert "86.0" not in said
    assert "The baseline, always “yes”, has accuracy 44.0 %" in said


def test_one_trial_is_no_choice() -> None:
    said = found(tried(1, 0.7), tried(2, 0.9, state="diverged")).verdict(scores())
    assert said.startswith("Only trial 1 finished: validation accuracy 70.0 %. One trial leaves no choice;")
    assert "best" not in said


def test_no_trial_at_all() -> None:
    result = found(tried(1, 0.7, state="diverged"), tried(2, 0.9, state="stopped"))
    assert result.best is None
    assert result.verdict(None) == "No trial finished all its epochs, so there is none to choose."
    assert result.so_far() == "No trial is done yet."


def test_what_does_not_count_is_counted_and_named() -> None:
    result = found(
        tried(1, 0.7, state="diverged"),
        tried(2, 0.9),
        tried(3, 0.9, state="failed"),
        tried(4, 0.1, state="diverged"),
        SearchTrial(5, None, History(), None),
    )
    assert result.left_out() == (
        "Left out, as they did not finish: 2 diverged (trials 1 and 4); 1 failed (trial 3); "
        "1 deleted (trial 5)."
    )
    assert found(tried(1, 0.7), tried(2, 0.9)).left_out() == ""


def test_while_it_goes_on_nothing_is_left_out_yet() -> None:
    result = found(
        tried(1, 0.7), tried(2, 0.9, state="running"), SearchTrial(3, "queued", History(), DRAWN[2])
    )
    assert result.left_out() == ""
    assert result.so_far() == "Best so far: trial 1, validation accuracy 70.0 %."
    assert result.table()["State"].tolist() == ["done", "training", "waiting"]


def test_a_run_whose_settings_are_damaged_is_named() -> None:
    damaged = replace(tried(1, 0.9), settings=None)
    result = found(damaged, tried(2, 0.7))
    assert numbers(result) == [2]
    assert "1 damaged (trial 1)" in result.left_out()


# --- points --------------------------------------------------------------------------------------------------


def test_points_are_those_that_count_and_what_diverged() -> None:
    result = found(
        tried(1, 0.7), tried(2, 0.9), tried(3, 0.2, state="diverged"), tried(4, 0.99, state="stopped")
    )
    points = result.points()
    rates = points[points["setting"] == "learning_rate"]
    assert rates["trial"].tolist() == [1, 2, 3]
    assert rates["part"].tolist() == ["trial", "best", "diverged"]
    assert rates["measure"].tolist()[:2] == [0.7, 0.9]
    assert math.isnan(rates["measure"].tolist()[2])
    assert set(points["setting"]) == {"learning_rate", "units", "optimizer"}
    assert points.loc[points["setting"] == "optimizer", "value"].isna().all()
