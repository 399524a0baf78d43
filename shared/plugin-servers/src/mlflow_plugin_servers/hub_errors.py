"""The Hub's errors: status, and the headers that its client tells them apart by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlflow_plugin_servers.own_http import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HubError", "no_such_entry", "no_such_repo", "no_such_revision"]


class HubError(Exception):
    """What is answered instead of a result."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str = "",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Describe an error.

        Args:
            status: Status of the answer.
            message: What the Hub says.
            code: Its X-Error-Code, such as RepoNotFound; empty for none.
            headers: Further headers of the answer.
        """
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = dict(headers or {})

    def answer(self) -> Response:
        """Write the answer: the message is in the body and, for HEAD, in a header."""
        headers = {"Content-Type": "application/json", "X-Error-Message": self.message}
        if self.code:
            headers["X-Error-Code"] = self.code
        return Response(
            self.status, headers | self.headers, json.dumps({"error": self.message}).encode()
        )


def no_such_repo(*, anonymous: bool) -> HubError:
    """Say that there is no such repository, or none that this user may see; the Hub tells them apart for nobody."""
    if anonymous:
        return HubError(401, "Invalid username or password.", "RepoNotFound")
    return HubError(404, "Repository not found", "RepoNotFound")


def no_such_revision(revision: str) -> HubError:
    """Say that there is no such branch, tag or commit."""
    return HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def no_such_entry(path: str, revision: str) -> HubError:
    """Say that a revision has no such file or folder."""
    return HubError(404, f'{path} does not exist on "{revision}"', "EntryNotFound")
