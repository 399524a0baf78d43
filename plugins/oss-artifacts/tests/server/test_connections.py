"""Connections are used again, whatever was asked on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_servers.oss_server import Bucket
    from mlflow_plugin_servers.proxy import Proxy

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


def test_one_connection_serves_one_request_after_the_other(
    bucket: Bucket,
    sdk: str,
    tcp_proxy: Callable[[int], Proxy],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    proxy = tcp_proxy(int(bucket.endpoint.rpartition(":")[2]))
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
    repository: Any = get_artifact_repository(f"oss://{bucket.name}/a?workers=1")
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "out").mkdir()
    client = repository._store.client

    for _ in range(3):
        repository.log_artifact(str(tmp_path / "file"))
        repository.list_artifacts()
        repository.download_artifacts("file", str(tmp_path / "out"))
        assert client.head("nobody") is None
        client.abort_upload("a/parts", client.begin_upload("a/parts"))
        client.abort_upload("a/parts", "nobody")
        client.server_time()
        repository.delete_artifacts()

    assert proxy.connections == 1
    assert sdk
