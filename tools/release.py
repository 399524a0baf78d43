"""Checks a release tag: `mlflow-DIST-vX.Y.Z` has to agree with the version and the changelog.

The distribution stands in it as on the index, and in no other way: two tags for one release would
be two releases of one version.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from discover import ROOT, Distribution, distributions

_TAG = re.compile(
    r"^(?P<dist>[a-z0-9]+(?:-[a-z0-9]+)*)-v(?P<version>\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?)$"
)


def parse(tag: str, root: Path = ROOT) -> tuple[Distribution, str]:
    """Return the distribution and the version that a tag names.

    Raises:
        ValueError: The tag names no distribution of this repository.
    """
    match = _TAG.match(tag)
    known = {item.name: item for item in distributions(root)}
    if match is None or match["dist"] not in known:
        message = f"{tag!r} is not NAME-vX.Y.Z with one of: {', '.join(sorted(known))}"
        raise ValueError(message)
    return known[match["dist"]], match["version"]


def faults(item: Distribution, version: str) -> list[str]:
    """Return what speaks against releasing this version."""
    found = []
    if item.version != version:
        found.append(f"__about__.py says {item.version}, the tag says {version}")
    changelog = (item.folder / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[?v?([^\s\]]+)", changelog, re.MULTILINE)
    if newest is None or newest.group(1) != version:
        said = newest.group(1) if newest else "nothing"
        found.append(f"the top of CHANGELOG.md says {said}: run `nox -s news -- {item.short}`")
    fragments = list((item.folder / "changes").glob("*.md"))
    if fragments:
        found.append(f"{len(fragments)} news fragment(s) are not in the changelog yet")
    return found


def main(arguments: list[str]) -> int:
    """Check the tag given, and tell the workflow what to build."""
    if len(arguments) != 1:
        print("usage: release.py NAME-vX.Y.Z, such as mlflow-blue-artifacts-v1.2.3")
        return 2
    try:
        item, version = parse(arguments[0])
    except ValueError as error:
        print(error)
        return 1
    found = faults(item, version)
    for fault in found:
        print(f"{arguments[0]}: {fault}")
    if output := os.environ.get("GITHUB_OUTPUT"):
        with Path(output).open("a", encoding="utf-8") as stream:
            folder = item.folder.relative_to(ROOT).as_posix()
            stream.write(f"dist={item.short}\nname={item.name}\nversion={version}\n")
            stream.write(f"folder={folder}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
