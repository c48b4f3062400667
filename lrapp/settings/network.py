"""Settings of the network: its layers, augmentation, and the weights that it starts from."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from lrapp.settings.base import SettingsModel, ui

Activation = Literal["relu", "gelu", "silu", "elu", "selu", "leaky_relu", "tanh", "sigmoid", "linear"]
InitialWeights = Literal["automatic", "glorot_uniform", "he_normal", "lecun_normal"]
NumberEmbedding = Literal["none", "periodic", "bins"]
LayerKind = Literal[
    "dense",
    "conv",
    "residual",
    "max_pool",
    "avg_pool",
    "global_max_pool",
    "global_avg_pool",
    "dropout",
    "batch_norm",
]


@dataclass(frozen=True)
class LayerFacts:
    """Facts about a kind of layer.

    Args:
        short: How lists of runs show it, with the layer's fields in braces; empty if they leave it out.
        reads: The fields of ``LayerSettings`` that it uses, besides its kind.
        first: Values that a new layer starts with, where they are not the field's own.
    """

    title: str
    short: str
    reads: tuple[str, ...] = ()
    first: dict[str, float] = field(default_factory=dict)
    pictures: bool = False
    weighted: bool = False


_COMPUTED = ("units", "activation", "dropout", "l1", "l2", "batch_norm")
_WINDOWED = ("size", "stride", *_COMPUTED)
LAYER_KINDS: dict[LayerKind, LayerFacts] = {
    "dense": LayerFacts("Dense", "{units}", _COMPUTED, weighted=True),
    "conv": LayerFacts("Convolution", "conv {units}", _WINDOWED, pictures=True, weighted=True),
    "residual": LayerFacts("Residual block", "residual {units}", _WINDOWED, pictures=True, weighted=True),
    "max_pool": LayerFacts("Max pooling", "max pool", ("size",), {"size": 2}, pictures=True),
    "avg_pool": LayerFacts("Average pooling", "avg pool", ("size",), {"size": 2}, pictures=True),
    "global_max_pool": LayerFacts("Global max pooling", "global max pool", pictures=True),
    "global_avg_pool": LayerFacts("Global average pooling", "global avg pool", pictures=True),
    "dropout": LayerFacts("Dropout", "", ("dropout",)),
    "batch_norm": LayerFacts("Batch norm", "", weighted=True),
}
RUN_ID = r"[0-9]{8}-[0-9]{12}-[0-9a-f]{16}"


class LayerSettings(SettingsModel):
    """One layer and what comes with it.

    ``dense``, ``conv`` and ``residual`` compute -> batch normalisation -> activation -> dropout, each where asked
    for. The other kinds do one thing, and read only what ``LAYER_KINDS`` says.
    """

    kind: LayerKind = Field(
        "dense",
        title="Kind",
        description="Dense connects every input with every unit; convolution and pooling work on parts of a picture.",
        json_schema_extra=ui(labels={kind: facts.title for kind, facts in LAYER_KINDS.items()}),
    )
    units: int = Field(
        64,
        ge=1,
        le=16_384,
        title="Units",
        description="Width: how many numbers a dense layer computes, or filters a convolution has.",
    )
    size: int = Field(
        3,
        ge=1,
        le=32,
        title="Size",
        description="Pixels along a side of a convolution's window, or that pooling makes into one.",
        json_schema_extra=ui("pixels"),
    )
    stride: int = Field(
        1,
        ge=1,
        le=8,
        title="Stride",
        description="Pixels that a convolution's window moves at a time; 2 halves width and height.",
        json_schema_extra=ui("pixels"),
    )
    activation: Activation = Field(
        "relu",
        title="Activation",
        description="The nonlinear function of the layer's output; relu is the usual choice.",
    )
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Dropout",
        description="Share of the layer's outputs set to zero at random in training, against overfitting.",
        json_schema_extra=ui(step=0.05),
    )
    l1: float = Field(
        0.0,
        ge=0,
        le=10,
        title="L1",
        description="Penalty on the size of weights that drives many of them to zero.",
        json_schema_extra=ui(step=1e-4),
    )
    l2: float = Field(
        0.0,
        ge=0,
        le=10,
        title="L2",
        description="Penalty on the square of weights that keeps them small.",
        json_schema_extra=ui(step=1e-4),
    )
    batch_norm: bool = Field(
        False,
        title="Batch norm",
        description="Normalises what the layer computes, batch by batch, before its activation; often allows "
        "larger rates.",
    )

    @property
    def facts(self) -> LayerFacts:
        """What is known of its kind."""
        return LAYER_KINDS[self.kind]

    @property
    def computes(self) -> bool:
        """Whether it has a width and weights of its own."""
        return "units" in self.facts.reads


class AugmentationSettings(SettingsModel):
    """How each picture is varied anew every time that training uses it; validation and test see it as it is."""

    flip: Literal["none", "horizontal", "vertical", "both"] = Field(
        "none",
        title="Flip",
        description="Mirrors half of the pictures. Horizontally is right for most things, not for letters and digits.",
        json_schema_extra=ui(
            labels={
                "none": "No",
                "horizontal": "Left and right",
                "vertical": "Top and bottom",
                "both": "Both ways",
            }
        ),
    )
    shift: float = Field(
        0.0,
        ge=0,
        le=0.5,
        title="Shift",
        description="Moves pictures by up to this share of their width and height (0.1: a tenth).",
        json_schema_extra=ui(step=0.05),
    )
    rotate: float = Field(
        0.0,
        ge=0,
        le=180,
        title="Rotate",
        description="Turns pictures by up to this angle, either way.",
        json_schema_extra=ui("degrees", step=5),
    )
    zoom: float = Field(
        0.0,
        ge=0,
        le=0.9,
        title="Zoom",
        description="Makes pictures up to this share larger or smaller (0.1: a tenth).",
        json_schema_extra=ui(step=0.05),
    )
    contrast: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Contrast",
        description="Changes the contrast by up to this share, either way.",
        json_schema_extra=ui(step=0.05),
    )

    @property
    def any(self) -> bool:
        """Whether anything is varied."""
        return self != AugmentationSettings()


class FreshStart(SettingsModel):
    """Random initial weights."""

    type: Literal["fresh"] = "fresh"


PretrainedName = Literal["MobileNetV2", "EfficientNetB0", "ResNet50V2", "VGG16", "InceptionV3"]


@dataclass(frozen=True)
class PretrainedFacts:
    """Facts about a network that has learned from ImageNet.

    Args:
        megabytes: Of the weights that Keras downloads.
        least: Pixels along a side of the smallest pictures that it can look at.
        about: What sets it apart, in a few words.
    """

    megabytes: int
    least: int
    about: str


PRETRAINED: dict[PretrainedName, PretrainedFacts] = {
    "MobileNetV2": PretrainedFacts(9, 32, "small and quick"),
    "EfficientNetB0": PretrainedFacts(16, 32, "small and accurate"),
    "ResNet50V2": PretrainedFacts(95, 32, "50 layers with shortcuts"),
    "VGG16": PretrainedFacts(59, 32, "plain and old, with the most computing by far"),
    "InceptionV3": PretrainedFacts(88, 75, "windows of several sizes side by side"),
}


class PretrainedStart(SettingsModel):
    """A network that has learned from the photographs of ImageNet; the table's layers come behind it."""

    type: Literal["pretrained"] = "pretrained"
    name: PretrainedName = Field(
        "MobileNetV2",
        title="Network",
        description="Which network; MobileNetV2 is the smallest and quickest.",
    )
    size: int = Field(
        96,
        ge=32,
        le=299,
        title="Pictures are brought to",
        description="Pixels along a side that the network sees. It has learned from 224 (InceptionV3: from 299, and it "
        "needs 75 or more); less is quicker.",
        json_schema_extra=ui("pixels"),
    )

    @property
    def facts(self) -> PretrainedFacts:
        """What is known of the network."""
        return PRETRAINED[self.name]

    @property
    def obstacle(self) -> str:
        """Why the network cannot look at pictures of that size, as a sentence; empty if it can."""
        if self.size >= self.facts.least:
            return ""
        return (
            f"{self.name} needs pictures of at least {self.facts.least} pixels along a side: set “Pictures are brought "
            f"to” to {self.facts.least} or more, or choose another network. Received: {self.size}."
        )


