"""Studies: what their runs share, what is refused, and that nothing is lost."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from lrapp.errors import UserError
from lrapp.execution import worker
from lrapp.experiments import studies, study_files
from lrapp.experiments.comparing import StudyRun, compare
from lrapp.experiments.studies import Candidate, Plan, contenders
from lrapp.experiments.study_files import Member, Study
from lrapp.runs import store as runs
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    CLRSettings,
    CosLog4Settings,
    DataSettings,
    EarlyStoppingSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    OneCycleSettings,
    PolicySettings,
    RunSettings,
    SampleSource,
    SGDRSettings,
    TrainingSettings,
)
from lrapp.settings.base import checked

BASE = RunSettings(
    training=TrainingSettings(
        epochs=12,
        seed=99,
        early_stopping=EarlyStoppingSettings(enabled=True, monitor="val_metric", patience=3),
    )
)
FIXED, CLR = FixedSettings(learning_rate=0.01), CLRSettings(source="found")
PLAN = Plan("a study", BASE, contenders([FIXED, CLR]), (0, 7))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def end(store: Store, study: Study) -> list[Run]:
    found = [store.get(member.run_id) for member in study.members]
    for run in found:
        run.set_status(state="completed")
    return found


# --- making --------------------------------------------------------------------------------------------------


def test_the_runs_differ_in_seed_and_policy_only(store: Store) -> None:
    study = studies.create(store, PLAN)
    assert [(member.label, member.seed) for member in study.members] == [
        ("Fixed 0.01", 0),
        ("CLR (found)", 0),
        ("Fixed 0.01", 7),
        ("CLR (found)", 7),
    ]
    for member in study.members:
        run = store.get(member.run_id)
        assert run.status.state == "queued"
        told = json.loads((run.folder / "run.json").read_text("utf-8"))
        assert told.pop("policy")["type"] == ("fixed" if member.label.startswith("Fixed") else "clr")
        assert told["training"].pop("seed") == member.seed
        assert told["training"]["early_stopping"].pop("enabled") is False
        assert told.pop("closer_look") is False
        assert told.pop("name") == f"a study: {member.label}, seed {member.seed}"
        expected = json.loads(BASE.to_json())
        del expected["policy"], expected["name"], expected["closer_look"], expected["training"]["seed"]
        del expected["training"]["early_stopping"]["enabled"]
        assert told == expected
    assert study.labels == ("Fixed 0.01", "CLR (found)")
    assert study.seeds == (0, 7)


def test_all_get_the_same_number_of_updates(store: Store) -> None:
    study = studies.create(store, PLAN)
    lengths = {len(store.get(member.run_id).settings.plan(333)) for member in study.members}
    assert lengths == {12 * 11}


def test_a_study_is_found_again(store: Store) -> None:
    study = studies.create(store, PLAN)
    assert study_files.get(store, study.id) == study
    later = studies.create(store, replace(PLAN, name="later"))
    assert study_files.every(store) == [later, study]


@pytest.mark.parametrize(
    ("policies", "yardstick"),
    [([CLR, FIXED, FixedSettings(learning_rate=0.1)], "Fixed 0.01"), ([CLR, SGDRSettings()], "CLR (found)")],
)
def test_the_first_fixed_policy_is_the_yardstick(
    store: Store, policies: list[PolicySettings], yardstick: str
) -> None:
    assert studies.create(store, replace(PLAN, contenders=contenders(policies))).yardstick == yardstick


def test_names_say_what_differs() -> None:
    policies: list[PolicySettings] = [
        FIXED,
        FIXED,
        FixedSettings(source="found"),
        CLRSettings(base_lr=0.001, max_lr=0.25),
        CLRSettings(mode="exp_range", source="found"),
        SGDRSettings(max_lr=0.5),
        OneCycleSettings(source="found"),
        FIXED,
        OneCycleSettings(max_lr=0.1, cycle_momentum=True, base_momentum=0.8),
    ]
    assert [one.label for one in contenders(policies)] == [
        "Fixed 0.01",
        "Fixed 0.01 (2)",
        "Fixed (found)",
        "CLR 0.001–0.25",
        "CLR exp_range (found)",
        "SGDR 0.5",
        "One-cycle (found)",
        "Fixed 0.01 (3)",
        "One-cycle 0.1, momentum 0.95–0.8",
    ]


def test_a_disk_that_fills_leaves_no_runs_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Run] = []
    create = store.create

    def fills(settings: RunSettings, owner: str) -> Run:
        if len(made) == 3:
            raise UserError("The disk is full.")
        made.append(create(settings, owner))
        return made[-1]

    monkeypatch.setattr(store, "create", fills)
    with pytest.raises(UserError, match=r"^The disk is full"):
        studies.create(store, PLAN)
    assert len(made) == 3
    assert store.runs() == []
    assert study_files.every(store) == []


# --- refusing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (replace(PLAN, contenders=()), r"at least two policies, .* add one\. Received: 0 over"),
        (
            replace(PLAN, contenders=contenders([FIXED]), seeds=(0,)),
            r"or one over two seeds; add one\. Received: 1 over 1 seed\.",
        ),
        (replace(PLAN, contenders=contenders([FIXED] * 9)), r"^At most 8 policies .* Received: 9\."),
        (replace(PLAN, seeds=()), r"needs 1 to 20 seeds\. Received: 0\."),
        (replace(PLAN, seeds=tuple(range(21))), r"needs 1 to 20 seeds\. Received: 21\."),
        (replace(PLAN, seeds=(1, 2, 1)), r"^Each seed must be another number.* Received: 1, 2, 1\."),
        (
            replace(PLAN, contenders=(Candidate("a", FIXED), Candidate("a", CLR))),
            r"^Each policy needs a name of its own\. Received: a, a\.",
        ),
        (replace(PLAN, contenders=(Candidate("a\nb", FIXED), Candidate("c", CLR))), r"must be one line"),
        (replace(PLAN, contenders=(Candidate("", FIXED), Candidate("c", CLR))), r"must be one line"),
    ],
)
def test_what_compares_nothing_is_refused(store: Store, plan: Plan, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        studies.check(plan)
    with pytest.raises(UserError, match=sentence):
        studies.create(store, plan)
    assert store.runs() == []


def test_bounds_out_of_order_are_refused_by_the_name_of_their_policy(store: Store) -> None:
    wrong = replace(PLAN, contenders=contenders([FIXED, CLRSettings(base_lr=0.5, max_lr=0.1)]))
    with pytest.raises(UserError, match=r"^CLR 0\.5–0\.1: .*base_lr"):
        studies.create(store, wrong, training_rows=1_000)
    assert store.runs() == []


def test_a_cycle_longer_than_the_run_is_allowed_but_said(subtests: pytest.Subtests) -> None:
    cases: list[tuple[PolicySettings, str | None]] = [
        (CLRSettings(step_size=6), None),
        (CLRSettings(step_size=7), "CLR 0.001–0.01: its first cycle ends after 14 epochs, the run after 12"),
        (CLRSettings(step_size=6, warmup=1), "its first cycle ends after 13 epochs, the run after 12"),
        # 100 rows make 4 steps an epoch, so 48 in all.
        (SGDRSettings(T_0=48, unit="steps"), None),
        (
            SGDRSettings(T_0=49, unit="steps"),
            "SGDR 0.01: its first cycle ends after 49 steps, the run after 48",
        ),
        (OneCycleSettings(), None),
    ]
    for policy, remark in cases:
        with subtests.test(f"{policy!r}"):
            remarks = studies.check(replace(PLAN, contenders=contenders([FIXED, policy])), training_rows=100)
            assert len(remarks) == (remark is not None)
            if remark is not None:
                assert remark in remarks[0]


def test_networks_that_cannot_train_at_once_are_refused_before_anything_starts(store: Store) -> None:
    raced = contenders([FIXED, CLRSettings(source="raced")])
    plan = replace(PLAN, contenders=raced)
    assert studies.check(plan) == []
    assert [one.networks for one in studies.one_of_each(plan)] == [1, 8]
    folds = BASE.model_copy(update={"data": DataSettings(folds=5)})
    pictures = BASE.model_copy(update={"model": ModelSettings(layers=(LayerSettings(kind="conv"),))})
    for base in (folds, pictures):
        with pytest.raises(UserError, match=r"^CLR \(raced\): .*choose the rates yourself"):
            studies.create(store, replace(plan, base=base))
    assert store.runs() == []


def test_one_seed_is_allowed_but_said() -> None:
    assert "One seed cannot" in studies.check(replace(PLAN, seeds=(5,)))[0]
    assert studies.check(PLAN) == []


# --- keeping -------------------------------------------------------------------------------------------------


def test_a_deleted_study_comes_back_with_its_runs(store: Store) -> None:
    study = studies.create(store, PLAN)
    other = store.create(BASE)
    end(store, study)
    study_files.delete(store, study)
    assert study_files.every(store) == []
    assert store.runs() == [other]
    with pytest.raises(UserError, match=r"^There is no such comparison"):
        study_files.get(store, study.id)
    assert study_files.restore(store, study.id) == study
    assert {run.id for run in store.runs()} == {other.id, *(member.run_id for member in study.members)}
    assert not list((store.home / "bin").iterdir())
    with pytest.raises(UserError, match=r"no longer in the bin"):
        study_files.restore(store, study.id)


def test_the_bin_is_emptied_of_studies_too(store: Store) -> None:
    study = studies.create(store, PLAN)
    end(store, study)
    study_files.delete(store, study)
    store.tidy(older_than_days=-1)
    assert not list((store.home / "bin").iterdir())
    with pytest.raises(UserError, match=r"no longer in the bin"):
        study_files.restore(store, study.id)


def test_a_study_in_training_is_not_deleted(store: Store) -> None:
    study = studies.create(store, PLAN)
    end(store, study)[1].set_status(state="running")
    with pytest.raises(UserError, match=r"^Stop this comparison"):
        study_files.delete(store, study)
    assert study_files.every(store) == [study]
    assert len(store.runs()) == 4


def test_members_that_are_gone_or_damaged_keep_nothing_from_working(store: Store) -> None:
    study = studies.create(store, PLAN)
    found = end(store, study)
    shutil.rmtree(found[0].folder)
    (found[1].folder / "status.json").write_text("{")
    assert study_files.run_of(store, study.members[0]) is None
    assert study_files.run_of(store, study.members[2]) == found[2]
    study_files.delete(store, study)
    assert store.runs() == []
    assert study_files.restore(store, study.id) == study
    assert len(store.runs()) == 3


def test_a_damaged_study_is_a_sentence_and_the_others_stay(store: Store) -> None:
    study, other = studies.create(store, PLAN), studies.create(store, PLAN)
    (store.home / "studies" / f"{study.id}.json").write_text("{")
    with pytest.raises(UserError, match=r"^The file of this comparison is damaged\. Its runs are still"):
        study_files.get(store, study.id)
    assert study_files.every(store) == [other]


@pytest.mark.parametrize("name", ["..", "../runs", "", "x" * 300, "20260101-000000000000-0123456789abcdef"])
def test_an_id_from_an_address_is_never_a_path(store: Store, name: str) -> None:
    with pytest.raises(UserError, match=r"^There is no such comparison"):
        study_files.get(store, name)
    with pytest.raises(UserError):
        study_files.restore(store, name)


def test_a_file_from_elsewhere_cannot_name_a_path(store: Store) -> None:
    with pytest.raises(ValueError, match="run_id"):
        Member(label="a", seed=0, run_id="../../x")


# --- the ready-made study ------------------------------------------------------------------------------------


def test_the_ready_made_study_is_the_experiment() -> None:
    plan = studies.what_cyclical_rates_do(SampleSource(name="penguins.csv"), "species")
    assert (plan.base.data.validation_share, plan.base.data.test_share) == (0.2, 0.0)
    assert [layer.units for layer in plan.base.model.layers] == [64, 32]
    training = plan.base.training
    assert (training.optimizer, training.momentum, training.batch_size, training.epochs) == (
        "sgd",
        0.0,
        350,
        50,
    )
    assert [one.label for one in plan.contenders] == ["Fixed 0.01", "CLR (found)"]
    assert len(plan.seeds) == 3
    assert studies.check(plan, training_rows=56_000) == []
    assert TypeAdapter(PolicySettings).validate_python(plan.contenders[1].policy).source == "found"


def test_all_ids_have_one_form() -> None:
    assert study_files._ID.pattern == runs.ID.pattern


# --- in training ---------------------------------------------------------------------------------------------


def test_policies_start_from_the_same_weights_and_rows_of_each_seed(store: Store) -> None:
    base = RunSettings(
        data=DataSettings(source=SampleSource(name="auto_mpg.csv"), target="mpg"),
        model=ModelSettings(layers=(LayerSettings(units=4),)),
        training=TrainingSettings(epochs=2, batch_size=128),
    )
    high: list[PolicySettings] = [FixedSettings(learning_rate=0.001), FixedSettings(learning_rate=1000)]
    study = studies.create(store, Plan("tiny", base, contenders(high), (0, 1)))
    first: dict[tuple[str, int], float] = {}
    trials = []
    for member in study.members:
        run = store.get(member.run_id)
        outcome = worker.work(run.folder, store.home)
        history = run.history()
        first[member.label, member.seed] = float(history.step_frame()["loss"][0])
        trials.append(StudyRun(member.label, member.seed, outcome.state, history))
    # The first loss comes before the first update: it knows weights and rows, but no rate.
    assert first["Fixed 0.001", 0] == first["Fixed 1,000", 0]
    assert first["Fixed 0.001", 1] == first["Fixed 1,000", 1]
    assert first["Fixed 0.001", 0] != first["Fixed 0.001", 1]
    found = compare(trials, study.yardstick)
    assert found is not None
    assert [result.runs for result in found.results] == [2, 2]
    assert found.verdict()


def test_no_policys_own_name_is_too_long(store: Store) -> None:
    rates = {"base_lr": 1.23456e-10, "max_lr": 9.87654e-7, "min_lr": 1.23456e-10, "learning_rate": 9.87654e-7}
    moving = {"cycle_momentum": True, "base_momentum": 0.00001234567, "max_momentum": 0.9876543}
    for kind in (FixedSettings, CLRSettings, SGDRSettings, OneCycleSettings, CosLog4Settings):
        for mode in ("triangular", "triangular2", "exp_range") if kind is CLRSettings else ("",):
            given = (rates | moving | {"mode": mode}).items()
            policy = kind.model_validate({name: one for name, one in given if name in kind.model_fields})
            for source in ("chosen", "found", "raced"):
                several = contenders([checked(policy, source=source)] * studies.MOST_POLICIES)
                for one in several:
                    Member(label=one.label, seed=0, run_id="20260101-000000000001-0123456789abcdef")
                plan = Plan("a study" * 20, BASE, several, (2**31 - 1,))
                studies.check(plan)
                run = store.create(studies.settings_of(plan, several[-1], plan.seeds[0]))
                assert store.get(run.id).settings.name.endswith(", seed 2147483647")
