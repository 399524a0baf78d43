"""Every setting of the plugin, with its environment name and its URI parameter."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from mlflow_plugin_core.settings import PluginSettings, option


class S3ArtifactsSettings(PluginSettings):
    """Settings of mlflow-s3-artifacts."""

    model_config = SettingsConfigDict(env_prefix="MLFLOW_S3_ARTIFACTS_")

    workers: int = option(4, help="Transfers at once.", parameter="workers", ge=1, le=64)
    folders: str = option(
        "",
        help="Folders, separated by the path separator (`:`; `;` on Windows), that a tracking "
        "server may open where a location names them.",
    )
