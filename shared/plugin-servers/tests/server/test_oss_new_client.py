"""The OSS server as Alibaba's newer client (alibabacloud-oss-v2) finds it."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Any

import pytest
import requests
from aliyun import client, code_of, oss

from mlflow_plugin_servers.oss_crc64 import crc64

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow_plugin_servers.oss_server import Bucket

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

PART = 102_400


class Box:
    """The client with the name of one bucket filled in."""

    def __init__(self, bucket: Bucket, version: str) -> None:
        self.client = client(bucket, signature_version=version)
        self.name = bucket.name

    def do(self, request: str, **facts: Any) -> Any:
        return getattr(self.client, _snake(request))(self.ask(request, **facts))

    def ask(self, request: str, **facts: Any) -> Any:
        return getattr(oss, f"{request}Request")(bucket=self.name, **facts)


def _snake(name: str) -> str:
    letters = (f"_{each.lower()}" if each.isupper() else each for each in name)
    return "".join(letters).lstrip("_")


@pytest.fixture(params=["v1", "v4"])
def box(request: pytest.FixtureRequest, oss_bucket: Bucket) -> Box:
    return Box(oss_bucket, request.param)


def test_an_object_goes_up_and_comes_back_with_metadata_and_checksum(box: Box) -> None:
    key, data = "a b/ü+&?/中文", os.urandom(100_003)

    put = box.do("PutObject", key=key, body=data, metadata={"run": "7"}, content_type="text/x")
    got = box.do("GetObject", key=key)
    head = box.do("HeadObject", key=key)
    meta = box.do("GetObjectMeta", key=key)

    assert got.body.content == data
    assert put.hash_crc64 == got.hash_crc64 == head.hash_crc64 == str(crc64(data))
    assert (head.content_length, head.content_type, head.metadata["run"]) == (
        100_003,
        "text/x",
        "7",
    )
    assert (meta.content_length, head.object_type) == (100_003, "Normal")
    assert box.client.is_object_exist(box.name, key)
    assert box.do("DeleteObject", key=key).status_code == 204
    assert not box.client.is_object_exist(box.name, key)


def test_what_is_missing_is_said_with_code_and_ec(box: Box) -> None:
    with pytest.raises(oss.exceptions.OperationError) as get:
        box.do("GetObject", key="missing")
    with pytest.raises(oss.exceptions.OperationError) as head:
        box.do("HeadObject", key="missing")

    assert code_of(get.value) == code_of(head.value) == (404, "NoSuchKey", "0026-00000001")


def test_ranges_and_conditions_are_kept(box: Box) -> None:
    etag = box.do("PutObject", key="k", body=b"0123456789").etag

    part = box.do("GetObject", key="k", range_header="bytes=2-4")
    end = box.do("GetObject", key="k", range_header="bytes=7-99", range_behavior="standard")
    with pytest.raises(oss.exceptions.OperationError) as same:
        box.do("GetObject", key="k", if_none_match=etag)
    with pytest.raises(oss.exceptions.OperationError) as there:
        box.do("PutObject", key="k", body=b"", forbid_overwrite=True)

    assert (part.status_code, part.body.content, part.content_range) == (
        206,
        b"234",
        "bytes 2-4/10",
    )
    assert end.body.content == b"789"
    assert code_of(same.value)[0] == 304
    assert code_of(there.value)[:2] == (409, "FileAlreadyExists")


def test_lists_come_page_by_page_with_folders(box: Box) -> None:
    keys = sorted([f"p/{n % 3}/ü {n}" for n in range(30)] + ["p/x", "q"], key=str.encode)
    for key in keys:
        box.do("PutObject", key=key, body=b"")

    def pages(name: str, request: str, **facts: Any) -> list[Any]:
        paginator = getattr(box.client, f"{name}_paginator")()
        return list(paginator.iter_page(box.ask(request, max_keys=7, **facts)))

    for name, request in (
        ("list_objects", "ListObjects"),
        ("list_objects_v2", "ListObjectsV2"),
    ):
        whole = pages(name, request)
        assert [each.key for page in whole for each in page.contents] == keys
        assert len(whole) == 5
        (page,) = pages(name, request, prefix="p/", delimiter="/")
        assert [each.prefix for each in page.common_prefixes] == ["p/0/", "p/1/", "p/2/"]
        assert [each.key for each in page.contents] == ["p/x"]


def test_a_batch_delete_tells_or_keeps_quiet(box: Box) -> None:
    def delete(quiet: bool) -> Any:
        objects = [oss.DeleteObject(key=key) for key in ("a", "b ü", "missing")]
        box.do("PutObject", key="b ü", body=b"")
        return box.do("DeleteMultipleObjects", objects=objects, quiet=quiet)

    assert [each.key for each in delete(False).deleted_objects] == ["a", "b ü", "missing"]
    assert not delete(True).deleted_objects
    assert not box.client.is_object_exist(box.name, "b ü")


def test_parts_go_up_one_by_one(box: Box) -> None:
    pieces = [os.urandom(PART), b"end"]
    upload = box.do("InitiateMultipartUpload", key="k ü").upload_id
    parts = [
        oss.UploadPart(
            part_number=number,
            etag=box.do(
                "UploadPart", key="k ü", upload_id=upload, part_number=number, body=piece
            ).etag,
        )
        for number, piece in enumerate(pieces, 1)
    ]
    listed = box.do("ListParts", key="k ü", upload_id=upload)
    uploads = box.do("ListMultipartUploads")

    done = box.do(
        "CompleteMultipartUpload",
        key="k ü",
        upload_id=upload,
        complete_multipart_upload=oss.CompleteMultipartUpload(parts=parts),
    )

    assert [(each.part_number, each.size) for each in listed.parts] == [(1, PART), (2, 3)]
    assert [(each.key, each.upload_id) for each in uploads.uploads] == [("k ü", upload)]
    assert done.hash_crc64 == str(crc64(b"".join(pieces)))
    assert done.key == "k ü"
    assert box.do("GetObject", key="k ü").body.content == b"".join(pieces)
    other = box.do("InitiateMultipartUpload", key="k").upload_id
    box.do("AbortMultipartUpload", key="k", upload_id=other)
    with pytest.raises(oss.exceptions.OperationError) as gone:
        box.do("ListParts", key="k", upload_id=other)
    assert code_of(gone.value)[:2] == (404, "NoSuchUpload")


def test_files_go_up_and_down_in_parts_with_checkpoints(box: Box, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(1_000_001))
    kept: dict[str, Any] = {"enable_checkpoint": True, "checkpoint_dir": str(tmp_path)}

    box.client.uploader(part_size=PART, parallel_num=4, **kept).upload_file(
        box.ask("PutObject", key="k"), str(source)
    )
    box.client.downloader(part_size=PART, parallel_num=4, verify_data=True, **kept).download_file(
        box.ask("GetObject", key="k"), str(target)
    )

    assert target.read_bytes() == source.read_bytes()
    head = box.do("HeadObject", key="k")
    assert (head.object_type, head.hash_crc64) == ("Multipart", str(crc64(source.read_bytes())))


def test_copies_are_made_whole_and_in_parts(box: Box) -> None:
    data = os.urandom(400_000)
    box.do("PutObject", key="source ü", body=data, metadata={"a": "1"})

    box.do("CopyObject", key="copy", source_key="source ü")
    box.client.copier(part_size=PART, multipart_copy_threshold=1, disable_shallow_copy=True).copy(
        box.ask("CopyObject", key="big", source_key="source ü")
    )

    copy, big = box.do("GetObject", key="copy"), box.do("GetObject", key="big")
    assert copy.body.content == big.body.content == data
    assert (copy.metadata["a"], big.object_type) == ("1", "Multipart")


def test_an_object_is_appended_to_and_read_like_a_file(box: Box) -> None:
    one = box.do("AppendObject", key="log", position=0, body=b"one\n")
    box.do("AppendObject", key="log", position=one.next_position, body=b"two\n")
    with pytest.raises(oss.exceptions.OperationError) as wrong:
        box.do("AppendObject", key="log", position=1, body=b"")
    with box.client.append_file(bucket=box.name, key="log") as stream:
        stream.write(b"three\n")

    with box.client.open_file(bucket=box.name, key="log") as reader:
        reader.seek(4)
        assert reader.read() == b"two\nthree\n"
    assert code_of(wrong.value)[:2] == (409, "PositionNotEqualToLength")


def test_a_link_leads_to_an_object(box: Box) -> None:
    box.do("PutObject", key="t", body=b"text")

    box.do("PutSymlink", key="link", symlink_target="t")

    assert box.do("GetObject", key="link").body.content == b"text"
    assert box.do("GetSymlink", key="link").target == "t"


def test_a_presigned_address_works_without_a_key(box: Box) -> None:
    hour = dt.timedelta(hours=1)
    put = box.client.presign(box.ask("PutObject", key="a b/ü", content_type="text/x"), expires=hour)
    get = box.client.presign(box.ask("GetObject", key="a b/ü"), expires=hour)

    sent = requests.put(put.url, data=b"text", headers=put.signed_headers, timeout=30)

    assert sent.status_code == 200
    assert requests.get(get.url, timeout=30).content == b"text"


def test_buckets_are_described_and_listed(box: Box, oss_bucket: Bucket) -> None:
    info = box.do("GetBucketInfo").bucket_info
    stat = box.do("GetBucketStat")
    pages = box.client.list_buckets_paginator().iter_page(oss.ListBucketsRequest(max_keys=1))

    assert (info.name, info.location) == (box.name, f"oss-{oss_bucket.region}")
    assert box.do("GetBucketLocation").location == f"oss-{oss_bucket.region}"
    assert (stat.object_count, stat.multi_part_upload_count) == (0, 0)
    assert box.name in [each.name for page in pages for each in page.buckets]
    assert box.client.is_bucket_exist(box.name)
    assert not box.client.is_bucket_exist("never-made")
    box.do("PutBucketAcl", acl="public-read")
    assert box.do("GetBucketAcl").acl == "public-read"
    box.do("DeleteBucket")
    box.do("PutBucket")
