"""What the pages show for a table."""

from lrapp.errors import UserError
from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.settings import ModelSettings, PolicySettings, RunSettings, TrainingSettings, starting_values
from lrapp.ui.parts import draft, resources
from lrapp.ui.parts.kinds import KindPages
from lrapp.ui.predict import table_or_row
from lrapp.ui.train import columns, data, data_choice, presets


def _base(settings: RunSettings) -> tuple[RunSettings, ExpectedShape]:
    from lrapp.preparation import targets

    table = resources.table(settings.data)
    if settings.data.target is None:
        target = data.usual_target(settings.data.source)
        if target is None and targets.target_choices(table):
            raise UserError("Choose on the Train page what should be predicted.")
        settings = settings.model_copy(update={"data": settings.data.model_copy(update={"target": target})})
    task = targets.check_data(table, settings.data)
    return settings, data_choice.expected(settings.data, task)


def _first(before: RunSettings) -> tuple[ModelSettings, TrainingSettings, PolicySettings]:
    first = starting_values.settings()
    draft.propose(first.training)
    return first.model, first.training, first.policy


KIND = KindPages(
    upload="CSV in any dialect, also gzipped or zipped, or a spreadsheet of Excel or LibreOffice, up to 300 MB; "
    "encoding, delimiter and number format are detected and can be changed.",
    offers=data.offers,
    data_step=data.show,
    base=_base,
    first=_first,
    presets=presets.TABLE,
    columns=("units", "activation", "dropout", "l1", "l2", "batch_norm"),
    predict=table_or_row.show,
    stage=columns.show,
    rare=("number_embedding", "initial_weights"),
)
