"""Both S3 servers start, stop, crash, are found and are kept to this machine."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, SSLError
from listeners import listeners
from s3_clients import KINDS, connect, keys_of
from waiting import alive, eventually

from mlflow_plugin_servers.catalog import SERVERS
from mlflow_plugin_servers.errors import NotOurServerError, ServerUnavailableError

if TYPE_CHECKING:
    from mlflow_plugin_servers.s3_server import S3Bucket, S3Server

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture(params=KINDS)
def bucket(request: pytest.FixtureRequest) -> S3Bucket:
    found: S3Bucket = request.getfixturevalue(f"{request.param}_bucket")
    return found


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
