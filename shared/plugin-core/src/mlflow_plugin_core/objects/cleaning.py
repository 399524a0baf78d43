"""Uploads in parts that were begun and never ended: the service keeps their parts, and bills them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_core.objects.client import PendingUpload
    from mlflow_plugin_core.objects.store import ObjectStore


def pending(store: ObjectStore, *, older_than: float) -> Iterator[PendingUpload]:
    """Yield the unfinished uploads below the store's root.

    Args:
        store: The store.
        older_than: Seconds since they were begun; a younger one may still be at work.
    """
    begun_before = dt.datetime.now(tz=dt.timezone.utc) - dt.timedelta(seconds=older_than)
    found = store.calls.request(
        lambda: list(store.client.list_uploads(store.keys.prefix(""))),
        "Cannot list the unfinished uploads",
    )
    yield from (upload for upload in found if upload.initiated <= begun_before)


def give_up(store: ObjectStore, upload: PendingUpload) -> None:
    """Abort one of them; succeeds when it was ended in the meantime."""
    store.calls.request(
        lambda: store.client.abort_upload(upload.key, upload.upload_id),
        f"Cannot give up the upload of {upload.key!r}",
    )
