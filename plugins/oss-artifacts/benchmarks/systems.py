"""What is compared, behind one set of verbs: the plugin, the peer, and both SDKs at their best.

Each of them is used the way its user would: the plugin through MLflow, with either SDK; the peer by
its own class, for its entry point has the plugin's name; the SDKs by their own transfer functions,
with threads around them for many small files, which neither has.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from benchmarks.bare_sdk import PART, WORKERS, BareSdk
from benchmarks.system import MlflowRepository

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.system import System


def _keys() -> tuple[str, str, str, str]:
    names = ("ENDPOINT_URL", "KEY_ID", "KEY_SECRET", "REGION")
    endpoint, key_id, secret, region = (os.environ[f"MLFLOW_OSS_{name}"] for name in names)
    return endpoint, key_id, secret, region


class Plugin(MlflowRepository):
    """The plugin, by its class: the peer claims the same scheme."""

    def __init__(self, location: str) -> None:
        from mlflow_oss_artifacts.repository import OssArtifactsRepository

        self._repository: Any = OssArtifactsRepository(location)


class Peer(MlflowRepository):
    """aliyunstoreplugin 1.0.0, which lists 100 entries of a folder and cannot delete."""

    def __init__(self, location: str) -> None:
        from aliyunstoreplugin.store.artifact.aliyun_oss_artifact_repo import (
            AliyunOssArtifactRepository,
        )

        self._repository: Any = AliyunOssArtifactRepository(location)

    def delete(self, folder: str) -> None:
        """It refuses."""
        raise NotImplementedError(folder)


class Oss2(BareSdk):
    """oss2: one session for all threads, resumable transfers in parallel."""

    def __init__(self, location: str) -> None:
        import oss2

        self._name, _, prefix = location.removeprefix("oss://").partition("/")
        super().__init__(prefix)
        endpoint, key_id, secret, region = _keys()
        self._sdk: Any = oss2
        session = oss2.Session(pool_size=WORKERS)
        auth = oss2.make_auth(key_id, secret, "v4")
        self._bucket = oss2.Bucket(auth, endpoint, self._name, region=region, session=session)

    def _put(self, path: str, source: Path) -> None:
        self._bucket.put_object_from_file(self._key(path), str(source))

    def _put_large(self, path: str, source: Path) -> None:
        self._sdk.resumable_upload(
            self._bucket,
            self._key(path),
            str(source),
            multipart_threshold=PART,
            part_size=PART,
            num_threads=WORKERS,
        )

    def _get(self, path: str, target: Path) -> None:
        self._bucket.get_object_to_file(self._key(path), str(target))

    def _get_large(self, path: str, target: Path) -> None:
        self._sdk.resumable_download(
            self._bucket,
            self._key(path),
            str(target),
            multiget_threshold=PART,
            part_size=PART,
            num_threads=WORKERS,
        )

    def _paths(self, prefix: str) -> list[str]:
        found = self._sdk.ObjectIteratorV2(self._bucket, prefix=self._key(prefix), max_keys=1_000)
        return [self._path(each.key) for each in found]

    def _delete(self, paths: list[str]) -> None:
        self._bucket.batch_delete_objects([self._key(path) for path in paths])


class Oss2Next(BareSdk):
    """alibabacloud-oss-v2: its uploader and downloader."""

    def __init__(self, location: str) -> None:
        import alibabacloud_oss_v2 as oss
        from alibabacloud_oss_v2.transport import RequestsHttpClient

        self._name, _, prefix = location.removeprefix("oss://").partition("/")
        super().__init__(prefix)
        endpoint, key_id, secret, region = _keys()
        self._sdk: Any = oss
        config = oss.Config(
            region=region,
            endpoint=endpoint,
            credentials_provider=oss.credentials.StaticCredentialsProvider(key_id, secret),
            http_client=RequestsHttpClient(max_connections=WORKERS),
        )
        self._client: Any = oss.Client(config)

    def _put(self, path: str, source: Path) -> None:
        request = self._sdk.PutObjectRequest(bucket=self._name, key=self._key(path))
        self._client.put_object_from_file(request, str(source))

    def _put_large(self, path: str, source: Path) -> None:
        uploader = self._client.uploader(part_size=PART, parallel_num=WORKERS)
        request = self._sdk.PutObjectRequest(bucket=self._name, key=self._key(path))
        uploader.upload_file(request, filepath=str(source))

    def _get(self, path: str, target: Path) -> None:
        request = self._sdk.GetObjectRequest(bucket=self._name, key=self._key(path))
        self._client.get_object_to_file(request, str(target))

    def _get_large(self, path: str, target: Path) -> None:
        downloader = self._client.downloader(part_size=PART, parallel_num=WORKERS)
        request = self._sdk.GetObjectRequest(bucket=self._name, key=self._key(path))
        downloader.download_file(request, filepath=str(target))

    def _paths(self, prefix: str) -> list[str]:
        request = self._sdk.ListObjectsV2Request(
            bucket=self._name, prefix=self._key(prefix), max_keys=1_000
        )
        pages = self._client.list_objects_v2_paginator().iter_page(request)
        return [self._path(each.key) for page in pages for each in page.contents or ()]

    def _delete(self, paths: list[str]) -> None:
        objects = [self._sdk.DeleteObject(key=self._key(path)) for path in paths]
        request = self._sdk.DeleteMultipleObjectsRequest(bucket=self._name, objects=objects)
        self._client.delete_multiple_objects(request)


def make(name: str, place: str, folder: Path) -> System:
    """Return one of the systems.

    Args:
        name: plugin, plugin-oss2, peer, oss2 or v2.
        place: Location of the bucket.
        folder: Not used.
    """
    del folder
    location = f"{place}/{name}"
    if name == "plugin-oss2":
        os.environ["MLFLOW_OSS_SDK"] = "oss2"
    found: dict[str, Any] = {
        "plugin": Plugin,
        "plugin-oss2": Plugin,
        "peer": Peer,
        "oss2": Oss2,
        "v2": Oss2Next,
    }
    system: System = found[name](location)
    return system
