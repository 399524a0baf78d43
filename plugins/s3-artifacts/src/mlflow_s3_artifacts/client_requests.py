"""How requests are made: by which connection, with whose credentials, and how answers are believed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core.objects import plan
from mlflow_plugin_core.objects.client import Limits
from mlflow_s3_artifacts import answers, client_fast, digests, errors
from mlflow_s3_artifacts.answers import Sent
from mlflow_s3_artifacts.client_connection import Connection, connection_for, renew
from mlflow_s3_artifacts.client_fast import FastFailedError

if TYPE_CHECKING:
    from mlflow_plugin_core.objects.client import Body, ObjectInfo
    from mlflow_s3_artifacts.target import Target

_NOT_FOUND = 404
_NO_SUCH_RANGE = 416
# Failures in a row of the fast client without an answer, after which boto3 does everything.
_LOST_FAITH = 3


class Requests:
    """Makes single requests for one target; thread-safe, without state of its own."""

    def __init__(self, target: Target) -> None:
        self.target = target

    @property
    def connection(self) -> Connection:
        """The process's connection."""
        return connection_for(self.target)

    def call(self, verb: str, sent: Sent | None = None, **arguments: Any) -> Any:  # noqa: ANN401
        """Make one request; a second one only where expired credentials could be renewed."""
        connection = self.connection
        try:
            return self._ask(connection, verb, sent, arguments)
        except Exception as error:
            if errors.code_of(error) not in errors.RENEWABLE:
                raise
            renewed = renew(self.target, connection)
            if renewed is None:
                raise
        return self._ask(renewed, verb, sent, arguments)

    def _ask(
        self, connection: Connection, verb: str, sent: Sent | None, arguments: dict[str, Any]
    ) -> Any:  # noqa: ANN401
        told = {**self.target.owner(), **arguments}
        if verb == "head_bucket":
            told.pop("RequestPayer", None)
        if sent is not None:
            told |= {"Body": sent.rewound(), "ContentLength": sent.size, **sent.headers}
        found = getattr(connection.client, verb)(Bucket=self.target.location.bucket, **told)
        if answers.is_encrypted(found):
            connection.hides_md5 = True
        return found

    def put(self, key: str, body: Body) -> str:
        """Store a whole object, small ones by the fast client; returns its ETag."""
        etag, is_in_doubt = self._put_fast(key, body)
        if etag is not None:
            return etag
        sent = Sent(body, sha256=self.target.hides_md5)
        kind = answers.content_type(key)
        found = self.call("put_object", sent, Key=key, ContentType=kind, **self.target.new_object())
        self.compare(found, sent.md5, key)
        connection = self.connection
        if is_in_doubt and not connection.hides_md5:
            connection.give_up_fast()  # boto3's answer could be believed at once
        return answers.etag_of(found)

    def _put_fast(self, key: str, body: Body) -> tuple[str | None, bool]:
        """Return the ETag, or None where boto3 has to, and whether obstore's way is in doubt here."""
        connection = self.connection
        if body.size > client_fast.LARGEST:
            return None, False
        fast = self._fast(connection, key)
        if fast is None:
            return None, False
        body.seek(0)
        data = body.read(body.size)
        try:
            etag = fast.put(key, data, answers.content_type(key))
        except Exception as error:  # noqa: BLE001  # raised again unless boto3 knows better
            # A bucket with retention by default (Object Lock) takes no object without Content-MD5
            # or a checksum, which obstore does not send and boto3 does.
            if errors.code_of(error) == "InvalidRequest":
                return None, True
            self._let_boto3_try(error, connection)
            return None, False
        connection.fast_failures = 0
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if connection.hides_md5 or digests.md5_of(etag) in {None, md5}:
            return etag, False
        # A key of KMS may be the bucket's default. boto3's answer tells, which obstore's does not,
        # and asking by HEAD takes the right to read.
        return None, True

    def get_fast(self, info: ObjectInfo) -> bytes | None:
        """Fetch a small object by the fast client; None where boto3 has to."""
        connection = self.connection
        if info.size > self._most_held() or self._may_be_led_away(connection):
            return None
        fast = self._fast(connection, info.key)
        if fast is None:
            return None
        try:
            data = bytes(fast.get(info.key, info.etag))
        except Exception as error:  # noqa: BLE001
            self._let_boto3_try(error, connection)
            return None
        connection.fast_failures = 0
        return data

    def _fast(self, connection: Connection, key: str) -> client_fast.FastClient | None:
        return connection.fast(self.target) if client_fast.takes(key) else None

    def _most_held(self) -> int:
        """Return the size up to which a whole object may be held: what a transfer calls small."""
        own = self.target.settings
        return plan.small_bytes(client_fast.LARGEST, own.memory, own.workers, Limits())

    def _may_be_led_away(self, connection: Connection) -> bool:
        """Tell whether a redirect could take the session token, or a server, to another host.

        obstore follows redirects of GET, without the signature but with all other headers.
        """
        target = self.target
        return not target.location.is_amazon and (connection.has_token or not target.ambient)

    def _let_boto3_try(self, error: Exception, connection: Connection) -> None:
        """Return where boto3 can do better or tell more; else raise the service's own answer."""
        if isinstance(error, FastFailedError):
            connection.fast_failures += 1
            if connection.fast_failures >= _LOST_FAITH:
                connection.fast_failures = 0
                if self._answers_boto3():
                    connection.give_up_fast()
        elif errors.code_of(error) not in errors.RENEWABLE | errors.ELSEWHERE:
            raise error

    def _answers_boto3(self) -> bool:
        """Tell whether the service answers now: after an outage obstore is as good as before."""
        try:
            self.call("head_bucket")
        except Exception as error:  # noqa: BLE001  # boto3's own request, which follows, tells it
            return errors.retryable(error) is False
        return True

    def compare(self, found: Any, md5: str, what: str) -> None:  # noqa: ANN401
        """Compare the ETag of an answer with what was sent.

        Raises:
            DigestMismatchError: The service has other bytes.
        """
        etag = answers.etag_of(found)
        if digests.md5_of(etag) in {None, md5} or self.connection.hides_md5:
            return
        if answers.is_composite(etag) and not answers.is_composite(md5):
            return  # MinIO's --no-compat makes such ETags up, and compares Content-MD5 still
        raise _mismatch(what, md5, etag)

    def is_encrypted(self, key: str) -> bool:
        """Tell whether an object's ETag is no MD5; what is found is remembered for the bucket."""
        self.call("head_object", Key=key, **self.target.customer_key())
        return self.connection.hides_md5

    def head_arguments(self) -> dict[str, Any]:
        """Return the arguments of HEAD."""
        arguments = self.target.customer_key()
        if self.connection.hides_md5:
            arguments["ChecksumMode"] = "ENABLED"
        return arguments

    def require_bucket(self) -> None:
        """Tell a missing object from a missing bucket, which HEAD does not.

        Raises:
            botocore.exceptions.ClientError: NoSuchBucket.
        """
        connection = self.connection
        if connection.bucket_seen:
            return
        try:
            self.call("head_bucket")
        except Exception as error:
            if errors.status_of(error) == _NOT_FOUND:
                raise _no_such_bucket(error) from error
        connection.bucket_seen = True

    def head(self, key: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401
        """Describe an object; raises the error that GET gives where HEAD gives no reason."""
        try:
            return self.call("head_object", Key=key, **arguments)
        except Exception as error:
            # HEAD is answered without a body: the code is the number of the status.
            is_bare = errors.code_of(error).isdigit() and errors.status_of(error) != _NOT_FOUND
            if not is_bare or errors.retryable(error) is not False:
                raise
            self._require_reason(error, key)
        # GET had no error, by credentials that it renewed: that of HEAD is out of date.
        return self.call("head_object", Key=key, **arguments)

    def _require_reason(self, error: Exception, key: str) -> None:
        try:
            found = self.call(
                "get_object", Key=key, Range="bytes=0-0", **self.target.customer_key()
            )
        except Exception as told:
            if errors.status_of(told) in {_NOT_FOUND, _NO_SUCH_RANGE}:
                return  # nothing, or an empty object: HEAD can tell
            if errors.code_of(told):
                raise
            raise error from told
        found["Body"].close()


def _mismatch(what: str, md5: str, etag: str) -> Exception:
    message = f"the service has MD5 {etag} of {what!r}, and {md5} was sent"
    return errors.DigestMismatchError(message)


def _no_such_bucket(error: Exception) -> Exception:
    from botocore.exceptions import ClientError

    answer: Any = dict(getattr(error, "response", {}))
    answer["Error"] = {"Code": "NoSuchBucket", "Message": "The specified bucket does not exist"}
    refused: Exception = ClientError(answer, "HeadBucket")
    return refused


__all__ = ["Requests"]
