"""What the scenarios of a catalogue reach, for the tests of both kinds of stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.calls import Calls, StoppedError
from mlflow_plugin_testing.scenario import World

if TYPE_CHECKING:
    import pytest

    from mlflow_plugin_testing.scenario import Catalogue

__all__ = ["Reach"]


class Reach:
    """What all scenarios together did on MLflow's own store."""

    def __init__(
        self, store: Any, catalogue: Catalogue, folder_factory: pytest.TempPathFactory
    ) -> None:
        self.called: set[str] = set()
        self.answered: set[str] = set()
        self.unmeasured: set[str] = set()
        self.stopped: dict[str, str] = {}
        for scenario in catalogue:
            if any(not hasattr(store, name) for name in scenario.needs):
                continue
            calls = Calls(store)
            try:
                scenario.run(calls, World(folder=folder_factory.mktemp("scenario")))
            except StoppedError as stopped:
                self.stopped[scenario.name] = str(stopped)
            self.called |= calls._transcript.reached
            for entry in calls._transcript.entries:
                name = entry.call.partition(",")[0]
                if entry.failed is None:
                    self.answered.add(name)
                elif entry.failed.not_implemented:
                    self.unmeasured.add(name)
