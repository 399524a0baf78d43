"""What the OSS server refuses, what it does wrong on command, and how it ends and starts again."""

from __future__ import annotations

import dataclasses
import email.utils
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from aliyun import client, code_of, old_client, oss, oss2
from waiting import alive, eventually

from mlflow_plugin_servers.catalog import SERVERS
from mlflow_plugin_servers.errors import NotOurServerError, ServerUnavailableError
from mlflow_plugin_servers.oss_requests import Refused, request
from mlflow_plugin_servers.oss_server import OssServer
from mlflow_plugin_servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_servers.oss_server import Bucket

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

versions = pytest.mark.parametrize("version", ["v1", "v4"])


@pytest.fixture
def bucket(oss_server: OssServer) -> Iterator[Bucket]:
    with oss_server.fresh_bucket() as fresh:
        yield fresh


@versions
def test_a_wrong_secret_is_a_signature_that_does_not_match(bucket: Bucket, version: str) -> None:
    wrong = dataclasses.replace(bucket, key_secret="wrong")

    with pytest.raises(oss2.exceptions.SignatureDoesNotMatch) as old:
        old_client(wrong, version).put_object("k", b"x" * 3_000_000)
    with pytest.raises(oss.exceptions.OperationError) as new:
        client(wrong, signature_version=version).get_object(
            oss.GetObjectRequest(bucket=bucket.name, key="k")
        )

    assert (old.value.status, old.value.ec) == (403, "0002-00000040")
    assert old.value.details["OSSAccessKeyId"] == bucket.key_id
    assert old.value.details["StringToSign"]
    assert bucket.key_secret not in str(old.value)
    assert code_of(new.value) == (403, "SignatureDoesNotMatch", "0002-00000040")


@versions
def test_an_unknown_key_and_no_key_at_all_are_told_apart(bucket: Bucket, version: str) -> None:
    unknown = dataclasses.replace(bucket, key_id="LTAIunknown")
    nobody = oss2.Bucket(oss2.AnonymousAuth(), bucket.endpoint, bucket.name)

    with pytest.raises(oss2.exceptions.ServerError) as refused:
        old_client(unknown, version).get_object("k")
    with pytest.raises(oss2.exceptions.AccessDenied) as anonymous:
        nobody.get_object("k")

    assert (refused.value.status, refused.value.code) == (403, "InvalidAccessKeyId")
    assert anonymous.value.ec == "0003-00000001"


def test_a_signature_for_another_region_is_refused(bucket: Bucket) -> None:
    elsewhere = dataclasses.replace(bucket, region="cn-beijing")

    with pytest.raises(oss.exceptions.OperationError) as refused:
        client(elsewhere).list_objects_v2(oss.ListObjectsV2Request(bucket=bucket.name))

    assert code_of(refused.value) == (400, "InvalidArgument", "0002-00000226")


@versions
def test_a_temporary_key_works_with_its_token_until_it_ends(
    private_oss_server: OssServer, version: str
) -> None:
    key = private_oss_server.temporary_key(lifetime=3600)
    lost = oss2.make_auth(key.key_id, key.secret, version)
    auth = oss2.StsAuth(key.key_id, key.secret, key.token, version)
    forged = oss2.StsAuth(key.key_id, key.secret, "forged", version)
    with private_oss_server.fresh_bucket() as own:
        # Not so late that the clock itself is what is complained of.
        short = private_oss_server.temporary_key(lifetime=600)
        ended = oss2.StsAuth(short.key_id, short.secret, short.token, version)
        where = {"endpoint": own.endpoint, "bucket_name": own.name, "region": own.region}

        oss2.Bucket(auth, **where).put_object("k", b"text")
        signed = oss2.Bucket(auth, **where).sign_url("GET", "k", 60)
        assert requests.get(signed, timeout=30).content == b"text"
        holder = dataclasses.replace(own, key_id=key.key_id, key_secret=key.secret)
        newer = client(holder, key.token, signature_version=version)
        got = newer.get_object(oss.GetObjectRequest(bucket=own.name, key="k"))
        assert got.body.content == b"text"
        private_oss_server.set_clock(700)
        for used, code, ec in (
            (lost, "InvalidAccessKeyId", "0002-00000003"),
            (forged, "InvalidSecurityToken", "0002-00000006"),
            (ended, "SecurityTokenExpired", "0002-00000007"),
        ):
            with pytest.raises(oss2.exceptions.ServerError) as refused:
                oss2.Bucket(used, **where).get_object("k")
            assert (refused.value.status, refused.value.code, refused.value.ec) == (403, code, ec)


@versions
@pytest.mark.parametrize("seconds", [-16 * 60, 16 * 60])
def test_a_clock_that_is_more_than_15_minutes_off_is_refused(
    private_oss_server: OssServer, version: str, seconds: float
) -> None:
    with private_oss_server.fresh_bucket() as own:
        private_oss_server.set_clock(seconds)
        with pytest.raises(oss2.exceptions.ServerError) as refused:
            old_client(own, version).get_object("k")
        private_oss_server.set_clock(seconds * 14 / 16)
        old_client(own, version).put_object("k", b"")

    assert (refused.value.code, refused.value.ec) == ("RequestTimeTooSkewed", "0002-00000504")


