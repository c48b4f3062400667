"""Settings of the data: which table, what its columns are, how it is split and prepared."""

from typing import Literal

from pydantic import Field

from lrapp.settings.base import SettingsModel, ui
from lrapp.settings.sources import DATA_KINDS, DataKind, KindFacts, SampleSource, Source
from lrapp.tables.columns.kinds import ColumnKind

Task = Literal["binary", "multi-class", "regression"]
TargetTransform = Literal["standard", "log"]
Split = Literal["random", "groups", "time"]
Scaling = Literal["clipped", "standard", "robust", "quantile"]


class PictureSettings(SettingsModel):
    """Which pictures are used, and how large."""

    size: int = Field(
        64,
        ge=8,
        le=224,
        title="Size",
        description="Uploaded pictures are brought to this width and height; larger shows more and takes longer.",
        json_schema_extra=ui("pixels"),
    )
    color: Literal["auto", "grey", "rgb"] = Field(
        "auto",
        title="Colour",
        description="Whether the network sees colours; detected from the pictures unless chosen here.",
        json_schema_extra=ui(labels={"auto": "As the pictures are", "grey": "Grey", "rgb": "Colour"}),
    )
    only_classes: tuple[str, ...] = Field(
        (),
        title="Only these classes",
        description="Leaves all other classes out; none chosen means all.",
        max_length=1_000,
    )
    most_rows: int | None = Field(
        None,
        ge=1,
        le=10_000_000,
        title="Most training pictures",
        description="Trains on no more than this many, drawn at random, to try something out quickly.",
        json_schema_extra=ui("pictures"),
    )


class DialectSettings(SettingsModel):
    """How to read the file, where the person overrides detection."""

    encoding: str | None = Field(
        None, title="Encoding", description="How bytes become letters.", max_length=40
    )
    delimiter: str | None = Field(
        None, title="Delimiter", description="What stands between two cells.", max_length=1
    )
    quote: str | None = Field(
        None, title="Quote", description="What surrounds a cell that holds a delimiter.", max_length=1
    )
    header: bool | None = Field(
        None, title="Header", description="Whether the first row holds the column names."
    )
    decimal: Literal[".", ","] | None = Field(
        None, title="Decimal mark", description="What starts the decimals."
    )
    thousands: str | None = Field(None, title="Thousands", description="What groups digits.", max_length=1)
    date_order: Literal["dmy", "mdy"] | None = Field(
        None,
        title="Order of dates",
        description="Whether 1/2/2020 is the first of February or the second of January.",
    )
    missing_words: Literal["missing", "values"] | None = Field(
        None,
        title="Words for missing values",
        description="Whether NA, null and the like in columns of words are gaps, or categories such as North America.",
    )
    sheet: str | None = Field(
        None,
        title="Sheet",
        description="Which sheet of a spreadsheet holds the table; the first with a value unless chosen here.",
        max_length=1_000,
    )


