"""Speed and memory beside MLflow's own S3 repository, boto3 and obstore, on SeaweedFS.

    nox -s bench -- s3-artifacts [--repeat 3] [--scale 1.0] [--only small,large,…]

docs/performance.md holds one run of it.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[3] / "tools"))

from benchmarks.objects import Benchmark, Place, main  # tools/ is not on the path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextmanager
def places(folder: Path) -> Iterator[Sequence[Place]]:
    """Start the server, with a bucket."""
    from mlflow_plugin_servers.s3 import s3

    del folder
    with s3() as server, server.fresh_bucket() as bucket:
        url = f"{server.endpoint}/{bucket.name}"
        yield [Place("SeaweedFS", url, server.port, bucket.environment)]


if __name__ == "__main__":
    main(
        Benchmark(
            folder=Path(__file__).parent,
            places=places,
            systems={
                "plugin": "plugin",
                "mlflow": "MLflow's S3ArtifactRepository",
                "boto3": "boto3",
                "obstore": "obstore",
            },
            compared=("mlflow", "boto3", "obstore"),
            entry="mlflow_s3_artifacts.repository",
            wanted="1,000 small files at least 6 times as fast as MLflow's own S3 repository up, 3 "
            "times down, 20 times up with latency; large files at least 0.95 of the raw SDK's best",
            huge=("plugin",),
        )
    )
