"""Run a program as a script, record everything that it leaves behind, and compare two such records bit for bit."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

TIME_KEYS = frozenset({"timestamp", "epoch_time"})
"""Clock readings: their presence, type and order among the keys are compared, their values are not."""


@dataclass
class ProgramRun:
    """What a program left behind. ``namespace`` and ``output`` are for looking at; all else is compared."""

    result: Any
    model: dict[str, torch.Tensor]
    training: bool | None
    generators: dict[str, Any]
    files: dict[str, Any]
    error: str | None = None
    namespace: dict[str, Any] = field(default_factory=dict, repr=False)
    output: str = ""


def run_program(source: bytes, name: str, folder: Path, bindings: Mapping[str, Any] | None = None) -> ProgramRun:
    """Execute ``source`` as ``__main__`` in the empty ``folder``, from fixed seeds, on one thread.

    Args:
        source: The program's bytes, compiled as Python reads a file (cookie and BOM included).
        name: What tracebacks call it.
        folder: The working directory while it runs; created here.
        bindings: Names that the program finds bound already.

    Returns:
        The globals ``RESULT`` and ``MODEL`` (None and empty where the program sets none), the end states of the random
        generators, every file under ``folder``, and the type of the exception that ended it, if one did.
    """
    folder.mkdir()
    main = types.ModuleType("__main__")
    main.__dict__.update(bindings or {}, __file__=name)
    error = None
    with _script_surroundings(main, name, folder) as output:
        try:
            exec(compile(source, name, "exec", dont_inherit=True), main.__dict__)
        except Exception as exc:
            error = type(exc).__name__
            output.write(f"{error}: {exc}")
        generators = {"random": random.getstate(), "numpy": np.random.get_state(), "torch": torch.get_rng_state()}
    model = main.__dict__.get("MODEL")
    return ProgramRun(
        result=main.__dict__.get("RESULT"),
        model={} if model is None else {key: value.clone() for key, value in model.state_dict().items()},
        training=None if model is None else model.training,
        generators=generators,
        files=read_files(folder),
        error=error,
        namespace=main.__dict__,
        output=output.getvalue(),
    )


def differences(old: ProgramRun, new: ProgramRun) -> list[str]:
    """Where two runs differ, one line each; empty when they are bit-equal."""
    found: list[str] = []
    for part in ("error", "result", "model", "training", "generators", "files"):
        found += compare_values(getattr(old, part), getattr(new, part), part)
    return found


def compare_values(old: Any, new: Any, where: str) -> list[str]:
    """Where two nests of plain values and tensors differ: in type, key order, length, dtype, shape or any bit."""
    if type(old) is not type(new):
        return [f"{where}: {type(old).__name__} {old!r} became {type(new).__name__} {new!r}"]
    if isinstance(old, torch.Tensor):
        same = old.dtype == new.dtype and old.shape == new.shape and _bits(old) == _bits(new)
        return [] if same else [f"{where}: tensors differ: {old!r} became {new!r}"]
    if isinstance(old, np.ndarray):
        same = old.dtype == new.dtype and old.shape == new.shape and old.tobytes() == new.tobytes()
        return [] if same else [f"{where}: arrays differ"]
    if isinstance(old, Mapping):
        if list(old) != list(new):
            return [f"{where}: keys {list(old)} became {list(new)}"]
        return [
            line
            for key in old
            for line in (
                _compare_types(old[key], new[key], f"{where}[{key!r}]")
                if key in TIME_KEYS
                else compare_values(old[key], new[key], f"{where}[{key!r}]")
            )
        ]
    if isinstance(old, list | tuple):
        if len(old) != len(new):
            return [f"{where}: length {len(old)} became {len(new)}"]
        return [
            line
            for index, (left, right) in enumerate(zip(old, new, strict=True))
            for line in compare_values(left, right, f"{where}[{index}]")
        ]
    if isinstance(old, float):
        return [] if old.hex() == new.hex() else [f"{where}: {old!r} became {new!r}"]
    return [] if old == new else [f"{where}: {old!r} became {new!r}"]


def read_files(folder: Path) -> dict[str, Any]:
    """Every path under ``folder``: JSON and ``.pt`` files as values, others as bytes, folders as None."""
    return {path.relative_to(folder).as_posix(): _read(path) for path in sorted(folder.rglob("*"))}


def _read(path: Path) -> Any:
    if path.is_dir():
        return None
    if path.suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8"))
    if path.suffix == ".pt":
        return torch.load(path, weights_only=True)
    return path.read_bytes()


def _bits(tensor: torch.Tensor) -> bytes:
    return bytes(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).tolist())


def _compare_types(old: Any, new: Any, where: str) -> list[str]:
    return [] if type(old) is type(new) else [f"{where}: {type(old).__name__} became {type(new).__name__}"]


@contextlib.contextmanager
def _script_surroundings(main: types.ModuleType, name: str, folder: Path) -> Iterator[io.StringIO]:
    """What a script finds in a fresh process: ``__main__``, arguments, folder, seeds; all put back afterwards."""
    output = io.StringIO()
    modules, argv, previous, threads = dict(sys.modules), sys.argv, Path.cwd(), torch.get_num_threads()
    torch.set_num_threads(1)
    random.seed(1234)
    np.random.seed(1234)
    torch.manual_seed(1234)
    sys.modules["__main__"] = main
    sys.argv = [name]
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(output):
            yield output
    finally:
        os.chdir(previous)
        sys.argv = argv
        # Modules that a program fakes must not reach the next one; what it imported for real may stay.
        sys.modules["__main__"] = modules["__main__"]
        for added in set(sys.modules) - set(modules):
            if added.startswith("fake_"):
                del sys.modules[added]
        torch.set_num_threads(threads)
