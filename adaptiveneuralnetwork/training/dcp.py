"""Checkpoint folders that all ranks write together, in the format of ``torch.distributed.checkpoint``.

A folder holds the tensors of model and optimizer, each rank's part in files of its own, and ``trainer.pt``: a
checkpoint file with all else, with the shapes of the tensors, and with the SHA-256 of each of the other files.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from adaptiveneuralnetwork.training.checkpoint import (
    CheckpointError,
    previous_path,
    read_checkpoint,
    sync_folder,
    write_checkpoint,
)
from adaptiveneuralnetwork.training.collectives import all_or_none, gathered

_TRAINER_FILE = "trainer.pt"


def write_folder(path: str | os.PathLike[str], state: Mapping[str, Any], rank: int, world_size: int) -> None:
    """Write a trainer's state, in which tensors may be sharded, to a folder; all ranks must call.

    It is written beside ``path`` and takes its place when it is whole and on the disk. What was there is kept as
    :func:`~adaptiveneuralnetwork.training.checkpoint.previous_path`.

    Raises:
        CheckpointError: The state holds something that could not be loaded safely; what was there is untouched.
        OSError: The folder cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    with all_or_none():
        if rank == 0:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
    tensors = _tensors_of(state)
    # In order, so that the collectives within are the same on all ranks.
    save(tensors, checkpoint_id=partial)
    with all_or_none():
        digests = _digests(partial, rank, world_size, sync=True)
    merged = {name: digest for part in gathered(digests) for name, digest in part.items()}
    with all_or_none():
        if rank == 0:
            rest = {
                name: value for name, value in state.items() if name not in ("model_state_dict", "model_state_full")
            }
            rest["optimizer_state_dict"] = _without_tensors(state["optimizer_state_dict"])
            rest["files"] = merged
            rest["tensors"] = {name: [list(value.shape), value.dtype] for name, value in tensors.items()}
            write_checkpoint(partial / _TRAINER_FILE, rest)
            _replace(partial, path)


def read_folder(
    path: str | os.PathLike[str],
    model: Mapping[str, torch.Tensor] | None = None,
    parameters: Sequence[torch.Tensor] = (),
    *,
    alone: bool = True,
) -> dict[str, Any]:
    """Read a folder that :func:`write_folder` made, in the form of a checkpoint file.

    Args:
        model: The model's state, whose sharding its tensors get. Default: every tensor whole, on the CPU.
        parameters: Those of the optimizer in their order; its state gets the sharding of those that it fits.
        alone: Read by this process alone, whatever process group there is.

    Raises:
        FileNotFoundError: There is no such folder.
        CheckpointError: It is damaged, no checkpoint, or holds more than tensors and plain values.
    """
    path = Path(path)
    state = read_checkpoint(path / _TRAINER_FILE)
    files, shapes = state.pop("files", None), state.pop("tensors", None)
    if files is None or shapes is None:
        raise CheckpointError(path, f"its {_TRAINER_FILE} is that of no folder")
    for name, digest in files.items():
        if not (path / name).is_file() or _digest(path / name) != digest:
            raise CheckpointError(path, f"it is damaged: {name} is missing or is not what was written")
    _check_metadata(path)
    like: dict[str, Any] = {f"model.{name}": value for name, value in (model or {}).items()}
    for index, entries in state["optimizer_state_dict"]["state"].items():
        like |= {f"optimizer.{index}.{name}": parameters[index] for name in entries if index < len(parameters)}
    tensors = {name: _empty(shape, dtype, like.get(name)) for name, (shape, dtype) in shapes.items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*assuming the intent is to load in a single process.*")
        load(tensors, checkpoint_id=path, no_dist=alone)
    state["model_state_dict"] = {
        name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")
    }
    entries = state["optimizer_state_dict"]["state"]
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, entry = name.split(".", 2)
            entries[int(index)][entry] = value
    return state


def export_checkpoint(folder: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Make of a checkpoint folder the file that a single process would have written; needs no other process.

    Raises:
        FileNotFoundError: There is no such folder.
        CheckpointError: It is damaged.
        OSError: The file cannot be written.

    Example:
        >>> export_checkpoint("checkpoints/step_1000", "step_1000.pt")  # doctest: +SKIP
    """
    write_checkpoint(path, read_folder(folder))


def _tensors_of(state: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    tensors = {f"model.{name}": value for name, value in state["model_state_dict"].items()}
    for index, entries in state["optimizer_state_dict"]["state"].items():
        tensors |= {
            f"optimizer.{index}.{name}": value for name, value in entries.items() if isinstance(value, torch.Tensor)
        }
    return tensors


def _without_tensors(optimizer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **optimizer,
        "state": {
            index: {name: None if isinstance(value, torch.Tensor) else value for name, value in entries.items()}
            for index, entries in optimizer["state"].items()
        },
    }


def _empty(shape: list[int], dtype: torch.dtype, like: torch.Tensor | None) -> torch.Tensor:
    if like is not None and list(like.shape) == shape:
        return torch.empty_like(like, dtype=dtype, requires_grad=False)
    return torch.empty(shape, dtype=dtype)


def _digests(folder: Path, rank: int, world_size: int, *, sync: bool) -> dict[str, str]:
    """The SHA-256 of every ``world_size``-th file, by name."""
    names = sorted(file.name for file in folder.iterdir() if file.is_file())
    digests = {}
    for name in names[rank::world_size]:
        digests[name] = _digest(folder / name)
        if sync:
            with (folder / name).open("rb") as file:
                os.fsync(file.fileno())
    return digests


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _replace(partial: Path, path: Path) -> None:
    sync_folder(partial)
    if path.exists():
        previous = previous_path(path)
        if previous.is_dir():
            shutil.rmtree(previous)
        path.rename(previous)
    partial.rename(path)
    sync_folder(path.parent)


def _check_metadata(folder: Path) -> None:
    """Refuse a ``.metadata`` that would run code: torch unpickles it without looking."""
    with (folder / ".metadata").open("rb") as file:
        try:
            _PlainMetadata(file).load()
        except Exception as error:
            raise CheckpointError(folder, f"its .metadata is refused: {error}") from error


class _PlainMetadata(pickle.Unpickler):
    """Unpickles what describes tensors, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _DESCRIBING or (module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} does not describe tensors")


_DESCRIBING = {
    *(
        ("torch.distributed.checkpoint.metadata", name)
        for name in (
            "BytesStorageMetadata",
            "ChunkStorageMetadata",
            "Metadata",
            "MetadataIndex",
            "StorageMeta",
            "TensorProperties",
            "TensorStorageMetadata",
            "_MEM_FORMAT_ENCODING",
        )
    ),
    ("torch.distributed.checkpoint.filesystem", "_StorageInfo"),
    ("torch.serialization", "_get_layout"),
    ("torch", "Size"),
    ("pathlib", "PosixPath"),
    ("pathlib", "WindowsPath"),
}
