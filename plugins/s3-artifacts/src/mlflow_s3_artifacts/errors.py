"""Which of MLflow's errors each error of a service or of boto3 becomes, and which may pass. Pure.

boto3's exceptions are known by their names and by the answer that they carry, so that this module
loads no SDK.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from mlflow.exceptions import MlflowException

    from mlflow_s3_artifacts.target import Target

_Answer = tuple[Callable[..., "MlflowException"], str]

_LONGEST_REASON = 500
_SERVER_ERRORS = 500
_NOT_IMPLEMENTED = 501
# What is repeated for as long as the settings allow, and not five times.
_BUSY_STATUS = frozenset({429, 503})
_BUSY = frozenset(
    {
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "SlowDownRead",
        "SlowDownWrite",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
    }
)

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
# After which credentials are read anew: these may be new ones' predecessors.
RENEWABLE = EXPIRED | {"InvalidAccessKeyId", "InvalidToken"}
# boto3 may follow where another region or host is named.
ELSEWHERE = frozenset({"AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect"})
# What a service says that it will not say for ever (Amazon's error codes, and MinIO's).
_PASSING = frozenset(
    {
        "BadDigest",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "RequestTimeoutException",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
        "XMinioServerNotInitialized",
    }
)
_NEVER = frozenset({"NotImplemented"})
_CONNECTION = frozenset(
    {
        "ConnectionClosedError",
        "ConnectTimeoutError",
        "EndpointConnectionError",
        "HTTPClientError",
        "IncompleteReadError",
        "ReadTimeoutError",
        "ResponseStreamingError",
        "ProxyConnectionError",
        "FastFailedError",
        "FlexibleChecksumError",
        "DigestMismatchError",
        # urllib3's, where a body is cut while it is read.
        "ProtocolError",
        "MaxRetryError",
        "IncompleteRead",
    }
)
_SIGN_IN = frozenset(
    {
        "CredentialRetrievalError",
        "LoginRefreshRequired",
        "MetadataRetrievalError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
    }
)
_NO_KEYS = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile by profile= (run aws sso "
    "login where it is one of SSO), or use anonymous=true for a public bucket"
)
_SIGNATURE = (
    "check the secret key, then region and clock; a proxy that changes headers, or another host "
    "name than the service expects, has the same effect"
)
_BY_CLASS: tuple[tuple[frozenset[str], _Answer], ...] = (
    (
        frozenset({"ProfileNotFound"}),
        (errors.invalid_parameter, "write the profile into ~/.aws/config, or correct profile="),
    ),
    (
        _SIGN_IN,
        (
            errors.unauthenticated,
            _NO_KEYS,
        ),
    ),
    (
        frozenset({"DigestMismatchError"}),
        (errors.unavailable, "the bytes were changed on their way: store it again"),
    ),
    (
        frozenset({"ParamValidationError", "InvalidRegionError", "ConfigParseError"}),
        (errors.invalid_parameter, "check the options of the location"),
    ),
)
_CHECKSUMS = ("checksum", "aws-chunked", "trailer", "streaming-", "x-amz-sdk")
_CLOCK = frozenset({"RequestTimeTooSkewed", "RequestExpired"})
_RENEW = "get new temporary credentials (aws sso login, or the role again), and try again"
_DENIED = (
    "allow these credentials to list the bucket {bucket!r} and to get, put and delete its objects; "
    "without the right to list, S3 answers so for what is not there"
)
_OPTIONS = "check sse, storage_class and tags of the location"
_CHANGED = "the bytes were changed on their way; the old object stays"
_BY_CODE: dict[str, _Answer] = {
    "NoSuchBucket": (errors.not_found, "create the bucket {bucket!r}, or correct its name"),
    "NoSuchKey": (errors.not_found, ""),
    "NoSuchUpload": (errors.not_found, "it was completed, given up or has expired"),
    "AccessDenied": (errors.permission_denied, _DENIED),
    "AllAccessDisabled": (errors.permission_denied, _DENIED),
    "403": (errors.permission_denied, _DENIED),
    "InvalidAccessKeyId": (
        errors.unauthenticated,
        "this host does not know the access key: check which key and which host are used",
    ),
    "SignatureDoesNotMatch": (
        errors.unauthenticated,
        _SIGNATURE,
    ),
    "InvalidToken": (errors.unauthenticated, _RENEW),
    **dict.fromkeys(EXPIRED, (errors.unauthenticated, _RENEW)),
    "PreconditionFailed": (
        errors.bad_request,
        "the object was changed while it was read: read it again",
    ),
    "KeyTooLongError": (
        errors.invalid_parameter,
        "a key has at most 1,024 bytes: use a shorter path",
    ),
    "NotImplemented": (
        errors.invalid_parameter,
        "this service lacks what the settings ask for",
    ),
    "InvalidStorageClass": (errors.invalid_parameter, _OPTIONS),
    "InvalidRequest": (errors.invalid_parameter, _OPTIONS),
    "InvalidArgument": (errors.invalid_parameter, _OPTIONS),
    "InvalidTag": (errors.invalid_parameter, _OPTIONS),
    "BadDigest": (errors.unavailable, _CHANGED),
    "XAmzContentSHA256Mismatch": (errors.unavailable, _CHANGED),
    "XAmzContentChecksumMismatch": (errors.unavailable, _CHANGED),
    "InvalidObjectState": (
        errors.bad_request,
        "the object is in an archive: restore it first, or give its class of storage up",
    ),
    "XMinioStorageFull": (errors.unavailable, "make room on the service"),
    "QuotaExceeded": (errors.unavailable, "make room on the service"),
}


class DigestMismatchError(Exception):
    """The service has other bytes than were sent."""


def code_of(error: BaseException) -> str:
    """Return the service's code of an error, or ""; HEAD has only a number."""
    answer = getattr(error, "response", None)
    return str(answer.get("Error", {}).get("Code") or "") if isinstance(answer, dict) else ""


