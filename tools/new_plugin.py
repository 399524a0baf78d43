"""Makes a plugin from tools/template: `new_plugin.py NAME --kind KIND`.

The folder `_common` holds what every plugin has, the others one kind each. A file `X.tmpl` becomes
`X`, with `string.Template`'s names filled in; the folder `module` becomes the import name.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from pathlib import Path
from string import Template

import tables
from discover import ROOT, by_name

TEMPLATE = Path(__file__).resolve().parent / "template"
_NAME = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)+$")


def kinds() -> list[str]:
    """Return the kinds of plugins that the template knows."""
    return sorted(path.parent.name for path in TEMPLATE.glob("*/template.json"))


def fault(name: str, root: Path) -> str:
    """Return why a plugin of this name cannot be made, "" where it can."""
    if not _NAME.match(name) or name.startswith("mlflow-"):
        return (
            f"{name!r} is not a name: write two or more words in lower case joined by '-', "
            "the service first, without 'mlflow-': oss-artifacts"
        )
    if (root / "plugins" / name).exists():
        return f"plugins/{name} is there already"
    return ""


def make(name: str, kind: str, root: Path = ROOT) -> Path:
    """Write the plugin's folder and its row in the README; returns the folder.

    Args:
        name: The folder's name, such as "oss-artifacts".
        kind: One of `kinds()`.
        root: The repository.
    """
    names = {
        "name": name,
        "short": name,
        "kind": kind,
        "dist": f"mlflow-{name}",
        "module": f"mlflow_{name.replace('-', '_')}",
        "class_name": name.title().replace("-", ""),
        "title": name.title(),
        "prefix": f"MLFLOW_{name.upper().replace('-', '_')}_",
        "scheme": name.partition("-")[0],
    }
    own = json.loads((TEMPLATE / kind / "template.json").read_text(encoding="utf-8"))
    for key, text in own.items():
        names[key] = Template(text).substitute(names)
    folder = root / "plugins" / name
    for source in (TEMPLATE / "_common", TEMPLATE / kind):
        for path in sorted(source.rglob("*.tmpl")):
            relative = path.relative_to(source).with_suffix("")
            parts = [names["module"] if part == "module" else part for part in relative.parts]
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            text = Template(path.read_text(encoding="utf-8")).substitute(names)
            target.write_text(text, encoding="utf-8")
    shutil.copy(root / "LICENSE", folder / "LICENSE")
    _write_tables(name, root)
    return folder


def _write_tables(name: str, root: Path) -> None:
    """Fill in the tables that need no import of the plugin; its settings' stands there already."""
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    table = tables.plugins_table(root)
    readme.write_text(tables.replaced(text, "plugins", table), encoding="utf-8")
    item = by_name(name, root)
    own = item.folder / "README.md"
    versions = tables.versions_table(item)
    own.write_text(
        tables.replaced(own.read_text(encoding="utf-8"), "versions", versions), encoding="utf-8"
    )


def main(arguments: list[str]) -> int:
    """Make the plugin that the arguments ask for; 2 with one sentence where it cannot be made."""
    parser = argparse.ArgumentParser(prog="new_plugin", description="Make a plugin.")
    parser.add_argument("name", help="folder name, such as oss-artifacts")
    parser.add_argument("--kind", required=True, choices=kinds())
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if why := fault(chosen.name, chosen.root):
        print(why, file=sys.stderr)
        return 2
    folder = make(chosen.name, chosen.kind, chosen.root)
    print(f"made {folder.relative_to(chosen.root)}; next:")
    print(f"  uv run noxfile.py -s lint types unit wheel -- {chosen.name}")
    print("  describe the options in settings.py, then `uv run noxfile.py -s tables`")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
