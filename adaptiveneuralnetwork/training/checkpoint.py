"""Checkpoint files: written whole or not at all, checked bit by bit, and read without running what they hold.

A file is what ``torch.save`` writes, a zip archive, with one thing more: the archive's comment holds the SHA-256 of all
that stands before it. So ``torch.load(path, weights_only=True)`` reads the file anywhere, and :func:`read_checkpoint`
knows that no bit of it has changed.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch

from adaptiveneuralnetwork.training.plain import plain

FORMAT_VERSION = 1
"""Version of the schema that ``Trainer.save_checkpoint`` writes, under the key ``format_version``."""


class CheckpointError(RuntimeError):
    """A checkpoint could not be read, written or used; the message names the path and the reason.

    Args:
        path: The file.
        reason: What is wrong with it.
        previous: The file that it had replaced, where that one is whole.

    Attributes:
        path, reason, previous: As given.

    Example:
        >>> _ = (folder / "broken.pt").write_bytes(b"")
        >>> try:
        ...     _ = Trainer(model, optimizer, criterion).load_checkpoint(folder / "broken.pt")
        ... except CheckpointError as error:
        ...     print(error.path.name, "|", error.reason[:32])
        broken.pt | it is damaged or no checkpoint (
    """

    def __init__(self, path: str | os.PathLike[str], reason: str, previous: Path | None = None) -> None:
        hint = f"; the one before it is whole: {previous}" if previous else ""
        super().__init__(f"checkpoint {os.fspath(path)}: {reason}{hint}")
        self.path = Path(path)
        self.reason = reason
        self.previous = previous


def write_checkpoint(path: str | os.PathLike[str], state: Mapping[str, Any]) -> None:
    """Write ``state`` to ``path`` atomically: whatever happens, the old file or the new one is there, never a part.

    The folder is made if needed. The new file is on the disk, and has been read back, before it takes the old one's
    place; the old one is kept as :func:`previous_path`.

    Args:
        path: The file to make or replace.
        state: Tensors and plain values, in dicts, lists and tuples. NumPy's numbers and arrays are converted.

    Raises:
        CheckpointError: ``state`` holds something else, which could not be loaded safely; nothing is written.
        OSError: The folder or file cannot be written. The old file is as it was.
    """
    path = Path(path)
    try:
        content = plain(state)
    except TypeError as error:
        raise CheckpointError(path, f"not written: {error}") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            torch.save(content, file)
            _seal(file)
            file.flush()
            os.fsync(file.fileno())
        _read(temporary, "cpu")
        # mkstemp makes the file private; a checkpoint gets the permissions that any new file would get.
        temporary.chmod(0o666 & ~_umask())
        _keep_previous(path)
        temporary.replace(path)
        sync_folder(path.parent)
    except CheckpointError as error:
        raise CheckpointError(path, f"not written: {error.reason}") from error
    finally:
        temporary.unlink(missing_ok=True)


def read_checkpoint(path: str | os.PathLike[str], map_location: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint of tensors and plain values; code in it is refused, never run.

    A file that :func:`write_checkpoint` made is read only if every bit of it is as it was written. Others, which have
    no checksum, are read as they are.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: The file is damaged, is not a checkpoint, or holds more than tensors and plain values. Where
            the file that it replaced is whole, the error names it.
    """
    try:
        return _read(Path(path), map_location)
    except CheckpointError as error:
        raise CheckpointError(path, error.reason, _whole(previous_path(path))) from error


def previous_path(path: str | os.PathLike[str]) -> Path:
    """Where the file that ``path`` has replaced is kept: ``run.pt`` as ``run.pt.previous``."""
    path = Path(path)
    return path.with_name(f"{path.name}.previous")


def _read(path: Path, map_location: torch.device | str) -> dict[str, Any]:
    # Opened here, so that a missing file is told apart from a damaged one, for which torch.load raises OSError too.
    with path.open("rb") as file:
        sealed = _check_seal(path, file)
        file.seek(0)
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
    if not sealed and "format_version" in state:
        raise CheckpointError(path, "it is damaged: its checksum is missing")
    return state


# The end record of a zip archive: its signature, 16 bytes, and the length of the comment that follows it.
_END_SIGNATURE = b"PK\x05\x06"
_END_SIZE = 22
_SEAL_MARK = b"adaptiveneuralnetwork checkpoint, sha256 "
_SEAL_SIZE = len(_SEAL_MARK) + 64


def _seal(file: BinaryIO) -> None:
    """Append the checksum as the comment of the archive."""
    end = file.seek(-_END_SIZE, os.SEEK_END)
    if file.read(4) != _END_SIGNATURE:
        raise RuntimeError("torch.save has written no plain zip archive, so the checkpoint cannot be sealed")
    file.seek(end + _END_SIZE - 2)
    file.write(struct.pack("<H", _SEAL_SIZE))
    file.write(_SEAL_MARK + _digest(file, end + _END_SIZE))


def _check_seal(path: Path, file: BinaryIO) -> bool:
    """Whether the file has a checksum, and then the right one.

    Raises:
        CheckpointError: It has a wrong one.
    """
    size = file.seek(0, os.SEEK_END)
    if size < _SEAL_SIZE:
        return False
    file.seek(size - _SEAL_SIZE)
    seal = file.read()
    if not seal.startswith(_SEAL_MARK):
        return False
    if seal[len(_SEAL_MARK) :] != _digest(file, size - _SEAL_SIZE):
        raise CheckpointError(path, "it is damaged: its content does not have the checksum that it was written with")
    return True


def _digest(file: BinaryIO, size: int) -> bytes:
    """The SHA-256 of the first ``size`` bytes, in hexadecimal; the file is left at their end."""
    digest = hashlib.sha256()
    file.seek(0)
    while size:
        block = file.read(min(size, 1 << 20))
        digest.update(block)
        size -= len(block)
    return digest.hexdigest().encode()


def _whole(path: Path) -> Path | None:
    """``path``, if it can be read."""
    try:
        _read(path, "cpu")
    except (OSError, CheckpointError):
        return None
    return path


def _keep_previous(path: Path) -> None:
    """Give the file at ``path`` its second name, so that it outlives its replacement; ``path`` itself stays."""
    if not path.exists():
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.previous.tmp")
    try:
        temporary.unlink(missing_ok=True)
        try:
            temporary.hardlink_to(path)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, temporary)
        temporary.replace(previous_path(path))
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    # There is no call that only reads it.
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut (Windows has no such call and needs none)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
