"""MLflow's own repository for S3 against two S3 servers, but for what `docs/mlflow-findings.md` tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlflow_plugin_testing import (
    ArtifactCapability,
    ArtifactRepositorySuite,
    overridden_because,
)
from mlflow_plugin_testing.artifacts.catalogue import artifact_catalogue
from mlflow_plugin_testing.artifacts.names import UNUSUAL
from mlflow_plugin_testing.store_suite import cases
from mlflow_plugin_testing.suite import about

if TYPE_CHECKING:
    from mlflow_plugin_testing.artifacts import SideDoor
    from mlflow_plugin_testing.artifacts.bench import Bench
    from mlflow_plugin_testing.scenario import Scenario

boto3 = pytest.importorskip("boto3")

_ROOT = "conformance/artifacts"
# They ask for a missing file, and MLflow passes botocore's error on.
_MISSING = {
    "a_deleted_file_is_gone",
    "a_deleted_folder_is_gone_with_all_that_was_in_it",
    "a_missing_artifact_is_no_artifact",
    "a_missing_attachment_is_an_error",
    "a_single_file_is_fetched_by_its_path",
    "an_attachment_is_fetched_into_a_file",
}

pytestmark = pytest.mark.server


class _Bucket:
    """The side door: boto3, with keys as they are."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read(self, path: str) -> bytes:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=f"{_ROOT}/{path}")
        except self._client.exceptions.NoSuchKey:
            raise LookupError(path) from None
        return bytes(answer["Body"].read())

    def write(self, path: str, data: bytes) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=f"{_ROOT}/{path}", Body=data)
        except self._client.exceptions.ClientError as error:
            raise ValueError(path) from error

    def listing(self) -> dict[str, int]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{_ROOT}/"
        )
        return {
            item["Key"][len(_ROOT) + 1 :]: item["Size"]
            for page in pages
            for item in page.get("Contents", [])
        }


def _still_wrong(test: Any, *args: Any) -> None:
    """Fail when it has been repaired, so that nothing is excused for longer than it has to be."""
    with pytest.raises(AssertionError):
        test(*args)


class _OnS3(ArtifactRepositorySuite):
    lost_names = frozenset[str]()
    lost_scenarios = frozenset[str]()

    @pytest.fixture
    def bucket(self) -> Any:
        raise NotImplementedError

    @pytest.fixture
    def artifact_uri(self, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> str:
        for name, value in bucket.environment.items():
            monkeypatch.setenv(name, value)
        return f"{bucket.uri}/{_ROOT}"

    @pytest.fixture
    def side_door(self, bucket: Any) -> SideDoor:
        return _Bucket(boto3.client("s3", **bucket.client_options), bucket.name)

    @pytest.fixture
    def secrets(self, bucket: Any) -> list[str]:
        return [bucket.access.secret_key]

    @pytest.mark.parametrize("scenario", cases(artifact_catalogue()))
    @overridden_because("finding 7: a missing object is answered by an internal error")
    def test_scenario(self, scenario: Scenario, bench: Bench) -> None:
        if scenario.name in _MISSING | self.lost_scenarios:
            _still_wrong(super().test_scenario, scenario, bench)
        else:
            super().test_scenario(scenario, bench)

    @pytest.mark.parametrize("case", list(UNUSUAL))
    @overridden_because("one of the servers takes a backslash for a slash")
    @about(ArtifactCapability.NAMES)
    def test_an_unusual_name_comes_back_or_is_refused(self, bench: Bench, case: str) -> None:
        test = super().test_an_unusual_name_comes_back_or_is_refused
        if case in self.lost_names:
            _still_wrong(test, bench, UNUSUAL[case])
        else:
            test(bench, UNUSUAL[case])

    @pytest.mark.parametrize("generation", ["installed"])
    @overridden_because("MLflow's own classes come with the MLflow that makes them")
    @about(ArtifactCapability.EVERY_MLFLOW)
    def test_each_mlflow_can_make_it(self, bench: Bench, generation: str) -> None:
        assert bench.candidate().raw.list_artifacts() == []


class TestMinio(_OnS3):
    """Answers as Amazon S3 does."""

    @pytest.fixture
    def bucket(self, minio_bucket: Any) -> Any:
        return minio_bucket


class TestSeaweed(_OnS3):
    """Keeps files in folders: a folder stays when its last file is deleted, and a backslash is a slash."""

    lost_names = frozenset({"a backslash"})
    lost_scenarios = frozenset({"a_deleted_path_can_be_used_again"})

    @pytest.fixture
    def bucket(self, s3_bucket: Any) -> Any:
        return s3_bucket
