import os
import stat

import pytest

from adaptiveneuralnetwork.training.files import write_whole


def test_it_writes_into_a_new_folder_with_usual_permissions(tmp_path):
    path = tmp_path / "new" / "file.txt"
    write_whole(path, b"a")
    (tmp_path / "plain").write_bytes(b"")
    assert path.read_bytes() == b"a"
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_it_replaces_and_keeps_the_mode(tmp_path):
    path = tmp_path / "file.txt"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    path.write_bytes(b"old")

    def full(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(type(path), "replace", full)
    with pytest.raises(OSError, match="no space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
