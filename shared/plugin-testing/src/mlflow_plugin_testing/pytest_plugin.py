"""The part of this kit that pytest loads: its options, and what is checked without a test file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlflow_plugin_testing.reporting import Reporter

__all__: list[str] = []

_CHECKS = Path(__file__).with_name("checks") / "test_plugin.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("mlflow-plugin", "conformance of MLflow plugins")
    add = group.addoption
    add(
        "--mlflow-plugin",
        action="append",
        default=[],
        metavar="DISTRIBUTION",
        help="check what an installed distribution declares to MLflow; no test file is needed",
    )
    add(
        "--mlflow-plugin-uri",
        action="append",
        default=[],
        metavar="URI",
        help="where stores and artifact repositories are checked: by its scheme a URI belongs to a plugin",
    )
    add(
        "--mlflow-plugin-kind",
        action="append",
        default=[],
        metavar="KIND",
        help="check this kind alone, such as tracking_store or artifact_repository",
    )
    add("--mlflow-plugin-json", metavar="FILE", help="write the report to a file")
    add(
        "--mlflow-plugin-level",
        choices=("base", "extended", "full"),
        help="fail where a plugin does not reach this level, though no test failed",
    )
    add(
        "--mlflow-plugin-partial",
        metavar="REASON",
        help="why tests of a suite are deselected; without a reason that is a failure",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark of the suites' tests, and choose what is checked without a test file."""
    config.addinivalue_line(
        "markers", "mlflow_contract(capability): what a test of a suite is about"
    )
    # pytest-socket's: the suites carry it, whether it is installed or not.
    config.addinivalue_line("markers", "enable_socket: a test that needs sockets on loopback")
    config.pluginmanager.register(Reporter(config), "mlflow-plugin-reporter")
    if not (config.option.mlflow_plugin or config.option.mlflow_plugin_uri):
        return
    from mlflow_plugin_testing import selection

    try:
        selection.choose(
            config.option.mlflow_plugin,
            config.option.mlflow_plugin_uri,
            config.option.mlflow_plugin_kind,
        )
    except LookupError as error:
        raise pytest.UsageError(str(error.args[0])) from None
    # Without paths of the user's own, what stands in the current folder is not meant.
    own = config.args_source == pytest.Config.ArgsSource.ARGS
    config.args = [*(config.args if own else []), str(_CHECKS)]
