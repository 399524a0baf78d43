"""This plugin's step of the demo: a model, a plot and a large file in Alibaba Cloud OSS.

MLflow's server and its client reach the bucket by one profile, which the operator lets locations
name. At the end the objects are read back past MLflow, by presigned addresses and plain HTTP.
"""

from __future__ import annotations

import hashlib
import urllib.request
from typing import TYPE_CHECKING, Any

import demo_model
from demo_model import LARGE, PLOT, Logged, expect

if TYPE_CHECKING:
    from demo import Demo

SERVERS = ("oss",)
_PIECE = 1 << 20


def environment(demo: Demo) -> dict[str, str]:
    """Return what MLflow's server and this process run with: a profile that locations may name."""
    account = demo.server("oss").account
    file = demo.folder / "oss-credentials.ini"
    file.touch(mode=0o600)
    file.write_text(
        f"[demo]\ntype = access_key\naccess_key_id = {account.key_id}\n"
        f"access_key_secret = {account.secret}\nendpoint = {account.endpoint}\n",
        encoding="utf-8",
    )
    return {
        "MLFLOW_OSS_CREDENTIALS_FILE": str(file),
        "MLFLOW_OSS_ENDPOINT_URL": account.endpoint,
        "MLFLOW_OSS_REGION": account.region,
        "MLFLOW_OSS_SERVER_PROFILES": "demo",
    }


def run(demo: Demo) -> None:
    """Log, list, load and delete artifacts in OSS, and check every byte."""
    with demo.server("oss").fresh_bucket() as bucket:
        location = f"oss://{bucket.name}/demo?profile=demo"
        logged = demo_model.log(demo, "models in OSS", location)
        demo_model.check_listing(demo, logged)
        _read_without_mlflow(demo, logged)
        demo_model.predict_elsewhere(demo, logged)
        demo_model.download(demo, logged)
        demo_model.look_through_the_server(demo, logged)
        demo_model.delete_large(demo, logged)


def _read_without_mlflow(demo: Demo, logged: Logged) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository: Any = get_artifact_repository(logged.artifact_uri)
    with demo.task("fetch the objects by presigned addresses"):
        for path in (PLOT, LARGE):
            url = repository.get_download_presigned_url(path).url
            digest = hashlib.sha256()
            with urllib.request.urlopen(url) as answer:  # noqa: S310  # the demo's own server
                while piece := answer.read(_PIECE):
                    digest.update(piece)
                parts = answer.headers["ETag"].strip('"').partition("-")[2]
            expect(bool(parts) == (path == LARGE), f"{path} was sent in {parts or 'no'} parts")
            found = digest.digest()
            demo.record(demo_model.stored_row(logged, path, found, int(parts or 1)))
