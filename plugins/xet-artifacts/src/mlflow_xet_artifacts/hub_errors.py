"""The Hub's errors as MLflow's: what failed, where, why, and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_xet_artifacts.client_hub import HubClient

_LONGEST_REASON = 500
# Passing by themselves, or once another writer's commit is through.
_PASSING = frozenset({408, 409, 412, 423, 425, 429, 500, 502, 503, 504})
_RATE_LIMIT = re.compile(r"r=\d+;\s*t=(\d+)")
_TOO_MANY = (
    "wait, or make fewer commits: log folders with log_artifacts, or set MLFLOW_XET_COMMIT_WINDOW, "
    "so that single files share a commit"
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
    429: (errors.unavailable, _TOO_MANY),
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
    if (after := headers.get("Retry-After", "")).isdigit():
        return float(after)
    # The Hub tells when its window ends (IETF draft "RateLimit header fields").
    if code == 429 and (found := _RATE_LIMIT.search(headers.get("RateLimit", ""))):  # noqa: PLR2004
        return float(found[1]) + 1
    return True


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
    said = getattr(error, "server_message", None) or str(error) or type(error).__name__
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(("For more", "If you are trying"))]
    return " ".join(kept)[:_LONGEST_REASON]
