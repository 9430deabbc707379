"""The settings in pyproject.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from ann_migrate.commands.settings import Settings, SettingsError, load_settings


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_all_keys(tmp_path: Path) -> None:
    table = (
        '[tool.ann-migrate]\nselect = ["ANN1"]\nignore = ["ANN112"]\nunsafe = true\nexclude = ["a/"]\n'
        'style = "faithful"\ndocs = true\njobs = 3\nhints = true\noutput-format = "json"\n'
    )
    assert load_settings([write(tmp_path, table)]) == Settings(
        tmp_path / "pyproject.toml", ("ANN1",), ("ANN112",), True, ("a/",), "faithful", True, 3, True, "json"
    )


def test_the_nearest_above_all_paths_counts(tmp_path: Path) -> None:
    write(tmp_path, "[tool.ann-migrate]\njobs = 2\n")
    inner = write(tmp_path / "inner", "[tool.ann-migrate]\njobs = 3\n")
    (inner / "a.py").touch()
    assert load_settings([inner / "a.py"]).jobs == 3
    assert load_settings([inner / "a.py", tmp_path]).jobs == 2


@pytest.mark.parametrize("text", ["", "# ann-migrate\n", "[tool]\nother = 'ann-migrate'\n", "not toml"])
def test_none(tmp_path: Path, text: str) -> None:
    assert load_settings([write(tmp_path, text)]) == Settings()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("unknown = 1", "unknown key 'unknown' .*known are select, ignore, unsafe, exclude, style"),
        ("output_format = 'json'", "unknown key 'output_format'"),
        ("jobs = 0", "jobs .* is 0, accepted is a whole number from 1"),
        ("jobs = true", "jobs .* is True"),
        ("hints = 'yes'", "hints .* is 'yes', accepted is true or false"),
        ("select = 'ANN1'", "select .* is 'ANN1', accepted is a list of strings"),
        ("style = 'odd'", "style .* is 'odd', accepted is 'faithful' or 'guide'"),
        ("ignore = ['ANN777']", "ignore: 'ANN777' is no code of a rule"),
        ("jobs =", "is not valid TOML"),
    ],
)
def test_what_is_no_setting_is_refused(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings([write(tmp_path, f"[tool.ann-migrate]\n{line}\n")])


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is no table"):
        load_settings([write(tmp_path, "[tool]\nann-migrate = 3\n")])
