"""Commits that many calls share: the Hub takes only some of them in an hour.

Calls that come while a commit is on its way wait and share the next one, so a hundred threads that
log a file each make a few commits. Each call returns when its own files are visible, unless the
setting commit_window allows a call to return before: then what it brought waits here for more.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core import notices, uris
from mlflow_xet_artifacts import hub_calls, hub_errors
from mlflow_xet_artifacts.client_hub import RevisionNotFoundError
from mlflow_xet_artifacts.hub_messages import Note, message_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow_xet_artifacts.client_hub import HubClient

_logger = logging.getLogger(__name__)
_registry: dict[tuple[Any, ...], Committer] = {}
_registry_lock = threading.Lock()
# The Hub limits commits to a number in an hour that depends on the account; 128 was seen.
_made: deque[float] = deque(maxlen=100)
_HOUR = 3_600.0


@dataclass(eq=False)
class _Waiting:
    """What one call wants committed, and how it learns that it is."""

    client: HubClient
    operations: Sequence[dict[str, Any]]
    note: Note
    done: Future[None] = field(default_factory=Future)
    turn: threading.Event = field(default_factory=threading.Event)


def committer_of(client: HubClient) -> Committer:
    """Return the one committer of a branch in this process."""
    place = client.place
    token = client.headers.get("authorization", "")
    who = hashlib.sha256(token.encode()).hexdigest()
    # The process is part of it: what a parent has begun is the parent's.
    key = (os.getpid(), client.endpoint, who, place.repo_type, place.repo, place.branch)
    with _registry_lock:
        if key not in _registry:
            _registry[key] = Committer()
        return _registry[key]


class Committer:
    """Makes the commits of one branch, one after another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[_Waiting] = []
        self._busy = False
        self._later: list[_Waiting] = []
        self._timer: threading.Timer | None = None
        self._late_failure: Exception | None = None

    def commit(self, client: HubClient, operations: Sequence[dict[str, Any]], note: Note) -> None:
        """Commit, alone or together with what other calls want; returns when it is done.

        Raises:
            Exception: Why it failed, for this call or for an earlier one that did not wait.
        """
        self.flush()
        self._wait(_Waiting(client, operations, note))

    def commit_later(
        self, client: HubClient, operations: Sequence[dict[str, Any]], note: Note
    ) -> None:
        """Commit within the window that the settings allow."""
        self._raise_late()
        with self._lock:
            self._later.append(_Waiting(client, operations, note))
            full = sum(len(each.operations) for each in self._later)
            if self._timer is None:
                self._timer = threading.Timer(client.settings.commit_window, self._flush_quietly)
                self._timer.daemon = True
                self._timer.start()
        if full >= client.settings.commit_files:
            self.flush()

    def flush(self) -> None:
        """Commit what waits for its window to end.

        Raises:
            Exception: Why this failed, or an earlier one that nobody waited for.
        """
        with self._lock:
            later, self._later = self._later, []
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        if later:
            operations = [item for each in later for item in each.operations]
            note = Note.together([each.note for each in later])
            self._wait(_Waiting(later[0].client, operations, note))
        self._raise_late()

    def _flush_quietly(self) -> None:
        try:
            self.flush()
        except Exception as error:  # noqa: BLE001  # raised by the next call
            _logger.error("Artifacts that were logged are not stored: %s", uris.redact(error))  # noqa: TRY400
            self._late_failure = error

    def _raise_late(self) -> None:
        failure, self._late_failure = self._late_failure, None
        if failure is not None:
            raise failure

    def _wait(self, mine: _Waiting) -> None:
        with self._lock:
            self._queue.append(mine)
            if not self._busy:
                self._busy = True
                mine.turn.set()
        # Either somebody commits it along, or it is this thread's turn to commit for others.
        try:
            mine.turn.wait()
        except BaseException:  # Ctrl-C: nobody may wait for a thread that is gone
            self._leave(mine)
            raise
        if not mine.done.done():
            try:
                self._commit_together(mine.client)
            finally:
                self._pass_on()
        mine.done.result()

    def _leave(self, mine: _Waiting) -> None:
        with self._lock:
            waits = mine in self._queue
            if waits:
                self._queue.remove(mine)
        if waits and mine.turn.is_set():
            self._pass_on()

    def _pass_on(self) -> None:
        with self._lock:
            if self._queue:
                self._queue[0].turn.set()
            else:
                self._busy = False

    def _commit_together(self, client: HubClient) -> None:
        batch = self._take(client.settings.commit_files)
        try:
            if not _settle(batch):
                # One call's bad path must not fail the others.
                for each in batch:
                    _settle([each])
        finally:
            for each in batch:
                if not each.done.done():
                    each.done.set_exception(InterruptedError("the commit was interrupted"))
                each.turn.set()

    def _take(self, most: int) -> list[_Waiting]:
        with self._lock:
            batch = [self._queue.pop(0)]
            count = len(batch[0].operations)
            while self._queue and count + len(self._queue[0].operations) <= most:
                batch.append(self._queue.pop(0))
                count += len(batch[-1].operations)
        return batch


def _settle(batch: Sequence[_Waiting]) -> bool:
    """Commit, and tell each call how that went; False where each should be tried alone."""
    try:
        _make(batch)
    except Exception as error:  # noqa: BLE001  # raised by each call
        if len(batch) > 1 and hub_errors.retryable(error) is False:
            return False
        for each in batch:
            each.done.set_exception(error)
    else:
        for each in batch:
            each.done.set_result(None)
    return True


def _make(batch: Sequence[_Waiting]) -> None:
    """Make one commit; its errors are the Hub's own."""
    client = batch[0].client
    title, description = message_of(Note.together([each.note for each in batch]))
    operations = [item for each in batch for item in each.operations]

    def post() -> None:
        try:
            client.commit(title, description, operations)
        except RevisionNotFoundError:
            client.make_branch()
            client.commit(title, description, operations)

    # Another writer's commit is no obstacle: the same operations are made on the new head.
    hub_calls.repeat(client, post, "Cannot commit")
    _count(client)


def _count(client: HubClient) -> None:
    """Warn once when this process has made about as many commits as the Hub takes in an hour."""
    now = time.monotonic()
    _made.append(now)
    if len(_made) == _made.maxlen and now - _made[0] < _HOUR and not client.settings.commit_window:
        notices.warn_once(
            "hub-commits",
            f"This process made {len(_made)} commits on the Hub within an hour, and the Hub takes "
            "only some more of them. Log folders with log_artifacts, or set "
            "MLFLOW_XET_COMMIT_WINDOW (such as 10 seconds), so that single files share commits.",
            _logger,
        )


def flush_all() -> None:
    """Commit all that waits, when this process ends in order."""
    for key, committer in list(_registry.items()):
        if key[0] == os.getpid():
            committer._flush_quietly()  # noqa: SLF001


atexit.register(flush_all)
