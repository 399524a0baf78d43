"""Transfers past MLflow's server: it hands out addresses, and clients talk to the service alone.

    class Repository(PresignedTransfers, StreamUploads, BlobArtifactRepository): ...

The server asks by isinstance which of MLflow's mixins a repository has. This class has all that the
installed MLflow knows, so only a plugin whose `_store` is an `ObjectStore` inherits it. It is loaded
by every `import mlflow` where such a plugin is installed: what a request needs is imported by it.
"""

from __future__ import annotations

import ntpath
import posixpath
import re
from functools import partial
from typing import TYPE_CHECKING

from mlflow.store.artifact.artifact_repo import MultipartUploadMixin

from mlflow_plugin_core import artifact_paths

try:
    from mlflow.store.artifact.artifact_repo import MultipartDownloadMixin
except ImportError:  # MLflow before 3.11: all downloads pass through its server

    class MultipartDownloadMixin:  # type: ignore[no-redef]
        """Stands in where MLflow has no such mixin."""


try:
    from mlflow.store.artifact.artifact_repo import PresignedUploadMixin
except ImportError:  # MLflow before 3.12

    class PresignedUploadMixin:  # type: ignore[no-redef]
        """Stands in where MLflow has no such mixin."""


if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow.entities.multipart_upload import CreateMultipartUploadResponse, MultipartUploadPart
    from mlflow.entities.presigned_download import PresignedDownloadUrlResponse
    from mlflow.entities.presigned_upload import CreatePresignedUploadResponse

    from mlflow_plugin_core.objects.client import Part
    from mlflow_plugin_core.objects.store import ObjectStore

# Signature version 4 allows no more (Amazon S3 API reference, "Authenticating Requests: Using Query
# Parameters", X-Amz-Expires); OSS took the bound over with its own version 4.
LONGEST_SECONDS = 604_800
# The addresses of all parts are made before the first byte is sent, and nobody can ask for new ones
# half-way: 10,000 parts of 100 MB take hours on a slow line.
PART_SECONDS = 43_200
_WINDOWS_PATH = r"[A-Za-z]:[\\/]|\\\\"


class PresignedTransfers(MultipartUploadMixin, MultipartDownloadMixin, PresignedUploadMixin):
    """Adds what MLflow's mixins ask for; name it before the repository's own class."""

    _store: ObjectStore

    def create_multipart_upload(
        self, local_file: str, num_parts: int = 1, artifact_path: str | None = None
    ) -> CreateMultipartUploadResponse:
        """Begin an upload in parts; returns its id and the address of each part.

        Args:
            local_file: The client's path, of which the last component counts.
            num_parts: How many parts the client is going to send.
            artifact_path: Folder below the artifact root.

        Raises:
            MlflowException: INVALID_PARAMETER_VALUE for what is no artifact path and for fewer
                parts than one or more than the service allows; what the service refuses otherwise.
        """
        from mlflow.entities import multipart_upload as entities

        store, path = self._store, _target(local_file, artifact_path)
        client, key = store.client, store.keys.key(path)
        _check_count(path, num_parts, client.limits.max_parts)
        what = f"Cannot begin the upload of {path!r}"
        upload_id = store.calls.request(lambda: client.begin_upload(key), what)
        try:
            requests = [
                store.calls.request(
                    partial(client.sign_part, key, upload_id, number, PART_SECONDS), what
                )
                for number in range(1, num_parts + 1)
            ]
        except BaseException:
            # Nobody would learn the id, and the service keeps an upload until somebody ends it.
            left = f"An unfinished upload of {path!r} is left until `clean` removes it"
            give_up = partial(client.abort_upload, key, upload_id)
            store.calls.attempt_all(
                [lambda: store.calls.for_cleaning().request(give_up, left)], left
            )
            raise
        credentials = [
            entities.MultipartUploadCredential(request.url, number, dict(request.headers))
            for number, request in enumerate(requests, start=1)
        ]
        return entities.CreateMultipartUploadResponse(upload_id, credentials)

    def complete_multipart_upload(
        self,
        local_file: str,
        upload_id: str,
        parts: Sequence[MultipartUploadPart],
        artifact_path: str | None = None,
    ) -> None:
        """Make the parts that a client has sent a file, if the service has them as it says.

        Raises:
            MlflowException: RESOURCE_DOES_NOT_EXIST for an upload that the service does not know
                (any more); INVALID_PARAMETER_VALUE where the client's parts are not the service's.
        """
        store, path = self._store, _target(local_file, artifact_path)
        client, key = store.client, store.keys.key(path)
        what = f"Cannot complete the upload of {path!r}"
        found = store.calls.request(lambda: client.list_parts(key, upload_id), what)
        if found is None:
            raise _no_such_upload(what)
        _complete(store, key, upload_id, _compare(what, parts, found), what)

    def abort_multipart_upload(
        self, local_file: str, upload_id: str, artifact_path: str | None = None
    ) -> None:
        """Give up an upload; succeeds when the service does not know it any more."""
        store, path = self._store, _target(local_file, artifact_path)
        key = store.keys.key(path)
        store.calls.request(
            lambda: store.client.abort_upload(key, upload_id),
            f"Cannot give up the upload of {path!r}",
        )

    def get_download_presigned_url(
        self, artifact_path: str, expiration: int = 300
    ) -> PresignedDownloadUrlResponse:
        """Return an address that reads one file.

        Args:
            artifact_path: The file.
            expiration: Seconds, up to seven days.

        Raises:
            MlflowException: RESOURCE_DOES_NOT_EXIST where no such file is;
                INVALID_PARAMETER_VALUE for a time that no service allows.
        """
        from mlflow.entities.presigned_download import PresignedDownloadUrlResponse

        from mlflow_plugin_core import errors

        store, path = self._store, _file(artifact_path)
        seconds, key = _check_seconds(expiration), store.keys.key(path)
        what = f"Cannot make an address to read {path!r}"
        info = store.calls.request(lambda: store.client.head(key), what)
        if info is None:
            raise errors.not_found(f"No such artifact: '{path}'")
        signed = store.calls.request(lambda: store.client.sign_get(key, seconds), what)
        return PresignedDownloadUrlResponse(signed.url, dict(signed.headers), info.size)

    def create_presigned_upload_url(
        self, artifact_path: str, expiration: int = 900
    ) -> CreatePresignedUploadResponse:
        """Return an address that stores one file, with the headers that have to be sent along.

        Args:
            artifact_path: Where the file lands.
            expiration: Seconds, up to seven days.

        Raises:
            MlflowException: INVALID_PARAMETER_VALUE for what is no artifact path, and for a time
                that no service allows.
        """
        from mlflow.entities.presigned_upload import CreatePresignedUploadResponse

        store, path = self._store, _file(artifact_path)
        seconds, key = _check_seconds(expiration), store.keys.key(path)
        signed = store.calls.request(
            lambda: store.client.sign_put(key, seconds),
            f"Cannot make an address to store {path!r}",
        )
        return CreatePresignedUploadResponse(signed.url, dict(signed.headers))


