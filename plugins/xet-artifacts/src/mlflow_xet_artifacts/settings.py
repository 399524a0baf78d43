"""Every setting of the plugin, with its environment name and its URI parameter."""

from __future__ import annotations

from typing import Any

from pydantic_settings import SettingsConfigDict

from mlflow_plugin_core.settings import PluginSettings, SecretStr, option


class XetSettings(PluginSettings):
    """Settings of both kinds of locations: URI parameter, environment, file, default."""

    model_config = SettingsConfigDict(env_prefix="MLFLOW_XET_")

    workers: int = option(
        8,
        help="Files that are transferred at once, and requests to the Hub.",
        parameter="workers",
        ge=1,
        le=64,
    )
    stall_timeout: float = option(
        120,
        help="Seconds without any progress after which a transfer is ended with an error.",
        parameter="stall_timeout",
        ge=1,
        le=86_400,
    )

    @classmethod
    def _from_file(cls) -> dict[str, Any]:
        # One file serves both kinds of locations: each leaves out what is only the other's.
        found = super(XetSettings, _AllSettings)._from_file()
        return {name: value for name, value in found.items() if name in cls.model_fields}


class XetFileSettings(XetSettings):
    """Further settings of `xet+file:` locations."""

    folders: str = option(
        "",
        help="Folders, separated by the path separator (`:`; `;` on Windows), in which a tracking "
        "server may open local stores that a location names.",
        parameter=None,
    )
    lock_timeout: float = option(
        600,
        help="Seconds to wait while other processes work in a local store.",
        parameter="lock_timeout",
        ge=0,
        le=86_400,
    )


class XetHubSettings(XetSettings):
    """Further settings of `xet:` locations."""

    endpoint: str = option(
        "https://huggingface.co",
        help="URL of the Hub; a location cannot name another.",
        environment="HF_ENDPOINT",
        pattern=r"^https?://[^/@?#]+(/[^?#]*)?$",
    )
    token: SecretStr | None = option(
        None,
        help="Access token for that Hub; without it the one that `hf auth login` stored.",
        environment="HF_TOKEN",
    )
    memory: int = option(
        256 << 20,
        help="Bytes that hf_xet may hold for one transfer, whatever the size of the files; more "
        "lets it send more blocks of 64 MiB at once.",
        parameter="memory",
        ge=128 << 20,
        le=4096 << 20,
    )
    commit_files: int = option(
        500,
        help="Files in one commit; a folder with more becomes several.",
        parameter="commit_files",
        ge=1,
        le=10_000,
    )
    commit_window: float = option(
        0.0,
        help="Seconds for which a commit waits for further files. 0: a file is visible as soon as "
        "the call returns. More: its content is on the Hub when the call returns, and visible "
        "after this time, or before this process reads, or at its end.",
        parameter="commit_window",
        ge=0,
        le=600,
    )
    timeout: float = option(
        60.0,
        help="Seconds without an answer from the Hub until a request is given up.",
        parameter="timeout",
        gt=0,
        le=3_600,
    )
    retry_timeout: float = option(
        300.0,
        help="Seconds during which a request that failed for a passing reason is made again; the "
        "Hub may ask for minutes when it limits the rate. 0 repeats nothing.",
        parameter="retry_timeout",
        ge=0,
        le=86_400,
    )
    create_repo: bool = option(
        default=False,
        help="Make a repository that is not there, as a private one; only branches otherwise.",
        parameter=None,
    )
    allowed_repos: str = option(
        "",
        help="Repositories (`owner/name`, `owner/*`), separated by commas, that a tracking server "
        "opens besides its own storage.",
        parameter=None,
    )


class _AllSettings(XetFileSettings, XetHubSettings):
    """What the settings file may hold."""
