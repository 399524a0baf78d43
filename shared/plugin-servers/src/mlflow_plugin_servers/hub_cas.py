"""The content store of the Hub server: Xet's API as its published specification has it.

Xorbs are kept as they come. A file is put together again when its shard arrives and refused if its SHA-256 is
another one, so what a client sends is proved and not believed.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from mlflow_plugin_servers.hub_errors import HubError
from mlflow_plugin_servers.hub_http import json_answer, ranged
from mlflow_plugin_servers.hub_shard import Term, chunks, dedup_shard, read_shard, unpack
from mlflow_plugin_servers.own_http import Piece, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_servers.hub_access import Access
    from mlflow_plugin_servers.hub_http import Request
    from mlflow_plugin_servers.hub_shard import ShardFile, Xorb
    from mlflow_plugin_servers.hub_store import Store

__all__ = ["ContentStore"]

_HEX = 64


class ContentStore:
    """Xorbs, and the files made of them."""

    def __init__(self, store: Store, access: Access, name: str) -> None:
        """Serve what a store has.

        Args:
            store: Where everything is.
            access: What makes and checks links.
            name: Part of the address: clients remember by it what they sent, so each server has its own.
        """
        self._store = store
        self._access = access
        self.name = name
        self._magic = b""

    def token(self, request: Request, scope: str) -> Response:
        """Hand out a token and the address of this store."""
        token, ends = self._access.content_token(scope)
        url = f"{request.base}/_cas/{self.name}"
        return json_answer(
            {"casUrl": url, "exp": ends, "accessToken": token},
            X_Xet_Cas_Url=url,
            X_Xet_Access_Token=token,
            X_Xet_Token_Expiration=str(ends),
        )

    def answer(self, request: Request) -> Response:
        """Answer a request to the API."""
        match request.method, *request.parts[2:]:
            case "POST", "v1", "xorbs", "default", name if len(name) == _HEX:
                self._access.check_content(request, write=True)
                return self._put_xorb(request, name)
            case "POST", "v1" | "v2" as version, "shards":
                self._access.check_content(request, write=True)
                self._put_shard(request.body.read())
                if version == "v1":
                    return json_answer({"result": 1})
                return Response(
                    200, {"Content-Type": "application/x-ndjson"}, b'{"type":"result"}\n'
                )
            case "GET", "v1" | "v2" as version, "reconstructions", name:
                self._access.check_content(request, write=False)
                return self._reconstruction(request, name, version)
            case "GET", "v1", "chunks", _, name:
                self._access.check_content(request, write=False)
                return self._known_chunk(name)
            case "GET", "xorb", name:
                self._access.check(f"xorb:{name}", request.get("right"))
                path = self._store.xorbs / name
                piece = Piece(path.open("rb"), 0, path.stat().st_size)
                return ranged(piece, request.headers.get("range", ""), {})
        raise HubError(404, f"no such API: {request.path}")

    def xet_hash(self, sha256: str) -> str:
        """Return the Xet hash of a large file; empty when it came another way."""
        found = self._store.rows("SELECT xet FROM large WHERE sha256 = ?", sha256)
        return str(found[0][0]) if found else ""

    def size(self, name: str) -> int | None:
        """Return the size of a file by its Xet hash, or None."""
        found = self._store.rows("SELECT size FROM xet_files WHERE hash = ?", name)
        return int(found[0][0]) if found else None

    def link(self, base: str, name: str, filename: str) -> str:
        """Make a link to the whole of a large file, by its SHA-256 or its Xet hash."""
        shown = f"inline; filename*=UTF-8''{quote(filename)}; filename=\"{quote(filename)}\";"
        query = urlencode(
            {"right": self._access.sign(f"get:{name}"), "response-content-disposition": shown}
        )
        return f"{base}/_large/{name}?{query}"

    def send(self, request: Request, name: str) -> Response:
        """Send a large file by such a link."""
        self._access.check(f"get:{name}", request.get("right"))
        path = self._store.large / name
        if not path.exists():
            xet = self.xet_hash(name) or name
            # As the Hub's bridge does for clients without Xet: put it together.
            self._store.write(self._store.large, self._bytes(self._terms(xet)))
            sha256 = self._store.rows("SELECT sha256 FROM xet_files WHERE hash = ?", xet)[0][0]
            path = self._store.large / sha256
        piece = Piece(path.open("rb"), 0, path.stat().st_size)
        headers = {"ETag": f'"{name}"', "Content-Type": "application/octet-stream"}
        headers["Content-Disposition"] = request.get("response-content-disposition")
        return ranged(piece, request.headers.get("range", ""), headers)

    def _put_xorb(self, request: Request, name: str) -> Response:
        known = bool(self._store.rows("SELECT 1 FROM xorbs WHERE hash = ?", name))
        if not known:
            data = request.body.read()
            found = list(chunks(data))
            if not found:
                raise HubError(400, "the xorb has no chunks")
            self._store.write(self._store.xorbs, [data], name=name)
            ends, sizes = [each.end for each in found], [each.size for each in found]
            self._store.rows(
                "INSERT OR IGNORE INTO xorbs VALUES (?, ?, ?, NULL)",
                name, json.dumps(ends), json.dumps(sizes),
            )  # fmt: skip
        return json_answer({"was_inserted": not known})

    def _put_shard(self, data: bytes) -> None:
        try:
            self._magic, files, xorbs = read_shard(data)
        except (struct.error, ValueError) as error:
            raise HubError(400, f"not a shard: {error}") from None
        for xorb in xorbs:
            self._describe(xorb)
        for file in files:
            self._register(file)

    def _describe(self, xorb: Xorb) -> None:
        self._layout(xorb.hash)
        with self._store.transaction():
            self._store.rows("UPDATE xorbs SET chunks = ? WHERE hash = ?", xorb.raw, xorb.hash)
            for name in xorb.hashes:
                self._store.rows("INSERT OR IGNORE INTO chunks VALUES (?, ?)", name, xorb.hash)

    def _register(self, file: ShardFile) -> None:
        digest, size = hashlib.sha256(), 0
        for block in self._bytes(file.terms):
            digest.update(block)
            size += len(block)
        sha256 = digest.hexdigest()
        if file.sha256 not in {"", sha256}:
            message = f"the file {file.hash} has SHA-256 {sha256} and not {file.sha256}"
            raise HubError(400, message)
        terms = json.dumps([[each.xorb, each.size, each.start, each.stop] for each in file.terms])
        with self._store.transaction():
            self._store.rows(
                "INSERT OR IGNORE INTO xet_files VALUES (?, ?, ?, ?)",
                file.hash, size, sha256, terms,
            )  # fmt: skip
            self._store.rows(
                "INSERT OR IGNORE INTO large VALUES (?, ?, ?)", sha256, size, file.hash
            )

    def _layout(self, name: str) -> tuple[list[int], list[int]]:
        found = self._store.rows("SELECT ends, sizes FROM xorbs WHERE hash = ?", name)
        if not found:
            raise HubError(400, f"the shard needs a xorb that is not here: {name}")
        return json.loads(found[0][0]), json.loads(found[0][1])

    def _terms(self, name: str) -> list[Term]:
        found = self._store.rows("SELECT terms FROM xet_files WHERE hash = ?", name)
        if not found:
            raise HubError(404, f"no such file: {name}")
        return [Term(*each) for each in json.loads(found[0][0])]

    def _bytes(self, terms: list[Term]) -> Iterator[bytes]:
        for term in terms:
            ends, _ = self._layout(term.xorb)
            with (self._store.xorbs / term.xorb).open("rb") as stream:
                position = ends[term.start - 1] if term.start else 0
                stream.seek(position)
                for end in ends[term.start : term.stop]:
                    yield unpack(stream.read(end - position))
                    position = end

    def _known_chunk(self, name: str) -> Response:
        found = self._store.rows(
            "SELECT xorbs.chunks FROM chunks JOIN xorbs ON xorbs.hash = chunks.xorb WHERE chunks.hash = ?", name
        )  # fmt: skip
        if not found or not found[0][0] or not self._magic:
            raise HubError(404, "no such chunk")
        return Response(
            200, {"Content-Type": "application/octet-stream"}, dedup_shard(self._magic, found[0][0])
        )

    def _reconstruction(self, request: Request, name: str, version: str) -> Response:
        terms = self._terms(name)
        total = sum(each.size for each in terms)
        asked = request.headers.get("range", "")
        start, stop = 0, total
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1, total) if last else total
        if start >= total:
            raise HubError(416, "the range begins behind the end of the file")
        chosen: list[Term] = []
        offset = position = 0
        for term in terms:
            if position < stop and position + term.size > start:
                piece, skipped = self._cut(term, start - position, stop - position)
                offset = offset if chosen else max(0, start - position) - skipped
                chosen.append(piece)
            position += term.size
        answer: dict[str, Any] = {
            "offset_into_first_range": offset,
            "terms": [
                {"hash": each.xorb, "unpacked_length": each.size, "range": {"start": each.start, "end": each.stop}}
                for each in chosen
            ],
        }  # fmt: skip
        fetched = {
            name: [self._fetch(request, name, piece, version) for piece in pieces]
            for name, pieces in _united(chosen).items()
        }
        answer["xorbs" if version == "v2" else "fetch_info"] = fetched
        return json_answer(answer)

    def _cut(self, term: Term, start: int, stop: int) -> tuple[Term, int]:
        """Leave out the chunks of a term that a range does not need; return also the bytes left out before."""
        _, sizes = self._layout(term.xorb)
        first, last, position, skipped, size = term.start, term.stop, 0, 0, 0
        for index in range(term.start, term.stop):
            if position + sizes[index] <= start:
                first, skipped = index + 1, position + sizes[index]
            elif position < stop:
                last, size = index + 1, size + sizes[index]
            position += sizes[index]
        return Term(term.xorb, size, first, last), skipped

    def _fetch(
        self, request: Request, name: str, piece: tuple[int, int], version: str
    ) -> dict[str, Any]:
        ends, _ = self._layout(name)
        start, stop = piece
        right = urlencode({"right": self._access.sign(f"xorb:{name}")})
        url = f"{request.base}/_cas/{self.name}/xorb/{name}?{right}"
        chosen = {"start": start, "end": stop}
        where = {"start": ends[start - 1] if start else 0, "end": ends[stop - 1] - 1}
        if version == "v2":
            return {"url": url, "ranges": [{"chunks": chosen, "bytes": where}]}
        return {"url": url, "range": chosen, "url_range": where}


def _united(terms: list[Term]) -> dict[str, list[tuple[int, int]]]:
    """Gather what is fetched of each xorb, every chunk once however often the file has it."""
    found: dict[str, list[tuple[int, int]]] = {}
    for term in sorted(terms, key=lambda each: (each.xorb, each.start)):
        pieces = found.setdefault(term.xorb, [])
        if pieces and term.start <= pieces[-1][1]:
            pieces[-1] = (pieces[-1][0], max(pieces[-1][1], term.stop))
        else:
            pieces.append((term.start, term.stop))
    return found