def _target(local_file: str, artifact_path: str | None) -> str:
    # MLflow's client sends its own whole path, and the client may be a Windows machine.
    flavour = ntpath if re.match(_WINDOWS_PATH, local_file) else posixpath
    folder = artifact_paths.normalize(artifact_path)
    return _file(artifact_paths.join(folder, _file(flavour.basename(local_file))))


def _file(artifact_path: str) -> str:
    path = artifact_paths.normalize(artifact_path)
    if not path:
        from mlflow_plugin_core import errors

        message = f"Invalid artifact path: {artifact_path!r} names no file"
        raise errors.invalid_parameter(message)
    return path


def _check_count(path: str, count: int, most: int) -> None:
    if 1 <= count <= most:
        return
    from mlflow_plugin_core import errors

    message = errors.explain(
        f"Cannot upload {path!r} in {count} parts",
        why=f"the service takes 1 to {most}",
        remedy="set MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE of the client so that its parts are larger"
        if count > most
        else "",
    )
    raise errors.invalid_parameter(message)


def _check_seconds(expiration: int) -> int:
    if 1 <= expiration <= LONGEST_SECONDS:
        return int(expiration)
    from mlflow_plugin_core import errors

    message = f"expiration has to be 1 to {LONGEST_SECONDS} seconds; it is {expiration}"
    raise errors.invalid_parameter(message)


def _complete(
    store: ObjectStore, key: str, upload_id: str, parts: Sequence[Part], what: str
) -> None:
    client = store.client
    before = store.calls.request(lambda: client.head(key), what)
    attempts = 0

    def complete() -> None:
        nonlocal attempts
        attempts += 1
        try:
            client.complete_upload(key, upload_id, parts)
        except Exception:
            # The first attempt may have succeeded, and only its answer was lost.
            if attempts == 1 or client.list_parts(key, upload_id) is not None:
                raise
            now = client.head(key)
            size = sum(part.size for part in parts)
            if now is None or now.size != size or (before and now.etag == before.etag):
                raise

    store.calls.request(complete, what)


def _no_such_upload(what: str) -> Exception:
    from mlflow_plugin_core import errors

    return errors.not_found(
        errors.explain(
            what,
            why="the service does not know it; it was completed, given up or has expired",
            remedy="log the file again",
        )
    )


def _compare(what: str, named: Sequence[MultipartUploadPart], found: Sequence[Part]) -> list[Part]:
    """Return the service's parts in their order, if they are those that the client has named."""
    there = {part.number: part for part in found}
    said = {part.part_number: part.etag for part in named}
    faults = [f"part {number} is not there" for number in sorted(said.keys() - there.keys())]
    # The service would leave it out without a word, and the file would be too short.
    faults += [f"part {number} is not named" for number in sorted(there.keys() - said.keys())]
    # Without an ETag: a browser reads it only where the bucket's CORS rules let it.
    faults += [
        f"part {number} has another ETag"
        for number in sorted(there.keys() & said.keys())
        if said[number] and _bare(said[number]) != _bare(there[number].etag)
    ]
    if not named:
        faults = ["it names no parts"]
    elif len(said) != len(named):
        faults = ["it names a part twice"]
    if not faults:
        return [there[number] for number in sorted(there)]
    from mlflow_plugin_core import errors

    more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""  # noqa: PLR2004  # enough to see
    message = errors.explain(
        what,
        why=f"{', '.join(faults[:3])}{more}",
        remedy="send those parts again, or give the upload up and log the file again",
    )
    raise errors.invalid_parameter(message)


def _bare(etag: str | None) -> str:
    # OSS writes hexadecimal digits in upper case, its gateways not always.
    return (etag or "").strip().strip('"').lower()
