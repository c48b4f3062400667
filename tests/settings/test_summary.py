"""One line for each part of a run's settings, as closed steps and the heads of runs say it."""

import pytest

from lrapp.settings import (
    CLRSettings,
    DataSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    OneCycleSettings,
    PolicySettings,
    PretrainedStart,
    RunSettings,
    SampleSource,
    SGDRSettings,
    TrainingSettings,
    summary,
)


def test_data_say_where_they_come_from_and_what_is_predicted() -> None:
    data = DataSettings(source=SampleSource(name="penguins.csv"), target="species")
    assert summary.data(data) == "penguins.csv → species"
    assert (
        summary.data(data, 1206, "3 classes") == "penguins.csv → species · 1,206 rows to train on · 3 classes"
    )
    assert summary.data(DataSettings(source=SampleSource(name="penguins.csv"))) == "penguins.csv"


def test_a_network_is_its_layers(subtests: pytest.Subtests) -> None:
    cases: list[tuple[tuple[LayerSettings, ...], str]] = [
        ((), "linear"),
        ((LayerSettings(units=64), LayerSettings(units=32, dropout=0.2)), "64-32 · dropout 0.2"),
        (
            (LayerSettings(units=8, dropout=0.1, l2=0.01), LayerSettings(units=4, dropout=0.5)),
            "8-4 · dropout 0.1–0.5 · L2",
        ),
        (tuple(LayerSettings(units=9) for _ in range(9)), "9 layers"),
        (
            (LayerSettings(kind="conv", units=16), LayerSettings(kind="max_pool")),
            "conv 16-max pool",
        ),
    ]
    for layers, told in cases:
        with subtests.test(f"{layers!r}"):
            assert summary.network(ModelSettings(layers=layers)) == told


def test_a_network_that_does_not_start_afresh_says_so() -> None:
    start = PretrainedStart(name="VGG16")
    assert summary.network(ModelSettings(layers=(LayerSettings(units=10),), start=start)) == "VGG16-10"


def test_training_names_what_is_not_usual() -> None:
    assert summary.training(TrainingSettings(epochs=1, batch_size=1024)) == "Adam · 1 epoch · batch 1,024"
    rare = TrainingSettings(optimizer="sgd", precision="mixed_bfloat16")
    assert summary.training(rare, 8) == "SGD · 50 epochs · batch 32 · 8 networks · mixed_bfloat16"


def test_a_policy_names_its_rates_unless_they_are_to_be_found(subtests: pytest.Subtests) -> None:
    cases: list[tuple[PolicySettings, str]] = [
        (FixedSettings(learning_rate=0.02), "Fixed 0.02"),
        (CLRSettings(base_lr=0.001, max_lr=0.01), "CLR 0.001–0.01"),
        (CLRSettings(base_lr=0.001, max_lr=0.01, source="raced"), "CLR (raced)"),
        (CLRSettings(source="found"), "CLR (found)"),
        (SGDRSettings(max_lr=0.5), "SGDR 0.5"),
        (OneCycleSettings(max_lr=0.25), "One-cycle 0.25"),
    ]
    for policy, told in cases:
        with subtests.test(f"{policy!r}"):
            assert summary.policy(policy) == told


def test_a_run_is_all_of_them() -> None:
    settings = RunSettings(
        data=DataSettings(source=SampleSource(name="penguins.csv"), target="sex"), policy=FixedSettings()
    )
    line = summary.run(settings)
    assert line.startswith("penguins.csv → sex · ")
    assert line.endswith(" · Fixed 0.001")
