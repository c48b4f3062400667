"""The Compare page: what to vary (policies, seeds, or settings by a random search), and the results."""

import math
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from lrapp import free_memory
from lrapp.charts import plans
from lrapp.errors import UserError
from lrapp.experiments import studies, study_files
from lrapp.experiments.studies import MOST_POLICIES, MOST_SEEDS, Plan
from lrapp.experiments.study_files import Study
from lrapp.networks import memory_estimate
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
    summary,
)
from lrapp.settings.base import checked
from lrapp.ui.compare import estimate, search_form
from lrapp.ui.compare import study as study_view
from lrapp.ui.compare.search_form import Prepared
from lrapp.ui.parts import access, actions, draft, kinds, reading, resources, session, start_buttons
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.train import learning_rate

# The table of the ready-made study: by its target, and where tests and benchmarks keep it.
_CARDIO = "cardio"
_CARDIO_FILE = "cardio_train.csv"
_OTHERWISE, _OTHERWISE_TARGET, _OTHERWISE_BATCH = "breast_cancer.csv", "diagnosis", 32
_POLICIES, _SEEDS, _SETTINGS = "Policies", "Seeds", "Settings"
_USE = "Try several policies, seeds or settings on the same data, and see which wins."
_ABOUT = (
    "**Policies**: same network, same rows, same seeds; only the policy differs.\n\n"
    "**Seeds**: how much is chance? The same settings, with other initial weights and another order of rows.\n\n"
    "**Settings**: each trial draws its own at random "
    f"([Bergstra and Bengio 2012]({search_form.PAPER}))."
)
_WHAT = "compare.what"
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
    study_id = _study_of_address()
    if study_id:
        if st.button("New comparison", icon=":material/add:"):
            _open(None)
        study_view.show(study_id, _delete)
    else:
        _new()
    _earlier(study_id)


def _study_of_address() -> str | None:
    """Return the study in the address, or the one that was there before another page was opened."""
    kept = session.state()
    # Where this page was open all along, the browser's Back has led to where no study is.
    kept.study = study_id = st.query_params.get("study") or (None if kept.page else kept.study)
    if study_id:
        st.query_params["study"] = study_id
    return study_id


def _open(study_id: str | None) -> None:
    if study_id is None:
        session.state().study = None
        st.query_params.pop("study", None)
    else:
        session.state().study = st.query_params["study"] = study_id
    st.rerun()


# --- a new comparison or search ------------------------------------------------------------------------------


def _new() -> None:
    st.caption(_USE)
    with st.container(horizontal=True, vertical_alignment="center"):
        # Kept in the session, as Streamlit forgets the widgets of other pages.
        session.start_with(
            _WHAT, session.state().compare_what or _POLICIES, anew=not st.session_state.get(_WHAT)
        )
        what = st.segmented_control(
            "What to vary",
            [_POLICIES, _SEEDS, _SETTINGS],
            key=_WHAT,
            required=True,
            label_visibility="collapsed",
        )
        what = session.state().compare_what = what or _POLICIES
        _examples()
    found = _base_or_trouble()
    if found is None:
        return
    base, expected = found
    st.caption(_in_words(base, with_policy=what != _POLICIES), help=_ABOUT)
    if what == _SETTINGS:
        asked, base, trouble = search_form.show(base, expected.rows)
        prepared = partial(search_form.prepare, asked, base, expected, trouble)
    else:
        policies = _policies(base, expected.rows) if what == _POLICIES else [base.policy]
        prepared = partial(_prepare, _plan(base, policies, what), expected, what)
    _start(prepared, expected)


