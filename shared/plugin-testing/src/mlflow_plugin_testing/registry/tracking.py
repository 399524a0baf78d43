"""The tracking store that a registry asks for logged models, and that prompts are linked to."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["tracking"]

_VARIABLE = "MLFLOW_TRACKING_URI"


@contextmanager
def tracking() -> Iterator[Any]:
    """Make a store on SQLite MLflow's current one, and what was current before afterwards.

    A registry that is given a tracking URI when it is opened must be opened inside: it asks that store.

    Yields:
        A function that returns the tracking store; nothing is made on disk before it is called.
    """
    from mlflow.tracking import _get_store
    from mlflow.tracking._tracking_service import utils

    # None where nobody has set one, which MLflow's annotation does not know.
    before: Any = utils._tracking_uri
    variable = os.environ.get(_VARIABLE)
    utils.set_tracking_uri(f"sqlite:///{_folder() / 'tracking.db'}")
    try:
        yield _get_store
    finally:
        utils.set_tracking_uri(before)
        # MLflow writes the variable, and removes it, as it likes.
        if variable is not None:
            os.environ[_VARIABLE] = variable


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mlflow-plugin-testing-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
