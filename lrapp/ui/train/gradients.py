"""Part of the Training step: whether the gradients that training would use are those of the loss."""

import html
from dataclasses import dataclass

import streamlit as st

from lrapp.errors import UserError
from lrapp.execution import worker
from lrapp.execution.tasks import Task
from lrapp.phrasing import counted, number
from lrapp.settings import RunSettings
from lrapp.training.gradient_report import FINE, WRONG, GradientReport, LayerGradients, percent
from lrapp.ui.parts import actions, draft, expert, resources, session, tasks, waiting
from lrapp.ui.parts.plain_text import plain


@dataclass(frozen=True)
class Check:
    """A check that this tab asked for, and the settings that it checks."""

    about: tuple[str, ...]
    task: Task[GradientReport]


def show(settings: RunSettings, obstacle: str | None) -> None:
    """Show the part.

    Args:
        settings: The draft, with what the steps above say.
        obstacle: What stands in the way of building the network, None if nothing.
    """
    if not expert.on():
        return
    check = session.state().gradients
    if check is not None and check.about != _about(settings):
        _forget()  # a check of other settings is of no use any more
        check = None
    key = draft.key("gradients")
    drawer = resources.drawer("Check the gradients", ":material/rule:", f"{key}.drawer")
    if not drawer.open:
        return
    with drawer:
        st.caption(
            "Training follows the gradient of the loss. This compares it with slopes that are measured by moving one "
            "weight at a time, on a few of your rows, with the initial weights, loss and penalties of these settings; "
            "and it tells what the chosen precision makes of it. Nothing is trained or changed."
        )
        if st.button(
            "Check the gradients",
            icon=":material/play_arrow:",
            key=f"{key}.start",
            disabled=obstacle is not None,
            help=plain(f"Not yet: {obstacle}.", None)
            if obstacle
            else "Takes a few seconds for usual networks.",
        ):
            check = _begin(settings)
        if check is None:
            return
        if check.task.done:
            _ended(check)
        else:
            tasks.show(
                check.task,
                draft.key("gradients.cancel"),
                lambda: waiting.for_worker("the check", "Preparing the data …"),
                cancelled=_forget,
            )


def _about(settings: RunSettings) -> tuple[str, ...]:
    """What the result depends on."""
    training = settings.training
    return (
        *(settings.data.model_dump_json(), settings.model.model_dump_json()),
        *(training.groups.model_dump_json(), training.precision),
        *(str(training.batch_size), str(training.seed)),
    )


def _begin(settings: RunSettings) -> Check:
    actions.check(settings)
    _forget()
    task = resources.jobs().task(
        worker.checked_gradients,
        resources.store().home,
        settings,
        failure="The gradients could not be checked; the server's log has the details.",
    )
    check = Check(_about(settings), task)
    session.state().gradients = check
    return check


def _forget() -> None:
    """Cancel a running check, and forget its result."""
    check, session.state().gradients = session.state().gradients, None
    if check is not None:
        check.task.cancel()


def _ended(check: Check) -> None:
    try:
        report = check.task.result()
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return
    if report.right:
        st.success(plain(report.sentence, None), icon=":material/check:")
    else:
        st.warning(plain(report.sentence, None), icon=":material/warning:")
    st.html(_table(report))
    st.caption(plain(report.about_precision, None))
    st.caption(_explained(report))


_STYLE = """<style>
.gradients { overflow-x: auto; }
.gradients table { border-collapse: collapse; width: 100%; font-size: 0.875rem; }
.gradients th, .gradients td {
  border: 0; border-bottom: 1px solid #8a8f9840; padding: 3px 8px 3px 0; text-align: left; vertical-align: top;
}
.gradients thead th { font-weight: 400; opacity: 0.75; vertical-align: bottom; }
.gradients tbody th { font-weight: 400; }
.gradients :is(th, td):nth-child(n + 3) { text-align: right; }
.gradients :is(th, td):last-child { padding-right: 0; }
</style>"""


def _table(report: GradientReport) -> str:
    titles = ("Layer", "Verdict", "Weights checked", "Largest error", f"Lost in {report.precision}")
    head = "".join(f'<th scope="col">{html.escape(title).replace("_", "_<wbr>")}</th>' for title in titles)
    rows = "".join(_row(layer) for layer in report.layers)
    return f'{_STYLE}<div class="gradients"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(layer: LayerGradients) -> str:
    words = html.escape(layer.words)
    if layer.verdict in ("wrong", "suspicious"):
        words = f"<strong>{words}</strong>"
    lost = html.escape(percent(layer.lost))
    if layer.vanished >= 0.001:
        lost += f"<br>{html.escape(percent(layer.vanished))} become 0"
    cells = (
        words,
        f"{layer.checked:,} of {layer.weights:,}",
        number(layer.error, 1),
        lost,
    )
    return (
        f'<tr><th scope="row">{html.escape(layer.name)}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
    )


def _explained(report: GradientReport) -> str:
    notes = " ".join(plain(note, None) for note in report.notes)
    return (
        f"On {counted(report.rows, 'training row')}, with a sample of each layer's weights, in float64. The error is "
        f"the difference of both slopes to the sum of their sizes: up to {number(FINE, 1)} they agree, up to "
        f"{number(WRONG, 1)} is suspicious, more is wrong. At a kink (of relu, pooling or L1 at zero) a weight has "
        "one slope to the left and another to the right; what lies between them is right and counted apart. “Lost” is "
        f"how far the gradient that training would use is from the one in float64. {notes}"
    )
