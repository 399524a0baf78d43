"""Every error becomes one of MLflow's: what failed, why, and what to do."""

from __future__ import annotations

import email.utils
import socket
import ssl
import time

import pytest
import urllib3
from mlflow.exceptions import MlflowException

from mlflow_oss_artifacts import errors, failures, opening
from mlflow_oss_artifacts.failures import Failure


def _answer(status: int, code: str = "", message: str = "said", **fields: str) -> Failure:
    headers = {"x-oss-request-id": "R-1", "x-oss-ec": "0001-1"}
    found = {"Code": code, "Message": message, **fields} if code else {}
    return failures.from_answer(status, headers, found, "")


def _translated(failure: Failure) -> MlflowException:
    return errors.translate(failure, "Cannot store 'a'", host="host:80", cause=OSError())


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        (_answer(404, "NoSuchBucket"), "RESOURCE_DOES_NOT_EXIST", "create the bucket"),
        (_answer(404, "NoSuchKey"), "RESOURCE_DOES_NOT_EXIST", "NoSuchKey: said"),
        (_answer(404), "RESOURCE_DOES_NOT_EXIST", "HTTP 404"),
        (_answer(403, "InvalidAccessKeyId"), "UNAUTHENTICATED", "MLFLOW_OSS_KEY_ID"),
        (_answer(403, "SignatureDoesNotMatch"), "UNAUTHENTICATED", "secret is not this key's"),
        (_answer(403, "SecurityTokenExpired"), "UNAUTHENTICATED", "new token"),
        (_answer(403, "AccessDenied"), "PERMISSION_DENIED", "oss:PutObject"),
        (_answer(409, "FileImmutable"), "PERMISSION_DENIED", "retention policy"),
        (_answer(400, "PublicEndpointForbidden"), "PERMISSION_DENIED", "cname=true"),
        (_answer(403, "UserDisable"), "PERMISSION_DENIED", "bill"),
        (_answer(403), "PERMISSION_DENIED", "HTTP 403"),
        (_answer(401), "UNAUTHENTICATED", "MLFLOW_OSS_KEY_ID"),
        (_answer(400, "InvalidObjectName"), "INVALID_PARAMETER_VALUE", "1,023"),
        (_answer(400, "Unknown"), "BAD_REQUEST", "Unknown: said"),
        (_answer(409, "Unknown"), "BAD_REQUEST", "Unknown: said"),
        (_answer(412, "PreconditionFailed"), "BAD_REQUEST", "replaced it meanwhile"),
        (_answer(416, "InvalidRange"), "BAD_REQUEST", "replaced it meanwhile"),
        (_answer(429, "QpsLimitExceeded"), "TEMPORARILY_UNAVAILABLE", "retry_timeout"),
        (_answer(503), "TEMPORARILY_UNAVAILABLE", "retry_timeout"),
        (_answer(500, "InternalError"), "TEMPORARILY_UNAVAILABLE", "retry_timeout"),
        (_answer(418), "INTERNAL_ERROR", "HTTP 418"),
        (
            _answer(400, "InvalidArgument", "Invalid signing region in Authorization header."),
            "INVALID_PARAMETER_VALUE",
            "MLFLOW_OSS_REGION",
        ),
        (
            _answer(403, "RequestTimeTooSkewed", ServerTime="12:20", RequestTime="12:00"),
            "INVALID_PARAMETER_VALUE",
            "OSS's clock says 12:20, this machine's 12:00",
        ),
        (
            _answer(
                403,
                "AccessDenied",
                "The bucket you are attempting to access must be addressed using the specified "
                "endpoint. Please send all future requests to this endpoint.",
                Endpoint="oss-cn-beijing.aliyuncs.com",
            ),
            "INVALID_PARAMETER_VALUE",
            "endpoint=oss-cn-beijing.aliyuncs.com",
        ),
    ],
)
def test_an_answer_of_oss_keeps_its_words_and_its_ids(
    failure: Failure, code: str, words: str
) -> None:
    error = _translated(failure)

    assert error.error_code == code
    assert words in error.message
    assert "Cannot store 'a'" in error.message
    assert "request id R-1, EC 0001-1" in error.message


