import re

import pytest

from ann_compat.equivalence.families import RUNNERS
from ann_compat.equivalence.profiles import GENERATED, PROFILES, SETTINGS, project_settings


def write(folder, table):
    (folder / "pyproject.toml").write_text(f"[tool.ann-equiv]\n{table}\n")


def test_there_is_nothing_to_set_where_there_is_no_file_or_no_table(tmp_path):
    assert project_settings(tmp_path) == {}
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert project_settings(tmp_path) == {}


def test_settings_are_read(tmp_path):
    write(tmp_path, 'cases = "a.b:c"\nmax-examples = 7\nmax-time = 2.5\nseed = "random"\nreport = ["md", "json"]')
    assert project_settings(tmp_path) == {
        "cases": "a.b:c",
        "max-examples": 7,
        "max-time": 2.5,
        "seed": "random",
        "report": ["md", "json"],
    }


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("max_examples = 7", "has no setting 'max_examples'; there are cases, profile"),
        ("max-examples = '7'", "max-examples must be an integer, got '7'"),
        ("max-examples = true", "max-examples must be an integer, got True"),
        ("max-time = 'long'", "max-time must be an integer or a number, got 'long'"),
        ("cases = 3", "cases must be text like 'package.module:name', got 3"),
        ("cases", "pyproject.toml: "),
    ],
)
def test_what_is_wrong_is_named(tmp_path, table, message):
    write(tmp_path, table)
    with pytest.raises(ValueError, match=re.escape(message)):
        project_settings(tmp_path)


def test_profiles_set_what_can_be_set_and_grow():
    assert all(name.replace("_", "-") in SETTINGS for profile in PROFILES.values() for name in profile)
    times = [PROFILES[name]["max_time"] for name in ("pr", "ci", "nightly")]
    assert times == sorted(times)
    assert times[0] <= 60
    assert [PROFILES[name].get("seed", 0) for name in PROFILES] == [0, 0, "random"]


def test_each_generated_family_can_be_run():
    assert RUNNERS.keys() == GENERATED.keys()
