"""Runs that were pruned while they trained, made once for each file."""

import pytest
from zeros.runs import trained

from lrapp.runs.store import Run, Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Where they are; files that need no pruned run have stores of their own."""
    return Store(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def single(store: Store) -> Run:
    """One network."""
    return trained(store)


@pytest.fixture(scope="module")
def several(store: Store) -> Run:
    """Two networks."""
    return trained(store, members=2)
