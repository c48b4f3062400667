"""Everything a run is made of, validated, as JSON in and out.

The same tree is what the page edits, what the run folder keeps, what ``python -m lrapp`` takes and what one person
can send to another. Ranges, units and the sentence of help stand beside each field; the widgets read them there.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from lrapp import policies
from lrapp.columns import Kind
from lrapp.errors import UserError

Task = Literal["binary", "multi-class", "regression"]
Unit = Literal["epochs", "steps"]
Optimizer = Literal["sgd", "adam", "adamw", "rmsprop"]
Precision = Literal["float32", "mixed_float16", "mixed_bfloat16"]
Activation = Literal["relu", "gelu", "silu", "elu", "selu", "leaky_relu", "tanh", "sigmoid", "linear"]
Scaling = Literal["clipped", "standard", "quantile"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


def _ui(unit: str = "", step: float | None = None, labels: dict[str, str] | None = None) -> dict[str, JsonValue]:
    """What a widget wants to know beyond range and help."""
    shown: dict[str, JsonValue] = {"unit": unit}
    if step is not None:
        shown["step"] = step
    if labels is not None:
        shown["labels"] = dict(labels)
    return shown


# --- data ----------------------------------------------------------------------------------------------------


class SampleSource(_Part):
    """One of the tables that come with the app."""

    type: Literal["sample"] = "sample"
    name: str = Field(description="File name in sample_data, for example penguins.csv.", max_length=200)


class FileSource(_Part):
    """An uploaded file, known by its content, so that settings never hold a path of somebody's machine."""

    type: Literal["file"] = "file"
    name: str = Field(description="The file's name as uploaded; only shown, never used as a path.", max_length=500)
    sha256: str = Field(description="SHA-256 of the file's bytes, in hexadecimal.", pattern=r"^[0-9a-f]{64}$")


Source = Annotated[SampleSource | FileSource, Field(discriminator="type")]


class DialectSettings(_Part):
    """How to read the file, where the person overrules what was found out."""

    encoding: str | None = Field(None, title="Encoding", description="How bytes become letters.", max_length=40)
    delimiter: str | None = Field(None, title="Delimiter", description="What stands between two cells.", max_length=1)
    quote: str | None = Field(None, title="Quote", description="What surrounds a cell that holds a delimiter.", max_length=1)
    header: bool | None = Field(None, title="Header", description="Whether the first row holds the column names.")
    decimal: Literal[".", ","] | None = Field(None, title="Decimal mark", description="What starts the decimals.")
    thousands: str | None = Field(None, title="Thousands", description="What groups digits.", max_length=1)


class DataSettings(_Part):
    """The table, its columns, its target, and how it is split and prepared."""

    source: Source = SampleSource(name="penguins.csv")
    dialect: DialectSettings = DialectSettings()
    kinds: dict[str, Kind] = Field(
        default_factory=dict, title="Column kinds", description="Columns whose kind was overruled."
    )
    target: str | None = Field(
        None, title="Target", description="The column to predict.", max_length=10_000
    )
    task: Task | None = Field(
        None,
        title="Task",
        description="What kind of answer the model gives; told from the target unless chosen here.",
        json_schema_extra=_ui(
            labels={
                "binary": "Two classes",
                "multi-class": "Several classes",
                "regression": "A number",
            }
        ),
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
        description="Brings numbers to one size. Clipping first keeps absurd values from ruling the column.",
        json_schema_extra=_ui(
            labels={
                "clipped": "Clip to quantiles, then standardise",
                "standard": "Standardise",
                "quantile": "Quantile (to a normal shape)",
            }
        ),
    )
    clip: float = Field(
        0.005,
        gt=0,
        lt=0.5,
        title="Clip at quantile",
        description="Values below this quantile and above its mirror are moved to it (0.005: the outer 0.5 % each side).",
        json_schema_extra=_ui(step=0.005),
    )
    min_category_rows: int = Field(
        5,
        ge=1,
        le=1_000_000,
        title="Rare category below",
        description="Categories with fewer training rows than this share one input called rare.",
        json_schema_extra=_ui("rows"),
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
        json_schema_extra=_ui(step=0.05),
    )
    test_share: float = Field(
        0.2,
        ge=0,
        lt=1,
        title="Test share",
        description="Rows nobody looks at until the end, for an honest figure.",
        json_schema_extra=_ui(step=0.05),
    )
    stratify: bool = Field(
        True,
        title="Keep class shares in the split",
        description="Gives each part of the split the same mix of classes (for a number: of its range).",
    )
    split_seed: int = Field(
        0,
        ge=0,
        le=2**31 - 1,
        title="Split seed",
        description="The same seed gives the same split.",
    )
    class_weights: bool = Field(
        False,
        title="Weigh classes equally",
        description="Lets a rare class count as much as a frequent one in the loss. For classes only.",
    )


