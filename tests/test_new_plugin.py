"""A new plugin of each kind passes the checks at once, with nothing edited."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from string import Template
from typing import TYPE_CHECKING

import pytest

import new_plugin
from requirements import NEWEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SESSIONS = ("lint", "types", "unit", "conformance", "server", "wheel", "docs")
_KINDS = new_plugin.kinds()
# One of them is as long as a name may be.
_LONG = "run_context_provider"


def _name(kind: str) -> str:
    name = f"blue-{kind.replace('_', '-')}"
    return f"{name}-of-the-longest-kind"[: new_plugin.NAME_LENGTH] if kind == _LONG else name


@pytest.fixture(scope="session")
def sessions(copied: Path) -> dict[str, str]:
    """What became of every session, in a repository with one new plugin of each kind."""
    names = [_name(kind) for kind in _KINDS]
    for kind, name in zip(_KINDS, names, strict=True):
        arguments = [name, "--kind", kind, "--scheme", f"blue+{name}", "--root", str(copied)]
        assert new_plugin.main(arguments) == 0
    report = copied / "report.json"
    # On the newest MLflow alone: the suites of the kit take a minute, and each plugin's own CI runs both.
    against = [f"conformance({name}-mlflow{NEWEST})" for name in names]
    chosen = [*(each for each in _SESSIONS if each != "conformance"), *against]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "nox", "-f", str(copied / "noxfile.py")),
            *("--report", str(report), "-s", *chosen, "--", *names),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Its environments are its own; colours would only be in the way.
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )
    for said in done.stdout.split("nox > Running session ")[1:]:
        if " failed.\n" in said:
            print(f"session {said[-4000:]}")
    found = json.loads(report.read_text())["sessions"]
    return {
        signature: item["result"]
        for item in found
        for signature in item["signatures"] or [item["name"]]
    }


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("session", _SESSIONS)
def test_a_new_plugin_passes_at_once(sessions: dict[str, str], kind: str, session: str) -> None:
    mine = {
        signature: result
        for signature, result in sessions.items()
        if signature == session
        or (signature.startswith((f"{session}(", f"{session}-")) and _name(kind) in signature)
    }

    assert mine
    # A provider talks to no server.
    wanted = "skipped" if session == "server" and kind.endswith("_provider") else "success"
    assert set(mine.values()) == {wanted}


@pytest.mark.parametrize(
    "name",
    ["Blue-artifacts", "blue", "mlflow-blue", "blue_artifacts", "../x-y", "", f"blue-{'x' * 36}"],
)
def test_a_bad_name_is_refused_in_one_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = new_plugin.main([name, "--kind", _KINDS[0], "--root", str(tmp_path)])

    assert code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_plugin_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "plugins/blue-artifacts").mkdir(parents=True)

    code = new_plugin.main(["blue-artifacts", "--kind", _KINDS[0], "--root", str(tmp_path)])

    assert code == 2
    assert list((tmp_path / "plugins/blue-artifacts").iterdir()) == []


def test_an_unknown_kind_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        new_plugin.main(["blue-artifacts", "--kind", "teapot"])

    assert refused.value.code == 2
    said = capsys.readouterr().err
    assert all(kind in said for kind in _KINDS)


@pytest.mark.parametrize(
    ("scheme", "why"),
    [
        ("s3", "'s3' is MLflow's own"),
        ("green", "'green' is that of mlflow-green"),
        ("b l", "is not a scheme"),
        ("Blue", "is not a scheme"),
    ],
)
def test_a_scheme_of_somebody_else_is_refused(
    scheme: str, why: str, repository: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository(green=[])
    arguments = ["blue-artifacts", "--kind", "artifact_repository", "--root", str(root)]

    code = new_plugin.main([*arguments, "--scheme", scheme])

    assert code == 2
    assert why in capsys.readouterr().err
    assert not (root / "plugins/blue-artifacts").exists()


def test_the_first_word_of_the_name_is_the_scheme_and_refused_alike(
    repository: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository(green=[])

    code = new_plugin.main(["s3-artifacts", "--kind", "artifact_repository", "--root", str(root)])

    assert code == 2
    assert "choose another with --scheme" in capsys.readouterr().err


@pytest.mark.parametrize("kind", _KINDS)
def test_no_class_says_its_kind_twice(kind: str) -> None:
    names = new_plugin._names(f"red-{kind.replace('_', '-')}", kind, "red")
    template = (new_plugin.TEMPLATE / kind / f"src/module/{names['role']}.py.tmpl").read_text()

    assert not re.search(r"class \w*(Repository|Provider)\1", Template(template).substitute(names))
