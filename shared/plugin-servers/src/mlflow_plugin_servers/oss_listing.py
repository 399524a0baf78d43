"""Lists of objects, page by page, with everything behind a delimiter drawn together."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from mlflow_plugin_servers.oss_errors import OssError
from mlflow_plugin_servers.oss_objects import OWNER
from mlflow_plugin_servers.oss_xml import answer, element, iso_date

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_servers.oss_http import Request
    from mlflow_plugin_servers.oss_store import Store, StoredObject
    from mlflow_plugin_servers.own_http import Response

__all__ = ["count", "encoding", "list_objects", "name_writer"]

_MOST = 1000


@dataclass
class _Page:
    objects: list[StoredObject] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""
    more: bool = False


def list_objects(store: Store, request: Request) -> Response:
    """Answer version 1 and version 2 of the list.

    Args:
        store: The objects.
        request: The request.

    Returns:
        One page.
    """
    second = request.get("list-type") == "2"
    token = request.get("continuation-token")
    start = _from_token(token) if token else request.get("start-after" if second else "marker")
    limit = count(request, "max-keys", 100)
    prefix, delimiter = request.get("prefix"), request.get("delimiter")
    page = _page(store, request.bucket, start, prefix, delimiter, limit)
    name = name_writer(request)
    facts = [
        element("Name", request.bucket),
        element("Prefix", name(prefix)),
        element("MaxKeys", limit),
        element("Delimiter", name(delimiter)),
        element("IsTruncated", str(page.more).lower()),
    ]
    facts += encoding(request)
    if second:
        facts.append(element("StartAfter", name(request.get("start-after"))))
        facts.append(element("KeyCount", len(page.objects) + len(page.prefixes)))
        if token:
            facts.append(element("ContinuationToken", token))
        if page.more:
            facts.append(element("NextContinuationToken", _to_token(page.last)))
    else:
        facts.append(element("Marker", name(request.get("marker"))))
        if page.more:
            facts.append(element("NextMarker", name(page.last)))
    owner = OWNER if not second or request.get("fetch-owner") == "true" else ""
    facts += [_contents(thing, name, owner) for thing in page.objects]
    facts += [element("CommonPrefixes", [element("Prefix", name(each))]) for each in page.prefixes]
    return answer("ListBucketResult", *facts)


def count(request: Request, name: str, default: int, most: int = _MOST) -> int:
    """Read how many are wanted on a page.

    Args:
        request: The request.
        name: Name of the parameter.
        default: For a request without it.
        most: The largest number allowed.

    Returns:
        The number.

    Raises:
        OssError: It is none, or too large.
    """
    given = request.get(name) or str(default)
    if not given.isdigit() or not 0 < int(given) <= most:
        message = f"Argument {name} must be an integer between 1 and {most}."
        fields = {"ArgumentName": name, "ArgumentValue": given}
        raise OssError(400, "InvalidArgument", message, fields=fields)
    return int(given)


def encoding(request: Request) -> list[str]:
    """Tell the client that names are escaped, when it asked for it; without it they are taken as they are."""
    return [element("EncodingType", "url")] if request.get("encoding-type") == "url" else []


def name_writer(request: Request) -> Callable[[str], str]:
    """Tell how names are written: escaped when the client asks for it."""
    if request.get("encoding-type") == "url":
        return lambda name: quote(name, safe="")
    return lambda name: name


def _page(store: Store, bucket: str, start: str, prefix: str, delimiter: str, limit: int) -> _Page:
    page = _Page()
    place = start.encode()
    _, behind, rest = start.removeprefix(prefix).partition(delimiter or "\0")
    if delimiter and behind and not rest:
        # The page before ended with this prefix: all that begins with it was told.
        place += b"\xff"
    while True:
        found = store.after(bucket, place, prefix.encode(), limit + 1)
        if not found:
            return page
        for thing in found:
            if thing.key.encode() < place:
                continue
            if len(page.objects) + len(page.prefixes) == limit:
                page.more = True
                return page
            head, behind, _ = thing.key[len(prefix) :].partition(delimiter or "\0")
            if delimiter and behind:
                page.last = prefix + head + behind
                page.prefixes.append(page.last)
                place = page.last.encode() + b"\xff"
            else:
                page.last = thing.key
                page.objects.append(thing)
                place = thing.key.encode()


def _contents(thing: StoredObject, name: Callable[[str], str], owner: str) -> str:
    return element(
        "Contents",
        [
            element("Key", name(thing.key)),
            element("LastModified", iso_date(thing.modified)),
            element("ETag", f'"{thing.etag}"'),
            element("Type", thing.kind),
            element("Size", thing.blob.size),
            element("StorageClass", thing.headers.get("x-oss-storage-class", "Standard")),
            owner,
        ],
    )


def _to_token(key: str) -> str:
    return base64.b64encode(key.encode()).decode()


def _from_token(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        message = "The continuation token provided is incorrect."
        raise OssError(400, "InvalidArgument", message) from None
