"""Which of MLflow's errors each failure becomes: what failed, why, and what to do."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow.exceptions import MlflowException

    from mlflow_oss_artifacts.failures import Failure

    Make = Callable[..., MlflowException]

_KEY = "check MLFLOW_OSS_KEY_ID and MLFLOW_OSS_KEY_SECRET, or the profile"
_RENEW = (
    "get a new token of STS; a profile, an ECS or OIDC role and ALIBABA_CLOUD_CREDENTIALS_URI are "
    "read again by themselves"
)
_LATER = "try again later; retry_timeout sets how long requests are repeated"
_CHANGED = "somebody replaced it meanwhile: try again"
_RIGHTS = (
    "give this identity oss:GetObject, oss:PutObject, oss:DeleteObject, oss:ListObjects, "
    "oss:AbortMultipartUpload and oss:ListParts on the bucket and the folder"
)
_INTERNAL = "an internal endpoint answers only inside of its region"
_NAMES = (
    "check the endpoint's name and the bucket's, which stands before it; "
    "?cname=true is for a domain of your own"
)
_DEBT = "settle the account's bill at Alibaba Cloud"

_BY_CODE: dict[str, tuple[Make, str]] = {
    "NoSuchBucket": (errors.not_found, "create the bucket, or correct its name in the location"),
    "NoSuchKey": (errors.not_found, ""),
    "NoSuchUpload": (errors.not_found, "the upload was aborted or completed: upload again"),
    "InvalidBucketName": (errors.invalid_parameter, "correct the bucket's name in the location"),
    "InvalidObjectName": (
        errors.invalid_parameter,
        "an artifact's whole key has at most 1,023 bytes and begins with no slash or backslash",
    ),
    "InvalidAccessKeyId": (errors.unauthenticated, _KEY),
    "SignatureDoesNotMatch": (errors.unauthenticated, "the secret is not this key's: " + _KEY),
    "InvalidSecurityToken": (errors.unauthenticated, _RENEW),
    "SecurityTokenExpired": (errors.unauthenticated, _RENEW),
    "AccessKeyIdAndSecurityTokenNotMatch": (
        errors.unauthenticated,
        "set key, secret and token of the same answer of STS",
    ),
    "SecurityTokenNotSupported": (errors.unauthenticated, "leave the security token out"),
    "AccessDenied": (
        errors.permission_denied,
        _RIGHTS,
    ),
    "InvalidObjectState": (errors.bad_request, "restore the archived object first"),
    "PreconditionFailed": (errors.bad_request, _CHANGED),
    "EntityTooLarge": (errors.bad_request, "make part_size larger"),
    "UserDisable": (errors.permission_denied, _DEBT),
    "InDebt": (errors.permission_denied, _DEBT),
    "BucketDisable": (errors.permission_denied, "ask Alibaba Cloud why the bucket is disabled"),
    "KmsServiceNotEnabled": (errors.permission_denied, "enable KMS, or change the encryption"),
    "FileImmutable": (
        errors.permission_denied,
        (
            "the bucket's retention policy (WORM) keeps this object until its time is over: log to "
            "another path or run, or to a bucket without such a policy"
        ),
    ),
    "PublicEndpointForbidden": (
        errors.permission_denied,
        (
            "accounts made since 2025-03-20 cannot use the public endpoints of regions in mainland "
            "China: bind a domain of your own to the bucket and set it as the endpoint, with cname=true "
            "and the region; or use the internal endpoint within the region"
        ),
    ),
    "InvalidDigest": (errors.unavailable, "the bytes changed on their way: try again"),
}
_BY_STATUS: dict[int, tuple[Make, str]] = {
    400: (errors.bad_request, ""),
    401: (errors.unauthenticated, _KEY),
    403: (errors.permission_denied, ""),
    404: (errors.not_found, ""),
    409: (errors.bad_request, ""),
    412: (errors.bad_request, _CHANGED),
    416: (errors.bad_request, _CHANGED),
    429: (errors.unavailable, _LATER),
}
_BY_KIND: dict[str, tuple[Make, str]] = {
    "refused": (
        errors.unavailable,
        f"check the endpoint's host and port, and that a firewall lets them pass; {_INTERNAL}",
    ),
    "dns": (
        errors.unavailable,
        _NAMES,
    ),
    "unanswered": (
        errors.unavailable,
        f"check endpoint and firewall; {_INTERNAL}; connect_timeout sets the wait",
    ),
    "timeout": (errors.unavailable, "read_timeout sets the wait; " + _LATER),
    "cut": (errors.unavailable, _LATER),
    "proxy": (errors.unavailable, "check HTTPS_PROXY, or set MLFLOW_OSS_PROXY=none"),
    "digest": (errors.internal, "the bytes changed on their way: try again"),
    "local": (errors.internal, ""),
}
_SERVER_ERROR = 500


def translate(failure: Failure, what: str, *, host: str, cause: Exception) -> MlflowException:
    """Return MLflow's error.

    Args:
        failure: What happened.
        what: What failed, with the redacted location in it.
        host: What was connected to.
        cause: The SDK's error, kept as the cause.
    """
    if failure.kind == "service":
        make, why, remedy = _of_service(failure)
    elif failure.kind == "tls":
        make, why, remedy = errors.invalid_parameter, *_of_tls(failure, host)
    else:
        make, remedy = _BY_KIND.get(failure.kind, (errors.internal, ""))
        why = failure.text if failure.kind in {"digest", "local"} else f"{host}: {failure.text}"
    return make(errors.explain(what, why=why, remedy=remedy), cause=cause)


def _of_service(failure: Failure) -> tuple[Make, str, str]:
    named = f"{failure.code}: {failure.text}" if failure.code else failure.text
    facts = [
        f"request id {failure.request_id}" if failure.request_id else "",
        f"EC {failure.ec}" if failure.ec else "",
    ]
    listed = ", ".join(filter(None, [f"HTTP {failure.status}", *facts]))
    why = f"{named.rstrip('.')} ({listed})"
    if failure.code == "RequestTimeTooSkewed":
        return errors.invalid_parameter, f"{why}; {_clocks(failure)}", "set this machine's clock"
    if "must be addressed using the specified endpoint" in failure.text:
        endpoint = failure.fields.get("Endpoint", "")
        there = f"MLFLOW_OSS_ENDPOINT_URL=https://{endpoint} or ?endpoint={endpoint}"
        remedy = f"the bucket is in another region: set {there}"
        return errors.invalid_parameter, f"{why}; it is at {endpoint}", remedy
    if "signing region" in failure.text.lower():
        remedy = "set MLFLOW_OSS_REGION, or ?region=…, to the bucket's region, as in cn-hangzhou"
        return errors.invalid_parameter, why, remedy
    if failure.code in _BY_CODE:
        return _BY_CODE[failure.code][0], why, _BY_CODE[failure.code][1]
    if failure.status >= _SERVER_ERROR or failure.is_busy or failure.is_passing:
        return errors.unavailable, why, _LATER
    make, remedy = _BY_STATUS.get(failure.status, (errors.internal, ""))
    return make, why, remedy


def _clocks(failure: Failure) -> str:
    theirs = failure.fields.get("ServerTime", "unknown")
    ours = failure.fields.get("RequestTime") or dt.datetime.now(dt.timezone.utc).isoformat()
    return f"OSS's clock says {theirs}, this machine's {ours}"


def _of_tls(failure: Failure, host: str) -> tuple[str, str]:
    text = failure.text.lower()
    if "plain http" in text:
        return f"{host}: {failure.text}", "write the endpoint with https:// if it speaks TLS"
    if "wrong_version_number" in text or "record layer" in text or "http_request" in text:
        why = f"{host} does not speak TLS on this port"
        return why, "write the endpoint with http://, if the network may be trusted"
    if "certificate" in text:
        return f"{host}: {failure.text}", "set MLFLOW_OSS_CA_FILE to the authority's PEM file"
    return f"{host}: {failure.text}", "check the endpoint's scheme and port"
