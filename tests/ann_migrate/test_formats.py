"""The forms of the report that other programs read."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import ann_migrate
from ann_migrate import FileResult, Outcome, Position, Problem, RunResult, Site, migrate_paths, write_files
from ann_migrate.commands.verify import Verdict
from ann_migrate.files.write import Change, LeftAlone, WriteResult, undo
from ann_migrate.reports.report import Mode, Report, json_document, undo_document
from ann_migrate.reports.report_github import github_lines
from ann_migrate.reports.report_sarif import sarif_document
from ann_migrate.result import Note

SCHEMA = json.loads(Path(ann_migrate.__file__).with_name("reports").joinpath("report.schema.json").read_text())
SARIF_SCHEMA = json.loads((Path(__file__).parent / "sarif-schema-2.1.0.json").read_text())
IMPORT = "from adaptiveneuralnetwork.training import TrainingLoop\n"
CELL = {"cell_type": "code", "source": IMPORT + "print(TrainingLoop)  # TrainingLoop"}
FILES = {
    "a.py": IMPORT + "TrainingLoop(m, c).train(d)\n",
    "b.py": IMPORT + "loop = TrainingLoop(m, c)\nf(loop)\n",
    "c.py": IMPORT + "def (:\n",
    "d.py": IMPORT + "TrainingLoop(m, c).train(d)  # ann-migrate: skip\nx = 1  # ann-migrate: skip\n# TrainingLoop\n",
    "a é%,:.py": IMPORT + "TrainingLoop(m, c).train(d)\n",
    "n.ipynb": json.dumps(
        {"cells": [{"cell_type": "code", "source": IMPORT + "print(TrainingLoop)  # TrainingLoop"}], "nbformat": 4}
    ),
    "c.yaml": "_target_: adaptiveneuralnetwork.training.TrainingLoop\n",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANN_MIGRATE_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "tree"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def reports() -> list[Report]:
    """A report of each way that a run can end."""
    run = migrate_paths(["."])
    modes: tuple[Mode, ...] = ("diff", "check")
    some = [Report(run, mode, paths=["."]) for mode in modes]
    some.append(Report(run, "write", failure="no room for the journal", paths=["."]))
    some.append(
        Report(run, "write", WriteResult((), (LeftAlone(Path("a.py"), "is read-only"),), ("slow",)), paths=["."])
    )
    some.append(Report(run, "write", verdict=Verdict("unverifiable", "nothing was executed"), paths=["."]))
    some.append(Report(migrate_paths(["."], select=["ANN2"]), "check"))
    some.append(Report(migrate_paths(["."], exclude=["*.*"]), "check"))
    failed = FileResult(Path("x.py"), b"x", b"x", problem=Problem("ANN999", "internal", internal=True))
    some.append(Report(RunResult(1, (failed,)), "check"))
    outcome = write_files([Change(each.path, each.before, each.after) for each in run.changed])
    return [*some, Report(run, "write", outcome, paths=["."])]


def test_every_json_document_fits_the_schema(tree: Path) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.check_schema(SCHEMA)
    documents = [json_document(each) for each in reports()]
    result = undo([Path()])
    assert result is not None
    documents += [undo_document(result, 0), undo_document(None, 1)]
    for document in documents:
        validator.validate(json.loads(json.dumps(document)))
        if document["mode"] != "undo":
            counts = document["summary"]
            assert counts["found"] == counts["rewritten"] + counts["declined"] + counts["ignored"]
            assert counts["hints"] == len(document["hints"])
    assert {document["exit_code"] for document in documents} == {0, 1, 2}
    written = next(each for each in documents if each["mode"] == "write" and each["summary"]["written_files"])
    assert written["bridge"]["files"] == ["a é%,:.py", "a.py"]
    assert {hint["path"] for hint in written["hints"]} == {"d.py", "c.yaml", "n.ipynb"}


@pytest.mark.parametrize("wrong", [{"mode": "other"}, {"schema_version": 2}, {"files": [{}]}, {"exit_code": 3}])
def test_the_schema_refuses_what_is_no_report(wrong: dict[str, Any]) -> None:
    document = json_document(Report(RunResult(1, ()), "check"))
    jsonschema.validate(document, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, **wrong}, SCHEMA)


def test_every_sarif_log_fits_the_schema_of_the_standard(tree: Path) -> None:
    """Properties that the standard does not know are errors in its schema."""
    assert SARIF_SCHEMA["id"] == sarif_document(Report(RunResult(0, ()), "check"))["$schema"]
    validator = jsonschema.Draft4Validator(SARIF_SCHEMA)
    (tree / os.fsdecode(b"caf\xe9.py")).write_bytes(b"# TrainingLoop\xff\n")
    unwritten = WriteResult((), (LeftAlone(Path(os.fsdecode(b"caf\xe9.py")), "is read-only"),))
    for report in [*reports(), Report(RunResult(1, ()), "write", unwritten)]:
        printed = json.dumps(sarif_document(report, version="1.2"))
        printed.encode("ascii").decode("unicode-escape").encode("utf-8")  # no half of a surrogate pair
        validator.validate(json.loads(printed))
    broken = sarif_document(Report(migrate_paths(["."]), "check"))
    broken["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["cell"] = 1
    with pytest.raises(jsonschema.ValidationError, match="'cell' was unexpected"):
        validator.validate(broken)


def test_sarif_has_the_shape_that_readers_need(tree: Path) -> None:
    for report in reports():
        log = json.loads(json.dumps(sarif_document(report, version="1.2")))
        assert log["version"] == "2.1.0"
        assert set(log) == {"$schema", "version", "runs"}
        (run,) = log["runs"]
        rules = run["tool"]["driver"]["rules"]
        assert len({rule["id"] for rule in rules}) == len(rules)
        (invocation,) = run["invocations"]
        assert invocation["executionSuccessful"] == (report.exit_code != 2)
        assert all(base["uri"].endswith("/") for base in run["originalUriBaseIds"].values())
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            assert result["message"]["text"]
            assert result["level"] in ("none", "note", "warning", "error")
            assert (result.get("kind", "fail") == "fail") or result["level"] == "none"
            (place,) = result["locations"]
            uri = place["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"[A-Za-z0-9._~%/-]+", uri)
            region = place["physicalLocation"].get("region", {"startLine": 1, "startColumn": 1})
            assert min(region.values()) >= 1
        marks = [json.dumps(result["partialFingerprints"]) for result in run["results"]]
        assert len(set(marks)) == len(marks)


def test_sarif_tells_the_outcomes_apart(tree: Path) -> None:
    (run,) = sarif_document(Report(migrate_paths(["."]), "check"))["runs"]
    found = {(each["ruleId"], each["level"], bool(each.get("suppressions"))) for each in run["results"]}
    assert found == {
        ("ANN101", "note", False),
        ("ANN302", "warning", False),
        ("ANN299", "warning", False),
        ("ANN502", "note", True),
        ("ANN504", "note", False),
        ("ANN901", "error", False),
    }


PROPERTY = r"(?:file=(?P<file>[^,:]*),(?:line=(?P<line>\d+),col=(?P<col>\d+),)?)?title=(?P<title>[^,:]*)"
COMMAND = re.compile(rf"::(?P<level>error|notice) {PROPERTY}::(?P<message>[^\r\n]+)")


def commands(report: Report) -> list[re.Match[str]]:
    found = [COMMAND.fullmatch(line) for line in github_lines(report)]
    assert all(found)
    return [each for each in found if each is not None]


def test_github_commands_are_well_formed_and_escaped(tree: Path) -> None:
    checked = commands(Report(migrate_paths(["."]), "check"))
    assert [(each["level"], each["file"], each["line"], each["col"], each["title"]) for each in checked] == [
        ("error", "a é%25%2C%3A.py", "2", "1", "ANN101"),
        ("error", "a.py", "2", "1", "ANN101"),
        ("error", "b.py", "2", "8", "ANN302"),
        ("error", "c.py", "2", "5", "ANN901"),
        ("error", "n.ipynb", None, None, "ANN299"),
        ("notice", "d.py", "3", "8", "ANN504"),
    ]
    assert "%0A" in checked[2]["message"]
    assert checked[4]["message"].startswith("cell 1:2:7: ")
    for report in reports():
        levels = {each["level"] for each in commands(report)}
        assert ("error" in levels) == (report.exit_code > 0)


@pytest.mark.parametrize(("count", "lines"), [(10, 10), (11, 10), (40, 10)])
def test_github_commands_stay_below_what_is_kept_of_a_step(count: int, lines: int) -> None:
    sites = tuple(
        Site(Position(line, 1), "ANN301", Outcome.DECLINED, "returned", advice="do not") for line in range(1, count + 1)
    )
    notes = (Note(Position(1, 1), "unused", "ANN504"),)
    report = Report(RunResult(1, (FileResult(Path("a.py"), b"", b"", sites, notes=notes),)), "write", WriteResult())
    found = commands(report)
    errors = [each for each in found if each["level"] == "error"]
    assert (len(errors), len(found)) == (lines, lines + 1)
    if count > lines:
        assert errors[-1]["title"] == f"ann-migrate%3A {count - 9} more in 1 file"
        assert errors[-1]["message"].split("%0A") == [f"a.py:{line}:1 ANN301" for line in range(10, count + 1)]
