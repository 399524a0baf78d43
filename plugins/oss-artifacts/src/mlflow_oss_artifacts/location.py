"""Reads an artifact location: which bucket, which folder in it, which options. Pure; no I/O.

    oss://bucket/path/to/artifacts?endpoint=oss-cn-hangzhou.aliyuncs.com&profile=ml

MLflow appends `/<experiment>/<run>/artifacts` to the path and keeps the query at the end.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlflow_plugin_core import artifact_paths, errors, uris

if TYPE_CHECKING:
    from collections.abc import Mapping

# "Bucket naming conventions" of OSS: 3 to 63 small letters, digits and hyphens.
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]")


@dataclass(frozen=True)
class OssLocation:
    """One artifact location, taken apart.

    Attributes:
        bucket: Name of the bucket.
        root: Artifact root: "" or "1/4f0c/artifacts".
        key_id: Access key as written before the bucket, or None.
        key_secret: Its secret as written there, or None.
        query: The options behind the question mark.
        uri: The location as given; print it redacted only.
    """

    bucket: str
    root: str
    key_id: str | None = None
    key_secret: str | None = field(default=None, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    uri: str = field(default="", repr=False, compare=False)

    def __str__(self) -> str:
        return uris.redact_location(self.uri)


def parse(uri: str) -> OssLocation:
    """Take a location apart.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with what is wrong and how to write it.
    """
    if "#" in uri:
        raise _refuse(uri, "it has a fragment ('#')", "percent-encode the character as %23")
    parts = uris.parse(uri)
    if parts.scheme != "oss":
        raise _refuse(uri, f"{parts.scheme!r} is not 'oss'", "write oss://bucket/path")
    bucket = parts.host or ""
    if not bucket:
        raise _refuse(uri, "it names no bucket", "write oss://bucket/path")
    if "." in bucket or parts.port is not None:
        name, _, endpoint = bucket.partition(".")
        remedy = f"write oss://{name}/path?endpoint={endpoint or 'oss-cn-hangzhou.aliyuncs.com'}"
        raise _refuse(uri, f"{bucket!r} is a host and not the name of a bucket", remedy)
    if not _BUCKET.fullmatch(bucket):
        why = f"{bucket!r} cannot be a bucket's name"
        raise _refuse(uri, why, "it has 3 to 63 small letters, digits and inner hyphens")
    if (parts.username is None) != (parts.password is None):
        why = "it holds half an access key"
        raise _refuse(uri, why, "leave it out and set MLFLOW_OSS_KEY_ID and MLFLOW_OSS_KEY_SECRET")
    return OssLocation(
        bucket=bucket,
        root=_normalize_root(uri, urllib.parse.unquote(parts.path)),
        key_id=parts.username,
        key_secret=parts.password,
        query=dict(parts.query),
        uri=uri,
    )


def _normalize_root(uri: str, path: str) -> str:
    try:
        return artifact_paths.normalize(path.strip("/"))
    except Exception as error:
        why = f"the folder behind the bucket is not an artifact path: {path!r}"
        message = errors.explain("Invalid artifact location", location=uri, why=why)
        raise errors.invalid_parameter(message, cause=error) from error


def _refuse(uri: str, why: str, remedy: str) -> Exception:
    message = errors.explain("Invalid artifact location", location=uri, why=why, remedy=remedy)
    return errors.invalid_parameter(message)
