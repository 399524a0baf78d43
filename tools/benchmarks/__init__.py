"""Measuring artifact repositories beside others: what the benchmarks of the plugins share.

A plugin's benchmark is two files in its folder `benchmarks`:

    systems.py   make(name, place, folder) -> System: the plugin, its peer, MLflow's own, the SDK
    run.py       which of them, against which servers; ends in `objects.main(Benchmark(…))`

run.py begins with `sys.path.insert(0, str(Path(__file__).parents[3] / "tools"))`, and systems.py may
import `benchmarks.system` (the verbs, and a `MlflowRepository` for any location). `nox -s bench --
NAME` installs the plugin, its dependency group `bench` and mlflow-plugin-servers, and runs it.

| module | what it holds |
|---|---|
| objects | all scenarios of a store of files: many small ones, large ones, memory, round trips, latency |
| comparison | measurements in turns, each in a process of its own, and tables with ratios |
| measure | that process: seconds, and how far its memory grew |
| files | files of random bytes |
| imports | what an entry module costs beyond MLflow |
| system | the verbs that are measured |
"""

from __future__ import annotations
