"""What every S3 server offers to a test: credentials that are checked, and buckets that go away."""

from __future__ import annotations

import contextlib
import functools
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

from mlflow_plugin_servers.addresses import Address
from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.s3_requests import S3Access
from mlflow_plugin_servers.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_servers.server import Life

__all__ = ["S3Bucket", "S3Server", "own_keys", "takes_objects"]

_OK = range(200, 300)
_PROBE = "/ready-probe"
_PROBE_WITHIN = 5.0
_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class S3Server(Server):
    """A running S3 server and the credentials of somebody who may do everything there.

    Attributes:
        access: Endpoint and credentials.
    """

    name: ClassVar[str] = "s3"

    def __init__(self, access: S3Access, local: Life | None = None) -> None:
        """Describe a server.

        Args:
            access: Endpoint and credentials.
            local: Its process, when it was started here.
        """
        super().__init__(local)
        self.access = access

    @classmethod
    def at(cls, uri: str) -> S3Server:
        """Take a server that is there already, and check that it can be used.

        Args:
            uri: `http(s)://ACCESS_KEY:SECRET_KEY@host:port`, with the keys quoted as in any URL, and behind a question
                mark what differs: `region` (us-east-1 by default), `ca` (file with the authority of a certificate).

        Returns:
            The server.

        Raises:
            ServerUnavailableError: The URI cannot be read, or the server does not answer this user.
        """
        scheme = uri.partition(":")[0]
        try:
            address = Address.parse(uri, 443 if scheme == "https" else 80)
        except ValueError:
            scheme = ""
        if scheme not in {"http", "https"}:
            # The URI itself is not shown: it holds a secret.
            message = f"the URI of {cls.name} must have the form http(s)://ACCESS_KEY:SECRET_KEY@host:port"
            raise ServerUnavailableError(message)
        host = f"[{address.host}]" if ":" in address.host else address.host
        told = {name: values[-1] for name, values in parse_qs(address.query).items()}
        access = S3Access(
            f"{scheme}://{host}:{address.port}",
            address.user,
            address.password,
            told.get("region", "us-east-1"),
            Path(told["ca"]) if "ca" in told else None,
        )
        problem = cls(access).problem()
        if problem:
            message = f"{cls.name} at {access.endpoint} does not answer: {problem}"
            raise ServerUnavailableError(message)
        return cls(access)

    @property
    def uri(self) -> str:
        """Endpoint and credentials in one, as `at` reads them."""
        place = urlsplit(self.access.endpoint)
        query = f"region={self.access.region}"
        query += f"&ca={self.access.ca_file}" if self.access.ca_file else ""
        keys = (self.access.access_key, self.access.secret_key)
        address = Address(place.hostname or "", self.port, *keys, query=query)
        return address.url(place.scheme)

    @property
    def endpoint(self) -> str:
        """Its URL, without credentials."""
        return self.access.endpoint

    @property
    def port(self) -> int:
        """The port it serves on."""
        return int(self.access.endpoint.rpartition(":")[2])

    @property
    def environment(self) -> dict[str, str]:
        """The variables that boto3, the other SDKs of AWS, and MLflow look at."""
        return _environment(self.access)

    @property
    def client_options(self) -> dict[str, Any]:
        """What boto3 is given: `boto3.client("s3", **server.client_options)`."""
        return _client_options(self.access)

    def facts(self) -> dict[str, str]:
        """Tell a person endpoint and keys; see the base class."""
        return {
            "endpoint": self.endpoint,
            "access key": self.access.access_key,
            "secret key": self.access.secret_key,
            "region": self.access.region,
        }

    def create_bucket(self, name: str) -> S3Bucket:
        """Make a bucket.

        Args:
            name: 3 to 63 small letters, digits and hyphens.

        Returns:
            The bucket.

        Raises:
            RuntimeError: The server refuses.
        """
        self._do("PUT", f"/{name}")
        return S3Bucket(name, self.access)

    def delete_bucket(self, name: str) -> None:
        """Remove a bucket with all its objects, their versions, and uploads that were never completed.

        Args:
            name: Its name; nothing happens when there is none.

        Raises:
            RuntimeError: The server refuses.
        """
        path = f"/{name}"
        if self.access.request("HEAD", path)[0] not in _OK:
            return
        for upload in self._each(path, "uploads", "Upload"):
            self._do("DELETE", f"{path}/{upload['Key']}", {"uploadId": upload["UploadId"]})
        for tag in ("Version", "DeleteMarker"):
            for found in self._each(path, "versions", tag):
                self._do("DELETE", f"{path}/{found['Key']}", {"versionId": found["VersionId"]})
        self._do("DELETE", path)

    @contextlib.contextmanager
    def fresh_bucket(self) -> Iterator[S3Bucket]:
        """Lend a new, empty bucket, which is removed afterwards with all that is in it.

        A server that an earlier test left stopped is started again first.

        Yields:
            The bucket.
        """
        if self.managed:
            self.start()
        bucket = self.create_bucket(f"test-{secrets.token_hex(6)}")
        try:
            yield bucket
        finally:
            if self.managed:
                self.start()
            self.delete_bucket(bucket.name)

    def problem(self, timeout: float = 10.0) -> str:
        """Ask whether it answers these credentials.

        Args:
            timeout: Seconds it may take to do so.

        Returns:
            What is wrong; empty when it answers.
        """
        try:
            status, body = self.access.request("GET", "/", timeout=timeout)
        except (OSError, ValueError) as error:
            return str(error)
        return "" if status in _OK else f"{status} {body.decode('utf-8', 'replace')[:300]}"

    def _each(self, path: str, kind: str, tag: str) -> Iterator[dict[str, str]]:
        """List what is in a bucket until nothing is left: each one is removed before the next page is asked for."""
        before: list[dict[str, str]] = []
        while True:
            answer = self._do("GET", path, {kind: ""})
            found = [
                {child.tag.removeprefix(_NAMESPACE): child.text or "" for child in element}
                for element in ET.fromstring(answer).iter(f"{_NAMESPACE}{tag}")  # noqa: S314  (a server of a test)
            ]
            if found and found == before:
                message = f"{self.name} does not let go of {found[0].get('Key')} in {path}"
                raise RuntimeError(message)
            if not found:
                return
            yield from found
            before = found

    def _do(self, method: str, path: str, query: dict[str, str] | None = None) -> bytes:
        status, body = self.access.request(method, path, query, timeout=60.0)
        if status not in _OK:
            told = body.decode("utf-8", "replace")[:500]
            message = f"{self.name} answered {method} {path} with {status}: {told}"
            raise RuntimeError(message)
        return body


