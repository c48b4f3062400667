"""The Compare page: policies compared over seeds, or a random search; and their results."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from lrapp import memory
from lrapp.errors import UserError
from lrapp.experiments import run_table, studies, study_files
from lrapp.experiments.studies import MOST_POLICIES, MOST_SEEDS, Plan
from lrapp.experiments.study_files import Study
from lrapp.networks import cost
from lrapp.phrasing import counted
from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.settings import (
    DataSettings,
    FixedSettings,
    PolicySettings,
    RunSettings,
    SampleSource,
    Source,
    starting_policy,
)
from lrapp.settings.base import checked
from lrapp.ui.compare import search_form
from lrapp.ui.compare import study as study_view
from lrapp.ui.parts import access, actions, draft, kinds, reading, resources, session, start_buttons
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.train import learning_rate

# The table of the ready-made study: by its target, and where tests and benchmarks keep it.
_CARDIO = "cardio"
_CARDIO_FILE = "cardio_train.csv"
_OTHERWISE, _OTHERWISE_TARGET, _OTHERWISE_BATCH = "breast_cancer.csv", "diagnosis", 32
_KINDS = {
    "fixed": "Fixed",
    "clr": "Cyclical (CLR)",
    "sgdr": "Warm restarts (SGDR)",
    "one-cycle": "One-cycle",
    "coslog4": "Growing cycles (coslog4)",
}
_POLICIES, _SEARCH = "Policies", "Random search"
_TRAIN_PAGE = "The policy of the Train page"


@dataclass
class PolicyRow:
    """One policy that is being set up."""

    number: int
    policy: PolicySettings


def page() -> None:
    """Show the page."""
    st.subheader("Compare", anchor=False)
    _undo()
    study_id = st.query_params.get("study") or session.state().study
    if study_id:
        session.state().study = st.query_params["study"] = study_id
        if st.button("New comparison", icon=":material/add:"):
            _open(None)
        study_view.show(study_id, _delete)
    else:
        _new()
    _earlier(study_id)


def _open(study_id: str | None) -> None:
    if study_id is None:
        session.state().study = None
        st.query_params.pop("study", None)
    else:
        session.state().study = st.query_params["study"] = study_id
    st.rerun()


# --- a new comparison ----------------------------------------------------------------------------------------


def _new() -> None:
    # Kept in the session, as Streamlit forgets the widgets of other pages.
    what = st.segmented_control(
        "What to compare",
        [_POLICIES, _SEARCH],
        default=session.state().compare_what or _POLICIES,
        key="compare.what",
        required=True,
        label_visibility="collapsed",
    )
    session.state().compare_what = what
    if what == _SEARCH:
        _new_search()
    else:
        _new_policies()


def _new_search() -> None:
    st.caption(
        "Which settings suit your data? Trials draw theirs at random from ranges that you choose, all else stays as on "
        "the Train page. That finds good ones in fewer runs than a grid, because every trial tries another value of "
        f"every setting ([Bergstra and Bengio 2012]({search_form.PAPER}))."
    )
    search_form.offer_ready()
    found = _base_or_trouble()
    if found is None:
        return
    base, expected = found
    st.caption(f"{_in_words(base)} Policy: {plain(studies.label_of(base.policy))}.")
    started = search_form.show(base, expected)
    if started is not None:
        token = start_buttons.token(search_form.START)
        _open(actions.search(*started, expected.rows, token).id)


def _new_policies() -> None:
    st.caption(
        "Which learning rate policy suits your data? Here each trains the same network on the same rows for the same "
        "number of updates, several times over with other seeds, so that chance is not mistaken for a difference."
    )
    with st.container(border=True):
        left, right = st.columns([4, 2], vertical_alignment="center")
        left.markdown(
            f"**{studies.CYCLICAL}**: a fixed rate against a cyclical one whose bounds a range test finds; plain SGD, "
            "50 epochs, three seeds. On the cardiovascular table if you have uploaded it (a table with a column "
            f"called {_CARDIO}), else on the breast cancer sample."
        )
        if right.button(
            "Run this study", icon=":material/science:", width="stretch", key=start_buttons.key("ready-made")
        ):
            _open(actions.compare(_ready_made(), token=start_buttons.token("ready-made")).id)
    st.markdown("**Your own comparison**")
    found = _base_or_trouble()
    if found is None:
        return
    base, expected = found
    st.caption(_in_words(base))
    policies = _policies(base)
    plan = _plan(base, policies)
    rows = expected.rows
    obstacle = None
    try:
        for remark in studies.check(plan, rows):
            st.info(plain(remark, None), icon=":material/info:")
        _budget(plan, expected)
    except UserError as error:
        obstacle = str(error)
        st.warning(plain(obstacle, None), icon=":material/warning:")
    if st.button(
        "Compare",
        type="primary",
        icon=":material/play_arrow:",
        disabled=obstacle is not None,
        help="Starts all runs, one after the other.",
        key=start_buttons.key("compare"),
    ):
        _open(actions.compare(plan, rows, start_buttons.token("compare")).id)


def _base_or_trouble() -> tuple[RunSettings, ExpectedShape] | None:
    """As ``_base``, with a worker ready; None, and a sentence on the page, where the Train page has no data."""
    try:
        base, expected = _base()
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        st.caption("Choose another table or target on the Train page.")
        return None
    resources.prewarm(base)
    return base, expected


def _base() -> tuple[RunSettings, ExpectedShape]:
    """What all runs share: the settings of the Train page, with a target, and what the network will be given."""
    settings = draft.get()
    return kinds.of(settings.data.kind).base(settings)


def _in_words(base: RunSettings) -> str:
    optimizer = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}[
        base.training.optimizer
    ]
    return (
        f"From the Train page, where it can be changed: {plain(base.data.title)}, layers "
        f"{plain(run_table.network(base), None)}, {optimizer}, batches of {counted(base.training.batch_size, 'row')}."
    )


def _rows(base: RunSettings) -> list[PolicyRow]:
    # As on the Train page, SGD and the adaptive optimizers each keep their own numbers.
    kept, family = session.state().compare_rows, draft.family(base.training.optimizer)
    if family not in kept:
        fixed, clr = list(_presets(base).values())[:2]
        kept[family] = [PolicyRow(0, fixed), PolicyRow(1, clr)]
    return kept[family]


def _presets(base: RunSettings) -> dict[str, PolicySettings]:
    optimizer = base.training.optimizer
    found = {
        f"{_KINDS[kind]}, rates found": checked(starting_policy(kind, optimizer), source="found")
        for kind in ("clr", "sgdr", "one-cycle", "coslog4")
    }
    fixed = starting_policy("fixed", optimizer)
    return {studies.label_of(fixed): fixed, **found, _TRAIN_PAGE: base.policy}


def _policies(base: RunSettings) -> list[PolicySettings]:
    rows = _rows(base)
    family = draft.family(base.training.optimizer)
    places = st.columns(2)
    for position, row in enumerate(list(rows)):
        key = f"compare.{family}.{row.number}"
        with places[position % 2], st.container(border=True):
            left, right = st.columns([5, 1], vertical_alignment="bottom")
            kind = left.selectbox(
                f"Policy {position + 1}",
                list(_KINDS),
                index=list(_KINDS).index(row.policy.type),
                format_func=lambda kind: _KINDS[kind],
                key=f"{key}.kind",
            )
            if right.button("", icon=":material/close:", key=f"{key}.remove", help="Leave this policy out"):
                rows.remove(row)
                st.rerun()
            if kind != row.policy.type:
                fresh = starting_policy(kind, base.training.optimizer)
                row.policy = (
                    fresh if isinstance(fresh, FixedSettings) else checked(fresh, source=row.policy.source)
                )
            called = st.empty()
            # A fixed title: one that followed the numbers would close it while the person types.
            with st.expander(f"Settings of policy {position + 1}", icon=":material/tune:"):
                row.policy = learning_rate.numbers(row.policy, f"{key}.{kind}")
            called.caption(plain(studies.label_of(row.policy)))
    presets = _presets(base)
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    chosen = left.selectbox(
        "One more policy", list(presets), index=min(len(rows), len(presets) - 1), key="compare.add"
    )
    if right.button(
        "Add", icon=":material/add:", width="stretch", disabled=len(rows) >= MOST_POLICIES, key="compare.more"
    ):
        rows.append(PolicyRow(1 + max((row.number for row in rows), default=-1), presets[chosen]))
        st.rerun()
    return [row.policy for row in rows]


def _plan(base: RunSettings, policies: list[PolicySettings]) -> Plan:
    # Kept in the session, as Streamlit forgets the widgets of other pages.
    kept = session.state().compare_numbers
    left, right = st.columns(2)
    seeds = left.number_input(
        "Seeds",
        min_value=1,
        max_value=MOST_SEEDS,
        value=kept.get("seeds", 3),
        key="compare.seeds",
        help="How often each policy trains, with other initial weights and another order of rows. "
        "More seeds show smaller differences.",
    )
    epochs = right.number_input(
        "Epochs",
        min_value=1,
        max_value=100_000,
        value=kept.get("epochs", base.training.epochs),
        key="compare.epochs",
        help="How often every training row is used, the same for all. Early stopping is off in comparisons.",
    )
    kept["seeds"] = seeds
    if epochs != base.training.epochs or "epochs" in kept:
        kept["epochs"] = epochs
    training = base.training.model_copy(update={"epochs": epochs})
    first = training.seed
    return Plan(
        name=" or ".join(one.label for one in studies.contenders(policies))[:200],
        base=base.model_copy(update={"training": training}),
        contenders=studies.contenders(policies),
        seeds=tuple(range(first, first + seeds)),
    )


def _budget(plan: Plan, expected: ExpectedShape) -> None:
    """Say what the study will take."""
    costs = [cost.estimate_expected(one, expected) for one in studies.one_of_each(plan)]
    estimate = max(costs, key=lambda one: one.memory_bytes)
    each = "Each run" if len(set(costs)) == 1 else "The largest of them"
    cost.check_memory(estimate, memory.available_bytes())
    number, seeds = len(plan.contenders), len(plan.seeds)
    found = sum(one.policy.source == "found" for one in plan.contenders)
    test = plan.base.range_test
    text = (
        f"{number} policies x {counted(seeds, 'seed')} = {number * seeds} runs of "
        f"{counted(estimate.steps, 'update')} each, with early stopping off. {each}: {estimate.sentence}"
    )
    if found:
        per_epoch = math.ceil(expected.rows / plan.base.training.batch_size)
        text += f" On top of that, {found * seeds} runs begin with {test.told(per_epoch)}"
        text += "." if test.rise == "linear" else "; the result shows how many these were."
    st.caption(plain(text, None))


def _ready_made() -> Plan:
    source = _cardio()
    if source is not None:
        return studies.what_cyclical_rates_do(source, _CARDIO)
    sample = SampleSource(name=_OTHERWISE)
    return studies.what_cyclical_rates_do(sample, _OTHERWISE_TARGET, _OTHERWISE_BATCH)


def _cardio() -> Source | None:
    """The cardiovascular table, as uploaded or as it lies ready for tests."""
    uploads = session.state().uploads
    for source in dict.fromkeys([draft.get().data.source, *reversed(uploads)]):
        try:
            if _CARDIO in resources.table(DataSettings(source=source)).kinds:
                return source
        except (UserError, reading.StillReading):
            continue
    folder = os.environ.get("LRAPP_TEST_DATA")
    path = Path(folder) / _CARDIO_FILE if folder else None
    if path is None or not path.exists():
        return None
    kept = resources.store().keep_file(path.read_bytes(), _CARDIO_FILE)
    access.uploaded(kept)
    return kept


# --- earlier ones --------------------------------------------------------------------------------------------


def _earlier(current: str | None) -> None:
    # As with runs, LRAPP_RUNS=own keeps each visitor of a public server to their own.
    every = [study for study in study_files.every(resources.store()) if access.may("look", study)]
    others = [study for study in every if study.id != current]
    if not others:
        return
    st.divider()
    st.markdown("**Earlier comparisons and searches**")
    for study in others[:20]:
        left, right = st.columns([5, 1], vertical_alignment="center")
        seeds = "seed" if len(study.seeds) == 1 else "seeds"
        what = f"{len(study.labels)} policies, {len(study.seeds)} {seeds}"
        if study.search is not None:
            what = f"{len(study.members)} trials"
        left.markdown(f"{plain(study.name, 100)} · {what} · {study.created:%d %b %Y, %H:%M} UTC")
        if right.button("Open", key=f"open.{study.id}", width="stretch"):
            _open(study.id)
    if len(others) > 20:
        st.caption(f"The newest 20 of {len(others):,}.")


def _delete(study: Study) -> None:
    actions.delete_study(study)
    session.state().deleted_study, session.state().deleted_word = study.id, study.word
    _open(None)


def _undo() -> None:
    kept = session.state()
    if kept.deleted_study and resources.undo(f"The {plain(kept.deleted_word)} and its runs were deleted."):
        deleted, kept.deleted_study = kept.deleted_study, ""
        _open(actions.restore_study(deleted).id)