def status_of(error: BaseException) -> int:
    """Return the HTTP status of an error's answer, or 0."""
    answer = getattr(error, "response", None)
    found = answer.get("ResponseMetadata", {}) if isinstance(answer, dict) else {}
    return int(found.get("HTTPStatusCode") or 0)


def date_of(answer: Any) -> dt.datetime | None:  # noqa: ANN401  # a dict of boto3's
    """Return the service's clock out of an answer, or None."""
    from email.utils import parsedate_to_datetime

    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        return parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return None


def retryable(error: BaseException) -> bool | float:
    """Tell whether a request that failed so may be made again; a number: the service is busy."""
    names = {kind.__name__ for kind in type(error).__mro__}
    code, status = code_of(error), status_of(error)
    if code:
        if code in _BUSY or status in _BUSY_STATUS:
            return _retry_after(error)
        if code in _NEVER or status == _NOT_IMPLEMENTED:
            return False
        return code in _PASSING or status >= _SERVER_ERRORS
    if "SSLError" in names:
        # A cut in mid-handshake passes; a certificate or a plain port does not.
        return _is_cut(_text(error))
    if names & {"ProxyConnectionError", "ConnectTimeoutError", "EndpointConnectionError"}:
        return not _is_wrong_name(_text(error))
    return bool(names & _CONNECTION) or isinstance(error, (ConnectionError, TimeoutError))


def _retry_after(error: BaseException) -> float:
    answer: Any = getattr(error, "response", {})
    text = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
    return float(text) if text.isdigit() else 0.0


def _text(error: BaseException) -> str:
    """Return what is known of an error; boto3 keeps the reason of many out of their text."""
    inner = getattr(error, "kwargs", {}).get("error", "")
    return f"{error} {inner}"


def _is_cut(text: str) -> bool:
    return any(word in text for word in ("EOF occurred", "reset by peer", "UNEXPECTED_EOF"))


def _is_wrong_name(text: str) -> bool:
    return any(
        words in text
        for words in ("Name or service not known", "nodename nor servname", "getaddrinfo failed")
    )


def translate(error: BaseException, what: str, target: Target) -> MlflowException:
    """Return MLflow's error for the service's, with the cause kept and no secret in its text.

    Args:
        error: boto3's, or one of this module.
        what: What failed, and where.
        target: Whose settings the remedy names.
    """
    make, remedy = _answer(error, target)
    message = errors.explain(what, why=_reason(error), remedy=remedy)
    return make(message, cause=error)


def _answer(error: BaseException, target: Target) -> _Answer:
    code = code_of(error)
    if code or status_of(error):
        return _by_code(code, error, target) or _by_status(status_of(error), error)
    return _by_class(error, target)


