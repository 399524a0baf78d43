"""Speed and memory beside MLflow's local files and bare hf_xet, and how much room checkpoints take.

    nox -s bench -- xet-artifacts [--repeat 3] [--scale 1.0] [--only small,large,…]

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
    """A folder of this machine."""
    yield [Place("Local store", str(folder / "stores"))]


if __name__ == "__main__":
    main(
        Benchmark(
            folder=Path(__file__).parent,
            places=places,
            systems={"plugin": "plugin", "files": "MLflow's local files", "bare": "bare hf_xet"},
            compared=("files", "bare"),
            entry="mlflow_xet_artifacts.repository",
            wanted="an unchanged file of 1 GiB at least 3 times faster than at first; memory under "
            "300 MB for any size",
            # One file after another takes 5 ms: 10,000 of them show what 1,000 do.
            left_out={"many": ("bare",)},
            huge=("plugin", "bare"),
            again=True,
        )
    )