class DataSettings(SettingsModel):
    """The table, its columns, its target, and how it is split and prepared."""

    source: Source = SampleSource(name="penguins.csv")
    dialect: DialectSettings = DialectSettings()
    kinds: dict[str, ColumnKind] = Field(
        default_factory=dict, title="Column kinds", description="Columns whose kind was overruled."
    )
    left_out: tuple[str, ...] = Field(
        (),
        title="Columns left out",
        description="Columns that the network is not given, whatever their kind.",
        max_length=100_000,
    )
    gap_codes: dict[str, tuple[float, ...]] = Field(
        default_factory=dict,
        title="Codes for gaps",
        description="Numbers that stand for a missing value, such as -1 or 999, by column.",
    )
    target: str | None = Field(None, title="Target", description="The column to predict.", max_length=10_000)
    task: Task | None = Field(
        None,
        title="Task",
        description="What is predicted: a class or a number; detected from the target unless chosen here.",
        json_schema_extra=ui(
            labels={
                "binary": "Two classes",
                "multi-class": "Several classes",
                "regression": "A number",
            }
        ),
    )
    pictures: PictureSettings = PictureSettings()
    target_transform: TargetTransform = Field(
        "standard",
        title="Target (of numbers)",
        description="What the network learns for a number: a logarithm suits prices and counts with a long tail, and "
        "makes relative errors count rather than absolute ones.",
        json_schema_extra=ui(labels={"standard": "Standardise", "log": "Logarithm, then standardise"}),
    )
    missing_numbers: Literal["median", "mean", "zero"] = Field(
        "median",
        title="Missing numbers become",
        description="What stands in for a missing number, computed on training rows only.",
    )
    missing_flags: bool = Field(
        True,
        title="Flag missing numbers",
        description="Adds a yes/no input beside each number that has gaps, so the network knows they were gaps.",
    )
    scaling: Scaling = Field(
        "clipped",
        title="Scaling",
        description="Brings numbers to one size. Clipping, or quartiles with a smooth bound (RealMLP), keep absurd "
        "values from dominating the column.",
        json_schema_extra=ui(
            labels={
                "clipped": "Clip, then standardise",
                "standard": "Standardise",
                "robust": "Robust, smoothly clipped",
                "quantile": "Quantile (to a normal shape)",
            }
        ),
    )
    clip: float = Field(
        0.005,
        gt=0,
        lt=0.5,
        title="Clip at quantile",
        description="Values beyond this quantile on either side are moved to it (0.005: the outer 0.5 %).",
        json_schema_extra=ui(step=0.005),
    )
    min_category_rows: int = Field(
        5,
        ge=1,
        le=1_000_000,
        title="Rare category below",
        description="Categories with fewer training rows than this share one input called rare.",
        json_schema_extra=ui("rows"),
    )
    max_categories: int = Field(
        100,
        ge=2,
        le=10_000,
        title="Most categories",
        description="The most frequent categories of a column get an input each; the others share one.",
    )
    validation_share: float = Field(
        0.2,
        gt=0,
        lt=1,
        title="Validation share",
        description="Rows held back to watch the training and to choose the best epoch.",
        json_schema_extra=ui(step=0.05),
    )
    test_share: float = Field(
        0.2,
        ge=0,
        lt=1,
        title="Test share",
        description="Rows that are not used until the end, for an honest score.",
        json_schema_extra=ui(step=0.05),
    )
    stratify: bool = Field(
        True,
        title="Keep class shares",
        description="Gives each part of the split the same mix of classes (for a number: of its range).",
    )
    split_seed: int = Field(
        0,
        ge=0,
        le=2**31 - 1,
        title="Split seed",
        description="The same seed gives the same split.",
    )
    split: Split = Field(
        "random",
        title="Split",
        description="At random; by groups, so that no customer, patient or device is in two parts; or by time: train "
        "on the past, validate on what came later, test on the latest.",
        json_schema_extra=ui(labels={"random": "At random", "groups": "By groups", "time": "By time"}),
    )
    split_column: str | None = Field(
        None,
        title="Split column",
        description="The column whose values are the groups, or the times.",
        max_length=10_000,
    )
    split_column_input: bool = Field(
        False,
        title="Also learn from it",
        description="Gives the network the split column as an input, too. Usually wrong: new rows come from other "
        "groups, or later times, than those that it learned.",
    )
    folds: int = Field(
        1,
        ge=1,
        le=20,
        title="Cross-validation folds",
        description="With 2 or more, one network for each fold learns from all the others, so that each row is "
        "answered by a network that never saw it. The mean of the networks is the model; 1 is no cross-validation.",
    )
    all_rows: bool = Field(
        False,
        title="Train on all rows",
        description="No row is held back: for a model to use, made of a run whose score is known.",
    )
    class_weights: bool = Field(
        False,
        title="Balance classes",
        description="Lets a rare class count as much as a frequent one in the loss. For classes only.",
    )

    @property
    def kind(self) -> DataKind:
        """Which kind of data these are."""
        return self.source.kind

    @property
    def facts(self) -> KindFacts:
        """Facts about this kind of data."""
        return DATA_KINDS[self.kind]

    @property
    def title(self) -> str:
        """Target and source, in short."""
        return self.source.summary(self.target)
