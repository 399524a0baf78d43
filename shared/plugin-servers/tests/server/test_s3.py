"""The S3 servers as tests find them, met with boto3; each sentence holds for both."""

from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from s3_clients import KINDS, connect, keys_of, refusal

if TYPE_CHECKING:
    from mlflow_plugin_servers.s3_server import S3Bucket

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_PART = 5 * 2**20


@pytest.fixture(params=KINDS)
def bucket(request: pytest.FixtureRequest) -> S3Bucket:
    found: S3Bucket = request.getfixturevalue(f"{request.param}_bucket")
    return found


@pytest.fixture
def client(bucket: S3Bucket) -> Any:
    return connect(bucket)


def test_an_object_comes_back_with_what_was_said_of_it(client: Any, bucket: S3Bucket) -> None:
    client.put_object(
        Bucket=bucket.name, Key="a/b", Body=b"hello", ContentType="text/x", Metadata={"k": "v"}
    )

    found = client.get_object(Bucket=bucket.name, Key="a/b")

    assert found["Body"].read() == b"hello"
    assert (found["ContentType"], found["Metadata"]) == ("text/x", {"k": "v"})
    assert found["ETag"] == f'"{hashlib.md5(b"hello", usedforsecurity=False).hexdigest()}"'
    assert client.head_object(Bucket=bucket.name, Key="a/b")["ContentLength"] == 5


@pytest.mark.parametrize("key", ["ä ö/+%20?&=#", "a/.b/..c", "a/'\"<>!*()", "x" * 200])
def test_any_key_is_kept_as_it_is(key: str, client: Any, bucket: S3Bucket) -> None:
    client.put_object(Bucket=bucket.name, Key=key, Body=b"1")

    assert keys_of(client, bucket) == [key]
    assert client.get_object(Bucket=bucket.name, Key=key)["Body"].read() == b"1"


def test_a_range_is_answered_with_that_range(client: Any, bucket: S3Bucket) -> None:
    client.put_object(Bucket=bucket.name, Key="k", Body=b"0123456789")

    for asked, answer in (("bytes=2-4", b"234"), ("bytes=7-", b"789"), ("bytes=-2", b"89")):
        assert client.get_object(Bucket=bucket.name, Key="k", Range=asked)["Body"].read() == answer
    with pytest.raises(ClientError) as caught:
        client.get_object(Bucket=bucket.name, Key="k", Range="bytes=10-20")
    assert refusal(caught) == (416, "InvalidRange")


def test_what_is_not_there_is_said_not_to_be(client: Any, bucket: S3Bucket) -> None:
    for place, code in (
        ({"Bucket": bucket.name, "Key": "none"}, "NoSuchKey"),
        ({"Bucket": "no-such-bucket", "Key": "k"}, "NoSuchBucket"),
    ):
        with pytest.raises(ClientError) as caught:
            client.get_object(**place)
        assert refusal(caught) == (404, code)
    with pytest.raises(ClientError) as caught:
        client.put_object(Bucket="no-such-bucket", Key="k", Body=b"")
    assert refusal(caught) == (404, "NoSuchBucket")


def test_a_wrong_secret_is_refused_and_so_are_a_wrong_key_and_no_signature(
    bucket: S3Bucket,
) -> None:
    for wrong, code in (
        ({"aws_secret_access_key": "wrong"}, "SignatureDoesNotMatch"),
        ({"aws_access_key_id": "nobody"}, "InvalidAccessKeyId"),
    ):
        with pytest.raises(ClientError) as caught:
            connect(bucket, **wrong).list_objects_v2(Bucket=bucket.name)
        assert refusal(caught) == (403, code)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{bucket.endpoint}/{bucket.name}")


def test_a_damaged_body_is_refused(client: Any, bucket: S3Bucket) -> None:
    other = base64.b64encode(hashlib.md5(b"other", usedforsecurity=False).digest()).decode()

    with pytest.raises(ClientError) as caught:
        client.put_object(Bucket=bucket.name, Key="k", Body=b"body", ContentMD5=other)

    assert refusal(caught) == (400, "BadDigest")
    assert keys_of(client, bucket) == []


