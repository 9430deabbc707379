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

from ann_compat.equivalence.values import mismatch


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
    """Where two runs differ, a line for each part; empty when they are bit-equal."""
    parts = ("error", "result", "model", "training", "generators", "files")
    found = {part: mismatch(getattr(old, part), getattr(new, part)) for part in parts}
    return [f"{part}{item.path}: {item.text}" for part, item in found.items() if item]


def new_lines(old: bytes, new: bytes) -> set[str]:
    """The lines of a text that another one lacks."""
    return set(new.decode().splitlines()) - set(old.decode().splitlines())


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
