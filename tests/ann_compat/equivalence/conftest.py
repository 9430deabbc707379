import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from ann_compat.equivalence import cli, mutants


@pytest.fixture
def in_process(monkeypatch, capsys):
    """The same in this process, which spares the import of torch; exit codes of their own are tested in a fresh one."""

    def run(*arguments: str, defect: str | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["ann-equiv", *arguments])
        monkeypatch.chdir(cwd or Path.cwd())
        planted = mutants.BY_NAME[defect].planted() if defect else contextlib.nullcontext()
        with planted, pytest.raises(SystemExit) as exit_:
            cli.main()
        captured = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, exit_.value.code, captured.out, captured.err)

    return run
