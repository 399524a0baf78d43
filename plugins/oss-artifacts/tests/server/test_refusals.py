"""What OSS refuses, and what its users are told: why, with the request's id, and what to do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from mlflow_plugin_servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_servers.oss_server import Bucket, OssServer
    from mlflow_plugin_servers.proxy import Proxy

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


def _failure(location: str) -> MlflowException:
    with pytest.raises(MlflowException) as caught:
        get_artifact_repository(location).list_artifacts()
    return caught.value


@pytest.mark.parametrize(
    ("name", "value", "code", "words"),
    [
        ("MLFLOW_OSS_KEY_ID", "LTAInobody", "UNAUTHENTICATED", "InvalidAccessKeyId"),
        ("MLFLOW_OSS_KEY_SECRET", "wrong", "UNAUTHENTICATED", "SignatureDoesNotMatch"),
        ("MLFLOW_OSS_SECURITY_TOKEN", "wrong", "UNAUTHENTICATED", "InvalidAccessKeyId"),
        ("MLFLOW_OSS_REGION", "cn-beijing", "INVALID_PARAMETER_VALUE", "MLFLOW_OSS_REGION"),
    ],
)
def test_a_wrong_setting_is_named_with_the_request_id(
    bucket: Bucket,
    sdk: str,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    code: str,
    words: str,
) -> None:
    monkeypatch.setenv(name, value)

    error = _failure(f"oss://{bucket.name}/a")

    assert error.error_code == code
    assert words in error.message
    assert "request id " in error.message
    assert "EC 0002-" in error.message
    assert bucket.key_secret not in error.message
    assert sdk


def test_a_missing_bucket_is_named(bucket: Bucket, sdk: str) -> None:
    error = _failure("oss://nobodys-bucket/a")

    assert error.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert "NoSuchBucket" in error.message
    assert "nobodys-bucket" in error.message
    assert bucket
    assert sdk


def test_a_bucket_in_another_region_is_told_where_it_is(
    own: tuple[OssServer, Bucket, str], sdk: str
) -> None:
    server, bucket, location = own
    server.move(bucket.name, "oss-cn-beijing.aliyuncs.com")

    error = _failure(location)

    assert error.error_code == "INVALID_PARAMETER_VALUE"
    assert "MLFLOW_OSS_ENDPOINT_URL=https://oss-cn-beijing.aliyuncs.com" in error.message
    assert sdk


@pytest.mark.parametrize("seconds", [1200, -1200])
def test_a_clock_that_is_twenty_minutes_off_is_told_with_both_times(
    own: tuple[OssServer, Bucket, str], sdk: str, seconds: int
) -> None:
    server, _, location = own
    server.set_clock(seconds)

    error = _failure(location)

    assert error.error_code == "INVALID_PARAMETER_VALUE"
    assert "OSS's clock says 20" in error.message
    assert "this machine's 20" in error.message
    assert "set this machine's clock" in error.message
    assert sdk


def test_who_may_get_and_not_list_can_download_a_file(
    own: tuple[OssServer, Bucket, str], tmp_path: Path
) -> None:
    server, _, location = own
    (tmp_path / "file").write_text("content")
    repository = get_artifact_repository(location)
    repository.log_artifact(str(tmp_path / "file"))
    server.fail(403, times=1000, query="list-type")

    fetched = repository.download_artifacts("file")

    assert Path(fetched).read_text() == "content"
    error = _failure(location)
    assert error.error_code == "PERMISSION_DENIED"
    assert "oss:ListObjects" in error.message


def test_plain_http_to_a_port_of_tls_is_told(
    tls_port: int, monkeypatch: pytest.MonkeyPatch, sdk: str
) -> None:
    _point_at(f"http://127.0.0.1:{tls_port}", monkeypatch)

    error = _failure("oss://any-bucket/a")

    assert error.error_code == "INVALID_PARAMETER_VALUE"
    assert f"127.0.0.1:{tls_port}" in error.message
    assert "write the endpoint with https://" in error.message
    assert sdk


def test_tls_to_a_plain_port_is_told_what_to_write(
    bucket: Bucket, sdk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without a scheme an endpoint is https.
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", bucket.endpoint.removeprefix("http://"))

    error = _failure(f"oss://{bucket.name}/a")

    assert error.error_code == "INVALID_PARAMETER_VALUE"
    assert "does not speak TLS" in error.message
    assert "http://" in error.message
    assert sdk


def test_a_certificate_of_an_unknown_authority_is_told_which_setting_trusts_it(
    tls_port: int, monkeypatch: pytest.MonkeyPatch, sdk: str
) -> None:
    _point_at(f"https://127.0.0.1:{tls_port}", monkeypatch)

    error = _failure("oss://any-bucket/a")

    assert error.error_code == "INVALID_PARAMETER_VALUE"
    assert "MLFLOW_OSS_CA_FILE" in error.message
    assert sdk


def test_a_port_that_nobody_listens_on_is_told_within_seconds(
    monkeypatch: pytest.MonkeyPatch, sdk: str
) -> None:
    _point_at(f"http://127.0.0.1:{free_port()}", monkeypatch)

    began = time.monotonic()

    error = _failure("oss://any-bucket/a")

    assert error.error_code == "TEMPORARILY_UNAVAILABLE"
    assert "Connection refused" in error.message
    assert "in 3 attempts" in error.message
    assert time.monotonic() - began < 10
    assert sdk


def test_a_service_that_never_answers_is_given_up_after_the_time_that_is_set(
    bucket: Bucket,
    sdk: str,
    monkeypatch: pytest.MonkeyPatch,
    tcp_proxy: Callable[[int], Proxy],
) -> None:
    proxy = tcp_proxy(int(bucket.endpoint.rpartition(":")[2]))
    proxy.stall()
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")

    error = _failure(f"oss://{bucket.name}/a?read_timeout=0.2&retry_timeout=0.5")

    assert error.error_code == "TEMPORARILY_UNAVAILABLE"
    assert "read_timeout" in error.message
    assert sdk


def _point_at(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("MLFLOW_OSS_KEY_ID", "id")
    monkeypatch.setenv("MLFLOW_OSS_KEY_SECRET", "secret")
