"""The OSS server as a process: which request goes where."""

from __future__ import annotations

import base64
import hmac
import http
import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow_plugin_servers.oss_auth import Gate, Key
from mlflow_plugin_servers.oss_buckets import Buckets
from mlflow_plugin_servers.oss_errors import OssError, elsewhere, unsupported
from mlflow_plugin_servers.oss_faults import Faults
from mlflow_plugin_servers.oss_http import Handler
from mlflow_plugin_servers.oss_listing import list_objects
from mlflow_plugin_servers.oss_multipart import Uploads
from mlflow_plugin_servers.oss_objects import Objects
from mlflow_plugin_servers.oss_store import Store
from mlflow_plugin_servers.own_http import Response, Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_servers.oss_http import Request

__all__ = ["App", "serve"]

_LONGEST_NAME = 1023
# No bucket may have this name.
CONTROL = "_control"
# Parameters that ask for something of their own; any other request is a plain one.
_SUBRESOURCES = frozenset(
    """acl accessMonitor append asyncFetch bucketInfo callback cname comp cors delete encryption inventory lifecycle
    live location logging metaQuery objectMeta policy publicAccessBlock qosInfo referer replication requestPayment
    resourceGroup restore stat status style symlink tagging transferAcceleration uploadId uploads versioning versions
    vod website worm x-oss-process""".split()  # noqa: SIM905  (a list of them would take forty lines)
)


class App:
    """The server without its socket."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        """Open the store.

        Args:
            folder: Where the data is.
            settings: `region`, `key_id`, `secret` and `control`, the word that lets one give orders.
        """
        self._store = Store(folder)
        self._control = settings["control"]
        self._gate = Gate(settings["region"], Key(settings["key_id"], settings["secret"]))
        self._faults = Faults()
        self._moved: dict[str, str] = {}
        self._objects = objects = Objects(self._store)
        self._buckets = buckets = Buckets(self._store, settings["region"])
        uploads = Uploads(self._store, objects)
        self._object_routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", ""): objects.get,
            ("HEAD", ""): objects.get,
            ("PUT", ""): objects.put,
            ("DELETE", ""): objects.delete,
            ("HEAD", "objectMeta"): objects.meta,
            ("GET", "objectMeta"): objects.meta,
            ("POST", "append"): objects.append,
            ("PUT", "symlink"): objects.link,
            ("GET", "symlink"): objects.link_target,
            ("GET", "acl"): objects.acl,
            ("PUT", "acl"): objects.acl,
            ("POST", "uploads"): uploads.begin,
            ("PUT", "uploadId"): uploads.put_part,
            ("POST", "uploadId"): uploads.complete,
            ("DELETE", "uploadId"): uploads.abort,
            ("GET", "uploadId"): uploads.list_parts,
            ("PUT", "copy"): objects.copy,
            ("PUT", "copy uploadId"): uploads.copy_part,
        }
        self._bucket_routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", ""): lambda request: list_objects(self._store, request),
            ("PUT", ""): buckets.make,
            ("DELETE", ""): buckets.remove,
            ("GET", "bucketInfo"): buckets.info,
            ("GET", "location"): buckets.location,
            ("GET", "stat"): buckets.stat,
            ("GET", "acl"): buckets.acl,
            ("PUT", "acl"): buckets.acl,
            ("GET", "uploads"): uploads.list_all,
            ("POST", "delete"): objects.delete_many,
        }

    def now(self) -> float:
        """Tell the server's time, in seconds since 1970."""
        return self._gate.now()

    def answer(self, request: Request) -> Response:
        """Answer a request.

        Args:
            request: The request.

        Returns:
            The answer, an error among them.
        """
        if request.bucket == CONTROL:
            return self._obey(request)
        try:
            self._gate.check(request)
            if request.bucket in self._moved:
                raise elsewhere(request.bucket, self._moved[request.bucket])
            late = self._faults.before(request)
            response = self._route(request)(request)
            if late:
                raise late
            self._faults.spoil(request, response)
        except OssError as error:
            response = _refusal(error, request)
        self._faults.note(request, response.status)
        return response

    def _route(self, request: Request) -> Callable[[Request], Response]:
        wanted = [name for name, _ in request.query if name in _SUBRESOURCES]
        if request.key and "x-oss-copy-source" in request.headers:
            wanted.insert(0, "copy")
        asked = (request.method, " ".join(wanted))
        if not request.bucket:
            if asked == ("GET", ""):
                return self._buckets.list_all
            raise unsupported(" ".join(asked))
        routes = self._object_routes if request.key else self._bucket_routes
        found = routes.get(asked)
        if found is None:
            raise unsupported(f"{' '.join(asked)} on {'an object' if request.key else 'a bucket'}")
        if found != self._buckets.make:
            self._buckets.check(request.bucket)
        if request.method in {"PUT", "POST"}:
            _check_name(request.key)
        return found

    def _obey(self, request: Request) -> Response:
        word = request.headers.get("x-control", "")
        if not hmac.compare_digest(word.encode(), self._control.encode()):
            return Response(403)
        order: dict[str, Any] = json.loads(request.body.read() or b"{}")
        result: Any = None
        if request.key == "fault":
            self._faults.order(order)
        elif request.key == "heal":
            self._faults.heal()
            self._moved.clear()
            self._gate.offset = 0.0
        elif request.key == "move":
            self._moved[order["bucket"]] = order["endpoint"]
        elif request.key == "clock":
            self._gate.offset = order["seconds"]
        elif request.key == "key":
            key = Key(order["key_id"], order["secret"], order["token"], order["expires"])
            self._gate.keys[key.key_id] = key
        elif request.key == "requests":
            result = self._faults.asked()
        return Response(200, {}, json.dumps(result).encode())


def _check_name(key: str) -> None:
    """Refuse the names that Alibaba's documentation excludes."""
    if key.startswith(("/", "\\")) or len(key.encode()) > _LONGEST_NAME:
        message = "The specified object is not valid."
        raise OssError(400, "InvalidObjectName", message, fields={"ObjectName": key})


def _refusal(error: OssError, request: Request) -> Response:
    document = error.xml(request.request_id, request.host)
    headers = {"Content-Type": "application/xml", **error.headers}
    if error.ec:
        headers["x-oss-ec"] = error.ec
    if request.method == "HEAD":
        # An answer to HEAD has no body; the clients read the error from here.
        headers["x-oss-err"] = base64.b64encode(document).decode()
        headers["Content-Length"] = str(len(document))
    return Response(
        error.status, headers, b"" if error.status == http.HTTPStatus.NOT_MODIFIED else document
    )


def serve(arguments: list[str]) -> None:
    """Run until SIGTERM.

    Args:
        arguments: The folder with `settings.json`, the address and the port.
    """
    folder = Path(arguments[0])
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    app = App(folder, settings)
    try:
        service = Service((arguments[1], int(arguments[2])), Handler, app.answer, app.now)
    except OSError as error:
        sys.exit(f"cannot listen on port {arguments[2]}: {error.strerror}")
    # From a thread, for `shutdown` waits for the loop that this handler interrupts.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=service.shutdown).start())
    service.serve_forever(poll_interval=0.1)
