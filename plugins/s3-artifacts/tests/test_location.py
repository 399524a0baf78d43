"""Locations: read, refused with a reason, and the same after MLflow has appended to them."""

from __future__ import annotations

import string
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.utils.uri import append_to_uri_path

from mlflow_s3_artifacts import location

_HOSTS = st.sampled_from(
    ["minio.example.com", "10.0.0.7", "[2001:db8::1]", "s3.eu-west-1.amazonaws.com"]
)
_BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9-]{1,30}[a-z0-9]", fullmatch=True)
_NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=("Cc", "Cs")),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in {".", ".."})
_SECRETS = st.text(string.ascii_letters + string.digits + "/+=:@?&#%", min_size=1, max_size=30)


def test_a_location_names_service_bucket_root_and_options() -> None:
    place = location.parse("s3+https://minio.example.com:9000/models/team/a?profile=p&region=r")

    assert place.endpoint == "https://minio.example.com:9000"
    assert (place.bucket, place.root) == ("models", "team/a")
    assert place.query == {"profile": "p", "region": "r"}
    assert (place.access_key, place.secret_key) == (None, None)


@given(
    _HOSTS,
    st.one_of(st.none(), st.integers(1, 65_535)),
    _BUCKETS,
    st.lists(_NAMES, max_size=3),
    st.sampled_from(["", "?profile=p", "?region=eu-1&sse=AES256"]),
)
def test_what_mlflow_appends_lies_below_the_root(
    host: str, port: int | None, bucket: str, names: list[str], query: str
) -> None:
    path = "/".join(urllib.parse.quote(name, safe="") for name in [bucket, *names])
    uri = f"s3+https://{host}{f':{port}' if port else ''}/{path}{query}"
    before = location.parse(uri)

    after = location.parse(append_to_uri_path(uri, "1", "4f0c", "artifacts"))

    assert before.root == "/".join(names)
    assert after.root == "/".join([*names, "1/4f0c/artifacts"])
    assert (after.endpoint, after.bucket, after.query) == (
        before.endpoint,
        before.bucket,
        before.query,
    )
    assert after.server == before.server


@given(_SECRETS, _SECRETS)
def test_keys_in_a_location_are_read_and_never_printed(access_key: str, secret_key: str) -> None:
    quoted = [urllib.parse.quote(key, safe="") for key in (access_key, secret_key + "-secret")]
    place = location.parse(f"s3+http://{':'.join(quoted)}@minio:9000/bucket/a")

    assert (place.access_key, place.secret_key) == (access_key, secret_key + "-secret")
    assert place.endpoint == "http://minio:9000"
    for shown in (str(place), repr(place)):
        assert "-secret" not in shown


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("s3+https://minio/", "names no bucket"),
        ("s3+https://minio", "names no bucket"),
        ("s3+https:///bucket/a", "names no endpoint host"),
        ("s3+https://minio/ab/x", "cannot be the name of a bucket"),
        ("s3+https://minio/a..b/x", "cannot be the name of a bucket"),
        ("s3+https://minio/-abc/x", "cannot be the name of a bucket"),
        ("s3+https://minio/192.168.0.1/x", "cannot be the name of a bucket"),
        ("s3+https://minio/bucket/a//b", "empty, '.' or '..' part"),
        ("s3+https://minio/bucket/a/../b", "empty, '.' or '..' part"),
        ("s3+https://minio/bucket/a%2F..%2Fb", "empty, '.' or '..' part"),
        ("s3+https://minio/bucket/a%00b", "control character"),
        ("s3+https://minio/bucket/a#b", "fragment"),
        ("s3+https://minio/bucket/a%2", "two hexadecimal digits"),
        ("s3+https://key@minio/bucket", "no secret key"),
        ("s3+https://:secret@minio/bucket", "no access key"),
        ("s3+https://minio:99999/bucket", "port"),
        ("s3+ftp://minio/bucket", "neither s3+https nor s3+http"),
        ("s3+https://minio/bucket?region=a&region=b", "given twice"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(uri: str, why: str) -> None:
    with pytest.raises(MlflowException) as caught:
        location.parse(uri)

    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert why in caught.value.message


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("s3.eu-central-1.amazonaws.com", "eu-central-1"),
        ("s3.dualstack.us-west-2.amazonaws.com", "us-west-2"),
        ("s3-us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("s3-fips.us-east-2.amazonaws.com", "us-east-2"),
        ("s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("bucket.vpce-1a2b-3c4d.s3.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("s3.amazonaws.com", None),
        ("minio.example.com", None),
    ],
)
def test_the_region_stands_in_the_name_of_an_amazon_host(host: str, region: str | None) -> None:
    assert location.parse(f"s3+https://{host}/bucket").region == region


@pytest.mark.parametrize(
    "host",
    [
        "s3.amazonaws.com",
        "s3-external-1.amazonaws.com",
        "s3-accelerate.amazonaws.com",
        "s3-accelerate.dualstack.amazonaws.com",
        "s3.eu-central-1.amazonaws.com",
        "s3.dualstack.ap-southeast-2.amazonaws.com",
        "s3-eu-west-1.amazonaws.com",
        "s3-fips.us-gov-west-1.amazonaws.com",
        "s3-fips.dualstack.ca-central-1.amazonaws.com",
        "a-123456789012.s3-accesspoint.eu-west-1.amazonaws.com",
        "my.bucket.s3.eu-west-1.amazonaws.com",
        "bucket.vpce-1a2b-3c4d.s3.eu-west-1.vpce.amazonaws.com",
        "s3.cn-northwest-1.amazonaws.com.cn",
    ],
)
def test_s3s_own_hosts_are_amazons(host: str) -> None:
    assert location.parse(f"s3+https://{host}/bucket").is_amazon


@pytest.mark.parametrize(
    "host",
    [
        "ec2-203-0-113-5.compute-1.amazonaws.com",
        "ec2-203-0-113-5.eu-west-1.compute.amazonaws.com",
        "abc123.execute-api.us-east-1.amazonaws.com",
        "name-123.eu-west-1.elb.amazonaws.com",
        "bucket.s3-website.eu-west-1.amazonaws.com",
        "bucket.s3-website-eu-west-1.amazonaws.com",
        "name-123456789012.s3-object-lambda.eu-west-1.amazonaws.com",
        "vpce-1a2b.vpce-svc-3c4d.eu-west-1.vpce.amazonaws.com",
        "s3.eu-west-1.vpce.amazonaws.com",
        "s3.evil.amazonaws.com",
        "evils3.eu-west-1.amazonaws.com",
        "s3.eu-west-1.amazonaws.com.evil.example",
        "s3.eu-west-1.amazonaws.com.evil.cn",
        "amazonaws.com",
        "minio.example.com",
    ],
)
def test_what_others_can_have_under_amazons_name_is_not_amazons(host: str) -> None:
    place = location.parse(f"s3+https://{host}/bucket")

    assert not place.is_amazon
    assert place.region is None


def test_only_plain_names_fit_before_the_host() -> None:
    def fits(uri: str) -> bool:
        return location.parse(uri).fits_host_name

    assert fits("s3+https://s3.amazonaws.com/bucket")
    assert not fits("s3+https://s3.amazonaws.com/my.bucket")
    assert not fits("s3+https://127.0.0.1/bucket")
    assert not fits("s3+https://[::1]/bucket")
