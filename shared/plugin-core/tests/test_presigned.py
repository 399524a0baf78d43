"""What MLflow's server hands out for an object service, and what it makes of what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from mlflow.entities.multipart_upload import MultipartUploadPart
from mlflow.exceptions import MlflowException
from mlflow.store.artifact import artifact_repo

from mlflow_plugin_core import errors
from mlflow_plugin_core.artifacts import BlobArtifactRepository
from mlflow_plugin_core.objects.calls import Calls
from mlflow_plugin_core.objects.client import Limits, ObjectInfo, Part, SignedRequest
from mlflow_plugin_core.objects.keys import Keys
from mlflow_plugin_core.objects.presigned import PresignedTransfers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HAS_DOWNLOADS = hasattr(artifact_repo, "MultipartDownloadMixin")
HAS_UPLOADS = hasattr(artifact_repo, "PresignedUploadMixin")


@dataclass
class Service:
    """What presigned transfers need of a client; remembers what it was asked."""

    limits: Limits = field(default_factory=lambda: Limits(max_parts=5))
    objects: dict[str, int] = field(default_factory=dict)
    uploads: dict[str, list[Part]] = field(default_factory=dict)
    completed: list[Sequence[Part]] = field(default_factory=list)
    broken_at: int = 0

    def head(self, key: str) -> ObjectInfo | None:
        return ObjectInfo(key, self.objects[key]) if key in self.objects else None

    def begin_upload(self, key: str) -> str:
        self.uploads[key] = []
        return f"id of {key}"

    def list_parts(self, key: str, upload_id: str) -> list[Part] | None:
        assert upload_id == f"id of {key}"
        return self.uploads.get(key)

    def complete_upload(self, key: str, _upload_id: str, parts: Sequence[Part]) -> ObjectInfo:
        self.completed.append(parts)
        return ObjectInfo(key, sum(part.size for part in parts))

    def abort_upload(self, key: str, _upload_id: str) -> None:
        self.uploads.pop(key, None)

    def sign_part(self, key: str, upload_id: str, number: int, seconds: int) -> SignedRequest:
        if number == self.broken_at:
            raise OSError("no credentials to sign with")
        return SignedRequest(f"part://{key}/{upload_id}/{number}/{seconds}", {"x-part": "1"})

    def sign_get(self, key: str, seconds: int) -> SignedRequest:
        return SignedRequest(f"get://{key}/{seconds}", {"x-get": "1"})

    def sign_put(self, key: str, seconds: int) -> SignedRequest:
        return SignedRequest(f"put://{key}/{seconds}", {"x-put": "1"})

    def translate(self, error: Exception, what: str) -> MlflowException:
        return errors.unavailable(f"Cannot {what}: {error}", cause=error)

    def retryable(self, _error: Exception) -> bool:
        return False


class Store:
    """The three attributes of an `ObjectStore` that presigned transfers go through."""

    def __init__(self, service: Service) -> None:
        self.client = service
        self.keys = Keys("root", service.limits.max_key_bytes)
        self.calls = Calls(service, 0, "fake://bucket/root")  # type: ignore[arg-type]


class Repository(PresignedTransfers, BlobArtifactRepository):
    service: Service

    def _open_store(self) -> Any:
        self.service = Service()
        return Store(self.service)


@pytest.fixture
def repository() -> Repository:
    return Repository("fake://bucket/root")


def sent(*etags: str | None) -> list[MultipartUploadPart]:
    return [MultipartUploadPart(number, etag) for number, etag in enumerate(etags, start=1)]


def test_the_server_sees_all_mixins_that_the_installed_mlflow_has(repository: Repository) -> None:
    names = ["MultipartUploadMixin", "MultipartDownloadMixin", "PresignedUploadMixin"]
    known = [getattr(artifact_repo, name) for name in names if hasattr(artifact_repo, name)]

    assert known
    assert all(isinstance(repository, mixin) for mixin in known)


def test_an_upload_has_an_address_for_each_part_that_lasts_for_hours(
    repository: Repository,
) -> None:
    made = repository.create_multipart_upload("/home/me/größe x.bin", 2, "a/b")

    assert made.upload_id == "id of root/a/b/größe x.bin"
    assert [(each.part_number, each.url, each.headers) for each in made.credentials] == [
        (number, f"part://root/a/b/größe x.bin/{made.upload_id}/{number}/43200", {"x-part": "1"})
        for number in (1, 2)
    ]
    # What the server sends is a protocol buffer: what does not fit into it fails here.
    assert len(made.to_proto().credentials) == 2


@pytest.mark.parametrize(
    "local", [r"C:\Users\me\model.bin", "C:/Users/me/model.bin", r"\\host\share\model.bin"]
)
def test_a_clients_windows_path_counts_by_its_last_component(
    local: str, repository: Repository
) -> None:
    repository.create_multipart_upload(local, 1, "a")

    assert list(repository.service.uploads) == ["root/a/model.bin"]


@pytest.mark.parametrize("count", [-1, 0, 6])
def test_more_parts_than_the_service_takes_are_refused_before_anything_is_begun(
    count: int, repository: Repository
) -> None:
    with pytest.raises(MlflowException, match=rf"in {count} parts.*the service takes 1 to 5") as e:
        repository.create_multipart_upload("a.bin", count)

    assert e.value.error_code == "INVALID_PARAMETER_VALUE"
    assert ("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE" in e.value.message) == (count > 5)
    assert repository.service.uploads == {}


def test_an_upload_whose_parts_cannot_be_signed_is_given_up(repository: Repository) -> None:
    repository.service.broken_at = 2

    with pytest.raises(MlflowException, match="no credentials to sign with"):
        repository.create_multipart_upload("a.bin", 3)

    assert repository.service.uploads == {}


def begun(repository: Repository, *etags: str) -> str:
    """Begin an upload to root/f/a.bin and have the service hold these parts of it."""
    upload_id = repository.create_multipart_upload("a.bin", len(etags), "f").upload_id
    repository.service.uploads["root/f/a.bin"] = [
        Part(number, 10, etag) for number, etag in enumerate(etags, start=1)
    ]
    assert upload_id is not None
    return upload_id


@pytest.mark.parametrize(
    "etags",
    [('"aa"', '"bb"'), ("AA", "BB"), (None, "bb"), ("", "")],
    ids=["quoted", "upper case", "one unknown", "all unknown"],
)
def test_an_upload_is_completed_with_the_services_own_parts_in_order(
    etags: tuple[str | None, ...], repository: Repository
) -> None:
    upload_id = begun(repository, "aa", "bb")

    repository.complete_multipart_upload("a.bin", upload_id, sent(*etags)[::-1], "f")

    assert repository.service.completed == [[Part(1, 10, "aa"), Part(2, 10, "bb")]]


@pytest.mark.parametrize(
    ("named", "why"),
    [
        (sent("aa"), "part 2 is not named"),
        (sent("aa", "bb", "cc"), "part 3 is not there"),
        (sent("aa", "cc"), "part 2 has another ETag"),
        ([*sent("aa", "bb"), MultipartUploadPart(2, "bb")], "it names a part twice"),
        ([], "it names no parts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_upload_is_not_completed_with_other_parts_than_the_service_has(
    named: list[MultipartUploadPart], why: str, repository: Repository
) -> None:
    upload_id = begun(repository, "aa", "bb")

    with pytest.raises(MlflowException, match=f"Cannot complete.*'f/a.bin'.*{why}") as error:
        repository.complete_multipart_upload("a.bin", upload_id, named, "f")

    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert repository.service.completed == []


def test_a_message_about_many_wrong_parts_stays_short(repository: Repository) -> None:
    upload_id = begun(repository, "a", "b", "c", "d", "e")

    with pytest.raises(MlflowException, match="part 3 has another ETag and 2 more") as error:
        repository.complete_multipart_upload("a.bin", upload_id, sent(*"vwxyz"), "f")

    assert "part 4" not in error.value.message


def test_an_upload_that_was_given_up_cannot_be_completed(repository: Repository) -> None:
    upload_id = begun(repository, "aa")
    repository.abort_multipart_upload("a.bin", upload_id, "f")
    repository.abort_multipart_upload("a.bin", upload_id, "f")

    with pytest.raises(MlflowException, match="does not know it") as error:
        repository.complete_multipart_upload("a.bin", upload_id, sent("aa"), "f")

    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.skipif(not HAS_DOWNLOADS, reason="MLflow has it since 3.11")
def test_a_file_has_an_address_with_its_size(repository: Repository) -> None:
    repository.service.objects["root/a b/c"] = 7

    made = repository.get_download_presigned_url("a b/c")

    assert (made.url, made.headers, made.file_size) == ("get://root/a b/c/300", {"x-get": "1"}, 7)


@pytest.mark.skipif(not HAS_DOWNLOADS, reason="MLflow has it since 3.11")
def test_a_missing_file_has_no_address(repository: Repository) -> None:
    with pytest.raises(MlflowException, match="No such artifact: 'a'") as error:
        repository.get_download_presigned_url("a")

    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.skipif(not HAS_UPLOADS, reason="MLflow has it since 3.12")
def test_a_file_can_be_stored_by_an_address(repository: Repository) -> None:
    made = repository.create_presigned_upload_url("models/é.bin")

    assert (made.presigned_url, made.headers) == ("put://root/models/é.bin/900", {"x-put": "1"})


@pytest.mark.skipif(not HAS_UPLOADS, reason="MLflow has both since 3.12")
@pytest.mark.parametrize("seconds", [-1, 0, 604_801])
def test_an_address_lives_no_longer_than_services_allow(
    seconds: int, repository: Repository
) -> None:
    repository.service.objects["root/a"] = 1
    ways: list[Callable[..., object]] = [
        repository.get_download_presigned_url,
        repository.create_presigned_upload_url,
    ]
    for way in ways:
        with pytest.raises(MlflowException, match="1 to 604800 seconds; it is") as error:
            way("a", expiration=seconds)
        assert error.value.error_code == "INVALID_PARAMETER_VALUE"
        way("a", expiration=604_800)


@pytest.mark.skipif(not HAS_UPLOADS, reason="MLflow has all of them since 3.12")
@pytest.mark.parametrize("path", ["", "/a", "../a", "a//b", "a/%2e%2e/b", "a\nb"])
def test_what_is_no_artifact_path_has_no_address(path: str, repository: Repository) -> None:
    ways: list[Callable[[], object]] = [
        lambda: repository.get_download_presigned_url(path),
        lambda: repository.create_presigned_upload_url(path),
        lambda: repository.create_multipart_upload("", 1, path),
        lambda: repository.complete_multipart_upload("..", "id", sent("a"), path),
        lambda: repository.abort_multipart_upload("a\n", "id", path),
    ]
    for way in ways:
        with pytest.raises(MlflowException, match="Invalid artifact path") as error:
            way()
        assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert repository.service.uploads == {}
