"""The plugin holds MLflow's contract of artifact repositories, with either SDK."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import mlflow
import pytest
from packaging.version import Version

from mlflow_plugin_testing import ArtifactRepositorySuite

with warnings.catch_warnings():
    # Its source has escapes that Python 3.12 warns of while compiling.
    warnings.simplefilter("ignore")
    import oss2

if TYPE_CHECKING:
    from mlflow_plugin_servers.oss_server import Bucket
    from mlflow_plugin_testing.artifacts.side_door import SideDoor

_ROOT = "conformance/artifacts"


class _RawBucket:
    """The side door: the SDK that the plugin does not use here, with nothing of the plugin."""

    def __init__(self, bucket: Bucket) -> None:
        auth = oss2.make_auth(bucket.key_id, bucket.key_secret, "v4")
        self._bucket: Any = oss2.Bucket(auth, bucket.endpoint, bucket.name, region=bucket.region)

    def read(self, path: str) -> bytes:
        try:
            return bytes(self._bucket.get_object(f"{_ROOT}/{path}").read())
        except oss2.exceptions.NoSuchKey as error:
            raise LookupError(path) from error

    def write(self, path: str, data: bytes) -> None:
        self._bucket.put_object(f"{_ROOT}/{path}", data)

    def listing(self) -> dict[str, int]:
        found = oss2.ObjectIteratorV2(self._bucket, prefix=f"{_ROOT}/")
        return {each.key[len(_ROOT) + 1 :]: each.size for each in found}


@pytest.mark.server
class TestArtifacts(ArtifactRepositorySuite):
    @pytest.fixture
    def artifact_uri(self, bucket: Bucket) -> str:
        return f"oss://{bucket.name}/{_ROOT}"

    @pytest.fixture
    def side_door(self, bucket: Bucket) -> SideDoor:
        return _RawBucket(bucket)

    @pytest.fixture
    def secrets(self, bucket: Bucket) -> list[str]:
        return [bucket.key_secret]


class TestArtifactsByOss2(TestArtifacts):
    # The second SDK takes minutes and differs by nothing that an older MLflow would see.
    __test__ = Version(mlflow.__version__) >= Version("3.12")

    @pytest.fixture(autouse=True)
    def _older_sdk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_OSS_SDK", "oss2")
        monkeypatch.setenv("MLFLOW_OSS_REGION", "cn-hangzhou")
