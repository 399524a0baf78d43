"""`mlflow-s3-artifacts`: what an operator needs beside MLflow's own commands."""

from __future__ import annotations

import click

from mlflow_plugin_core import command_line
from mlflow_plugin_core.checks import Subject
from mlflow_s3_artifacts.__about__ import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Look after MLflow artifacts on S3-compatible services."""


SUBJECT = Subject(
    distribution="mlflow-s3-artifacts",
    opening="mlflow_s3_artifacts.opening:open_store",
    repository="mlflow_s3_artifacts.repository:S3ArtifactsRepository",
    objects=True,
    rights={
        "list": "s3:ListBucket",
        "write": "s3:PutObject",
        "read": "s3:GetObject",
        "delete": "s3:DeleteObject",
        "parts": "s3:PutObject, s3:ListMultipartUploadParts and s3:AbortMultipartUpload",
    },
)
command_line.add_to(cli, SUBJECT)


def main() -> None:
    """Run the command line; errors are one sentence and exit code 1."""
    command_line.run(cli)


if __name__ == "__main__":
    main()
