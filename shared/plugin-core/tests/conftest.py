"""What the tests of the core share."""

from __future__ import annotations

import sys
from pathlib import Path

# pytest's importlib mode puts no folder on the path, and tests of objects share a fake service.
sys.path.insert(0, str(Path(__file__).parent))
