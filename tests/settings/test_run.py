"""The tree of settings: JSON in and out, errors that name the field, and the plan that follows from it."""

import json
import math
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from lrapp.errors import UserError
from lrapp.settings import (
    MOST_STEPS,
    CLRSettings,
    DataSettings,
    EarlyStoppingSettings,
    FileSource,
    FixedSettings,
    GroupSettings,
    LayerSettings,
    ModelSettings,
    OneCycleSettings,
    RunSettings,
    SGDRSettings,
    TrainingSettings,
    describe,
)

FULL = RunSettings(
    name="Größe 🐧 \n$x$",
    data=DataSettings(source=FileSource(name="../../etc/passwd", sha256="0f" * 32), target="a.b[0]'\"\\"),
    model=ModelSettings(layers=(LayerSettings(units=3, dropout=0.5, l1=1e-5, batch_norm=True),)),
    training=TrainingSettings(
        optimizer="sgd",
        batch_size=7,
        epochs=3,
        seed=2**31 - 1,
        precision="mixed_bfloat16",
        early_stopping=EarlyStoppingSettings(enabled=False, monitor="val_metric", min_delta=1e-9),
    ),
    policy=SGDRSettings(max_lr=0.1, T_0=2.5, T_mult=1.1, decay=0.3, unit="steps", warmup=2),
)


def changed(path: str, value: object) -> str:
    """The JSON of the defaults with one field replaced or added."""
    tree: Any = json.loads(RunSettings().to_json())
    *parents, last = path.split(".")
    place = tree
    for name in parents:
        place = place[int(name)] if name.isdigit() else place[name]
    place[last] = value
    return json.dumps(tree)


def test_defaults_are_valid_and_start_something() -> None:
    settings = RunSettings()
    assert RunSettings.from_json("{}") == settings
    assert isinstance(settings.policy, CLRSettings)
    assert 2 <= settings.policy.step_size <= 10
    assert settings.plan(200).shape == (math.ceil(200 / 32) * 50,)


def test_json_takes_everything_there_and_back(subtests: pytest.Subtests) -> None:
    for settings in [
        RunSettings(),
        FULL,
        RunSettings(policy=FixedSettings(learning_rate=0.1 + 0.2)),
        RunSettings(policy=OneCycleSettings(max_lr=1 / 3)),
        RunSettings(model=ModelSettings(layers=())),
    ]:
        with subtests.test(f"{settings!r}"):
            text = settings.to_json()
            assert RunSettings.from_json(text) == settings
            assert RunSettings.from_json(text.encode()) == settings
            assert RunSettings.from_json(text).to_json() == text
            assert len(text.splitlines()) > 40, "a person reads it"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("training.batch_size", 0),
        ("training.batch_size", 1_000_001),
        ("training.batch_size", 2.5),
        ("training.epochs", 0),
        ("training.epochs", -3),
        ("training.epochs", "many"),
        ("training.seed", -1),
        ("training.seed", 2**31),
        ("training.momentum", 1.0),
        ("training.optimizer", "lion"),
        ("training.precision", "float64"),
        ("training.xla", True),
        ("training.weight_decay", -1e-9),
        ("training.early_stopping.patience", 0),
        ("training.early_stopping.min_delta", -0.1),
        ("training.early_stopping.monitor", "loss"),
        ("model.layers.0.units", 0),
        ("model.layers.1.units", 10**30),
        ("model.layers.0.dropout", 1),
        ("model.layers.0.l2", -1),
        ("model.layers.0.activation", "sign"),
        ("model.layers", [{}] * 51),
        ("data.clip", 0.5),
        ("data.clip", 0),
        ("data.validation_share", 0),
        ("data.test_share", 1),
        ("data.min_category_rows", 0),
        ("data.max_categories", 1),
        ("data.scaling", "none"),
        ("data.split_seed", -1),
        ("data.dialect.delimiter", ";;"),
        ("data.source.name", None),
        ("policy.max_lr", -0.5),
        ("policy.max_lr", 1e4),
        ("policy.step_size", 0),
        ("policy.gamma", 0),
        ("policy.mode", "square"),
        ("policy.warmup", -1),
        ("policy.base_momentum", -0.1),
        ("policy.max_momentum", 1.5),
        ("policy.unit", "batches"),
        ("name", "n" * 201),
        ("version", 2),
    ],
)
def test_one_sentence_names_the_field_and_what_was_received(path: str, value: object) -> None:
    with pytest.raises(UserError) as raised:
        RunSettings.from_json(changed(path, value))
    sentence = str(raised.value)
    assert sentence.startswith((f"The setting “{path}” is not valid: ", f"The setting “{path}” must be "))
    received = sentence.split(" Received: ")[1]
    assert received.removesuffix(".")[:50] == str(value)[:50]
    assert "\n" not in sentence
    assert len(sentence) < 300
    assert "pydantic" not in sentence
    assert "http" not in sentence


