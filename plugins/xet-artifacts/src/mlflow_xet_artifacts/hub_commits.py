"""Commits that wait: with the setting commit_window a call returns before its files are visible.

What such calls brought waits here, and becomes one commit when the window ends, before this process
reads, and when it ends in order. Nothing of it is lost while the process lives: what the Hub does
not take for a passing reason waits for the next window.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import multiprocessing.util
import os
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core import uris
from mlflow_xet_artifacts import hub_errors
from mlflow_xet_artifacts.hub_queue import Queue, Waiting
from mlflow_xet_artifacts.hub_uploads import REGULAR_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow_xet_artifacts.client_hub import HubClient
    from mlflow_xet_artifacts.hub_messages import Note

_logger = logging.getLogger(__name__)
_registry: dict[tuple[Any, ...], Committer] = {}
_registry_lock = threading.Lock()
_LONGEST_DELAY = 3_600.0


def committer_of(client: HubClient) -> Committer:
    """Return the one committer of a branch in this process."""
    place = client.place
    token = client.headers.get("authorization", "")
    who = hashlib.sha256(token.encode()).hexdigest()
    key = (client.endpoint, who, place.repo_type, place.repo, place.branch)
    with _registry_lock:
        if key not in _registry:
            _registry[key] = Committer()
        return _registry[key]


class Committer:
    """Makes the commits of one branch: at once, or when the window ends."""

    def __init__(self) -> None:
        self._queue = Queue()
        self._lock = threading.Lock()
        self._later: list[Waiting] = []
        self._timer: threading.Timer | None = None
        # What waited and is being committed: who wants to read has to wait for it.
        self._flight: Future[None] | None = None
        self._late_failure: Exception | None = None

    def commit(self, client: HubClient, operations: Sequence[dict[str, Any]], note: Note) -> None:
        """Commit, alone or together with what other calls want; returns when it is done.

        Raises:
            Exception: Why it failed, for this call or for an earlier one that did not wait.
        """
        self.flush()
        mine = Waiting(client, operations, note)
        self._queue.put([mine])
        self._queue.wait(mine)

    def commit_later(
        self, client: HubClient, operations: Sequence[dict[str, Any]], note: Note
    ) -> None:
        """Commit within the window that the settings allow.

        Raises:
            Exception: Why an earlier call's files are not stored. This call's are not either then.
        """
        self._raise_late()
        if self._is_full(client):
            # What the Hub does not take must not grow without bounds: this call's error, then.
            self.flush()
        with self._lock:
            self._later.append(Waiting(client, operations, note))
            self._start_timer(client.settings.commit_window)
        if self._is_full(client):
            self._flush_quietly()
            self._raise_late()

    def flush(self) -> None:
        """Commit what waits for its window to end, and wait for such a commit on its way.

        Raises:
            MlflowException: Why this failed, or an earlier one that nobody waited for.
        """
        self._drain()
        self._raise_late()

    def _is_full(self, client: HubClient) -> bool:
        with self._lock:
            count = sum(len(each.operations) for each in self._later)
            size = sum(each.size for each in self._later)
        return count >= client.settings.commit_files or size >= REGULAR_BYTES

    def _start_timer(self, seconds: float) -> None:
        if self._timer is None:
            timer = threading.Timer(seconds, self._end_window)
            timer.daemon = True
            # No thread begins while Python ends; flush_all has the last word then.
            with suppress(RuntimeError):
                timer.start()
                self._timer = timer

    def _drain(self) -> None:
        # Twice: what this caller brought may have come after the commit on its way was begun.
        for _ in range(2):
            with self._lock:
                flight, mine = self._flight, []
                if flight is None and self._later:
                    mine, self._later = self._later, []
                    timer, self._timer = self._timer, None
                    flight = self._flight = Future()
                    if timer is not None:
                        timer.cancel()
            if flight is None:
                return
            if mine:
                self._fly(mine, flight)
            flight.result()
            if mine:
                return

    def _fly(self, mine: Sequence[Waiting], flight: Future[None]) -> None:
        """Commit what waited; `flight` holds the error of what is to be tried again."""
        reason: BaseException | None = None
        try:
            self._queue.put(mine)
            for each in mine:
                # After one that is to be tried again the others would only fail for the same reason.
                if reason is None or not self._queue.leave(each):
                    try:
                        self._queue.wait(each)
                    except Exception as error:  # noqa: BLE001  # told to the caller, or the next one
                        reason = error if _passes(error) else reason
        except BaseException as interrupt:  # Ctrl-C: what is not stored waits for the next window
            reason = interrupt
            for each in mine:
                self._queue.leave(each)
            raise
        finally:
            self._land(mine, flight, reason)

    def _land(
        self, mine: Sequence[Waiting], flight: Future[None], reason: BaseException | None
    ) -> None:
        failed = [each for each in mine if each.failure and not _passes(each.failure)]
        again = [each for each in mine if not each.is_stored and each not in failed]
        failure = _failure_of(failed)
        with self._lock:
            self._flight = None
            self._late_failure = self._late_failure or failure
            # In front: of two operations for one path the later call's has to stay the later one.
            self._later[:0] = [each.again() for each in again]
            if again:
                window = again[0].client.settings.commit_window
                self._start_timer(max(window, _delay_of(reason)))
        if failure is not None:
            _logger.error("Artifacts that were logged are not stored: %s", uris.redact(failure))
        if not again:
            flight.set_result(None)
            return
        what = f"Cannot commit {_listed(again)} yet"
        if not isinstance(reason, Exception):
            reason = InterruptedError("the commit was interrupted")
        flight.set_exception(hub_errors.translate(reason, what, again[0].client))

    def _end_window(self) -> None:
        with self._lock:
            if self._timer is threading.current_thread():
                self._timer = None
        self._flush_quietly()

    def _flush_quietly(self, *, ending: bool = False) -> None:
        try:
            self._drain()
        except Exception as error:  # noqa: BLE001  # what it is about waits for the next window
            if ending:
                _logger.error("Artifacts that were logged are not stored: %s", uris.redact(error))  # noqa: TRY400
            else:
                _logger.warning("Artifacts wait for another try: %s", uris.redact(error))

    def _raise_late(self) -> None:
        with self._lock:
            failure, self._late_failure = self._late_failure, None
        if failure is not None:
            raise failure


def _passes(error: BaseException) -> bool:
    """Tell whether the same commit may be made later."""
    if isinstance(error, InterruptedError):  # by Ctrl-C in a thread that committed for this one too
        return True
    return isinstance(error, Exception) and hub_errors.retryable(error) is not False


def _delay_of(reason: BaseException | None) -> float:
    """Return for how many seconds the Hub wants to be left alone."""
    wait = hub_errors.retryable(reason) if isinstance(reason, Exception) else False
    return 0.0 if isinstance(wait, bool) else min(wait, _LONGEST_DELAY)


def _failure_of(failed: Sequence[Waiting]) -> Exception | None:
    if not failed or failed[0].failure is None:
        return None
    what = f"Cannot store {_listed(failed)}, as an earlier call wanted"
    return hub_errors.translate(failed[0].failure, what, failed[0].client)


def _listed(entries: Sequence[Waiting]) -> str:
    paths = [path for each in entries for path in each.note.paths]
    return repr(paths[0]) + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")


def flush_all() -> None:
    """Commit all that waits, and wait for what is on its way, when this process ends in order."""
    for committer in list(_registry.values()):
        committer._flush_quietly(ending=True)  # noqa: SLF001


def _begin_child() -> None:
    """Forget what a parent has begun, which is the parent's, and locks that its threads held."""
    global _registry_lock  # noqa: PLW0603
    _registry_lock = threading.Lock()
    _registry.clear()


def _flush_at_the_end_of_a_child(_: object = None) -> None:
    # The children of multiprocessing end by os._exit: they run these, and nothing of atexit.
    multiprocessing.util.Finalize(None, flush_all, exitpriority=100)


atexit.register(flush_all)
# Here for a child that imports this first, and again in one that is forked, where multiprocessing
# forgets what the parent had registered.
_flush_at_the_end_of_a_child()
multiprocessing.util.register_after_fork(flush_all, _flush_at_the_end_of_a_child)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_child)
