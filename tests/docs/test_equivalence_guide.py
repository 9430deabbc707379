"""The guide to ann-equiv says what the code does: its commands parse; its settings, profiles and channels exist."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from ann_compat.equivalence.channels import CHANNELS
from ann_compat.equivalence.cli import cli
from ann_compat.equivalence.commands.options import REPORT_DIR, REPORTS
from ann_compat.equivalence.outcome import SCHEMA
from ann_compat.equivalence.profiles import FAMILIES, PROFILES, SETTINGS, project_settings

GUIDE = (Path(__file__).parents[2] / "docs" / "equivalence.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^ann-equiv .*?(?=\s+#|$)", GUIDE, flags=re.MULTILINE)


def rows(head):
    table = re.search(rf"^\| {head} \|.*\n\|[-| ]+\n((?:\|.*\n)+)", GUIDE, flags=re.MULTILINE)[1]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_there_are_commands_and_all_are_named():
    assert {line.split()[1] for line in COMMANDS} == set(cli.commands)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_line_is_one_that_is_accepted(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("")
    name, *arguments = shlex.split(line)[1:]
    assert cli.commands[name].make_context(name, arguments).params


def test_profiles_are_as_the_table_says():
    found = {row[0].strip("`"): row[1:] for row in rows("profile")}
    assert found.keys() == PROFILES.keys()
    for name, (configs, seconds, mutants, jobs, seed) in found.items():
        profile = PROFILES[name]
        assert int(configs.replace(",", "")) == profile["max_examples"]
        assert float(seconds.replace(",", "")) == profile["max_time"]
        assert mutants in (str(profile["mutants"]), "all")
        assert (mutants == "all") == (profile["mutants"] >= 1000)
        assert int(jobs) == profile["jobs"]
        assert seed.split(",")[0] == str(profile.get("seed", 0))


def test_channels_reports_families_and_settings_are_all_named(tmp_path):
    part = GUIDE.split("## What is compared")[1].split("\n\n")[0]
    assert [word for word in re.findall(r"`(\w+)`", part) if word in CHANNELS] == list(CHANNELS)
    assert [row[0].strip("`") for row in rows("name")] == list(REPORTS)
    assert f"--family {','.join(FAMILIES)}" in GUIDE
    assert SCHEMA in GUIDE
    assert f"default: `{REPORT_DIR.as_posix()}`" in GUIDE
    [block] = re.findall(r"```toml\n(.*?)```", GUIDE, flags=re.DOTALL)
    (tmp_path / "pyproject.toml").write_text(block)
    shown = project_settings(tmp_path)
    assert shown == tomllib.loads(block)["tool"]["ann-equiv"]
    others = re.findall(r"`([\w-]+)`", GUIDE.split("The others are ")[1].split(":")[0])
    assert set(shown) | set(others) == set(SETTINGS)


def test_exit_codes_are_those_of_the_command():
    assert [row[0] for row in rows("exit code")] == ["0", "1", "2", "3", "4"]
