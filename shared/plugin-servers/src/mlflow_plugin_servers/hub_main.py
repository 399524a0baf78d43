"""Starts the Hub server; run by its path, so that nothing needs to be installed where it runs."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from mlflow_plugin_servers.hub_app import serve

    serve(sys.argv[1:])
