"""Access keys from services: the metadata of an ECS instance, STS for an OIDC token, a URL.

Alibaba's own library for this (alibabacloud-credentials) brings aiohttp, a scheduler with a thread
and ten more distributions, and reads the environment once, at import: two buckets with different
roles could not work in one process.
"""

from __future__ import annotations

import calendar
import json
import os
import time
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow_oss_artifacts.providers import Keys
from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow_oss_artifacts.transport import TransportOptions

# Both services are near; a machine outside of Alibaba Cloud must not wait long to learn that.
_CONNECT_TIMEOUT, _READ_TIMEOUT = 2.0, 10.0
_STS_CONNECT_TIMEOUT = 5.0
_METADATA = "/latest/meta-data/ram/security-credentials/"
_METADATA_TOKEN_SECONDS = "21600"  # noqa: S105  # a time, the longest that is allowed
_STS_VERSION = "2015-04-01"
_OK = 200
_TOO_MANY, _SERVER_ERROR = 429, 500
# STS is asked again after these pauses, in seconds.
_PAUSES = (0.3, 1.0, None)


def from_metadata(base: str, role: str | None, environ: Mapping[str, str] | None = None) -> Keys:
    """Ask the metadata service of an ECS instance for the key of its RAM role.

    Args:
        base: Where the service is.
        role: Name of the role; asked for when None.
        environ: For tests.

    Raises:
        MlflowException: UNAUTHENTICATED where it does not answer or has no role.
    """
    found = os.environ if environ is None else environ
    what = "Cannot get an access key from the metadata service of this ECS instance"
    status, text = _ask(
        what,
        "PUT",
        f"{base}/latest/api/token",
        headers={"X-aliyun-ecs-metadata-token-ttl-seconds": _METADATA_TOKEN_SECONDS},
    )
    headers = {"X-aliyun-ecs-metadata-token": text} if status == _OK else {}
    if not headers and found.get("ALIBABA_CLOUD_IMDSV1_DISABLED", "").lower() == "true":
        raise _refused(what, f"it gave no token (HTTP {status}), and version 1 is disabled")
    if role is None:
        status, listed = _ask(what, "GET", base + _METADATA, headers=headers)
        role = listed.strip().partition("\n")[0]
        if status != _OK or not role:
            why = f"no RAM role is attached to the instance (HTTP {status})"
            raise _refused(what, why, "attach one, or set MLFLOW_OSS_KEY_ID and the secret")
    status, text = _ask(what, "GET", f"{base}{_METADATA}{role}", headers=headers)
    if status != _OK:
        raise _refused(what, f"the role {role!r}: HTTP {status}", "check MLFLOW_OSS_RAM_ROLE")
    return _keys(what, text)


