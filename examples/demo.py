"""Run a legacy project, migrate it, run it again, and compare the two runs epoch by epoch, bit for bit.

``make demo`` starts it. It copies ``legacy_project`` to a temporary folder, so nothing here changes. Each run is a
fresh process in which a hook on every optimizer step takes a digest of all parameters and gradients; the hook belongs
to torch and knows of neither TrainingLoop nor Trainer, so that both runs are watched by the same eyes. The exit code is
0 only if something was compared and nothing differs.
"""

from __future__ import annotations

import hashlib
import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent / "legacy_project"
PACKAGE = "digits_study"
TIME_KEYS = ("timestamp", "epoch_time")
SEED = 42


def main() -> int:
    """The whole demonstration; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="ann-demo-") as temporary:
        old, new = Path(temporary, "before"), Path(temporary, "after")
        for folder in (old, new):
            shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
        heading(f"1. {PACKAGE}, written against TrainingLoop, trains on scikit-learn's digits")
        old_run = run_project(old)
        print(old_run.output)
        heading("2. ann-migrate --diff shows what would change")
        diff = migrate(new, "--diff")
        print_diff(diff.stdout)
        heading("3. ann-migrate rewrites it in place")
        migration = migrate(new)
        print(migration.stderr.rstrip())
        heading("4. The migrated project trains again")
        new_run = run_project(new)
        print(new_run.output)
        heading("5. Epoch by epoch")
        problems = [] if diff.stdout else ["ann-migrate --diff showed no change"]
        problems += [f"ann-migrate ended with exit code {migration.returncode}"] if migration.returncode else []
        problems += compare_epochs(old_run, new_run)
        problems += compare_files(old / "runs", new / "runs")
        return conclude(problems, old_run, new_run)


class ProjectRun:
    """What one run of the project left: its console output, its histories, and a digest for each optimizer step."""

    def __init__(self, output: str, seconds: float, steps: list[list[str]], folder: Path) -> None:
        self.output = output
        self.seconds = seconds
        names = read_json(folder / "summary.json")["runs"]
        self.histories = {name: read_json(folder / name / "metrics.json") for name in names}
        if len(steps) != len(names):
            raise RuntimeError(f"{len(names)} runs, but {len(steps)} optimizers were stepped")
        self.digests = {
            name: epoch_digests(digests, len(self.histories[name])) for name, digests in zip(names, steps, strict=True)
        }


def run_project(folder: Path) -> ProjectRun:
    """Run the project in a fresh process with a recorder around it."""
    recording = folder / "recording.json"
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, __file__, "--record", str(recording), "--epochs", "6", "--out", "runs"]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"The project failed in {folder.name}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    shown = done.stdout.rstrip().splitlines()
    hidden = max(0, len(shown) - 8)
    output = "\n".join([f"... {hidden} lines of progress ..."] * bool(hidden) + shown[-8:])
    return ProjectRun(output, seconds, read_json(recording), folder / "runs")


def record(recording: Path, arguments: list[str]) -> None:
    """In the fresh process: run the package as a script and note a digest after each step of each optimizer."""
    import random

    import numpy as np
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    seen: dict[int, tuple[torch.optim.Optimizer, list[str]]] = {}  # keeps them alive, or ids would come again

    def note(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        digest = hashlib.sha256()
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
                if parameter.grad is not None:
                    digest.update(parameter.grad.cpu().contiguous().numpy().tobytes())
        seen.setdefault(id(optimizer), (optimizer, []))[1].append(digest.hexdigest())

    torch.set_num_threads(1)
    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    register_optimizer_step_post_hook(note)
    sys.path[0] = str(Path.cwd())
    sys.argv = [PACKAGE, *arguments]
    runpy.run_module(PACKAGE, run_name="__main__")
    recording.write_text(json.dumps([digests for _, digests in seen.values()]))


def epoch_digests(steps: list[str], num_epochs: int) -> list[str]:
    """One digest for each epoch, over the parameters and gradients after each of its steps."""
    if not num_epochs or len(steps) % num_epochs:
        raise RuntimeError(f"{len(steps)} optimizer steps do not make {num_epochs} equal epochs")
    size = len(steps) // num_epochs
    return [hashlib.sha256("".join(steps[i : i + size]).encode()).hexdigest() for i in range(0, len(steps), size)]


def migrate(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run ``ann-migrate`` as a command on the copied package."""
    code = "from ann_migrate.cli import main; main()"
    command = [sys.executable, "-c", code, *options, PACKAGE]
    environment = {**os.environ, "ANN_MIGRATE_CACHE_DIR": str(folder.parent / "cache")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def compare_epochs(old: ProjectRun, new: ProjectRun) -> list[str]:
    """Print the table; return what differs."""
    problems = []
    if list(old.histories) != list(new.histories):
        problems.append(f"the runs {list(old.histories)} became {list(new.histories)}")
    columns = "{:<10} {:>5} {:>22} {:>22} {:>17} {:>19}   {}"
    print(columns.format("run", "epoch", "train loss old", "new", "val acc. old new", "weights old new", ""))
    print("-" * 113)
    compared = 0
    for name in old.histories:
        old_rows, new_rows = old.histories[name], new.histories.get(name, [])
        if len(old_rows) != len(new_rows):
            problems.append(f"{name}: {len(old_rows)} epochs became {len(new_rows)}")
        digests = zip(old.digests[name], new.digests.get(name, []), strict=False)
        for (a, b), (x, y) in zip(zip(old_rows, new_rows, strict=False), digests, strict=False):
            equal = exact(a) == exact(b) and x == y
            compared += 1
            if not equal:
                problems.append(f"{name}: epoch {a['epoch']} differs")
            print(
                columns.format(
                    name,
                    a["epoch"],
                    repr(a["train_loss"]),
                    repr(b["train_loss"]),
                    f"{percent(a)} {percent(b)}",
                    f"{x[:8]} {y[:8]}",
                    colour("bit-equal", 32) if equal else colour("DIFFERENT", 31),
                )
            )
    if not compared:
        problems.append("no epoch was compared")
    return problems


def exact(value: Any) -> Any:
    """The value with each float as its hexadecimal form, keys in order, and clock readings reduced to their type."""
    if isinstance(value, dict):
        return [(key, type(item).__name__ if key in TIME_KEYS else exact(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(exact, value)]
    if isinstance(value, float):
        return value.hex()
    if hasattr(value, "detach"):
        return (str(value.dtype), tuple(value.shape), value.detach().contiguous().numpy().tobytes())
    return (type(value).__name__, value)


def compare_files(old: Path, new: Path) -> list[str]:
    """Compare the two folders of results: the same files, with the same content."""
    import torch

    def content(path: Path) -> Any:
        if path.suffix == ".json":
            return exact(read_json(path))
        return exact(torch.load(path, weights_only=True)) if path.suffix == ".pt" else path.read_bytes()

    old_files, new_files = (
        {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}
        for root in (old, new)
    )
    problems = [f"{name} is written by one run only" for name in sorted(old_files.keys() ^ new_files.keys())]
    common = sorted(old_files.keys() & new_files.keys())
    problems += [f"{name} differs" for name in common if content(old_files[name]) != content(new_files[name])]
    print(f"\n{len(common)} files compared: {', '.join(common)}")
    return problems


def conclude(problems: list[str], old: ProjectRun, new: ProjectRun) -> int:
    epochs = sum(map(len, old.histories.values()))
    print(f"{old.seconds:.1f} s before, {new.seconds:.1f} s after (processes with their imports; not a benchmark)\n")
    if problems:
        print(colour("NOT EQUIVALENT", 31))
        print("\n".join(f"  {problem}" for problem in problems))
        return 1
    print(colour(f"Equivalent: {epochs} epochs of {len(old.histories)} runs and all files are bit-equal.", 32))
    return 0


def percent(row: dict[str, Any]) -> str:
    return f"{row['val_accuracy']:7.3f}%" if "val_accuracy" in row else f"{'-':>8}"


def print_diff(diff: str) -> None:
    for line in diff.splitlines():
        code = {"+": 32, "-": 31, "@": 36}.get(line[:1])
        print(colour(line, code) if code and not line.startswith(("+++", "---")) else line)


def heading(text: str) -> None:
    print(f"\n{colour(text, 1)}\n{'=' * len(text)}", flush=True)


def colour(text: str, code: int) -> str:
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    return text if plain else f"\033[{code}m{text}\033[0m"


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--record"]:
        record(Path(sys.argv[2]), sys.argv[3:])
    else:
        sys.exit(main())
