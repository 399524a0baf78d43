"""What is compared, behind one set of verbs: the plugin, MLflow's own repository, boto3, obstore.

Each of them is used the way its user would: the first two through MLflow; boto3 by single requests
in threads for small files and by its own transfers in parts for large ones; obstore in threads.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.system import MlflowRepository

if TYPE_CHECKING:
    from benchmarks.system import System

# What the plugin does by default.
_WORKERS = 16
_PART = 16 << 20
_BATCH = 1_000


class _Sdk:
    """A bare SDK below one prefix, with threads for many files."""

    def __init__(self, url: str, prefix: str) -> None:
        self._endpoint, _, self._name = url.rpartition("/")
        self._prefix = prefix

    def warm(self) -> None:
        """Store one byte."""
        self._put("warm/byte", Path(__file__))

    def put_file(self, path: Path, folder: str) -> None:
        """Store one file by the SDK's own upload in parts."""
        self._put_large(f"{folder}/{path.name}", path)

    def put_folder(self, path: Path, folder: str) -> None:
        """Store all files."""
        files = [each for each in path.rglob("*") if each.is_file()]
        with ThreadPoolExecutor(_WORKERS) as pool:
            list(pool.map(lambda one: self._put(f"{folder}/{one.relative_to(path)}", one), files))

    def get(self, path: str, target: Path) -> None:
        """Fetch a file by ranges, or all files of a folder."""
        paths = self._paths(f"{path}/")
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        if not paths:
            self._get_large(path, target / path)
            return
        (target / path).mkdir()
        with ThreadPoolExecutor(_WORKERS) as pool:
            list(pool.map(lambda found: self._get(found, target / found), paths))

    def list(self, folder: str) -> int:
        """List a folder."""
        return len(self._paths(f"{folder}/"))

    def delete(self, folder: str) -> None:
        """Delete a folder in batches."""
        paths = self._paths(f"{folder}/")
        for start in range(0, len(paths), _BATCH):
            self._delete(paths[start : start + _BATCH])

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}"

    def _path(self, key: str) -> str:
        return key[len(self._prefix) + 1 :]

    def _put(self, path: str, source: Path) -> None:
        raise NotImplementedError

    def _put_large(self, path: str, source: Path) -> None:
        raise NotImplementedError

    def _get(self, path: str, target: Path) -> None:
        raise NotImplementedError

    def _get_large(self, path: str, target: Path) -> None:
        raise NotImplementedError

    def _paths(self, prefix: str) -> list[str]:
        raise NotImplementedError

    def _delete(self, paths: list[str]) -> None:
        raise NotImplementedError


class Boto3(_Sdk):
    """boto3 with a connection for each thread."""

    def __init__(self, url: str, prefix: str) -> None:
        import boto3
        from boto3.s3.transfer import TransferConfig
        from botocore.config import Config

        super().__init__(url, prefix)
        config = Config(max_pool_connections=_WORKERS)
        self._client: Any = boto3.client("s3", endpoint_url=self._endpoint, config=config)
        self._transfer = TransferConfig(
            multipart_threshold=_PART,
            multipart_chunksize=_PART,
            max_concurrency=_WORKERS,
            preferred_transfer_client="classic",
        )

    def _put(self, path: str, source: Path) -> None:
        data = source.read_bytes()
        self._client.put_object(Bucket=self._name, Key=self._key(path), Body=data)

    def _put_large(self, path: str, source: Path) -> None:
        self._client.upload_file(str(source), self._name, self._key(path), Config=self._transfer)

    def _get(self, path: str, target: Path) -> None:
        found = self._client.get_object(Bucket=self._name, Key=self._key(path))
        target.write_bytes(found["Body"].read())

    def _get_large(self, path: str, target: Path) -> None:
        self._client.download_file(self._name, self._key(path), str(target), Config=self._transfer)

    def _paths(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._name, Prefix=self._key(prefix)
        )
        return [self._path(each["Key"]) for page in pages for each in page.get("Contents", ())]

    def _delete(self, paths: list[str]) -> None:
        objects = [{"Key": self._key(path)} for path in paths]
        self._client.delete_objects(Bucket=self._name, Delete={"Objects": objects, "Quiet": True})


class Obstore(_Sdk):
    """obstore, called from threads; it sends large files in parts by itself."""

    def __init__(self, url: str, prefix: str) -> None:
        import obstore
        from obstore.store import S3Store

        super().__init__(url, prefix)
        self._sdk: Any = obstore
        self._store = S3Store(
            self._name,
            endpoint=self._endpoint,
            access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
            secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            region="us-east-1",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )

    def _put(self, path: str, source: Path) -> None:
        self._sdk.put(self._store, self._key(path), source.read_bytes())

    def _put_large(self, path: str, source: Path) -> None:
        self._sdk.put(
            self._store, self._key(path), source, chunk_size=_PART, max_concurrency=_WORKERS
        )

    def _get(self, path: str, target: Path) -> None:
        target.write_bytes(self._sdk.get(self._store, self._key(path)).bytes())

    def _get_large(self, path: str, target: Path) -> None:
        with target.open("wb") as stream:
            for piece in self._sdk.get(self._store, self._key(path)).stream():
                stream.write(piece)

    def _paths(self, prefix: str) -> list[str]:
        pages = self._sdk.list(self._store, prefix=self._key(prefix))
        return [self._path(each["path"]) for page in pages for each in page]

    def _delete(self, paths: list[str]) -> None:
        self._sdk.delete(self._store, [self._key(path) for path in paths])


def make(name: str, place: str, folder: Path) -> System:
    """Return one of the systems.

    Args:
        name: plugin, mlflow, boto3 or obstore.
        place: URL of the bucket, which stands in the path.
        folder: Not used.
    """
    del folder
    if name == "plugin":
        return MlflowRepository(f"s3+{place}/plugin")
    if name == "mlflow":
        return MlflowRepository(f"s3://{place.rpartition('/')[2]}/mlflow")
    return Boto3(place, "boto3") if name == "boto3" else Obstore(place, "obstore")
