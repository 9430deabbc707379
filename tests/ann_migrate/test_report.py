"""What a run tells, for each way that it can end."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from ann_migrate.api import RunResult
from ann_migrate.files.write import LeftAlone, UndoResult, WriteResult
from ann_migrate.reports.report import Mode, Report, json_document, undo_document
from ann_migrate.reports.report_text import text_lines, undo_lines
from ann_migrate.result import FileResult, Outcome, Position, Problem, Site

REWRITTEN = Site(Position(3, 5), "ANN101", Outcome.REWRITTEN, "constructor and train", notes=("clips at norm 1.0",))
DECLINED = Site(
    Position(9, 1), "ANN301", Outcome.DECLINED, "the loop escapes", culprit=Position(12, 8), advice="pass the history"
)
IGNORED = Site(Position(11, 1), "ANN901", Outcome.IGNORED, "told to skip")


def file(name: str, *sites: Site, after: bytes | None = None, problem: Problem | None = None) -> FileResult:
    changed = any(site.outcome is Outcome.REWRITTEN for site in sites)
    default = b"from ann_compat import legacy_callbacks\nnew\n" if changed else b"TrainingLoop\n"
    return FileResult(Path(name), b"TrainingLoop\n", default if after is None else after, sites, problem)


def report(*files: FileResult, mode: Mode = "write", scanned: int = 7, **kwargs: object) -> Report:
    run = RunResult(scanned, files)
    if mode == "write" and "outcome" not in kwargs and "failure" not in kwargs:
        kwargs["outcome"] = WriteResult(tuple(each.path for each in run.changed))
    return Report(run, mode, paths=("src dir",), **kwargs)  # type: ignore[arg-type]


def text(subject: Report, **kwargs: bool) -> str:
    return "\n".join(text_lines(subject, **kwargs))


def test_no_file_at_all() -> None:
    subject = report(scanned=0)
    assert text(subject) == "There is no Python file or notebook at or beneath the given paths that is not excluded."
    assert subject.exit_code == 0


def test_folders_passed_over_are_told_when_nothing_was_looked_at() -> None:
    subject = Report(RunResult(0, (), (Path("build"),)), "write", WriteResult())
    assert "1 folder passed over" in text(subject)
    assert "build: passed over" in text(subject, verbose=True)


def test_no_file_names_the_legacy_api() -> None:
    assert text(report()) == "Nothing to migrate: 7 files scanned, none names the legacy API."


def test_files_that_only_name_it() -> None:
    subject = report(file("a.py"))
    assert text(subject) == "Nothing to migrate: 7 files scanned, 1 names the legacy API, but no code uses it."
    assert subject.exit_code == 0


def test_rewritten() -> None:
    subject = report(file("a.py", REWRITTEN), file("b.py", REWRITTEN))
    assert text(subject).splitlines() == [
        "a.py: rewrote 1 site",
        "b.py: rewrote 1 site",
        "2 sites found: 2 rewritten, 0 declined, 0 ignored.",
        "7 files scanned, 2 name the legacy API.",
        "a.py, b.py now import ann_compat, which the distribution adaptiveneuralnetwork (0.2 or newer) provides.",
        "Rewrote 2 files. To take it back: ann-migrate --undo 'src dir'",
    ]
    assert subject.exit_code == 0
    assert text(subject, quiet=True) == ""


def test_verbose_lists_every_site_and_its_notes() -> None:
    lines = text(report(file("a.py", REWRITTEN, IGNORED)), verbose=True).splitlines()
    assert lines[:3] == [
        "a.py:3:5 ANN101 rewritten: constructor and train",
        "    made explicit: clips at norm 1.0",
        "a.py:11:1 ANN901 ignored: told to skip",
    ]


def test_without_the_bridge_it_is_not_mentioned() -> None:
    assert "ann_compat" not in text(report(file("a.py", REWRITTEN, after=b"# no import ann_compat\nx = 1\n")))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_the_bridge_is_seen_behind_every_line_end(end: bytes) -> None:
    subject = report(file("a.py", REWRITTEN, after=end.join([b"x = 1", b"from ann_compat import legacy_history", b""])))
    assert "a.py now imports ann_compat" in text(subject)


def test_many_files_that_import_the_bridge_are_named_one_a_line() -> None:
    lines = text(report(*(file(f"{name}.py", REWRITTEN) for name in "abcd"))).splitlines()
    at = lines.index(
        "4 files now import ann_compat, which the distribution adaptiveneuralnetwork (0.2 or newer) provides:"
    )
    assert lines[at + 1 : at + 5] == ["    a.py", "    b.py", "    c.py", "    d.py"]


def test_a_path_cannot_forge_a_line() -> None:
    path = "a.py\nb.py: rewrote 9 sites\t\x1b[31m"
    lines = text(report(file(path, REWRITTEN), outcome=WriteResult((Path(path),)))).splitlines()
    assert lines[0] == "a.py\\nb.py: rewrote 9 sites\\t\\x1b[31m: rewrote 1 site"
    assert not any(line.startswith("b.py") for line in lines)


def test_the_advice_on_undo_works_for_a_path_that_looks_like_an_option() -> None:
    run = RunResult(1, (file("-a.py", REWRITTEN),))
    lines = text_lines(Report(run, "write", WriteResult((Path("-a.py"),)), paths=["-a.py"]))
    assert "To take it back: ann-migrate --undo -- -a.py" in "\n".join(lines)


def test_without_a_journal_undo_is_not_promised() -> None:
    assert "--undo" not in text(report(file("a.py", REWRITTEN), undoable=False))


def test_declined_never_reads_like_nothing_to_do() -> None:
    subject = report(file("a.py", DECLINED))
    assert text(subject).splitlines() == [
        "a.py:9:1 ANN301 the loop escapes",
        "    because of a.py:12:8",
        "    pass the history",
        "1 site found: 0 rewritten, 1 declined, 0 ignored.",
        "Nothing was changed, for the reasons above: 7 files scanned, 1 names the legacy API.",
    ]
    assert subject.exit_code == 1
    assert "a.py:9:1 ANN301" in text(subject, quiet=True)


def test_all_ignored() -> None:
    subject = report(file("a.py", IGNORED))
    assert "every site is told to be ignored" in text(subject)
    assert subject.exit_code == 0


def test_a_file_that_is_not_python() -> None:
    subject = report(
        file("a.py", problem=Problem("ANN901", "not valid Python", Position(2, 3))), file("b.py", REWRITTEN)
    )
    assert text(subject).splitlines()[0] == "a.py:2:3 ANN901 not valid Python"
    assert subject.exit_code == 1


def test_an_internal_error_has_its_trace_with_verbose_only() -> None:
    broken = file("a.py", problem=Problem("ANN999", "internal error: KeyError", internal=True))
    subject = Report(RunResult(1, (broken,), tracebacks={Path("a.py"): "Traceback\n  x\n"}), "write", WriteResult())
    assert text(subject).splitlines()[:2] == [
        "a.py: ANN999 internal error: KeyError",
        "    --verbose shows where; please report it with the file",
    ]
    assert "Traceback\n  x\n" in text(subject, verbose=True)
    assert subject.exit_code == 2


@pytest.mark.parametrize("mode", ["diff", "check"])
def test_what_would_change(mode: Mode) -> None:
    subject = report(file("a.py", REWRITTEN), mode=mode)
    assert text(subject).splitlines() == [
        "a.py: would rewrite 1 site",
        "1 site found: 1 to rewrite, 0 declined, 0 ignored.",
        "7 files scanned, 1 names the legacy API.",
        "a.py would import ann_compat, which the distribution adaptiveneuralnetwork (0.2 or newer) provides.",
        "1 file would be rewritten; nothing was written.",
    ]
    assert subject.exit_code == (1 if mode == "check" else 0)


def test_a_file_that_could_not_be_written_is_not_counted_as_rewritten() -> None:
    outcome = WriteResult((Path("a.py"),), (LeftAlone(Path("b.py"), "is read-only"),), ("disk is slow",))
    subject = report(file("a.py", REWRITTEN), file("b.py", REWRITTEN), outcome=outcome)
    lines = text(subject).splitlines()
    assert "b.py: not written: is read-only" in lines
    assert "2 sites found: 1 rewritten, 0 declined, 0 ignored, 1 not written." in lines
    assert "warning: disk is slow" in lines
    assert subject.exit_code == 1
    assert "not written" in text(subject, quiet=True)


def test_a_write_that_failed_as_a_whole_or_in_part_is_the_systems_fault() -> None:
    subject = report(file("a.py", REWRITTEN), failure="no room")
    assert "nothing was written: no room" in text(subject)
    assert "Nothing was changed, for the reasons above" in text(subject)
    assert subject.exit_code == 2
    outcome = WriteResult((), (LeftAlone(Path("a.py"), errno.errorcode[errno.EIO], failed=True),))
    assert report(file("a.py", REWRITTEN), file("b.py", DECLINED), outcome=outcome).exit_code == 2


def test_json_holds_it_all() -> None:
    outcome = WriteResult((Path("a.py"),))
    files = (
        file("a.py", REWRITTEN),
        file("b.py", DECLINED),
        file("caf\udce9.py", problem=Problem("ANN901", "no", Position(1, 1))),
    )
    document = json.loads(json.dumps(json_document(report(*files, outcome=outcome))))
    assert document["schema_version"] == 1
    assert document["mode"] == "write"
    assert document["exit_code"] == 1
    summary = document["summary"]
    assert summary == {
        "hints": 0,
        "scanned": 7,
        "naming_legacy_api": 3,
        "found": 2,
        "rewritten": 1,
        "declined": 1,
        "ignored": 0,
        "changed_files": 1,
        "written_files": 1,
        "problems": 1,
    }
    first, second, third = document["files"]
    assert (first["path"], first["changed"], first["written"], first["imports_bridge"]) == ("a.py", True, True, True)
    assert first["edits"] == [
        {"before": {"start_line": 1, "end_line": 2}, "after": {"start_line": 1, "end_line": 3}},
    ]
    assert first["sites"][0]["notes"] == ["clips at norm 1.0"]
    assert second["edits"] == []
    assert second["sites"] == [
        {
            "position": {"line": 9, "column": 1},
            "code": "ANN301",
            "outcome": "declined",
            "reason": "the loop escapes",
            "culprit": {"line": 12, "column": 8},
            "advice": "pass the history",
            "notes": [],
            "not_kept": [],
            "dropped": [],
        }
    ]
    assert third["path"] == "caf\\xe9.py"
    assert third["problem"] == {
        "code": "ANN901",
        "reason": "no",
        "position": {"line": 1, "column": 1},
        "internal": False,
    }


def test_json_says_why_a_file_was_not_written() -> None:
    outcome = WriteResult((), (LeftAlone(Path("a.py"), "is read-only"),))
    assert json_document(report(file("a.py", REWRITTEN), outcome=outcome))["files"][0]["not_written"] == "is read-only"
    failed = json_document(report(file("a.py", REWRITTEN), file("b.py", DECLINED), failure="no room"))
    assert [each["not_written"] for each in failed["files"]] == ["no room", None]


def test_undo_tells_what_it_restored_and_what_not() -> None:
    result = UndoResult(
        (Path("a.py"),), (LeftAlone(Path("b.py"), "changed since the run"),), (Path("c.py"),), ("slow",)
    )
    assert list(undo_lines(result, ["."])) == [
        "b.py: not restored: changed since the run",
        "warning: slow",
        "a.py: restored",
        "Restored 1 file; 1 file left alone, for the reasons above.",
        "1 file of the run held the original content already.",
    ]
    assert list(undo_lines(result, ["."], quiet=True)) == [
        "b.py: not restored: changed since the run",
        "warning: slow",
    ]
    assert list(undo_lines(None, ["x", "y"])) == ["nothing to undo: no journalled run wrote at or beneath x, y"]


def test_undo_as_json() -> None:
    result = UndoResult((Path("a.py"),), (LeftAlone(Path("b.py"), "changed since the run"),))
    assert undo_document(result, 1) == {
        "schema_version": 1,
        "mode": "undo",
        "found_run": True,
        "restored": ["a.py"],
        "left_alone": [{"path": "b.py", "reason": "changed since the run"}],
        "unchanged": [],
        "warnings": [],
        "exit_code": 1,
    }
    assert undo_document(None, 1)["found_run"] is False
