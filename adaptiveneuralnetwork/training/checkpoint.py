"""Checkpoint files: written whole or not at all, and read without running what they hold."""

from __future__ import annotations

import copy
import os
import pickle
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from adaptiveneuralnetwork.training.history import History
from adaptiveneuralnetwork.training.seeding import rng_state

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer

FORMAT_VERSION = 1
"""Version of the schema that ``Trainer.save_checkpoint`` writes, under the key ``format_version``."""


class CheckpointError(RuntimeError):
    """A checkpoint could not be read or does not fit; the message names the path and the reason."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"checkpoint {os.fspath(path)}: {reason}")
        self.path = Path(path)
        self.reason = reason


def write_checkpoint(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Write ``state`` to ``path`` atomically: whatever happens, the old file or the new one is there, never a part.

    The folder is made if needed. The new file is read back before it takes the old one's place.

    Raises:
        CheckpointError: ``state`` holds something else than tensors and plain values, so it could not be loaded safely.
        OSError: The folder or file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        read_checkpoint(temporary)
        # mkstemp makes the file private; a checkpoint gets the permissions that any new file would get.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        _sync_folder(path.parent)
    except CheckpointError as error:
        raise CheckpointError(path, f"not written: {error.reason}") from error
    finally:
        temporary.unlink(missing_ok=True)


def read_checkpoint(path: str | os.PathLike[str], map_location: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint of tensors and plain values; code in it is refused, never run.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: The file is damaged, is not a checkpoint, or holds more than tensors and plain values.
    """
    # Opened here, so that a missing file is told apart from a damaged one, for which torch.load raises OSError too.
    with Path(path).open("rb") as file:
        try:
            state = torch.load(file, map_location=map_location, weights_only=True)
        except pickle.UnpicklingError as error:
            raise CheckpointError(
                path, f"it holds more than tensors and plain values, or is damaged: {error}"
            ) from error
        except Exception as error:  # half a dozen types for damaged files
            raise CheckpointError(path, f"it is damaged or no checkpoint ({type(error).__name__}: {error})") from error
    if not isinstance(state, dict):
        raise CheckpointError(path, f"it holds a {type(state).__name__}, not a dict")
    return state


def trainer_state(trainer: Trainer) -> dict[str, Any]:
    """All that a trainer needs to go on at the epoch where it is, as tensors and plain values."""
    state = {
        "format_version": FORMAT_VERSION,
        "epoch": trainer.current_epoch,
        "epochs_completed": len(trainer.metrics_history),
        "global_step": trainer.global_step,
        "model_state_dict": trainer.model.state_dict(),
        "optimizer_state_dict": trainer.optimizer.state_dict(),
        "metrics_history": [dict(record) for record in trainer.metrics_history],
        "rng_state": rng_state(),
    }
    if trainer.precision.enabled:
        state["scaler_state_dict"] = trainer.precision.scaler.state_dict()
    if trainer.scheduler is not None:
        state["scheduler_state_dict"] = trainer.scheduler.state_dict()
    return state


def restore_trainer(trainer: Trainer, state: dict[str, Any], path: str | os.PathLike[str], strict: bool) -> None:
    """Put model, optimizer, scaler, history and counters of ``trainer`` where ``state`` has them, or change nothing.

    Raises:
        CheckpointError: ``state`` lacks something or does not fit.
    """
    missing = {"model_state_dict", "optimizer_state_dict"} - state.keys()
    if missing:
        raise CheckpointError(path, f"it lacks {', '.join(sorted(missing))}; it has {', '.join(map(str, state))}")
    before = copy.deepcopy(trainer.model.state_dict())
    try:
        trainer.model.load_state_dict(state["model_state_dict"], strict=strict)
        trainer.optimizer.load_state_dict(state["optimizer_state_dict"])
    except (RuntimeError, ValueError, KeyError) as error:
        trainer.model.load_state_dict(before)
        raise CheckpointError(path, f"it does not fit: {error}") from error
    if "scaler_state_dict" in state and trainer.precision.enabled:
        trainer.precision.scaler.load_state_dict(state["scaler_state_dict"])
    trainer.metrics_history = History(state.get("metrics_history", ()), callbacks=trainer.callbacks)
    trainer.current_epoch = state.get("epoch", 0)
    trainer.global_step = state.get("global_step", 0)


def _umask() -> int:
    # There is no call that only reads it.
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut (Windows has no such call and needs none)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
