"""One comparison or search, while its runs train and afterwards: progress, charts, table, what it shows."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lrapp.charts import overlays, training
from lrapp.charts import studies as study_charts
from lrapp.errors import UserError
from lrapp.experiments import comparing, pace, study_files
from lrapp.experiments.comparing import Comparison, StudyRun
from lrapp.experiments.pace import Work
from lrapp.experiments.search_results import SearchTrial
from lrapp.experiments.study_files import Member, Study
from lrapp.phrasing import counted
from lrapp.runs.events import History
from lrapp.runs.store import ENDED, EventReader, Run, Status, now
from lrapp.ui.compare import search
from lrapp.ui.parts import access, actions, known, resources, saving, session, waiting
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import page

# Less often than for a single run, as there are many files to read.
_SECONDS_BETWEEN_LOOKS = 1.5
_RESUMABLE = ("stopped", "interrupted", "failed")


@dataclass(frozen=True, eq=False)
class _Seen:
    """A member as it stands: run and status are None when its folder is gone or damaged."""

    member: Member
    run: Run | None
    status: Status | None
    history: History

    @property
    def ended(self) -> bool:
        return self.status is None or self.status.state in ENDED

    @property
    def share(self) -> float:
        """How much of the run is done."""
        if self.ended:
            return 1.0
        started = self.history.started
        return self.history.steps_done / max(1, started.total_steps) if started else 0.0

    @property
    def seconds(self) -> float:
        """Seconds that it took so far."""
        if self.status is None or self.status.started is None or self.status.state == "queued":
            return 0.0
        return max(0.0, ((self.status.ended or now()) - self.status.started).total_seconds())


def show(study_id: str, on_delete: Callable[[Study], None]) -> None:
    """Show the study of that id, live while it trains."""
    try:
        study = study_files.get(resources.store(), study_id)
    except UserError as error:
        st.warning(plain(str(error), None), icon=":material/warning:")
        return
    actions.say_that_it_is_shown(study, study.word)
    seen = _look(study)
    if all(one.ended for one in seen):
        _frame(study)
        _outcome(study, seen, on_delete)
    else:
        resources.fragment(_frame, _SECONDS_BETWEEN_LOOKS)(study, live=True)
        _runs(study, seen)


def _look(study: Study) -> list[_Seen]:
    kept = session.state().study_readers
    if kept is None or kept[0] != study.id:
        kept = session.state().study_readers = (study.id, {})
    readers = kept[1]
    seen = []
    for member in study.members:
        run = study_files.run_of(resources.store(), member)
        if run is None:
            seen.append(_Seen(member, None, None, History()))
            continue
        try:
            # The status first: what it calls ended has written all its events.
            status = run.status
        except UserError:
            seen.append(_Seen(member, run, None, History()))
            continue
        seen.append(_Seen(member, run, status, readers.setdefault(run.id, EventReader(run)).read()))
    return seen


def _trials(seen: list[_Seen]) -> list[StudyRun]:
    return [
        StudyRun(one.member.label, one.member.seed, one.status.state if one.status else None, one.history)
        for one in seen
    ]


def _tried(study: Study, seen: list[_Seen]) -> list[SearchTrial]:
    """The trials of a search; their settings, which never change, are read once."""
    kept = session.state().trial_settings
    if kept is None or kept[0] != study.id:
        kept = session.state().trial_settings = (study.id, {})
    known = kept[1]
    for one in seen:
        if one.run is not None and one.run.id not in known:
            with suppress(UserError):  # damaged; the page says so
                known[one.run.id] = one.run.settings
    return [
        SearchTrial(
            number,
            one.status.state if one.status else None,
            one.history,
            known.get(one.run.id) if one.run is not None else None,
        )
        for number, one in enumerate(seen, start=1)
    ]


def _frame(study: Study, *, live: bool = False) -> None:
    seen = _look(study)
    if live and all(one.ended for one in seen):
        st.rerun()
    _progress(study, seen)
    if study.search is not None:
        search.show(study, _tried(study, seen), live=live)
        return
    trials = _trials(seen)
    comparison = comparing.compare(trials, study.yardstick)
    curves = comparing.curves(trials)
    if comparison is None or not len(curves):
        st.caption(
            "The charts appear with the first steps."
            if live
            else "No run reached its first step, so there is nothing to draw."
        )
        return
    log_loss = st.toggle(
        "Logarithmic loss",
        key="study_log_loss",
        help="Spreads small losses out, for runs that fall by powers of ten.",
    )
    with st.container(key="run_charts"):
        spec = study_charts.study_spec(study.labels, comparison.epochs, comparison.metric, log_loss=log_loss)
        most = training.MOST_POINTS_LIVE if live else training.MOST_POINTS
        points, key = study_charts.study_frame(curves, study.labels, most), f"study.{study.id}"
        if live:
            resources.draw(spec, points, key=key)
        else:
            saving.saveable(spec, points, f"comparison-{study.id}", key, live=True)
    st.caption(
        "Line: mean over the seeds so far; band: from the least to the greatest of them. "
        "Drag to move, Shift and wheel to zoom, double click to see all."
        + (f" {study_charts.SEVERAL}" if any(overlays.of_several(trial.history) for trial in trials) else "")
    )
    _table(comparison)


def _table(comparison: Comparison) -> None:
    if not any(result.finished for result in comparison.results):
        return
    st.dataframe(comparison.table(), hide_index=True)
    steps = comparison.epochs * comparison.steps_per_epoch
    tested = any(result.range_test_steps for result in comparison.results)
    st.caption(
        f"Every run: {counted(steps, 'update')} in {counted(comparison.epochs, 'epoch')} of "
        f"{comparison.steps_per_epoch:,}; early "
        "stopping is off. Figures: mean over the seeds (least–greatest); epochs and seconds: median over the seeds; "
        "the first run of a network also includes building it."
        + (
            " Steps of range tests come on top of the updates, and their time is not in the seconds."
            if tested
            else ""
        )
    )


def _progress(study: Study, seen: list[_Seen]) -> None:
    ended = sum(one.ended for one in seen)
    live = ended < len(seen)
    left, right = st.columns([4, 2], vertical_alignment="center")
    icon = ":material/directions_run:" if live else ":material/check_circle:"
    word = ("Searching" if study.search else "Comparing") if live else "Done"
    if not live and any(one.status is None or one.status.state != "completed" for one in seen):
        icon, word = ":material/info:", "Ended; not all runs finished"
    left.markdown(f"{icon} **{word}** · {plain(study.name, 200)}")
    if not live:
        return
    asked = all(one.ended or (one.run is not None and one.run.stop_asked is not None) for one in seen)
    if access.may("stop", study) and right.button(
        "Stopping …" if asked else "Stop all",
        icon=":material/stop:",
        key=f"stop.{study.id}",
        disabled=asked,
        width="stretch",
        help="Ends the run in training and takes the others out of the queue. They can be resumed.",
    ):
        _stop(seen)
        st.rerun(scope="fragment")
    _bar(study, seen, ended)


def _queue(seen: list[_Seen]) -> list[_Seen]:
    """In the order in which they train."""
    return sorted(seen, key=lambda one: one.member.run_id)


def _stop(seen: list[_Seen]) -> None:
    # From the end of the queue, so that none begins when the one before it stops.
    for one in reversed(_queue(seen)):
        if one.run is not None and not one.ended:
            actions.stop(one.run)


def _bar(study: Study, seen: list[_Seen], ended: int) -> None:
    text = f"{ended} of {len(seen)} runs done"
    current = next((one for one in seen if one.status is not None and one.status.state == "running"), None)
    following = next((one for one in _queue(seen) if not one.ended and one.run is not None), None)
    if current is None and following is not None:
        assert following.run is not None
        text += f" · {waiting.to_begin(following.run, 'queued')}"
    elif current is not None:
        text += f" · {_name(study, current)}: "
        history = current.history
        asked = current.run.stop_asked if current.run is not None else None
        if asked is not None:
            text += waiting.to_stop(asked, time.time(), history)
        elif history.started is not None:
            text += f"epoch {len(history.epochs):,} of {history.started.epochs:,}"
        else:
            assert current.run is not None
            text += "range test" if history.sweeps else waiting.to_begin(current.run, "running")
    share = sum(one.share for one in seen)
    if left := _left(seen):
        text += f" · {plain(left)} left"
    st.progress(min(1.0, share / len(seen)), text)


def _left(seen: list[_Seen]) -> str:
    """How long the rest will take, by the pace of the runs so far; empty before there is one."""
    begun = next((one.history for one in seen if one.history.started is not None), History())
    done: list[tuple[float, Work]] = []
    left, dense = pace.NONE, True
    for one in seen:
        if one.status is None or one.run is None:
            continue
        settings = known.run_settings(one.run)
        if settings is None:
            continue
        dense &= settings.data.facts.flat
        work = pace.of(settings, one.history)
        if work is not None and one.seconds > 0 and one.share > 0:
            share = one.share
            did = pace.of(settings, one.history, one.history.steps_done) if one.ended else work.share(share)
            done.append((one.seconds, did if did is not None else work))
            left += work.rest(share)
        elif not one.ended:
            left += pace.like(settings, begun) or pace.NONE
    told = pace.seconds(done, left, dense=dense)
    return pace.in_words(*told) if told is not None else ""


def _download(
    place: DeltaGenerator, label: str, csv: Callable[[], bytes], file_name: str, about: str
) -> None:
    place.download_button(
        label,
        data=csv,
        file_name=file_name,
        mime="text/csv",
        icon=":material/download:",
        width="stretch",
        on_click="ignore",
        help=about,
    )


def _outcome(study: Study, seen: list[_Seen], on_delete: Callable[[Study], None]) -> None:
    comparison = None
    if study.search is None:
        comparison = comparing.compare(_trials(seen), study.yardstick)
        if comparison is not None:
            st.subheader("What it shows", anchor=False)
            st.markdown(plain(comparison.verdict(), None))
        _losses(study, seen)
    elif any(one.status is not None and one.status.message for one in _lost(seen)):
        with st.expander("Why trials were left out", icon=":material/warning:"):
            _losses(study, seen)
    _runs(study, seen)
    left, middle, right = st.columns(3)
    if comparison is not None:
        about = "Mean, least and greatest of loss, rate and metric over the seeds, for each policy."
        _download(left, "Curves (CSV)", lambda: _csv(study), "comparison.csv", about)
    elif study.search is not None and any(one.history.started for one in seen):
        about = "The table above: the settings and the result of each trial."
        _download(
            left,
            "Trials (CSV)",
            lambda: search.csv(study, _tried(study, _look(study))),
            "search.csv",
            about,
        )
    if not access.may("delete", study):
        return
    resumable = [
        one.run
        for one in _queue(seen)
        if one.run is not None and one.status is not None and one.status.state in _RESUMABLE
    ]
    if resumable and middle.button(
        f"Resume {len(resumable)} {'run' if len(resumable) == 1 else 'runs'}",
        icon=":material/resume:",
        width="stretch",
        help="Goes on after each run's last saved epoch; from the start if there is none.",
    ):
        for run in resumable:
            actions.resume(run)
        st.rerun()
    if right.button(
        f"Delete the {plain(study.word)}",
        icon=":material/delete:",
        width="stretch",
        help="Moves it and its runs into the bin; it can be taken back for a week.",
    ):
        on_delete(study)


def _lost(seen: list[_Seen]) -> list[_Seen]:
    return [one for one in seen if one.status is None or one.status.state != "completed"]


def _losses(study: Study, seen: list[_Seen]) -> None:
    """Show why each run that did not finish was left out."""
    for one in _lost(seen):
        if one.status is None:
            text = "its run was deleted." if one.run is None else "its run is damaged."
        else:
            text = f"{page.title(one.status.state).lower()}. {plain(one.status.message, None)}"
        st.warning(f"{_name(study, one)}: {text}", icon=":material/warning:")


def _name(study: Study, one: _Seen) -> str:
    label = plain(one.member.label)
    return label if study.search else f"{label}, seed {one.member.seed:d}"


def _csv(study: Study) -> bytes:
    curves = comparing.curves(_trials(_look(study)))
    curves["policy"] = [study.labels[place] for place in curves["policy"]]
    text: str = curves.to_csv(index=False)
    return text.encode()


def _runs(study: Study, seen: list[_Seen]) -> None:
    with st.expander("Its runs", icon=":material/list:"):
        st.caption("Each opens on the Train page, with its own charts, figures and download.")
        places = st.columns(2)
        for number, one in enumerate(seen):
            if one.run is None or one.status is None:
                continue
            places[number % 2].page_link(
                session.state().pages["train"],
                label=_name(study, one),
                icon=page.icon(one.status.state),
                query_params={"run": one.run.id},
            )
