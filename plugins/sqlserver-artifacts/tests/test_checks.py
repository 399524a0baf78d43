"""The check of a location: which step failed, also where the clean-up fails too."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy import event

from mlflow_plugin_core import checks
from mlflow_sqlserver_artifacts.checks import SUBJECT
from mlflow_sqlserver_artifacts.opening import open_store

if TYPE_CHECKING:
    from pathlib import Path


def forbid_writing(location: str) -> None:
    """Make the database one that can only be read, from now on."""

    def forbid(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    event.listen(open_store(location).database.engine, "checkout", forbid)


def test_the_step_that_failed_is_named_and_not_what_the_clean_up_says(sqlite_location: str) -> None:
    open_store(sqlite_location).database.prepare()
    forbid_writing(sqlite_location)

    steps = list(checks.run(SUBJECT, sqlite_location))

    failed = {step.title: step.error for step in steps if step.error}
    assert list(failed) == ["store a file", "delete it"]
    error = failed["store a file"]
    assert str(error) == error.message
    assert error.error_code == "PERMISSION_DENIED"
    assert "can only be read" in error.message


def test_a_file_that_comes_back_damaged_is_named_and_removed(
    sqlite_location: str, tmp_path: Path
) -> None:
    steps = checks.run(SUBJECT, sqlite_location)
    for step in steps:
        if step.title == "store a file":
            with sqlite3.connect(tmp_path / "artifacts.db") as connection:
                connection.execute("UPDATE mlflow_artifact_chunks SET data = zeroblob(100000)")
            connection.close()
            break

    step = next(steps)
    assert step.title == "read it back, digest verified"
    assert step.error is not None
    assert [after.title for after in steps if after.error is None] == ["delete it"]
    assert list(open_store(sqlite_location).list_folder("")) == []


def test_another_plugin_that_mlflow_prefers_is_named(
    sqlite_location: str,
) -> None:
    from mlflow.store.artifact import artifact_repository_registry as registry
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    class Rival(LocalArtifactRepository):  # type: ignore[misc]
        def __init__(self, artifact_uri: str, *_: object, **__: object) -> None:
            """Take any location."""

    own = registry._artifact_repository_registry._registry["sqlite"]
    registry._artifact_repository_registry.register("sqlite", Rival)
    try:
        errors = [step.error for step in checks.run(SUBJECT, sqlite_location) if step.error]
    finally:
        registry._artifact_repository_registry.register("sqlite", own)

    (error,) = errors
    assert re.match("MLflow opens this location with .*Rival", error.message)
    assert "uninstall it, or mlflow-sqlserver-artifacts" in error.message
