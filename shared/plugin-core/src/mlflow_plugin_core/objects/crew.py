"""Work of one transfer: files and their parts share the same threads and the same memory.

A job may bring further jobs: beginning an upload brings its parts, the last part brings the end.
They go before new files, so that few files are open at once. The thread that owns the crew hands
out the work and hears what came of it; workers never wait for each other, so nothing can lock up.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlflow_plugin_core import transfer
from mlflow_plugin_core.objects.calls import StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from typing_extensions import Self

    from mlflow_plugin_core.objects.calls import Calls


@dataclass(frozen=True)
class Job:
    """One thing to do in a thread.

    Attributes:
        name: What it is about, for the message where it fails.
        run: Does it; returns the jobs that follow from it.
        cost: Bytes that it holds in memory while it runs.
        requests: How many requests it makes at once.
        files: How many files are done when it is done.
    """

    name: str
    run: Callable[[], Iterable[Job] | None]
    cost: int = 0
    requests: int = 1
    files: int = 0


_Outcome = tuple["Job | int", "Iterable[Job] | None", "BaseException | None"]


class Crew:
    """Runs jobs in bounded threads and memory; a context, in which the calling thread coordinates.

    Leaving it without an error waits for everything. After a failure nothing new is begun, what
    runs is waited for, and then everything that was given to `on_failure` is done, also for
    KeyboardInterrupt: no thread outlives the context. A second Ctrl-C ends the wait, and everything
    is undone at once.

    Attributes:
        calls: Makes requests until the crew ends early.
    """

    def __init__(
        self,
        calls: Calls,
        *,
        workers: int,
        memory: int,
        on_done: Callable[[int], None] = lambda _count: None,
    ) -> None:
        """Start no thread yet.

        Args:
            calls: Those of this transfer; its stop is set when the crew ends early.
            workers: Requests at once.
            memory: Bytes that running jobs may hold; one job always runs, whatever it costs.
            on_done: Told in the coordinating thread how many files just ended.
        """
        self.calls = calls
        self._workers = workers
        self._memory = memory
        self._on_done = on_done
        # Ctrl-C while the pool starts a thread makes it forget that thread: it is not joined then.
        self._threads: list[threading.Thread] = []
        self._pool = ThreadPoolExecutor(
            workers,
            thread_name_prefix="mlflow-transfer",
            initializer=lambda: self._threads.append(threading.current_thread()),
        )
        self._outcomes: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        self._ready: list[Iterator[Job]] = []
        self._waiting: Job | None = None
        self._requests = 0
        self._held = 0
        self._failures: list[tuple[str, Exception]] = []
        self._undo: list[Callable[[], object]] = []
        self._is_undone = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is None or isinstance(error, StoppedError):
                self._finish()
        except BaseException:
            self._end_early()
            raise
        if error is not None or self._failures:
            self._end_early()
        else:
            self._pool.shutdown()
        # A failure of the work explains an error of the coordinator, not the reverse.
        if self._failures and (error is None or isinstance(error, StoppedError)):
            failures = self._failures
            raise failures[0][1] if len(failures) == 1 else transfer.one_error(failures)

    def on_failure(self, action: Callable[[], object]) -> None:
        """Have something undone if the transfer fails; it has to do nothing where it was done."""
        self._undo.append(action)
        if self._is_undone:  # by a thread that a second Ctrl-C did not wait for
            self._undo_all()

    def report(self, count: int) -> None:
        """Tell from any thread that so many files of a running job ended."""
        self._outcomes.put((count, None, None))

    def run(self, jobs: Iterable[Job]) -> None:
        """Do all jobs, which are taken from the iterable as threads become free."""
        for job in jobs:
            self.add(job)

    def add(self, job: Job) -> None:
        """Begin a job as soon as there is a thread and the memory for it, and what is ready first.

        Raises:
            StoppedError: Something failed; leaving the context raises what.
        """
        self._begin_ready()
        while not self._fits(job):
            self._hear()
            self._begin_ready()
        self._begin(job)

    def wait(self) -> None:
        """Wait until everything that was added is done.

        Raises:
            StoppedError: Something failed; leaving the context raises what.
        """
        self._begin_ready()
        while self._requests:
            self._hear()
            self._begin_ready()
        if self._failures:
            raise StoppedError

    def _fits(self, job: Job) -> bool:
        if self._failures:
            raise StoppedError
        if not self._requests:
            return True
        return (
            self._requests + job.requests <= self._workers and self._held + job.cost <= self._memory
        )

    def _begin_ready(self) -> None:
        while (job := self._next_ready()) is not None and self._fits(job):
            self._waiting = None
            self._begin(job)

    def _next_ready(self) -> Job | None:
        while self._waiting is None and self._ready:
            self._waiting = next(self._ready[-1], None)
            if self._waiting is None:
                self._ready.pop()
        return self._waiting

    def _begin(self, job: Job) -> None:
        self._requests += job.requests
        self._held += job.cost
        # MLflow keeps the workspace and the request in context variables.
        context = contextvars.copy_context()
        transfer.submit(self._pool, lambda: context.run(self._work, job))

    def _work(self, job: Job) -> None:
        try:
            if self.calls.stop.is_set():
                raise StoppedError  # noqa: TRY301  # told like any other outcome
            self._outcomes.put((job, job.run(), None))
        except BaseException as error:  # noqa: BLE001  # raised by the coordinator
            self._outcomes.put((job, None, error))

    def _hear(self) -> None:
        """Wait for one outcome."""
        while True:
            try:
                # With a time-out: on Windows a wait without one cannot be interrupted.
                job, more, error = self._outcomes.get(timeout=1.0)
                break
            except queue.Empty:
                continue
        if isinstance(job, int):
            self._on_done(job)
            return
        self._requests -= job.requests
        self._held -= job.cost
        if error is not None:
            self._take_error(job, error)
        elif job.files:
            self._on_done(job.files)
        if more is not None:
            self._ready.append(iter(more))

    def _take_error(self, job: Job, error: BaseException) -> None:
        self.calls.stop.set()
        if isinstance(error, StoppedError):
            return
        if not isinstance(error, Exception):
            raise error
        if isinstance(error, transfer.SeveralFailedError):
            self._failures += error.failures
        else:
            self._failures.append((job.name, error))

    def _finish(self) -> None:
        with suppress(StoppedError):
            self.wait()
        while self._requests:
            self._hear()

    def _end_early(self) -> None:
        try:
            self.calls.stop.set()
            self._pool.shutdown(wait=True, cancel_futures=True)
            for thread in self._threads:
                thread.join()
        finally:  # a second Ctrl-C ends the wait for what runs
            self._undo_all()

    def _undo_all(self) -> None:
        """Undo everything; Ctrl-C gives up the one action that it interrupts."""
        self._is_undone = True
        interrupt: BaseException | None = None
        while self._undo:
            try:
                action = self._undo.pop()
                self.calls.attempt_all([action], "Cannot clean up after a failed transfer")
            except BaseException as error:  # noqa: BLE001  # raised when all is undone
                interrupt = error
        if interrupt is not None:
            raise interrupt