@dataclass(frozen=True)
class S3Bucket:
    """A bucket, and how to get to it.

    Attributes:
        name: Its name.
        access: Endpoint and credentials.
    """

    name: str
    access: S3Access

    @property
    def uri(self) -> str:
        """The bucket as MLflow writes it, such as `s3://test-1`."""
        return f"s3://{self.name}"

    @property
    def endpoint(self) -> str:
        """The server's URL."""
        return self.access.endpoint

    @property
    def environment(self) -> dict[str, str]:
        """The variables that boto3, the other SDKs of AWS, and MLflow look at."""
        return _environment(self.access)

    @property
    def client_options(self) -> dict[str, Any]:
        """What boto3 is given: `boto3.client("s3", **bucket.client_options)`."""
        return _client_options(self.access)


def _environment(access: S3Access) -> dict[str, str]:
    told = {
        "AWS_ACCESS_KEY_ID": access.access_key,
        "AWS_SECRET_ACCESS_KEY": access.secret_key,
        "AWS_REGION": access.region,
        "AWS_DEFAULT_REGION": access.region,
        "AWS_ENDPOINT_URL_S3": access.endpoint,
        "MLFLOW_S3_ENDPOINT_URL": access.endpoint,
    }
    return told | ({"AWS_CA_BUNDLE": str(access.ca_file)} if access.ca_file else {})


def _client_options(access: S3Access) -> dict[str, Any]:
    told: dict[str, Any] = {
        "endpoint_url": access.endpoint,
        "aws_access_key_id": access.access_key,
        "aws_secret_access_key": access.secret_key,
        "region_name": access.region,
    }
    return told | ({"verify": str(access.ca_file)} if access.ca_file else {})


@functools.cache
def own_keys() -> tuple[str, str]:
    """Return the access key and the secret of the servers that are started here.

    The same for all of this process: the default session of boto3, which MLflow uses, keeps the first that it finds
    in the environment, whatever stands there later.

    Returns:
        Both, new for each process.
    """
    return secrets.token_hex(8), secrets.token_hex(16)


def takes_objects(access: S3Access) -> bool:
    """Tell whether a server is ready: an object is kept, and not only a bucket made, which comes first.

    Args:
        access: Endpoint and credentials of somebody who may do so.

    Returns:
        Whether it does; a probe that an earlier attempt left is no hindrance.
    """
    try:
        made, _ = access.request("PUT", _PROBE, timeout=_PROBE_WITHIN)
        kept, _ = access.request("PUT", f"{_PROBE}/key", body=b"x", timeout=_PROBE_WITHIN)
        if made not in {*_OK, HTTPStatus.CONFLICT} or kept not in _OK:
            return False
        for path in (f"{_PROBE}/key", _PROBE):
            access.request("DELETE", path, timeout=_PROBE_WITHIN)
    except OSError:
        return False
    return True
