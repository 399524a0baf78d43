"""From a location on the Hub to a store: parse, check, find the token. Opens no connection."""

from __future__ import annotations

import logging

from mlflow_plugin_core import notices
from mlflow_xet_artifacts import hub_location, hub_policy
from mlflow_xet_artifacts.client_hub import HubClient
from mlflow_xet_artifacts.hub_bucket import BucketStore
from mlflow_xet_artifacts.hub_store import HubStore
from mlflow_xet_artifacts.settings import XetHubSettings

_logger = logging.getLogger(__name__)


def open_store(artifact_uri: str) -> HubStore:
    """Return the store of an artifact location.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for a location or a setting that cannot be used,
            and in a server process for a repository that its operator did not allow.
    """
    place = hub_location.parse(artifact_uri)
    notices.warn_of_rivals("mlflow.artifact_repository", hub_location.SCHEME, _logger)
    settings = XetHubSettings.load(place.query, location=artifact_uri)
    hub_policy.check(place, settings)
    client = HubClient(place, settings)
    return BucketStore(client) if place.is_bucket else HubStore(client)
