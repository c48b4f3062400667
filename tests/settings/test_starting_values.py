import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrapp.settings import EarlyStoppingSettings, RunSettings, TrainingSettings, starting_values


def steps(training: TrainingSettings, rows: int) -> int:
    return training.epochs * math.ceil(rows / training.batch_size)


def test_a_first_click_trains_several_networks_and_a_run_of_old_one() -> None:
    assert starting_values.settings().networks > 1
    assert not starting_values.settings().networks_obstacle
    assert RunSettings().networks == 1, "what a run's file does not name stays as it was"


@given(rows=st.integers(1, 10_000_000))
def test_a_batch_grows_with_the_root_of_the_rows(rows: int) -> None:
    batch = starting_values.batch_size(rows)
    assert batch == 32 or batch**2 <= rows < 4 * batch**2
    assert batch in [2**power for power in range(5, 13)]
    suited = starting_values.settings(rows).training
    assert suited == starting_values.for_rows(TrainingSettings(members=8, batch_size=batch), rows)
    usual = starting_values.for_rows(TrainingSettings(), rows)
    assert abs(suited.epochs - usual.epochs) <= 1, "larger batches are no reason for more epochs"
    assert steps(suited, rows) <= 60_000 or suited.epochs == 10


@given(rows=st.integers(1, 10_000_000), batch=st.integers(1, 100_000))
def test_small_tables_get_more_epochs_and_large_ones_fewer(rows: int, batch: int) -> None:
    given_ = TrainingSettings(batch_size=batch)
    suited = starting_values.for_rows(given_, rows)
    assert 10 <= suited.epochs <= 1000
    assert suited.early_stopping.patience == math.ceil(suited.epochs * 20 / 50)
    if suited.epochs < 50:
        assert steps(suited, rows) <= 60_000 or suited.epochs == 10
    if suited.epochs > 50:
        assert steps(suited, rows) >= 3_000 or suited.epochs == 1000
        per_epoch = math.ceil(rows / batch)
        assert (suited.epochs - 1) * per_epoch < 3_000, "no more than it takes"


def test_nothing_else_changes(subtests: pytest.Subtests) -> None:
    for rows in [100, 20_000, 3_000_000]:
        with subtests.test(f"{rows!r}"):
            stopping = EarlyStoppingSettings(monitor="val_metric", min_delta=0.5)
            given_ = TrainingSettings(members=3, seed=4, early_stopping=stopping)
            suited = starting_values.for_rows(given_, rows)
            kept = {"epochs": given_.epochs, "early_stopping": stopping}
            assert suited.model_copy(update=kept) == given_
            assert suited.early_stopping.model_copy(update={"patience": stopping.patience}) == stopping
