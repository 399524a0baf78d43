"""What is refused before any request: settings that contradict, and what a server may not open."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException

from mlflow_s3_artifacts.opening import open_store

if TYPE_CHECKING:
    from mlflow_s3_artifacts.repository import S3ArtifactsRepository

_DESTINATION = "_MLFLOW_SERVER_ARTIFACT_DESTINATION"
_KEY_HOSTS = "MLFLOW_S3_ARTIFACTS_SSE_CUSTOMER_HOSTS"
_ALLOWED = "MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES"
_OWN = "s3+https://minio:9000/models/root?profile=own"


def _refused(location: str) -> str:
    with pytest.raises(MlflowException) as caught:
        open_store(location)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    return str(caught.value.message)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("region_=a", "did you mean 'region'?"),
        ("checksum=always", "when_required"),
        ("sse=rot13", "AES256"),
        ("sse_kms_key_id=k", "without sse=aws:kms"),
        ("sse=customer", "no key is named"),
        ("sse=customer&sse_customer_key=0123456789abcdef", "sse_customer_key"),
        ("sse=customer&sse_customer_key=env:NOT_SET", "NOT_SET is not set"),
        ("sse=customer&sse_customer_key=file:/no/such/file", "No such file"),
        ("addressing=virtual", "addressing=path"),
        ("workers=0", "workers (URI parameter)"),
        ("expected_bucket_owner=me", "expected_bucket_owner (URI parameter)"),
        ("profiles=a", "set MLFLOW_S3_ARTIFACTS_PROFILES in the environment"),
    ],
)
def test_an_option_that_cannot_be_used_is_named_with_what_to_do(
    query: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_KEY_HOSTS, "127.0.0.1")

    assert why in _refused(f"s3+https://127.0.0.1/bucket?{query}")


def test_a_setting_of_the_environment_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_S3_ARTIFACTS_CHECKSUM", "sometimes")

    assert "MLFLOW_S3_ARTIFACTS_CHECKSUM (environment)" in _refused("s3+https://minio/bucket")


def test_a_profile_and_keys_in_one_location_contradict() -> None:
    message = _refused("s3+https://key:top-secret@minio/bucket?profile=a")

    assert "leave one of them out" in message
    assert "top-secret" not in message


@pytest.mark.parametrize("kind", ["base64", "bytes", "variable"])
def test_a_customers_key_is_read_from_where_it_is(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = bytes(range(32))
    written = base64.b64encode(key)
    monkeypatch.setenv(_KEY_HOSTS, "minio:443")
    (tmp_path / "key").write_bytes(key if kind == "bytes" else written)
    monkeypatch.setenv("THE_KEY", written.decode())
    where = "env:THE_KEY" if kind == "variable" else f"file:{tmp_path / 'key'}"

    store = open_store(f"s3+https://minio/bucket?sse=customer&sse_customer_key={where}")

    assert store.target.customer_key()["SSECustomerKey"] == key


def test_opening_makes_no_request(open_repository: Callable[[str], S3ArtifactsRepository]) -> None:
    repository = open_repository("s3+https://no-host.invalid/bucket/a")

    assert "no-host.invalid" in repr(repository)


def test_a_server_opens_its_own_storage_with_all_its_options(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(_DESTINATION, _OWN)

    store = open_store("s3+https://minio:9000/models/root/1/run/artifacts?profile=own&workers=2")

    assert store.keys.root == "root/1/run/artifacts"
    assert store.target.ambient


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("s3+https://evil.example/models/a", "host is not that of the server's own"),
        ("s3+https://minio:9001/models/a", "host is not that of the server's own"),
        ("s3+https://minio:9000/other/a?profile=own", "the profile 'own'"),
        ("s3+https://minio:9000/other/a", "differs from that in: bucket"),
        ("s3+https://minio:9000/models/a?profile=admin", "the profile 'admin'"),
        ("s3+https://minio:9000/models/a?sse_customer_key=env:SECRET", "sets sse_customer_key"),
        ("s3+https://minio:9000/models/a?ca_bundle=/etc/shadow", "sets ca_bundle"),
        ("s3+https://minio:9000/models/a?verify_tls=false", "sets verify_tls"),
    ],
)
def test_a_server_refuses_what_its_operator_did_not_choose(
    location: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_DESTINATION, _OWN)

    message = _refused(location)

    assert why in message
    assert "the operator can" in message


def test_a_server_opens_what_its_operator_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_DESTINATION, _OWN)
    monkeypatch.setenv("MLFLOW_S3_ARTIFACTS_PROFILES", "team, other")

    assert open_store("s3+https://minio:9000/models/a?profile=team").target.ambient

    monkeypatch.setenv(_ALLOWED, "s3+https")
    assert not open_store("s3+https://else.where/bucket?profile=other").target.ambient
    assert "verify_tls" in _refused("s3+https://else.where/bucket?profile=team&verify_tls=false")


def test_a_servers_own_credentials_go_only_to_their_hosts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(_DESTINATION, _OWN)
    monkeypatch.setenv(_ALLOWED, "s3+https")

    assert "own credentials are not for its host" in _refused("s3+https://else.where/bucket")
    assert open_store("s3+https://s3.eu-west-1.amazonaws.com/bucket").target.ambient
    assert open_store("s3+https://key:secret@else.where/bucket").target.settings.workers

    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://else.where")
    assert open_store("s3+https://else.where/bucket").target.ambient
    assert "own credentials" in _refused("s3+https://s3.eu-west-1.amazonaws.com/bucket")


@pytest.mark.parametrize(
    "host", ["ec2-203-0-113-5.compute-1.amazonaws.com", "x.execute-api.us-east-1.amazonaws.com"]
)
def test_a_servers_own_credentials_go_to_no_host_that_anybody_can_have_at_amazon(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_DESTINATION, _OWN)
    monkeypatch.setenv(_ALLOWED, "s3+https")

    assert "own credentials are not for its host" in _refused(f"s3+https://{host}/bucket")


def test_a_servers_own_credentials_go_to_amazon_by_tls_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(_DESTINATION, _OWN)
    monkeypatch.setenv(_ALLOWED, "s3+http,s3+https")

    message = _refused("s3+http://s3.eu-west-1.amazonaws.com/bucket")

    assert "own credentials" in message
    assert "use s3+https" in message


def test_a_client_is_warned_of_amazon_without_tls(caplog: pytest.LogCaptureFixture) -> None:
    open_store("s3+http://s3.eu-north-1.amazonaws.com/bucket")

    assert "without TLS" in caplog.text


@pytest.mark.parametrize("in_server", [True, False])
@pytest.mark.parametrize(
    ("location", "setting"),
    [
        ("s3+https://evil.example/bucket/x?anonymous=true&sse=customer", ""),
        ("s3+https://key:secret@evil.example/bucket/x", "customer"),
        ("s3+https://key:secret@minio:9001/bucket/x?sse=customer", ""),
    ],
)
def test_the_customers_key_goes_to_no_host_that_only_a_location_names(
    location: str, setting: str, in_server: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    _set_customer_key(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://minio:9000")
    monkeypatch.setenv(_KEY_HOSTS, "minio:9002, other.example")
    if setting:
        monkeypatch.setenv("MLFLOW_S3_ARTIFACTS_SSE", setting)
    if in_server:
        monkeypatch.setenv(_DESTINATION, _OWN)
        monkeypatch.setenv(_ALLOWED, "s3+https")

    assert "key, which sse=customer sends along, is not for its host" in _refused(location)


@pytest.mark.parametrize(
    ("host", "name", "value"),
    [
        ("minio:9000", _DESTINATION, _OWN),
        ("else.where", "AWS_ENDPOINT_URL", "https://else.where"),
        ("else.where", _KEY_HOSTS, "other.example, Else.Where"),
        ("else.where:9000", _KEY_HOSTS, "else.where:9000"),
        ("s3.eu-west-1.amazonaws.com", _KEY_HOSTS, ""),
    ],
)
def test_the_customers_key_goes_to_the_hosts_that_the_process_was_given(
    host: str, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _set_customer_key(monkeypatch)
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_S3_ARTIFACTS_SSE", "customer")
    options = "?profile=own" if name == _DESTINATION else ""

    store = open_store(f"s3+https://{host}/models/root{options}")

    assert store.target.customer_key()["SSECustomerKey"] == bytes(range(32))


def _set_customer_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", base64.b64encode(bytes(range(32))).decode())
    monkeypatch.setenv("MLFLOW_S3_ARTIFACTS_SSE_CUSTOMER_KEY", "env:THE_KEY")
