"""Alibaba OSS as tests see it: its buckets, its keys, and what it does wrong on command."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http
import http.client
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.oss_requests import Account, Refused, request
from mlflow_plugin_servers.oss_xml import element
from mlflow_plugin_servers.own_server import OrderedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_servers.local import LocalServer

__all__ = ["Bucket", "OssServer", "TemporaryKey"]


@dataclass(frozen=True)
class TemporaryKey:
    """An access key as STS gives it.

    Attributes:
        key_id: Its id.
        secret: Its secret.
        token: The security token that goes with it.
        expires: Second since 1970 at which it ends.
    """

    key_id: str
    secret: str
    token: str
    expires: float


@dataclass(frozen=True)
class Bucket:
    """A bucket and all that a client needs to use it.

    Attributes:
        name: Its name.
        endpoint: URL of the service, without the bucket.
        key_id: Id of the access key.
        key_secret: Its secret.
        region: Region, as version 4 of the signature names it.
    """

    name: str
    endpoint: str
    key_id: str
    key_secret: str
    region: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that Alibaba's clients and tools read, and the bucket's name."""
        return {
            "OSS_ACCESS_KEY_ID": self.key_id,
            "OSS_ACCESS_KEY_SECRET": self.key_secret,
            "OSS_ENDPOINT": self.endpoint,
            "OSS_REGION": self.region,
            "OSS_BUCKET": self.name,
        }


