"""Objects in parts whose sizes are unlike, as long streams and other clients store them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlflow_plugin_core.objects.bodies import HeldBody

if TYPE_CHECKING:
    from mlflow_s3_artifacts.repository import S3ArtifactsRepository

pytestmark = pytest.mark.enable_socket

_MEBIBYTE = 1 << 20


# Cut by the size of the first part these too make five.
@pytest.mark.parametrize(
    ("sizes", "is_checked"),
    [
        ([5, 5, 5, 6, 3], False),
        ([5, 5, 6], False),
        ([5, 6, 7, 4, 1], False),
        ([5, 5, 5, 5, 2], True),
        ([5, 5, 5], True),
        ([5, 2], True),
        ([5], True),
    ],
)
def test_an_object_is_checked_by_the_digests_of_its_parts_only_where_they_are_alike(
    sizes: list[int],
    is_checked: bool,
    memory: Any,
    service: Any,
    open_repository: Callable[[str], S3ArtifactsRepository],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    repository = open_repository(f"s3+http://127.0.0.1:{service.port}/bucket/run?part_size=5242880")
    client, key = repository._store.client, "run/stream"
    upload_id = client.begin_upload(key)
    parts = [
        client.put_part(key, upload_id, number, HeldBody(os.urandom(size * _MEBIBYTE)))
        for number, size in enumerate(sizes, start=1)
    ]
    client.complete_upload(key, upload_id, parts)

    with caplog.at_level(logging.WARNING):
        fetched = Path(repository.download_artifacts("stream", str(tmp_path)))

    assert fetched.read_bytes() == memory.objects[key][0]
    assert "damaged" not in caplog.text
    found = client.head(key)
    assert found is not None
    assert (client.verifier(found) is not None) == is_checked
