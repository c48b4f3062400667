"""Runs whose scripts are written and run, and how each of them ends."""

from typing import Any

from lrapp.settings import (
    CLRSettings,
    CosLog4Settings,
    DataSettings,
    EarlyStoppingSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    OneCycleSettings,
    PruningSettings,
    RunSettings,
    SampleSource,
    SGDRSettings,
    TrainingSettings,
)
from lrapp.settings.groups import GroupSettings

LAYERS = ModelSettings(
    layers=(
        LayerSettings(units=8, batch_norm=True, dropout=0.1),
        LayerSettings(units=4, activation="silu", l2=1e-3),
    )
)

SMALL = ModelSettings(layers=(LayerSettings(units=8),))


def sample(name: str, **more: Any) -> DataSettings:
    return DataSettings(source=SampleSource(name=name), **more)


CASES = {
    "binary": RunSettings(
        data=sample("breast_cancer.csv", target="diagnosis", class_weights=True, scaling="standard"),
        model=LAYERS,
        training=TrainingSettings(epochs=6, optimizer="sgd", nesterov=True),
        policy=CLRSettings(base_lr=0.01, max_lr=0.1, mode="triangular2"),
    ),
    "multi-class": RunSettings(
        data=sample("messy_penguins.csv", target="species", min_category_rows=2),
        model=LAYERS,
        training=TrainingSettings(
            epochs=8, early_stopping=EarlyStoppingSettings(patience=2, monitor="val_metric")
        ),
        policy=SGDRSettings(T_0=2),
    ),
    "regression": RunSettings(
        data=sample(
            "auto_mpg.csv",
            target="mpg",
            scaling="quantile",
            test_share=0.3,
            split="time",
            split_column="model_year",
            left_out=("acceleration", "not there"),
            gap_codes={"horsepower": (150.0,), "cylinders": (3.0, 5.0)},
        ),
        model=LAYERS,
        training=TrainingSettings(epochs=6, seed=3),
        policy=OneCycleSettings(warmup=1),
    ),
    "stopped": RunSettings(
        data=sample("auto_mpg.csv", target="mpg"),
        model=SMALL,
        training=TrainingSettings(epochs=6),
        policy=SGDRSettings(T_0=3),
    ),
    "stopped, last weights": RunSettings(
        data=sample("auto_mpg.csv", target="mpg"),
        model=SMALL,
        training=TrainingSettings(
            epochs=6, early_stopping=EarlyStoppingSettings(enabled=False, restore_best=False)
        ),
        policy=FixedSettings(learning_rate=0.003),
    ),
    "diverged": RunSettings(
        data=sample("auto_mpg.csv", target="mpg"),
        model=SMALL,
        training=TrainingSettings(epochs=9, optimizer="sgd", momentum=0.0),
        policy=CLRSettings(base_lr=1e-3, max_lr=1e3, step_size=2000),
    ),
    "all ingredients": RunSettings(
        data=sample("penguins.csv", target="species", scaling="robust"),
        model=SMALL.model_copy(
            update={"number_embedding": "periodic", "initial_weights": "glorot_uniform"},
        ),
        training=TrainingSettings(epochs=3, optimizer="adamw", beta_1=0.8, beta_2=0.95),
        policy=CosLog4Settings(max_lr=0.02),
    ),
    "logarithm": RunSettings(
        data=sample("auto_mpg.csv", target="mpg", scaling="robust", target_transform="log"),
        model=SMALL.model_copy(update={"number_embedding": "bins"}),
        training=TrainingSettings(epochs=6),
    ),
    "two networks": RunSettings(
        data=sample("breast_cancer.csv", target="diagnosis", scaling="robust"),
        model=SMALL.model_copy(update={"number_embedding": "bins"}),
        training=TrainingSettings(epochs=3, members=2),
    ),
    "criterion": RunSettings(
        data=sample("penguins.csv", target="species"),
        model=SMALL,
        training=TrainingSettings(
            epochs=20, early_stopping=EarlyStoppingSettings(criterion="GL", gl_alpha=1)
        ),
        policy=FixedSettings(learning_rate=0.2),
    ),
    "target": RunSettings(
        data=sample("auto_mpg.csv", target="mpg"),
        model=SMALL,
        training=TrainingSettings(
            epochs=20,
            members=2,
            early_stopping=EarlyStoppingSettings(target="val_loss", target_value=0.6),
        ),
    ),
    "pruned": RunSettings(
        data=sample("breast_cancer.csv", target="diagnosis", class_weights=True),
        model=LAYERS,
        training=TrainingSettings(
            epochs=8,
            early_stopping=EarlyStoppingSettings(patience=2),
            pruning=PruningSettings(enabled=True, first_epoch=2, last_epoch=5, initial_sparsity=10),
        ),
        policy=FixedSettings(learning_rate=0.02),
    ),
    **{
        f"pruned with a criterion, {name}": RunSettings(
            data=sample("auto_mpg.csv", target="mpg"),
            model=SMALL,
            training=TrainingSettings(
                epochs=16,
                early_stopping=stopping,
                pruning=PruningSettings(enabled=True, final_sparsity=70, last_epoch=8),
            ),
            policy=SGDRSettings(max_lr=0.1, min_lr=0.01, T_0=2, T_mult=1),
        )
        for name, stopping in {
            "GL": EarlyStoppingSettings(criterion="GL", gl_alpha=1),
            "PQ": EarlyStoppingSettings(criterion="PQ", pq_alpha=0.05, strip=2),
            "UP": EarlyStoppingSettings(criterion="UP", up_strips=1, strip=2),
            "cycles": EarlyStoppingSettings(patience=1, patience_unit="cycles", min_delta=0.1),
        }.items()
    },
    "pruned, stopped": RunSettings(
        data=sample("auto_mpg.csv", target="mpg"),
        model=SMALL,
        training=TrainingSettings(epochs=6, pruning=PruningSettings(enabled=True, scope="each")),
        policy=FixedSettings(learning_rate=0.003),
    ),
    "pruned, frozen": RunSettings(
        data=sample("penguins.csv", target="species"),
        model=LAYERS,
        training=TrainingSettings(
            epochs=4,
            groups=GroupSettings(early=0, frozen_epochs=2),
            pruning=PruningSettings(enabled=True, final_sparsity=60, last_epoch=3),
        ),
        policy=FixedSettings(learning_rate=0.01),
    ),
    "pruned networks": RunSettings(
        data=sample("penguins.csv", target="species"),
        model=SMALL,
        training=TrainingSettings(
            epochs=6, members=2, pruning=PruningSettings(enabled=True, final_sparsity=60)
        ),
    ),
    "momentum": RunSettings(
        data=sample("auto_mpg.csv", target="mpg"),
        model=SMALL,
        training=TrainingSettings(epochs=4, optimizer="sgd", nesterov=True),
        policy=OneCycleSettings(max_lr=0.05, warmup=0.5, cycle_momentum=True),
    ),
    "momentum of RMSprop": RunSettings(
        data=sample("penguins.csv", target="species"),
        model=SMALL,
        training=TrainingSettings(
            epochs=4,
            optimizer="rmsprop",
            early_stopping=EarlyStoppingSettings(enabled=False, restore_best=False),
        ),
        policy=CLRSettings(step_size=1, cycle_momentum=True, base_momentum=0.5),
    ),
    "beta_1 of two networks": RunSettings(
        data=sample("penguins.csv", target="species"),
        model=SMALL,
        training=TrainingSettings(epochs=3, members=2),
        policy=SGDRSettings(T_0=1, cycle_momentum=True, base_momentum=0.5, max_momentum=0.9),
    ),
    "momentum of a race": RunSettings(
        data=sample("auto_mpg.csv", target="mpg"),
        model=SMALL,
        training=TrainingSettings(
            epochs=6,
            optimizer="sgd",
            early_stopping=EarlyStoppingSettings(enabled=False, restore_best=False),
            groups=GroupSettings(early=0.3, head=2),
        ),
        policy=CLRSettings(source="raced", step_size=1, cycle_momentum=True, base_momentum=0.8),
    ),
    "beta_1 of folds": RunSettings(
        data=sample("penguins.csv", target="species", folds=2),
        model=SMALL,
        training=TrainingSettings(epochs=2),
        policy=CLRSettings(step_size=1, cycle_momentum=True, base_momentum=0.5),
    ),
    "momentum of groups": RunSettings(
        data=sample("penguins.csv", target="species"),
        model=LAYERS,
        training=TrainingSettings(
            epochs=4, optimizer="sgd", groups=GroupSettings(early=0.1, middle=0.5, frozen_epochs=1)
        ),
        policy=CLRSettings(step_size=1, cycle_momentum=True, base_momentum=0.5),
    ),
    "gradual": RunSettings(
        data=sample("penguins.csv", target="species"),
        model=LAYERS,
        training=TrainingSettings(
            epochs=5,
            optimizer="adamw",
            weight_decay=0.1,
            groups=GroupSettings(early=0.1, middle=0.5, head=2, frozen_epochs=1, early_frozen_epochs=2),
        ),
        policy=FixedSettings(learning_rate=0.01),
    ),
    # In the middle of the epoch in which the early layers begin to move.
    "gradual, stopped": RunSettings(
        data=sample("auto_mpg.csv", target="mpg"),
        model=LAYERS,
        training=TrainingSettings(
            epochs=6,
            optimizer="sgd",
            early_stopping=EarlyStoppingSettings(enabled=False, restore_best=False),
            groups=GroupSettings(early_frozen_epochs=2),
        ),
        policy=FixedSettings(learning_rate=0.003),
    ),
    "frozen, from a run": RunSettings(
        data=sample("penguins.csv", target="species"),
        model=LAYERS,
        training=TrainingSettings(epochs=3, seed=4, groups=GroupSettings(early=0, middle=0.2)),
        policy=FixedSettings(learning_rate=0.01),
    ),
    "gradual networks": RunSettings(
        data=sample("breast_cancer.csv", target="diagnosis"),
        model=LAYERS,
        training=TrainingSettings(
            epochs=5,
            members=2,
            optimizer="adamw",
            weight_decay=0.1,
            groups=GroupSettings(early=0.1, middle=0.5, head=2, frozen_epochs=1, early_frozen_epochs=2),
        ),
        policy=FixedSettings(learning_rate=0.01),
    ),
    "pruned networks, frozen, from a run": RunSettings(
        data=sample("penguins.csv", target="species"),
        model=LAYERS,
        training=TrainingSettings(
            epochs=4,
            members=2,
            groups=GroupSettings(early=0),
            pruning=PruningSettings(enabled=True, final_sparsity=60, last_epoch=2),
        ),
        policy=FixedSettings(learning_rate=0.01),
    ),
    "pruned folds, from a run": RunSettings(
        data=sample("penguins.csv", target="species", folds=3),
        model=SMALL.model_copy(update={"number_embedding": "bins"}),
        training=TrainingSettings(epochs=4, pruning=PruningSettings(enabled=True, last_epoch=2)),
        policy=FixedSettings(learning_rate=0.01),
    ),
    "folds in the order of time, from a run": RunSettings(
        data=sample("auto_mpg.csv", target="mpg", folds=3, split="time", split_column="model_year"),
        model=SMALL,
        training=TrainingSettings(epochs=3, pruning=PruningSettings(enabled=True, scope="each")),
        policy=FixedSettings(learning_rate=0.01),
    ),
    "mixed_bfloat16": RunSettings(
        data=sample("penguins.csv", target="species"),
        model=SMALL,
        training=TrainingSettings(epochs=3, precision="mixed_bfloat16"),
    ),
}
STOPS = {"stopped": 2, "stopped, last weights": 1, "momentum of RMSprop": 2, "momentum of a race": 3}
STOPS |= {"gradual, stopped": 2, "pruned, stopped": 1}
_EARLY = dict.fromkeys(("multi-class", "criterion", "target"), "early_stopping")
_EARLY |= {case: "early_stopping" for case in CASES if "with a criterion" in case}
ENDINGS = _EARLY | {"diverged": "diverged"} | dict.fromkeys(STOPS, "stopped")
# Whose rows go in blocks of 64.
IN_BLOCKS = {"regression", "stopped, last weights", "two networks"}