def _start(prepare: Callable[[], Prepared], expected: ExpectedShape) -> None:
    """Say what will be done and how long it takes, and show the one button that starts it."""
    ready, obstacle = None, None
    try:
        ready = prepare()
        for remark in ready.remarks:
            st.info(plain(remark, None), icon=":material/info:")
        st.caption(plain(f"{ready.told} {estimate.sentence(ready.runs, expected)}", None))
    except UserError as error:
        ready, obstacle = None, str(error)
        st.warning(plain(obstacle, None), icon=":material/warning:")
    with st.container(horizontal=True):
        started = st.button(
            f"Start {counted(len(ready.runs), 'run')}" if ready is not None else "Start",
            type="primary",
            icon=":material/play_arrow:",
            disabled=ready is None,
            key=start_buttons.key("compare"),
        )
        if ready is not None and ready.saved is not None:
            search_form.save(ready.saved)
    if ready is not None and ready.drawn is not None:
        search_form.show_drawn(ready.drawn)
    if started and ready is not None:
        token = start_buttons.token("compare")
        if isinstance(ready.plan, Plan):
            _open(actions.compare(ready.plan, expected.rows, token).id)
        elif ready.saved is not None:
            _open(actions.search(ready.saved.search, ready.saved.base, expected.rows, token).id)


def _examples() -> None:
    with st.popover("Examples", icon=":material/lightbulb:"):
        st.markdown(
            f"**{studies.CYCLICAL}**: a fixed rate against a cyclical one whose bounds a range test finds; plain SGD, "
            f"50 epochs, three seeds. On your table with a column {_CARDIO}, else on the breast cancer sample."
        )
        if st.button("Run this study", icon=":material/science:", key=start_buttons.key("ready-made")):
            _open(actions.compare(_ready_made(), token=start_buttons.token("ready-made")).id)
        st.divider()
        search_form.offer_ready(_to_settings)


def _to_settings() -> None:
    session.state().compare_what = _SETTINGS
    st.session_state[_WHAT] = _SETTINGS


def _prepare(plan: Plan, expected: ExpectedShape, what: str) -> Prepared:
    """Check a comparison, and say what it will do."""
    if what == _POLICIES and len(plan.contenders) < 2:
        raise UserError(f"Comparing takes at least two policies; add one. Received: {len(plan.contenders)}.")
    remarks = studies.check(plan, expected.rows)
    each = studies.one_of_each(plan)
    costs = [memory_estimate.estimate_expected(one, expected) for one in each]
    memory_estimate.check_memory(max(costs, key=lambda one: one.memory_bytes), free_memory.available_bytes())
    runs = [studies.settings_of(plan, one, seed) for seed in plan.seeds for one in plan.contenders]
    text = f"{counted(costs[0].steps, 'update')} each, without early stopping"
    if tests := sum(one.policy.source == "found" for one in runs):
        most = plan.base.range_test.most_steps(math.ceil(expected.rows / plan.base.training.batch_size))
        text += f"; {counted(tests, 'range test')} of up to {counted(most, 'step')} besides"
    text += "."
    return Prepared(runs, text, remarks, plan=plan)


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


def _in_words(base: RunSettings, *, with_policy: bool) -> str:
    parts = [
        *(base.data.title, summary.network(base.model), summary.OPTIMIZERS[base.training.optimizer]),
        f"batch {base.training.batch_size:,}",
        *([summary.policy(base.policy)] if with_policy else []),
    ]
    return f"From the Train page: {plain(' · '.join(parts), None)}"


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
        f"{summary.POLICY_TITLES[kind]}, rates found": checked(
            starting_policy(kind, optimizer), source="found"
        )
        for kind in ("clr", "sgdr", "one-cycle", "coslog4")
    }
    fixed = starting_policy("fixed", optimizer)
    return {summary.policy(fixed): fixed, **found, _TRAIN_PAGE: base.policy}


