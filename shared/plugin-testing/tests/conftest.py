"""What the tests of this distribution need besides its own fixtures."""

from __future__ import annotations

import sys
from pathlib import Path

# pytest's importlib mode puts no folder on the path, and these tests share the broken plugins.
sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ["pytester"]
