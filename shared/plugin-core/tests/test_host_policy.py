"""What a tracking server may connect to and open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException

from mlflow_plugin_core import host_policy, uris

if TYPE_CHECKING:
    from pathlib import Path

SERVER = {
    "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
    "_MLFLOW_SERVER_ARTIFACT_DESTINATION": "mssql+pyodbc://u:p@db.example/a",
}


def check(uri: str, environ: dict[str, str]) -> None:
    host_policy.check_host(uris.parse(uri), default_port=1433, environ=environ)


@pytest.mark.parametrize(
    "uri",
    ["mssql://db.example/b", "mssql+pymssql://DB.example:1433/b?x=1", "mssql://v:w@db.example/b"],
)
def test_a_server_connects_to_the_host_of_its_own_storage(uri: str) -> None:
    check(uri, SERVER)


@pytest.mark.parametrize(
    "uri",
    [
        "mssql://evil.example/a",
        "mssql://db.example:1434/a",
        "mssql://db.example.evil/a",
        "mssql://db.example@evil.example/a",
        "postgresql://db.example/a",
        "mssql://127.0.0.1/a",
    ],
)
def test_a_server_connects_to_no_other_host(uri: str) -> None:
    with pytest.raises(MlflowException, match="MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES"):
        check(uri, SERVER)
    check(uri, {})  # clients are free


def test_the_operator_can_allow_a_scheme() -> None:
    for allowed in ("mssql", "ftp, MSSQL", "mssql+pyodbc"):
        environ = SERVER | {host_policy.ALLOWED_SCHEMES: allowed}
        check("mssql+pyodbc://other.example/a", environ)
        assert host_policy.is_scheme_allowed("mssql+pyodbc", environ)
    assert not host_policy.is_scheme_allowed("mssql", SERVER)
    assert not host_policy.is_scheme_allowed(
        "mysql", SERVER | {host_policy.ALLOWED_SCHEMES: "mssql"}
    )


def test_a_server_opens_only_folders_that_were_named(tmp_path: Path) -> None:
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    allowed.mkdir()
    other.mkdir()
    (allowed / "link").symlink_to(other)

    def check_folder(path: Path, environ: dict[str, str]) -> None:
        host_policy.check_folder(path, setting="X_FOLDERS", allowed=[allowed], environ=environ)

    check_folder(allowed / "a.db", SERVER)
    for path in (other / "a.db", allowed / "link" / "a.db", allowed / ".." / "other" / "a.db"):
        with pytest.raises(MlflowException, match="X_FOLDERS"):
            check_folder(path, SERVER)
        check_folder(path, {})
