"""Who sends a request: signatures, tokens and clocks, refused in the words of OSS."""

from __future__ import annotations

import datetime as dt
import email.utils
import hmac
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlflow_plugin_servers.oss_errors import OssError
from mlflow_plugin_servers.oss_signature import (
    ALGORITHM_V4,
    Scope,
    canonical_v4,
    signature_v1,
    signature_v4,
    text_v1,
)

if TYPE_CHECKING:
    from mlflow_plugin_servers.oss_http import Request

__all__ = ["Gate", "Key"]

# Both from Alibaba's documentation.
_SKEW = 15 * 60
_LONGEST_V4 = 7 * 24 * 3600


@dataclass(frozen=True)
class Key:
    """An access key.

    Attributes:
        key_id: Its id.
        secret: Its secret.
        token: The security token of a temporary one; empty for one of a user.
        expires: Second since 1970 at which a temporary one ends.
    """

    key_id: str
    secret: str
    token: str = ""
    expires: float = 0.0


@dataclass(frozen=True)
class _Claim:
    """What a request says about itself."""

    key_id: str
    signature: str
    token: str
    date: str
    scope: Scope | None = None
    additional: tuple[str, ...] = ()
    presigned: bool = False
    lifetime: str = ""


class Gate:
    """Knows the keys.

    Attributes:
        keys: Keys by their id.
        offset: Seconds that the server's clock is ahead of the machine's.
    """

    def __init__(self, region: str, *keys: Key) -> None:
        """Begin with some keys.

        Args:
            region: The region that version 4 must be signed for.
            keys: Access keys.
        """
        self.keys = {key.key_id: key for key in keys}
        self.offset = 0.0
        self._region = region

    def now(self) -> float:
        """Tell the server's time, in seconds since 1970."""
        return time.time() + self.offset

    def check(self, request: Request) -> None:
        """Let a request pass.

        Args:
            request: The request.

        Raises:
            OssError: It may not.
        """
        claim = _claim(request)
        if claim is None:
            message = "You have no right to access this object because of bucket acl."
            raise OssError(403, "AccessDenied", message, "0003-00000001")
        key = self._key(claim)
        if claim.scope:
            self._check_scope(claim.scope)
        self._check_time(claim)
        wanted, signed = _signature(request, claim, key)
        if not hmac.compare_digest(wanted.encode(), claim.signature.encode()):
            raise _mismatch(claim, signed)

    def _key(self, claim: _Claim) -> Key:
        key = self.keys.get(claim.key_id)
        fields = {"OSSAccessKeyId": claim.key_id}
        if key is None or (claim.token and not key.token):
            message = "The OSS Access Key Id you provided does not exist in our records."
            # Documented: 02 when a token came along, 902 when none did.
            ec = "0002-00000002" if claim.token else "0002-00000902"
            raise OssError(403, "InvalidAccessKeyId", message, ec, fields=fields)
        if key.token and not claim.token:
            message = (
                "The OSS Access Key Id you provided does not exist in our records. "
                "The Security Token may be lost to specify that it is a STS Access Id."
            )
            raise OssError(403, "InvalidAccessKeyId", message, "0002-00000003", fields=fields)
        if claim.token != key.token:
            message = "The security token you provided is invalid."
            raise OssError(403, "InvalidSecurityToken", message, "0002-00000006", fields=fields)
        if key.token and key.expires <= self.now():
            message = "The security token you provided has expired."
            fields = {"SecurityToken": claim.token}
            raise OssError(403, "SecurityTokenExpired", message, "0002-00000007", fields=fields)
        return key

    def _check_scope(self, scope: Scope) -> None:
        for name, given, own, ec in (
            ("region", scope.region, self._region, "0002-00000226"),
            ("product", scope.product, "oss", "0002-00000227"),
        ):
            if given != own:
                message = f"Invalid signing {name} in Authorization header."
                raise OssError(400, "InvalidArgument", message, ec)

    def _check_time(self, claim: _Claim) -> None:
        signed = _moment(claim.date)
        if claim.presigned:
            lifetime = int(claim.lifetime) if claim.lifetime.isdigit() else 0
            if claim.scope and not 0 < lifetime <= _LONGEST_V4:
                message = "The value of x-oss-expires must be between 1 and 604800 seconds."
                raise OssError(400, "AuthorizationQueryParametersError", message)
            end = (signed or 0.0) + lifetime
            if end < self.now():
                fields = {"Expires": _iso(end), "ServerTime": _iso(self.now())}
                raise OssError(403, "AccessDenied", "Request has expired.", fields=fields)
        elif signed is None:
            message = "OSS authentication requires a valid Date."
            raise OssError(403, "AccessDenied", message, "0002-00000503")
        elif abs(self.now() - signed) > _SKEW:
            message = "The difference between the request time and the current time is too large."
            fields = {"RequestTime": _iso(signed), "ServerTime": _iso(self.now())}
            raise OssError(403, "RequestTimeTooSkewed", message, "0002-00000504", fields=fields)


