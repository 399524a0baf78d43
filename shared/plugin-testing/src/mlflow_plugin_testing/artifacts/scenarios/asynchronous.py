"""Logging in the background, which MLflow does for images."""

from __future__ import annotations

from typing import Any

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.catalogue import scenario


@scenario(ArtifactCapability.ASYNC_LOGGING)
def an_image_logged_in_the_background_is_there_after_a_flush(repository: Any) -> None:
    repository.log_images_in_the_background(["a.png", "b.png"], "images")
    repository.list_artifacts("images")
    repository.download_artifacts("images")
    repository.stored()
