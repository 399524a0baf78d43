"""Signatures of S3, held against those of AWS's own library."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.s3_requests import S3Access
from mlflow_plugin_servers.s3_server import S3Bucket, S3Server

_ACCESS = S3Access("http://127.0.0.1:9000", "key", "s/e+c ret", "eu-central-1")


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("path", ["/", "/bucket/ä b+c/%20~(!)", "/bucket/a=b&c"])
@pytest.mark.parametrize("query", [{}, {"versions": ""}, {"b": "x y/+~", "a": "ä&="}], ids=str)
def test_requests_are_signed_as_by_aws(method: str, path: str, query: dict[str, str]) -> None:
    # The parts of a request as they are sent, by the rules of the library that they are held against.
    listed = urlencode(sorted(query.items()), quote_via=quote, safe="-_.~")
    ours = _ACCESS._signed(method, quote(path), listed, b"body")
    theirs = AWSRequest(method, f"{_ACCESS.endpoint}{quote(path)}", data=b"body", params=query)
    theirs.headers["X-Amz-Content-SHA256"] = hashlib.sha256(b"body").hexdigest()
    theirs.headers["X-Amz-Date"] = theirs.context["timestamp"] = ours["x-amz-date"]
    auth = S3SigV4Auth(Credentials(_ACCESS.access_key, _ACCESS.secret_key), "s3", _ACCESS.region)

    signature = auth.signature(auth.string_to_sign(theirs, auth.canonical_request(theirs)), theirs)

    assert ours["Authorization"].endswith(f"Signature={signature}")
    assert f"Credential=key/{auth.scope(theirs).partition('/')[2]}, " in ours["Authorization"]


def test_the_uri_of_a_server_holds_all_that_its_clients_need() -> None:
    server = S3Server(_ACCESS)

    assert server.uri == "http://key:s%2Fe%2Bc%20ret@127.0.0.1:9000/?region=eu-central-1"
    assert S3Server(replace(_ACCESS, endpoint="https://[::1]:9")).uri.startswith(
        "https://key:s%2Fe%2Bc%20ret@[::1]:9/"
    )
    assert (server.endpoint, server.port) == ("http://127.0.0.1:9000", 9000)
    assert server.environment["AWS_SECRET_ACCESS_KEY"] == "s/e+c ret"
    assert server.environment == S3Bucket("b", _ACCESS).environment
    assert server.client_options == S3Bucket("b", _ACCESS).client_options


@pytest.mark.parametrize("uri", ["", "bucket", "s3://key:hunter2@bucket", "http://127.0.0.1:9000"])
def test_a_uri_that_cannot_be_read_is_answered_with_the_form_it_must_have(uri: str) -> None:
    with pytest.raises(ServerUnavailableError, match="ACCESS_KEY:SECRET_KEY@host:port") as caught:
        S3Server.at(uri)

    assert "hunter2" not in str(caught.value)
