"""`mlflow-oss-artifacts`: what an operator needs beside MLflow's own commands."""

from __future__ import annotations

import click

from mlflow_oss_artifacts.__about__ import __version__
from mlflow_plugin_core import command_line
from mlflow_plugin_core.checks import Subject


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Look after MLflow artifacts in Alibaba Cloud OSS."""


SUBJECT = Subject(
    distribution="mlflow-oss-artifacts",
    opening="mlflow_oss_artifacts.opening:open_store",
    repository="mlflow_oss_artifacts.repository:OssArtifactsRepository",
    objects=True,
)
command_line.add_to(cli, SUBJECT)


def main() -> None:
    """Run the command line; errors are one sentence and exit code 1."""
    command_line.run(cli)


if __name__ == "__main__":
    main()