# --- network -------------------------------------------------------------------------------------------------


class LayerSettings(_Part):
    """One dense layer and what comes with it."""

    units: int = Field(
        64, ge=1, le=16_384, title="Units", description="Width: how many numbers the layer computes."
    )
    activation: Activation = Field(
        "relu", title="Activation", description="What bends the layer's output; relu is the usual choice."
    )
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Dropout",
        description="Share of the layer's outputs set to zero at random in training, against overfitting.",
        json_schema_extra=_ui(step=0.05),
    )
    l1: float = Field(
        0.0,
        ge=0,
        le=10,
        title="L1",
        description="Penalty on the size of weights that drives many of them to zero.",
        json_schema_extra=_ui(step=1e-4),
    )
    l2: float = Field(
        0.0,
        ge=0,
        le=10,
        title="L2",
        description="Penalty on the square of weights that keeps them small.",
        json_schema_extra=_ui(step=1e-4),
    )
    batch_norm: bool = Field(
        False, title="Batch norm", description="Normalises the layer's inputs batch by batch; often allows larger rates."
    )


class ModelSettings(_Part):
    """The network between the table's inputs and the answer; the output layer follows from the task."""

    layers: tuple[LayerSettings, ...] = Field(
        (LayerSettings(units=64), LayerSettings(units=32)),
        max_length=50,
        title="Layers",
        description="From the inputs to the answer. None at all makes a linear model.",
    )


# --- training ------------------------------------------------------------------------------------------------


class EarlyStoppingSettings(_Part):
    """When to end before the last epoch."""

    enabled: bool = Field(
        True, title="Early stopping", description="Ends the run when the validation figure no longer gets better."
    )
    monitor: Literal["val_loss", "val_metric"] = Field(
        "val_loss",
        title="Watch",
        description="Which validation figure decides, also which epoch was the best.",
        json_schema_extra=_ui(
            labels={"val_loss": "Validation loss", "val_metric": "Validation accuracy (or error)"}
        ),
    )
    patience: int = Field(
        20,
        ge=1,
        le=100_000,
        title="Patience",
        description="Epochs to wait for something better. With cyclical rates at least a whole cycle.",
        json_schema_extra=_ui("epochs"),
    )
    min_delta: float = Field(
        0.0,
        ge=0,
        le=1e6,
        title="Least change",
        description="Smaller improvements than this do not count.",
        json_schema_extra=_ui(step=1e-4),
    )
    restore_best: bool = Field(
        True, title="Keep the best weights", description="The model that you leave with is that of the best epoch."
    )


