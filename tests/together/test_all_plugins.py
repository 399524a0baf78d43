"""All plugins in one environment: MLflow finds each of them, and none is in another's way.

Runs in the session `together`, whose environment has every plugin and the newest MLflow.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from importlib.metadata import entry_points

import pytest

import discover
import new_plugin

# A clean interpreter, which does nothing but this: inside a test everything is imported already, and
# the commonest fault of a plugin, an import circle, stays hidden. MLflow reports a plugin that it
# cannot load as a warning.
_IMPORT = """
import json, logging, sys

records = []

class Keep(logging.Handler):
    def emit(self, record):
        records.append(record.getMessage())

logging.getLogger("mlflow_plugin_core").addHandler(Keep())
import mlflow

print(json.dumps({"modules": sorted(sys.modules), "logged": records}))
"""
# What only a used plugin may load: its SDKs, and the two libraries that would slow MLflow's start.
_HEAVY = {"pydantic_settings", "stamina"}


@pytest.fixture(scope="module")
def started() -> dict[str, list[str]]:
    """What is loaded and said after `import mlflow`, with warnings as errors."""
    command = [sys.executable, "-W", "error", "-c", _IMPORT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("plugin", discover.plugins(), ids=lambda plugin: plugin.short)
def test_every_entry_point_loads_as_mlflow_loads_it(plugin: discover.Distribution) -> None:
    assert plugin.entry_points
    for group, names in plugin.entry_points.items():
        for name, value in names.items():
            program = (
                "import mlflow; from importlib.metadata import entry_points; "
                f"(found,) = entry_points(group={group!r}, name={name!r}); "
                f"assert found.value == {value!r}, found; assert callable(found.load())"
            )
            subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("plugin", discover.plugins(), ids=lambda plugin: plugin.short)
def test_a_plugin_that_is_imported_before_mlflow_is_found_by_it(
    plugin: discover.Distribution,
) -> None:
    modules = {
        value.partition(":")[0]
        for names in plugin.entry_points.values()
        for value in names.values()
    }
    for module in sorted(modules):
        # What MLflow cannot load it warns of, and does without.
        program = f"import {module}; import mlflow.tracking, mlflow.artifacts"
        command = [sys.executable, "-W", "error", "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{module} first: {done.stderr[-2000:]}"


def test_no_two_plugins_claim_one_name_of_a_group() -> None:
    groups = {group for item in discover.plugins() for group in item.entry_points}
    claimed = Counter(
        (point.group, point.name) for group in groups for point in entry_points(group=group)
    )

    assert [claim for claim, count in claimed.items() if count > 1] == []


def test_starting_mlflow_loads_no_sdk(started: dict[str, list[str]]) -> None:
    sdks = {sdk for item in discover.plugins() for sdk in item.own.get("sdks", [])}

    assert sdks
    assert {name.partition(".")[0] for name in started["modules"]} & (sdks | _HEAVY) == set()


def test_starting_mlflow_says_nothing(started: dict[str, list[str]]) -> None:
    assert started["logged"] == []


def test_what_the_plugins_require_fits_together() -> None:
    command = [sys.executable, "-m", "pip", "check"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_the_schemes_that_no_new_plugin_may_take_are_those_that_mlflow_has() -> None:
    from mlflow.store.artifact.artifact_repository_registry import (
        get_registered_artifact_repositories,
    )

    ours = {
        name
        for item in discover.plugins()
        for name in item.entry_points.get("mlflow.artifact_repository", {})
    }

    # "" is that of a plain path.
    mlflows = set(get_registered_artifact_repositories()) - ours - {""}
    assert mlflows == new_plugin.MLFLOWS_OWN["artifact_repository"]
