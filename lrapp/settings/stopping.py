"""Settings of early stopping: what ends a run before its last epoch."""

from typing import Literal

from pydantic import Field

from lrapp.settings.base import SettingsModel, ui

Criterion = Literal["patience", "GL", "PQ", "UP"]
Target = Literal["none", "loss", "val_loss", "metric", "val_metric"]


class EarlyStoppingSettings(SettingsModel):
    """When to end before the last epoch.

    GL, PQ and UP are the criteria of Prechelt, "Early Stopping - But When?", 1998; they watch the losses.
    """

    enabled: bool = Field(
        True,
        title="Early stopping",
        description="Ends the run when the validation figure no longer improves.",
    )
    criterion: Criterion = Field(
        "patience",
        title="Criterion",
        description="Patience waits for an improvement. The others are Prechelt's (1998): GL ends the run when the "
        "validation loss is too far above its lowest, PQ when it is so while the training loss hardly moves, UP when "
        "it has risen several times in a row.",
        json_schema_extra=ui(
            labels={
                "patience": "Patience",
                "GL": "Generalization loss (GL)",
                "PQ": "Progress quotient (PQ)",
                "UP": "Rises in a row (UP)",
            }
        ),
    )
    monitor: Literal["val_loss", "val_metric"] = Field(
        "val_loss",
        title="Watch",
        description="Which validation figure decides, also which epoch was the best.",
        json_schema_extra=ui(
            labels={"val_loss": "Validation loss", "val_metric": "Validation accuracy (or error)"}
        ),
    )
    patience: int = Field(
        20,
        ge=1,
        le=100_000,
        title="Patience",
        description="How long to wait for an improvement. With cyclical rates at least a whole cycle.",
    )
    patience_unit: Literal["epochs", "cycles"] = Field(
        "epochs",
        title="Unit of patience",
        description="Cycles are those of the learning rate, so that no run ends while the rate is high.",
        json_schema_extra=ui(labels={"epochs": "Epochs", "cycles": "Cycles"}),
    )
    min_delta: float = Field(
        0.0,
        ge=0,
        le=1e6,
        title="Minimum improvement",
        description="Smaller improvements than this do not count.",
        json_schema_extra=ui(step=1e-4),
    )
    gl_alpha: float = Field(
        5.0,
        ge=0,
        le=1e6,
        title="GL threshold",
        description="How far the validation loss may be above its lowest. The paper tries 1, 2, 3 and 5 %.",
        json_schema_extra=ui("%", step=1),
    )
    pq_alpha: float = Field(
        0.75,
        ge=0,
        le=1e6,
        title="PQ threshold",
        description="How large the generalization loss (%) may be beside the training progress (‰). The paper tries "
        "0.5, 0.75, 1, 2 and 3.",
        json_schema_extra=ui(step=0.25),
    )
    strip: int = Field(
        5,
        ge=2,
        le=10_000,
        title="Strip",
        description="Progress and rises are measured from strip to strip. The paper uses 5 epochs.",
        json_schema_extra=ui("epochs"),
    )
    up_strips: int = Field(
        3,
        ge=1,
        le=10_000,
        title="Rises in a row",
        description="At the ends of how many strips in a row the validation loss must have risen. The paper tries 2, "
        "3, 4, 6 and 8.",
        json_schema_extra=ui("strips"),
    )
    target: Target = Field(
        "none",
        title="Stop at a target",
        description="Ends the run after the first epoch in which a figure is good enough.",
        json_schema_extra=ui(
            labels={
                "none": "No target",
                "val_loss": "Validation loss",
                "val_metric": "Validation accuracy (or error)",
                "loss": "Training loss",
                "metric": "Training accuracy (or error)",
            }
        ),
    )
    target_value: float = Field(
        0.5,
        ge=0,
        le=1e12,
        title="Target",
        description="A loss or an error must be at most this, an accuracy (0 to 1) at least.",
    )
    minutes: float = Field(
        0.0,
        ge=0,
        le=100_000,
        title="Time limit",
        description="Ends the run after this time of training; 0 for no limit.",
        json_schema_extra=ui("minutes", step=1),
    )
    restore_best: bool = Field(
        True,
        title="Keep the best weights",
        description="The model has the weights of the best epoch.",
    )

    @property
    def looks_back(self) -> bool:
        """Whether the criterion needs the losses of all epochs."""
        return self.enabled and self.criterion != "patience"
