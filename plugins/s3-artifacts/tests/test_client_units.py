"""What needs no service: which way a request goes, what is signed, and how errors are read."""

from __future__ import annotations

import os
import urllib.parse
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from mlflow_s3_artifacts import answers, client_fast, errors
from mlflow_s3_artifacts.client_connection import connection_for, renew
from mlflow_s3_artifacts.opening import open_store

_HOST = "s3+https://minio.example.com/bucket/a"


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret")


@pytest.mark.parametrize(
    "key", ["a", "a/b", "a b", "ü", "a%20b", "..x", "a/..x", "x..", " lead", "a\\b", "a.", ".a"]
)
def test_obstore_takes_plain_keys(key: str) -> None:
    assert client_fast.takes(key)


@pytest.mark.parametrize(
    "key", ["a//b", "end/", "/a", "a/../b", "..", ".", "a/.", "./a", "a\nb", "a\x7f", ""]
)
def test_obstore_is_kept_from_keys_that_it_would_change(key: str) -> None:
    assert not client_fast.takes(key)


@pytest.mark.parametrize(
    ("query", "is_fast"),
    [
        ("", True),
        ("sse=AES256", True),
        ("fast=false", False),
        ("sse=aws:kms", False),
        ("tags=a%3Db", False),
        ("storage_class=STANDARD_IA", False),
        ("request_payer=requester", False),
        ("expected_bucket_owner=123456789012", False),
        ("checksum=when_supported", False),
    ],
)
def test_obstore_is_used_where_it_can_do_all_that_is_asked(query: str, is_fast: bool) -> None:
    target = open_store(f"{_HOST}?{query}").target

    assert (connection_for(target).fast(target) is not None) is is_fast


@pytest.mark.parametrize("name", ["AWS_SERVER_SIDE_ENCRYPTION", "AWS_CHECKSUM_ALGORITHM"])
def test_obstore_is_left_out_where_the_environment_would_change_what_it_does(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "AES256")
    target = open_store(_HOST).target

    assert connection_for(target).fast(target) is None


def test_equal_targets_share_a_connection_and_other_options_do_not() -> None:
    first = connection_for(open_store(f"{_HOST}/1/run/artifacts").target)

    assert connection_for(open_store(f"{_HOST}/2/run/artifacts").target) is first
    assert connection_for(open_store(f"{_HOST}?region=eu-1").target) is not first
    assert connection_for(open_store("s3+https://else.where/bucket/a").target) is not first


def test_a_connection_is_renewed_only_by_other_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = open_store(_HOST).target
    expired = connection_for(target)
    assert renew(target, expired) is None

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another-key")
    renewed = renew(target, expired)

    assert renewed is not None
    assert renewed is connection_for(target)


def test_the_endpoint_is_the_locations_whatever_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://evil.example")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://evil.example")

    signed = open_store(_HOST).client.sign_get("a/b", 60)

    assert signed.url.startswith("https://minio.example.com/bucket/a/b?")


@pytest.mark.parametrize(
    ("location", "begins"),
    [
        ("s3+https://s3.eu-west-1.amazonaws.com/bucket", "https://bucket.s3.eu-west-1.amaz"),
        ("s3+https://s3.amazonaws.com/my.bucket", "https://s3.amazonaws.com/my.bucket/"),
        ("s3+https://s3.eu-west-1.amazonaws.com/bucket?addressing=path", "https://s3.eu-west-1."),
        ("s3+https://minio.example.com/bucket?addressing=virtual", "https://bucket.minio.exam"),
    ],
)
def test_the_bucket_stands_where_the_service_wants_it(location: str, begins: str) -> None:
    assert open_store(location).client.sign_get("key", 60).url.startswith(begins)


def test_a_signed_request_names_the_region_and_the_headers_to_send() -> None:
    location = f"{_HOST}?region=eu-north-1&sse=aws:kms&sse_kms_key_id=k&storage_class=GLACIER_IR"

    signed = open_store(location).client.sign_put("key", 60)

    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(signed.url).query))
    assert "/eu-north-1/s3/aws4_request" in query["X-Amz-Credential"]
    assert query["X-Amz-Expires"] == "60"
    assert "the-secret" not in signed.url
    assert signed.headers == {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "k",
        "x-amz-storage-class": "GLACIER_IR",
    }