class OssServer(OrderedServer):
    """A server of OSS's protocol, or OSS itself by its URI.

    Attributes:
        account: Where it is and its access key.
    """

    name = "oss"

    def __init__(
        self, account: Account, local: LocalServer | None = None, control: str = ""
    ) -> None:
        """Describe it.

        Args:
            account: Where it is and its access key.
            local: Its process, when it was started here.
            control: The word that lets one give it orders.
        """
        super().__init__(local, control)
        self.account = account

    @classmethod
    def at(cls, uri: str) -> OssServer:
        """Take OSS, or a server of its protocol that is there already.

        Args:
            uri: `https://KEY_ID:KEY_SECRET@ENDPOINT?region=REGION`; the key must be allowed to make buckets.

        Returns:
            The server.

        Raises:
            ServerUnavailableError: The URI cannot be read, or the service does not answer this key.
        """
        server = cls(Account.parse(uri))
        problem = server.problem()
        if problem:
            message = f"oss at {server.account.endpoint} does not answer: {problem}"
            raise ServerUnavailableError(message)
        return server

    @property
    def uri(self) -> str:
        """The endpoint."""
        return self.account.endpoint

    @property
    def region(self) -> str:
        """The region that requests are signed for."""
        return self.account.region

    def facts(self) -> dict[str, str]:
        """Tell what there is to know; see the base class."""
        own = self.account
        return {
            "endpoint": own.endpoint,
            "access key": own.key_id,
            "secret": own.secret,
            "region": own.region,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The variables that Alibaba's clients and tools read."""
        return {name: value for name, value in self.bucket("").environment.items() if value}

    def bucket(self, name: str) -> Bucket:
        """Describe a bucket.

        Args:
            name: Its name.

        Returns:
            The name with all that a client needs.
        """
        own = self.account
        return Bucket(name, own.endpoint, own.key_id, own.secret, own.region)

    def problem(self) -> str:
        """Ask whether it answers its key.

        Returns:
            What is wrong; empty when it answers.
        """
        try:
            request(self.account, "GET", query={"max-keys": "1"})
        except (Refused, OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
        return ""

    @contextlib.contextmanager
    def fresh_bucket(self) -> Iterator[Bucket]:
        """Lend a new, empty bucket, which is emptied and removed afterwards.

        A server that an earlier test left stopped, or told to fail, is put right first.

        Yields:
            The bucket.
        """
        name = f"mlflow-test-{secrets.token_hex(8)}"
        self._put_right()
        request(self.account, "PUT", name)
        try:
            yield self.bucket(name)
        finally:
            self._put_right()
            self.empty(name)
            with contextlib.suppress(Refused):
                request(self.account, "DELETE", name)

    def empty(self, name: str) -> None:
        """Remove all objects and unfinished uploads of a bucket; nothing happens when there is none.

        Args:
            name: Its name.
        """
        with contextlib.suppress(Refused):
            while found := self._texts(name, {"max-keys": "1000"}, "Contents/Key"):
                keys = [element("Object", [element("Key", key)]) for key in found]
                body = element("Delete", [element("Quiet", "true"), *keys]).encode()
                digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest())
                headers = {"content-md5": digest.decode(), "content-type": "application/xml"}
                request(
                    self.account, "POST", name, query={"delete": ""}, headers=headers, body=body
                )
            while found := self._texts(name, {"uploads": ""}, "Upload/Key", "Upload/UploadId"):
                half = len(found) // 2
                for key, upload in zip(found[:half], found[half:], strict=True):
                    request(self.account, "DELETE", name, key, query={"uploadId": upload})

    def fail(
        self,
        status: int = 503,
        *,
        times: int = 1,
        retry_after: int | None = None,
        after: bool = False,
        code: str = "",
        method: str = "",
        key: str = "",
        query: str = "",
    ) -> None:
        """Answer the next requests with an error.

        Args:
            status: Such as 503, 429, 500, or 403 for a right that is missing.
            times: How many of them.
            retry_after: Seconds that the client is told to wait.
            after: Whether the request is carried out all the same, as when the answer is lost on its way.
            code: Name of the error; by default one that fits the status.
            method: Only requests of this kind.
            key: Only requests for an object with this in its name.
            query: Only requests with this parameter, such as `list-type` or `uploadId`.
        """
        self._tell(
            "fault",
            kind="fail",
            status=status,
            times=times,
            retry_after=retry_after,
            after=after,
            code=code,
            method=method,
            key=key,
            query=query,
        )

    def corrupt(self, *, times: int = 1, method: str = "GET", key: str = "") -> None:
        """Tell a wrong CRC-64 in the next answers, as if bytes had changed on their way.

        Args:
            times: How many of them.
            method: Only answers to requests of this kind; PUT for uploads, POST for the end of one in parts.
            key: Only for an object with this in its name.
        """
        self._tell("fault", kind="corrupt", times=times, method=method, key=key)

    def delay(self, seconds: float, *, times: int = 1_000_000, method: str = "") -> None:
        """Think for a while before each answer. `tcp_proxy` makes the line itself slow.

        Args:
            seconds: How long.
            times: How many requests it concerns.
            method: Only requests of this kind.
        """
        self._tell("fault", kind="delay", seconds=seconds, times=times, method=method)

    def set_clock(self, seconds: float) -> None:
        """Put the server's clock ahead of the client's, so that requests come too late and links expire.

        Args:
            seconds: How far.
        """
        self._tell("clock", seconds=seconds)

    def move(self, bucket: str, endpoint: str) -> None:
        """Say of a bucket that it is in another region, as OSS does where the endpoint is wrong.

        Args:
            bucket: Its name.
            endpoint: Where it is said to be, such as oss-cn-beijing.aliyuncs.com.
        """
        self._tell("move", bucket=bucket, endpoint=endpoint)

    def requests(self) -> list[dict[str, Any]]:
        """Hand over what it was asked since this was called last.

        Returns:
            For each request `method`, `bucket`, `key`, `query`, `headers` and the `status` that was answered; the last
            10,000 at most. The headers hold signatures, never secrets.
        """
        asked: list[dict[str, Any]] = self._tell("requests")
        return asked

    def temporary_key(self, lifetime: float = 3600.0) -> TemporaryKey:
        """Make an access key as STS does.

        Args:
            lifetime: Seconds until it ends; 0 or less for one that has ended.

        Returns:
            The key with its token.
        """
        key_id = f"STS.{secrets.token_hex(12)}"
        key = TemporaryKey(
            key_id, secrets.token_hex(20), secrets.token_urlsafe(96), time.time() + lifetime
        )
        self._tell(
            "key", key_id=key.key_id, secret=key.secret, token=key.token, expires=key.expires
        )
        return key

    def _texts(self, bucket: str, query: dict[str, str], *paths: str) -> list[str]:
        root = ET.fromstring(request(self.account, "GET", bucket, query=query))  # noqa: S314  (see oss_requests)
        return [each.text or "" for path in paths for each in root.findall(path)]
