"""OSS's signatures, compared with those of Alibaba's own clients."""

from __future__ import annotations

import datetime as dt

import pytest
from aliyun import oss, oss2
from hypothesis import given, settings
from hypothesis import strategies as st

from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.oss_auth import Gate, Key
from mlflow_plugin_servers.oss_errors import OssError
from mlflow_plugin_servers.oss_http import Request, address
from mlflow_plugin_servers.oss_requests import Account
from mlflow_plugin_servers.oss_signature import (
    Scope,
    canonical_v4,
    signature_v1,
    signature_v4,
    text_v1,
)

names = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=20)


@settings(deadline=None)
@given(names, st.dictionaries(names, names, max_size=3))
def test_version_4_signs_as_the_older_client_does(key: str, query: dict[str, str]) -> None:
    auth = oss2.AuthV4("id", "secret")
    sent = oss2.http.Request(
        "GET",
        "http://x",
        params=dict(query),
        headers={"x-oss-meta-a": "b"},
        region="r",
        product="oss",
    )

    auth._sign_request(sent, "bucket", key)

    moment = sent.headers["x-oss-date"]
    headers = {name.lower(): value for name, value in sent.headers.items() if value is not None}
    scope = Scope(moment[:8], "r")
    text = canonical_v4("GET", f"/bucket/{key}", query.items(), headers)
    assert sent.headers["authorization"].endswith(
        f"Signature={signature_v4('secret', scope, moment, text)}"
    )


@settings(deadline=None)
@given(names)
def test_version_4_signs_as_the_newer_client_does(key: str) -> None:
    request = oss.types.HttpRequest("PUT", "http://x/?uploadId=%2Fa%20b&partNumber=1")
    request.headers.update({"content-type": "text/plain", "host": "x"})
    moment = dt.datetime(2026, 1, 31, 23, 59, 59, tzinfo=dt.timezone.utc)
    context = oss.types.SigningContext(
        product="oss",
        region="r",
        bucket="bucket",
        key=key,
        request=request,
        credentials=oss.credentials.Credentials("id", "secret", "token"),
        signing_time=moment,
        additional_headers=["host"],
    )

    oss.signer.SignerV4().sign(context)

    headers = {name.lower(): value for name, value in request.headers.items()}
    pairs = [("uploadId", "/a b"), ("partNumber", "1")]
    text = canonical_v4("PUT", f"/bucket/{key}", pairs, headers, ["host"])
    signature = signature_v4("secret", Scope("20260131", "r"), "20260131T235959Z", text)
    assert headers["authorization"].endswith(f"Signature={signature}")


@settings(deadline=None)
@given(names, names)
def test_version_1_signs_as_the_older_client_does(key: str, kind: str) -> None:
    query = {"uploadId": kind, "acl": "", "prefix": "not signed"}
    sent = oss2.http.Request("PUT", "http://x", params=dict(query), headers={"x-oss-b": "1"})

    oss2.Auth("id", "secret")._sign_request(sent, "bucket", key)

    headers = {name.lower(): value for name, value in sent.headers.items() if value is not None}
    text = text_v1("PUT", f"/bucket/{key}", query.items(), headers, headers["date"])
    assert headers["authorization"] == f"OSS id:{signature_v1('secret', text)}"


@pytest.mark.parametrize(
    "given_headers",
    [
        {"authorization": "Basic aWQ6cHc="},
        {"authorization": "OSS4-HMAC-SHA256 Credential=id/only,Signature=x"},
        {"authorization": "OSS id"},
        {"authorization": "OSS id:"},
        {"authorization": "OSS id:x", "date": "yesterday"},
        {"authorization": "OSS4-HMAC-SHA256 Credential=id/20260131/r/oss/aliyun_v4_request"},
        {},
    ],
    ids=str,
)
def test_a_header_that_makes_no_sense_opens_nothing(given_headers: dict[str, str]) -> None:
    gate = Gate("r", Key("id", "secret"))
    request = Request("GET", "", "bucket", "key", [], given_headers, None)  # type: ignore[arg-type]

    with pytest.raises(OssError):
        gate.check(request)


@pytest.mark.parametrize("lifetime", ["0", "604801", "-1", "", "many"])
def test_a_presigned_address_of_version_4_lives_for_a_week_at_most(lifetime: str) -> None:
    gate = Gate("r", Key("id", "secret"))
    moment = dt.datetime.now(dt.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    query = [
        ("x-oss-credential", f"id/{moment[:8]}/r/oss/aliyun_v4_request"),
        ("x-oss-date", moment),
        ("x-oss-expires", lifetime),
    ]
    text = canonical_v4("GET", "/bucket/key", query, {})
    signed = [
        *query,
        ("x-oss-signature", signature_v4("secret", Scope(moment[:8], "r"), moment, text)),
    ]

    with pytest.raises(OssError, match="between 1 and 604800"):
        gate.check(Request("GET", "", "bucket", "key", signed, {}, None))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "path", "found"),
    [
        ("127.0.0.1:8080", "/b/k/l", ("b", "k/l")),
        ("127.0.0.1", "/b/", ("b", "")),
        ("localhost:80", "/b", ("b", "")),
        ("b.localhost:80", "/k%2Fl", ("b", "k/l")),
        ("b.127.0.0.1:80", "/", ("b", "")),
        ("127.0.0.1", "/", ("", "")),
        ("127.0.0.1", "/b//k", ("b", "/k")),
    ],
)
def test_the_bucket_is_found_in_the_host_or_in_the_path(
    host: str, path: str, found: tuple[str, str]
) -> None:
    assert address(host, path) == found


def test_a_uri_names_endpoint_key_and_region() -> None:
    wanted = Account("https://oss-cn-beijing.aliyuncs.com", "id", "s/e", "cn-beijing")

    assert Account.parse("https://id:s%2Fe@oss-cn-beijing.aliyuncs.com") == wanted
    inside = Account.parse("https://id:s%2Fe@oss-cn-beijing-internal.aliyuncs.com:443/")
    assert (inside.region, inside.endpoint[-4:]) == ("cn-beijing", ":443")
    for wrong in ("https://oss-x.aliyuncs.com", "ftp://id:s@oss-x.y", "http://id:s@127.0.0.1", ""):
        with pytest.raises(ServerUnavailableError, match="must have the form"):
            Account.parse(wrong)
