"""Who a server runs as and where its data is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.users import Account, make_folder, reachable, unprivileged

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
_NOBODY = Account("nobody", 65534, 65534)


def test_a_folder_is_reachable_only_when_each_folder_above_it_can_be_passed(tmp_path: Path) -> None:
    inner = tmp_path / "closed" / "open"
    inner.mkdir(parents=True)
    stranger = Account("stranger", 54321, 54321)
    tmp_path.chmod(0o755)
    inner.parent.chmod(0o700)

    assert not reachable(inner, stranger)


def test_the_owner_passes_a_folder_that_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    me = Account("me", tmp_path.stat().st_uid, 54321)

    assert reachable(tmp_path, me) == reachable(tmp_path.parent, me)


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