def test_an_unknown_field_is_named(subtests: pytest.Subtests) -> None:
    for path in ["training.speed", "surprise", "policy.T_0", "model.layers.0.width", "data.path"]:
        with subtests.test(path), pytest.raises(UserError, match=rf"“{path}” is not valid: .*not permitted"):
            RunSettings.from_json(changed(path, 1))


def test_numbers_that_are_none_are_refused(subtests: pytest.Subtests) -> None:
    for value in ["NaN", "Infinity", "-Infinity", "1e999"]:
        with subtests.test(value), pytest.raises(UserError, match=r"policy.max_lr|not valid JSON"):
            RunSettings.from_json(changed("policy.max_lr", 123).replace("123", value))


def test_an_unknown_kind_of_policy_is_named() -> None:
    with pytest.raises(UserError, match=r"“policy” is not valid: .*'cosine'.*'fixed', 'clr'"):
        RunSettings.from_json('{"policy": {"type": "cosine"}}')


def test_further_mistakes_are_counted() -> None:
    two = '{"training": {"epochs": 0, "seed": -1}}'
    with pytest.raises(UserError, match=r"epochs.* Received: 0\. \(1 more field needs a look\.\)$"):
        RunSettings.from_json(two)
    three = '{"training": {"epochs": 0, "seed": -1, "momentum": 2}}'
    with pytest.raises(UserError, match=r"\(2 more fields need a look\.\)$"):
        RunSettings.from_json(three)


def test_what_is_no_json_is_called_so(subtests: pytest.Subtests) -> None:
    cases: list[str | bytes] = [
        *("", "{", "training: 5", "<html>", b"\xff\xfe{\x00}\x00", b"\x00", r'{"name": "\ud800"}')
    ]
    for text in cases:
        with (
            subtests.test(f"{text!r}"),
            pytest.raises(UserError, match=r"^These settings are not valid JSON; "),
        ):
            RunSettings.from_json(text)


def test_json_that_is_no_settings_is_refused(subtests: pytest.Subtests) -> None:
    for text in ["[]", "null", "5", '"settings"']:
        with subtests.test(text), pytest.raises(UserError, match=r"^These are no settings: .* Received: "):
            RunSettings.from_json(text)


def test_describe_says_what_was_typed_into_a_widget(subtests: pytest.Subtests) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"units": -4}, "The setting “units” must be at least 1. Received: -4."),
        ({"units": 20_000}, "The setting “units” must be at most 16,384. Received: 20000."),
        ({"dropout": 1.5}, "The setting “dropout” must be below 1.0. Received: 1.5."),
        ({"l1": "much"}, "The setting “l1” is not valid: input should be a valid number"),
    ]
    for typed, sentence in cases:
        with subtests.test(f"{typed!r}"):
            with pytest.raises(ValidationError) as raised:
                LayerSettings.model_validate(typed)
            assert describe(raised.value).startswith(sentence)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match=r"frozen"):
        RunSettings().training.epochs = 3  # type: ignore[misc]


# --- the plan -----------------------------------------------------------------------------------------------


def test_a_rate_for_every_step(subtests: pytest.Subtests) -> None:
    cases: list[tuple[int, int, int, int]] = [(100, 10, 3, 30), (101, 10, 3, 33), (9, 10, 4, 4), (1, 1, 1, 1)]
    for rows, batch, epochs, steps in cases:
        with subtests.test(f"{rows!r}"):
            settings = RunSettings(training=TrainingSettings(batch_size=batch, epochs=epochs))
            settings = settings.model_copy(update={"policy": CLRSettings(step_size=1)})
            assert settings.plan(rows).shape == (steps,)


