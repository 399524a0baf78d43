"""Runs the kit on plugins that others have published, each in an environment of its own, and writes what it found.

`nox -s survey` installs each plugin with the newest MLflow that it installs with, runs `mlflow-plugin-check` on it, and
writes shared/plugin-testing/docs/outside-plugins.md. What needs a service is checked where a server of
mlflow-plugin-servers can stand in for it; the packaging is checked always.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discover import MLFLOW_MINORS, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "shared/plugin-testing/docs/outside-plugins.md"
_TRIED = (MLFLOW_MINORS[-1], MLFLOW_MINORS[0])
_SECONDS = 1500
_NAMED = 4
_HEAD = """# Outside plugins

What the kit says about plugins that others have published, each installed alone with the newest
MLflow that it installs with. They were written without this kit, some of them years ago for another
MLflow. The table is a reading of their state and no verdict on their authors: each plugin here has
served somebody.

A plugin is looked at as far as that is possible without its service. The column *looked at* says
how far. `nox -s survey` writes this page.

"""
# What uv draws around the reasons that it gives.
_DRAWN = " \u2570\u2500\u25b6\u2502\u00d7"


@dataclass(frozen=True)
class Outside:
    """One plugin.

    Attributes:
        name: Distribution.
        version: The newest one, pinned so that the table can be made again.
        uri: Where its store is checked; `{folder}` is an empty folder; empty where its service is not to be had.
        on_both: Whether it is looked at on the oldest MLflow too, for which it may have been written.
        environment: Settings that it needs.
        server: Kind of server in which a bucket is made for it; `{bucket}` in `uri`, and `{endpoint}`, `{key}` and
            `{secret}` in `environment`, say where it is.
    """

    name: str
    version: str
    uri: str = ""
    on_both: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    server: str = ""


OUTSIDE = (
    Outside("mlflow-dbstore", "1.0.1"),
    Outside(
        "aliyunstoreplugin",
        "1.0.0",
        "oss://{bucket}/survey",
        environment={
            "MLFLOW_OSS_ENDPOINT_URL": "{endpoint}",
            "MLFLOW_OSS_KEY_ID": "{key}",
            "MLFLOW_OSS_KEY_SECRET": "{secret}",
        },
        server="oss",
        on_both=True,
    ),
    Outside("mlflow-oss-store", "0.1.1"),
    Outside("mlflow-ibmcos", "0.1.9"),
    Outside("mlflow-webhdfs", "0.0.1"),
    Outside("mlflow-dynamodbstore", "0.1.0"),
    Outside("mlflow-mongodb", "0.1.0b2"),
    Outside("mlflow-elasticsearchstore", "0.1.2"),
    Outside("mlflow-custom-headers-plugin", "1.0.2"),
    Outside("mlflow-cloudflare-header-plugin", "1.0.0"),
    Outside("mlflow-oauth-keycloak-auth", "0.1.0"),
    Outside("mlflow-plugin-proxy-auth", "0.1.1"),
    Outside("mlflow-oidc-client", "0.2.4"),
    Outside("mlflow-faculty", "0.5.0"),
    Outside("mlflow-slurm", "1.0.6"),
    Outside("mlflow-yarn", "0.0.1"),
    Outside("mlflow-xethub", "0.0.0"),
)


def main(arguments: list[str]) -> int:
    """Survey all plugins, or those that are named, and write the page for all."""
    chosen = [each for each in OUTSIDE if not arguments or each.name in arguments]
    rows = ["| plugin | MLflow | looked at | level | what was found |", "|---|---|---|---|---|"]
    for each in chosen:
        with tempfile.TemporaryDirectory(prefix="survey-") as folder:
            rows += _rows(each, Path(folder))
        print("\n".join(rows), flush=True)
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    text = f"{_HEAD}Made on {today}, with Python {sys.version_info[0]}.{sys.version_info[1]}.\n\n"
    if not arguments:
        PAGE.write_text(text + "\n".join(rows) + "\n", encoding="utf-8")
    return 0


def _rows(plugin: Outside, folder: Path) -> list[str]:
    python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    shown = f"{plugin.name} {plugin.version}"
    refusals, rows = [], []
    for minor in _TRIED:
        _uv("venv", "-q", "--clear", "--python", sys.executable, str(folder / "env"))
        failed = _install(plugin, minor, python)
        if failed:
            refusals.append(f"does not install beside MLflow {minor}: {failed}")
            continue
        with _places(plugin, folder) as places:
            rows += _checked(plugin, folder, python, minor, places)
        if not plugin.on_both:
            break
    return rows or [f"| {shown} | none | installation | none | {_cell('; '.join(refusals))} |"]


@contextlib.contextmanager
def _places(plugin: Outside, folder: Path) -> Iterator[dict[str, str]]:
    """Make what the plugin is given: a folder, and a bucket where it wants one."""
    places = {"folder": str(folder)}
    if not plugin.server:
        yield places
        return
    from mlflow_plugin_servers.catalog import acquire

    with acquire(plugin.server) as server, server.fresh_bucket() as bucket:
        yield {
            **places,
            "bucket": bucket.name,
            "endpoint": bucket.endpoint,
            "key": bucket.key_id,
            "secret": bucket.key_secret,
        }


def _checked(
    plugin: Outside, folder: Path, python: Path, minor: str, places: dict[str, str]
) -> list[str]:
    shown = f"{plugin.name} {plugin.version}"
    uri = plugin.uri.format(**places)
    environment = {
        **os.environ,
        **{name: value.format(**places) for name, value in plugin.environment.items()},
    }
    report = folder / "report.json"
    targets = [plugin.name, *([uri] if uri else [])]
    done = subprocess.run(
        [str(python), "-m", "mlflow_plugin_testing.cli", *targets, "--json", str(report)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if not report.is_file():
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        return [f"| {shown} | {minor} | nothing | none | {_cell(' '.join(last))} |"]
    found = json.loads(report.read_text(encoding="utf-8"))
    return [_row(shown, found["mlflow"], each) for each in found["plugins"]]


def _row(shown: str, mlflow: str, plugin: dict[str, Any]) -> str:
    kind = plugin["kind"].replace("_", " ")
    return f"| {shown} | {mlflow} | {kind} | {plugin['level']} | {_cell(_found(plugin))} |"


def _install(plugin: Outside, minor: str, python: Path) -> str:
    """Install, and return why it failed."""
    extra = ["sqlalchemy<2.1"] if minor == MLFLOW_MINORS[0] else []
    wanted = [f"{plugin.name}=={plugin.version}", f"mlflow=={minor}.*", *extra]
    kit = str(ROOT / "shared/plugin-testing")
    done = _uv(
        "pip", "install", "-q", "--prerelease=allow", "--python", str(python), "-e", kit, *wanted
    )
    if done.returncode == 0:
        return ""
    return " ".join(line.strip(_DRAWN) for line in done.stderr.splitlines()).strip()[:160]


def _uv(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["uv", *arguments], capture_output=True, text=True, check=False)


def _found(plugin: dict[str, Any]) -> str:
    failed = [each for each in plugin["tests"] if each["outcome"] == "failed"]
    if not failed:
        return "nothing"
    words = [each["name"].removeprefix("test_").replace("_", " ") for each in failed[:_NAMED]]
    more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    return f"{len(failed)} of {len(plugin['tests'])} tests failed: {'; '.join(words)}{more}"


def _cell(text: str) -> str:
    return text.removeprefix("ERROR: ").replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
