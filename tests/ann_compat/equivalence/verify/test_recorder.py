"""The recorder at the start of a process: what it hides, seeds, maps and notes, and that it forces nothing in."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from ann_compat.equivalence.verify import recorder
from ann_compat.equivalence.verify.recorder import Log, read_records, write_hook


@pytest.fixture
def hook(tmp_path: Path) -> Path:
    """A folder for the front of ``PYTHONPATH``; it records to ``records`` beside it."""
    for name in ("hook", "records", "copy/src", "original/src", "original/lib", "scratch"):
        (tmp_path / name).mkdir(parents=True)
    settings = {
        "records": str(tmp_path / "records"),
        "scratch": str(tmp_path / "scratch"),
        "original": str(tmp_path / "original"),
        "copy": str(tmp_path / "copy"),
        "import_roots": [str(tmp_path / "copy" / "src")],
        "seed": 5,
    }
    write_hook(str(tmp_path / "hook"), settings)
    return tmp_path / "hook"


def run(hook: Path, code: str, *path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (hook, *path)))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def records(hook: Path, kind: str) -> list[dict[str, Any]]:
    return [
        record for _, each in read_records(str(hook.parent / "records")) for record in each if record["record"] == kind
    ]


def test_it_imports_neither_torch_nor_numpy_nor_this_package(hook: Path) -> None:
    modules = run(hook, "import sys; print(*sys.modules)").split()
    assert not {"torch", "numpy", "ann_compat", "adaptiveneuralnetwork"} & set(modules)
    assert len(records(hook, "process")) == len(records(hook, "end")) == 1
    assert records(hook, "fault") == []


def test_random_numbers_repeat_in_a_process_and_in_its_forks(hook: Path) -> None:
    code = """
        import os, random, sys
        print(random.random(), flush=True)
        if not os.fork():
            print(random.random(), flush=True)
            os._exit(0)
        os.wait()
        import numpy
        print(numpy.random.rand())
    """
    first = run(hook, code)
    assert first == run(hook, code)
    assert len(set(first.split())) == 2  # the fork begins anew, from the seed


def test_the_sitecustomize_that_it_hides_runs_and_is_the_one_that_programs_import(hook: Path, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import random\nprint('hidden', random.random())\nNAME = 'theirs'\n")
    code = "import random, sitecustomize; print(sitecustomize.NAME, sitecustomize.__file__)"
    lines = run(hook, code, hidden).splitlines()
    assert lines[0].startswith("hidden 0.")
    assert lines[1] == f"theirs {hidden / 'sitecustomize.py'}"
    assert lines[0] == run(hook, code, hidden).splitlines()[0]


def test_one_that_fails_is_reported_by_python_and_the_recorder_stays(hook: Path, tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "sitecustomize.py").write_text("raise KeyError('theirs')\n")
    assert "KeyError: 'theirs'" in run(hook, "pass", tmp_path / "hidden")
    assert len(records(hook, "end")) == 1


def test_search_paths_in_the_original_tree_lead_to_the_copy_where_there_is_one(hook: Path, tmp_path: Path) -> None:
    path = run(hook, "import sys; print(*sys.path, sep='\\n')", tmp_path / "original/src", tmp_path / "original/lib")
    found = path.splitlines()
    assert str(tmp_path / "copy/src") in found
    assert str(tmp_path / "original/src") not in found
    assert str(tmp_path / "original/lib") in found
    assert str(hook) not in found


def test_import_roots_come_before_what_is_installed_and_behind_the_standard_library(hook: Path, tmp_path: Path) -> None:
    found = run(hook, "import sys; print(*sys.path, sep='\\n')").splitlines()
    root = found.index(str(tmp_path / "copy/src"))
    installed = [index for index, entry in enumerate(found) if entry.endswith("site-packages")]
    assert all(root < index for index in installed)
    assert found.index(str(Path(os.__file__).parent)) < root


def test_child_processes_are_named_below_their_parent_in_order(hook: Path) -> None:
    run(
        hook,
        """
        import subprocess, sys
        for _ in range(2):
            subprocess.run([sys.executable, "-c", "import os; os.fork() or os._exit(0); os.wait()"])
        """,
    )
    assert [label for label, _ in read_records(str(hook.parent / "records"))] == ["0", "0.0", "0.1"]


def test_files_written_outside_the_copy_are_noted_and_others_are_not(hook: Path, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("x")
    run(
        hook,
        f"""
        import os, tempfile
        os.environ["TMPDIR"] = {str(tmp_path / "scratch")!r}
        open({str(tmp_path / "data.txt")!r}).close()
        open({str(tmp_path / "copy/out.txt")!r}, "w").close()
        open({str(tmp_path / "scratch/out.txt")!r}, "w").close()
        tempfile.TemporaryFile().close()
        for _ in range(2):
            open({str(tmp_path / "out.txt")!r}, "a").close()
        """,
    )
    assert [record["path"] for record in records(hook, "outside_write")] == [str(tmp_path / "out.txt")]


def test_a_process_that_records_too_much_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MAX_BYTES", 2000)
    monkeypatch.setenv(recorder.LABEL_VARIABLE, "")
    log = Log(str(tmp_path), "")
    for _ in range(100):
        log.write("event", filler="x" * 100)
    ((_, found),) = read_records(str(tmp_path))
    assert [record["record"] for record in found].count("fault") == 1
    assert "trains too long" in found[-1]["traceback"]


def test_a_record_that_is_cut_off_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "0.jsonl").write_text('{"record": "process"}\n{"record": "ev')
    ((label, found),) = read_records(str(tmp_path))
    assert label == "0"
    assert [record["record"] for record in found] == ["process", "fault"]
