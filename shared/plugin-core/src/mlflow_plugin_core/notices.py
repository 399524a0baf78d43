"""Warnings that are said once for each process."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from mlflow_plugin_core import uris

if TYPE_CHECKING:
    import logging

_said: set[str] = set()


def warn_once(key: str, message: str, logger: logging.Logger) -> None:
    """Log a warning, redacted, unless one with the same key was logged before."""
    if key not in _said:
        _said.add(key)
        logger.warning("%s", uris.redact(message))


def warn_of_rivals(group: str, name: str, logger: logging.Logger) -> None:
    """Warn once where two installed distributions claim the same entry point name.

    MLflow silently takes whichever it loads last.

    Args:
        group: Entry point group, such as `mlflow.artifact_repository`.
        name: Entry point name: the scheme.
        logger: Where the warning goes.
    """
    key = f"rivals:{group}:{name}"
    if key in _said:
        return
    claims = {
        f"{point.dist.name} ({point.value})"
        for point in entry_points(group=group, name=name)
        if point.dist is not None
    }
    if len(claims) > 1:
        listed = " and ".join(sorted(claims))
        warn_once(
            key,
            f"Several installed distributions claim {name!r} in {group}: {listed}. MLflow uses the "
            "one it loads last: uninstall the others.",
            logger,
        )
    _said.add(key)
