"""`mlflow-plugin-check`: which part of MLflow's contract does an installed plugin hold?"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_EXAMPLES = """examples:
  mlflow-plugin-check mlflow-mine                  what the distribution declares: packaging and providers
  mlflow-plugin-check mine://bucket/tests          its artifact repository or stores, at that place
  mlflow-plugin-check mlflow-mine mine://bucket/tests --json report.json

The place may hold other things. What a check makes there has names of its own, and stays there.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check plugins, print a table and a level for each.

    Args:
        arguments: The command line; this process's own by default.

    Returns:
        The exit code: 0 when everything that was looked at is right, 1 when something is not, 2 or more when nothing
        could be looked at.
    """
    parser = argparse.ArgumentParser(
        prog="mlflow-plugin-check",
        description="Check which part of MLflow's contract a plugin holds, on the MLflow installed here.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "targets",
        nargs="+",
        metavar="TARGET",
        help="a distribution, a scheme (all distributions that have it), or a URI",
    )
    parser.add_argument("--json", metavar="FILE", help="write the report to a file")
    parser.add_argument(
        "--kind",
        action="append",
        default=[],
        help="look at this kind alone, such as tracking_store or artifact_repository",
    )
    parser.add_argument(
        "--level",
        choices=("base", "extended", "full"),
        help="fail where a plugin does not reach this level, though no test failed",
    )
    parser.add_argument(
        "--details", action="store_true", help="print the whole story of each test that fails"
    )
    chosen = parser.parse_args(arguments)
    try:
        options = [option for target in chosen.targets for option in _options(target)]
    except LookupError as error:
        sys.stderr.write(f"mlflow-plugin-check: {error.args[0]}\n")
        return 2
    options += [f"--mlflow-plugin-kind={kind}" for kind in chosen.kind]
    options += [f"--mlflow-plugin-level={chosen.level}"] if chosen.level else []
    if chosen.json:
        options.append(f"--mlflow-plugin-json={Path(chosen.json).resolve()}")
    return _run([*options, f"--tb={'auto' if chosen.details else 'no'}"])


def _options(target: str) -> list[str]:
    if ":" in target:
        return [f"--mlflow-plugin-uri={target}"]
    from importlib.metadata import PackageNotFoundError, distribution, entry_points

    try:
        distribution(target)
    except PackageNotFoundError:
        owners = {
            point.dist.name
            for point in entry_points(name=target)
            if point.group.startswith("mlflow.") and point.dist
        }
        if not owners:
            message = f"{target!r} is no installed distribution and no scheme or name of one"
            raise LookupError(message) from None
        return [f"--mlflow-plugin={owner}" for owner in sorted(owners)]
    return [f"--mlflow-plugin={target}"]


def _run(options: list[str]) -> int:
    import pytest

    with tempfile.TemporaryDirectory() as folder:
        # Settings of the project that this is called in are for its own tests.
        settings = Path(folder) / "pytest.ini"
        settings.write_text("[pytest]\naddopts =\n", encoding="utf-8")
        fixed = ["-c", str(settings), f"--rootdir={folder}", "-p", "no:cacheprovider"]
        return int(pytest.main([*fixed, "-q", "--no-header", "--no-summary", *options]))


if __name__ == "__main__":
    sys.exit(main())
