"""Connections: one boto3 client for each process and target, and the fast client beside it.

MLflow builds a repository for each call, so clients live here, outside of it. A forked child must
not speak on its parent's sockets: it finds no connection and makes one.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core import errors
from mlflow_s3_artifacts.__about__ import __version__

if TYPE_CHECKING:
    from boto3.session import Session

    from mlflow_s3_artifacts.client_fast import FastClient
    from mlflow_s3_artifacts.target import Target

_DEFAULT_REGION = "us-east-1"

# Where botocore found credentials (their `method`) that are the machine's, and no profile's.
_AMBIENT = frozenset({"boto-config", "container-role", "ec2-credentials-file", "env", "iam-role"})

_connections: dict[tuple[object, ...], Connection] = {}
# Of the dictionaries, held for a moment; each connection has one of its own, for credentials can
# take long, and other locations must not wait for them.
_lock = threading.Lock()
_locks: dict[tuple[object, ...], threading.Lock] = {}


class Connection:
    """What speaks to one bucket: boto3's client, its credentials, and the fast client.

    Attributes:
        client: boto3's; thread-safe.
        credentials: botocore's, which renew themselves where they can; None when anonymous.
        region: That requests are signed for.
        bucket_seen: Whether the bucket was found to be there.
        hides_md5: Whether ETags of this bucket were found to be no MD5.
        fast_failures: How often in a row the fast client got no answer.
    """

    def __init__(self, target: Target) -> None:
        session = _session(target)
        own = target.settings
        self.region = own.region or target.location.region or session.region_name or _DEFAULT_REGION
        self.credentials = None if own.anonymous else session.get_credentials()
        if not target.ambient:
            _refuse_ambient(self.credentials, target)
        self.client: Any = _client(session, target, self.region)
        self.bucket_seen = False
        self.hides_md5 = target.hides_md5
        self.fast_failures = 0
        self._identity = self._frozen()
        self._fast: FastClient | None = None
        self._fast_is_known = False

    def fast(self, target: Target) -> FastClient | None:
        """Return the fast client, or None where it cannot be used."""
        if not self._fast_is_known:
            from mlflow_s3_artifacts import client_fast

            self._fast = client_fast.make(target, self.credentials, self.region)
            self._fast_is_known = True
        return self._fast

    def give_up_fast(self) -> None:
        """Use boto3 alone from here on."""
        self._fast, self._fast_is_known = None, True

    @property
    def has_token(self) -> bool:
        """Whether requests carry a session token; credentials that renew may get one."""
        return bool(getattr(self._frozen(), "token", None))

    def has_other_keys_than(self, other: Connection) -> bool:
        """Tell whether this connection was given other keys."""
        return self._identity != other._identity

    def _frozen(self) -> object:
        return self.credentials.get_frozen_credentials() if self.credentials else None


def connection_for(target: Target) -> Connection:
    """Return the process's connection for a target; sends no request to the bucket yet.

    Raises:
        botocore.exceptions.BotoCoreError: The profile is not there, or no credentials can be had.
    """
    key = target.key()
    found = _connections.get(key)
    if found is None:
        with _lock_of(key):
            found = _connections.get(key)
            if found is None:
                found = _connections[key] = Connection(target)
    return found


def renew(target: Target, expired: Connection) -> Connection | None:
    """Look for credentials anew after the service called them expired; None where none are new."""
    key = target.key()
    with _lock_of(key):
        current = _connections.get(key)
        if current is None or current is expired:
            current = Connection(target)
            if not current.has_other_keys_than(expired):
                return None
            _connections[key] = current
        return current if current.has_other_keys_than(expired) else None


def forget_connections() -> None:
    """Begin anew with the next request: credentials and files are read again."""
    with _lock:
        _connections.clear()


def _lock_of(key: tuple[object, ...]) -> threading.Lock:
    with _lock:
        return _locks.setdefault(key, threading.Lock())


def _drop_inherited() -> None:
    global _lock  # noqa: PLW0603  # another thread of the parent may have held it at the fork
    _lock = threading.Lock()
    _locks.clear()
    _connections.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_inherited)


def _refuse_ambient(credentials: Any, target: Target) -> None:  # noqa: ANN401
    """Refuse the machine's credentials; botocore takes them for a profile that has none."""
    if getattr(credentials, "method", "") in _AMBIENT:
        message = errors.explain(
            "This artifact location cannot be used",
            location=target.location.uri,
            why=f"the profile {target.settings.profile!r} has no credentials of its own, and the "
            "server's own are not for this host",
            remedy="the operator can write keys or a role into that profile",
        )
        raise errors.invalid_parameter(message)


def _session(target: Target) -> Session:
    import boto3

    place = target.location
    return boto3.Session(
        aws_access_key_id=place.access_key,
        aws_secret_access_key=place.secret_key,
        profile_name=target.settings.profile,
    )


def _client(session: Session, target: Target, region: str) -> Any:  # noqa: ANN401  # boto3's are made at run time
    from botocore import UNSIGNED
    from botocore.config import Config

    own = target.settings
    client = session.client(
        "s3",
        region_name=region,
        endpoint_url=target.location.endpoint,
        verify=(own.ca_bundle or None) if own.verify_tls else False,
        config=Config(
            signature_version=UNSIGNED if own.anonymous else "s3v4",
            connect_timeout=own.connect_timeout,
            read_timeout=own.read_timeout,
            # The store repeats requests: it knows which parts are safe, and for how long.
            retries={"total_max_attempts": 1},
            max_pool_connections=own.workers + 4,
            s3={"addressing_style": "virtual" if target.is_virtual else "path"},
            request_checksum_calculation=own.checksum,
            response_checksum_validation=own.checksum,
            tcp_keepalive=True,
            user_agent_extra=f"mlflow-s3-artifacts/{__version__}",
        ),
    )
    client.meta.events.register_last("before-parameter-build.s3", _follow_no_redirect)
    if own.checksum == "when_required":
        client.meta.events.register("before-call.s3.DeleteObjects", _send_md5)
    return client


def _follow_no_redirect(context: dict[str, Any], **_: object) -> None:
    """Keep to the endpoint that the user chose.

    boto3 would look for the bucket's region and go there. A host that is not Amazon's and answers
    that question with a redirect too has it ask for ever (RecursionError).
    """
    context.setdefault("s3_redirect", {})["redirected"] = True


def _send_md5(params: dict[str, Any], **_: object) -> None:
    """Send Content-MD5 with a batch delete, where boto3 would send the CRC-32 that some refuse."""
    from mlflow_s3_artifacts.digests import content_md5

    params["headers"]["Content-MD5"] = content_md5(params["body"])
    params.get("context", {}).get("checksum", {}).pop("request_algorithm", None)


__all__ = ["Connection", "connection_for", "forget_connections", "renew"]
