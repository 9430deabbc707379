"""What ``ann-migrate`` costs on a large tree of which little is to be migrated, beside a search for the legacy names.

A tree of 10,000 files is made, 50 of them with a ``TrainingLoop`` (in functions, at module level and on ``self``). The
search (``rg -l``, or ``grep -rl`` where that is not there) and the codemod (``--check``, which writes nothing) run in
turn, each in a process of its own; the figures are the least CPU seconds of each, and their ratio. Run with::

    python benchmarks/codemod_tree.py [--files 10000] [--legacy 50] [--runs 5]
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ORDINARY = '''"""Module {number} of the package, which has nothing to do with training loops."""

import json
import os
from collections import defaultdict
from pathlib import Path

from pkg.part{other_part} import module{other}
from . import helpers
from .module{near} import Table{near}, read_table as read


class Table{number}:
    """A table that is read from a file and keeps its rows."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.rows = defaultdict(list)
        self.loop = None

    def load(self, name: str) -> dict[str, list[int]]:
        """Load the rows of one file, and count them."""
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            for line in file:
                key, _, value = line.partition(":")
                self.rows[key.strip()].append(int(value))
        return dict(self.rows)

    def report(self) -> str:
        totals = {{key: sum(values) for key, values in self.rows.items()}}
        return json.dumps({{"totals": totals, "helper": helpers.NAME, "other": module{other}.NAME}})


def read_table(folder: str) -> Table{number}:
    """Read a table in one go; see :class:`Table{near}` for another one from the neighbour."""
    table = Table{number}(folder)
    table.load("rows.txt")
    read(folder)
    return table
'''

LEGACY = (
    """
from adaptiveneuralnetwork.training import TrainingLoop


def run{number}(model, config, loader):
    loop{number} = TrainingLoop(model, config)
    return loop{number}.train(loader, num_epochs=3)
""",
    """
from adaptiveneuralnetwork.training import TrainingLoop
from pkg.setup import config, loader, model

loop{number} = TrainingLoop(model, config)
loop{number}.train(loader, num_epochs=3)
""",
    """
from adaptiveneuralnetwork.training import TrainingLoop


class Job{number}:
    def __init__(self, model, config):
        self.loop{number} = TrainingLoop(model, config)

    def run(self, loader):
        self.loop{number}.train(loader, num_epochs=3)
""",
)


def make_tree(root: Path, files: int, legacy: int) -> None:
    chance = random.Random(0)
    (root / "pyproject.toml").write_text('[project]\nname = "pkg"\n')
    (root / "pkg").mkdir()
    (root / "pkg" / "__init__.py").write_text("")
    parts = max(1, files // 100)
    for part in range(parts):
        folder = root / "pkg" / f"part{part}"
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "helpers.py").write_text('NAME = "helpers"\n')
    for number in range(files):
        text = (
            LEGACY[number % len(LEGACY)].format(number=number) if number < legacy else ordinary(number, parts, chance)
        )
        (root / "pkg" / f"part{number % parts}" / f"module{number}.py").write_text(text)


def ordinary(number: int, parts: int, chance: random.Random) -> str:
    other = chance.randrange(10_000)
    return ORDINARY.format(number=number, other=other, other_part=other % parts, near=number + parts)


def cpu_seconds(command: list[str]) -> float:
    """The CPU time of a process (user and system, all its threads)."""
    before = os.times()
    done = subprocess.run(command, capture_output=True, check=False)
    after = os.times()
    if done.returncode not in (0, 1):
        raise SystemExit(f"{command[0]} failed: {done.stderr.decode()}")
    return after.children_user - before.children_user + after.children_system - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000, help="files in the tree (default: 10000)")
    parser.add_argument("--legacy", type=int, default=50, help="how many of them name TrainingLoop (default: 50)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each (default: 5)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_tree(Path(folder), chosen.files, chosen.legacy)
        tool = shutil.which("rg")
        search = [tool, "-l", "TrainingLoop|quick_train", folder] if tool else ["grep", "-rlE", "TrainingLoop", folder]
        migrate = [sys.executable, "-m", "ann_migrate", "--check", folder]
        times = [(cpu_seconds(search), cpu_seconds(migrate)) for _ in range(chosen.runs)]
    least_search, least_migrate = (min(column) for column in zip(*times, strict=True))
    print(f"{Path(search[0]).name}: {least_search:.2f} s CPU, ann-migrate: {least_migrate:.2f} s CPU", end=" ")
    print(f"for {chosen.files} files with {chosen.legacy} legacy ones")
    print(f"ratio: {least_migrate / least_search:.1f}")


if __name__ == "__main__":
    main()
