"""The Hub's errors as MLflow's: what failed, where, why, and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors
from mlflow_xet_artifacts.client_hub import EntryNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_xet_artifacts.client_hub import HubClient

_LONGEST_REASON = 500
_TOO_MANY_REQUESTS = 429
# What one of many files in a commit may bring about, and the others do without: a path, a size.
_ABOUT_FILES = frozenset({400, 413, 422})
# Passing by themselves, or once another writer's commit is through.
_PASSING = frozenset({408, 409, 412, 423, 425, 429, 500, 502, 503, 504})
# IETF draft "RateLimit header fields". Every answer has them: only with r=0 is this quota used up,
# and a 429 is of another one, such as that of commits, otherwise.
_RATE_LIMIT = re.compile(r";\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d+)")
# How the Hub names the wait where commits are limited, and nowhere else in its answer.
_RETRY_IN = re.compile(
    r"retry this action in ((?:[a-z]+ )*?(an?|\d+) (second|minute|hour)s?)", re.IGNORECASE
)
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600}
_FEWER_COMMITS = (
    "make fewer commits: log folders with log_artifacts, or set MLFLOW_XET_COMMIT_WINDOW, so that "
    "single files share a commit"
)
_AGAIN = "try again later; MLFLOW_XET_RETRY_TIMEOUT sets for how long it is tried"
_READ_ONLY = "use a token with write access to this repository (HF_TOKEN)"
_LOGIN = "set HF_TOKEN to a valid token of this Hub, or run `hf auth login`"
# By name: huggingface_hub 1.0 does not know all of them.
NO_REPO = frozenset({"RepositoryNotFoundError", "BucketNotFoundError"})
_ANSWERS: dict[int, tuple[Callable[..., MlflowException], str]] = {
    400: (errors.bad_request, ""),
    401: (errors.unauthenticated, _LOGIN),
    403: (errors.permission_denied, _READ_ONLY),
    404: (errors.not_found, "check owner, name, branch and repo_type"),
    409: (errors.unavailable, "other writers commit to this branch all the time; " + _AGAIN),
    412: (errors.unavailable, "other writers commit to this branch all the time; " + _AGAIN),
    413: (errors.bad_request, "lower MLFLOW_XET_COMMIT_FILES"),
    429: (errors.unavailable, f"wait, or {_FEWER_COMMITS}"),
}


def status(error: BaseException) -> int | None:
    """Return the HTTP status of an error, or None where there was no answer."""
    response = getattr(error, "response", None)
    found = getattr(response, "status_code", None)
    return int(found) if found else None


def retryable(error: Exception) -> bool | float:
    """Tell whether the same request may succeed later; a number is how many seconds to wait."""
    code = status(error)
    if code is None:
        return _is_transport(error)
    if code not in _PASSING:
        return False
    headers = error.response.headers  # type: ignore[attr-defined]
    waits = [float(after)] if (after := headers.get("Retry-After", "")).isdigit() else []
    if code == _TOO_MANY_REQUESTS:
        if found := _RATE_LIMIT.search(headers.get("RateLimit", "")):
            waits.append(float(found[1]) + 1)
        if found := _RETRY_IN.search(_said(error)):
            number = int(found[2]) if found[2].isdigit() else 1
            waits.append(float(number * _SECONDS[found[3].lower()]))
    return max(waits) if waits else True


def is_about_files(error: Exception) -> bool:
    """Tell whether the same commit with fewer files may succeed."""
    return status(error) in _ABOUT_FILES or isinstance(error, EntryNotFoundError)


def _is_transport(error: BaseException) -> bool:
    """Tell whether no answer came; the class is httpx's, of the version that the Hub's client has."""
    names = {each.__name__ for each in type(error).__mro__}
    return "TransportError" in names and "UnsupportedProtocol" not in names


def translate(error: Exception, what: str, client: HubClient) -> MlflowException:
    """Return MLflow's error for one of the Hub's, with the cause kept and no secret in its text.

    Args:
        error: Of huggingface_hub, its HTTP library or hf_xet.
        what: What failed.
        client: Where.
    """
    if isinstance(error, MlflowException):
        return error
    name = type(error).__name__
    code = status(error)
    make, remedy = _ANSWERS.get(code or 0, (errors.internal, ""))
    if name in NO_REPO | {"GatedRepoError"}:
        make, remedy = _no_repo(client, gated=name.startswith("Gated"))
    elif name == "RevisionNotFoundError":
        remedy = "check the branch or revision of the location"
    elif name == "XetAuthenticationError":
        make, remedy = errors.unauthenticated, _LOGIN
    elif name == "XetObjectNotFoundError":
        make, remedy = errors.not_found, "the Hub lists a file whose content it does not have"
    elif _is_transport(error):
        make = errors.unavailable
        remedy = f"check the network, proxies and HF_ENDPOINT ({client.endpoint}); {_AGAIN}"
    elif isinstance(error, OSError) and code is None:
        make, remedy = errors.internal, ""
    elif code == _TOO_MANY_REQUESTS and (found := _RETRY_IN.search(_said(error))):
        remedy = f"try again in {found[1]}, as the Hub says, or {_FEWER_COMMITS}"
    elif code and code >= 500:  # noqa: PLR2004
        make, remedy = errors.unavailable, _AGAIN
    message = errors.explain(what, location=client.place, why=_reason(error), remedy=remedy)
    return make(message, cause=error)


def _no_repo(client: HubClient, *, gated: bool) -> tuple[Callable[..., MlflowException], str]:
    if not client.has_token:
        remedy = f"{_LOGIN}: there is no such repository, or it is private"
        return errors.unauthenticated, remedy
    if gated:
        return errors.permission_denied, "ask for access on the page of this repository"
    remedy = (
        f"make the {client.place.repo_type} {client.place.repo} first, or set "
        "MLFLOW_XET_CREATE_REPO=true; a private one needs a token that may see it"
    )
    return errors.not_found, remedy


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in _said(error).splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(("For more", "If you are trying"))]
    return " ".join(kept)[:_LONGEST_REASON]


def _said(error: Exception) -> str:
    return str(getattr(error, "server_message", None) or error) or type(error).__name__
