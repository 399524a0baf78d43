"""Reads an artifact location: which service, which bucket, which keys, which options. Pure; no I/O.

MLflow appends `/<experiment>/<run>/artifacts` to the path of a location and keeps its query:

    s3+https://minio.example.com:9000/bucket/team/1/4f0c/artifacts?profile=team&region=eu-west-1
               ^^^^^^^^^^^^^^^^^^^^^^ ^^^^^^ ^^^^^^^^^^^^^^^^^^^^^ ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
               endpoint               bucket  artifact root         options
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlflow_plugin_core import errors, uris

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMES = {"s3+https": "https", "s3+http": "http"}
DEFAULT_PORTS = {"s3+https": 443, "s3+http": 80}

# Amazon's rules for buckets ("Bucket naming rules"), and the capitals and underscores that its
# oldest buckets and several other services have.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_STRICT_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
# The endpoints of S3 alone ("Amazon S3 endpoints and quotas"): under amazonaws.com anybody can have
# a host, by a virtual machine or an API of theirs.
_REGION = r"[a-z]{2}(?:-[a-z]+)+-\d{1,2}"
_AMAZON = re.compile(
    rf"""
    (?:[a-z0-9_-]+\.)*?  # a bucket, an access point, a VPC's endpoint
    (?:
        s3 | s3-external-1 | s3-accelerate(?:\.dualstack)?
        | s3(?:-accesspoint)?(?:-fips)?(?:\.dualstack)?\.(?P<region>{_REGION})
        | s3-(?P<old_region>{_REGION})
        | vpce-[a-z0-9-]+\.s3\.(?P<vpce_region>{_REGION})\.vpce
    )
    \.amazonaws\.com(?:\.cn)?
    """,
    re.VERBOSE,
)
_FORM = "write s3+https://host[:port]/bucket/path"


@dataclass(frozen=True)
class S3Location:
    """One artifact location, taken apart.

    Attributes:
        scheme: `s3+https` or `s3+http`.
        host: Of the endpoint, without the bucket, in lower case.
        port: As written, or None.
        bucket: Name of the bucket.
        root: Prefix of all keys, without slashes at its ends: "" or "team/1/4f0c/artifacts".
        access_key: As written in the location, or None.
        secret_key: As written in the location, or None.
        query: The options behind the question mark.
        uri: The location as given; print it redacted only.
    """

    scheme: str
    host: str
    port: int | None
    bucket: str
    root: str
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    uri: str = field(default="", repr=False, compare=False)

    @property
    def endpoint(self) -> str:
        """URL of the service, without the bucket."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{SCHEMES[self.scheme]}://{host}{port}"

    @property
    def server(self) -> tuple[str, int]:
        """Host and port, the default port included."""
        return self.host, self.port or DEFAULT_PORTS[self.scheme]

    @property
    def is_amazon(self) -> bool:
        """Whether the host is one of Amazon S3's own."""
        return bool(_AMAZON.fullmatch(self.host))

    @property
    def region(self) -> str | None:
        """The region that an Amazon host names, or None."""
        found = _AMAZON.fullmatch(self.host)
        return next(filter(None, found.groups()), None) if found else None

    @property
    def fits_host_name(self) -> bool:
        """Whether the bucket can stand before the host's name, where a certificate covers it."""
        is_address = ":" in self.host or bool(_ADDRESS.fullmatch(self.host))
        return not is_address and bool(_STRICT_BUCKET.fullmatch(self.bucket))

    def __str__(self) -> str:
        return uris.redact_location(self.uri)


def parse(uri: str) -> S3Location:
    """Take a location apart.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with what is wrong and how to write it.
    """
    if "#" in uri:
        raise _refuse(uri, "it has a fragment ('#')", "percent-encode the character as %23")
    parts = uris.parse(uri)
    if parts.scheme not in SCHEMES:
        raise _refuse(uri, f"{parts.scheme!r} is neither s3+https nor s3+http", _FORM)
    if not parts.host:
        raise _refuse(uri, "it names no endpoint host", _FORM)
    if bool(parts.username) != bool(parts.password):
        missing = "secret key" if parts.username else "access key"
        raise _refuse(
            uri,
            f"it has no {missing}",
            "write access-key:secret-key@host with '/' in them as %2F, or better name a profile "
            "by ?profile=",
        )
    bucket, _, root = parts.path.removeprefix("/").partition("/")
    return S3Location(
        scheme=parts.scheme,
        host=parts.host,
        port=parts.port,
        bucket=_check_bucket(uri, urllib.parse.unquote(bucket)),
        root=_check_root(uri, urllib.parse.unquote(root)),
        access_key=parts.username or None,
        secret_key=parts.password or None,
        query=dict(parts.query),
        uri=uri,
    )


def _check_bucket(uri: str, bucket: str) -> str:
    if not bucket:
        raise _refuse(uri, "it names no bucket", _FORM)
    if not _BUCKET.fullmatch(bucket) or ".." in bucket or _ADDRESS.fullmatch(bucket):
        raise _refuse(
            uri,
            f"{bucket!r} cannot be the name of a bucket",
            "bucket names have 3 to 63 small letters, digits, dots and hyphens, and begin and end "
            "with a letter or digit",
        )
    return bucket


def _check_root(uri: str, root: str) -> str:
    stripped = root.strip("/")
    parts = stripped.split("/")
    if stripped and {"", ".", ".."} & set(parts):
        raise _refuse(uri, "its path has an empty, '.' or '..' part", "write the path without it")
    if re.search(r"[\x00-\x1f\x7f]", stripped):
        raise _refuse(uri, "its path holds a control character", "use another path")
    try:
        stripped.encode()
    except UnicodeEncodeError:
        raise _refuse(uri, "its path is not UTF-8", "use another path") from None
    return stripped


def _refuse(uri: str, why: str, remedy: str) -> Exception:
    return errors.invalid_parameter(
        errors.explain("Invalid artifact location", location=uri, why=why, remedy=remedy)
    )


__all__ = ["DEFAULT_PORTS", "SCHEMES", "S3Location", "parse"]
