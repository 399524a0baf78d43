"""What the tests of the core share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# pytest's importlib mode puts no folder on the path, and tests of objects share a fake service.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes of uploads go to a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