def from_oidc(
    *,
    role_arn: str,
    provider_arn: str,
    token_file: str,
    session: str,
    sts_url: str,
    seconds: int,
    options: TransportOptions,
) -> Keys:
    """Exchange the OIDC token of a pod or a job for the key of a RAM role (RRSA in Kubernetes).

    Raises:
        MlflowException: UNAUTHENTICATED with what STS said; TEMPORARILY_UNAVAILABLE where it does
            not answer or is busy; INVALID_PARAMETER_VALUE where the token's file cannot be read.
    """
    what = f"Cannot assume the RAM role {role_arn} with an OIDC token"
    try:
        # Read each time: Kubernetes replaces the file before the token in it ends.
        token = Path(token_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = f"{token_file!r}: {getattr(error, 'strerror', None) or 'it is not text'}"
        remedy = "check ALIBABA_CLOUD_OIDC_TOKEN_FILE"
        message = errors.explain(what, why=why, remedy=remedy)
        raise errors.invalid_parameter(message) from None
    fields = {
        "Action": "AssumeRoleWithOIDC",
        "Format": "JSON",
        "Version": _STS_VERSION,
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "DurationSeconds": str(seconds),
        "RoleArn": role_arn,
        "OIDCProviderArn": provider_arn,
        "OIDCToken": token,
        "RoleSessionName": session,
    }
    status, text = _ask_sts(what, f"{sts_url}/", fields, options)
    if status != _OK:
        said = _json(text)
        why = f"{said.get('Code', f'HTTP {status}')}: {said.get('Message', '')}"
        request = said.get("RequestId", "")
        remedy = "check role, provider and token, and that the role trusts the provider"
        raise _refused(what, f"{why} (request id {request})", remedy)
    return _keys(what, json.dumps(_json(text).get("Credentials", {})))


def from_url(url: str) -> Keys:
    """Fetch a key from ALIBABA_CLOUD_CREDENTIALS_URI.

    Raises:
        MlflowException: UNAUTHENTICATED where it cannot be had.
    """
    what = "Cannot get an access key from ALIBABA_CLOUD_CREDENTIALS_URI"
    status, text = _ask(what, "GET", url)
    if status != _OK:
        raise _refused(what, f"HTTP {status}")
    return _keys(what, text)


def _ask(
    what: str,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    import urllib3

    timeout = urllib3.Timeout(connect=_CONNECT_TIMEOUT, read=_READ_TIMEOUT)
    try:
        # No proxy: the metadata service is on the machine's own link, and answers to no other.
        with urllib3.PoolManager(retries=urllib3.Retry(1, redirect=0), timeout=timeout) as pool:
            answer = pool.request(method, url, headers=dict(headers or {}))
            return answer.status, answer.data.decode("utf-8", "replace")
    except urllib3.exceptions.HTTPError as error:
        raise _refused(what, f"{url}: {type(error).__name__}") from error


def sts_options(ca_file: str | None, proxy: str | None) -> TransportOptions:
    """Return how STS is connected to: as OSS is, for it is beyond the machine's own link too."""
    from mlflow_oss_artifacts.transport import TransportOptions

    return TransportOptions(1, _STS_CONNECT_TIMEOUT, _READ_TIMEOUT, ca_file, proxy)


def _ask_sts(
    what: str, url: str, fields: Mapping[str, str], options: TransportOptions
) -> tuple[int, str]:
    import urllib3

    from mlflow_oss_artifacts.transport import Transport

    transport = Transport(url, options)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urllib.parse.urlencode(fields).encode()
    why, cause = "", None
    try:
        for pause in _PAUSES:
            try:
                answer = transport.send("POST", url, headers, body)
                text = answer.read().decode("utf-8", "replace")
                answer.release_conn()
                code = str(_json(text).get("Code", ""))
                if not (
                    answer.status == _TOO_MANY
                    or answer.status >= _SERVER_ERROR
                    or code.startswith("Throttling")
                ):
                    return answer.status, text
                why, cause = f"{url}: HTTP {answer.status} {code}".rstrip(), None
            except urllib3.exceptions.HTTPError as error:
                why, cause = f"{url}: {type(error).__name__}", error
            if pause is not None:
                time.sleep(pause)
    finally:
        transport.close()
    remedy = "try again later; where STS cannot be reached, set MLFLOW_OSS_STS_URL or a proxy"
    raise errors.unavailable(errors.explain(what, why=why, remedy=remedy), cause=cause)


def _keys(what: str, text: str) -> Keys:
    found = _json(text)
    if found.get("Code", "Success") != "Success":
        raise _refused(what, f"it answered {found['Code']}")
    try:
        ends = found.get("Expiration")
        expires = (
            float(calendar.timegm(time.strptime(ends, "%Y-%m-%dT%H:%M:%SZ"))) if ends else None
        )
        return Keys(
            found["AccessKeyId"], found["AccessKeySecret"], found.get("SecurityToken"), expires
        )
    except (KeyError, ValueError, TypeError):
        # What it holds is not shown: a secret may be among it.
        raise _refused(what, "the answer is not an access key") from None


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _refused(what: str, why: str, remedy: str = "") -> Exception:
    return errors.unauthenticated(errors.explain(what, why=why, remedy=remedy))
