"""Makes a plugin from tools/template: `new_plugin.py NAME --kind KIND [--scheme SCHEME]`.

The folder `_common` holds what every plugin has, the others one kind each. A file `X.tmpl` becomes
`X`, with `string.Template`'s names filled in; the folder `module` becomes the import name.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from string import Template
from typing import Any

import tables
from discover import ROOT, by_name, plugins

TEMPLATE = Path(__file__).resolve().parent / "template"
# Longer ones make file names and class names that nobody wants to read.
NAME_LENGTH = 40
# What MLflow's own repositories are registered for: one that a plugin claims, every user of MLflow
# loses. A test compares this with MLflow's registry, which is not installed where this runs.
MLFLOWS_OWN = {
    "artifact_repository": frozenset(
        (
            *("abfss", "b2", "dbfs", "file", "ftp", "gs", "hdfs", "http", "https"),
            *("mlflow-artifacts", "models", "r2", "runs", "s3", "sftp", "viewfs", "wasbs"),
        )
    )
}
_NAME = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)+$")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*$")


def kinds() -> list[str]:
    """Return the kinds of plugins that the template knows."""
    return sorted(path.parent.name for path in TEMPLATE.glob("*/template.json"))


def fault(name: str, kind: str, scheme: str, root: Path) -> str:
    """Return why a plugin cannot be made, "" where it can."""
    if not _NAME.match(name) or name.startswith("mlflow-") or len(name) > NAME_LENGTH:
        return (
            f"{name!r} is not a name: write two or more words in lower case joined by '-', "
            f"the service first, without 'mlflow-', at most {NAME_LENGTH} letters: oss-artifacts"
        )
    if (root / "plugins" / name).exists():
        return f"plugins/{name} is there already"
    if not _SCHEME.match(scheme):
        return f"{scheme!r} is not a scheme: write a letter, then letters, digits, '+', '.' or '-'"
    if scheme in MLFLOWS_OWN.get(kind, ()):
        return f"{scheme!r} is MLflow's own: choose another with --scheme"
    for item in plugins(root):
        if scheme in item.entry_points.get(f"mlflow.{kind}", {}):
            return f"{scheme!r} is that of {item.name}: choose another with --scheme"
    return ""


def make(name: str, kind: str, scheme: str, root: Path = ROOT) -> Path:
    """Write the plugin's folder and its row in the README; returns the folder.

    Args:
        name: The folder's name, such as "oss-artifacts".
        kind: One of `kinds()`.
        scheme: What MLflow finds it by: of a location, or the name of a provider.
        root: The repository.
    """
    names = _names(name, kind, scheme)
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
    # How lines break depends on how long the names are.
    config = ["--config", str(root / "pyproject.toml")]
    for command in (["check", "--select", "I", "--fix-only"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", *config, str(folder)]
        subprocess.run(ruff, check=True, cwd=root)
    _write_tables(name, root)
    return folder


def _names(name: str, kind: str, scheme: str) -> dict[str, str]:
    """Return what the template's files are filled in with."""
    own: dict[str, Any] = json.loads((TEMPLATE / kind / "template.json").read_text("utf-8"))
    title = name.title()
    names = {
        "name": name,
        "short": name,
        "kind": kind,
        "dist": f"mlflow-{name}",
        "module": f"mlflow_{name.replace('-', '_')}",
        # The kind's word stands at its end: BlueRepository, and not BlueRepositoryRepository.
        "class_name": title.replace("-", "").removesuffix(own["suffix"]),
        "title": title,
        "prefix": f"MLFLOW_{name.upper().replace('-', '_')}_",
        "scheme": scheme,
        # What only some kinds have.
        "scripts": "",
        "dependencies": "",
    }
    lists = {
        "settings_rows": "\n".join(own.pop("settings_rows")),
        "limits": "\n".join(f"- {text}" for text in own.pop("limits")),
    }
    for key, text in {**own, **lists}.items():
        names[key] = Template(text).substitute(names)
    example = (TEMPLATE / kind / "examples/quickstart.py.tmpl").read_text(encoding="utf-8")
    shown = example.partition("from __future__ import annotations\n")[2].strip()
    names["quickstart"] = Template(shown).substitute(names)
    return names


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
    parser.add_argument(
        "--scheme", help="what MLflow finds it by (default: the first word of the name)"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    scheme = chosen.scheme or chosen.name.partition("-")[0]
    if why := fault(chosen.name, chosen.kind, scheme, chosen.root):
        print(why, file=sys.stderr)
        return 2
    folder = make(chosen.name, chosen.kind, scheme, chosen.root)
    print(f"made {folder.relative_to(chosen.root)}; next:")
    print(f"  uv run noxfile.py -s lint types unit wheel -- {chosen.name}")
    print("  describe the options in settings.py, then `uv run noxfile.py -s tables`")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
