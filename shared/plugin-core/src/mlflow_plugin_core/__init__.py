"""The one run-time library under the MLflow plugin collection; every module stands alone.

    settings         options from URI, environment, file and default, each with its source
    errors           MLflow's exceptions with the right error code, cause kept, secrets left out
    uris             locations: parse, redact
    artifact_paths   MLflow's rules for artifact paths
    local_files      atomic local writes, walks of local folders
    blob_store       the verbs of an artifact service
    artifacts        the `ArtifactRepository` on top of those verbs
    stream_uploads   uploads from streams, for `mlflow server --serve-artifacts`
    transfer         bounded parallel work, batches
    retries          repeats of what is safe to repeat
    copying          copies of all artifacts from one location to another
    host_policy      what a tracking server may connect to and open
    notices          warnings that are said once

Nothing is imported here: MLflow loads every plugin at start.
"""

from __future__ import annotations

from mlflow_plugin_core.__about__ import __version__

__all__ = ["__version__"]
