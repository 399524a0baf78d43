"""Local files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from mlflow_plugin_core import local_files


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file"

    with local_files.atomic_write(target) as stream:
        stream.write(b"new")
        assert not target.exists()

    assert target.read_bytes() == b"new"
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    with pytest.raises(OSError, match="broken"), local_files.atomic_write(target) as stream:
        stream.write(b"half")
        message = "broken"
        raise OSError(message)

    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_has_the_users_usual_rights(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    with local_files.atomic_write(tmp_path / "file"):
        pass

    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_walk_finds_every_file_in_a_fixed_order_through_links(tmp_path: Path) -> None:
    for name in ("b", "a/z", "a/y", "c/d/e"):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "f").write_bytes(b"linked")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere")

    found = list(local_files.walk_files(tmp_path / "root"))

    assert [file.relative for file in found] == ["a/y", "a/z", "b", "c/d/e", "link/f"]
    assert [file.size for file in found] == [3, 3, 1, 5, 6]


def test_a_loop_of_links_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "again").symlink_to(tmp_path / "root")

    with pytest.raises(MlflowException, match="leads back"):
        list(local_files.walk_files(tmp_path / "root"))
    with pytest.raises(MlflowException, match="is not a folder"):
        list(local_files.walk_files(tmp_path / "missing"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_a_pipe_is_refused_before_it_can_block(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(MlflowException, match="pipe' is neither a file nor a folder"):
        list(local_files.walk_files(tmp_path))
