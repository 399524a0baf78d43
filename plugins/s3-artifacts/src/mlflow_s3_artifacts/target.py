"""What one location asks for, in one value: where, as whom, and how. Pure."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from mlflow_s3_artifacts.location import S3Location
    from mlflow_s3_artifacts.settings import S3Settings

_KEY_BYTES = 32


@dataclass(frozen=True)
class Target:
    """One bucket, with the settings of one location.

    Attributes:
        location: Where.
        settings: How.
        ambient: Whether boto3 may look for credentials by itself; if not, the location's or the
            profile's own are the only ones.
    """

    location: S3Location
    settings: S3Settings
    ambient: bool = True

    @property
    def is_virtual(self) -> bool:
        """Whether the bucket stands in the host's name."""
        wanted = self.settings.addressing
        if wanted == "auto":
            return self.location.is_amazon and self.location.fits_host_name
        return wanted == "virtual"

    @property
    def hides_md5(self) -> bool:
        """Whether ETags are no MD5, since a key of KMS or of the customer encrypts the objects."""
        return self.settings.sse in {"aws:kms", "aws:kms:dsse", "customer"}

    def key(self) -> tuple[object, ...]:
        """Return what has to differ for another connection; the artifact root has not."""
        place, own = self.location, self.settings
        return (
            place.endpoint,
            place.bucket,
            place.access_key,
            place.secret_key,
            self.ambient,
            own.profile,
            own.region,
            own.addressing,
            own.anonymous,
            own.checksum,
            own.workers,
            own.connect_timeout,
            own.read_timeout,
            own.ca_bundle,
            own.verify_tls,
            # The fast client is told these when it is made.
            own.sse,
            own.sse_kms_key_id,
            own.fast,
        )

    def owner(self) -> dict[str, Any]:
        """Return the arguments of every request."""
        own = self.settings
        found = {
            "ExpectedBucketOwner": own.expected_bucket_owner,
            "RequestPayer": own.request_payer,
        }
        return {name: value for name, value in found.items() if value}

    def customer_key(self) -> dict[str, Any]:
        """Return the arguments of a request that reads or writes content, for SSE-C.

        Raises:
            MlflowException: INVALID_PARAMETER_VALUE where the key cannot be had.
        """
        if self.settings.sse != "customer":
            return {}
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": self._read_customer_key()}

    def encoded_customer_key(self) -> dict[str, Any]:
        """Return the same for a request whose key boto3 does not encode by itself.

        Amazon wants it to list parts that have checksums.
        """
        told = self.customer_key()
        if told:
            key = told["SSECustomerKey"]
            md5 = hashlib.md5(key, usedforsecurity=False).digest()
            told["SSECustomerKey"] = base64.b64encode(key).decode()
            told["SSECustomerKeyMD5"] = base64.b64encode(md5).decode()
        return told

    def new_object(self) -> dict[str, Any]:
        """Return the arguments of a request that makes an object."""
        own = self.settings
        sse = None if own.sse == "customer" else own.sse
        found = {
            "ServerSideEncryption": sse,
            "SSEKMSKeyId": own.sse_kms_key_id if sse and sse != "AES256" else None,
            "StorageClass": own.storage_class,
            "Tagging": own.tags,
        }
        return {name: value for name, value in found.items() if value} | self.customer_key()

    def _read_customer_key(self) -> bytes:
        reference = self.settings.sse_customer_key
        kind, _, name = (reference or "").partition(":")
        if not name:
            raise self._no_key("no key is named", "set MLFLOW_S3_ARTIFACTS_SSE_CUSTOMER_KEY")
        if kind == "env":
            found = os.environ.get(name, "").encode()
            if not found:
                raise self._no_key(f"{name} is not set", "set it where MLflow runs")
        else:
            try:
                found = Path(name).read_bytes()
            except OSError as error:
                raise self._no_key(f"{name}: {error.strerror}", "check path and rights") from None
        key = found if len(found) == _KEY_BYTES else _decode(found)
        if key is None or len(key) != _KEY_BYTES:
            raise self._no_key(f"{reference} does not hold 32 bytes in base64", "correct it")
        return key

    def _no_key(self, why: str, remedy: str) -> Exception:
        message = errors.explain(
            "The customer's encryption key cannot be used",
            location=self.location,
            why=why,
            remedy=remedy,
        )
        return errors.invalid_parameter(message)


def _decode(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except ValueError:
        return None


__all__ = ["Target"]
