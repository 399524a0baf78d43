"""The S3 servers as tests find them, met with boto3; each sentence holds for both."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, SSLError
from listeners import listeners
from waiting import alive, eventually

from mlflow_plugin_servers.catalog import SERVERS
from mlflow_plugin_servers.errors import NotOurServerError, ServerUnavailableError

if TYPE_CHECKING:
    from mlflow_plugin_servers.s3_server import S3Bucket, S3Server

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

KINDS = ("s3", "minio")
_PART = 5 * 2**20


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture(params=KINDS)
def bucket(request: pytest.FixtureRequest) -> S3Bucket:
    found: S3Bucket = request.getfixturevalue(f"{request.param}_bucket")
    return found


@pytest.fixture
def client(bucket: S3Bucket) -> Any:
    return connect(bucket)


def connect(place: S3Bucket | S3Server, **other: Any) -> Any:
    few = Config(retries={"total_max_attempts": 1}, signature_version="s3v4")
    return boto3.client("s3", **{"config": few, **place.client_options, **other})


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    told = error.value.response
    return told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"]


def keys_of(client: Any, bucket: S3Bucket) -> list[str]:
    return [each["Key"] for each in client.list_objects_v2(Bucket=bucket.name).get("Contents", [])]


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


def test_a_fresh_bucket_is_removed_whatever_is_in_it(server: S3Server) -> None:
    client = connect(server)
    with server.fresh_bucket() as bucket:
        on = {"Status": "Enabled"}
        client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration=on)
        for _ in range(2):
            client.put_object(Bucket=bucket.name, Key="ä b/c", Body=b"1")
        client.delete_object(Bucket=bucket.name, Key="ä b/c")
        client.create_multipart_upload(Bucket=bucket.name, Key="never/completed")

    names = [each["Name"] for each in client.list_buckets()["Buckets"]]
    assert bucket.name not in names
    server.delete_bucket(bucket.name)  # A second time: nothing happens.


def test_a_client_finds_everything_in_the_environment(
    bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in bucket.environment.items():
        monkeypatch.setenv(variable, value)

    client = boto3.session.Session().client("s3")

    client.put_object(Bucket=bucket.uri.removeprefix("s3://"), Key="k", Body=b"1")
    assert keys_of(connect(bucket), bucket) == ["k"]


def test_the_default_session_of_boto3_serves_for_all_servers_of_a_process(
    s3_bucket: S3Bucket, minio_bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for bucket in (s3_bucket, minio_bucket):
        for variable, value in bucket.environment.items():
            monkeypatch.setenv(variable, value)

        boto3.client("s3").put_object(Bucket=bucket.name, Key="k", Body=b"1")

        assert keys_of(connect(bucket), bucket) == ["k"]


def test_the_server_listens_on_loopback_alone(server: S3Server) -> None:
    found = listeners(server.pid)

    assert ("127.0.0.1", server.port) in found
    assert all(ip_address(address).is_loopback for address, _ in found)


def test_no_secret_can_be_read_off_the_list_of_processes(server: S3Server) -> None:
    command = Path(f"/proc/{server.pid}/cmdline").read_text(encoding="utf-8")

    assert server.access.secret_key not in command
    assert server.access.secret_key not in repr(server.access)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_is_there_after_a_crash_and_after_a_stop(
    kind: str, request: pytest.FixtureRequest
) -> None:
    private: S3Server = request.getfixturevalue(f"private_{kind}_server")
    bucket = private.create_bucket("kept")
    client = connect(bucket)
    client.put_object(Bucket="kept", Key="k", Body=b"0" * 100_000)
    killed, endpoint = private.pid, private.endpoint

    private.kill()

    assert private.pid is None
    with pytest.raises(EndpointConnectionError):
        client.list_objects_v2(Bucket="kept")
    private.start()
    assert (private.endpoint, len(client.get_object(Bucket="kept", Key="k")["Body"].read())) == (
        endpoint,
        100_000,
    )
    assert private.pid != killed
    private.restart()
    assert keys_of(client, bucket) == ["k"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_with_tls_is_trusted_by_its_authority_alone(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    request.getfixturevalue(f"{kind}_server")  # Else this one could fail where it may be missing.
    with SERVERS[kind].run(tls=True) as server, server.fresh_bucket() as bucket:
        assert bucket.endpoint.startswith("https://127.0.0.1:")
        connect(bucket).put_object(Bucket=bucket.name, Key="k", Body=b"1")
        with pytest.raises(SSLError):
            connect(bucket, verify=True).list_objects_v2(Bucket=bucket.name)
        assert type(server).at(server.uri).access == server.access
        for variable, value in bucket.environment.items():
            monkeypatch.setenv(variable, value)
        assert keys_of(boto3.session.Session().client("s3"), bucket) == ["k"]


def test_a_server_given_by_its_uri_is_used_and_not_touched(server: S3Server) -> None:
    theirs = type(server).at(server.uri)

    with theirs.fresh_bucket() as bucket:
        connect(bucket).put_object(Bucket=bucket.name, Key="k", Body=b"1")
    assert (theirs.managed, theirs.pid) == (False, None)
    for act in (theirs.stop, theirs.kill, theirs.start, theirs.restart):
        with pytest.raises(NotOurServerError, match=f"private_{server.name}_server"):
            act()


def test_a_uri_that_does_not_answer_is_a_reason_and_names_no_secret(server: S3Server) -> None:
    host = server.endpoint.removeprefix("http://")
    for uri, reason in (
        (f"http://nobody:hunter2@{host}", "does not answer: 403"),
        ("http://nobody:hunter2@127.0.0.1:1", "does not answer"),
        ("s3://nobody:hunter2@bucket", "must have the form"),
        ("hunter2", "must have the form"),
    ):
        with pytest.raises(ServerUnavailableError, match=reason) as caught:
            type(server).at(uri)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_the_fixtures_take_the_server_that_the_environment_names(
    kind: str,
    request: pytest.FixtureRequest,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = request.getfixturevalue(f"{kind}_server")
    monkeypatch.setenv(f"MLFLOW_PLUGIN_SERVERS_{kind.upper()}_URI", server.uri)
    pytester.makepyfile(
        f"""
        def test_it({kind}_server, {kind}_bucket):
            assert not {kind}_server.managed
            assert {kind}_bucket.endpoint == {server.endpoint!r}
        """
    )

    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_pytest_leaves_neither_server_nor_data(
    kind: str, request: pytest.FixtureRequest, pytester: pytest.Pytester
) -> None:
    request.getfixturevalue(f"{kind}_server")
    notes = pytester.path / "notes"
    pytester.makepyfile(
        f"""
        import time
        from pathlib import Path

        def test_it(private_{kind}_server):
            server = private_{kind}_server
            Path({str(notes)!r}).write_text(f"{{server.pid}} {{server.log_path.parent}}\\n")
            time.sleep(600)
        """
    )
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"], stdout=subprocess.DEVNULL
    )
    assert eventually(lambda: notes.exists() and notes.read_text().endswith("\n"), within=60)
    pid, folder = notes.read_text().split()
    left = [f"/tmp/seaweedfs-s3-grpc-{port}.sock" for _, port in listeners(int(pid))]
    assert alive(int(pid))

    run.kill()
    run.wait()

    assert eventually(lambda: not alive(int(pid)) and not Path(folder).exists(), within=10)
    assert eventually(lambda: not any(Path(path).exists() for path in left), within=10)
