"""Distributions that break `import mlflow`, or slow it down, by what they do when they are imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

from broken.model import Broken

if TYPE_CHECKING:
    from mlflow_plugin_testing.suite import PluginSuite

_PATH = os.environ.get("PYTHONPATH", "")
_INSTALLED: set[str] = set()
_ARTIFACTS = "mlflow.artifact_repository"
_HEADERS = "mlflow.request_header_provider"
_REPOSITORY = """
from mlflow.store.artifact.artifact_repo import ArtifactRepository

class Plugin(ArtifactRepository):
    pass
"""
_PROVIDER = """
from mlflow.tracking.request_header.abstract_request_header_provider import RequestHeaderProvider

class Plugin(RequestHeaderProvider):
    def in_context(self):
        return False

    def request_headers(self):
        return {}
"""


def _suite() -> type[PluginSuite]:
    from mlflow_plugin_testing import PackagingSuite

    return PackagingSuite


def _installed(
    slug: str, module: str, *, group: str = _ARTIFACTS, requires: str = ""
) -> Callable[[Path], str]:
    """Return what installs a distribution of one module, for this process and those that it starts."""

    def install(folder: Path) -> str:
        name, package = f"broken-{slug}", f"broken_{slug.replace('-', '_')}"
        (folder / f"{package}.py").write_text(dedent(module), encoding="utf-8")
        info = folder / f"{package}-1.0.dist-info"
        info.mkdir()
        needs = f"Requires-Dist: {requires}\n" if requires else ""
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(
            f"[{group}]\n{name} = {package}:Plugin\n", encoding="utf-8"
        )
        # One at a time: with another one beside it, MLflow would fail for the other's fault.
        sys.path[:] = [str(folder), *[path for path in sys.path if path not in _INSTALLED]]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), _PATH]))
        _INSTALLED.add(str(folder))
        return name

    return install


def _broken(
    slug: str,
    sentence: str,
    module: str,
    rejected_by: str,
    group: str = _ARTIFACTS,
    requires: str = "",
) -> Broken:
    install = _installed(slug, module, group=group, requires=requires)
    return Broken(slug, sentence, _suite, {"distribution": install}, rejected_by)


BROKEN = [
    _broken(
        "import-circle",
        "Its module imports the client, which MLflow has not finished importing: MLflow only warns.",
        "from mlflow.tracking import MlflowClient\nimport mlflow.projects\n" + _REPOSITORY,
        "test_each_entry_point_is_found_in_a_clean_interpreter",
    ),
    _broken(
        "settings-at-import",
        "It reads an environment variable at import; without it `import mlflow` ends with a KeyError.",
        "import os\nos.environ['BROKEN_ENDPOINT']\n" + _REPOSITORY,
        "test_import_mlflow_survives_it",
    ),
    _broken(
        "constructor-raises",
        "Its header provider reads its settings in the constructor, and raises where there are none.",
        _PROVIDER + "\n    def __init__(self):\n        raise ValueError('no token')\n",
        "test_providers_are_made_without_any_setting",
        _HEADERS,
    ),
    _broken(
        "network-at-import",
        "It looks a host up when it is imported.",
        "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 9), 0.1)\nexcept OSError:\n    pass\n"
        + _REPOSITORY,
        "test_import_reaches_for_no_network_and_starts_no_process",
    ),
    _broken(
        "speaks-at-import",
        "It greets the user at import.",
        "print('broken plugin loaded')\n" + _REPOSITORY,
        "test_import_prints_and_logs_nothing",
    ),
    _broken(
        "sdk-at-import",
        "It imports the SDK of its service at import.",
        "import pytest\n" + _REPOSITORY,
        "test_import_brings_no_sdk",
        requires="pytest",
    ),
    _broken(
        "slow-import",
        "Its import costs half a second.",
        "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end:\n    pass\n"
        + _REPOSITORY,
        "test_import_stays_within_its_budget",
    ),
    _broken(
        "old-constructor",
        "Its repository takes the URI alone, and newer MLflow passes more.",
        _REPOSITORY + "\n    def __init__(self, artifact_uri):\n        pass\n",
        "test_each_entry_point_is_what_mlflow_calls",
    ),
]
