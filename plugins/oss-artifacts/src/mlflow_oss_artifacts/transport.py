"""HTTP for both SDKs: one pool of connections a client, and no behaviour that nobody asked for.

Both bring `requests`, which costs about twice the time for a small request, rewrites paths such as
`a/./b` after they were signed, replaces the signature by what a .netrc file has for the host, and
repeats nothing or something by its own rules. urllib3 below it does none of that when told so.
"""

from __future__ import annotations

import ssl
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import urllib3

from mlflow_oss_artifacts import connections
from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow_plugin_core.objects.client import Body

_BLOCK = 1 << 18
# Up to this much is joined with the headers into one piece.
_SMALL = 1 << 16


@dataclass(frozen=True)
class TransportOptions:
    """How connections are made.

    Attributes:
        workers: Connections that are kept.
        connect_timeout: Seconds until a connection attempt is given up.
        read_timeout: Seconds without a byte in either direction.
        ca_file: Authorities that TLS trusts, or None for the usual ones.
        proxy: URL of a proxy, "none", or None for what the environment says.
    """

    workers: int
    connect_timeout: float
    read_timeout: float
    ca_file: str | None = None
    proxy: str | None = None


class Transport:
    """Sends requests once, as they are; thread-safe.

    Attributes:
        reached: Whether the service ever answered: what fails before that is more likely a wrong
            address than a passing fault.
    """

    def __init__(self, url: str, options: TransportOptions) -> None:
        """Open nothing yet.

        Args:
            url: Scheme, host and port; what the requests' hosts end in.
            options: How connections are made.

        Raises:
            MlflowException: INVALID_PARAMETER_VALUE for a proxy that cannot be used.
            OSError: The file of authorities cannot be read.
        """
        self.reached = False
        parts = urllib.parse.urlsplit(url)
        settings: dict[str, Any] = {
            "num_pools": 8,
            "maxsize": options.workers,
            "timeout": urllib3.Timeout(connect=options.connect_timeout, read=options.read_timeout),
            "blocksize": _BLOCK,
        }
        if parts.scheme == "https":
            # Without a file these are the machine's, and what SSL_CERT_FILE names.
            settings["ssl_context"] = ssl.create_default_context(cafile=options.ca_file)
        proxy = _proxy_for(parts, options.proxy)
        self._is_forwarded = proxy is not None and parts.scheme == "http"
        self._manager = _manager_of(proxy, settings)
        self._manager.pool_classes_by_scheme = connections.pool_classes_by_scheme

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | bytes | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Send one request and return its answer with the body unread.

        Raises:
            urllib3.exceptions.HTTPError: There is no answer.
        """
        scheme, _, rest = url.partition("://")
        netloc, _, target = rest.partition("/")
        sent = dict(headers)
        content: Any = body
        if body is not None and not isinstance(body, (bytes, str)) and hasattr(body, "size"):
            # Without it the body would go in chunks of unknown number, which OSS does not sign.
            sent["Content-Length"] = str(body.size)
            if body.size <= _SMALL:
                content = body.read()
        if self._is_forwarded:
            pool: Any = self._manager
            address = url
        else:
            parts = urllib.parse.urlsplit(f"//{netloc}")
            pool = self._manager.connection_from_host(parts.hostname, parts.port, scheme)
            # Not the whole URL: the manager would take the dots out of `a/./b`.
            address = f"/{target}"
        answer: urllib3.BaseHTTPResponse = pool.urlopen(
            method,
            address,
            body=content,
            headers=sent,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        self.reached = True
        return answer

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._manager.clear()


def _manager_of(proxy: str | None, settings: dict[str, Any]) -> urllib3.PoolManager:
    if not proxy:
        return urllib3.PoolManager(**settings)
    user = urllib3.util.parse_url(proxy).auth
    # urllib3 sends nothing of a user in the proxy's URL by itself.
    headers = urllib3.make_headers(proxy_basic_auth=urllib.parse.unquote(user)) if user else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **settings)


def _proxy_for(parts: urllib.parse.SplitResult, chosen: str | None) -> str | None:
    if chosen is not None:
        return None if chosen.lower() == "none" else _checked("MLFLOW_OSS_PROXY", chosen)
    host = parts.hostname or ""
    if urllib.request.proxy_bypass(host):
        return None
    found = urllib.request.getproxies().get(parts.scheme)
    return _checked(f"{parts.scheme.upper()}_PROXY", found) if found else None


def _checked(source: str, text: str) -> str:
    written = text.strip() if "://" in text else f"http://{text.strip()}"
    try:
        parsed = urllib3.util.parse_url(written)
        why = "" if parsed.host else "it names no host"
        if parsed.scheme not in {"http", "https"}:
            why = f"{parsed.scheme}:// is not a kind of proxy that is supported"
    except urllib3.exceptions.LocationParseError:
        # Its own text has the whole address, and so a password.
        why = "it is not an address"
    if not why:
        return written
    remedy = "write it as in http://proxy.example.com:3128, or set MLFLOW_OSS_PROXY=none"
    message = errors.explain(f"{source} cannot be used as a proxy", why=why, remedy=remedy)
    raise errors.invalid_parameter(message)
