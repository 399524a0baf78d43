"""What goes wrong with a service, and what the user reads: each of these was seen on a real server.

Where a server does not fail by itself, an HTTP server before it answers in its place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from front import Answer
from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from mlflow_plugin_servers.s3_server import S3Bucket
    from mlflow_s3_artifacts.repository import S3ArtifactsRepository

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

Open = Callable[[str], "S3ArtifactsRepository"]
_MEBIBYTE = 1 << 20


def at(bucket: S3Bucket, port: int, query: str = "") -> str:
    return f"s3+http://127.0.0.1:{port}/{bucket.name}/run{query}"


def both_ways(repository: S3ArtifactsRepository, source: Path) -> list[MlflowException]:
    """Return the errors of an upload and of a look at a file; they go different ways."""
    found = []
    for action in (
        lambda: repository.log_artifact(str(source)),
        lambda: repository.download_artifacts("some/file"),
        repository.list_artifacts,
    ):
        with pytest.raises(MlflowException) as caught:
            action()
        found.append(caught.value)
    return found


def test_a_wrong_access_key_is_unknown_to_the_host(
    bucket: S3Bucket, location: str, open_repository: Open, write_file: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "unknown-key")

    for error in both_ways(open_repository(location), write_file("a")):
        assert error.error_code == "UNAUTHENTICATED"
        assert "does not know the access key" in error.message


def test_a_wrong_secret_is_a_wrong_signature(
    bucket: S3Bucket, location: str, open_repository: Open, write_file: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")

    for error in both_ways(open_repository(location), write_file("a")):
        assert error.error_code == "UNAUTHENTICATED"
        assert "check the secret key" in error.message
        assert "wrong-secret" not in error.message


def test_a_missing_bucket_is_named(
    bucket: S3Bucket, open_repository: Open, write_file: Any
) -> None:
    repository = open_repository(f"s3+{bucket.endpoint}/no-such-bucket/a")

    for error in both_ways(repository, write_file("a")):
        assert error.error_code == "RESOURCE_DOES_NOT_EXIST"
        assert "create the bucket 'no-such-bucket'" in error.message


def test_no_credentials_at_all_say_where_they_may_come_from(
    bucket: S3Bucket, location: str, open_repository: Open, write_file: Any, monkeypatch: Any
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    for error in both_ways(open_repository(location), write_file("a")):
        assert error.error_code == "UNAUTHENTICATED"
        assert "AWS_ACCESS_KEY_ID" in error.message


def test_a_missing_profile_is_named(
    bucket: S3Bucket, location: str, open_repository: Open, write_file: Any
) -> None:
    for error in both_ways(open_repository(f"{location}?profile=nobody"), write_file("a")):
        assert error.error_code == "INVALID_PARAMETER_VALUE"
        assert "nobody" in error.message


def test_nobody_at_the_port_is_unavailable_and_names_it(
    bucket: S3Bucket, open_repository: Open, write_file: Any
) -> None:
    repository = open_repository(at(bucket, 1, "?retry_timeout=0"))

    for error in both_ways(repository, write_file("a")):
        assert error.error_code == "TEMPORARILY_UNAVAILABLE"
        assert "127.0.0.1:1 is the service" in error.message


def test_a_host_without_an_address_is_told_at_once(
    bucket: S3Bucket, open_repository: Open, write_file: Any
) -> None:
    repository = open_repository("s3+http://no-host.invalid/bucket/a")

    for error in both_ways(repository, write_file("a")):
        assert error.error_code == "TEMPORARILY_UNAVAILABLE"
        assert "no address is known for 'no-host.invalid'" in error.message


def test_https_to_a_plain_port_says_so(
    bucket: S3Bucket, location: str, open_repository: Open, write_file: Any
) -> None:
    repository = open_repository(location.replace("s3+http:", "s3+https:"))

    for error in both_ways(repository, write_file("a")):
        assert error.error_code == "INVALID_PARAMETER_VALUE"
        assert "s3+http://" in error.message


def test_a_silent_service_is_given_up_after_the_read_timeout(
    s3_bucket: S3Bucket, credentials: Any, open_repository: Open, write_file: Any, tcp_proxy: Any
) -> None:
    credentials(s3_bucket)
    proxy = tcp_proxy(int(s3_bucket.endpoint.rpartition(":")[2]))
    repository = open_repository(at(s3_bucket, proxy.port, "?retry_timeout=0&read_timeout=0.5"))
    proxy.stall()

    for error in both_ways(repository, write_file("a")):
        assert error.error_code == "TEMPORARILY_UNAVAILABLE"
        assert "read_timeout 0.5" in error.message


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [
        (
            Answer(403, "RequestTimeTooSkewed", "<ServerTime>2031-01-01T00:00:00Z</ServerTime>"),
            "UNAUTHENTICATED",
            r"it says \d{4}-\d\d-\d\d .* and the service 2031-01-01T00:00:00Z",
        ),
        (
            Answer(400, "AuthorizationHeaderMalformed", "<Region>eu-north-1</Region>"),
            "INVALID_PARAMETER_VALUE",
            "region=eu-north-1",
        ),
        (
            Answer(301, "PermanentRedirect", "<Endpoint>b.s3.eu-north-1.amazonaws.com</Endpoint>"),
            "INVALID_PARAMETER_VALUE",
            "b.s3.eu-north-1.amazonaws.com",
        ),
        (Answer(403, "AccessDenied"), "PERMISSION_DENIED", "without the right to list"),
        (Answer(400, "ExpiredToken"), "UNAUTHENTICATED", "new temporary credentials"),
        (Answer(503, "SlowDown"), "TEMPORARILY_UNAVAILABLE", "overloaded"),
        (Answer(500, "InternalError"), "TEMPORARILY_UNAVAILABLE", "try again later"),
        (Answer(501, "NotImplemented"), "INVALID_PARAMETER_VALUE", "lacks what the settings"),
        (Answer(400, "BadDigest"), "TEMPORARILY_UNAVAILABLE", "changed on their way"),
        (Answer(412, "PreconditionFailed"), "BAD_REQUEST", "changed while it was read"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_service_says_is_told_with_a_remedy(
    told: Any,
    code: str,
    words: str,
    s3_bucket: S3Bucket,
    credentials: Any,
    open_repository: Open,
    write_file: Any,
    front: Any,
) -> None:
    credentials(s3_bucket)
    before = front(int(s3_bucket.endpoint.rpartition(":")[2]))
    before.rule = lambda _asked: told
    repository = open_repository(at(s3_bucket, before.port, "?retry_timeout=0"))

    for error in both_ways(repository, write_file("a")):
        assert error.error_code == code
        assert re.search(words, error.message)


def test_a_service_that_refuses_boto3s_checksums_names_the_option(
    s3_bucket: S3Bucket, credentials: Any, open_repository: Open, write_file: Any, front: Any
) -> None:
    credentials(s3_bucket)
    before = front(int(s3_bucket.endpoint.rpartition(":")[2]))

    def refuse(asked: Any) -> Any:
        names = {name.lower() for name in asked.headers}
        if any(name.startswith("x-amz-checksum") for name in names):
            return (
                Answer(400, "InvalidArgument", "<Detail>x-amz-checksum-crc32</Detail>")
                if ("x-amz-sdk-checksum-algorithm" not in names)
                else SimpleNamespace(
                    status=400,
                    headers={},
                    body=b"<Error><Code>InvalidArgument</Code>"
                    b"<Message>unknown header x-amz-checksum-crc32</Message></Error>",
                )
            )
        return None

    before.rule = refuse
    asking = open_repository(at(s3_bucket, before.port, "?checksum=when_supported"))
    with pytest.raises(MlflowException) as caught:
        asking.log_artifact(str(write_file("a")))
    assert "checksum=when_required" in caught.value.message

    plain = open_repository(at(s3_bucket, before.port, "?part_size=5242880&fast=false"))
    plain.log_artifact(str(write_file("a")))
    plain.log_artifact(str(write_file("b", bytes(6 * _MEBIBYTE))))
    plain.delete_artifacts()
    assert plain.list_artifacts() == []


def test_a_file_can_be_read_without_the_right_to_list(
    s3_bucket: S3Bucket, credentials: Any, open_repository: Open, write_file: Any, front: Any
) -> None:
    credentials(s3_bucket)
    before = front(int(s3_bucket.endpoint.rpartition(":")[2]))
    repository = open_repository(at(s3_bucket, before.port))
    repository.log_artifact(str(write_file("a")), "model")
    before.rule = lambda asked: Answer(403, "AccessDenied") if "list-type=2" in asked.path else None

    assert Path(repository.download_artifacts("model/a")).read_bytes() == b"content"
    with pytest.raises(MlflowException) as caught:
        repository.list_artifacts("model")
    assert caught.value.error_code == "PERMISSION_DENIED"


def test_a_storm_of_503_passes(
    s3_bucket: S3Bucket, credentials: Any, open_repository: Open, tmp_path: Path, front: Any
) -> None:
    credentials(s3_bucket)
    before = front(int(s3_bucket.endpoint.rpartition(":")[2]))
    repository = open_repository(at(s3_bucket, before.port, "?workers=4"))
    source = tmp_path / "source"
    source.mkdir()
    for number in range(10):
        (source / str(number)).write_bytes(bytes([number]))
    refused: list[str] = []

    def every_third(asked: Any) -> Any:
        if len(before.asked) % 3 == 0:
            refused.append(asked.path)
            return Answer(503, "SlowDown", headers={"retry-after": "0"})
        return None

    before.rule = every_third
    repository.log_artifacts(str(source), "m")
    fetched = Path(repository.download_artifacts("m", str(tmp_path)))
    before.rule = lambda _asked: None

    assert len(refused) > 5
    assert {path.name: path.read_bytes() for path in fetched.iterdir()} == {
        str(number): bytes([number]) for number in range(10)
    }


def test_a_part_that_fails_five_times_fails_the_file_and_leaves_nothing(
    s3_bucket: S3Bucket, credentials: Any, open_repository: Open, write_file: Any, front: Any
) -> None:
    credentials(s3_bucket)
    before = front(int(s3_bucket.endpoint.rpartition(":")[2]))
    options = "?part_size=5242880&retry_timeout=2"
    repository = open_repository(at(s3_bucket, before.port, options))
    second: list[Any] = []

    def fail_second(asked: Any) -> Any:
        if "partNumber=2" not in asked.path:
            return None
        second.append(asked)
        return Answer(500, "InternalError")

    before.rule = fail_second
    with pytest.raises(MlflowException) as caught:
        repository.log_artifact(str(write_file("large", os.urandom(11 * _MEBIBYTE))))

    assert caught.value.error_code == "TEMPORARILY_UNAVAILABLE"
    assert "part 2" in caught.value.message
    assert len(second) == 5
    assert repository.list_artifacts() == []
    assert repository._store.pending_uploads() == []


def test_a_connection_that_is_cut_half_way_repeats_what_was_cut(
    s3_bucket: S3Bucket, credentials: Any, open_repository: Open, write_file: Any, tcp_proxy: Any
) -> None:
    credentials(s3_bucket)
    proxy = tcp_proxy(int(s3_bucket.endpoint.rpartition(":")[2]))
    repository = open_repository(at(s3_bucket, proxy.port, "?part_size=5242880"))
    content = os.urandom(20 * _MEBIBYTE)

    proxy.cut_after(10 * _MEBIBYTE)
    repository.log_artifact(str(write_file("large", content)))
    proxy.cut_after(10 * _MEBIBYTE, answers=True)
    fetched = Path(repository.download_artifacts("large"))

    assert proxy.cuts >= 2
    assert fetched.read_bytes() == content


def test_a_damaged_part_is_refused_by_the_service_and_sent_again(
    s3_bucket: S3Bucket, credentials: Any, open_repository: Open, write_file: Any, tcp_proxy: Any
) -> None:
    credentials(s3_bucket)
    proxy = tcp_proxy(int(s3_bucket.endpoint.rpartition(":")[2]))
    repository = open_repository(at(s3_bucket, proxy.port, "?part_size=5242880&workers=1"))
    repository.list_artifacts()
    content = os.urandom(11 * _MEBIBYTE)

    proxy.corrupt_after(7 * _MEBIBYTE)
    repository.log_artifact(str(write_file("large", content)))

    assert proxy.sent > 16 * _MEBIBYTE
    assert Path(repository.download_artifacts("large")).read_bytes() == content


@pytest.mark.parametrize("size", [20_000, 11 * _MEBIBYTE])
def test_bytes_that_arrive_damaged_are_never_kept(
    size: int,
    s3_bucket: S3Bucket,
    credentials: Any,
    open_repository: Open,
    write_file: Any,
    front: Any,
    tmp_path: Path,
) -> None:
    credentials(s3_bucket)
    before = front(int(s3_bucket.endpoint.rpartition(":")[2]))
    repository = open_repository(at(s3_bucket, before.port, "?part_size=5242880"))
    content = os.urandom(size)
    repository.log_artifact(str(write_file("data", content)))

    def damage(asked: Any, body: bytes) -> bytes:
        is_data = asked.method == "GET" and asked.path.partition("?")[0].endswith("/run/data")
        return body[:-1] + bytes([body[-1] ^ 1]) if is_data and body else body

    before.damage = damage
    (tmp_path / "out").mkdir()
    with pytest.raises(MlflowException, match="MD5"):
        repository.download_artifacts("data", str(tmp_path / "out"))
    assert list((tmp_path / "out").iterdir()) == []
    before.damage = lambda _asked, body: body
    fetched = repository.download_artifacts("data", str(tmp_path / "out"))
    assert Path(fetched).read_bytes() == content


def test_an_answer_with_another_etag_is_not_believed(
    s3_bucket: S3Bucket, credentials: Any, open_repository: Open, write_file: Any, front: Any
) -> None:
    credentials(s3_bucket)
    before = front(int(s3_bucket.endpoint.rpartition(":")[2]))
    before.rule = lambda asked: (
        SimpleNamespace(status=200, headers={"ETag": f'"{"0" * 32}"'}, body=b"")
        if asked.method == "PUT"
        else None
    )

    for option in ("fast=true", "fast=false"):
        repository = open_repository(at(s3_bucket, before.port, f"?retry_timeout=1&{option}"))
        with pytest.raises(MlflowException) as caught:
            repository.log_artifact(str(write_file("a")))
        assert caught.value.error_code in {"TEMPORARILY_UNAVAILABLE", "RESOURCE_DOES_NOT_EXIST"}