def _policies(base: RunSettings, training_rows: int) -> list[PolicySettings]:
    rows = _rows(base)
    family = draft.family(base.training.optimizer)
    places = st.columns(2)
    shapes = []
    for position, row in enumerate(list(rows)):
        key = f"compare.{family}.{row.number}"
        with places[position % 2], st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="bottom"):
                kind = st.selectbox(
                    f"Policy {position + 1}",
                    list(summary.POLICY_TITLES),
                    index=list(summary.POLICY_TITLES).index(row.policy.type),
                    format_func=lambda kind: summary.POLICY_TITLES[kind],
                    key=f"{key}.kind",
                )
                if st.button("", icon=":material/close:", key=f"{key}.remove", help="Leave this policy out"):
                    rows.remove(row)
                    st.rerun()
            if kind != row.policy.type:
                fresh = starting_policy(kind, base.training.optimizer)
                row.policy = (
                    fresh if isinstance(fresh, FixedSettings) else checked(fresh, source=row.policy.source)
                )
            called, shape = st.empty(), st.container()
            # A fixed title: one that followed the numbers would close it while the person types.
            with st.expander(f"Rates of policy {position + 1}", icon=":material/tune:"):
                row.policy = learning_rate.numbers(row.policy, f"{key}.{kind}")
            called.caption(plain(summary.policy(row.policy)))
            with suppress(UserError):  # numbers that do not go together, which the button below says
                shapes.append((shape, _shape(base, row.policy, training_rows), f"{key}.shape"))
    # On one scale, so that a low rate looks low beside a high one.
    highest = max((frame["learning_rate"].max() for _, frame, _ in shapes), default=0.0)
    for shape, frame, key in shapes:
        with shape:
            resources.draw(plans.shape_spec(highest), frame, key=key)
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


def _shape(base: RunSettings, policy: PolicySettings, training_rows: int) -> pd.DataFrame:
    """Return how the rate moves; where its bounds are yet to be found, between the usual ones."""
    kept = session.state().compare_numbers.get("epochs", base.training.epochs)
    epochs = st.session_state.get("compare.epochs", kept)  # as it stands in the field below
    training = base.training.model_copy(update={"epochs": epochs})
    chosen = checked(policy, source="chosen")
    settings = base.model_copy(update={"policy": chosen, "training": training})
    steps = math.ceil(training_rows / training.batch_size)
    return plans.plan_frame(settings.plan(training_rows), steps)


def _plan(base: RunSettings, policies: list[PolicySettings], what: str) -> Plan:
    # Kept in the session, as Streamlit forgets the widgets of other pages.
    kept = session.state().compare_numbers
    left, right = st.columns(2)
    seeds = left.number_input(
        "Seeds",
        min_value=2 if what == _SEEDS else 1,
        max_value=MOST_SEEDS,
        value=max(kept.get("seeds", 3), 2 if what == _SEEDS else 1),
        key=f"compare.seeds.{what}",
        help="How often each trains. More seeds show smaller differences.",
    )
    epochs = right.number_input(
        "Epochs",
        min_value=1,
        max_value=100_000,
        value=kept.get("epochs", base.training.epochs),
        key="compare.epochs",
    )
    kept["seeds"] = seeds
    if epochs != base.training.epochs or "epochs" in kept:
        kept["epochs"] = epochs
    training = base.training.model_copy(update={"epochs": epochs})
    first = training.seed
    return Plan(
        name=_name(policies),
        base=base.model_copy(update={"training": training}),
        contenders=studies.contenders(policies),
        seeds=tuple(range(first, first + seeds)),
    )


def _name(policies: list[PolicySettings]) -> str:
    name = " or ".join(one.label for one in studies.contenders(policies))[:200]
    return name if len(policies) != 1 else f"Seeds of {name}"


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
    kept = session.state()  # not afterwards, where a click may cut this short, and there would be no Undo
    actions.delete_study(study)
    kept.deleted_study, kept.deleted_word = study.id, study.word
    _open(None)


def _undo() -> None:
    kept = session.state()
    if kept.deleted_study and resources.undo(f"The {plain(kept.deleted_word)} and its runs were deleted."):
        deleted, kept.deleted_study = kept.deleted_study, ""
        _open(actions.restore_study(deleted).id)
