"""Signed requests to S3 with the standard library: what it takes to see that a server is ready, and to tidy up."""

from __future__ import annotations

import hashlib
import hmac
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["S3Access"]

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class S3Access:
    """Where a server is, and who one is there.

    Attributes:
        endpoint: Its URL, without a bucket.
        access_key: Name of the key.
        secret_key: The key.
        region: Region that requests are signed for.
        ca_file: File with the authority that signed the server's certificate; None for those the system trusts.
    """

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    ca_file: Path | None = None

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout: float = 10.0,
    ) -> tuple[int, bytes]:
        """Send one request, signed as version 4 wants it.

        Args:
            method: Such as GET.
            path: Bucket and key, such as `/bucket/key`, not quoted.
            query: Parameters.
            body: What is sent along.
            timeout: Seconds it may take.

        Returns:
            Status and body of the answer, whatever they are.

        Raises:
            OSError: The server cannot be reached.
        """
        url = f"{self.endpoint.rstrip('/')}{quote(path)}"
        listed = urlencode(sorted((query or {}).items()), quote_via=quote, safe="-_.~")
        headers = self._signed(method, quote(path), listed, body)
        request = urllib.request.Request(  # noqa: S310  (http and https alone)
            f"{url}?{listed}" if listed else url, data=body or None, headers=headers, method=method
        )
        # No proxy of the environment stands between a test and its server.
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if self.endpoint.startswith("https:"):
            context = ssl.create_default_context(cafile=self.ca_file)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        try:
            with urllib.request.build_opener(*handlers).open(request, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def _signed(self, method: str, path: str, query: str, body: bytes) -> dict[str, str]:
        """Return the headers with the signature: AWS, Signature Version 4, "Create a signed AWS API request"."""
        now = datetime.now(timezone.utc)
        moment, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        digest = hashlib.sha256(body).hexdigest()
        headers = {
            "host": urlsplit(self.endpoint).netloc,
            "x-amz-content-sha256": digest,
            "x-amz-date": moment,
        }
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}"
        scope = f"{day}/{self.region}/s3/aws4_request"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashed}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        credential = f"{self.access_key}/{scope}"
        return {
            **headers,
            "Authorization": f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}",
        }