class TrainingSettings(_Part):
    """How the weights are found."""

    optimizer: Optimizer = Field(
        "adam",
        title="Optimizer",
        description="SGD is what the papers on cyclical rates use; Adam and its kin need rates some 10 to 100 times smaller.",
        json_schema_extra=_ui(labels={"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}),
    )
    momentum: float = Field(
        0.9,
        ge=0,
        lt=1,
        title="Momentum",
        description="How much of the last update is carried on (SGD and RMSprop).",
        json_schema_extra=_ui(step=0.05),
    )
    nesterov: bool = Field(
        False, title="Nesterov", description="Looks ahead along the momentum before taking the gradient (SGD)."
    )
    weight_decay: float = Field(
        0.004,
        ge=0,
        le=10,
        title="Weight decay",
        description="Pulls weights towards zero apart from the gradient (AdamW).",
        json_schema_extra=_ui(step=1e-3),
    )
    batch_size: int = Field(
        32,
        ge=1,
        le=1_000_000,
        title="Batch size",
        description="Rows in one update. Larger is faster an epoch, smaller takes more steps.",
        json_schema_extra=_ui("rows"),
    )
    epochs: int = Field(
        50,
        ge=1,
        le=100_000,
        title="Epochs",
        description="How often every training row is used.",
        json_schema_extra=_ui("epochs"),
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**31 - 1,
        title="Seed",
        description="First weights, order of rows and dropout. The same seed gives the same history.",
    )
    precision: Precision = Field(
        "float32",
        title="Precision",
        description="Mixed precision pays on recent GPUs with large networks. On a CPU it is slower; stay with float32.",
    )
    xla: Literal["auto", "on", "off"] = Field(
        "auto",
        title="XLA compilation",
        description="Compiles the loop: about a second once, then up to twice as fast. Automatic decides by the run's length.",
        json_schema_extra=_ui(labels={"auto": "Automatic", "on": "On", "off": "Off"}),
    )
    early_stopping: EarlyStoppingSettings = EarlyStoppingSettings()


# --- policies ------------------------------------------------------------------------------------------------

_RATE = {"ge": 0, "le": 1000}
_LENGTH = {"gt": 0, "le": 1e9}


class _PolicySettings(_Part):
    unit: Unit = Field(
        "epochs",
        title="Lengths in",
        description="Whether lengths below count epochs or steps (one step is one batch).",
    )
    warmup: float = Field(
        0.0,
        ge=0,
        le=1e9,
        title="Warm-up",
        description="A straight line up to the first rate before the policy starts; 0 for none.",
        json_schema_extra=_ui("length"),
    )

    def build(self, steps_per_epoch: int, total_steps: int) -> policies.Policy:
        """Return the policy, with its lengths in steps.

        Args:
            steps_per_epoch: Batches in one epoch, at least 1.
            total_steps: Steps in the whole run, at least 1.

        Raises:
            UserError: If the numbers do not go together (bounds out of order, a cycle below one step).
        """
        warmup = self._steps(self.warmup, steps_per_epoch)
        if warmup == 0:
            return self._policy(steps_per_epoch, total_steps)
        # Below one step there is nothing to draw a line through; WarmUp says so.
        remaining = max(1, total_steps - int(warmup))
        return policies.WarmUp(self._policy(steps_per_epoch, remaining), warmup)

    def _policy(self, steps_per_epoch: int, total_steps: int) -> policies.Policy:
        raise NotImplementedError

    def _steps(self, length: float, steps_per_epoch: int) -> float:
        return length * steps_per_epoch if self.unit == "epochs" else length


class FixedSettings(_PolicySettings):
    """The same rate all the way."""

    type: Literal["fixed"] = "fixed"
    learning_rate: float = Field(0.001, **_RATE, title="Learning rate", description="The size of every step.")

    def _policy(self, steps_per_epoch: int, total_steps: int) -> policies.Policy:
        return policies.Fixed(self.learning_rate)


class CLRSettings(_PolicySettings):
    """Cyclical rates (Smith 2017)."""

    type: Literal["clr"] = "clr"
    base_lr: float = Field(0.001, **_RATE, title="base_lr", description="The lower bound of the cycle.")
    max_lr: float = Field(
        0.01, **_RATE, title="max_lr", description="The upper bound: a little below where the loss begins to rise."
    )
    step_size: float = Field(
        4.0,
        **_LENGTH,
        title="step_size",
        description="Half a cycle. The paper recommends 2 to 10 epochs.",
        json_schema_extra=_ui("length"),
    )
    mode: policies.CLRMode = Field(
        "triangular",
        title="Mode",
        description="triangular: the same peaks; triangular2: halved each cycle; exp_range: shrunk by gamma each step.",
    )
    gamma: float = Field(
        0.9999,
        gt=0,
        le=1,
        title="gamma",
        description="For exp_range: the factor on the upper bound in every step.",
        json_schema_extra=_ui(step=1e-4),
    )

    def _policy(self, steps_per_epoch: int, total_steps: int) -> policies.Policy:
        return policies.CLR(
            self.base_lr, self.max_lr, self._steps(self.step_size, steps_per_epoch), self.mode, self.gamma
        )


class SGDRSettings(_PolicySettings):
    """Warm restarts (Loshchilov and Hutter 2017)."""

    type: Literal["sgdr"] = "sgdr"
    max_lr: float = Field(0.01, **_RATE, title="max_lr", description="The rate right after a restart.")
    min_lr: float = Field(0.0, **_RATE, title="min_lr", description="The least rate, at the end of a cycle.")
    T_0: float = Field(
        10.0,
        **_LENGTH,
        title="First cycle (T_0)",
        description="Length of the first cycle. The paper uses 1 and 10 epochs.",
        json_schema_extra=_ui("length"),
    )
    T_mult: float = Field(
        2.0,
        ge=1,
        le=100,
        title="Cycle multiplier (T_mult)",
        description="Each cycle is this many times as long as the one before.",
        json_schema_extra=_ui(step=0.5),
    )
    decay: float = Field(
        1.0,
        gt=0,
        le=1,
        title="Peak decay",
        description="Each peak is this share of the one before.",
        json_schema_extra=_ui(step=0.05),
    )

    def _policy(self, steps_per_epoch: int, total_steps: int) -> policies.Policy:
        first = self._steps(self.T_0, steps_per_epoch)
        return policies.SGDR(self.max_lr, first, self.min_lr, self.T_mult, self.decay)


class OneCycleSettings(_PolicySettings):
    """One rise and one long fall over the whole run (Smith and Topin 2018)."""

    type: Literal["one-cycle"] = "one-cycle"
    max_lr: float = Field(0.01, **_RATE, title="max_lr", description="The peak.")
    rise: float = Field(
        0.25,
        gt=0,
        lt=1,
        title="Rising share",
        description="Share of the run spent on the way up.",
        json_schema_extra=_ui(step=0.05),
    )
    start_div: float = Field(
        25.0, ge=1, le=1e9, title="Start divisor", description="The first rate is max_lr divided by this."
    )
    end_div: float = Field(
        1e5, ge=1, le=1e12, title="End divisor", description="The last rate is max_lr divided by this."
    )

    def _policy(self, steps_per_epoch: int, total_steps: int) -> policies.Policy:
        return policies.OneCycle(self.max_lr, total_steps, self.rise, self.start_div, self.end_div)


PolicySettings = Annotated[
    FixedSettings | CLRSettings | SGDRSettings | OneCycleSettings, Field(discriminator="type")
]


# --- the whole -----------------------------------------------------------------------------------------------


class RunSettings(_Part):
    """Everything that decides what a run computes.

    The same settings on the same machine give the same history, bit for bit.
    """

    version: Literal[1] = 1
    name: str = Field(
        "", title="Name", description="What you want to call this run.", max_length=200
    )
    data: DataSettings = DataSettings()
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    policy: PolicySettings = CLRSettings()

    def plan(self, training_rows: int) -> policies.FloatArray:
        """Return the learning rate of every step of the run.

        Args:
            training_rows: Rows to train on, at least 1; the last short batch of an epoch is a step too.

        Returns:
            Learning rates, float64, shape (epochs * steps per epoch,).

        Raises:
            UserError: If the policy's numbers do not go together.
        """
        steps_per_epoch = math.ceil(training_rows / self.training.batch_size)
        total_steps = steps_per_epoch * self.training.epochs
        return self.policy.build(steps_per_epoch, total_steps).plan(total_steps)

    def to_json(self) -> str:
        """Return the settings as indented JSON, readable by a person."""
        return self.model_dump_json(indent=2)

    @classmethod
    def from_json(cls, text: str | bytes) -> "RunSettings":
        """Return the settings that a JSON text holds.

        Raises:
            UserError: If it is not JSON, or a field is unknown or out of its range; names the field.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise UserError(describe(error)) from error


def describe(error: ValidationError) -> str:
    """Return the first complaint of pydantic as one sentence that names the field and what was received."""
    first = error.errors(include_url=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return "These settings are not valid JSON; save them again from the app, or undo the last edit by hand."
    place = ".".join(str(part) for part in first["loc"])
    rule = first["msg"][:1].lower() + first["msg"][1:]
    received = _short(first["input"])
    more = error.error_count() - 1
    others = f" ({more} more fields need a look.)" if more else ""
    return f"The setting “{place}” is not as it must be: {rule}. Received: {received}.{others}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"
