"""Transfers past MLflow's server, for repositories that have the base classes for them."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.check import check, error_of, mixin
from mlflow_plugin_testing.artifacts.content import Content, digest_of
from mlflow_plugin_testing.artifacts.transfers import fetch, put
from mlflow_plugin_testing.pair import NotImplementedByStoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mlflow_plugin_testing.artifacts.bench import Bench
    from mlflow_plugin_testing.artifacts.repository import ContentRepository

__all__ = ["Mixins"]

# The smallest part that Amazon S3 takes, but for the last one (Amazon S3 User Guide, multipart upload limits).
_PART = 5 << 20


class Mixins:
    """Tests of the optional base classes. MLflow's server asks by `isinstance` which of them a repository has."""

    @check(ArtifactCapability.MULTIPART_UPLOAD)
    def test_a_file_is_uploaded_in_parts(self, bench: Bench) -> None:
        """Each part by the URL made for it; the file is there when the upload is completed, and not before."""
        repository = _having(bench, "MultipartUploadMixin")
        first, second = Content(_PART, seed=1), Content(1_000, seed=2)
        created = repository.call("create_multipart_upload", "a.bin", 2, "f")

        assert [credential.part_number for credential in created.credentials] == [1, 2]
        parts = _sent(created.credentials, [bytes(first), bytes(second)])
        assert bench.stored() == {}, "the file is visible before the upload is completed"
        repository.call("complete_multipart_upload", "a.bin", created.upload_id, parts, "f")
        assert bench.stored() == {"f/a.bin": digest_of(bytes(first) + bytes(second))}
        assert repository.list_artifacts("f")[0]["file_size"] == _PART + 1_000

    @check(ArtifactCapability.MULTIPART_UPLOAD)
    def test_a_file_of_one_part_is_uploaded_in_place_of_an_older_one(self, bench: Bench) -> None:
        """At the root, by `num_parts=1`."""
        repository = _having(bench, "MultipartUploadMixin")
        repository.log_artifact("a.bin", b"a longer content that was there before")
        created = repository.call("create_multipart_upload", "a.bin", num_parts=1)
        parts = _sent(created.credentials, [b"short"])
        repository.call("complete_multipart_upload", "a.bin", created.upload_id, parts)

        assert bench.stored() == {"a.bin": digest_of(b"short")}

    @check(ArtifactCapability.MULTIPART_UPLOAD)
    def test_an_aborted_upload_leaves_nothing(self, bench: Bench) -> None:
        """The file that was there before stays, and the upload cannot be completed any more."""
        repository = _having(bench, "MultipartUploadMixin")
        repository.log_artifact("a.bin", b"before", "f")
        created = repository.call("create_multipart_upload", "a.bin", 1, "f")
        parts = _sent(created.credentials, [b"after"])
        repository.call("abort_multipart_upload", "a.bin", created.upload_id, "f")

        assert bench.stored() == {"f/a.bin": digest_of(b"before")}
        error = error_of(
            repository.call, "complete_multipart_upload", "a.bin", created.upload_id, parts, "f"
        )
        assert error is not None, "an upload was completed after it had been aborted"
        assert bench.stored() == {"f/a.bin": digest_of(b"before")}

    @check(ArtifactCapability.PRESIGNED_DOWNLOAD)
    def test_a_file_is_fetched_by_its_presigned_url(self, bench: Bench) -> None:
        """With its exact size, and a name of several kinds of letters."""
        repository = _having(bench, "MultipartDownloadMixin")
        repository.log_artifact("a é+b.bin", Content(70_000, seed=1), "f")
        signed = repository.call("get_download_presigned_url", "f/a é+b.bin")

        assert signed.file_size in {70_000, None}
        assert digest_of(fetch(signed.url, signed.headers)) == digest_of(Content(70_000, seed=1))

    @check(ArtifactCapability.PRESIGNED_DOWNLOAD)
    def test_a_missing_file_has_no_presigned_url(self, bench: Bench) -> None:
        """MLflow's server passes the error on."""
        repository = _having(bench, "MultipartDownloadMixin")
        repository.log_artifact("there", b"x")
        error = error_of(repository.call, "get_download_presigned_url", "missing")

        assert getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST", f"got {error!r}"

    @check(ArtifactCapability.PRESIGNED_DOWNLOAD)
    def test_a_presigned_url_expires(self, bench: Bench) -> None:
        """It lets anybody in who has it, so it has an end."""
        repository = _having(bench, "MultipartDownloadMixin")
        repository.log_artifact("a.bin", b"x")
        signed = repository.call("get_download_presigned_url", "a.bin", expiration=1)
        assert fetch(signed.url, signed.headers) == b"x"
        end = time.monotonic() + 30
        refused = None
        while refused is None and time.monotonic() < end:
            time.sleep(0.25)
            refused = error_of(_fetched, signed)

        assert refused is not None, "a URL that was signed for one second is good after thirty"

    @check(ArtifactCapability.PRESIGNED_UPLOAD)
    def test_a_file_is_sent_by_its_presigned_url(self, bench: Bench) -> None:
        """With the headers that the answer names."""
        repository = _having(bench, "PresignedUploadMixin")
        content = Content(70_000, seed=4)
        signed = repository.call("create_presigned_upload_url", "f/model é.bin")
        assert bench.stored() == {}, "something is stored before anything was sent"
        put(signed.presigned_url, bytes(content), signed.headers)

        assert bench.stored() == {"f/model é.bin": digest_of(content)}

    @check(ArtifactCapability.STREAM_UPLOAD)
    def test_a_file_is_logged_from_a_stream(self, bench: Bench) -> None:
        """In place of an older one, at the root and in a folder; folders in the file's name do not count."""
        repository = _having(bench, "StreamUploadMixin")
        content = Content(2_500_000, seed=5)
        repository.log_artifact("a.bin", b"before", "f")
        repository.log_artifact_from_stream(io.BytesIO(bytes(content)), "a.bin", "f")
        repository.log_artifact_from_stream(io.BytesIO(b""), "elsewhere/empty")

        assert bench.stored() == {"empty": digest_of(b""), "f/a.bin": digest_of(content)}

    @check(ArtifactCapability.STREAM_UPLOAD)
    def test_a_file_is_logged_from_an_asynchronous_stream(self, bench: Bench) -> None:
        """In pieces of all sizes."""
        repository = _having(bench, "StreamUploadMixin")
        pieces = [b"", b"a", b"b" * 1_500_000, b"", b"c"]
        repository.log_artifact_from_async_stream(_stream(pieces), "a.bin", "f")
        repository.log_artifact_from_async_stream(_stream([]), "empty")

        assert bench.stored() == {
            "empty": digest_of(b""),
            "f/a.bin": digest_of(b"".join(pieces)),
        }

    @check(ArtifactCapability.STREAM_UPLOAD)
    def test_a_stream_that_breaks_off_stores_nothing(self, bench: Bench) -> None:
        """A client that goes away half-way leaves what was there before."""
        repository = _having(bench, "StreamUploadMixin")
        repository.log_artifact("a.bin", b"before")
        broken = _Broken()
        error = error_of(repository.log_artifact_from_stream, broken, "a.bin")
        assert isinstance(error, Exception), "a stream broke off and no error was raised"
        error = error_of(
            repository.log_artifact_from_async_stream,
            _stream([b"x" * 500_000], broken=True),
            "a.bin",
        )

        assert isinstance(error, Exception), "a stream broke off and no error was raised"
        assert bench.stored() == {"a.bin": digest_of(b"before")}

    @check(ArtifactCapability.STREAM_UPLOAD)
    def test_a_stream_is_not_logged_outside(self, bench: Bench) -> None:
        """A path that leads upwards is refused, as for files."""
        repository = _having(bench, "StreamUploadMixin", below="inside")
        for folder in ("../beside", "/beside", "a/../../beside"):
            error_of(repository.log_artifact_from_stream, io.BytesIO(b"x"), "a.bin", folder)
        error_of(repository.log_artifact_from_stream, io.BytesIO(b"x"), "../a.bin")

        outside = [path for path in bench.stored() if not path.startswith("inside/")]
        assert not outside, f"a stream was stored outside of the repository: {outside}"


class _Broken(io.RawIOBase):
    def __init__(self) -> None:
        super().__init__()
        self._left = 3

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self._left -= 1
        if self._left < 0:
            message = "the client went away"
            raise ConnectionResetError(message)
        return b"x" * (200_000 if size < 0 else min(size, 200_000))

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


async def _stream(pieces: list[bytes], *, broken: bool = False) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if broken:
        message = "the client went away"
        raise ConnectionResetError(message)


def _having(bench: Bench, name: str, below: str = "") -> ContentRepository:
    repository = bench.candidate(below)
    if not isinstance(repository.raw, mixin(name)):
        raise NotImplementedByStoreError(name, "the repository does not inherit from it")
    return repository


def _sent(credentials: list[Any], parts: list[bytes]) -> list[Any]:
    from mlflow.entities.multipart_upload import MultipartUploadPart

    return [
        MultipartUploadPart(
            credential.part_number, put(credential.url, data, credential.headers), credential.url
        )
        for credential, data in zip(credentials, parts, strict=True)
    ]


def _fetched(signed: Any) -> bytes:
    return fetch(signed.url, signed.headers)
