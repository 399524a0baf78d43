"""Deletes: in batches, and each object that could not be deleted is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors, transfer
from mlflow_plugin_core.objects import listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlflow_plugin_core.objects.calls import Calls
    from mlflow_plugin_core.objects.client import PendingUpload

# A batch of 1,000 keys keeps a service busy for a while: more at once only brings "slow down".
_BATCHES_AT_ONCE = 4


def delete_keys(calls: Calls, keys: Iterable[str], *, root: str, workers: int) -> None:
    """Delete objects; the keys are taken as the batches go, and may come from a listing under way.

    One that cannot be deleted does not keep the others; a whole request that fails ends it.

    Raises:
        MlflowException: All that could not be deleted, by path.
    """
    failures: list[tuple[str, Exception]] = []
    size = calls.client.limits.delete_batch

    def delete(batch: Sequence[str]) -> None:
        for key, why in _delete_batch(calls, batch):
            failures.append((key.removeprefix(root), _error(key.removeprefix(root), why)))

    transfer.run_all(
        delete,
        transfer.batched(keys, max_items=size, max_bytes=size, size=lambda _key: 1),
        workers=min(workers, _BATCHES_AT_ONCE) if size > 1 else workers,
        describe=lambda batch: (
            f"{batch[0].removeprefix(root)} and {len(batch) - 1} more"
            if len(batch) > 1
            else batch[0].removeprefix(root)
        ),
    )
    if failures:
        raise transfer.one_error(failures)


def _delete_batch(calls: Calls, batch: Sequence[str]) -> Sequence[tuple[str, str]]:
    what = f"Cannot delete {len(batch)} object(s)"
    if calls.client.limits.delete_batch == 1:
        calls.request(lambda: calls.client.delete(batch[0]), what)
        return []
    failed = calls.request(lambda: calls.client.delete_batch(batch), what)
    if failed:
        # Within one answer a service refuses single keys for passing reasons too.
        again = [key for key, _ in failed]
        failed = calls.request(lambda: calls.client.delete_batch(again), what)
    return failed


def _error(path: str, why: str) -> MlflowException:
    message = errors.explain(f"Cannot delete {path!r}", why=why)
    if "denied" in why.lower() or "forbidden" in why.lower():
        return errors.permission_denied(message)
    return errors.internal(message)


def abort_uploads(calls: Calls, pending: Iterable[PendingUpload], *, workers: int) -> None:
    """Give up unfinished uploads; one that cannot be does not keep the others.

    Raises:
        MlflowException: Those that are left, by key.
    """
    failures: list[tuple[str, Exception]] = []

    def abort(upload: PendingUpload) -> None:
        try:
            calls.request(
                lambda: calls.client.abort_upload(upload.key, upload.upload_id),
                f"Cannot give up the upload of {upload.key!r}",
            )
        except MlflowException as error:
            failures.append((upload.key, error))

    transfer.run_all(abort, pending, workers=workers)
    if failures:
        raise transfer.one_error(failures)


def keys_below(calls: Calls, prefix: str, what: str) -> Iterator[str]:
    """Yield every key with a prefix, whatever it is called."""
    for page in listing.pages(calls, prefix, what, folded=False):
        for info in page.objects:
            yield info.key
