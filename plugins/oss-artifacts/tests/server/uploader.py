"""A process that logs one file, for tests that kill it: python uploader.py LOCATION FILE."""

from __future__ import annotations

import sys

from mlflow_oss_artifacts.repository import OssArtifactsRepository

OssArtifactsRepository(sys.argv[1]).log_artifact(sys.argv[2])
