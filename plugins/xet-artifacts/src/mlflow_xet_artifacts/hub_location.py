"""Reads an artifact location on the Hub: which repository, which branch, which folder. Pure; no I/O.

    xet://owner/repo/branch[/folder…][?repo_type=model|dataset|space][&revision=<commit>]
    xet://owner/bucket[/folder…]?repo_type=bucket

MLflow appends `/<experiment>/<run>/artifacts` to the path and leaves the query at the end:

    xet://acme/runs/main/1/4f0c/artifacts?repo_type=dataset
          ^^^^^^^^^ ^^^^ ^^^^^^^^^^^^^^^^
          repository    folder below the root of the repository
                    branch

A slash inside a branch is written %2F (`feature%2Fa`), and so is any other character that has a
meaning in a URL. A bucket has no branches.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlflow_plugin_core import artifact_paths, errors, uris

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEME = "xet"
BUCKET = "bucket"
REPO_TYPES = ("model", "dataset", "space", BUCKET)
_FORM = "write xet://owner/repo/branch, or xet://owner/name?repo_type=bucket"
# What the Hub accepts (huggingface_hub, utils/_validators.py).
_NAME = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
# git-check-ref-format(1): what no branch may hold.
_NO_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|\.$|^[/.]|/$|^@$")


@dataclass(frozen=True)
class HubLocation:
    """One artifact location, taken apart.

    Attributes:
        repo_type: model, dataset, space or bucket.
        repo: Owner and name.
        branch: Branch, decoded; "" for a bucket.
        root: Artifact root below the root of the repository: "" or "1/4f0c/artifacts".
        revision: The commit that is read instead of the branch's newest, or None.
        query: The options behind the question mark, without repo_type and revision.
        uri: The location as given.
    """

    repo_type: str
    repo: str
    branch: str
    root: str
    revision: str | None = None
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    uri: str = field(default="", repr=False, compare=False)

    @property
    def is_bucket(self) -> bool:
        """Whether it is a bucket and has no commits."""
        return self.repo_type == BUCKET

    def __str__(self) -> str:
        return uris.redact_location(self.uri)


def parse(uri: str) -> HubLocation:
    """Take a location apart.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with what is wrong and how to write it.
    """
    if "#" in uri:
        raise _refuse(uri, "it has a fragment ('#')", "percent-encode the character as %23")
    parts = uris.parse(uri)
    if parts.scheme != SCHEME:
        raise _refuse(uri, f"its scheme is {parts.scheme!r}", _FORM)
    owner = urllib.parse.urlsplit(uri).netloc
    if "@" in owner:
        why = "it holds a user or a token, which everybody sees who sees the run"
        raise _refuse(uri, why, "set HF_TOKEN in the environment, or run `hf auth login`")
    query = dict(parts.query)
    repo_type = query.pop("repo_type", REPO_TYPES[0])
    if repo_type not in REPO_TYPES:
        known = ", ".join(REPO_TYPES)
        raise _refuse(uri, f"repo_type {repo_type!r} is none of {known}", f"use one of {known}")
    names = [urllib.parse.unquote(name) for name in parts.path.split("/")[1:]]
    branch = "" if repo_type == BUCKET else _branch(uri, names)
    folder = names[1:] if repo_type == BUCKET else names[2:]
    if not names or not _NAME.fullmatch(owner) or not _NAME.fullmatch(names[0]):
        why = f"{owner + '/' + (names[0] if names else '')!r} is not the name of a repository"
        raise _refuse(uri, why, _FORM)
    revision = query.pop("revision", None)
    if revision is not None and (repo_type == BUCKET or not _COMMIT.fullmatch(revision)):
        why = "a bucket has no revisions" if repo_type == BUCKET else "its revision is no commit"
        raise _refuse(uri, why, "give the 40 hexadecimal digits of a commit, or no revision")
    return HubLocation(
        repo_type=repo_type,
        repo=f"{owner}/{names[0]}",
        branch=branch,
        root=_root(uri, folder),
        revision=revision,
        query=query,
        uri=uri,
    )


def _branch(uri: str, names: list[str]) -> str:
    branch = names[1] if len(names) > 1 else ""
    if not branch:
        raise _refuse(uri, "it names no branch", _FORM)
    if _NO_BRANCH.search(branch):
        raise _refuse(uri, f"{branch!r} cannot be the name of a branch in Git", _FORM)
    return branch


def _root(uri: str, names: list[str]) -> str:
    if any("/" in name for name in names):
        why = "%2F stands in its folder, where a slash can only part two folders"
        raise _refuse(uri, why, "write a slash")
    try:
        return artifact_paths.normalize("/".join(names).strip("/"))
    except Exception as error:
        message = errors.explain(
            "Invalid artifact location",
            location=uri,
            why=f"the folder behind the branch is not an artifact path: {'/'.join(names)!r}",
        )
        raise errors.invalid_parameter(message, cause=error) from error


def _refuse(uri: str, why: str, remedy: str) -> Exception:
    message = errors.explain("Invalid artifact location", location=uri, why=why, remedy=remedy)
    return errors.invalid_parameter(message)
