"""Every setting of the plugin, with its environment name and its URI parameter."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from mlflow_plugin_core.settings import PluginSettings, option


class XetFileSettings(PluginSettings):
    """Settings of `xet+file:` locations: URI parameter, environment, file, default."""

    model_config = SettingsConfigDict(env_prefix="MLFLOW_XET_")

    folders: str = option(
        "",
        help="Folders, separated by the path separator (`:`; `;` on Windows), in which a tracking "
        "server may open stores that a location names.",
        parameter=None,
    )
    workers: int = option(
        4,
        help="Files that are transferred at once.",
        parameter="workers",
        ge=1,
        le=64,
    )
    lock_timeout: float = option(
        600,
        help="Seconds to wait while other processes work in the store.",
        parameter="lock_timeout",
        ge=0,
        le=86_400,
    )
    stall_timeout: float = option(
        120,
        help="Seconds without any progress after which a transfer is ended with an error.",
        parameter="stall_timeout",
        ge=1,
        le=86_400,
    )
