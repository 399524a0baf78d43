"""The OSS server as oss2 finds it, and whatever holds for any client."""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest
import requests
from aliyun import old_client, oss2

from mlflow_plugin_servers.oss_crc64 import crc64

if TYPE_CHECKING:
    from mlflow_plugin_servers.oss_server import Bucket, OssServer

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

KEYS = [
    "a",
    "a b/ü+&?",
    "a//b",
    "ordner/中文 %41",
    "../up",
    "x/./y",
    "emoji-😀",
    "plus+and=sign",
    "-._~",
]


@pytest.fixture(params=["v1", "v4"])
def bucket(request: pytest.FixtureRequest, oss_bucket: Bucket) -> oss2.Bucket:
    return old_client(oss_bucket, request.param)


@pytest.fixture
def any_bucket(oss_bucket: Bucket) -> oss2.Bucket:
    return old_client(oss_bucket)


@pytest.mark.parametrize("key", KEYS)
def test_an_object_of_any_name_comes_back_with_its_checksum(bucket: oss2.Bucket, key: str) -> None:
    data = os.urandom(100_003)

    put = bucket.put_object(key, data)
    got = bucket.get_object(key)

    assert got.read() == data
    assert put.crc == got.server_crc == got.client_crc == crc64(data)
    assert put.etag == hashlib.md5(data, usedforsecurity=False).hexdigest().upper()
    assert put.request_id
    assert put.request_id != got.request_id
    assert bucket.object_exists(key)
    bucket.delete_object(key)
    assert not bucket.object_exists(key)


def test_head_tells_type_size_metadata_and_what_was_set(bucket: oss2.Bucket) -> None:
    own = {"x-oss-meta-Run": "7", "Cache-Control": "no-cache", "Content-Type": "text/x-log"}
    bucket.put_object("k", b"text", headers=own)

    head = bucket.head_object("k")
    meta = bucket.get_object_meta("k")

    assert (head.content_length, head.content_type) == (4, "text/x-log")
    assert head.headers["x-oss-meta-run"] == "7"
    assert head.headers["Cache-Control"] == "no-cache"
    assert (head.object_type, head.server_crc) == ("Normal", crc64(b"text"))
    assert (meta.content_length, meta.etag) == (4, head.etag)


def test_metadata_in_other_scripts_is_signed_and_kept(bucket: oss2.Bucket) -> None:
    bucket.put_object("k", b"", headers={"x-oss-meta-name": "prüfung".encode()})

    kept = bucket.head_object("k").headers["x-oss-meta-name"]

    assert kept.encode("latin-1").decode() == "prüfung"


def test_what_is_not_there_is_said_in_the_words_of_oss(bucket: oss2.Bucket) -> None:
    with pytest.raises(oss2.exceptions.NoSuchKey) as get:
        bucket.get_object("missing")
    with pytest.raises(oss2.exceptions.NotFound) as head:
        bucket.head_object("missing")

    assert (get.value.status, get.value.code, get.value.ec) == (404, "NoSuchKey", "0026-00000001")
    assert get.value.details["Key"] == "missing"
    assert head.value.status == 404
    bucket.delete_object("missing")


def test_a_bucket_that_is_not_there_is_said_to_be_missing(oss_bucket: Bucket) -> None:
    auth = oss2.Auth(oss_bucket.key_id, oss_bucket.key_secret)

    with pytest.raises(oss2.exceptions.NoSuchBucket):
        oss2.Bucket(auth, oss_bucket.endpoint, "not-made").put_object("k", b"")


@pytest.mark.parametrize(
    ("wanted", "first", "length"),
    [((0, 0), 0, 1), ((10, 19), 10, 10), ((990, None), 990, 10), ((None, 5), 995, 5)],
)
def test_a_range_is_sent_alone(
    any_bucket: oss2.Bucket, wanted: tuple[int | None, int | None], first: int, length: int
) -> None:
    data = os.urandom(1000)
    any_bucket.put_object("k", data)

    got = any_bucket.get_object("k", byte_range=wanted)

    assert got.status == 206
    assert got.read() == data[first : first + length]
    assert got.headers["Content-Range"] == f"bytes {first}-{first + length - 1}/1000"


def test_a_range_beyond_the_end_is_the_whole_object_unless_the_standard_is_asked_for(
    any_bucket: oss2.Bucket,
) -> None:
    data = os.urandom(1000)
    any_bucket.put_object("k", data)
    standard = {"x-oss-range-behavior": "standard"}

    assert any_bucket.get_object("k", byte_range=(500, 2000)).status == 200
    part = any_bucket.get_object("k", byte_range=(500, 2000), headers=standard)
    with pytest.raises(oss2.exceptions.ServerError) as beyond:
        any_bucket.get_object("k", byte_range=(1000, 2000), headers=standard)

    assert part.read() == data[500:]
    assert (beyond.value.status, beyond.value.code) == (416, "InvalidRange")


