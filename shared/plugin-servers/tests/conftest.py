"""What the tests of this distribution need besides its own fixtures."""

from __future__ import annotations

pytest_plugins = ["pytester"]
