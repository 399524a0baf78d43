"""The server is killed while a file arrives, for real."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_servers.database import DatabaseServer
    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_MIB = 1 << 20


class _Treacherous(io.RawIOBase):
    """A stream during which the server crashes and comes back."""

    def __init__(self, size: int, crash: Callable[[], None]) -> None:
        super().__init__()
        self._left = size
        self._crash_at = size // 2
        self._crash = crash
        self.crashed = False
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._left <= self._crash_at and not self.crashed:
            self.crashed = True
            self._crash()
        data = os.urandom(min(size if size > 0 else _MIB, self._left))
        self._left -= len(data)
        self.digest.update(data)
        return data


@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
def test_an_upload_survives_a_crash_of_the_server(
    name: str,
    request: pytest.FixtureRequest,
    open_repository: Callable[[str], SqlArtifactRepository],
    tmp_path: Path,
) -> None:
    server: DatabaseServer = request.getfixturevalue(f"private_{name}_server")
    repository = open_repository(f"{server.url()}/1/run/artifacts")
    repository.log_artifact_from_stream(io.BytesIO(b"old"), "model")

    def crash() -> None:
        server.kill()
        server.start()

    stream = _Treacherous(96 * _MIB, crash)
    repository.log_artifact_from_stream(stream, "model")  # type: ignore[arg-type]

    assert stream.crashed
    fetched = Path(repository.download_artifacts("model", str(tmp_path)))
    assert hashlib.sha256(fetched.read_bytes()).digest() == stream.digest.digest()
    assert [info.path for info in repository.list_artifacts()] == ["model"]