def test_2500_objects_are_listed_in_the_order_of_their_bytes(any_bucket: oss2.Bucket) -> None:
    heads = ["é", "-", "a", "a/", ".", "Z"]
    keys = {f"{heads[n % 6]}/{n:04d}" for n in range(2500)}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: any_bucket.put_object(key, b"x"), keys))
    ordered = sorted(keys, key=str.encode)

    first = list(oss2.ObjectIterator(any_bucket, max_keys=999))
    second = list(oss2.ObjectIteratorV2(any_bucket, max_keys=1000))
    after = [each.key for each in oss2.ObjectIteratorV2(any_bucket, start_after=ordered[2400])]
    folders = oss2.ObjectIterator(any_bucket, delimiter="/", max_keys=2)

    assert [each.key for each in first] == [each.key for each in second] == ordered
    assert {each.size for each in first} == {1}
    assert after == ordered[2401:]
    assert [each.key for each in folders if each.is_prefix()] == ["-/", "./", "Z/", "a/", "é/"]
    for start in range(0, 2500, 1000):
        chunk = ordered[start : start + 1000]
        assert any_bucket.batch_delete_objects(chunk).deleted_keys == chunk
    assert list(oss2.ObjectIterator(any_bucket)) == []


def test_a_list_shows_folders_and_objects_each_once_on_any_page_size(
    any_bucket: oss2.Bucket,
) -> None:
    for key in ("p/a", "p/b/1", "p/b/2", "p/b/", "p/c", "p/d/x/y", "q", "p/"):
        any_bucket.put_object(key, b"")

    def listed(iterator: Any, size: int) -> list[str]:
        return [
            each.key for each in iterator(any_bucket, prefix="p/", delimiter="/", max_keys=size)
        ]

    for size in (1, 2, 3, 100):
        assert listed(oss2.ObjectIterator, size) == ["p/", "p/a", "p/b/", "p/c", "p/d/"]
        assert listed(oss2.ObjectIteratorV2, size) == ["p/", "p/a", "p/b/", "p/c", "p/d/"]


def test_an_appended_object_grows_and_wants_the_right_position(any_bucket: oss2.Bucket) -> None:
    one = any_bucket.append_object("log", 0, b"one\n", init_crc=0)
    two = any_bucket.append_object("log", one.next_position, b"two\n", init_crc=one.crc)
    with pytest.raises(oss2.exceptions.PositionNotEqualToLength) as wrong:
        any_bucket.append_object("log", 3, b"three")
    any_bucket.put_object("plain", b"")
    with pytest.raises(oss2.exceptions.ObjectNotAppendable):
        any_bucket.append_object("plain", 0, b"x")

    assert wrong.value.next_position == two.next_position == 8
    assert any_bucket.get_object("log").read() == b"one\ntwo\n"
    assert any_bucket.head_object("log").object_type == "Appendable"


def test_a_copy_of_an_appended_object_does_not_grow_with_it(
    any_bucket: oss2.Bucket, oss_bucket: Bucket
) -> None:
    any_bucket.append_object("log", 0, b"one")
    any_bucket.copy_object(oss_bucket.name, "log", "copy")

    any_bucket.append_object("log", 3, b"two")

    assert any_bucket.get_object("copy").read() == b"one"
    assert any_bucket.get_object("log").read() == b"onetwo"


def test_a_batch_delete_tells_what_it_deleted_or_keeps_quiet(any_bucket: oss2.Bucket) -> None:
    for key in KEYS:
        any_bucket.put_object(key, b"")

    told = any_bucket.batch_delete_objects([*KEYS, "missing"])

    assert told.deleted_keys == [*KEYS, "missing"]
    assert list(oss2.ObjectIterator(any_bucket)) == []


def test_a_link_leads_to_an_object(any_bucket: oss2.Bucket) -> None:
    any_bucket.put_object("target/ü", b"text")

    any_bucket.put_symlink("target/ü", "link")

    assert any_bucket.get_object("link").read() == b"text"
    assert any_bucket.get_symlink("link").target_key == "target/ü"
    any_bucket.delete_object("target/ü")
    with pytest.raises(oss2.exceptions.ServerError, match="SymlinkTargetNotExist"):
        any_bucket.get_object("link")


def test_an_object_that_must_not_be_overwritten_is_not(any_bucket: oss2.Bucket) -> None:
    any_bucket.put_object("k", b"first")

    with pytest.raises(oss2.exceptions.ServerError) as refused:
        any_bucket.put_object("k", b"second", headers={"x-oss-forbid-overwrite": "true"})

    assert (refused.value.status, refused.value.code) == (409, "FileAlreadyExists")
    assert any_bucket.get_object("k").read() == b"first"


