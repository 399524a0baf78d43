"""Which of MLflow's errors each error of the disk, of SQLite and of hf_xet's local store becomes."""

from __future__ import annotations

import errno
import sqlite3
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from pathlib import Path

RESTORE = (
    "stop every process that uses the store, remove xet-index.db, xet-index.db-wal, "
    "xet-index.db-shm and all chunks-* folders, and put index and chunk folder back from the same "
    "backup; keep a copy of what is there until `mlflow-xet-artifacts verify` finds no damage"
)
_FULL = ("no space left", "database or disk is full", "quota exceeded", "file too large")
_DENIED = ("permission denied", "readonly database", "read-only file system", "unable to open")
_BUSY = ("database is locked", "already open")
_DAMAGED = ("malformed", "not a database")


def explained(error: BaseException, what: str, place: Path | str) -> MlflowException:
    """Return MLflow's error, with what failed, where, why, and what to do.

    Args:
        error: As it was raised; an MlflowException comes back as it is.
        what: What failed, as a sentence's beginning.
        place: The store's folder, or the local file that was read or written.
    """
    if isinstance(error, MlflowException):
        return error
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    text = why.lower()
    if _is(error, errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or _says(text, _FULL):
        remedy = "make room on that file system; deleted artifacts give theirs back by `gc`"
        return errors.internal(errors.explain(what, location=place, why=why, remedy=remedy))
    if _is(error, errno.EACCES, errno.EPERM, errno.EROFS) or _says(text, _DENIED):
        remedy = "let the user that runs MLflow read and write there; a local store is written to for reading, too"
        message = errors.explain(what, location=place, why=why, remedy=remedy)
        return errors.permission_denied(message)
    if _says(text, _BUSY):
        remedy = "try again, or raise MLFLOW_XET_LOCK_TIMEOUT"
        return errors.unavailable(errors.explain(what, location=place, why=why, remedy=remedy))
    if isinstance(error, sqlite3.DatabaseError) and _says(text, _DAMAGED):
        remedy = RESTORE
        return errors.internal(errors.explain(what, location=place, why=why, remedy=remedy))
    return errors.internal(errors.explain(what, location=place, why=why))


def damaged(path: str, folder: Path, why: str) -> MlflowException:
    """Return the error of an artifact whose stored bytes are not what was stored."""
    message = errors.explain(
        f"The artifact {path!r} is damaged in the store",
        location=folder,
        why=why,
        remedy="delete it, run `mlflow-xet-artifacts gc`, and log it again, since what the store "
        "knows already it does not store again; `mlflow-xet-artifacts verify --forget` does the "
        "first two for all that is damaged. Or restore index and chunks from one backup",
    )
    return errors.internal(message)


def chunks_missing(folder: Path, generation: int) -> MlflowException:
    """Return the error of an index whose chunk folder is not there."""
    message = errors.explain(
        "The index of the local Xet store and its chunks do not belong together",
        location=folder,
        why=f"the index names contents in 'chunks-{generation}', and there is no such folder",
        remedy=RESTORE,
    )
    return errors.internal(message)


def unreadable_content(error: Exception, path: str, folder: Path) -> MlflowException:
    """Return the error of an artifact that hf_xet cannot read: the disk's, or damage."""
    if _says(str(error).lower(), (*_FULL, *_DENIED, *_BUSY)):
        return explained(error, f"Cannot read {path!r}", folder)
    return damaged(path, folder, str(error))


def _is(error: BaseException, *codes: int) -> bool:
    return isinstance(error, OSError) and error.errno in codes


def _says(text: str, parts: tuple[str, ...]) -> bool:
    return any(part in text for part in parts)