def test_what_the_server_does_not_have_is_said_and_not_ignored(bucket: Bucket) -> None:
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        old_client(bucket).put_object_tagging("k", oss2.models.Tagging())

    assert (refused.value.status, refused.value.code) == (501, "NotImplemented")


def test_names_and_numbers_out_of_bounds_are_refused(bucket: Bucket, oss_server: OssServer) -> None:
    with pytest.raises(oss2.exceptions.ServerError, match="InvalidArgument"):
        old_client(bucket).list_objects(max_keys=1001)
    with pytest.raises(oss2.exceptions.ServerError, match="InvalidArgument"):
        old_client(bucket).list_objects_v2(continuation_token="no token")
    # The clients would not send this name at all.
    with pytest.raises(Refused, match="InvalidBucketName"):
        request(oss_server.account, "PUT", "-bad-")


@pytest.mark.parametrize("key", ["/k", "\\k", "k" * 1024, "é" * 512])
def test_a_name_that_oss_does_not_allow_is_refused(bucket: Bucket, key: str) -> None:
    with pytest.raises(oss2.exceptions.ServerError, match="InvalidObjectName"):
        old_client(bucket).put_object(key, b"")

    old_client(bucket).put_object("k" * 1023, b"")


def test_faults_come_as_often_as_ordered_and_the_newer_client_tries_again(
    private_oss_server: OssServer,
) -> None:
    server = private_oss_server
    with server.fresh_bucket() as own:
        server.requests()
        for status, code in (
            (503, "ServiceUnavailable"),
            (500, "InternalError"),
            (429, "TooManyRequests"),
        ):
            server.fail(status, times=2, retry_after=1, method="PUT", key="k")
            for _ in range(2):
                answer = requests.put(
                    old_client(own).sign_url("PUT", "k", 60), data=b"x" * 2_000_000, timeout=30
                )
                assert (answer.status_code, answer.headers["Retry-After"]) == (status, "1")
                assert f"<Code>{code}</Code>" in answer.text
            old_client(own).put_object("k", b"")

        server.fail(503, times=2)
        client(own).put_object(oss.PutObjectRequest(bucket=own.name, key="retried", body=b"x"))
        asked = [each for each in server.requests() if each["key"] == "retried"]
        assert [each["status"] for each in asked] == [503, 503, 200]


def test_a_request_can_be_carried_out_although_an_error_is_answered(
    private_oss_server: OssServer,
) -> None:
    with private_oss_server.fresh_bucket() as own:
        private_oss_server.fail(500, after=True)
        with pytest.raises(oss2.exceptions.ServerError, match="InternalError"):
            old_client(own).put_object("k", b"text")

        assert old_client(own).get_object("k").read() == b"text"


def test_a_wrong_checksum_is_noticed_by_both_clients(
    private_oss_server: OssServer, tmp_path: Path
) -> None:
    target = str(tmp_path / "target")
    with private_oss_server.fresh_bucket() as own:
        old, new = old_client(own), client(own)
        old.put_object("k", b"text")
        private_oss_server.corrupt(times=1)
        with pytest.raises(oss2.exceptions.InconsistentError):
            old.get_object_to_file("k", target)
        private_oss_server.corrupt(times=9, method="PUT")
        with pytest.raises(oss2.exceptions.InconsistentError):
            old.put_object("k", b"other")
        with pytest.raises(oss.exceptions.OperationError, match="crc"):
            new.put_object(oss.PutObjectRequest(bucket=own.name, key="k", body=b"other"))
        private_oss_server.heal()

        assert old.get_object("k").read() == b"other"


def test_a_slow_server_outlasts_a_clients_patience(private_oss_server: OssServer) -> None:
    with private_oss_server.fresh_bucket() as own:
        private_oss_server.delay(3.0, times=1)
        began = time.monotonic()
        with pytest.raises(oss2.exceptions.RequestError):
            old_client(own, connect_timeout=0.5).get_object("k")

    assert 0.4 < time.monotonic() - began < 2.9


def test_what_was_stored_is_there_after_the_server_was_killed_and_started_again(
    private_oss_server: OssServer,
) -> None:
    server = private_oss_server
    with server.fresh_bucket() as own:
        bucket = old_client(own)
        bucket.put_object("k", b"text")
        upload = bucket.init_multipart_upload("big").upload_id
        etag = bucket.upload_part("big", upload, 1, b"part").etag
        uri = server.uri

        server.kill()

        assert server.pid is None
        with pytest.raises(oss2.exceptions.RequestError):
            bucket.get_object("k")
        server.start()
        assert server.uri == uri
        assert bucket.get_object("k").read() == b"text"
        bucket.complete_multipart_upload("big", upload, [oss2.models.PartInfo(1, etag)])
        assert bucket.get_object("big").read() == b"part"


