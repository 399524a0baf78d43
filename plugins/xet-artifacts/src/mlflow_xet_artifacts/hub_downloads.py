"""Files from the Hub to local ones: fetched beside their place, compared with their digest, moved."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from mlflow_plugin_core import errors, transfer
from mlflow_plugin_core.local_files import TEMPORARY_PREFIX
from mlflow_xet_artifacts import client_hub_xet, hub_calls, hub_errors
from mlflow_xet_artifacts.client_hub_xet import Fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlflow_xet_artifacts.client_hub import Entry, HubClient

    _Wanted = tuple[Entry, Path]

# Files in one group of hf_xet, so that progress is seen and a failure repeats little.
_GROUP = 100
_BLOCK = 1 << 20


def fetch(
    client: HubClient,
    wanted: Sequence[_Wanted],
    on_done: Callable[[int], None] = lambda _count: None,
) -> None:
    """Fetch files, in parallel; each is whole in its place or not there at all.

    Raises:
        MlflowException: What the Hub refuses, and INTERNAL_ERROR where bytes were changed on the way.
    """
    for _, destination in wanted:
        destination.parent.mkdir(parents=True, exist_ok=True)
    by_xet = [item for item in wanted if item[0].xet and item[0].size]
    plain = [item for item in wanted if not (item[0].xet and item[0].size)]
    for start in range(0, len(by_xet), _GROUP):
        group = by_xet[start : start + _GROUP]
        _fetch_group(client, group)
        on_done(len(group))
    transfer.run_all(
        lambda item: _fetch_plain(client, *item),
        plain,
        workers=client.settings.workers,
        describe=lambda item: item[0].path,
        on_done=lambda _item, _result: on_done(1),
    )


def read(client: HubClient, entry: Entry, start: int, length: int) -> bytes:
    """Read a part of a file; fewer bytes at its end."""
    stop = min(start + length, entry.size)
    if start >= stop:
        return b""
    what = f"Cannot read {entry.path!r}"
    if not entry.xet:
        return hub_calls.request(client, lambda: client.read(entry.path, start, length), what)
    try:
        return client_hub_xet.read(client, entry.xet, entry.size, start, stop)
    except Exception as error:
        raise hub_errors.translate(error, what, client) from error


def _fetch_group(client: HubClient, group: Sequence[_Wanted]) -> None:
    what = f"Cannot download {group[0][0].path!r}"
    what += f" and {len(group) - 1} more" if len(group) > 1 else ""
    beside = [_beside(destination) for _, destination in group]
    try:
        client_hub_xet.download(
            client,
            [
                Fetch(entry.xet, entry.size, temporary)
                for (entry, _), temporary in zip(group, beside, strict=True)
            ],
        )
        transfer.run_all(
            lambda pair: _check(client, *pair),
            list(zip([entry for entry, _ in group], beside, strict=True)),
            workers=client.settings.workers,
            describe=lambda pair: pair[0].path,
        )
        for (_, destination), temporary in zip(group, beside, strict=True):
            temporary.replace(destination)
    except Exception as error:
        raise hub_errors.translate(error, what, client) from error
    finally:
        _remove(beside)


def _fetch_plain(client: HubClient, entry: Entry, destination: Path) -> None:
    temporary = _beside(destination)
    what = f"Cannot download {entry.path!r}"

    def get() -> None:
        with temporary.open("wb") as target:
            if entry.size:
                client.fetch(entry.path, target, [])

    try:
        hub_calls.request(client, get, what)
        _check(client, entry, temporary)
        temporary.replace(destination)
    finally:
        _remove([temporary])


def _check(client: HubClient, entry: Entry, file: Path) -> None:
    """Compare a file with what the Hub listed: size, and SHA-256, Git's id or the Xet hash."""
    size = file.stat().st_size
    if size != entry.size:
        raise _changed(client, entry, f"{size} bytes came, {entry.size} are listed")
    if entry.sha256:
        found, listed = _digest(file, hashlib.sha256()), entry.sha256
    elif entry.blob:
        head = f"blob {size}\0".encode()
        found = _digest(file, hashlib.sha1(head, usedforsecurity=False))
        listed = entry.blob
    elif entry.xet and size:
        found, listed = client_hub_xet.content_hash(file), entry.xet
    else:
        return
    if found != listed:
        raise _changed(client, entry, f"its digest is {found}, and {listed} is listed")


def _digest(file: Path, digest: hashlib._Hash) -> str:
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _changed(client: HubClient, entry: Entry, why: str) -> Exception:
    message = errors.explain(
        f"The downloaded file {entry.path!r} is not what the Hub has",
        location=client.place,
        why=why,
        remedy="download it again; if that fails as well, upload it again",
    )
    return errors.internal(message)


def _beside(destination: Path) -> Path:
    return destination.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")


def _remove(files: Sequence[Path]) -> None:
    for file in files:
        with suppress(OSError):
            os.unlink(file)  # noqa: PTH108  # most are moved by now
