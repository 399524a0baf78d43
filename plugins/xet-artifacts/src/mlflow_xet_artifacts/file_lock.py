"""One process at a time: hf_xet's local store refuses to open while another process has it open.

Two lock files. Whoever wants the store takes the turn first and then waits for the work; so the
process that has just ended its work stands behind the one that waits, however fast it comes back.
Locks are the operating system's: they end with the process that holds them, whatever ends it.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlflow_plugin_core import errors
from mlflow_xet_artifacts import file_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.02
# Of this process: a lock file keeps out processes, and two threads of one must not share it.
_guard = threading.Lock()
_threads: dict[str, threading.Lock] = {}
# Folders in which another thread worked at the moment this process was forked: hf_xet's state was
# copied in the middle of it, and is of no use here.
_torn: set[str] = set()
_FORK_PATIENCE = 10.0
_stopped: list[threading.Lock] = []


@contextmanager
def exclusive(folder: Path, timeout: float) -> Iterator[None]:
    """Hold the store alone, in this thread and process.

    Args:
        folder: The store's folder.
        timeout: Seconds to wait.

    Raises:
        MlflowException: TEMPORARILY_UNAVAILABLE where others work in the store for longer.
    """
    deadline = time.monotonic() + timeout
    if os.path.realpath(folder) in _torn:
        raise _forked(folder)
    with _guard:
        lock = _threads.setdefault(os.path.realpath(folder), threading.Lock())
    if not lock.acquire(timeout=max(timeout, 0)):
        raise _busy(folder, timeout)
    try:
        with held(folder / "turn.lock", deadline) as turn:
            if turn is None:
                raise _busy(folder, timeout)
            work = _take(folder / "work.lock", deadline)
        if work is None:
            raise _busy(folder, timeout)
        try:
            yield
        finally:
            _release(work)
    finally:
        lock.release()


@contextmanager
def held(path: Path, deadline: float) -> Iterator[int | None]:
    """Hold one lock file; None where it could not be had before `deadline` (of time.monotonic)."""
    descriptor = _take(path, deadline)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            _release(descriptor)


def _take(path: Path, deadline: float) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        what = "Cannot take turns in the local Xet store"
        raise file_errors.explained(error, what, path.parent) from error
    pause = _FIRST_PAUSE
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    break
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _release(descriptor: int) -> None:
    # Explicitly: a child that was forked meanwhile has the same lock by its copy of the descriptor.
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def _busy(folder: Path, timeout: float) -> Exception:
    message = errors.explain(
        "The local Xet store is busy",
        location=folder,
        why=f"others have worked in it for {timeout:g} seconds",
        remedy="try again, or raise MLFLOW_XET_LOCK_TIMEOUT",
    )
    return errors.unavailable(message)


def _forked(folder: Path) -> Exception:
    message = errors.explain(
        "The local Xet store cannot be used in this process",
        location=folder,
        why="it was forked while another thread transferred artifacts",
        remedy="start processes by 'spawn' or 'forkserver' (multiprocessing.set_start_method)",
    )
    return errors.bad_request(message)


def _before_fork() -> None:
    """Let what runs end first, so that the child finds hf_xet at rest."""
    deadline = time.monotonic() + _FORK_PATIENCE
    for folder, lock in list(_threads.items()):
        if lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            _stopped.append(lock)
        else:
            _torn.add(folder)


def _after_in_parent() -> None:
    while _stopped:
        _stopped.pop().release()
    _torn.clear()


def _after_in_child() -> None:
    global _guard  # noqa: PLW0603  # a lock that another thread held will never be released here
    _guard = threading.Lock()
    _threads.clear()
    _stopped.clear()


os.register_at_fork(
    before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child
)
