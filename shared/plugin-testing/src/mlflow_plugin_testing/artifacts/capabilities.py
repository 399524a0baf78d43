"""What an artifact repository can be able to do, and the methods that each capability consists of."""

from __future__ import annotations

from mlflow_plugin_testing.capabilities import Capability, Facts
from mlflow_plugin_testing.support import Tier

__all__ = ["ArtifactCapability"]


class ArtifactCapability(Capability):
    """The capabilities of an artifact repository, in the order of their weight."""

    OPENING = Facts(Tier.BASE, "opened and used by MLflow", ("max_workers",))
    LOGGING = Facts(Tier.BASE, "logging files and folders", ("log_artifact", "log_artifacts"))
    LISTING = Facts(Tier.BASE, "listing", ("list_artifacts",), undeclared=("_is_directory",))
    DOWNLOADS = Facts(
        Tier.BASE, "downloads", ("download_artifacts",), undeclared=("_download_file",)
    )
    SAFE_PATHS = Facts(Tier.BASE, "paths that stay inside")
    NAMES = Facts(Tier.EXTENDED, "names of files as they are")
    DELETION = Facts(Tier.EXTENDED, "deletion", ("delete_artifacts",))
    TRACE_DATA = Facts(
        Tier.EXTENDED,
        "data of traces",
        ("download_trace_data", "download_trace_data_to_file", "upload_trace_data"),
    )
    ASYNC_LOGGING = Facts(
        Tier.EXTENDED,
        "asynchronous logging",
        ("flush_async_logging",),
        undeclared=("_log_artifact_async",),
    )
    CONCURRENCY = Facts(Tier.EXTENDED, "many threads and instances at once")
    SECRETS = Facts(Tier.EXTENDED, "secrets that stay secret")
    MEMORY = Facts(Tier.EXTENDED, "large files that are not held in memory")
    TRACE_ATTACHMENTS = Facts(
        Tier.FULL,
        "attachments of traces",
        ("download_trace_attachment", "download_trace_attachment_to_file", "upload_attachment"),
        since="3.11",
    )
    ARCHIVED_TRACES = Facts(
        Tier.FULL,
        "archived traces",
        (
            "download_archived_trace_data",
            "upload_archived_trace_data",
            "upload_archived_trace_data_bytes",
        ),
        since="3.13",
    )
    LOCAL_PATHS = Facts(Tier.FULL, "local paths for the server", ("get_local_path",), since="3.14")
    WHOLE_OR_NOT = Facts(Tier.FULL, "files that are there whole or not at all")
    SIDE_DOOR = Facts(Tier.FULL, "bytes seen by other means than the plugin")
    MULTIPART_UPLOAD = Facts(
        Tier.REFERENCE,
        "uploads in parts",
        undeclared=(
            "abort_multipart_upload",
            "complete_multipart_upload",
            "create_multipart_upload",
        ),
    )
    PRESIGNED_DOWNLOAD = Facts(
        Tier.REFERENCE,
        "downloads by presigned URL",
        undeclared=("get_download_presigned_url",),
        since="3.11",
    )
    PRESIGNED_UPLOAD = Facts(
        Tier.REFERENCE,
        "uploads by presigned URL",
        undeclared=("create_presigned_upload_url",),
        since="3.12",
    )
    STREAM_UPLOAD = Facts(
        Tier.REFERENCE,
        "uploads from a stream",
        undeclared=("log_artifact_from_async_stream", "log_artifact_from_stream"),
        since="3.17",
    )
    EVERY_MLFLOW = Facts(Tier.REFERENCE, "made as each MLflow since 2.16 makes it")
