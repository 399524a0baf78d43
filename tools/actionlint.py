"""Checks the workflows with actionlint, where Go can build it; its wheel downloads a binary."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from discover import ROOT

if TYPE_CHECKING:
    import nox

VERSION = "v1.7.7"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "mlflow-plugins"


def run(session: nox.Session) -> None:
    """Check every workflow, or say that it was left out."""
    go = shutil.which("go")
    if go is None:
        session.warn("left out: actionlint, which Go builds, and Go is not installed")
        return
    target = _CACHE / f"actionlint-{VERSION}"
    program = target / "actionlint"
    if not program.exists():
        package = f"github.com/rhysd/actionlint/cmd/actionlint@{VERSION}"
        session.run(go, "install", package, external=True, env={"GOBIN": str(target)})
    session.run(str(program), *map(str, ROOT.glob(".github/workflows/*.yml")), external=True)