def test_a_presigned_url_does_what_it_was_signed_for_and_nothing_else(
    client: Any, bucket: S3Bucket
) -> None:
    place = {"Bucket": bucket.name, "Key": "k"}
    put = client.generate_presigned_url("put_object", Params=place)
    get = client.generate_presigned_url("get_object", Params=place)
    upload = {"data": b"hello", "method": "PUT", "headers": {"Content-Type": "text/plain"}}

    with urllib.request.urlopen(urllib.request.Request(put, **upload)):
        pass
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"hello"

    for wrong in (
        urllib.request.Request(get, **upload),
        get.replace("X-Amz-Signature=", "X-Amz-Signature=0"),
        get.replace(f"/{bucket.name}/k", f"/{bucket.name}/other"),
        get.replace("X-Amz-Date=2", "X-Amz-Date=1"),
    ):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(wrong)
        caught.value.close()
        assert caught.value.code in {400, 403}


def test_parts_become_one_object_and_an_aborted_upload_none(client: Any, bucket: S3Bucket) -> None:
    place = {"Bucket": bucket.name, "Key": "big"}
    upload = client.create_multipart_upload(**place)["UploadId"]
    bodies = [b"1" * _PART, b"2" * 17]
    done = [
        client.upload_part(**place, UploadId=upload, PartNumber=number, Body=body)["ETag"]
        for number, body in enumerate(bodies, 1)
    ]
    listed = client.list_parts(**place, UploadId=upload)["Parts"]
    assert [(part["Size"], part["ETag"]) for part in listed] == [
        (len(body), etag) for body, etag in zip(bodies, done, strict=True)
    ]
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(done, 1)]
    client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})

    assert client.get_object(**place)["Body"].read() == b"".join(bodies)
    assert client.head_object(**place)["ETag"].endswith('-2"')

    other = {"Bucket": bucket.name, "Key": "other"}
    upload = client.create_multipart_upload(**other)["UploadId"]
    client.upload_part(**other, UploadId=upload, PartNumber=1, Body=b"x")
    client.abort_multipart_upload(**other, UploadId=upload)
    assert client.list_multipart_uploads(Bucket=bucket.name).get("Uploads", []) == []
    assert keys_of(client, bucket) == ["big"]


def test_a_part_that_is_too_small_is_refused_unless_it_is_the_last(
    client: Any, bucket: S3Bucket
) -> None:
    place = {"Bucket": bucket.name, "Key": "k"}
    upload = client.create_multipart_upload(**place)["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": client.upload_part(**place, UploadId=upload, PartNumber=number, Body=b"x")[
                "ETag"
            ],
        }
        for number in (1, 2)
    ]

    with pytest.raises(ClientError) as caught:
        client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})

    assert refusal(caught) == (400, "EntityTooSmall")


def test_more_than_a_thousand_keys_come_in_pages_and_go_in_batches(
    client: Any, bucket: S3Bucket
) -> None:
    keys = [f"many/{number:04}" for number in range(1_003)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: client.put_object(Bucket=bucket.name, Key=key, Body=b""), keys))

    pages = list(client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name))
    assert [len(page["Contents"]) for page in pages] == [1_000, 3]
    assert [each["Key"] for page in pages for each in page["Contents"]] == keys
    folders = client.list_objects_v2(Bucket=bucket.name, Delimiter="/")
    assert folders["CommonPrefixes"] == [{"Prefix": "many/"}]

    gone = {"Objects": [{"Key": key} for key in keys[:1_000]]}
    assert len(client.delete_objects(Bucket=bucket.name, Delete=gone)["Deleted"]) == 1_000
    assert keys_of(client, bucket) == keys[1_000:]


def test_only_one_of_two_writers_makes_a_key_that_must_not_be_there(
    client: Any, bucket: S3Bucket
) -> None:
    place = {"Bucket": bucket.name, "Key": "k", "IfNoneMatch": "*"}
    client.put_object(**place, Body=b"first")

    with pytest.raises(ClientError) as caught:
        client.put_object(**place, Body=b"second")

    assert refusal(caught) == (412, "PreconditionFailed")
    assert client.get_object(Bucket=bucket.name, Key="k")["Body"].read() == b"first"


def test_a_copy_is_an_object_of_its_own(client: Any, bucket: S3Bucket) -> None:
    client.put_object(Bucket=bucket.name, Key="a", Body=b"hello")
    client.copy_object(Bucket=bucket.name, Key="b", CopySource=f"{bucket.name}/a")
    client.delete_object(Bucket=bucket.name, Key="a")

    assert client.get_object(Bucket=bucket.name, Key="b")["Body"].read() == b"hello"


def test_a_bucket_that_is_not_empty_stays(client: Any, bucket: S3Bucket) -> None:
    client.put_object(Bucket=bucket.name, Key="k", Body=b"1")

    with pytest.raises(ClientError) as caught:
        client.delete_bucket(Bucket=bucket.name)

    assert refusal(caught) == (409, "BucketNotEmpty")
