"""The Hub's HTTP API: one request a verb, no retries, raw errors.

Requests are made with the session of huggingface_hub, which keeps connections, is safe against
forks and reads the proxies and certificates that its users configured. What is asked and answered
is the Hub's published API, as huggingface_hub itself uses it; its own functions for uploads are not
used, because they skip files that a .gitignore of the repository names and hold whole commits of
text in memory several times.
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from huggingface_hub import __version__ as huggingface_hub_version
from huggingface_hub import get_session, get_token, hf_raise_for_status
from huggingface_hub.errors import EntryNotFoundError, RevisionNotFoundError

from mlflow_xet_artifacts.__about__ import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlflow_xet_artifacts.hub_location import HubLocation
    from mlflow_xet_artifacts.settings import XetHubSettings

_BLOCK = 1 << 20
# The most that the Hub takes in one request (huggingface_hub, _commit_api.py).
PREUPLOAD_FILES = 256
PATHS_AT_ONCE = 500


@dataclass(frozen=True)
class Entry:
    """A file or folder as the Hub lists it.

    Attributes:
        path: Path below the root of the repository.
        is_folder: Whether it is a folder.
        size: Bytes of the file.
        blob: Git's id of a file that is kept in Git itself.
        sha256: SHA-256 of a large file.
        xet: Xet hash of a large file.
    """

    path: str
    is_folder: bool
    size: int = 0
    blob: str = ""
    sha256: str = ""
    xet: str = ""


@dataclass(frozen=True)
class Candidate:
    """A file that is about to be uploaded, as far as the Hub wants to know it.

    Attributes:
        path: Path below the root of the repository.
        size: Bytes.
        sample: Its first 512 bytes.
    """

    path: str
    size: int
    sample: bytes


class Link(NamedTuple):
    """An address of a file, and its bytes; None where the address asks for a token."""

    url: str
    size: int | None


class HubClient:
    """One repository or bucket of one Hub, with one token; thread-safe, without a connection of its own."""

    def __init__(self, place: HubLocation, settings: XetHubSettings) -> None:
        self.place = place
        self.settings = settings
        self.endpoint = settings.endpoint.rstrip("/")
        # What `hf auth login` stored belongs to the Hub that the same person set as HF_ENDPOINT.
        token = settings.token.get_secret_value() if settings.token else get_token()
        self.has_token = bool(token)
        # Not by build_hf_headers: from huggingface_hub 2 on it asks the Hub for a list of programs
        # first, which a closed network lets wait, and the public Hub is asked where another is meant.
        agent = f"mlflow-xet-artifacts/{__version__}; hf_hub/{huggingface_hub_version}"
        self.headers: dict[str, str] = {"user-agent": agent}
        if token:
            self.headers["authorization"] = f"Bearer {token}"
        self._api = f"{self.endpoint}/api/{place.repo_type}s/{place.repo}"
        prefix = "" if place.repo_type == "model" else f"{place.repo_type}s/"
        self._pages = f"{self.endpoint}/{prefix}{place.repo}"
        self.revision = place.revision or place.branch

    def who(self) -> str:
        """Return the name of the token's user."""
        return str(self._ask("GET", f"{self.endpoint}/api/whoami-v2").json()["name"])

    def head(self, revision: str | None = None) -> str:
        """Return the id of the newest commit."""
        url = f"{self._api}/revision/{_quoted(revision or self.revision)}"
        return str(self._ask("GET", url, params={"expand": "sha"}).json()["sha"])

    def tree(self, path: str, *, recursive: bool = False) -> Iterator[Entry]:
        """Yield what is in a folder, page by page; nothing where there is no such folder."""
        url = f"{self._api}/tree"
        url += "" if self.place.is_bucket else f"/{_quoted(self.revision)}"
        url += f"/{_quoted(path)}" if path else ""
        following: str | None = f"{url}?recursive={str(recursive).lower()}"
        while following:
            try:
                answer = self._ask("GET", following)
            except EntryNotFoundError:
                return
            yield from map(_entry, answer.json())
            # Pages are followed on the Hub alone: the token goes along.
            found = answer.links.get("next", {}).get("url")
            following = _on(self.endpoint, found) if found else None

    def paths(self, paths: Sequence[str]) -> list[Entry]:
        """Describe up to PATHS_AT_ONCE paths; those that are not there are left out."""
        url = f"{self._api}/paths-info"
        url += "" if self.place.is_bucket else f"/{_quoted(self.revision)}"
        answer = self._ask("POST", url, json={"paths": list(paths), "expand": False})
        return [_entry(item) for item in answer.json()]

    def modes(self, files: Sequence[Candidate]) -> dict[str, str]:
        """Ask for up to PREUPLOAD_FILES files whether each goes into Git or beside it.

        Returns:
            `regular` or `lfs` by path.
        """
        listed = [
            {
                "path": file.path,
                "size": file.size,
                "sample": base64.b64encode(file.sample).decode(),
            }
            for file in files
        ]
        # An empty list of rules: a .gitignore of the repository must not lose an artifact.
        body = {"files": listed, "gitIgnore": ""}
        answer = self._ask("POST", f"{self._api}/preupload/{_quoted(self.place.branch)}", json=body)
        return {item["path"]: item["uploadMode"] for item in answer.json()["files"]}

    def commit(self, title: str, description: str, operations: Iterable[dict[str, Any]]) -> str:
        """Make one commit on the branch, of all operations or none; returns its id."""
        header = {"key": "header", "value": {"summary": title, "description": description}}
        answer = self._ask(
            "POST",
            f"{self._api}/commit/{_quoted(self.place.branch)}",
            content=_lines([header, *operations]),
            headers={"Content-Type": "application/x-ndjson"},
        )
        return str(answer.json()["commitOid"])

    def batch(self, operations: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
        """Change files of a bucket; returns path and reason of each that failed."""
        session, url = get_session(), f"{self._api}/batch"
        headers = {**self.headers, "Content-Type": "application/x-ndjson"}
        answer = session.post(
            url, content=_lines(operations), headers=headers, timeout=self.settings.timeout
        )
        # 422 is the answer when all of them failed; it has the same list.
        if answer.status_code != 422:  # noqa: PLR2004
            hf_raise_for_status(answer)
        failed = answer.json().get("failed", [])
        return [(item["path"], str(item.get("error", "refused"))) for item in failed]

    def make_branch(self) -> None:
        """Make the branch, from the newest commit of main; succeeds when it is there."""
        url = f"{self._api}/branch/{_quoted(self.place.branch)}"
        self._ask("POST", url, json={}, there_already=True)

    def make_repo(self) -> None:
        """Make the repository or bucket, as a private one; succeeds when it is there."""
        if self.place.is_bucket:
            self._ask("POST", self._api, json={"visibility": "private"}, there_already=True)
            return
        owner, _, name = self.place.repo.partition("/")
        body = {"type": self.place.repo_type, "organization": owner, "name": name}
        if owner == self.who():
            body.pop("organization")
        url = f"{self.endpoint}/api/repos/create"
        more = {"sdk": "static"} if self.place.repo_type == "space" else {}
        self._ask("POST", url, json=body | {"visibility": "private"} | more, there_already=True)

    def token_url(self, scope: str) -> str:
        """Return where hf_xet gets its tokens for the content store: `read` or `write`."""
        url = f"{self._api}/xet-{scope}-token"
        revision = self.revision if scope == "read" else self.place.branch
        return url if self.place.is_bucket else f"{url}/{_quoted(revision)}"

    def fetch(self, path: str, target: BinaryIO, digests: Iterable[Any]) -> int:
        """Write a file as it comes by plain HTTP; returns how many bytes there were."""
        count, used = 0, list(digests)
        with get_session().stream(
            "GET",
            self._file(path),
            headers={**self.headers, "Accept-Encoding": "identity"},
            timeout=self.settings.timeout,
        ) as answer:
            hf_raise_for_status(answer)
            for block in answer.iter_bytes(_BLOCK):
                target.write(block)
                for digest in used:
                    digest.update(block)
                count += len(block)
        return count

    def read(self, path: str, start: int, length: int) -> bytes:
        """Read a part of a file by plain HTTP; empty behind its end."""
        headers = {"Range": f"bytes={start}-{start + length - 1}", "Accept-Encoding": "identity"}
        answer = self._ask("GET", self._file(path), headers=headers, beyond=True)
        content: bytes = b"" if answer.status_code == 416 else answer.content  # noqa: PLR2004
        # A server that knows no ranges sends everything.
        return content if answer.status_code == 206 else content[start : start + length]  # noqa: PLR2004

    def link(self, path: str) -> Link:
        """Return an address of a file; one that needs no token has a size."""
        session, url = get_session(), self._file(path)
        answer = session.head(
            url, headers=self.headers, timeout=self.settings.timeout, follow_redirects=False
        )
        hf_raise_for_status(answer)
        address = answer.headers.get("Location", "")
        size = answer.headers.get("X-Linked-Size", "")
        # Without such a size it is a file of Git, which the Hub sends by itself to whom it knows.
        if not (address and size.isdigit()):
            return Link(url, None)
        return Link(urllib.parse.urljoin(url, address), int(size))

    def _file(self, path: str) -> str:
        where = "" if self.place.is_bucket else f"/{_quoted(self.revision)}"
        return f"{self._pages}/resolve{where}/{urllib.parse.quote(path)}"

    def _ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        there_already: bool = False,
        beyond: bool = False,
        **what: Any,  # noqa: ANN401  # of the session's request
    ) -> Any:  # noqa: ANN401  # httpx's response, of the version that huggingface_hub uses
        answer = get_session().request(
            method,
            url,
            headers={**self.headers, **(headers or {})},
            timeout=self.settings.timeout,
            **what,
        )
        fine = (there_already and answer.status_code == 409) or (  # noqa: PLR2004
            beyond and answer.status_code == 416  # noqa: PLR2004
        )
        if not fine:
            hf_raise_for_status(answer)
        return answer


def _lines(items: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _on(endpoint: str, url: str) -> str:
    """Return the same address on the Hub that is used: a private Hub may name itself otherwise.

    One behind a proxy has a path of its own, which the addresses of the Hub do not know of.
    """
    parts = urllib.parse.urlsplit(url)
    own = urllib.parse.urlsplit(endpoint)
    path = parts.path if f"{parts.path}/".startswith(f"{own.path}/") else own.path + parts.path
    return urllib.parse.urlunsplit((own.scheme, own.netloc, path, parts.query, ""))


def _entry(item: dict[str, Any]) -> Entry:
    large = item.get("lfs") or {}
    return Entry(
        path=item["path"],
        is_folder=item["type"] == "directory",
        size=item.get("size") or 0,
        blob="" if large else item.get("oid", ""),
        sha256=large.get("oid", ""),
        xet=item.get("xetHash") or "",
    )


__all__ = [
    "PATHS_AT_ONCE",
    "PREUPLOAD_FILES",
    "Candidate",
    "Entry",
    "EntryNotFoundError",
    "HubClient",
    "Link",
    "RevisionNotFoundError",
]
