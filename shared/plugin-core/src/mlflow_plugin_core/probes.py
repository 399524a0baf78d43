"""The file that a check stores, reads and deletes, and what is tried of object services beside it."""

from __future__ import annotations

import datetime as dt
import io
import secrets
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from mlflow_plugin_core.blob_store import Blob, BlobStore
    from mlflow_plugin_core.objects.store import ObjectStore

_SIZE = 100_000
# Services refuse requests at 15 minutes (S3: RequestTimeTooSkewed). MLflow signs downloads for 5, so
# a clock that is as far behind hands out addresses that have expired.
_SKEW_SECONDS = 300.0
_ADDRESS_SECONDS = 60
_TIMEOUT_SECONDS = 30


class Probe:
    """One file of random bytes in a store.

    Attributes:
        store: The store.
        is_stored: Whether it was stored.
        is_left: Whether it, or a part of it, may be there.
        other: A file that was there before, if the listing's first entry is one.
    """

    def __init__(self, store: BlobStore) -> None:
        self.store = store
        self.path = f".mlflow-check-{secrets.token_hex(8)}"
        self.content = secrets.token_bytes(_SIZE)
        self.is_stored = self.is_left = False
        self.other: Blob | None = None

    def list_root(self) -> None:
        """Ask for the first entry of the root."""
        first = next(iter(self.store.list_folder("")), None)
        if first is not None and not first.is_folder:
            self.other = first

    def write(self) -> None:
        """Store the file."""
        self.is_left = True
        self.store.put_stream(io.BytesIO(self.content), self.path)
        self.is_stored = True

    def read_back(self) -> None:
        """Fetch the file and compare every byte."""
        blob = self.store.stat(self.path)
        if blob is None:
            message = "The file that was just stored cannot be seen."
            raise errors.internal(message)
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "copy")
            self.store.get_file(blob, copy)
            self.compare(copy.read_bytes())

    def read_other(self) -> None:
        """Read the first byte of the file that was there."""
        if self.other is not None:
            self.store.get_range(self.other.path, 0, 1)

    def compare(self, content: bytes) -> None:
        """Raise an INTERNAL_ERROR where these are not the bytes that were stored."""
        if content != self.content:
            message = "The file that was just stored came back with other bytes."
            raise errors.internal(message)

    def delete(self) -> None:
        """Delete the file."""
        self.store.delete(self.path)
        self.is_left = False


def check_clock(store: ObjectStore) -> str:
    """Compare this machine's clock with the service's; returns what was found."""
    before = dt.datetime.now(tz=dt.timezone.utc)
    there = store.calls.request(store.client.server_time, "Cannot ask for the service's time")
    after = dt.datetime.now(tz=dt.timezone.utc)
    if there is None:
        return "the service does not tell its own"
    # The service looked at its clock some time in between; it tells whole seconds.
    ahead = (before + (after - before) / 2 - there).total_seconds()
    found = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the service"
    if abs(ahead) < _SKEW_SECONDS:
        return found
    message = errors.explain(
        f"The clock of this machine is {found}",
        why="requests and presigned addresses are signed with the time of day",
        remedy="set the clock, best by NTP",
    )
    raise errors.bad_request(message)


def read_by_address(store: ObjectStore, probe: Probe) -> str | None:
    """Fetch the file by an address, as MLflow's clients do that have no credentials.

    Returns:
        None, or a note where the settings allow no addresses, which is no fault.
    """
    import requests

    try:
        signed = store.calls.request(
            lambda: store.client.sign_get(store.keys.key(probe.path), _ADDRESS_SECONDS),
            "Cannot sign an address",
        )
    except MlflowException as error:
        if error.error_code != "NOT_IMPLEMENTED":
            raise
        return "not available with these settings; files pass through the tracking server"
    try:
        answer = requests.get(signed.url, headers=dict(signed.headers), timeout=_TIMEOUT_SECONDS)
    except requests.RequestException as error:
        # Not the error itself: it quotes the address, which is as good as a password for a while.
        message = errors.explain(
            "A presigned address cannot be reached",
            why=type(error).__name__,
            remedy="see that clients reach the service under the name that this machine uses, and "
            "that they trust its certificate",
        )
        raise errors.unavailable(message) from None
    if answer.status_code != requests.codes.ok:
        message = errors.explain(
            "A presigned address is refused",
            why=f"HTTP status {answer.status_code}",
            remedy="see that the credentials may read, and that no proxy changes host or path",
        )
        raise errors.permission_denied(message)
    probe.compare(answer.content)
    return None


def try_parts(store: ObjectStore, path: str) -> None:
    """Begin an upload in parts, ask for its parts, and give it up."""
    client, key = store.client, store.keys.key(path)
    begin = "Cannot begin an upload in parts"
    upload_id = store.calls.request(lambda: client.begin_upload(key), begin)
    give_up = partial(
        store.calls.request,
        lambda: client.abort_upload(key, upload_id),
        "Cannot give up an upload in parts",
    )
    try:
        store.calls.request(
            lambda: client.list_parts(key, upload_id), "Cannot list the parts of an upload"
        )
    except MlflowException:
        # The first error is the one to show; what gives up may fail by the same right.
        store.calls.attempt_all([give_up], "An upload was begun and stays; `clean` removes it")
        raise
    give_up()
