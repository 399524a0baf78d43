"""Chooses suites for what is installed: by distribution, by scheme, by URI; nobody has to write a test file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distribution, entry_points
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Place", "choose", "classes"]

_PREFIX = "mlflow."
#: Kinds that live at a URI: their suite, and the fixture that takes the URI.
_AT_A_URI = {
    "artifact_repository": ("ArtifactRepositorySuite", "artifact_uri"),
    "tracking_store": ("TrackingStoreSuite", "store_uri"),
    "model_registry_store": ("ModelRegistryStoreSuite", "store_uri"),
}
#: Kinds that need nothing but to be loaded: their suite, and the fixture that takes the entry point.
_BY_ENTRY_POINT = {
    "request_auth_provider": ("RequestAuthSuite", "provider"),
    "request_header_provider": ("RequestHeaderSuite", "provider"),
    "run_context_provider": ("RunContextSuite", "provider"),
}


@dataclass(frozen=True)
class Place:
    """One suite to be run.

    Attributes:
        title: Name of the test class.
        suite: Name of the suite, as this package exports it.
        fixture: Name of its one fixture.
        value: What the fixture gives: a URI, or the name of a distribution.
        entry_point: What is loaded and called instead, for kinds that live at no URI.
    """

    title: str
    suite: str
    fixture: str
    value: str
    entry_point: EntryPoint | None = None


_CHOSEN: list[Place] = []


def choose(distributions: Sequence[str], uris: Sequence[str], kinds: Sequence[str]) -> None:
    """Choose what the next collection of `checks/test_plugin.py` finds.

    Args:
        distributions: Installed distributions, checked in all that they declare.
        uris: Where stores and repositories are checked.
        kinds: Kinds that are looked at; all when empty.

    Raises:
        LookupError: A distribution is not installed or declares nothing to MLflow, a scheme belongs to no plugin, or
            nothing is left to be checked.
    """
    places = [place for name in distributions for place in _of_distribution(name)]
    places += [place for uri in uris for place in _of_uri(uri)]
    # A distribution that is named and found by its scheme too is looked at once.
    places = list(dict.fromkeys(places))
    if kinds:
        suites = {**_AT_A_URI, **_BY_ENTRY_POINT, "packaging": ("PackagingSuite", "")}
        wanted = {suite for kind, (suite, _) in suites.items() if kind in kinds}
        places = [place for place in places if place.suite in wanted]
    if not places:
        message = f"nothing to check: no plugin of the kinds {', '.join(kinds)} was chosen"
        raise LookupError(message)
    _CHOSEN[:] = places


def classes() -> dict[str, type]:
    """Make a test class for each place that was chosen.

    Returns:
        The classes, by name.
    """
    import mlflow_plugin_testing

    made: dict[str, type] = {}
    for place in _CHOSEN:
        title, number = place.title, 2
        while title in made:
            title, number = f"{place.title}{number}", number + 1
        suite = getattr(mlflow_plugin_testing, place.suite)
        made[title] = type(
            title, (suite,), {"__module__": __name__ + ".made", place.fixture: _fixture(place)}
        )
    return made


def _fixture(place: Place) -> Any:
    def give(_: object) -> Any:
        return place.entry_point.load()() if place.entry_point else place.value

    give.__name__ = place.fixture
    return pytest.fixture(give)


def _of_distribution(name: str) -> Iterable[Place]:
    from importlib.metadata import PackageNotFoundError

    try:
        points = [point for point in distribution(name).entry_points if _kind(point)]
    except PackageNotFoundError:
        message = f"{name} is not installed here"
        raise LookupError(message) from None
    if not points:
        message = f"{name} is installed and declares no entry point to MLflow"
        raise LookupError(message)
    yield Place(_title("packaging", name), "PackagingSuite", "distribution", name)
    for point in points:
        if found := _BY_ENTRY_POINT.get(_kind(point)):
            yield Place(_title(_kind(point), point.name), found[0], found[1], "", point)


def _of_uri(uri: str) -> Iterable[Place]:
    scheme = uri.partition(":")[0]
    # A dialect's driver is no part of the name that MLflow looks up: postgresql+psycopg.
    known = [kind for kind in _AT_A_URI if _serves(kind, scheme)]
    if not known:
        message = f"no installed plugin, and nothing of MLflow's own, serves {scheme!r}"
        raise LookupError(message)
    owners = {
        point.dist.name
        for kind in known
        for point in entry_points(group=_PREFIX + kind, name=scheme)
        if point.dist
    }
    for owner in sorted(owners):
        yield Place(_title("packaging", owner), "PackagingSuite", "distribution", owner)
    for kind in known:
        suite, fixture = _AT_A_URI[kind]
        yield Place(_title(kind, scheme), suite, fixture, uri)


def _serves(kind: str, scheme: str) -> bool:
    import mlflow  # noqa: F401  (fills the registries)

    if kind == "artifact_repository":
        from mlflow.store.artifact import artifact_repository_registry as artifacts

        return scheme in artifacts.get_registered_artifact_repositories()
    if kind == "tracking_store":
        from mlflow.tracking._tracking_service.utils import _tracking_store_registry as registry
    else:
        from mlflow.tracking._model_registry.utils import _get_store_registry

        registry = _get_store_registry()
    from mlflow.utils.uri import get_uri_scheme

    return get_uri_scheme(f"{scheme}://") in registry._registry


def _kind(point: EntryPoint) -> str:
    return point.group.removeprefix(_PREFIX) if point.group.startswith(_PREFIX) else ""


def _title(*words: str) -> str:
    return "Test" + "".join(
        word.capitalize() for word in re.split(r"\W|_", " ".join(words)) if word
    )
