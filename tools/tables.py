"""Writes the generated tables: the plugins in README.md, settings and versions in each plugin's.

A table stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`. With --check nothing is
written, and a table that is out of date is an error.
"""

from __future__ import annotations

import importlib
import re
import sys
from typing import TYPE_CHECKING

import kit_tables
from discover import PYTHONS, ROOT, Distribution, distributions, plugins

if TYPE_CHECKING:
    from pathlib import Path


def plugins_table(root: Path = ROOT) -> str:
    """Return the table of plugins."""
    rows = [
        "| plugin | what it does | schemes and names | MLflow | contract |",
        "|---|---|---|---|---|",
    ]
    for item in plugins(root):
        names = ", ".join(f"`{name}`" for group in item.entry_points.values() for name in group)
        link = f"[{item.name}](plugins/{item.short}/README.md)"
        since = f"{item.floor} and later" if item.floor else ""
        # The session `conformance` fails where this level is not reached.
        level = item.own.get("level", "")
        rows.append(f"| {link} | {item.description} | {names} | {since} | {level} |")
    return "\n".join(rows)


def settings_table(item: Distribution) -> str:
    """Return the settings of a plugin, from the class that reads them."""
    from mlflow_plugin_core.settings import PluginSettings

    module = importlib.import_module(f"{item.module}.settings")
    rows = ["| environment | URI parameter | default | what it does |", "|---|---|---|---|"]
    for found in vars(module).values():
        if not (isinstance(found, type) and issubclass(found, PluginSettings)):
            continue
        # What they share is a base, whose names have no prefix; each plugin lists its own.
        if found is PluginSettings or found.__module__ != module.__name__:
            continue
        for info in found.describe():
            parameter = f"`{info.uri_parameter}`" if info.uri_parameter else ""
            default = f"`{info.default}`" if info.default else ""
            text = info.help.replace("|", "\\|")
            row = f"| `{info.environment}` | {parameter} | {default} | {text} |"
            # A base of several classes of one plugin comes first: its rows are theirs too.
            if row not in rows:
                rows.append(row)
    return "\n".join(rows)


def versions_table(item: Distribution) -> str:
    """Return what a plugin is tested with."""
    rows = ["| | tested |", "|---|---|"]
    if item.minors:
        rows.append(f"| MLflow | {', '.join(item.minors)} |")
    rows.append(f"| Python | {', '.join(PYTHONS)} |")
    return "\n".join(rows)


def replaced(text: str, name: str, table: str) -> str:
    """Return a text with one of its tables replaced; as it was where it has no such table."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    return pattern.sub(lambda _: f"{begin}\n{table}\n{end}", text)


def documents(root: Path = ROOT) -> dict[Path, str]:
    """Return every document that holds tables, as it should be."""
    readme = root / "README.md"
    found = {readme: replaced(readme.read_text(encoding="utf-8"), "plugins", plugins_table(root))}
    for item in distributions(root):
        path = item.folder / "README.md"
        text = path.read_text(encoding="utf-8")
        if "<!-- settings:begin -->" in text:
            text = replaced(text, "settings", settings_table(item))
        found[path] = replaced(text, "versions", versions_table(item))
    return found


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Write the tables, or check them."""
    stale = [
        (path, text)
        for path, text in documents(root).items()
        if path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        if "--check" in arguments:
            print(f"{path.relative_to(root)}: its tables are out of date; run `nox -s tables`")
        else:
            path.write_text(text, encoding="utf-8")
    check = "--check" in arguments
    of_the_kit = root == ROOT and kit_tables.stale(print, check=check)
    return 1 if (stale and check) or of_the_kit else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
