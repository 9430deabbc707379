"""The command itself, run as people run it: what it prints where, what it writes, and with which code it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Run = Callable[..., subprocess.CompletedProcess[bytes]]

LEGACY = b"""\
from adaptiveneuralnetwork.training import TrainingLoop


def run(model, config, loader):
    TrainingLoop(model, config).train(loader, num_epochs=2)
"""
DECLINED = b"""\
from adaptiveneuralnetwork.training import TrainingLoop

print(vars(TrainingLoop))
"""
NAMED_ONLY = b"# this file does not use TrainingLoop any more\n"
BROKEN = b"from adaptiveneuralnetwork.training import TrainingLoop\ndef (:\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_bytes(b"")
    return folder


@pytest.fixture
def run(tmp_path: Path, tree: Path) -> Run:
    def run(
        *arguments: str, stdin: bytes = b"", cwd: Path = tree, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        path = os.pathsep.join(str(ROOT / folder) for folder in ("", "codemods", "compat"))
        return subprocess.run(
            [sys.executable, "-m", "ann_migrate", *arguments],
            input=stdin,
            capture_output=True,
            cwd=cwd,
            env={
                **os.environ,
                "PYTHONPATH": path,
                "ANN_MIGRATE_CACHE_DIR": str(tmp_path / "cache"),
                **environment,
            },
        )

    return run


def put(tree: Path, **contents: bytes) -> None:
    for name, content in contents.items():
        (tree / f"{name}.py").write_bytes(content)


def snapshot(tree: Path) -> dict[str, bytes]:
    return {str(path.relative_to(tree)): path.read_bytes() for path in sorted(tree.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), b"Missing argument 'PATH...'"),
        (("nowhere",), b"'nowhere' does not exist"),
        ((".", "nowhere"), b"'nowhere' does not exist"),
        (("--no-such-option", "."), b"No such option"),
        (("--style", "sloppy", "."), b"'sloppy' is not"),
        (("--output-format", "xml", "."), b"'xml' is not"),
        (("--exclude", "!", "."), b"is not a pattern"),
        (("--verbose", "--quiet", "."), b"exclude each other"),
        (("--undo", "--diff", "."), b"--undo goes with"),
        (("--undo", "-"), b"--undo goes with"),
        (("--diff", "--output-format", "json", "."), b"--diff prints a patch"),
        (("-", "."), b"stands alone"),
        (("-", "--output-format", "json"), b"stands alone"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_ends_with_2(run: Run, arguments: tuple[str, ...], complaint: bytes) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stdout == b""


def test_help_has_examples_and_exit_codes(run: Run) -> None:
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"ann-migrate --diff src tests" in done.stdout
    assert b"Exit codes:" in done.stdout


def test_version_is_told(run: Run) -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith(b"ann-migrate ")


def test_nothing_to_do_ends_with_0_and_says_why(run: Run, tree: Path) -> None:
    put(tree, a=b"x = 1\n", b=NAMED_ONLY)
    before = snapshot(tree)
    done = run(".")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"Nothing to migrate: 2 files scanned, 1 names the legacy API, but no code uses it." in done.stderr
    assert snapshot(tree) == before


def test_rewrites_then_has_nothing_to_do_then_undoes(run: Run, tree: Path) -> None:
    put(tree, a=LEGACY, b=b"x = 1\n")
    before = snapshot(tree)
    done = run(".")
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    assert b"a.py: rewrote 1 site" in done.stderr
    assert b"ann-migrate --undo ." in done.stderr
    after = snapshot(tree)
    assert after.keys() == before.keys()  # nothing else is left in the tree
    assert b"Trainer(" in after["a.py"]
    assert b"TrainingLoop" not in after["a.py"]

    again = run(".")
    assert again.returncode == 0
    assert b"Nothing to migrate" in again.stderr
    assert snapshot(tree) == after

    undone = run("--undo")
    assert undone.returncode == 0, undone.stderr
    assert b"a.py: restored" in undone.stderr
    assert snapshot(tree) == before
    nothing = run("--undo", ".")
    assert nothing.returncode == 1
    assert b"nothing to undo" in nothing.stderr


def test_undo_leaves_what_was_changed_since(run: Run, tree: Path) -> None:
    put(tree, a=LEGACY, b=LEGACY)
    assert run(".").returncode == 0
    (tree / "a.py").write_bytes(b"my later work\n")
    done = run("--undo", ".", "--output-format", "json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert (document["restored"], document["left_alone"][0]["path"]) == (["b.py"], "a.py")
    assert (tree / "a.py").read_bytes() == b"my later work\n"
    assert (tree / "b.py").read_bytes() == LEGACY


@pytest.mark.parametrize("options", [("--diff",), ("--check",), ("--diff", "--check")])
def test_diff_and_check_write_nothing(run: Run, tree: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    put(tree, a=LEGACY)
    before = snapshot(tree)
    done = run(*options, ".")
    assert done.returncode == (1 if "--check" in options else 0)
    assert done.stdout.startswith(b"--- a/a.py\n" if "--diff" in options else b"")
    assert bool(done.stdout) == ("--diff" in options)
    assert snapshot(tree) == before
    assert not (tmp_path / "cache").exists()


def test_check_is_content_when_nothing_would_change(run: Run, tree: Path) -> None:
    put(tree, a=NAMED_ONLY)
    assert run("--check", ".").returncode == 0


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("content", [LEGACY, LEGACY.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + LEGACY.rstrip(b"\n")])
def test_git_applies_the_diff(run: Run, tree: Path, content: bytes) -> None:
    package = tree / "a package"
    package.mkdir()
    put(package, a=content, b=content)
    patch = run("--diff", ".").stdout
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    subprocess.run(["git", "apply", "--whitespace=nowarn"], cwd=tree, input=patch, check=True)
    applied = snapshot(package)
    put(package, a=content, b=content)
    assert run(str(package)).returncode == 0
    assert snapshot(package) == applied


def test_a_declined_site_is_told_with_its_place_and_ends_with_1(run: Run, tree: Path) -> None:
    put(tree, a=DECLINED, b=LEGACY)
    done = run(".", "--quiet")
    assert done.returncode == 1
    assert done.stderr.startswith(b"a.py:3:12 ANN")
    assert (tree / "a.py").read_bytes() == DECLINED
    assert (tree / "b.py").read_bytes() != LEGACY
    assert run("--diff", "a.py").returncode == 1


def test_a_candidate_that_is_not_python_is_reported_and_the_others_go_on(run: Run, tree: Path) -> None:
    put(tree, a=BROKEN, b=LEGACY, c=b"def (: # not a candidate\n")
    done = run(".")
    assert done.returncode == 1
    assert b"a.py:2:" in done.stderr
    assert b"c.py" not in done.stderr
    assert b"3 files scanned, 2 name the legacy API." in done.stderr
    assert (tree / "a.py").read_bytes() == BROKEN
    assert b"Trainer(" in (tree / "b.py").read_bytes()


def test_a_read_only_file_is_reported_and_ends_with_1(run: Run, tree: Path) -> None:
    put(tree, a=LEGACY, b=LEGACY)
    (tree / "a.py").chmod(0o444)
    done = run(".")
    assert done.returncode == 1
    assert b"a.py: not written: is read-only" in done.stderr
    assert (tree / "a.py").read_bytes() == LEGACY
    assert (tree / "b.py").read_bytes() != LEGACY


def test_without_room_for_the_journal_nothing_is_written_and_2_beats_1(run: Run, tree: Path, tmp_path: Path) -> None:
    put(tree, a=LEGACY, b=DECLINED)
    (tmp_path / "cache").write_bytes(b"in the way")
    done = run(".")
    assert done.returncode == 2
    assert b"nothing was written: cannot use the journal" in done.stderr
    assert (tree / "a.py").read_bytes() == LEGACY
    assert run("--no-journal", ".").returncode == 1
    assert (tree / "a.py").read_bytes() != LEGACY


def test_json_goes_to_standard_output_alone(run: Run, tree: Path) -> None:
    put(tree, a=LEGACY, b=DECLINED, c=BROKEN)
    done = run(".", "--output-format", "json")
    assert (done.returncode, done.stderr) == (1, b"")
    document = json.loads(done.stdout)
    assert document["exit_code"] == 1
    assert [(each["path"], each["written"]) for each in document["files"]] == [
        ("a.py", True),
        ("b.py", False),
        ("c.py", False),
    ]
    assert document["files"][0]["edits"] != []
    assert document["files"][1]["sites"][0]["outcome"] == "declined"
    assert document["files"][2]["problem"]["internal"] is False


def test_standard_input_to_standard_output(run: Run, tree: Path) -> None:
    put(tree, a=LEGACY)
    done = run("-", stdin=LEGACY)
    assert done.returncode == 0
    assert b"<stdin>: rewrote 1 site" in done.stderr
    run("a.py")
    assert done.stdout == (tree / "a.py").read_bytes()


@pytest.mark.parametrize(("source", "code"), [(b"x = 1\r\n\xff", 0), (DECLINED, 1), (BROKEN, 1), (b"", 0)])
def test_standard_input_that_is_not_rewritten_comes_out_as_it_was(run: Run, source: bytes, code: int) -> None:
    done = run("-", stdin=source)
    assert (done.returncode, done.stdout) == (code, source)


def test_diff_and_check_of_standard_input(run: Run) -> None:
    assert run("--diff", "-", stdin=LEGACY).stdout.startswith(b"--- a/<stdin>\n")
    done = run("--check", "-", stdin=LEGACY)
    assert (done.returncode, done.stdout) == (1, b"")


def test_exclude_leaves_out(run: Run, tree: Path) -> None:
    put(tree, a=LEGACY, b=LEGACY)
    assert run(".", "--exclude", "b.py", "--exclude", "c*").returncode == 0
    assert (tree / "a.py").read_bytes() != LEGACY
    assert (tree / "b.py").read_bytes() == LEGACY


def test_a_closed_pipe_is_no_traceback(tree: Path) -> None:
    put(tree, a=LEGACY)
    script = f"{sys.executable} -m ann_migrate --diff . | true"
    path = os.pathsep.join(str(ROOT / folder) for folder in ("", "codemods", "compat"))
    done = subprocess.run(["sh", "-c", script], cwd=tree, capture_output=True, env={**os.environ, "PYTHONPATH": path})
    assert b"Traceback" not in done.stderr
    assert b"internal error" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "redirection", "complaint"),
    [
        ("--diff .", ">&-", "standard output is closed"),
        ("-", ">&-", "standard output is closed"),
        ("-", "<&-", "standard input is closed"),
        ("--diff .", ">/dev/full", "No space left on device"),
        ("--check --output-format json .", ">/dev/full", "No space left on device"),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_streams_that_are_closed_or_full_are_no_bug(
    tree: Path, arguments: str, redirection: str, complaint: str
) -> None:
    put(tree, a=LEGACY)
    command = f'"$0" -m ann_migrate {arguments} {redirection}'
    path = os.pathsep.join(str(ROOT / folder) for folder in ("", "codemods", "compat"))
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path},
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert complaint in done.stderr
    assert "internal error" not in done.stderr


def test_a_notebook_on_standard_input_is_no_literal(run: Run) -> None:
    notebook = {"cells": [{"cell_type": "code", "source": LEGACY.decode()}], "nbformat": 4, "metadata": {}}
    done = run("-", stdin=json.dumps(notebook, indent=1).encode())
    assert done.returncode == 0
    assert b"1 site found: 1 rewritten" in done.stderr
    assert "Trainer(" in json.loads(done.stdout)["cells"][0]["source"]


def test_names_of_files_that_are_no_text_or_hold_line_ends(run: Run, tree: Path) -> None:
    for name in (b"caf\xe9.py", b"two\nlines.py", b"-dash.py"):
        (tree / os.fsdecode(name)).write_bytes(LEGACY)
    before = snapshot(tree)
    shown = run("--diff", ".")
    subprocess.run(["git", "apply"], input=shown.stdout, cwd=tree, check=True)
    applied = snapshot(tree)
    assert applied != before
    subprocess.run(["git", "apply", "--reverse"], input=shown.stdout, cwd=tree, check=True)
    done = run(".")
    assert done.returncode == 0
    assert b"two\\nlines.py: rewrote 1 site\n" in done.stderr
    assert snapshot(tree) == applied
    assert run("--undo", ".").returncode == 0
    assert snapshot(tree) == before


def test_interrupting_leaves_no_traceback(tree: Path) -> None:
    path = os.pathsep.join(str(ROOT / folder) for folder in ("", "codemods", "compat"))
    with subprocess.Popen(
        [sys.executable, "-m", "ann_migrate", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        assert process.stdin is not None
        process.stdin.write(b"# " * 100_000)  # more than the pipe holds: when this returns, the command is reading
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in stderr


AUDIT = """\
import os, sys

