"""What MLflow's server hands out for an object service, and what it makes of what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mlflow.entities.multipart_upload import MultipartUploadPart
from mlflow.exceptions import MlflowException
from mlflow.store.artifact import artifact_repo
from object_service import FakeService, ServiceError, Stored, md5

from mlflow_plugin_core.artifacts import BlobArtifactRepository
from mlflow_plugin_core.objects.client import Limits, ObjectInfo, Part, SignedRequest
from mlflow_plugin_core.objects.presigned import PresignedTransfers
from mlflow_plugin_core.objects.settings import TransferSettings
from mlflow_plugin_core.objects.store import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HAS_DOWNLOADS = hasattr(artifact_repo, "MultipartDownloadMixin")
HAS_UPLOADS = hasattr(artifact_repo, "PresignedUploadMixin")


class Service(FakeService):
    """A service that signs by writing down what was asked for.

    Attributes:
        lost_answers: What happens to the next answers of completed uploads.
    """

    def __init__(self) -> None:
        super().__init__(Limits(max_parts=5, min_part_bytes=1))
        self.lost_answers: list[Exception] = []

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> ObjectInfo:
        info = super().complete_upload(key, upload_id, parts)
        if self.lost_answers:
            raise self.lost_answers.pop()
        return info

    def sign_get(self, key: str, seconds: int) -> SignedRequest:
        return SignedRequest(f"get://{key}/{seconds}", {"x-get": "1"})

    def sign_put(self, key: str, seconds: int) -> SignedRequest:
        return SignedRequest(f"put://{key}/{seconds}", {"x-put": "1"})

    def sign_part(self, key: str, upload_id: str, number: int, seconds: int) -> SignedRequest:
        with self._request("sign_part", key, number):
            return SignedRequest(f"part://{key}/{upload_id}/{number}/{seconds}", {"x-part": "1"})


class Repository(PresignedTransfers, BlobArtifactRepository):
    service: Service

    def _open_store(self) -> ObjectStore:
        self.service = Service()
        settings = TransferSettings.load({})
        return ObjectStore(self.service, settings, root="root", location=self.artifact_uri)


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

    assert made.upload_id == "upload-1"
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

    assert [each.key for each in repository.service.uploads.values()] == ["root/a/model.bin"]


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
    repository.service.fail("sign_part", ServiceError("NoCredentials"), number=2)

    with pytest.raises(MlflowException, match="NoCredentials"):
        repository.create_multipart_upload("a.bin", 3)

    assert repository.service.uploads == {}


def begun(repository: Repository, *parts: bytes) -> str:
    """Begin an upload to root/f/a.bin whose parts the service has."""
    upload_id = repository.create_multipart_upload("a.bin", len(parts), "f").upload_id
    assert upload_id is not None
    repository.service.uploads[upload_id].parts.update(enumerate(parts, start=1))
    return upload_id


AA, BB = md5(b"aa"), md5(b"bb")


@pytest.mark.parametrize(
    "etags",
    [(f'"{AA}"', f'"{BB}"'), (AA.upper(), BB.upper()), (None, BB), ("", "")],
    ids=["quoted", "upper case", "one unknown", "all unknown"],
)
def test_an_upload_is_completed_with_the_services_own_parts_in_order(
    etags: tuple[str | None, ...], repository: Repository
) -> None:
    upload_id = begun(repository, b"aa", b"bb")

    repository.complete_multipart_upload("a.bin", upload_id, sent(*etags)[::-1], "f")

    assert repository.service.objects["root/f/a.bin"].data == b"aabb"
    assert repository.service.uploads == {}


@pytest.mark.parametrize(
    ("named", "why"),
    [
        (sent(AA), "part 2 is not named"),
        (sent(AA, BB, BB), "part 3 is not there"),
        (sent(AA, AA), "part 2 has another ETag"),
        ([*sent(AA, BB), MultipartUploadPart(2, BB)], "it names a part twice"),
        ([], "it names no parts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_upload_is_not_completed_with_other_parts_than_the_service_has(
    named: list[MultipartUploadPart], why: str, repository: Repository
) -> None:
    upload_id = begun(repository, b"aa", b"bb")

    with pytest.raises(MlflowException, match=f"Cannot complete.*'f/a.bin'.*{why}") as error:
        repository.complete_multipart_upload("a.bin", upload_id, named, "f")

    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert repository.service.objects == {}


def test_a_message_about_many_wrong_parts_stays_short(repository: Repository) -> None:
    upload_id = begun(repository, b"a", b"b", b"c", b"d", b"e")

    with pytest.raises(MlflowException, match="part 3 has another ETag and 2 more") as error:
        repository.complete_multipart_upload("a.bin", upload_id, sent(*"vwxyz"), "f")

    assert "part 4" not in error.value.message


def test_an_upload_that_was_given_up_cannot_be_completed(repository: Repository) -> None:
    upload_id = begun(repository, b"aa")
    repository.abort_multipart_upload("a.bin", upload_id, "f")
    repository.abort_multipart_upload("a.bin", upload_id, "f")

    with pytest.raises(MlflowException, match="does not know it") as error:
        repository.complete_multipart_upload("a.bin", upload_id, sent(AA), "f")

    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize("before", [None, b"bb", b"aa"], ids=["new", "other", "same"])
def test_a_completion_whose_answer_is_lost_succeeds_only_where_it_can_be_seen(
    before: bytes | None, repository: Repository
) -> None:
    service = repository.service
    if before:
        service.objects["root/f/a.bin"] = Stored(before)
    upload_id = begun(repository, b"aa")
    service.lost_answers = [ConnectionResetError("the answer is lost")]

    if before == b"aa":
        # The same content was there before, so nobody can tell who has ended the upload.
        with pytest.raises(MlflowException, match="NoSuchUpload"):
            repository.complete_multipart_upload("a.bin", upload_id, sent(AA), "f")
    else:
        repository.complete_multipart_upload("a.bin", upload_id, sent(AA), "f")

    assert service.objects["root/f/a.bin"].data == b"aa"
    assert service.calls["complete_upload"] == 2


@pytest.mark.skipif(not HAS_DOWNLOADS, reason="MLflow has it since 3.11")
def test_a_file_has_an_address_with_its_size(repository: Repository) -> None:
    repository.service.objects["root/a b/c"] = Stored(b"content")

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
    repository.service.objects["root/a"] = Stored(b"x")
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
