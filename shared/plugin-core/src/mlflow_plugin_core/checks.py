"""Tries what MLflow needs of an artifact location, step by step, and cleans up.

A step that fails does not end the check where the next ones can still tell something: credentials
that may not list may well be able to write, and an operator wants to hear of all rights at once.
"""

from __future__ import annotations

import pkgutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors, probes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlflow_plugin_core.blob_store import BlobStore


@dataclass(frozen=True)
class Subject:
    """The plugin whose locations are checked.

    Attributes:
        distribution: Its name, as pip knows it.
        opening: What makes a store of a location, as "module:function".
        repository: Its class, as "module:Class".
        objects: Whether its stores are of the class `ObjectStore`, with presigned addresses and
            uploads in parts.
        settings: Title of the step that opens the store.
        steps: Titles and tries of what only this plugin has, between listing and writing; each
            raises an `MlflowException` where something is wrong.
        rights: What the service calls the rights, for messages: by "list", "write", "read",
            "delete" and "parts".
    """

    distribution: str
    opening: str
    repository: str
    objects: bool = False
    settings: str = "settings and credentials"
    steps: Sequence[tuple[str, Callable[[Any], object]]] = ()
    rights: Mapping[str, str] = field(default_factory=dict)

    def open_store(self, location: str) -> Any:  # noqa: ANN401  # a BlobStore or an ObjectStore
        """Return the store of a location."""
        return pkgutil.resolve_name(self.opening)(location)


@dataclass(frozen=True)
class Step:
    """What one step came to.

    Attributes:
        title: What was tried, with what was found.
        seconds: How long it took.
        error: What went wrong, and what to do.
    """

    title: str
    seconds: float
    error: MlflowException | None = None


@dataclass
class _Trial:
    """A step to come."""

    title: str
    run: Callable[[], str | None]
    right: str = ""
    # Whether the later steps would only fail for the same reason.
    ends: Callable[[MlflowException], bool] = lambda _error: False


def run(subject: Subject, location: str) -> Iterator[Step]:
    """Yield each step as it ends, failed ones too; nothing of the check stays at the location.

    Args:
        subject: The plugin.
        location: One of its artifact locations.
    """
    opened: list[BlobStore] = []
    first = _Trial(subject.settings, lambda: opened.append(subject.open_store(location)))
    yield (step := _try(first, subject))
    if step.error:
        return
    probe = probes.Probe(opened[0])
    try:
        for trial in _trials(subject, location, probe):
            yield (step := _try(trial, subject))
            if step.error and trial.ends(step.error):
                return
    finally:
        if probe.is_left:
            # What failed has been told; the clean-up may fail for the same reason.
            with suppress(Exception):
                probe.delete()


def _trials(subject: Subject, location: str, probe: probes.Probe) -> Iterator[_Trial]:
    yield _Trial("MLflow opens it with this plugin", lambda: _check_class(subject, location))
    store: Any = probe.store
    if subject.objects:
        # Before anything that is signed: a clock that is wrong makes all of it fail.
        yield _Trial("clock", lambda: probes.check_clock(store), ends=_is_away)
    yield _Trial("connect and list", probe.list_root, "list", ends=_is_more_than_a_right)
    for title, attempt in subject.steps:
        yield _Trial(title, partial(_attempt, attempt, store), ends=_always)
    yield _Trial("store a file", probe.write, "write")
    if probe.is_stored:
        yield _Trial("read it back, digest verified", probe.read_back, "read")
        if subject.objects:
            address = partial(probes.read_by_address, store, probe)
            yield _Trial("read it by a presigned address", address, "read")
    elif probe.other is not None:
        yield _Trial(f"read {probe.other.path!r}, which was there", probe.read_other, "read")
    if subject.objects:
        parts = partial(probes.try_parts, store, probe.path)
        yield _Trial("begin an upload in parts and give it up", parts, "parts")
    # Also where nothing was stored: who may delete may delete what is not there.
    yield _Trial("delete it", probe.delete, "delete")


def _try(trial: _Trial, subject: Subject) -> Step:
    started = time.perf_counter()
    found, failure = None, None
    try:
        found = trial.run()
    except MlflowException as error:
        failure = error
        needed = subject.rights.get(trial.right)
        if needed and error.error_code == "PERMISSION_DENIED":
            error.message += f" The right that is needed: {needed}."
            error.args = (error.message,)
    title = f"{trial.title}: {found}" if found else trial.title
    return Step(title, time.perf_counter() - started, failure)


def _always(_error: MlflowException) -> bool:
    return True


def _is_away(error: MlflowException) -> bool:
    return bool(error.error_code == "TEMPORARILY_UNAVAILABLE")


def _is_more_than_a_right(error: MlflowException) -> bool:
    """Tell whether listing failed for more than the right to list."""
    return bool(error.error_code != "PERMISSION_DENIED")


def _attempt(attempt: Callable[[Any], object], store: BlobStore) -> None:
    attempt(store)


def _check_class(subject: Subject, location: str) -> None:
    """See that MLflow, too, gives this location to this plugin."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    found = type(get_artifact_repository(location))
    if issubclass(found, pkgutil.resolve_name(subject.repository)):
        return
    message = errors.explain(
        f"MLflow opens this location with {found.__module__}.{found.__qualname__}",
        location=location,
        why="another installed distribution claims the same scheme",
        remedy=f"uninstall it, or {subject.distribution}",
    )
    raise errors.bad_request(message)
