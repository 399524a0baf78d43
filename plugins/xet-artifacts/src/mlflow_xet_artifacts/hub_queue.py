"""Commits that many calls share: the Hub takes only some of them in an hour.

Calls that come while a commit is on its way wait and share the next one, so a hundred threads that
log a file each make a few commits. Each call returns when its own files are visible.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core import notices
from mlflow_xet_artifacts import hub_calls, hub_errors
from mlflow_xet_artifacts.client_hub import RevisionNotFoundError
from mlflow_xet_artifacts.hub_messages import Note, message_of
from mlflow_xet_artifacts.hub_uploads import REGULAR_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow_xet_artifacts.client_hub import HubClient

_logger = logging.getLogger(__name__)
# The Hub limits commits to a number in an hour that depends on the account; 128 was seen.
_made: deque[float] = deque(maxlen=100)
_HOUR = 3_600.0


@dataclass(eq=False)
class Waiting:
    """What one call wants committed, and how it learns that it is."""

    client: HubClient
    operations: Sequence[dict[str, Any]]
    note: Note
    done: Future[None] = field(default_factory=Future)
    turn: threading.Event = field(default_factory=threading.Event)

    @property
    def size(self) -> int:
        """Bytes of text that go along in the request of the commit, before Base64."""
        texts = (item["value"].get("content", "") for item in self.operations)
        return sum(len(text) for text in texts) * 3 // 4

    @property
    def is_stored(self) -> bool:
        """Whether it is committed."""
        return self.done.done() and self.done.exception() is None

    @property
    def failure(self) -> Exception | None:
        """Why it is not committed, as far as that is known."""
        found = self.done.exception() if self.done.done() else None
        return found if isinstance(found, Exception) else None

    def again(self) -> Waiting:
        """Return the same for another try."""
        return Waiting(self.client, self.operations, self.note)


class Queue:
    """Makes the commits of one branch, one after another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Waiting] = []
        self._busy = False

    def put(self, wanted: Sequence[Waiting]) -> None:
        """Append what is to be committed; `wait` has to be called for each, in this order."""
        with self._lock:
            self._waiting += wanted
            if self._waiting and not self._busy:
                self._busy = True
                self._waiting[0].turn.set()

    def wait(self, mine: Waiting) -> None:
        """Return when it is committed, by this thread or by another.

        Raises:
            Exception: Why it is not: the Hub's own error.
        """
        # Either somebody commits it along, or it is this thread's turn to commit for others.
        try:
            mine.turn.wait()
        except BaseException:  # Ctrl-C: nobody may wait for a thread that is gone
            self.leave(mine)
            raise
        if not mine.done.done():
            try:
                self._commit_together(mine.client)
            finally:
                self._pass_on()
        mine.done.result()

    def leave(self, mine: Waiting) -> bool:
        """Take it out again; False where somebody commits it already."""
        with self._lock:
            waits = mine in self._waiting
            if waits:
                self._waiting.remove(mine)
        if waits and mine.turn.is_set():
            self._pass_on()
        return waits

    def __len__(self) -> int:
        return len(self._waiting)

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting[0].turn.set()
            else:
                self._busy = False

    def _commit_together(self, client: HubClient) -> None:
        batch = self._take(client.settings.commit_files)
        try:
            _settle(batch)
        finally:
            for each in batch:
                if not each.done.done():
                    each.done.set_exception(InterruptedError("the commit was interrupted"))
                each.turn.set()

    def _take(self, most: int) -> list[Waiting]:
        with self._lock:
            batch = [self._waiting.pop(0)]
            count, size = len(batch[0].operations), batch[0].size
            while self._waiting:
                count += len(self._waiting[0].operations)
                size += self._waiting[0].size
                if count > most or size > REGULAR_BYTES:
                    break
                batch.append(self._waiting.pop(0))
        return batch


def _settle(batch: Sequence[Waiting]) -> None:
    """Commit, and tell each call how that went."""
    parts = [batch]
    while parts:
        part = parts.pop()
        try:
            _make(part)
        except Exception as error:  # noqa: BLE001  # raised by each call
            about_files = hub_errors.is_about_files(error)
            if about_files and len(part) > 1:
                # One call's bad path must not fail the others. By halves: a commit for each of
                # 500 calls is more than the Hub takes in an hour.
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
                continue
            for each in part:
                each.done.set_exception(error)
            # A token that has ended, or a limit of the rate, stands in the way of the others too.
            for each in () if about_files else [each for other in parts for each in other]:
                each.done.set_exception(error)
            parts = parts if about_files else []
        else:
            for each in part:
                each.done.set_result(None)


def _make(batch: Sequence[Waiting]) -> None:
    """Make one commit; its errors are the Hub's own."""
    client = batch[0].client
    title, description = message_of(Note.together([each.note for each in batch]))
    # Of two operations for one path the later call's counts, as it would in a commit of its own.
    latest = {item["value"]["path"]: item for each in batch for item in each.operations}
    operations = list(latest.values())

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
    if len(_made) == _made.maxlen and now - _made[0] < _HOUR:
        window = client.settings.commit_window
        advice = (
            f"raise MLFLOW_XET_COMMIT_WINDOW (it is {window:g} seconds)"
            if window
            else "set MLFLOW_XET_COMMIT_WINDOW (such as 60 seconds), so that single files share commits"
        )
        notices.warn_once(
            "hub-commits",
            f"This process made {len(_made)} commits on the Hub within an hour, and the Hub takes "
            f"only some more of them. Log folders with log_artifacts, or {advice}.",
            _logger,
        )
