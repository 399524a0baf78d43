"""Every setting of the plugin, with its environment name and its URI parameter."""

from __future__ import annotations

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
    network_folders: bool = option(
        default=False,
        help="Keep local stores on network file systems too, where one machine alone uses them: two "
        "would destroy the index.",
        parameter=None,
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