def test_lengths_in_epochs_or_steps_give_the_same_plan(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Any, Any]] = [
        (CLRSettings(step_size=2.5, warmup=1), CLRSettings(step_size=25, warmup=10, unit="steps")),
        (SGDRSettings(T_0=1.5, decay=0.5), SGDRSettings(T_0=15, decay=0.5, unit="steps")),
        (OneCycleSettings(warmup=2), OneCycleSettings(warmup=20, unit="steps")),
        (FixedSettings(warmup=0.5), FixedSettings(warmup=5, unit="steps")),
    ]
    for in_epochs, in_steps in cases:
        with subtests.test(f"{in_epochs!r}"):
            training = TrainingSettings(batch_size=10, epochs=8)
            by_epochs = RunSettings(training=training, policy=in_epochs).plan(95)
            by_steps = RunSettings(training=training, policy=in_steps).plan(95)
            assert by_epochs.tolist() == by_steps.tolist()
            assert len(np.unique(by_epochs)) > 1


def test_the_plan_reports_numbers_that_do_not_go_together(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Any, str]] = [
        (
            CLRSettings(base_lr=0.5, max_lr=0.1),
            "max_lr must be at least base_lr; .* base_lr 0.5, max_lr 0.1.",
        ),
        (SGDRSettings(min_lr=0.5, max_lr=0.1), "max_lr must be at least min_lr; .* min_lr 0.5, max_lr 0.1."),
        (CLRSettings(step_size=0.01), "Step size must be at least 1 step. Received: 0.1."),
        (CLRSettings(step_size=0.5, unit="steps"), "Step size must be at least 1 step. Received: 0.5."),
        (SGDRSettings(T_0=0.05), r"The first cycle \(T_0\) must be at least 1 step. Received: 0.5."),
        (FixedSettings(warmup=0.02), "Warm-up must be at least 1 step. Received: 0.2."),
        (OneCycleSettings(warmup=3), "One-cycle needs a run of at least 2 steps; .* Received: 1."),
    ]
    for policy, sentence in cases:
        with subtests.test(f"{policy!r}"):
            settings = RunSettings(training=TrainingSettings(batch_size=10, epochs=3), policy=policy)
            with pytest.raises(UserError, match=rf"^{sentence}$"):
                settings.plan(100)


def test_momentum_moves_against_the_rate_where_it_is_switched_on() -> None:
    policy = CLRSettings(unit="steps", step_size=4, cycle_momentum=True, base_momentum=0.8, max_momentum=0.9)
    training = TrainingSettings(epochs=2, batch_size=10)
    moving = RunSettings(policy=policy, training=training)
    plan = moving.momentum_plan(60)
    assert plan == pytest.approx([0.9, 0.875, 0.85, 0.825, 0.8, 0.825, 0.85, 0.875, 0.9, 0.875, 0.85, 0.825])
    still = RunSettings(policy=policy.model_copy(update={"cycle_momentum": False}), training=training)
    assert still.momentum_plan(60) is None
    assert still.plan(60).tolist() == moving.plan(60).tolist()


def test_momentum_that_cannot_move_is_a_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[dict[str, Any], TrainingSettings, str]] = [
        ({}, TrainingSettings(optimizer="sgd", momentum=0), "momentum is 0: raise momentum, or switch"),
        ({}, TrainingSettings(optimizer="rmsprop", momentum=0), "momentum is 0: raise momentum, or switch"),
        ({}, TrainingSettings(optimizer="adamw", beta_1=0), "beta_1 is 0: raise beta_1, or switch"),
        ({"base_momentum": 0.96}, TrainingSettings(), "raise max_momentum or lower base_momentum"),
        ({"base_momentum": 0.96, "source": "found"}, TrainingSettings(), "lower base_momentum"),
    ]
    for changes, training, sentence in cases:
        with subtests.test(f"{changes!r}"):
            settings = RunSettings(policy=CLRSettings(cycle_momentum=True, **changes), training=training)
            with pytest.raises(UserError, match=sentence):
                settings.check_momentum()
            with pytest.raises(UserError, match=sentence):
                settings.plan(100)
            with pytest.raises(UserError, match=sentence):
                settings.momentum_plan(100)


