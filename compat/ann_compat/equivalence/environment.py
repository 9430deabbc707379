"""The process-wide settings that a run depends on: set before, compared after, put back."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch


@contextmanager
def isolated(seed: int) -> Iterator[Path]:
    """Run the body in a folder of its own, on one thread, with all three generators seeded; then put all back.

    One thread, because sums over several are not ordered alike in two runs.
    """
    before, generators, folder, variables = settings(), random_states(), Path.cwd(), dict(os.environ)
    with _empty_folder() as temporary:
        os.chdir(temporary)
        torch.set_num_threads(1)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        # torch.manual_seed would also queue a call, with a stack trace, for each device that is not initialised.
        (torch.manual_seed if torch.cuda.is_available() else torch.default_generator.manual_seed)(seed)
        try:
            yield temporary
        finally:
            os.chdir(folder)
            _restore_settings(before)
            os.environ.clear()
            os.environ.update(variables)
            _restore_random_states(generators)


def settings() -> dict[str, Any]:
    """Settings that a run could leave behind changed, as plain values."""
    return {
        "threads": torch.get_num_threads(),
        "default_dtype": str(torch.get_default_dtype()),
        "grad_enabled": torch.is_grad_enabled(),
        "anomaly_detection": torch.is_anomaly_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "working_directory": str(Path.cwd()),
    }


def random_states() -> dict[str, Any]:
    """The states of the three generators."""
    return {"torch": torch.get_rng_state(), "numpy": np.random.get_state(), "python": random.getstate()}


def comparable(states: dict[str, Any]) -> dict[str, Any]:
    """The same with Python's 625 numbers in an array, which is faster to compare."""
    version, numbers, gauss = states["python"]
    return {**states, "python": (version, np.array(numbers), gauss)}


_free_folders: list[tempfile.TemporaryDirectory[str]] = []


@contextmanager
def _empty_folder() -> Iterator[Path]:
    """An empty folder, used again by later runs: to make and remove one takes as long as a small run does."""
    temporary = _free_folders.pop() if _free_folders else tempfile.TemporaryDirectory(prefix="ann-equiv-")
    path = Path(temporary.name)
    try:
        yield path
    finally:
        for entry in path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        _free_folders.append(temporary)


def _restore_settings(before: dict[str, Any]) -> None:
    torch.set_num_threads(before["threads"])
    torch.set_default_dtype(getattr(torch, before["default_dtype"].removeprefix("torch.")))
    torch.set_grad_enabled(before["grad_enabled"])
    torch.autograd.set_detect_anomaly(before["anomaly_detection"])
    torch.set_autocast_enabled("cpu", before["autocast"])
    torch.use_deterministic_algorithms(before["deterministic"])
    torch.backends.cudnn.deterministic = before["cudnn_deterministic"]
    torch.backends.cudnn.benchmark = before["cudnn_benchmark"]


def _restore_random_states(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["torch"])
    np.random.set_state(states["numpy"])
    random.setstate(states["python"])
