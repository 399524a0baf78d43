"""Speed and memory beside the peer plugin and both bare SDKs, on the server of plugin-servers.

    nox -s bench -- oss-artifacts [--repeat 3] [--scale 1.0] [--only small,large,…]

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
    from mlflow_plugin_servers.oss import oss

    del folder
    with oss() as server, server.fresh_bucket() as bucket:
        environment = {
            "MLFLOW_OSS_ENDPOINT_URL": bucket.endpoint,
            "MLFLOW_OSS_KEY_ID": bucket.key_id,
            "MLFLOW_OSS_KEY_SECRET": bucket.key_secret,
            "MLFLOW_OSS_REGION": bucket.region,
        }
        port = int(bucket.endpoint.rpartition(":")[2])
        yield [Place("OSS's protocol", f"oss://{bucket.name}", port, environment)]


if __name__ == "__main__":
    main(
        Benchmark(
            folder=Path(__file__).parent,
            places=places,
            systems={
                "plugin": "plugin",
                "plugin-oss2": "plugin with oss2",
                "peer": "aliyunstoreplugin 1.0.0",
                "oss2": "oss2",
                "v2": "oss-v2",
            },
            compared=("peer", "oss2", "v2"),
            entry="mlflow_oss_artifacts.repository",
            wanted="at least 8 times aliyunstoreplugin on small files; "
            "large files at least 0.95 of the bare SDK's best",
            # One file after another: 10,000 of them add nothing to what 1,000 show.
            left_out={"many": ("peer",)},
            huge=("plugin",),
        )
    )
