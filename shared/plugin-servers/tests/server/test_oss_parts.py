"""OSS makes one object of parts that come from a client or from another object, and copies objects."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from aliyun import old_client, oss2

from mlflow_plugin_servers.oss_crc64 import crc64
from mlflow_plugin_servers.oss_requests import Refused, request

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow_plugin_servers.oss_server import Bucket, OssServer

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

# Two parts of 100 KB, the smallest that OSS takes, and a shorter one.
PART = 102_400


@pytest.fixture
def any_bucket(oss_bucket: Bucket) -> oss2.Bucket:
    return old_client(oss_bucket)


def test_an_upload_in_parts_of_100_kb_is_one_object(any_bucket: oss2.Bucket) -> None:
    pieces = [os.urandom(PART), os.urandom(PART), os.urandom(7)]
    upload = any_bucket.init_multipart_upload("k", headers={"x-oss-meta-a": "1"}).upload_id
    parts = [
        oss2.models.PartInfo(number, done.etag, size=len(piece), part_crc=done.crc)
        for number, piece in enumerate(pieces, 1)
        for done in [any_bucket.upload_part("k", upload, number, piece)]
    ]

    assert [each.upload_id for each in oss2.MultipartUploadIterator(any_bucket)] == [upload]
    listed = list(oss2.PartIterator(any_bucket, "k", upload, max_parts=2))
    assert [(each.part_number, each.size) for each in listed] == [(1, PART), (2, PART), (3, 7)]
    done = any_bucket.complete_multipart_upload("k", upload, parts)

    whole = b"".join(pieces)
    got = any_bucket.get_object("k")
    assert got.read() == whole
    assert done.crc == got.server_crc == crc64(whole)
    assert got.headers["x-oss-meta-a"] == "1"
    assert got.headers["x-oss-object-type"] == "Multipart"
    assert got.etag.endswith("-3")
    assert list(oss2.MultipartUploadIterator(any_bucket)) == []


def test_parts_that_are_too_small_missing_or_out_of_order_are_refused(
    any_bucket: oss2.Bucket, oss_server: OssServer
) -> None:
    upload = any_bucket.init_multipart_upload("k").upload_id
    one, two = (any_bucket.upload_part("k", upload, n, b"small").etag for n in (1, 2))

    # Not by oss2, which puts the parts into their order.
    for parts, code in (
        ([(1, one), (2, two)], "EntityTooSmall"),
        ([(2, two), (1, one)], "InvalidPartOrder"),
        ([(1, "0" * 32)], "InvalidPart"),
        ([(7, one)], "InvalidPart"),
    ):
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            for number, etag in parts
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        with pytest.raises(Refused, match=code):
            request(
                oss_server.account,
                "POST",
                any_bucket.bucket_name,
                "k",
                query={"uploadId": upload},
                body=body,
            )


def test_an_aborted_upload_is_gone(any_bucket: oss2.Bucket) -> None:
    upload = any_bucket.init_multipart_upload("k").upload_id
    any_bucket.upload_part("k", upload, 1, b"x")

    any_bucket.abort_multipart_upload("k", upload)

    with pytest.raises(oss2.exceptions.NoSuchUpload):
        any_bucket.upload_part("k", upload, 2, b"x")
    assert not any_bucket.object_exists("k")


def test_a_file_goes_up_and_down_in_parts_and_an_interrupted_one_goes_on(
    any_bucket: oss2.Bucket, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(3_000_001))
    store = oss2.ResumableStore(root=str(tmp_path))
    down = oss2.ResumableDownloadStore(root=str(tmp_path))

    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    options: dict[str, Any] = {"multipart_threshold": 0, "part_size": 200_000, "num_threads": 1}
    with pytest.raises(KeyboardInterrupt):
        oss2.resumable_upload(
            any_bucket, "k", str(source), store=store, progress_callback=stop, **options
        )
    oss2.resumable_upload(
        any_bucket, "k", str(source), store=store, **{**options, "num_threads": 4}
    )
    oss2.resumable_download(
        any_bucket,
        "k",
        str(target),
        store=down,
        multiget_threshold=0,
        part_size=300_000,
        num_threads=4,
    )

    assert target.read_bytes() == source.read_bytes()
    assert any_bucket.head_object("k").server_crc == crc64(source.read_bytes())


def test_a_copy_has_the_bytes_and_the_metadata_or_new_metadata(
    any_bucket: oss2.Bucket, oss_bucket: Bucket
) -> None:
    key, own = "täst/a b", {"x-oss-meta-a": "1"}
    any_bucket.put_object(key, b"text", headers=own)

    any_bucket.copy_object(oss_bucket.name, key, "copy")
    new = {"x-oss-meta-b": "2", "x-oss-metadata-directive": "REPLACE"}
    any_bucket.copy_object(oss_bucket.name, key, "other", headers=new)
    any_bucket.put_object(key, b"changed")

    copy, other = any_bucket.get_object("copy"), any_bucket.get_object("other")
    assert copy.read() == other.read() == b"text"
    assert copy.headers["x-oss-meta-a"] == "1"
    assert "x-oss-meta-a" not in other.headers
    assert other.headers["x-oss-meta-b"] == "2"
    with pytest.raises(oss2.exceptions.NoSuchKey):
        any_bucket.copy_object(oss_bucket.name, "missing", "copy")


def test_a_part_can_be_copied_from_another_object(
    any_bucket: oss2.Bucket, oss_bucket: Bucket
) -> None:
    data = os.urandom(300_000)
    any_bucket.put_object("source", data)
    upload = any_bucket.init_multipart_upload("k").upload_id
    parts = []
    for number, span in enumerate(((0, 149_999), (150_000, 299_999)), 1):
        done = any_bucket.upload_part_copy(oss_bucket.name, "source", span, "k", upload, number)
        parts.append(oss2.models.PartInfo(number, done.etag))

    any_bucket.complete_multipart_upload("k", upload, parts)

    assert any_bucket.get_object("k").read() == data
