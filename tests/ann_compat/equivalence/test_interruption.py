"""Ctrl-C ends the command, at once, and is never taken for what the code under comparison does."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.compare import EXACT
from ann_compat.equivalence.families import INTERRUPTED, Budget
from ann_compat.equivalence.harness import run_case, run_cases
from ann_compat.equivalence.interruption import heeded, requested
from ann_compat.equivalence.mutants import BY_NAME
from ann_compat.equivalence.session import Plan, carry_out


def interrupt_after(seconds):
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()


def run_interrupted():
    interrupt_after(0.3)
    run_cases(10_000, shrink=False)


def test_a_model_may_interrupt_itself():
    with heeded():
        case = run_case(CaseSpec(fault="interrupt", train_size=4, epochs=3))
    assert isinstance(case.old.exception, KeyboardInterrupt)
    assert case.comparison.equal


def test_the_user_ends_the_run_wherever_it_is():
    folder = Path.cwd()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), heeded():
        run_interrupted()
    assert not requested()
    assert (Path.cwd(), signal.getsignal(signal.SIGINT)) == (folder, before)


def test_a_search_that_goes_on_gives_what_it_has_found_until_then():
    with BY_NAME["no-clipping"].planted(), heeded():
        interrupt_after(0.8)
        result = run_cases(100_000, keep_going=True, shrink=False)
    assert 0 < result.cases < 100_000
    assert result.failure is not None
    assert result.interrupted


def test_no_other_family_begins_after_an_interrupt():
    with heeded():
        interrupt_after(0.4)
        outcome = carry_out(Plan("", Budget(100_000, keep_going=True), EXACT, ("configs", "stateful")))
    assert [family.name for family in outcome.families] == ["configs"]
    assert outcome.families[0].notes == (INTERRUPTED,)


def test_the_command_ends_soon_with_130_and_leaves_no_process(tmp_path):
    command = [sys.executable, "-m", "ann_compat.equivalence.cli", "run", "--max-examples", "100000", "--jobs", "2"]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout.readline().startswith("ann-equiv: seed 0")
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    # Children hold the pipes: this returns when the last of them is gone.
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.strip().splitlines()[-1] == "ann-equiv: interrupted"