def test_conditions_on_time_and_etag_are_kept(any_bucket: oss2.Bucket) -> None:
    etag = any_bucket.put_object("k", b"text").etag
    time = any_bucket.head_object("k").headers["Last-Modified"]

    for name, value in (("If-None-Match", etag), ("If-Modified-Since", time)):
        with pytest.raises(oss2.exceptions.NotModified):
            any_bucket.get_object("k", headers={name: value})
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        any_bucket.get_object("k", headers={"If-Match": "0" * 32})
    assert any_bucket.get_object("k", headers={"If-Match": etag}).read() == b"text"


def test_a_wrong_md5_is_refused_and_nothing_is_kept(any_bucket: oss2.Bucket) -> None:
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        any_bucket.put_object("k", b"text", headers={"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="})

    assert refused.value.code == "InvalidDigest"
    assert not any_bucket.object_exists("k")


def test_a_body_of_unknown_length_is_taken_as_it_comes(any_bucket: oss2.Bucket) -> None:
    any_bucket.put_object("k", (b"piece" for _ in range(1000)))

    assert any_bucket.get_object("k").read() == b"piece" * 1000


def test_buckets_are_made_described_listed_and_removed_once_empty(oss_bucket: Bucket) -> None:
    service = oss2.Service(
        oss2.AuthV4(oss_bucket.key_id, oss_bucket.key_secret),
        oss_bucket.endpoint,
        region=oss_bucket.region,
    )
    bucket = old_client(oss_bucket)

    info = bucket.get_bucket_info()
    assert info.location == bucket.get_bucket_location().location == f"oss-{oss_bucket.region}"
    assert oss_bucket.name in [each.name for each in oss2.BucketIterator(service, max_keys=1)]
    bucket.put_bucket_acl(oss2.BUCKET_ACL_PUBLIC_READ)
    assert bucket.get_bucket_acl().acl == "public-read"
    bucket.create_bucket()
    bucket.put_object("k", b"text")
    bucket.put_object_acl("k", oss2.OBJECT_ACL_PRIVATE)
    assert bucket.get_object_acl("k").acl == "private"
    stat = bucket.get_bucket_stat()
    assert (stat.object_count, stat.storage_size_in_bytes) == (1, 4)
    with pytest.raises(oss2.exceptions.BucketNotEmpty):
        bucket.delete_bucket()
    bucket.delete_object("k")
    bucket.delete_bucket()
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        bucket.get_bucket_info()


def test_each_bucket_is_its_own_and_removed_afterwards_with_all_that_is_in_it(
    oss_server: OssServer,
) -> None:
    with oss_server.fresh_bucket() as one, oss_server.fresh_bucket() as two:
        first, second = old_client(one), old_client(two)
        first.put_object("k", b"")
        first.init_multipart_upload("unfinished/ü")
        assert not second.object_exists("k")

    with pytest.raises(oss2.exceptions.NoSuchBucket):
        first.get_bucket_info()


def test_a_presigned_address_works_without_a_key_until_it_expires(
    private_oss_server: OssServer,
) -> None:
    for version in ("v1", "v4"):
        with private_oss_server.fresh_bucket() as own:
            bucket = old_client(own, version)
            put = bucket.sign_url("PUT", "a b/ü", 60, slash_safe=True)
            csv = {"response-content-type": "text/csv"}
            get = bucket.sign_url("GET", "a b/ü", 60, slash_safe=True, params=csv)

            assert requests.put(put, data=b"text", timeout=30).status_code == 200
            got = requests.get(get, timeout=30)
            changed = requests.get(get.replace("csv", "html"), timeout=30)
            private_oss_server.set_clock(61)
            late = requests.get(get, timeout=30)

            assert (got.content, got.headers["Content-Type"]) == (b"text", "text/csv")
            assert (changed.status_code, "SignatureDoesNotMatch" in changed.text) == (403, True)
            assert (late.status_code, "Request has expired." in late.text) == (403, True)


def test_the_bucket_may_stand_in_the_name_of_the_host(oss_bucket: Bucket) -> None:
    bucket = old_client(oss_bucket)
    bucket.put_object("k", b"text")
    signed = bucket.sign_url("GET", "k", 60).replace(f"/{oss_bucket.name}/", "/")

    got = requests.get(signed, headers={"Host": f"{oss_bucket.name}.localhost"}, timeout=30)

    assert got.content == b"text"


def test_many_clients_at_once_are_served(any_bucket: oss2.Bucket) -> None:
    data = {f"k{n}": os.urandom(500_000 + n) for n in range(32)}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda item: any_bucket.put_object(*item), data.items()))
        got = list(pool.map(lambda key: any_bucket.get_object(key).read(), data))

    assert got == list(data.values())
