"""Parallel work with bounded threads and memory, and the cutting of work into batches."""

from __future__ import annotations

import contextvars
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Generic, TypeVar

from mlflow_plugin_core import uris

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")

_LISTED = 20


class SeveralFailedError(Exception):
    """What a function raises that works on several things at once: each failure by its name."""

    def __init__(self, failures: Sequence[tuple[str, Exception]]) -> None:
        super().__init__("; ".join(f"{name}: {error}" for name, error in failures))
        self.failures = list(failures)


def run_all(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    workers: int,
    describe: Callable[[T], str] = str,
    on_done: Callable[[T, R], None] = lambda _item, _result: None,
) -> list[R]:
    """Apply a function to every item; results in the items' order.

    At most twice `workers` items are taken from the iterator ahead of their turn, so it may be
    long. The first error stops what has not begun; what runs is waited for, and all that failed is
    in one exception.

    Args:
        function: The work; called from threads, or from this one where `workers` is 1. Where an
            item stands for several things, it may raise a `SeveralFailedError`.
        items: Any iterable, consumed lazily.
        workers: Threads.
        describe: Name of an item in the error message.
        on_done: Called from this thread after each item that succeeded.

    Raises:
        MlflowException: All failures, with the error code and as cause the error of the first.
    """
    if workers == 1:
        return _run_inline(function, items, describe, on_done)
    work = _Work(function, describe, on_done)
    with ThreadPoolExecutor(workers, thread_name_prefix="mlflow-transfer") as pool:
        try:
            for index, item in enumerate(items):
                work.begin(pool, index, item)
                if not work.settle(at_most=2 * workers - 1):
                    break
            work.settle(at_most=0)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if work.failures:
        raise one_error(work.failures)
    return [work.results[index] for index in sorted(work.results)]


class _Work(Generic[T, R]):
    """What runs, what came out of it, and what failed."""

    def __init__(
        self,
        function: Callable[[T], R],
        describe: Callable[[T], str],
        on_done: Callable[[T, R], None],
    ) -> None:
        self._function = function
        self._describe = describe
        self._on_done = on_done
        self._running: dict[Future[R], tuple[int, T]] = {}
        self.results: dict[int, R] = {}
        self.failures: list[tuple[str, Exception]] = []

    def begin(self, pool: ThreadPoolExecutor, index: int, item: T) -> None:
        # MLflow keeps the workspace and the request in context variables.
        context = contextvars.copy_context()
        future = submit(pool, lambda: context.run(self._function, item))
        self._running[future] = (index, item)

    def settle(self, *, at_most: int) -> bool:
        """Wait until at most so many run; False once something failed."""
        while len(self._running) > at_most:
            done, _ = wait(self._running, return_when=FIRST_COMPLETED)
            for future in done:
                self._take(future, *self._running.pop(future))
            if self.failures:
                for future in self._running:
                    future.cancel()
        return not self.failures

    def _take(self, future: Future[R], index: int, item: T) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self.results[index] = future.result()
            self._on_done(item, self.results[index])
        elif isinstance(error, Exception):
            self.failures += _failures_of(self._describe(item), error)
        else:  # KeyboardInterrupt and its like end everything
            raise error


def submit(pool: ThreadPoolExecutor, function: Callable[[], R]) -> Future[R]:
    """Have a pool call a function, or call it here and now where no thread is to be had.

    While the interpreter ends no pool takes work any more, and from Python 3.12 on no thread
    starts: what is logged then (a trace that is flushed, a callback of `atexit`) would be lost.
    """
    future: Future[R] = Future()
    # A pool that cannot start a thread says so after it has queued the work: whoever comes second,
    # one of its other threads or this one, finds it taken.
    is_taken = threading.Lock()

    def work() -> None:
        if not is_taken.acquire(blocking=False) or not future.set_running_or_notify_cancel():
            return
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001  # raised by who asks for the result
            future.set_exception(error)
        else:
            future.set_result(result)

    try:
        pool.submit(work)
    except RuntimeError:
        work()
    return future


def _run_inline(
    function: Callable[[T], R],
    items: Iterable[T],
    describe: Callable[[T], str],
    on_done: Callable[[T, R], None],
) -> list[R]:
    results: list[R] = []
    for item in items:
        try:
            result = function(item)
        except Exception as error:  # noqa: BLE001  # raised again, with its name
            failures = _failures_of(describe(item), error)
            raise one_error(failures) from failures[0][1]
        results.append(result)
        on_done(item, result)
    return results


def _failures_of(name: str, error: Exception) -> list[tuple[str, Exception]]:
    return error.failures if isinstance(error, SeveralFailedError) else [(name, error)]


def one_error(failures: Sequence[tuple[str, Exception]]) -> Exception:
    """Return one exception that names all that failed, with the error code of the first."""
    from mlflow.exceptions import MlflowException

    from mlflow_plugin_core import errors

    listed = [
        f"{name}: {error.message if isinstance(error, MlflowException) else error}"
        for name, error in failures[:_LISTED]
    ]
    if len(failures) > _LISTED:
        listed.append(f"and {len(failures) - _LISTED} more")
    first = failures[0][1]
    message = uris.redact("\n".join([f"Failed for {len(failures)} item(s):", *listed]))
    if isinstance(first, MlflowException):
        combined = MlflowException(message)
        combined.error_code = first.error_code
    else:
        combined = errors.internal(message)
    combined.__cause__ = first
    return combined


def batched(
    items: Iterable[T], *, max_items: int, max_bytes: int, size: Callable[[T], int]
) -> Iterator[list[T]]:
    """Cut items into lists of at most so many items and bytes; none is lost or reordered.

    An item that is larger than `max_bytes` has a list of its own.
    """
    batch: list[T] = []
    held = 0
    for item in items:
        count = size(item)
        if batch and (len(batch) >= max_items or held + count > max_bytes):
            yield batch
            batch, held = [], 0
        batch.append(item)
        held += count
    if batch:
        yield batch
