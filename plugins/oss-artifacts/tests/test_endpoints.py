"""Endpoints: which host, which region, where the bucket's name stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException

from mlflow_oss_artifacts import endpoints, location, opening
from mlflow_oss_artifacts.settings import OssSettings

if TYPE_CHECKING:
    from mlflow_oss_artifacts.endpoints import Endpoint

_HANGZHOU = "oss-cn-hangzhou.aliyuncs.com"
_BEIJING = "oss-cn-beijing.aliyuncs.com"


def _find(query: str = "") -> Endpoint:
    place = location.parse(f"oss://bucket/a{query}")
    return endpoints.find(place, OssSettings.load(place.query))


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou"),
        ("oss-cn-hangzhou-internal.aliyuncs.com", "cn-hangzhou"),
        ("oss-ap-southeast-1.aliyuncs.com", "ap-southeast-1"),
        ("oss-ap-southeast-1-internal.aliyuncs.com", "ap-southeast-1"),
        ("s3.oss-cn-beijing.aliyuncs.com", "cn-beijing"),
        ("cn-hongkong.oss.aliyuncs.com", "cn-hongkong"),
        ("oss-cn-hangzhou-finance.aliyuncs.com", "cn-hangzhou-finance"),
        ("oss-accelerate.aliyuncs.com", None),
        ("oss-accelerate-overseas.aliyuncs.com", None),
        ("oss-cn-hangzhou.aliyuncs.com.evil.example", None),
        ("files.example.com", None),
    ],
)
def test_the_name_of_an_endpoint_tells_its_region(host: str, region: str | None) -> None:
    assert endpoints.region_of(host) == region


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("oss-cn-hangzhou.aliyuncs.com", "https://bucket.oss-cn-hangzhou.aliyuncs.com/"),
        ("https://oss-cn-hangzhou.aliyuncs.com/", "https://bucket.oss-cn-hangzhou.aliyuncs.com/"),
        ("http://oss-cn-hangzhou.aliyuncs.com", "http://bucket.oss-cn-hangzhou.aliyuncs.com/"),
        # What the console shows beside it, and people copy.
        ("bucket.oss-cn-hangzhou.aliyuncs.com", "https://bucket.oss-cn-hangzhou.aliyuncs.com/"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/bucket/"),
        ("http://localhost:8080", "http://localhost:8080/bucket/"),
        ("http://[::1]:8080", "http://[::1]:8080/bucket/"),
        ("https://oss.example.com:8443", "https://bucket.oss.example.com:8443/"),
    ],
)
def test_an_endpoint_is_https_and_names_the_bucket(
    written: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", written)

    assert _find().bucket_url("bucket") == url


def test_a_domain_of_ones_own_does_not_get_the_bucket_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", "files.example.com")
    monkeypatch.setenv("MLFLOW_OSS_CNAME", "true")

    assert _find().bucket_url("bucket") == "https://files.example.com/"


@pytest.mark.parametrize(
    ("network", "host"),
    [
        ("public", "oss-cn-beijing.aliyuncs.com"),
        ("internal", "oss-cn-beijing-internal.aliyuncs.com"),
        ("accelerate", "oss-accelerate.aliyuncs.com"),
        ("accelerate-overseas", "oss-accelerate-overseas.aliyuncs.com"),
        ("dualstack", "cn-beijing.oss.aliyuncs.com"),
    ],
)
def test_a_region_has_five_endpoints(network: str, host: str) -> None:
    found = _find(f"?region=cn-beijing&network={network}")

    assert (found.host, found.scheme, found.region) == (host, "https", "cn-beijing")


def test_the_location_wins_over_the_environment_and_that_over_the_sdks_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OSS_ENDPOINT", "oss-cn-beijing.aliyuncs.com")
    assert _find().host == "oss-cn-beijing.aliyuncs.com"

    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", "oss-cn-shanghai.aliyuncs.com")
    assert _find().host == "oss-cn-shanghai.aliyuncs.com"

    found = _find("?endpoint=oss-cn-shenzhen.aliyuncs.com")
    assert (found.host, found.region) == ("oss-cn-shenzhen.aliyuncs.com", "cn-shenzhen")
    assert found.chosen_by_location


def test_the_region_of_the_environment_is_not_that_of_an_endpoint_that_a_location_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OSS_REGION", "cn-beijing")

    assert _find("?endpoint=oss-cn-shenzhen.aliyuncs.com").region == "cn-shenzhen"


def test_without_an_endpoint_the_variable_is_named() -> None:
    with pytest.raises(MlflowException, match="MLFLOW_OSS_ENDPOINT_URL") as caught:
        _find()

    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    "written",
    [
        "ftp://host",
        "https://",
        "https://host/path",
        "https://host:x",
        "https://u:p@host",
        "a b.com",
    ],
)
def test_what_cannot_be_an_endpoint_is_refused_by_the_name_of_its_setting(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", written)

    with pytest.raises(MlflowException, match=r"MLFLOW_OSS_ENDPOINT_URL \(environment\)"):
        _find()


def test_a_region_that_is_none_is_refused() -> None:
    with pytest.raises(MlflowException, match="is not a region"):
        _find("?region=evil.example.com%2F")


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("https://oss.example.com", True),
        ("oss.example.com", True),
        ("https://oss.example.com:443/", True),
        ("http://oss.example.com", False),
        ("https://oss.example.com:8443", False),
        ("https://other.example.com", False),
        ("https://oss.example.com:x", False),
        ("", False),
    ],
)
def test_two_ways_of_writing_an_endpoint_are_the_same_or_not(written: str, same: bool) -> None:
    endpoint = _find("?endpoint=oss.example.com")

    assert endpoints.same_host(written, endpoint) is same


@pytest.mark.parametrize(
    ("query", "version"),
    [
        ("?endpoint=oss-cn-shenzhen.aliyuncs.com", "v4"),
        ("?endpoint=oss-cn-shenzhen.aliyuncs.com&signature=v1", "v1"),
        ("?endpoint=oss-accelerate.aliyuncs.com", "v1"),
        ("?endpoint=oss-accelerate.aliyuncs.com&region=cn-shenzhen", "v4"),
    ],
)
def test_requests_are_signed_by_version_4_where_the_region_is_known(
    query: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_OSS_KEY_ID", "id")
    monkeypatch.setenv("MLFLOW_OSS_KEY_SECRET", "secret")

    assert opening.prepare(f"oss://bucket/a{query}").target.signature == version


def test_version_4_without_a_region_is_refused_with_what_to_set() -> None:
    with pytest.raises(MlflowException, match="MLFLOW_OSS_REGION"):
        opening.prepare("oss://bucket/a?endpoint=oss-accelerate.aliyuncs.com&signature=v4")


def test_presigned_addresses_can_name_another_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_OSS_KEY_ID", "id")
    monkeypatch.setenv("MLFLOW_OSS_KEY_SECRET", "secret")
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", "oss-cn-beijing-internal.aliyuncs.com")
    monkeypatch.setenv("MLFLOW_OSS_PUBLIC_ENDPOINT_URL", "oss-cn-beijing.aliyuncs.com")
    for sdk in ("v2", "oss2"):
        monkeypatch.setenv("MLFLOW_OSS_SDK", sdk)
        client = opening.client_for(opening.prepare("oss://bucket/a").target)
        requests = [
            client.sign_get("a b", 60),
            client.sign_put("a b", 60),
            client.sign_part("a b", "upload", 1, 60),
        ]
        for request in requests:
            assert request.url.startswith("https://bucket.oss-cn-beijing.aliyuncs.com/a%20b?")


@pytest.mark.parametrize(
    ("environ", "query", "host", "region"),
    [
        # The location's region wins over an endpoint of another one.
        ({"MLFLOW_OSS_ENDPOINT_URL": _HANGZHOU}, "?region=cn-beijing", _BEIJING, "cn-beijing"),
        ({"OSS_ENDPOINT": _HANGZHOU}, "?region=cn-beijing", _BEIJING, "cn-beijing"),
        (
            {"MLFLOW_OSS_ENDPOINT_URL": _HANGZHOU},
            "?region=cn-beijing&network=internal",
            "oss-cn-beijing-internal.aliyuncs.com",
            "cn-beijing",
        ),
        (
            {"MLFLOW_OSS_ENDPOINT_URL": _HANGZHOU},
            "?network=internal",
            "oss-cn-hangzhou-internal.aliyuncs.com",
            "cn-hangzhou",
        ),
        # Of the same region, or of one that its name does not tell, it stays.
        (
            {"MLFLOW_OSS_ENDPOINT_URL": "oss-cn-beijing-internal.aliyuncs.com"},
            "?region=cn-beijing",
            "oss-cn-beijing-internal.aliyuncs.com",
            "cn-beijing",
        ),
        (
            {"MLFLOW_OSS_ENDPOINT_URL": "oss-accelerate.aliyuncs.com"},
            "?region=cn-beijing",
            "oss-accelerate.aliyuncs.com",
            "cn-beijing",
        ),
        (
            {"MLFLOW_OSS_ENDPOINT_URL": "oss.example.com", "MLFLOW_OSS_REGION": "cn-hangzhou"},
            "?region=cn-beijing&network=internal",
            "oss.example.com",
            "cn-beijing",
        ),
        # The endpoint's own name wins over the region of the environment.
        (
            {"MLFLOW_OSS_REGION": "cn-hangzhou"},
            f"?endpoint={_BEIJING}",
            _BEIJING,
            "cn-beijing",
        ),
        (
            {"OSS_REGION": "cn-hangzhou", "MLFLOW_OSS_ENDPOINT_URL": _BEIJING},
            "",
            _BEIJING,
            "cn-beijing",
        ),
        (
            {"OSS_REGION": "cn-hangzhou", "MLFLOW_OSS_ENDPOINT_URL": "oss.example.com"},
            "",
            "oss.example.com",
            "cn-hangzhou",
        ),
        (
            {"OSS_REGION": "cn-hangzhou", "MLFLOW_OSS_REGION": "cn-beijing"},
            "",
            _BEIJING,
            "cn-beijing",
        ),
    ],
)
def test_endpoint_and_region_are_never_those_of_two_regions(
    environ: dict[str, str],
    query: str,
    host: str,
    region: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    found = _find(query)

    assert (found.host, found.region) == (host, region)


def test_a_domain_of_ones_own_in_the_environment_does_not_take_the_bucket_from_other_endpoints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", "files.example.com")
    monkeypatch.setenv("MLFLOW_OSS_CNAME", "true")

    found = [
        _find(query).bucket_url("bucket")
        for query in (f"?endpoint={_BEIJING}", "?endpoint=own.example.com&cname=true", "")
    ]

    assert found == [
        f"https://bucket.{_BEIJING}/",
        "https://own.example.com/",
        "https://files.example.com/",
    ]


@pytest.mark.parametrize("name", ["MLFLOW_OSS_REGION", "OSS_REGION"])
def test_a_region_that_begins_as_an_endpoint_is_refused_by_name(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "oss-cn-hangzhou")

    with pytest.raises(
        MlflowException, match=rf"{name} \(environment\).*write cn-hangzhou"
    ) as caught:
        _find()

    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    ("environ", "query", "url"),
    [
        # A domain that is bound to the bucket, with the server on an internal endpoint.
        (
            {
                "MLFLOW_OSS_ENDPOINT_URL": "oss-cn-hangzhou-internal.aliyuncs.com",
                "MLFLOW_OSS_PUBLIC_ENDPOINT_URL": "https://files.example.com",
                "MLFLOW_OSS_PUBLIC_CNAME": "true",
            },
            "",
            "https://files.example.com/",
        ),
        (
            {
                "MLFLOW_OSS_ENDPOINT_URL": "files.example.com",
                "MLFLOW_OSS_CNAME": "true",
                "MLFLOW_OSS_REGION": "cn-hangzhou",
                "MLFLOW_OSS_PUBLIC_ENDPOINT_URL": _HANGZHOU,
            },
            "",
            f"https://bucket.{_HANGZHOU}/",
        ),
        # A public endpoint serves its own region.
        (
            {
                "MLFLOW_OSS_ENDPOINT_URL": "oss-cn-hangzhou-internal.aliyuncs.com",
                "MLFLOW_OSS_PUBLIC_ENDPOINT_URL": _HANGZHOU,
            },
            "?region=cn-beijing&network=internal",
            f"https://bucket.{_BEIJING}/",
        ),
        (
            {
                "MLFLOW_OSS_ENDPOINT_URL": "oss-cn-hangzhou-internal.aliyuncs.com",
                "MLFLOW_OSS_PUBLIC_ENDPOINT_URL": "oss-accelerate.aliyuncs.com",
            },
            "?region=cn-beijing",
            "https://bucket.oss-accelerate.aliyuncs.com/",
        ),
        (
            {"MLFLOW_OSS_PUBLIC_ENDPOINT_URL": _HANGZHOU},
            "?endpoint=http://127.0.0.1:1",
            "http://127.0.0.1:1/bucket/",
        ),
        # Without one, an internal endpoint has that of its region.
        (
            {"MLFLOW_OSS_ENDPOINT_URL": "http://oss-cn-beijing-internal.aliyuncs.com"},
            "",
            f"https://bucket.{_BEIJING}/",
        ),
        # Where all clients are inside.
        (
            {
                "MLFLOW_OSS_ENDPOINT_URL": "oss-cn-beijing-internal.aliyuncs.com",
                "MLFLOW_OSS_PUBLIC_ENDPOINT_URL": "oss-cn-beijing-internal.aliyuncs.com",
            },
            "",
            "https://bucket.oss-cn-beijing-internal.aliyuncs.com/",
        ),
        (
            {"MLFLOW_OSS_ENDPOINT_URL": "http://127.0.0.1:8080"},
            "",
            "http://127.0.0.1:8080/bucket/",
        ),
    ],
)
def test_presigned_addresses_name_an_endpoint_of_the_buckets_region_that_clients_reach(
    environ: dict[str, str], query: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    place = location.parse(f"oss://bucket/a{query}")
    settings = OssSettings.load(place.query)

    endpoint = endpoints.find(place, settings)
    public = endpoints.find_public(place, settings, endpoint)

    assert public.bucket_url("bucket") == url
    assert public.region == endpoint.region
