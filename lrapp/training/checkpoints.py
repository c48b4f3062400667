"""The state of a run after an epoch, from which it resumes bit for bit as if never interrupted."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrapp.errors import UserError
from lrapp.files import disk_errors, from_json, whole

if TYPE_CHECKING:
    from lrapp.training.members_loop import MemberSnapshot
    from lrapp.training.records import Snapshot

_FORMAT = 1
_UNREADABLE = "The saved state of this run cannot be read; start the run again from the beginning."
_OTHER_NETWORK = (
    "The saved state belongs to another network or optimizer; start the run again from the beginning."
)


class MemberState(NamedTuple):
    """The state of one of many networks: its best epoch, that epoch's figure, epochs since, and whether it counts."""

    best_epoch: int | None
    best_value: float
    wait: int
    running: bool


@dataclass(frozen=True)
class TrainingState:
    """All that a run needs to go on after a finished epoch.

    Args:
        epochs: Epochs done, at least 1.
        best_epoch: The best of them, counted from 1; None when there was none.
        best_value: The value that early stopping watches, at that epoch.
        best_weights: Values of the network's variables after the best epoch; of many networks that do not keep their
            best, after the last epoch that counts for each.
        members: The state of each of many networks; empty for a single one.
        losses: Training and validation loss of every epoch, where early stopping looks back at them, shape
            (2, epochs), or (2, epochs, members).
        seconds: How long has been trained.
        reached: The sentence on the target that was reached; empty if there was none.
        masks: Which weights of each kernel stay, bool; empty where nothing is pruned.
    """

    epochs: int
    best_epoch: int | None
    best_value: float
    wait: int
    model: tuple[NDArray[Any], ...]
    optimizer: tuple[NDArray[Any], ...]
    best_weights: tuple[NDArray[Any], ...]
    members: tuple[MemberState, ...] = ()
    losses: NDArray[np.float64] = field(default_factory=lambda: np.empty((2, 0)))
    seconds: float = 0.0
    reached: str = ""
    masks: tuple[NDArray[np.bool_], ...] = ()

    @classmethod
    def of(
        cls,
        snapshot: "Snapshot | MemberSnapshot",
        best_weights: tuple[Any, ...],
        epochs: int,
        best_epoch: int | None,
        best_value: float,
        wait: int,
        members: tuple[MemberState, ...] = (),
        *,
        losses: NDArray[np.float64],
        seconds: float,
        reached: str = "",
        masks: Sequence[NDArray[np.bool_]] = (),
    ) -> "TrainingState":
        """Return the state that a snapshot and the course of the run make up."""
        return cls(
            epochs,
            best_epoch,
            best_value,
            wait,
            tuple(value.numpy() for value in snapshot.model),
            tuple(value.numpy() for value in snapshot.optimizer),
            tuple(value.numpy() for value in best_weights),
            members,
            losses,
            seconds,
            reached,
            tuple(masks),
        )

    def require_fit(
        self, snapshot: "Snapshot | MemberSnapshot", masks: Sequence[NDArray[np.bool_]] = ()
    ) -> None:
        """Check that the state is one of the network and optimizer that the snapshot was taken of, with such masks.

        Raises:
            UserError: If it is not.
        """
        expected = [
            [tuple(value.shape) for value in values] for values in (snapshot.model, snapshot.optimizer)
        ]
        if expected != [[value.shape for value in values] for values in (self.model, self.optimizer)]:
            raise UserError(_OTHER_NETWORK)
        if [mask.shape for mask in masks] != [mask.shape for mask in self.masks]:
            raise UserError(_OTHER_NETWORK)

    def save(self, path: str | Path) -> None:
        """Write the state to a file; a reader meanwhile gets the whole old state or the whole new one."""
        about: dict[str, Any] = {
            "format": _FORMAT,
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "best_value": repr(float(self.best_value)),
            "wait": self.wait,
            "seconds": self.seconds,
            "reached": self.reached,
        }
        if self.members:
            about["members"] = [
                {**member._asdict(), "best_value": repr(float(member.best_value))} for member in self.members
            ]
        arrays = {
            f"{name}_{index:04}": value
            for name in ("model", "optimizer", "best_weights", "masks")
            for index, value in enumerate(getattr(self, name))
        } | {"losses": self.losses}
        # If a power cut undoes the renaming, the state before it is as good.
        with disk_errors(), whole(Path(path), "content") as beside, beside.open("wb") as file:
            np.savez(file, allow_pickle=False, about=np.array(json.dumps(about)), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "TrainingState":
        """Return the state that a file holds.

        Raises:
            UserError: If it cannot be read.
        """
        try:
            # NumPy would leave the file open if it could not read it.
            with Path(path).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                about = from_json(str(file["about"]))
                if about["format"] != _FORMAT:
                    raise UserError(_UNREADABLE)
                groups = [
                    tuple(file[key] for key in sorted(file.files) if key.startswith(f"{name}_"))
                    for name in ("model", "optimizer", "best_weights", "masks")
                ]
                losses = file["losses"] if "losses" in file.files else np.empty((2, 0))
            best_value = float(about["best_value"])
            members = tuple(
                MemberState(**{**member, "best_value": float(member["best_value"])})
                for member in about.get("members", ())
            )
            model, optimizer, best, masks = groups
            return cls(
                *(about["epochs"], about["best_epoch"], best_value, about["wait"]),
                *(model, optimizer, best, members),
                losses=losses,
                seconds=about.get("seconds", 0.0),
                reached=about.get("reached", ""),
                masks=masks,
            )
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(_UNREADABLE) from error
        except RuntimeError as error:  # damaged bytes can look encrypted, or packed by an unknown method
            raise UserError(_UNREADABLE) from error
