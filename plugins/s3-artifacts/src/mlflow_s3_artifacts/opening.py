"""From a location to a store: parse, check, find out as whom. Opens no connection."""

from __future__ import annotations

import logging

from mlflow_plugin_core import errors, host_policy, notices
from mlflow_s3_artifacts import location, policy
from mlflow_s3_artifacts.settings import S3Settings
from mlflow_s3_artifacts.store import S3Store
from mlflow_s3_artifacts.target import Target

_logger = logging.getLogger(__name__)


def open_store(artifact_uri: str) -> S3Store:
    """Return the store of an artifact location.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for a location, an option or a setting that cannot
            be used, and in a server process for one that its operator did not allow.
    """
    place = location.parse(artifact_uri)
    notices.warn_of_rivals("mlflow.artifact_repository", place.scheme, _logger)
    settings = S3Settings.load(place.query, location=artifact_uri)
    ambient = True
    if host_policy.in_server_process() and not policy.is_own(place):
        policy.check(place, settings)
        ambient = policy.may_use_ambient_credentials(place)
    if place.access_key is not None:
        notices.warn_once(
            f"s3-artifacts:keys:{place.endpoint}",
            f"The artifact location {artifact_uri} holds a secret key, which MLflow stores and "
            "shows. Better name a profile by ?profile=, or let boto3 find the credentials.",
            _logger,
        )
    if place.is_amazon and place.scheme == "s3+http":
        notices.warn_once(
            f"s3-artifacts:plain:{place.endpoint}",
            f"The artifact location {artifact_uri} is on Amazon S3 without TLS: everybody on the "
            "way can read the artifacts, and a session token. Use s3+https.",
            _logger,
        )
    target = Target(place, settings, ambient=ambient)
    _check(target)
    return S3Store(target)


def _check(target: Target) -> None:
    own, place = target.settings, target.location
    why = remedy = ""
    if own.sse == "customer":
        why, remedy = _check_customer_key(target)
    elif own.sse_customer_key is not None and own.source_of("sse_customer_key") == "URI parameter":
        why, remedy = "sse_customer_key is given without sse=customer", "add sse=customer"
    if own.sse_kms_key_id and own.sse not in {"aws:kms", "aws:kms:dsse"}:
        why, remedy = "sse_kms_key_id is given without sse=aws:kms", "add sse=aws:kms"
    if own.addressing == "virtual" and not place.fits_host_name:
        why = f"the bucket {place.bucket!r} cannot stand before the host {place.host!r}"
        remedy = "use addressing=path"
    if place.access_key and own.profile and own.source_of("profile") == "URI parameter":
        why, remedy = "it has keys and a profile", "leave one of them out"
    has_own = place.access_key or place.query.get("profile") or own.anonymous
    if not target.ambient and not has_own:
        why = "the server's own credentials are not for its host"
        remedy = "name a profile that the operator allowed, or put keys into the location"
        if place.is_amazon and place.scheme == "s3+http":
            remedy = "use s3+https"
    if why:
        message = errors.explain(
            "This artifact location cannot be used", location=place.uri, why=why, remedy=remedy
        )
        raise errors.invalid_parameter(message)


def _check_customer_key(target: Target) -> tuple[str, str]:
    place = target.location
    if place.scheme == "s3+http":
        why = "sse=customer sends the key along, and this connection is not encrypted"
        return why, "use s3+https"
    if not policy.may_have_customer_key(place, target.settings):
        host, port = place.server
        why = "the customer's encryption key, which sse=customer sends along, is not for its host"
        remedy = (
            "if the host may have the key, set where MLflow runs: "
            f"MLFLOW_S3_ARTIFACTS_SSE_CUSTOMER_HOSTS={host}:{port}"
        )
        return why, remedy
    target.customer_key()  # a key that is not there speaks now
    return "", ""


__all__ = ["open_store"]
