"""The arrows between the three wings: which may know of which, and what importing each may cost.

Imports are made in fresh processes and read off ``sys.modules``, and the import statements themselves are read, so that
an arrow that no test happens to walk is found too.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "adaptiveneuralnetwork"
CODEMOD = ROOT / "codemods" / "ann_migrate"
COMPAT = ROOT / "compat" / "ann_compat"
HEAVY = {"torch", "numpy", "hypothesis", "pytest", "libcst", "sklearn"}

LEGACY_PROGRAM = """\
from adaptiveneuralnetwork.training import TrainingLoop


def run(model, config, loader):
    return TrainingLoop(model, config).train(loader)
"""


def modules_after(code: str, *arguments: str, cwd: Path | None = None) -> set[str]:
    """Return the names in ``sys.modules`` after *code* has run in a fresh process that ends by itself or by exiting."""
    script = (
        "import sys\nbefore = set(sys.modules)\n"
        f"try:\n    exec({code!r})\nexcept SystemExit as end:\n    assert end.code in (0, None), end.code\n"
        "sys.stdout.flush()\nprint('\\nMODULES', *sorted(set(sys.modules) - before))\n"
    )
    path = os.pathsep.join(map(str, (ROOT, CODEMOD.parent, COMPAT.parent)))
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("MODULES")[2].split())


def tops(modules: set[str]) -> set[str]:
    """Return the top-level names of *modules* that are not of the standard library."""
    return {name.partition(".")[0] for name in modules} - sys.stdlib_module_names


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the absolute name of each module or name that a file imports, anywhere in it, and the line."""
    wing = next(top for top in (LIBRARY, CODEMOD, COMPAT) if path.is_relative_to(top))
    package = path.relative_to(wing.parent).parent.parts
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = (*base, *([node.module] if node.module else []))
            yield from ((".".join((*module, alias.name)), node.lineno) for alias in node.names)


def files(wing: Path) -> list[Path]:
    found = sorted(wing.rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize(
    ("wing", "forbidden"),
    [
        (LIBRARY, {"ann_migrate", "ann_compat", "libcst", "click", "hypothesis", "pytest"}),
        (CODEMOD, {"adaptiveneuralnetwork", "ann_compat", "torch", "numpy", "hypothesis", "pytest"}),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_no_file_of_a_wing_imports_what_it_must_not_know(wing: Path, forbidden: set[str]) -> None:
    broken = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files(wing)
        for name, line in imports(path)
        if name.partition(".")[0] in forbidden
    ]
    assert broken == []


def test_the_rooms_of_an_analysis_know_only_those_before_them() -> None:
    """Text, names, project, flow: each is built on the ones before it."""
    rooms = ("text", "names", "project", "flow")
    above = {"facts", "rewriting", "rules", "readers", "wordings", "documents"}
    around = {"running", "reports", "commands", "files"}
    broken = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for number, room in enumerate(rooms)
        for path in files(CODEMOD / room)
        for name, line in imports(path)
        if name.startswith("ann_migrate.") and name.split(".")[1] in {*rooms[number + 1 :], *above, *around}
    ]
    assert broken == []


def test_the_bridge_side_of_compat_imports_no_tool() -> None:
    """Migrated programs import it: they shall not need what only tests and the codemod need."""
    tools = {"hypothesis", "pytest", "libcst", "click", "ann_migrate"}
    broken = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in [COMPAT / "__init__.py", COMPAT / "bridge.py"]
        for name, line in imports(path)
        if name.partition(".")[0] in tools
    ]
    assert broken == []


def test_the_oracle_shares_no_step_code_with_the_trainer() -> None:
    """A comparison of two loops that call the same step would prove nothing."""
    training = "adaptiveneuralnetwork.training"
    shared = [
        name
        for name, _ in imports(LIBRARY / "training" / "loops.py")
        if name.startswith(training) and not name.startswith((f"{training}.console", f"{training}.datasets"))
    ]
    assert shared == []


def test_importing_the_library_pulls_in_no_other_wing() -> None:
    found = tops(modules_after("import adaptiveneuralnetwork.training, adaptiveneuralnetwork.api"))
    assert "torch" in found
    assert not found & {"ann_migrate", "ann_compat", "libcst", "click", "hypothesis", "pytest"}


@pytest.mark.parametrize("name", ["adaptiveneuralnetwork", "ann_migrate", "ann_compat"])
def test_importing_a_package_is_light(name: str) -> None:
    assert tops(modules_after(f"import {name}")) == {name}


def test_importing_the_bridge_pulls_in_the_library_and_no_tool() -> None:
    found = tops(modules_after("import ann_compat.bridge"))
    assert {"torch", "adaptiveneuralnetwork"} <= found
    assert not found & {"hypothesis", "pytest", "libcst", "click", "ann_migrate"}


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_click_alone(option: str) -> None:
    modules = modules_after("from ann_migrate.cli import main; main()", option)
    assert tops(modules) == {"ann_migrate", "click"}
    assert {name for name in modules if name.startswith("ann_migrate")} == {"ann_migrate", "ann_migrate.cli"}


def test_without_a_candidate_nothing_that_analyses_is_imported(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("x = 1\n")
    found = tops(modules_after("from ann_migrate.cli import main; main()", "--check", ".", cwd=tmp_path))
    assert found == {"ann_migrate", "click"}


def test_with_a_candidate_libcst_but_neither_torch_nor_the_library_is_imported(tmp_path: Path) -> None:
    (tmp_path / "legacy.py").write_text(LEGACY_PROGRAM)
    found = tops(modules_after("from ann_migrate.cli import main; main()", "--diff", ".", cwd=tmp_path))
    assert {"ann_migrate", "click", "libcst"} <= found
    assert not found & ((HEAVY - {"libcst"}) | {"adaptiveneuralnetwork", "ann_compat"})


def test_the_check_of_import_statements_sees_them() -> None:
    """The static check is only worth something if it resolves what is written there."""
    seen = {name for wing in (LIBRARY, CODEMOD, COMPAT) for path in files(wing) for name, _ in imports(path)}
    assert {"torch", "click", "ann_migrate.api.migrate_paths", "ann_migrate.running.engine.migrate_bytes"} <= seen
    assert {"adaptiveneuralnetwork.training.trainer.Trainer", "libcst"} <= seen


CALLBACKS = ROOT / "adaptiveneuralnetwork" / "training" / "callbacks"


@pytest.mark.parametrize("module", sorted(path.stem for path in CALLBACKS.glob("[!_]*.py")))
def test_a_file_has_one_callback_and_a_test_file_of_its_name(module: str) -> None:
    tree = ast.parse((CALLBACKS / f"{module}.py").read_text())
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    with_hooks = [
        node.name
        for node in classes
        if any(isinstance(item, ast.FunctionDef) and item.name.startswith("on_") for item in node.body)
    ]
    assert len(with_hooks) <= 1
    assert (ROOT / "tests" / CALLBACKS.relative_to(ROOT) / f"test_{module}.py").is_file()


def test_the_loop_can_be_read_in_a_sitting() -> None:
    assert len((CALLBACKS.parent / "trainer.py").read_text().splitlines()) <= 390