def test_an_upload_that_the_server_did_not_survive_is_not_there(
    private_oss_server: OssServer,
) -> None:
    half = threading.Event()

    def body() -> Iterator[bytes]:
        yield b"x" * 3_000_000
        half.set()
        assert eventually(lambda: private_oss_server.pid is None)
        yield b"y"

    with private_oss_server.fresh_bucket() as own:
        killer = threading.Thread(target=lambda: half.wait() and private_oss_server.kill())
        killer.start()
        with pytest.raises(oss2.exceptions.RequestError):
            old_client(own).put_object("k", body())
        killer.join()
        private_oss_server.start()

        assert not old_client(own).object_exists("k")


def test_a_body_of_many_megabytes_is_never_held_whole(private_oss_server: OssServer) -> None:
    def peak() -> int:
        status = Path(f"/proc/{private_oss_server.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    block = os.urandom(1 << 20)
    with private_oss_server.fresh_bucket() as own:
        before = peak()
        old_client(own).put_object("k", (block for _ in range(64)))
        got = old_client(own).get_object("k")

        assert sum(len(piece) for piece in got) == 64 << 20
        assert peak() - before < 16 << 20


def test_its_uri_is_used_instead_and_it_is_left_alone(
    oss_server: OssServer, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> None:
    own = oss_server.account
    host = own.endpoint.removeprefix("http://")
    uri = f"http://{own.key_id}:{own.secret}@{host}?region={own.region}"
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_OSS_URI", uri)
    theirs = OssServer.at(uri)

    with theirs.fresh_bucket() as bucket:
        old_client(bucket).put_object("k", b"")
    for act in (theirs.kill, theirs.heal, lambda: theirs.fail(503), theirs.temporary_key):
        with pytest.raises(NotOurServerError, match="private_oss_server"):
            act()
    pytester.makepyfile(
        f"""
        def test_it(oss_server, oss_bucket):
            assert oss_server.uri == oss_bucket.endpoint == {own.endpoint!r}
            assert not oss_server.managed
            assert oss_bucket.environment["OSS_BUCKET"] == oss_bucket.name
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("https://oss-cn-hangzhou.aliyuncs.com", "must have the form"),
        ("http://id:hunter2@127.0.0.1:9", "must have the form"),
        ("http://id:hunter2@127.0.0.1:9?region=x", "does not answer"),
    ],
)
def test_a_uri_that_is_no_use_is_a_reason_and_names_no_secret(uri: str, reason: str) -> None:
    with pytest.raises(ServerUnavailableError, match=reason) as caught:
        OssServer.at(uri)

    assert "hunter2" not in str(caught.value)


def test_a_killed_pytest_leaves_neither_server_nor_data(pytester: pytest.Pytester) -> None:
    notes = pytester.path / "notes"
    pytester.makepyfile(
        f"""
        import time
        from pathlib import Path

        def test_it(oss_server):
            text = f"{{oss_server.pid}} {{oss_server.log_path.parent}}\\n"
            Path({str(notes)!r}).write_text(text)
            time.sleep(600)
        """
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    assert eventually(lambda: notes.exists() and notes.read_text().endswith("\n"), within=60)
    pid, folder = notes.read_text().split()
    assert alive(int(pid))

    run.kill()
    run.wait()

    assert eventually(lambda: not alive(int(pid)) and not Path(folder).exists(), within=10)


def test_no_secret_can_be_read_off_the_list_of_processes(oss_server: OssServer) -> None:
    command = Path(f"/proc/{oss_server.pid}/cmdline").read_text(encoding="utf-8")

    assert oss_server.account.secret not in command
    assert "settings.json" not in command


def test_port_and_region_are_those_that_are_asked_for() -> None:
    port = free_port()
    options: dict[str, Any] = {"port": port, "region": "eu-central-1"}
    with SERVERS["oss"].run(**options) as server:
        assert server.uri == f"http://127.0.0.1:{port}"
        with server.fresh_bucket() as own:
            assert own.region == "eu-central-1"
            old_client(own).put_object("k", b"")


def test_a_bucket_in_another_region_names_its_endpoint(private_oss_server: OssServer) -> None:
    with private_oss_server.fresh_bucket() as bucket:
        private_oss_server.move(bucket.name, "oss-cn-beijing.aliyuncs.com")

        with pytest.raises(Refused, match="403 AccessDenied.*specified endpoint"):
            request(private_oss_server.account, "GET", bucket.name, "k")


def test_only_requests_with_a_parameter_fail_where_that_is_wanted(
    private_oss_server: OssServer,
) -> None:
    with private_oss_server.fresh_bucket() as bucket:
        private_oss_server.fail(403, query="list-type")
        request(private_oss_server.account, "PUT", bucket.name, "k", body=b"1")

        with pytest.raises(Refused, match="403 AccessDenied"):
            request(private_oss_server.account, "GET", bucket.name, query={"list-type": "2"})


def test_the_date_header_tells_the_servers_own_clock(private_oss_server: OssServer) -> None:
    private_oss_server.set_clock(1200)

    date = requests.head(private_oss_server.uri, timeout=10).headers["Date"]

    ahead = email.utils.parsedate_to_datetime(date).timestamp() - time.time()
    assert 1100 < ahead < 1300
