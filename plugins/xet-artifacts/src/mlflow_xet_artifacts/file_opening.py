"""From a `xet+file:` location to a store: parse, check what a server may open. Opens no file."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors, host_policy, notices
from mlflow_xet_artifacts import file_location
from mlflow_xet_artifacts.file_database import FileDatabase
from mlflow_xet_artifacts.file_store import XetFileStore
from mlflow_xet_artifacts.settings import XetFileSettings

_logger = logging.getLogger(__name__)


def open_store(artifact_uri: str) -> XetFileStore:
    """Return the store of an artifact location such as `xet+file:///srv/artifacts.xet`.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for a location, an option or a setting that cannot
            be used, on Windows, and in a server process for a folder that its operator did not
            allow.
    """
    if os.name == "nt":  # no flock, which is what the processes take turns by
        message = errors.explain(
            "Local Xet stores do not work on Windows",
            location=artifact_uri,
            remedy="use the Hub (xet://owner/repo/branch), or a tracking server on Linux or macOS "
            "that holds the store",
        )
        raise errors.invalid_parameter(message)
    notices.warn_of_rivals("mlflow.artifact_repository", file_location.SCHEME, _logger)
    place = file_location.parse(artifact_uri, is_store=_is_store)
    settings = XetFileSettings.load(dict(place.query), location=artifact_uri)
    named = [each for each in settings.folders.split(os.pathsep) if each]
    host_policy.check_folder(
        place.folder, setting="MLFLOW_XET_FOLDERS", allowed=[*named, *_own_folders()]
    )
    return XetFileStore(FileDatabase(Path(place.folder), settings), place.root)


def _is_store(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, file_location.INDEX_NAME))  # noqa: PTH110, PTH118


def _own_folders() -> list[str]:
    found = []
    for uri in host_policy.server_locations():
        if uri.lower().startswith(f"{file_location.SCHEME}:"):
            # One that cannot be read says so where it is used, and allows nothing here.
            with suppress(MlflowException):
                found.append(file_location.absolute_path(uri))
                found.append(file_location.parse(uri, is_store=_is_store).folder)
    return found