def _reason(error: BaseException) -> str:
    answer = getattr(error, "response", None)
    if not isinstance(answer, dict):
        return " ".join(str(error).split())[:_LONGEST_REASON]
    told = answer.get("Error", {})
    request = answer.get("ResponseMetadata", {}).get("RequestId")
    text = f"{told.get('Code') or status_of(error)}: {told.get('Message', '') or 'no message'}"
    return f"{text[:_LONGEST_REASON]}" + (f" (request {request})" if request else "")


def _by_code(code: str, error: BaseException, target: Target) -> _Answer | None:
    if code in _CLOCK:
        return errors.unauthenticated, _clocks(error)
    if code in ELSEWHERE or code == "301":
        return errors.invalid_parameter, _other_region(error)
    told = _reason(error).lower()
    if target.settings.checksum == "when_supported" and any(word in told for word in _CHECKSUMS):
        remedy = (
            "this service does not take the checksums that boto3 adds: use "
            "checksum=when_required (MLFLOW_S3_ARTIFACTS_CHECKSUM)"
        )
        return errors.invalid_parameter, remedy
    found = _BY_CODE.get(code)
    if found is None:
        return None
    make, remedy = found
    return make, remedy.format(bucket=target.location.bucket)


def _by_status(status: int, error: BaseException) -> _Answer:
    if status == 404:  # noqa: PLR2004
        return errors.not_found, ""
    if status in {401, 403}:
        return errors.permission_denied, "check the credentials and their rights"
    if retryable(error) is not False:
        return errors.unavailable, "the service is overloaded or restarting: try again later"
    if status == 400:  # noqa: PLR2004
        code = code_of(error)
        is_odd = not code or code.isdigit()  # a service of S3 names its errors
        asked = "is this an S3 service, and is http or https right?"
        return errors.bad_request, asked if is_odd else ""
    return errors.internal, ""


def _clocks(error: BaseException) -> str:
    here = dt.datetime.now(dt.timezone.utc)
    answer: Any = getattr(error, "response", {})
    told = answer.get("Error", {}).get("ServerTime") or date_of(answer) or "unknown"
    return f"set this machine's clock: it says {here:%Y-%m-%d %H:%M:%S} UTC, and the service {told}"


def _other_region(error: BaseException) -> str:
    answer: Any = getattr(error, "response", {})
    told = answer.get("Error", {})
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = told.get("Region") or headers.get("x-amz-bucket-region")
    endpoint = told.get("Endpoint")
    remedy = f"add region={region} to the location" if region else "add the right region= to it"
    return f"{remedy}, and use the host of that region" + (f" ({endpoint})" if endpoint else "")


def _by_class(error: BaseException, target: Target) -> _Answer:
    names = {kind.__name__ for kind in type(error).__mro__}
    for known, (make, remedy) in _BY_CLASS:
        if names & known:
            return make, remedy
    if "SSLError" in names:
        return errors.invalid_parameter, _tls(_text(error))
    if names & _CONNECTION or isinstance(error, (ConnectionError, TimeoutError)):
        return errors.unavailable, _unreachable(_text(error), target)
    if isinstance(error, OSError):
        return errors.internal, "check disk space and rights of the local folder"
    return errors.internal, ""


def _tls(text: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        return "name the file of the authority that signed the certificate by ca_bundle="
    if any(word in text for word in ("WRONG_VERSION_NUMBER", "record layer", "UNKNOWN_PROTOCOL")):
        return "the port does not speak TLS: write s3+http:// if the network is trusted"
    return "check that the port speaks TLS, and the certificate's host name"


def _unreachable(text: str, target: Target) -> str:
    place = target.location
    host, port = place.server
    if _is_wrong_name(text) or "Failed to resolve" in text:
        return f"no address is known for {host!r}: correct the name"
    own = target.settings
    if "timed out" in text.lower() or "timeout" in text.lower():
        return (
            f"check host, port and firewall of {host}:{port}; connect_timeout is "
            f"{own.connect_timeout:g} s, read_timeout {own.read_timeout:g} s"
        )
    if place.scheme == "s3+http":
        return f"check that {host}:{port} is the service, runs, and speaks plain HTTP, not TLS"
    return f"check that {host}:{port} is the service and runs"


__all__ = [
    "ELSEWHERE",
    "EXPIRED",
    "RENEWABLE",
    "DigestMismatchError",
    "code_of",
    "date_of",
    "retryable",
    "status_of",
    "translate",
]