def test_momentum_cannot_move_against_a_fixed_rate() -> None:
    settings = RunSettings(policy=FixedSettings(cycle_momentum=True))
    for ask in (settings.check_momentum, lambda: settings.plan(100)):
        with pytest.raises(UserError, match="choose another policy or rates that differ, or switch"):
            ask()


def test_more_steps_than_memory_carries_are_refused() -> None:
    settings = RunSettings(training=TrainingSettings(batch_size=1, epochs=100_000))
    with pytest.raises(UserError, match=rf"at most {MOST_STEPS:,} steps; .* Received: 7,000,000,000"):
        settings.plan(70_000)


# --- what widgets read --------------------------------------------------------------------------------------


def _fields(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        yield f"{path}{name}", field
        for part in _models(field.annotation):
            yield from _fields(part, f"{path}{name}.")


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _is_choice(annotation: Any) -> bool:
    if get_origin(annotation) is Literal:
        return len(get_args(annotation)) > 1
    return annotation in (int, float, bool) or any(_is_choice(argument) for argument in get_args(annotation))


FIELDS = list(_fields(RunSettings))


def test_the_walk_sees_the_whole_tree() -> None:
    assert {
        "data.dialect.decimal",
        "model.layers.units",
        "training.early_stopping.patience",
        "policy.T_mult",
        "policy.unit",
    } <= {path for path, _ in FIELDS}


def test_every_number_and_choice_has_a_title_and_a_sentence() -> None:
    said = {
        path: (field.title, field.description)
        for path, field in FIELDS
        if _is_choice(field.annotation) and path != "version"
    }
    assert [path for path, (title, text) in said.items() if not title or not (text or "").endswith(".")] == []


def test_every_number_has_bounds() -> None:
    bounds = {
        path: {type(rule).__name__ for rule in field.metadata}
        for path, field in FIELDS
        if field.annotation in (int, float)
    }
    assert [path for path, of in bounds.items() if not of & {"Ge", "Gt"} or not of & {"Le", "Lt"}] == []


def test_labels_name_every_choice() -> None:
    wrong = []
    for path, field in FIELDS:
        extra = field.json_schema_extra
        labels = extra.get("labels") if isinstance(extra, dict) else None
        choices = {
            choice
            for option in (field.annotation, *get_args(field.annotation))
            if get_origin(option) is Literal
            for choice in get_args(option)
        }
        if isinstance(labels, dict) and set(labels) != choices:
            wrong.append(path)
    assert wrong == []


def test_a_race_adds_seven_rates_to_the_networks_of_the_run(subtests: pytest.Subtests) -> None:
    cases: list[tuple[int, int, int]] = [(1, 8, 1), (8, 15, 8), (57, 64, 57), (64, 64, 57)]
    for members, networks, own in cases:
        with subtests.test(f"{members!r}"):
            race = RunSettings(policy=CLRSettings(source="raced"), training=TrainingSettings(members=members))
            factors = race.factors()
            assert race.networks == len(factors) == networks
            assert factors[:own] == (1.0,) * own
            assert len(set(factors)) == 8
            assert RunSettings.from_json(race.to_json()) == race
            alone = race.model_copy(update={"mode": "range test"})
            assert (alone.networks, alone.factors()) == (1, (1.0,))


def test_layers_that_never_move_are_still(subtests: pytest.Subtests) -> None:
    cases: list[tuple[GroupSettings, tuple[bool, ...]]] = [
        (GroupSettings(), (False, False, False)),
        (GroupSettings(middle=0), (False, True, False)),
        (GroupSettings(frozen_epochs=2, early_frozen_epochs=1), (True, False, False)),
        (GroupSettings(frozen_epochs=3), (True, True, False)),
    ]
    for groups, still in cases:
        with subtests.test(f"{groups!r}"):
            assert groups.still(3) == still
