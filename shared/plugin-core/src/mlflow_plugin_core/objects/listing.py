"""Listings: pages of keys become blobs and folders, whole folders by one flat listing.

Object services have no folders. A folder is what keys have in common, or an empty object whose key
ends with a slash, as consoles make them. Keys that are no artifact paths are left out, and a
warning says so: nobody could ask MLflow for them, and a download could write them to a wrong place.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mlflow_plugin_core import uris
from mlflow_plugin_core.blob_store import Blob
from mlflow_plugin_core.objects.keys import folders_above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_core.objects.calls import Calls
    from mlflow_plugin_core.objects.client import ObjectInfo, Page
    from mlflow_plugin_core.objects.keys import Keys

_logger = logging.getLogger(__name__)

_SHOWN = 3


class _LeftOut:
    """Counts the keys that are no artifact paths, for one warning at the end of a listing."""

    def __init__(self, location: str) -> None:
        self._location = location
        self._count = 0
        self._shown: list[str] = []

    def add(self, key: str) -> None:
        self._count += 1
        if len(self._shown) < _SHOWN:
            self._shown.append(key[:200])

    def warn(self) -> None:
        if self._count:
            _logger.warning(
                "%d object(s) below %s are left out, because their keys are no artifact paths: %s%s",
                self._count,
                uris.redact_location(self._location),
                ", ".join(repr(key) for key in self._shown),
                " …" if self._count > _SHOWN else "",
            )


def pages(calls: Calls, prefix: str, what: str, *, folded: bool) -> Iterator[Page]:
    """Yield every page of the keys with a prefix; each request is repeated alone."""
    token: str | None = None
    while True:

        def ask(token: str | None = token) -> Page:
            return calls.client.list_page(prefix, folded=folded, token=token)

        page = calls.request(ask, what)
        yield page
        token = page.next_token
        if token is None:
            return


def one_level(calls: Calls, keys: Keys, path: str) -> Iterator[Blob]:
    """Yield the files and folders of one folder; an object that is also a prefix is both."""
    prefix = keys.prefix(path)
    left_out = _LeftOut(calls.location)
    seen: set[str] = set()
    if not keys.holds(prefix):
        return
    for page in pages(calls, prefix, f"Cannot list {path!r}", folded=True):
        for found in page.prefixes:
            folder = keys.path(found)
            if folder is None:
                left_out.add(found)
            elif folder not in seen:  # a service may repeat one at the edge of two pages
                seen.add(folder)
                yield Blob(folder.removesuffix("/"), is_folder=True)
        for info in page.objects:
            if info.key == prefix:
                continue  # the marker of this folder itself
            file = keys.path(info.key)
            if file is None or file.endswith("/"):
                left_out.add(info.key)
            else:
                yield Blob(file, info.size, handle=info)
    left_out.warn()


def all_levels(calls: Calls, keys: Keys, path: str) -> Iterator[Blob]:
    """Yield everything below a folder, each folder once and before what it holds."""
    prefix = keys.prefix(path)
    left_out = _LeftOut(calls.location)
    seen: set[str] = {path, *folders_above(f"{path}/")}
    if not keys.holds(prefix):
        return
    for page in pages(calls, prefix, f"Cannot list {path!r}", folded=False):
        for info in page.objects:
            if info.key != prefix:
                yield from _entry(keys, info, seen, left_out)
    left_out.warn()


def _entry(keys: Keys, info: ObjectInfo, seen: set[str], left_out: _LeftOut) -> Iterator[Blob]:
    found = keys.path(info.key)
    if found is None:
        left_out.add(info.key)
        return
    parent = found.rpartition("/")[0]
    if parent not in seen:
        for folder in folders_above(found):
            if folder not in seen:
                seen.add(folder)
                yield Blob(folder, is_folder=True)
    if not found.endswith("/"):
        yield Blob(found, info.size, handle=info)
    elif info.size:
        left_out.add(info.key)  # its folder is there, its content cannot be
