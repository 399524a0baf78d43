"""From a location to a store: parse, check, find the credentials. Opens no connection."""

from __future__ import annotations

import logging

from mlflow_plugin_core import host_policy, notices
from mlflow_sqlserver_artifacts import credentials, location, options, policy, sign_in
from mlflow_sqlserver_artifacts.client import Target, engine_for
from mlflow_sqlserver_artifacts.settings import SqlSettings
from mlflow_sqlserver_artifacts.store import SqlBlobStore

_logger = logging.getLogger(__name__)


def open_store(artifact_uri: str) -> SqlBlobStore:
    """Return the store of an artifact location.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for a location, an option or a setting that cannot
            be used, and in a server process for one that its operator did not allow.
    """
    place = location.parse(artifact_uri)
    notices.warn_of_rivals("mlflow.artifact_repository", place.dialect, _logger)
    is_foreign = host_policy.in_server_process() and not policy.is_own(place)
    own = [info.uri_parameter for info in SqlSettings.describe() if info.uri_parameter]
    # The operator's own location may name files of the server's machine; no other one may.
    parameters, driver_options = options.split_options(place, own, in_server=is_foreign)
    settings = SqlSettings.load(parameters, location=artifact_uri)
    if is_foreign:
        policy.check(place, settings)
    found = credentials.find(place, settings)
    sign_in.check(place, settings, found, driver_options)
    target = Target(place, settings, found, driver_options)
    engine_for(target)  # a missing driver speaks now, in one sentence
    return SqlBlobStore(target)