class RunStart(SettingsModel):
    """The weights of a finished run of one's own, for all layers but the output layer.

    The output layer is included only if both runs have the same classes.
    """

    type: Literal["run"] = "run"
    run: str = Field(
        title="Run",
        description="The run whose trained weights are taken; its layers must be those of this network.",
        pattern=rf"^{RUN_ID}$",
    )
    base: PretrainedStart | None = Field(
        None,
        title="Pretrained network",
        description="The network from ImageNet that stands before the layers of that run, and so before these.",
    )


Start = Annotated[FreshStart | RunStart | PretrainedStart, Field(discriminator="type")]


class ModelSettings(SettingsModel):
    """The network between the inputs and the output; the output layer follows from the task."""

    layers: tuple[LayerSettings, ...] = Field(
        (LayerSettings(units=64), LayerSettings(units=32)),
        max_length=50,
        title="Layers",
        description="From the inputs to the output. None at all makes a linear model.",
    )
    initial_weights: InitialWeights = Field(
        "automatic",
        title="Initial weights",
        description="How far the hidden layers' initial weights are spread; Glorot's are smaller than He's, and often "
        "better for tables.",
        json_schema_extra=ui(
            labels={
                "automatic": "Automatic (by activation)",
                "glorot_uniform": "Glorot uniform",
                "he_normal": "He normal",
                "lecun_normal": "LeCun normal",
            }
        ),
    )
    number_embedding: NumberEmbedding = Field(
        "none",
        title="Number embedding",
        description="Turns each number of a table into several, so that small differences can matter: waves with "
        "learned frequencies (RealMLP 2024), or how much of 16 bins lies below it (Gorishniy et al. 2022).",
        json_schema_extra=ui(
            labels={"none": "None", "periodic": "Periodic (PBLD)", "bins": "Piecewise linear (bins)"}
        ),
    )
    augmentation: AugmentationSettings = AugmentationSettings()
    start: Start = FreshStart()

    @property
    def base(self) -> PretrainedStart | None:
        """The network from ImageNet that stands before the layers; None where there is none."""
        return self.start if isinstance(self.start, PretrainedStart) else getattr(self.start, "base", None)