tree, cache = sys.argv[1:3]
forbidden = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "socket.", "ctypes.dlopen")
planned = {os.path.join(tree, name) for name in ("legacy.py", "json.py")}
faults = []

def is_in(path, folder):
    path = os.fsdecode(path)
    return not path.startswith("<") and os.path.realpath(path).startswith(folder + os.sep)

def watch(event, args):
    if event.startswith(forbidden):
        faults.append((event, args))
    elif event == "exec" and is_in(args[0].co_filename, tree):
        faults.append((event, args[0].co_filename))
    elif event == "import" and args[1] and is_in(args[1], tree):
        faults.append((event, args[1]))
    elif event == "open" and isinstance(args[0], (str, bytes)) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        path = os.path.realpath(os.fsdecode(args[0]))
        temp = os.path.dirname(path) == tree and os.path.basename(path).startswith(".ann-migrate-")
        if not temp and not is_in(path, cache) and not path.endswith(".pyc") and "__pycache__" not in path:
            faults.append((event, path))
    elif event in ("os.rename", "os.remove"):
        target = os.path.realpath(os.fsdecode(args[1] if event == "os.rename" else args[0]))
        temp = os.path.basename(target).startswith(".ann-migrate-")
        if target not in planned and not temp and not is_in(target, cache) and ".pyc" not in target:
            faults.append((event, target))

