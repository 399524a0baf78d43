"""Prints the matrix of a workflow as JSON: `pr BASE` or `nightly`."""

from __future__ import annotations

import json
import sys

from affected import affected, changed_since
from discover import MLFLOW_MINORS, PYTHONS, Distribution, distributions

Cell = dict[str, object]
MAIN = "main"
# The MLflow of a distribution that does not need any.
NONE = "none"


def pull_request(found: list[Distribution]) -> list[Cell]:
    """Return floor and newest MLflow on the oldest and the newest Python, for each distribution.

    A floor that is the newest is one cell and not two.
    """
    return [
        _cell(item, minor, python)
        for item in found
        for minor in dict.fromkeys((item.floor or NONE, MLFLOW_MINORS[-1] if item.floor else NONE))
        for python in (PYTHONS[0], PYTHONS[-1])
    ]


def nightly(found: list[Distribution]) -> list[Cell]:
    """Return every tested MLflow on every Python, and MLflow's main branch, which may fail."""
    cells = [
        _cell(item, minor, python)
        for item in found
        for minor in (item.minors or (NONE,))
        for python in PYTHONS
    ]
    return cells + [_cell(item, MAIN, PYTHONS[-1]) for item in found if item.floor]


def _cell(item: Distribution, minor: str, python: str) -> Cell:
    return {"dist": item.short, "mlflow": minor, "python": python, "may-fail": minor == MAIN}


def main(arguments: list[str]) -> None:
    """Print the matrix that the first argument names."""
    if arguments[0] == "nightly":
        cells = nightly(distributions())
    else:
        cells = pull_request(affected(changed_since(arguments[1])))
    print(json.dumps({"include": cells}))


if __name__ == "__main__":
    main(sys.argv[1:])
