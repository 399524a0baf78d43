"""Runs in a clean interpreter, as a script: imports MLflow, loads one entry point, and tells all that happened.

Inside pytest everything is imported already, and the commonest fault of a plugin, an import circle with MLflow, stays
hidden. This program imports nothing of the kit. Its argument is JSON: `distribution`, `group`, `name`, and `hidden`,
which tells whether MLflow is kept from seeing the distribution, to know what an MLflow without it does.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
import warnings
from importlib import metadata
from typing import Any

_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
_RECORDS: list[str] = []


def main() -> None:
    """Do it, and print the report as the last line."""
    asked = json.loads(sys.argv[1])
    report: dict[str, Any] = {"network": [], "processes": [], "warnings": [], "log": _RECORDS}
    sys.addaudithook(lambda event, _: _audit(report, event))
    logging.getLogger().addHandler(_Keep())
    if asked["hidden"]:
        _hide(asked["distribution"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            import mlflow  # noqa: F401  (all that a user's program does)
        except BaseException as error:  # noqa: BLE001  (whatever a plugin raises here ends the user's program)
            report["import mlflow"] = _told(error)
        if "import mlflow" not in report and not asked["hidden"]:
            _load(asked, report)
    report["warnings"] = [f"{each.filename}: {each.message}" for each in caught]
    report["modules"] = sorted(sys.modules)
    sys.stdout.write("\n" + json.dumps(report) + "\n")


def _load(asked: dict[str, Any], report: dict[str, Any]) -> None:
    points = metadata.distribution(asked["distribution"]).entry_points
    (point,) = [p for p in points if (p.group, p.name) == (asked["group"], asked["name"])]
    module = point.value.partition(":")[0].strip()
    report["loaded by import mlflow"] = module in sys.modules
    try:
        loaded = point.load()
    except BaseException as error:  # noqa: BLE001  (it is reported, whatever it is)
        report["load"] = _told(error)
        return
    if asked["group"] in asked["made at once"]:
        # MLflow does this while it registers them: one that raises ends `import mlflow`, or the first request.
        try:
            loaded()
        except BaseException as error:  # noqa: BLE001
            report["constructor"] = _told(error)


def _hide(name: str) -> None:
    original: Any = metadata.entry_points

    def others(**params: Any) -> Any:
        kept = [p for p in original(**params) if getattr(p.dist, "name", "") != name]
        return metadata.EntryPoints(kept)

    # MLflow asks the standard library, and here the answer leaves one distribution out.
    vars(metadata)["entry_points"] = others


def _audit(report: dict[str, Any], event: str) -> None:
    if event in _NETWORK:
        report["network"].append(f"{event} in {_place()}")
    elif event == "subprocess.Popen":
        report["processes"].append(_place())


def _place() -> str:
    frames = [frame for frame in traceback.extract_stack() if __file__ not in frame.filename]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"


def _told(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(type(error), error)).strip()


class _Keep(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _RECORDS.append(f"{record.name}: {record.getMessage()}")


def seconds(module: str) -> None:
    """Print the CPU seconds that one module costs when MLflow is there already.

    Args:
        module: Its name.
    """
    import mlflow  # noqa: F401

    if module in sys.modules:
        # MLflow loaded it while it was imported itself: only what is the module's own is forgotten again.
        package = module.partition(".")[0]
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]
    began = time.process_time()
    __import__(module)
    sys.stdout.write(f"\n{json.dumps(time.process_time() - began)}\n")


if __name__ == "__main__":
    if sys.argv[1] == "--seconds":
        seconds(sys.argv[2])
    else:
        main()
