"""Large local files over a wire that breaks."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_servers.database import DatabaseServer
    from mlflow_plugin_servers.proxy import Proxy
    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
@pytest.mark.parametrize("cut_at", [1, 30, 60], ids=lambda mib: f"after {mib} MiB")
def test_a_file_is_read_again_when_its_long_transaction_breaks(
    name: str,
    cut_at: int,
    request: pytest.FixtureRequest,
    open_repository: Callable[[str], SqlArtifactRepository],
    tcp_proxy: Callable[[int], Proxy],
    tmp_path: Path,
) -> None:
    server: DatabaseServer = request.getfixturevalue(f"{name}_server")
    proxy = tcp_proxy(server.port)
    source = tmp_path / "source"
    source.write_bytes(os.urandom(64 << 20))
    with server.fresh_database() as direct:
        uri = direct.replace(f":{server.port}/", f":{proxy.port}/")
        repository = open_repository(f"{uri}/1/run/artifacts")
        repository.log_artifact_from_stream(io.BytesIO(b"first"), "first")
        proxy.cut_after(cut_at << 20)

        repository.log_artifact(str(source))

        (tmp_path / "out").mkdir()
        fetched = Path(repository.download_artifacts("source", str(tmp_path / "out")))
        assert proxy.cuts == 1
        assert fetched.read_bytes() == source.read_bytes()