@pytest.mark.parametrize(
    ("error", "kind", "code", "words"),
    [
        (
            socket.gaierror(-2, "Name or service not known"),
            "dns",
            "TEMPORARILY_UNAVAILABLE",
            "cname",
        ),
        (
            ConnectionRefusedError(111, "Connection refused"),
            "refused",
            "TEMPORARILY_UNAVAILABLE",
            "firewall",
        ),
        (
            urllib3.exceptions.ConnectTimeoutError(None, "timed out"),
            "unanswered",
            "TEMPORARILY_UNAVAILABLE",
            "connect_timeout",
        ),
        (
            urllib3.exceptions.ReadTimeoutError(None, "", "timed out"),  # type: ignore[arg-type]
            "timeout",
            "TEMPORARILY_UNAVAILABLE",
            "read_timeout",
        ),
        (TimeoutError("timed out"), "timeout", "TEMPORARILY_UNAVAILABLE", "read_timeout"),
        (
            urllib3.exceptions.ProtocolError(
                "Connection aborted.", ConnectionResetError(104, "reset")
            ),
            "cut",
            "TEMPORARILY_UNAVAILABLE",
            "retry_timeout",
        ),
        (
            urllib3.exceptions.SSLError(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong")),
            "tls",
            "INVALID_PARAMETER_VALUE",
            "does not speak TLS",
        ),
        (
            ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate"),
            "tls",
            "INVALID_PARAMETER_VALUE",
            "MLFLOW_OSS_CA_FILE",
        ),
        (ssl.SSLError(1, "something else"), "tls", "INVALID_PARAMETER_VALUE", "scheme and port"),
        (
            urllib3.exceptions.ProxyError("Cannot connect to proxy.", OSError("down")),
            "proxy",
            "TEMPORARILY_UNAVAILABLE",
            "MLFLOW_OSS_PROXY",
        ),
        (failures.DigestMismatchError("they differ"), "digest", "INTERNAL_ERROR", "they differ"),
        (OSError(5, "Input/output error"), "local", "INTERNAL_ERROR", "Input/output error"),
        (ValueError("what is this"), "other", "INTERNAL_ERROR", "what is this"),
    ],
)
def test_what_happens_before_an_answer_says_which_host_and_what_to_do(
    error: Exception, kind: str, code: str, words: str
) -> None:
    failure = failures.from_exception(error)
    found = _translated(failure)

    assert failure.kind == kind
    assert found.error_code == code
    assert words in found.message


def test_the_page_of_a_server_of_tls_is_understood() -> None:
    page = "<h1>400</h1> The plain HTTP request was sent to HTTPS port"

    failure = failures.from_answer(400, {}, {}, page)

    assert failure.kind == "tls"
    assert "https://" in _translated(failure).message


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("2", 2.0),
        ("-1", 0.0),
        ("100000", 300.0),
        (email.utils.formatdate(time.time() - 100, usegmt=True), 0.0),
    ],
)
def test_a_wish_to_wait_is_read_as_seconds_or_date(
    value: str | None, seconds: float | None
) -> None:
    assert failures.wait_of(value) == seconds


@pytest.mark.parametrize(
    ("failure", "passing", "busy"),
    [
        (_answer(500), True, False),
        (_answer(503), False, True),
        (_answer(429), False, True),
        (_answer(400, "RequestTimeout"), True, False),
        (_answer(400, "InvalidDigest"), True, False),
        (_answer(403, "AccessDenied"), False, False),
        (Failure("cut", ""), True, False),
        (Failure("digest", ""), True, False),
        (Failure("tls", ""), False, False),
        (Failure("dns", ""), False, False),
    ],
)
def test_what_passes_is_told_from_what_stays(failure: Failure, passing: bool, busy: bool) -> None:
    assert (failure.is_passing, failure.is_busy) == (passing, busy)


def test_an_unknown_sdk_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_OSS_SDK", "v3")

    with pytest.raises(MlflowException, match=r"MLFLOW_OSS_SDK \(environment\)"):
        opening.prepare("oss://bucket/a?region=cn-beijing")


def test_a_missing_file_of_authorities_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_OSS_CA_FILE", "/no/such/file")
    monkeypatch.setenv("MLFLOW_OSS_KEY_ID", "id")
    monkeypatch.setenv("MLFLOW_OSS_KEY_SECRET", "secret")

    with pytest.raises(MlflowException, match="MLFLOW_OSS_CA_FILE cannot be used"):
        opening.open_store("oss://bucket/a?region=cn-beijing")


def test_a_parameter_that_is_misspelled_is_answered_with_the_right_one() -> None:
    with pytest.raises(MlflowException, match="did you mean 'profile'"):
        opening.prepare("oss://bucket/a?profil=x")


def test_a_secret_in_the_query_is_refused_and_not_shown() -> None:
    with pytest.raises(MlflowException, match="MLFLOW_OSS_KEY_SECRET") as caught:
        opening.prepare("oss://bucket/a?key_secret=s3cret")

    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    "error",
    [ConnectionRefusedError(111, "Connection refused"), socket.gaierror(-3, "try again")],
)
def test_a_service_that_never_answered_is_asked_twice_more_and_not_for_long(
    error: Exception,
) -> None:
    target = opening.prepare("oss://id:key@bucket/a?region=cn-hangzhou").target
    client = opening.client_for(target)

    found = [client.retryable(error) for _ in range(6)]

    assert found == [True, True, False, True, True, False]
