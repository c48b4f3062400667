"""How long a comparison or a search will take, before it starts: by the pace of the runs that ended last."""

from collections.abc import Sequence

from lrapp.experiments import pace
from lrapp.experiments.pace import Work
from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.settings import DATA_KINDS, RunSettings
from lrapp.ui.parts import known, resources

# Of the last runs, so many that ended tell the pace.
_LOOKED_AT, _MOST = 30, 5


def sentence(runs: Sequence[RunSettings], expected: ExpectedShape) -> str:
    """Return a sentence on how long runs will take, one after the other.

    Raises:
        UserError: If a network cannot be built.
    """
    left = sum((pace.planned(one, expected) for one in runs), pace.NONE)
    kind = runs[0].data.kind
    done: list[tuple[float, Work]] = []
    for run in resources.visible_runs()[:_LOOKED_AT]:
        settings = known.run_settings(run)
        if settings is None or settings.data.kind != kind or len(done) == _MOST:
            continue
        if (took := known.took(run)) is not None:
            done.append(took)
    told = pace.seconds(done, left, dense=DATA_KINDS[kind].flat)
    if told is None:
        return "The first run tells how long that takes."
    return f"By the pace of your last runs: {pace.in_words(*told)}."
