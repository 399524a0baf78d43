"""A plugin in small for the tests of the command line, by the names that a real one gives."""

from __future__ import annotations

import datetime as dt

from object_service import FakeService

from mlflow_plugin_core import errors
from mlflow_plugin_core.artifacts import BlobArtifactRepository
from mlflow_plugin_core.objects.client import SignedRequest
from mlflow_plugin_core.objects.settings import TransferSettings
from mlflow_plugin_core.objects.store import ObjectStore


class Service(FakeService):
    """A service with a clock of its own, whose addresses lead to a server on loopback."""

    def __init__(self) -> None:
        super().__init__()
        self.port = 0
        self.signature = "yes"
        self.ahead = dt.timedelta(0)

    def server_time(self) -> dt.datetime:
        with self._request("time", ""):
            return dt.datetime.now(tz=dt.timezone.utc) + self.ahead

    def sign_get(self, key: str, _seconds: int) -> SignedRequest:
        return SignedRequest(f"http://127.0.0.1:{self.port}/{key}", {"x-signed": self.signature})


SERVICE = Service()


def open_store(location: str) -> ObjectStore:
    """What a plugin's opening does."""
    if "broken" in location:
        raise errors.invalid_parameter("Invalid artifact location: it is broken.")
    settings = TransferSettings.load({})
    return ObjectStore(SERVICE, settings, root="root", location=location)


class Repository(BlobArtifactRepository):
    """A plugin's repository."""

    def _open_store(self) -> ObjectStore:
        return open_store(self.artifact_uri)


class Rival(BlobArtifactRepository):
    """Another plugin's repository for the same scheme."""

    def _open_store(self) -> ObjectStore:
        return open_store(self.artifact_uri)
