"""This plugin's step of the demo: a model, a plot and a large file on SeaweedFS, by `s3+http`.

MLflow's server may open the location since its operator allows the scheme, and its credentials go
there since the environment names this endpoint. At the end the objects are read back by boto3 alone.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import demo_model
from demo_model import LARGE, PLOT, Logged, expect

if TYPE_CHECKING:
    from demo import Demo

SERVERS = ("s3",)
_PIECE = 1 << 20


def environment(demo: Demo) -> dict[str, str]:
    """Return what MLflow's server and this process run with."""
    access = demo.server("s3").access
    return {
        "AWS_ACCESS_KEY_ID": access.access_key,
        "AWS_SECRET_ACCESS_KEY": access.secret_key,
        "AWS_ENDPOINT_URL_S3": access.endpoint,
        "MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES": "s3+http",
    }


def run(demo: Demo) -> None:
    """Log, list, load and delete artifacts on SeaweedFS, and check every byte."""
    with demo.server("s3").fresh_bucket() as bucket:
        location = f"s3+{bucket.endpoint}/{bucket.name}/demo"
        logged = demo_model.log(demo, "models on S3", location)
        demo_model.check_listing(demo, logged)
        _read_without_mlflow(demo, logged)
        demo_model.predict_elsewhere(demo, logged)
        demo_model.download(demo, logged)
        demo_model.look_through_the_server(demo, logged)
        demo_model.delete_large(demo, logged)


def _read_without_mlflow(demo: Demo, logged: Logged) -> None:
    import boto3

    client = boto3.client("s3", **demo.server("s3").client_options)
    bucket, _, root = logged.artifact_uri.partition("://")[2].partition("/")[2].partition("/")
    with demo.task("read the objects with nothing but boto3"):
        for path in (PLOT, LARGE):
            found = client.get_object(Bucket=bucket, Key=f"{root}/{path}")
            digest = hashlib.sha256()
            for piece in found["Body"].iter_chunks(_PIECE):
                digest.update(piece)
            parts = found["ETag"].strip('"').partition("-")[2]
            expect(bool(parts) == (path == LARGE), f"{path} was sent in {parts or 'no'} parts")
            demo.record(demo_model.stored_row(logged, path, digest.digest(), int(parts or 1)))
