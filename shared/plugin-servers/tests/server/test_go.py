"""Programs from Go modules: whole or not at all, and only what was pinned."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlflow_plugin_servers import go
from mlflow_plugin_servers.errors import ServerUnavailableError

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_HELLO = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n'


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; with a Go in it from the real one, where the machine has none."""
    if go.find_go() is None:
        found = go.prepare_go()
        monkeypatch.setenv("PATH", str(found.parent), prepend=":")
    folder = tmp_path / "cache"
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_CACHE", str(folder))
    return folder


def module(folder: Path, source: str, more: str = "", sums: str = "") -> go.GoModule:
    folder.mkdir()
    (folder / "go.mod").write_text(f"module hello\n\ngo 1.21\n{more}", encoding="utf-8")
    (folder / "main.go").write_text(source, encoding="utf-8")
    (folder / "go.sum").write_text(sums, encoding="utf-8")
    return go.GoModule(str(folder), {"greet": "."})


def test_a_program_is_built_once_and_found_again(tmp_path: Path) -> None:
    greeting = module(tmp_path / "hello", _HELLO)
    assert go.built("greeting-1", [greeting]) is None

    folder = go.go_build("greeting-1", [greeting])

    assert [path.name for path in folder.iterdir()] == ["greet"]
    told = subprocess.run([folder / "greet"], capture_output=True, text=True, check=True)
    assert told.stdout == "hello\n"
    made = (folder / "greet").stat().st_mtime_ns
    assert go.go_build("greeting-1", [greeting]) == go.built("greeting-1", [greeting]) == folder
    assert (folder / "greet").stat().st_mtime_ns == made


def test_a_changed_source_is_another_program(tmp_path: Path) -> None:
    greeting = module(tmp_path / "hello", _HELLO)
    folder = go.go_build("greeting-1", [greeting])

    (tmp_path / "hello" / "main.go").write_text(_HELLO.replace("hello", "bye"), encoding="utf-8")

    assert go.built("greeting-1", [greeting]) is None
    assert go.go_build("greeting-1", [greeting]) != folder


def test_a_build_that_fails_says_why_and_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    good = module(tmp_path / "good", _HELLO)
    bad = module(tmp_path / "bad", _HELLO.replace("Println", "NoSuchFunction"))

    with pytest.raises(ServerUnavailableError, match="undefined: fmt.NoSuchFunction"):
        go.go_build("greeting-1", [good, bad])

    assert [path.name for path in cache.iterdir() if path.is_dir()] == []


def test_a_module_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    source = 'package main\n\nimport _ "golang.org/x/sync/errgroup"\n\nfunc main() {}\n'
    wrong = "0" * 43
    sums = f"golang.org/x/sync v0.12.0 h1:{wrong}=\ngolang.org/x/sync v0.12.0/go.mod h1:{wrong}=\n"
    other = module(tmp_path / "other", source, "\nrequire golang.org/x/sync v0.12.0\n", sums)

    with pytest.raises(ServerUnavailableError, match="checksum mismatch"):
        go.go_build("other-1", [other])


def test_a_go_that_is_too_old_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "bin" / "go"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64\n", encoding="utf-8")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(old.parent), prepend=":")

    assert go.find_go((1, 19)) == old
    assert go.find_go((1, 20)) != old