sys.addaudithook(watch)
os.chdir(tree)
from ann_migrate.cli import main

try:
    main(sys.argv[3:])
except SystemExit as end:
    code = end.code
print("MODULES OF THE TREE", [m for m in sys.modules.values() if is_in(getattr(m, "__file__", None) or "/", tree)])
assert not faults, faults[:5]
sys.exit(code)
"""

TRAP = b"""
import os
os.makedirs(os.environ["SPRUNG"], exist_ok=True)
os.mkdir(os.path.join(os.environ["SPRUNG"], __name__ + str(os.getpid())))
"""


def test_nothing_that_is_read_is_executed(run: Run, tree: Path, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    put(tree, legacy=LEGACY + TRAP, conftest=TRAP, setup=TRAP, sitecustomize=TRAP, usercustomize=TRAP, click=TRAP)
    put(tree, json=TRAP + LEGACY, ast=TRAP, libcst=TRAP, adaptiveneuralnetwork=TRAP + b"# TrainingLoop\n", torch=TRAP)
    (tree / "evil.pth").write_bytes(b"import os; os.mkdir(os.environ['SPRUNG'])\n")
    (tree / "pyproject.toml").write_bytes(
        b'[build-system]\nrequires = []\nbuild-backend = "setup"\nbackend-path = ["."]\n'
    )
    script = tmp_path / "audit.py"
    script.write_text(AUDIT)
    path = os.pathsep.join(str(ROOT / folder) for folder in ("", "codemods", "compat"))
    cache = tmp_path / "cache"
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "ANN_MIGRATE_CACHE_DIR": str(cache),
        "SPRUNG": str(sprung),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for arguments in (["--diff", "."], ["."], ["--undo", "."]):
        done = subprocess.run(
            [sys.executable, script, str(tree.resolve()), str(cache.resolve()), *arguments],
            capture_output=True,
            text=True,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("MODULES OF THE TREE []\n")
    done = run(".", SPRUNG=str(sprung))  # as python -m, from within the tree of traps
    assert done.returncode == 0, done.stderr
    assert b"rewrote 1 site" in done.stderr
    assert not sprung.exists()
    subprocess.run([sys.executable, tree / "setup.py"], env=environment, check=True)
    assert sprung.exists(), "the traps do not spring"
