"""The errors of OSS: status, code, message, and the EC that its documentation is sorted by.

An EC is given where Alibaba documents it or a user's report shows it; the others are left out rather than made up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "OssError",
    "elsewhere",
    "no_such_bucket",
    "no_such_key",
    "no_such_upload",
    "unsupported",
]

_HELP = "https://api.aliyun.com/troubleshoot?q="


class OssError(Exception):
    """What is answered instead of a result."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        ec: str = "",
        *,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Describe an error.

        Args:
            status: Status of the answer.
            code: Name of the error, such as NoSuchKey.
            message: What OSS says.
            ec: Number of the reason, such as 0026-00000001.
            fields: Further elements of the answer.
            headers: Further headers of it.
        """
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.ec = ec
        self.fields = dict(fields or {})
        self.headers = dict(headers or {})

    def xml(self, request_id: str, host: str) -> bytes:
        """Write the answer's body.

        Args:
            request_id: The request that failed.
            host: The host that it was sent to.

        Returns:
            A document as OSS writes it.
        """
        facts = {"Code": self.code, "Message": self.message, "RequestId": request_id}
        facts |= {"HostId": host, **self.fields}
        if self.ec:
            facts |= {"EC": self.ec, "RecommendDoc": _HELP + self.ec}
        lines = "".join(f"  <{name}>{escape(text)}</{name}>\n" for name, text in facts.items())
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>\n{lines}</Error>\n'.encode()


def no_such_bucket(bucket: str) -> OssError:
    """Say that there is no such bucket."""
    message = "The specified bucket does not exist."
    return OssError(404, "NoSuchBucket", message, "0015-00000101", fields={"BucketName": bucket})


def elsewhere(bucket: str, endpoint: str) -> OssError:
    """Say that a bucket is in another region."""
    message = (
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint."
    )
    fields = {"Bucket": bucket, "Endpoint": endpoint}
    return OssError(403, "AccessDenied", message, fields=fields)


def no_such_key(key: str) -> OssError:
    """Say that there is no such object."""
    return OssError(
        404,
        "NoSuchKey",
        "The specified key does not exist.",
        "0026-00000001",
        fields={"Key": key},
    )


def no_such_upload(upload: str) -> OssError:
    """Say that there is no such upload, or no more."""
    message = (
        "The specified upload does not exist. The upload ID may be invalid, "
        "or the upload may have been aborted or completed."
    )
    return OssError(404, "NoSuchUpload", message, fields={"UploadId": upload})


def unsupported(what: str) -> OssError:
    """Say that OSS has this and the server does not."""
    message = f"{what}: this test server does not have it; OSS does."
    return OssError(501, "NotImplemented", message)
