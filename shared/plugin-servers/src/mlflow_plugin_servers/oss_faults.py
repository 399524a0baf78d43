"""What the OSS server does wrong on command, and the list of what it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlflow_plugin_servers import own_faults
from mlflow_plugin_servers.oss_errors import OssError
from mlflow_plugin_servers.oss_objects import CRC

if TYPE_CHECKING:
    from mlflow_plugin_servers.oss_http import Request
    from mlflow_plugin_servers.own_http import Response

__all__ = ["Faults"]

_CODES = {
    403: ("AccessDenied", "You have no right to access this object because of bucket acl."),
    429: ("TooManyRequests", "Your request rate is too high."),
    500: ("InternalError", "We encountered an internal error. Please try again."),
    503: ("ServiceUnavailable", "Please reduce your request rate."),
}


@dataclass
class _Fault(own_faults.Fault):
    """One order; see `OssServer.fail` and its neighbours."""

    key: str = ""
    query: str = ""
    code: str = ""

    def is_about(self, request: Request) -> bool:
        """Tell whether a request goes to what was meant."""
        return self.key in request.key and (not self.query or self.query in request)

    def error(self) -> OssError:
        """Make the error that is answered."""
        code, message = _CODES.get(self.status, ("InternalError", "A fault on command."))
        return OssError(self.status, self.code or code, message, headers=self.headers)


class Faults(own_faults.Faults):
    """Orders that wait for their request."""

    fault = _Fault

    def spoil(self, request: Request, answer: Response) -> None:
        """Change the checksum of an answer, if that is ordered.

        Args:
            request: The request.
            answer: Its answer.
        """
        if CRC in answer.headers and self._take("corrupt", request):
            answer.headers[CRC] = str(int(answer.headers[CRC]) ^ 1)

    def note(self, request: Request, status: int) -> None:
        """Remember a request.

        Args:
            request: The request.
            status: What was answered.
        """
        entry = {
            "method": request.method,
            "bucket": request.bucket,
            "key": request.key,
            "query": request.query,
            "status": status,
            "headers": request.headers,
        }
        self.remember(entry)