def _claim(request: Request) -> _Claim | None:
    """Read who a request says it is from, in whichever of the four forms; None for nobody."""
    headers = request.headers
    given = headers.get("authorization", "")
    # The newer client sends its token in the second header when it signs by version 1.
    token = headers.get("x-oss-security-token", "") or headers.get("security-token", "")
    date = headers.get("x-oss-date", "") or headers.get("date", "")
    if given.startswith(ALGORITHM_V4):
        facts = dict(re.findall(r"(\w+)=([^,\s]+)", given))
        return _claim_v4(facts, date, token)
    if given.startswith("OSS "):
        key_id, _, signature = given[4:].strip().rpartition(":")
        return _Claim(key_id, signature, token, date)
    if given:
        message = "Authorization header is invalid."
        raise OssError(400, "InvalidArgument", message)
    if "x-oss-signature" in request:
        facts = {
            "Credential": request.get("x-oss-credential"),
            "Signature": request.get("x-oss-signature"),
            "AdditionalHeaders": request.get("x-oss-additional-headers"),
        }
        lifetime = request.get("x-oss-expires")
        token = request.get("x-oss-security-token")
        return _claim_v4(facts, request.get("x-oss-date"), token, lifetime)
    if "Signature" in request:
        key_id, signature = request.get("OSSAccessKeyId"), request.get("Signature")
        token, date = request.get("security-token"), request.get("Expires")
        return _Claim(key_id, signature, token, date, presigned=True)
    return None


def _claim_v4(facts: dict[str, str], date: str, token: str, lifetime: str | None = None) -> _Claim:
    try:
        key_id, day, region, product, _ = facts.get("Credential", "").split("/")
    except ValueError:
        message = "The Credential in the Authorization header is invalid."
        raise OssError(400, "InvalidArgument", message) from None
    scope = Scope(day, region, product)
    extra = tuple(name for name in facts.get("AdditionalHeaders", "").split(";") if name)
    signature = facts.get("Signature", "")
    presigned = lifetime is not None
    return _Claim(key_id, signature, token, date, scope, extra, presigned, lifetime or "")


def _signature(request: Request, claim: _Claim, key: Key) -> tuple[str, bytes]:
    resource = f"/{request.bucket}/{request.key}" if request.bucket else "/"
    if claim.scope is None:
        text = text_v1(request.method, resource, request.query, request.headers, claim.date)
        return signature_v1(key.secret, text), text
    query = [pair for pair in request.query if pair[0] != "x-oss-signature"]
    text = canonical_v4(request.method, resource, query, request.headers, claim.additional)
    return signature_v4(key.secret, claim.scope, claim.date, text), text


def _mismatch(claim: _Claim, signed: bytes) -> OssError:
    message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method."
    )
    fields = {
        "OSSAccessKeyId": claim.key_id,
        "SignatureProvided": claim.signature,
        "StringToSign": signed.decode("utf-8", "replace"),
        "StringToSignBytes": signed.hex(" ").upper(),
    }
    return OssError(403, "SignatureDoesNotMatch", message, "0002-00000040", fields=fields)


def _moment(text: str) -> float | None:
    """Read a date of HTTP, of version 4, or a number of seconds."""
    if text.isdigit():
        return float(text)
    try:
        if text.endswith("Z"):
            return dt.datetime.strptime(f"{text}+0000", "%Y%m%dT%H%M%SZ%z").timestamp()
        return email.utils.parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None


def _iso(seconds: float) -> str:
    moment = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
