"""From a location to a store: parse, check, find endpoint and credentials. Opens no connection."""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from mlflow_oss_artifacts import credentials, endpoints, location, policy
from mlflow_oss_artifacts.base import Target
from mlflow_oss_artifacts.settings import OssSettings
from mlflow_oss_artifacts.transport import Transport, TransportOptions
from mlflow_plugin_core import errors, host_policy, notices

if TYPE_CHECKING:
    from mlflow_oss_artifacts.base import OssClient
    from mlflow_oss_artifacts.location import OssLocation
    from mlflow_plugin_core.objects.store import ObjectStore

_logger = logging.getLogger(__name__)

# Clients that are kept; beyond, the one that was not used for the longest time is made anew.
_KEPT = 64
_lock = threading.Lock()
_clients: OrderedDict[tuple[object, ...], OssClient] = OrderedDict()


class Opened(NamedTuple):
    """A location with all that was found for it."""

    place: OssLocation
    settings: OssSettings
    target: Target


def prepare(artifact_uri: str) -> Opened:
    """Read a location and what belongs to it.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for a location or a setting that cannot be used,
            and in a server process for one that its operator did not allow.
    """
    place = location.parse(artifact_uri)
    notices.warn_of_rivals("mlflow.artifact_repository", "oss", _logger)
    settings = OssSettings.load(place.query, location=artifact_uri)
    if host_policy.in_server_process():
        policy.check(place, settings)
    endpoint = endpoints.find(place, settings)
    signature = settings.signature
    if signature == "auto":
        signature = "v4" if endpoint.region else "v1"
    elif signature == "v4" and not endpoint.region:
        message = errors.explain(
            "Version 4 of the signature needs the bucket's region",
            location=artifact_uri,
            why=f"the name {endpoint.host!r} does not tell it",
            remedy="set MLFLOW_OSS_REGION, or add ?region=cn-hangzhou to the location",
        )
        raise errors.invalid_parameter(message)
    options = TransportOptions(
        workers=settings.workers,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        ca_file=settings.ca_file,
        proxy=settings.proxy,
    )
    target = Target(
        bucket=place.bucket,
        endpoint=endpoint,
        public_endpoint=endpoints.find_public(place, settings, endpoint),
        signature=signature,
        sdk=settings.sdk,
        options=options,
        provider=credentials.find(place, settings, endpoint),
    )
    return Opened(place, settings, target)


def open_store(artifact_uri: str) -> ObjectStore:
    """Return the store of an artifact location.

    Raises:
        MlflowException: As `prepare` does; also where the chosen SDK is not installed.
    """
    from mlflow_plugin_core.objects.store import ObjectStore

    place, settings, target = prepare(artifact_uri)
    return ObjectStore(client_for(target), settings, root=place.root, location=artifact_uri)


def client_for(target: Target) -> OssClient:
    """Return this process's client for a target: MLflow makes a repository for every call."""
    identity = target.identity
    with _lock:
        client = _clients.get(identity)
        if client is None:
            client = _clients[identity] = _made(target)
            if len(_clients) > _KEPT:
                _clients.popitem(last=False)
        _clients.move_to_end(identity)
        return client


def forget_clients() -> None:
    """Drop all clients, and with them their connections."""
    with _lock:
        _clients.clear()


def _made(target: Target) -> OssClient:
    try:
        transport = Transport(target.endpoint.url, target.options)
    except OSError as error:
        message = errors.explain(
            "MLFLOW_OSS_CA_FILE cannot be used",
            location=target.options.ca_file or "",
            why=error.strerror or error,
        )
        raise errors.invalid_parameter(message, cause=error) from error
    try:
        if target.sdk == "oss2":
            from mlflow_oss_artifacts.client_oss2 import Oss2Client

            return Oss2Client(target, transport)
    except ImportError as error:
        message = errors.explain(
            "MLFLOW_OSS_SDK is oss2, which is not installed",
            why=error,
            remedy="pip install 'mlflow-oss-artifacts[oss2]', or unset MLFLOW_OSS_SDK",
        )
        raise errors.invalid_parameter(message, cause=error) from error
    from mlflow_oss_artifacts.client import Client

    return Client(target, transport)


def _after_fork() -> None:
    """Begin anew in a child: two processes must not share connections, nor a lock that was held."""
    global _lock  # noqa: PLW0603  # the old one may be held by a thread that is not in the child
    _lock = threading.Lock()
    _clients.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