def test_no_address_is_signed_that_would_need_the_customers_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlflow.exceptions import MlflowException

    monkeypatch.setenv("MLFLOW_S3_ARTIFACTS_SSE_CUSTOMER_HOSTS", "minio.example.com")
    monkeypatch.setenv("K", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    client = open_store(f"{_HOST}?sse=customer&sse_customer_key=env:K").client

    with pytest.raises(MlflowException) as caught:
        client.sign_part("key", "id", 1, 60)
    assert caught.value.error_code == "NOT_IMPLEMENTED"


def _answer(status: int, code: str, **headers: str) -> ClientError:
    told: Any = {
        "Error": {"Code": code, "Message": "m"},
        "ResponseMetadata": {
            "HTTPStatusCode": status,
            "HTTPHeaders": {name.replace("_", "-"): text for name, text in headers.items()},
        },
    }
    return ClientError(told, "GetObject")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (_answer(503, "SlowDown"), 0.0),
        (_answer(503, "SlowDown", retry_after="7"), 7.0),
        (_answer(429, "Whatever", retry_after="soon"), 0.0),
        (_answer(500, "InternalError"), True),
        (_answer(502, "502"), True),
        (_answer(400, "RequestTimeout"), True),
        (_answer(400, "BadDigest"), True),
        (_answer(501, "501"), False),
        (_answer(403, "AccessDenied"), False),
        (_answer(404, "NoSuchKey"), False),
        (_answer(412, "PreconditionFailed"), False),
        (EndpointConnectionError(endpoint_url="u", error="refused"), True),
        (EndpointConnectionError(endpoint_url="u", error="Name or service not known"), False),
        (NoCredentialsError(), False),
        (ConnectionResetError(), True),
        (OSError(28, "No space left on device"), False),
        (errors.DigestMismatchError(), True),
        (ValueError(), False),
    ],
    ids=repr,
)
def test_what_passes_is_repeated_and_what_does_not_is_not(
    error: Exception, expected: bool | float
) -> None:
    found = errors.retryable(error)

    assert found == expected
    assert type(found) is type(expected)


def test_a_full_disk_is_no_fault_of_the_service() -> None:
    error = open_store(_HOST).client.translate(OSError(28, "No space left on device"), "Cannot")

    assert error.error_code == "INTERNAL_ERROR"
    assert "check disk space" in error.message


def test_what_obstore_tells_becomes_the_services_own_error() -> None:
    text = (
        "Generic S3 error: Error performing PUT http://h/b/k in 1ms - Server returned non-2xx "
        "status code: 403 Forbidden: <?xml version='1.0'?><Error><Code>AccessDenied</Code>"
        "<Message>no</Message><RequestId>r1</RequestId></Error>\n\nDebug source:\nsecret"
    )

    found = client_fast._read(RuntimeError(text), "PutObject")

    assert (errors.code_of(found), errors.status_of(found)) == ("AccessDenied", 403)
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    "text",
    [
        "HTTP error: error sending request",
        "Server returned non-2xx status code: 502 Bad Gateway: <html></html>",
        "Server returned non-2xx status code: 400 x: <!DOCTYPE a><Error><Code>a</Code></Error>",
        "Server returned non-2xx status code: 400 x: <Error><Code>a</Error>",
    ],
)
def test_what_cannot_be_read_is_left_to_boto3(text: str) -> None:
    found = client_fast._read(RuntimeError(text), "PutObject")

    assert isinstance(found, client_fast.FastFailedError)


def test_a_listing_tells_no_digest_that_it_does_not_know() -> None:
    plain = {"Key": "k", "Size": 1, "ETag": f'"{"a" * 32}"'}
    parts = {"Key": "k", "Size": 1, "ETag": f'"{"a" * 32}-2"'}

    assert answers.listed(plain, hides_md5=False).digests == {"md5": "a" * 32}
    assert answers.listed(plain, hides_md5=True).digests == {}
    assert answers.listed(parts, hides_md5=False).digests == {}
    encrypted = {**plain, "ContentLength": 1, "ServerSideEncryption": "aws:kms"}
    assert answers.described("k", encrypted).digests == {}


def test_no_setting_of_the_machine_reaches_these_tests() -> None:
    assert not [name for name in os.environ if name.startswith("MLFLOW_S3_ARTIFACTS_")]


def test_parts_under_the_customers_key_are_listed_with_that_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_S3_ARTIFACTS_SSE_CUSTOMER_HOSTS", "minio.example.com")
    monkeypatch.setenv("K", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    client = open_store(f"{_HOST}?sse=customer&sse_customer_key=env:K").client
    sent: list[Any] = []

    def refuse(request: Any, **_: object) -> None:
        sent.append(request)
        raise ConnectionResetError

    events = connection_for(client.target).client.meta.events
    events.register("before-send.s3.ListParts", refuse)
    with pytest.raises(ConnectionResetError):
        client.list_parts("key", "id")

    headers = {
        name.lower().removeprefix("x-amz-server-side-encryption-customer-"): value
        for name, value in sent[0].headers.items()
    }
    assert headers["algorithm"] == b"AES256"
    assert headers["key"] == b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert headers["key-md5"] == b"tP/LI3N87DFaSk0aoqYgzg=="
