"""Project backends that tell their users something else than what happens."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broken.model import Broken

if TYPE_CHECKING:
    from mlflow_plugin_testing.suite import PluginSuite


def _suite() -> type[PluginSuite]:
    from mlflow_plugin_testing import ProjectBackendSuite

    class Quick(ProjectBackendSuite):
        grace = 1.0

    return Quick


class _Submitted:
    """Passes on to the run of MLflow's own backend; the broken ones below change one thing each."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.run_id = real.run_id

    def wait(self) -> Any:
        return self.real.wait()

    def get_status(self) -> Any:
        return self.real.get_status()

    def cancel(self) -> None:
        self.real.cancel()


class _CancelSetsAFlag(_Submitted):
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True
        # Long after the test has seen that the work goes on: nothing may be left of it in the end.
        threading.Timer(10.0, self.real.cancel).start()

    def wait(self) -> Any:
        return False if self.cancelled else super().wait()

    def get_status(self) -> Any:
        return "KILLED" if self.cancelled else super().get_status()


class _VanishedIsFinished(_Submitted):
    """Takes work that is no longer listed for work that is done."""

    def wait(self) -> Any:
        self.real.wait()
        return self.real.command_proc.returncode in {0, -signal.SIGKILL}

    def get_status(self) -> Any:
        return "FINISHED" if self.real.command_proc.poll() is not None else "RUNNING"


class _AlwaysTrue(_Submitted):
    def wait(self) -> Any:
        self.real.wait()
        return True


def _backend(submitted: type[_Submitted], *, unquoted: bool = False) -> Any:
    class Backend:
        def run(self, uri: str, entry_point: str, params: Any, *others: Any) -> Any:
            from mlflow.projects.backend.local import LocalBackend

            kept = {key: str(value).split(";")[0] for key, value in params.items()}
            return submitted(
                LocalBackend().run(uri, entry_point, kept if unquoted else params, *others)
            )

    return Backend()


def _vanish(_: Path) -> Any:
    return lambda submitted: os.killpg(submitted.real.command_proc.pid, signal.SIGKILL)


BROKEN = [
    Broken(
        "cancel-sets-a-flag",
        "Cancel only sets a flag; the work goes on.",
        _suite,
        {"backend": lambda _: _backend(_CancelSetsAFlag)},
        "test_cancel_ends_the_work",
    ),
    Broken(
        "vanished-is-finished",
        "Work that has vanished from the scheduler is reported as finished.",
        _suite,
        {"backend": lambda _: _backend(_VanishedIsFinished), "vanish": _vanish},
        "test_work_that_has_vanished_is_not_finished",
    ),
    Broken(
        "failure-is-success",
        "Waiting for a project that fails returns True.",
        _suite,
        {"backend": lambda _: _backend(_AlwaysTrue)},
        "test_a_project_that_fails_is_failed",
    ),
    Broken(
        "parameter-cut",
        "A parameter is cut where a shell would end the command.",
        _suite,
        {"backend": lambda _: _backend(_Submitted, unquoted=True)},
        "test_a_project_logs_to_the_run_that_it_was_given",
    ),
]
