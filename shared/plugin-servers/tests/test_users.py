"""Who a server runs as and where its data is."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.users import Account, make_folder, reachable, unprivileged

if TYPE_CHECKING:
    from collections.abc import Iterator

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
_NOBODY = Account("nobody", 65534, 65534)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can get to; pytest's own lie below one that only its user can pass."""
    made = Path(tempfile.mkdtemp(dir="/tmp")).resolve()
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


_STRANGER = Account("stranger", 54321, 54321)


def test_a_folder_is_reachable_as_long_as_each_folder_above_it_can_be_passed(
    open_folder: Path,
) -> None:
    inner = open_folder / "between" / "inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o755)
    inner.chmod(0o755)
    assert reachable(inner, _STRANGER)

    inner.parent.chmod(0o700)

    assert not reachable(inner, _STRANGER)


def test_the_owner_passes_a_folder_that_is_closed_to_others(open_folder: Path) -> None:
    open_folder.chmod(0o700)
    owner = Account("owner", open_folder.stat().st_uid, 54321)

    assert reachable(open_folder, owner)
    assert not reachable(open_folder, _STRANGER)


def test_the_group_passes_a_folder_that_is_closed_to_others(open_folder: Path) -> None:
    open_folder.chmod(0o710)
    member = Account("member", 54321, open_folder.stat().st_gid)

    assert reachable(open_folder, member)
    assert not reachable(open_folder, _STRANGER)


@as_root
def test_the_folder_of_another_user_is_made_where_that_user_can_get_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    folder = make_folder("servers-test-", _NOBODY)

    try:
        assert folder.parent == Path("/tmp")
        assert (folder.stat().st_uid, folder.stat().st_mode & 0o777) == (_NOBODY.uid, 0o700)
    finally:
        folder.rmdir()


@as_root
def test_root_takes_the_first_user_that_exists() -> None:
    chosen = unprivileged("no-such-user-here", "nobody")

    assert chosen is not None
    assert chosen.name == "nobody"


@as_root
def test_without_any_suitable_user_the_reason_is_told() -> None:
    with pytest.raises(ServerUnavailableError, match="no-such-user-here"):
        unprivileged("no-such-user-here")


@pytest.mark.skipif(os.geteuid() == 0, reason="for ordinary users")
def test_an_ordinary_user_runs_servers_as_that_user() -> None:
    assert unprivileged("nobody") is None
