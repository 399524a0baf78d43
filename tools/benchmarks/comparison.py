"""Several systems measured in turns, each time in a process of its own; medians and ratios.

bench = Bench(Path(__file__).parent, "postgresql://…", Path("/tmp/work"), repeat=3)
bench.measure("1 GiB up", "put_file", "in/large.bin", "large", systems=("plugin", "peer"))
bench.measure("1 GiB down", "get", "large#/large.bin", systems=("plugin", "peer"))
print_comparison("PostgreSQL", bench.results, {"plugin": "plugin", "peer": "old plugin"}, ("peer",))
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.files import MIB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PROGRAM = Path(__file__).with_name("measure.py")


class Result(NamedTuple):
    """Medians of one measurement.

    Attributes:
        seconds: How long it took.
        growth: Bytes by which the process grew while it worked.
        files: How many were listed or fetched.
    """

    seconds: float
    growth: int
    files: int = 0


Results = dict[tuple[str, str], Result]


class Bench:
    """One place, all systems.

    Attributes:
        folder: For files.
        results: What was measured, by title and system.
        notes: What is to be said below the tables.
    """

    def __init__(
        self,
        systems: Path,
        place: str,
        folder: Path,
        repeat: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Measure nothing yet.

        Args:
            systems: Folder with the plugin's systems.py.
            place: What its `make` gets, such as a URL.
            folder: For files.
            repeat: How often each is measured.
            environment: Added to that of each measurement.
        """
        self._systems = systems
        self._place = place
        self.folder = folder
        self._repeat = repeat
        self._environment = dict(environment or {})
        self.results: Results = {}
        self.notes: list[str] = []

    def measure(self, title: str, verb: str, *arguments: str, systems: Sequence[str]) -> None:
        """Measure one verb with every system in turn, several times.

        Args:
            title: Of the table's line.
            verb: One of `System`'s.
            arguments: Its own. "#" becomes the number of the turn. What is stored goes to a new
                folder each time, the one that is named with that number behind it, so that nothing
                is replaced; what is fetched goes to a folder that is not named.
            systems: Names, as `make` knows them.
        """
        found = defaultdict(list)
        for turn in range(self._repeat):
            # In another order each time, the same in each run: what one leaves behind in caches and
            # in memory is not the same one's gain or loss every time.
            order = random.Random(f"{title} {turn}")
            for system in order.sample(list(systems), len(systems)):
                chosen = [argument.replace("#", str(turn)) for argument in arguments]
                if verb in {"put_file", "put_folder"}:
                    chosen[1] += str(turn)
                answer = self.once(system, verb, *chosen)
                if answer is not None:
                    found[system].append(answer)
                print(".", end="", file=sys.stderr, flush=True)
        for system, answers in found.items():
            self.results[title, system] = Result(
                statistics.median(item["seconds"] for item in answers),
                int(statistics.median(item["growth"] for item in answers)),
                int(answers[0]["count"]),
            )

    def expect(self, title: str, files: int) -> None:
        """Take out of the results who has listed or fetched fewer files or more, and note it."""
        for name, system in list(self.results):
            found = self.results[name, system].files
            if name == title and found != files:
                del self.results[name, system]
                self.notes.append(f"{system}, {title}: {found:,} of {files:,} files")

    def once(self, system: str, verb: str, *arguments: str) -> dict[str, float] | None:
        """Measure one verb once; what is fetched goes to a new folder. None: it cannot do that."""
        chosen = list(arguments)
        if verb == "get":
            target = self.folder / "fetched"
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            chosen.append(str(target))
        own = (str(self._systems), system, self._place, str(self.folder))
        answer = child(*own, verb, *chosen, environment=self._environment)
        if verb == "get":
            answer["count"] = sum(path.is_file() for path in target.rglob("*"))
            shutil.rmtree(target)
        return None if "unsupported" in answer else answer


def child(*arguments: str, environment: Mapping[str, str] | None = None) -> dict[str, float]:
    """Run measure.py with these arguments.

    Raises:
        SystemExit: It failed; the end of what it said is in the message.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(_PROGRAM), *arguments],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
            **(environment or {}),
        },
        check=False,
    )
    if done.returncode:
        _, system, _, _, verb, *_ = arguments
        raise SystemExit(f"{system} {verb} failed:\n{done.stderr[-3000:]}")
    answer: Any = json.loads(done.stdout.splitlines()[-1])
    return dict(answer)


def print_comparison(
    title: str, results: Results, systems: Mapping[str, str], compared: Sequence[str]
) -> None:
    """Print seconds, memory and ratios, as a table in Markdown.

    Args:
        title: Its heading.
        results: Of a `Bench`.
        systems: What the columns are called, by system; one of them is "plugin".
        compared: Systems whose seconds are divided by the plugin's.
    """
    print(f"\n### {title}\n")
    ratios = " | ".join(f"{systems[system]} / plugin" for system in compared)
    print(f"| | {' | '.join(systems.values())} | {ratios} |")
    print(f"|---|{'---:|' * (len(systems) + len(compared))}")
    for name in dict.fromkeys(name for name, _ in results):
        cells = []
        for system in systems:
            result = results.get((name, system))
            cells.append(f"{result.seconds:.2f} s, {result.growth / MIB:.0f} MiB" if result else "")
        own = results[name, "plugin"].seconds
        for system in compared:
            other = results.get((name, system))
            cells.append(f"**{other.seconds / own:.2f}**" if other else "")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
