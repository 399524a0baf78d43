"""From a location to a store: parse, check, find the credentials. Opens no connection."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from mlflow_plugin_core import host_policy, notices, uris
from mlflow_sqlserver_artifacts import credentials, location, options
from mlflow_sqlserver_artifacts.client import Target, engine_for
from mlflow_sqlserver_artifacts.settings import SqlSettings
from mlflow_sqlserver_artifacts.store import SqlBlobStore

if TYPE_CHECKING:
    from mlflow_sqlserver_artifacts.location import SqlLocation

_logger = logging.getLogger(__name__)


def open_store(artifact_uri: str) -> SqlBlobStore:
    """Return the store of an artifact location.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for a location, an option or a setting that cannot
            be used, and in a server process for a host or folder that its operator did not allow.
    """
    place = location.parse(artifact_uri)
    notices.warn_of_rivals("mlflow.artifact_repository", place.dialect, _logger)
    in_server = host_policy.in_server_process()
    own = [info.uri_parameter for info in SqlSettings.describe() if info.uri_parameter]
    parameters, driver_options = options.split_options(place, own, in_server=in_server)
    settings = SqlSettings.load(parameters, location=artifact_uri)
    if in_server:
        _check_policy(place, settings)
    target = Target(place, settings, credentials.find(place, settings), driver_options)
    engine_for(target)  # a missing driver speaks now, in one sentence
    return SqlBlobStore(target)


def _check_policy(place: SqlLocation, settings: SqlSettings) -> None:
    if place.host is None:
        host_policy.check_folder(
            place.database,
            setting="MLFLOW_SQLSERVER_SQLITE_FOLDERS",
            allowed=[
                *filter(None, settings.sqlite_folders.split(os.pathsep)),
                *_own_sqlite_files(),
            ],
        )
    else:
        host_policy.check_host(
            uris.parse(place.uri),
            default_port=location.DEFAULT_PORTS[place.dialect],
        )


def _own_sqlite_files() -> list[str]:
    """Return the databases that the server was started with as its own artifact storage."""
    return [
        location.parse(uri).database
        for uri in host_policy.server_locations()
        if uri.startswith("sqlite")
    ]
