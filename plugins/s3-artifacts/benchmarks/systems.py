"""What is compared, behind one set of verbs: the plugin, MLflow's own repository, boto3, obstore.

Each of them is used the way its user would: the first two through MLflow; boto3 by single requests
in threads for small files and by its own transfers in parts for large ones; obstore in threads.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from benchmarks.bare_sdk import PART, WORKERS, BareSdk
from benchmarks.system import MlflowRepository

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.system import System


class Boto3(BareSdk):
    """boto3 with a connection for each thread."""

    def __init__(self, url: str, prefix: str) -> None:
        import boto3
        from boto3.s3.transfer import TransferConfig
        from botocore.config import Config

        super().__init__(prefix)
        self._endpoint, _, self._name = url.rpartition("/")
        config = Config(max_pool_connections=WORKERS)
        self._client: Any = boto3.client("s3", endpoint_url=self._endpoint, config=config)
        self._transfer = TransferConfig(
            multipart_threshold=PART,
            multipart_chunksize=PART,
            max_concurrency=WORKERS,
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


class Obstore(BareSdk):
    """obstore, called from threads; it sends large files in parts by itself."""

    def __init__(self, url: str, prefix: str) -> None:
        import obstore
        from obstore.store import S3Store

        super().__init__(prefix)
        self._endpoint, _, self._name = url.rpartition("/")
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
            self._store, self._key(path), source, chunk_size=PART, max_concurrency=WORKERS
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
