"""The plugin holds MLflow's contract of artifact repositories on a server of the Hub's API."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, ClassVar

import mlflow
import pytest
from huggingface_hub import HfApi
from packaging.version import Version

from mlflow_plugin_testing import (
    ArtifactCapability,
    ArtifactRepositorySuite,
    Cell,
    unsupported,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow_plugin_servers.hub_server import HubRepo, HubServer

_ROOT = "conformance/artifacts"
_NO_UPLOAD_URLS = unsupported(
    "what goes to the Hub is cut into chunks by hf_xet, and becomes visible by a commit; no address"
    " that a client could put a file to exists"
)


class _Api:
    """The side door: the Hub's HTTP API by urllib, without the plugin's code and without its SDKs."""

    def __init__(self, repo: HubRepo) -> None:
        self._repo = repo
        self._api = f"{repo.endpoint}/api/models/{repo.id}"

    def read(self, path: str) -> bytes:
        url = (
            f"{self._repo.endpoint}/{self._repo.id}/resolve/main/{_ROOT}/{urllib.parse.quote(path)}"
        )
        try:
            content: bytes = self._ask(url)[0]
        except urllib.error.HTTPError as error:
            raise LookupError(path) from error
        return content

    def write(self, path: str, data: bytes) -> None:
        value = {
            "path": f"{_ROOT}/{path}",
            "encoding": "base64",
            "content": base64.b64encode(data).decode(),
        }
        lines = [
            {"key": "header", "value": {"summary": "by hand"}},
            {"key": "file", "value": value},
        ]
        body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        self._ask(f"{self._api}/commit/main", body)

    def listing(self) -> dict[str, int]:
        url: str | None = f"{self._api}/tree/main?recursive=true"
        found = {}
        while url:
            content, link = self._ask(url)
            for entry in json.loads(content):
                if entry["type"] == "file" and entry["path"].startswith(f"{_ROOT}/"):
                    found[entry["path"][len(_ROOT) + 1 :]] = entry["size"]
            url = link.partition(">")[0].lstrip("<") if link else None
        return found

    def _ask(self, url: str, body: bytes | None = None) -> tuple[bytes, str]:
        headers = {"Authorization": f"Bearer {self._repo.token}"}
        request = urllib.request.Request(url, data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read(), answer.headers.get("Link", "")


class _OnTheHub(ArtifactRepositorySuite):
    declared: ClassVar[Mapping[Any, Cell]] = {
        ArtifactCapability.MULTIPART_UPLOAD: _NO_UPLOAD_URLS,
        ArtifactCapability.PRESIGNED_UPLOAD: _NO_UPLOAD_URLS,
    }

    # A block of Xet has 64 MiB, and hf_xet holds it twice, and the beginning of the next one.
    memory_growth: ClassVar[int] = 290 << 20

    @pytest.fixture(autouse=True)
    def environment(
        self, hub_server: HubServer, hub_repo: HubRepo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in hub_repo.environment.items():
            monkeypatch.setenv(name, value)
        # How long a link lives is the Hub's decision and not the plugin's: here a short time.
        hub_server.set_lifetime(15)

    @pytest.fixture
    def secrets(self, hub_repo: HubRepo) -> list[str]:
        return [hub_repo.token]


@pytest.mark.server
class TestRepository(_OnTheHub):
    @pytest.fixture
    def artifact_uri(self, hub_repo: HubRepo) -> str:
        return f"xet://{hub_repo.id}/main/{_ROOT}"

    @pytest.fixture
    def side_door(self, hub_repo: HubRepo) -> _Api:
        return _Api(hub_repo)


class _BucketApi:
    """The side door of a bucket: the Hub's own client, for content goes there by Xet alone."""

    def __init__(self, bucket: HubRepo) -> None:
        self._bucket = bucket
        self._api = HfApi(endpoint=bucket.endpoint, token=bucket.token)

    def read(self, path: str) -> bytes:
        address = f"{self._bucket.endpoint}/buckets/{self._bucket.id}/resolve/{_ROOT}/"
        headers = {"Authorization": f"Bearer {self._bucket.token}"}
        request = urllib.request.Request(address + urllib.parse.quote(path), headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                content: bytes = answer.read()
        except urllib.error.HTTPError as error:
            raise LookupError(path) from error
        return content

    def write(self, path: str, data: bytes) -> None:
        self._api.batch_bucket_files(self._bucket.id, add=[(data, f"{_ROOT}/{path}")])

    def listing(self) -> dict[str, int]:
        entries = self._api.list_bucket_tree(self._bucket.id, recursive=True)
        return {
            entry.path[len(_ROOT) + 1 :]: entry.size
            for entry in entries
            if entry.type == "file" and entry.path.startswith(f"{_ROOT}/")
        }


@pytest.mark.server
class TestBucket(_OnTheHub):
    # The second kind takes minutes and differs by nothing that an older MLflow would see.
    __test__ = Version(mlflow.__version__) >= Version("3.12")

    @pytest.fixture
    def bucket(self, hub_server: HubServer, environment: None) -> Iterator[HubRepo]:
        with hub_server.fresh_repo("bucket") as bucket:
            hub_server.set_lifetime(15)
            yield bucket

    @pytest.fixture
    def artifact_uri(self, bucket: HubRepo) -> str:
        return f"xet://{bucket.id}/{_ROOT}?repo_type=bucket"

    @pytest.fixture
    def side_door(self, bucket: HubRepo) -> _BucketApi:
        return _BucketApi(bucket)
