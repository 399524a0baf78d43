"""Collects the distributions' own pages into docs/collected/, for the site.

A relative link that leads to a page of the site keeps leading there, and one to any other file
leads to that file in the repository. One that leads nowhere is an error.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from discover import ROOT, Distribution, distributions

REPOSITORY = "https://github.com/mlflow-plugins/mlflow-plugins"

_SITE = "docs"
_COLLECTED = f"{_SITE}/collected"
_ROOT_PAGES = ("CONTRIBUTING.md", "SECURITY.md")
# The library whose modules other people's code imports; the site shows their documentation.
_API = "plugin-core"
# A link or an image of Markdown: what stands before the target, the target, its fragment.
_LINK = re.compile(r"(\]\()(?![a-z][a-z+.-]*:|#|/)([^)\s#]+)(#[^)\s]*)?")
_FENCE = re.compile(r"^\s*(```|~~~)")
_TABLE = re.compile(r"<!-- plugins:begin -->\n(.*?)<!-- plugins:end -->", re.DOTALL)


def pages(root: Path = ROOT) -> dict[str, str]:
    """Return where each page of the repository stands in the site, both relative to the root."""
    found = {name: f"{_COLLECTED}/{name.lower()}" for name in _ROOT_PAGES}
    for item in distributions(root):
        source, target = item.folder.relative_to(root).as_posix(), f"{_COLLECTED}/{item.short}"
        found[f"{source}/README.md"] = f"{target}/index.md"
        for path in sorted((item.folder / "docs").glob("*.md")):
            found[f"{source}/docs/{path.name}"] = f"{target}/{path.name}"
        found[f"{source}/CHANGELOG.md"] = f"{target}/changelog.md"
    return found


def rewritten(text: str, source: str, target: str, known: dict[str, str], root: Path = ROOT) -> str:
    """Return a page with its relative links changed so that they hold in the site.

    Args:
        text: The page.
        source: Where it stands in the repository.
        target: Where it will stand.
        known: All pages of the site, as `pages` returns them.
        root: The repository.

    Raises:
        LookupError: A link leads nowhere.
    """

    def replace(match: re.Match[str]) -> str:
        before, link, fragment = match[1], match[2], match[3] or ""
        path = os.path.normpath(Path(source).parent / link).replace(os.sep, "/")
        if path in known or path.startswith(f"{_SITE}/"):
            place = os.path.relpath(known.get(path, path), Path(target).parent)
            found = (root / path).exists()
            return f"{before}{place.replace(os.sep, '/')}{fragment}" if found else lost(link)
        if not (root / path).exists():
            return lost(link)
        kind = "tree" if (root / path).is_dir() else "blob"
        return f"{before}{REPOSITORY}/{kind}/main/{path}{fragment}"

    def lost(link: str) -> str:
        message = f"{source}: the link to {link} leads nowhere"
        raise LookupError(message)

    lines, in_code = text.splitlines(), False
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            in_code = not in_code
        elif not in_code:
            lines[number] = _LINK.sub(replace, line)
    return "\n".join(lines) + "\n"


def _toctree(entries: list[str], *, caption: str = "") -> str:
    options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["\n```{toctree}", *options, "", *entries, "```", ""])


def _below(item: Distribution, known: dict[str, str]) -> str:
    """Return the table of contents of one distribution, the changelog last."""
    mine = f"{_COLLECTED}/{item.short}/"
    _, *guides, changelog = [Path(page).stem for page in known.values() if page.startswith(mine)]
    return _toctree([*guides, *_api_entry(item), changelog])


def _api_entry(item: Distribution) -> list[str]:
    return ["api"] if item.short == _API else []


def _api_page(item: Distribution) -> str:
    """Return the page that shows the public modules of a library."""
    package = item.folder / "src" / item.module
    parts = [f"# API of {item.name}\n"]
    for path in sorted(package.glob("[!_]*.py")):
        name = f"{item.module}.{path.stem}"
        parts += [f"## `{name}`\n", "```{eval-rst}", f".. automodule:: {name}", "```\n"]
    return "\n".join(parts)


def _contents(root: Path) -> str:
    """Return the tables of contents that the site's first page includes."""
    found = distributions(root)
    groups = {
        "Plugins": [item.short for item in found if item.is_plugin],
        "Shared": [item.short for item in found if not item.is_plugin],
    }
    return "".join(
        _toctree([f"collected/{short}/index" for short in shorts], caption=caption)
        for caption, shorts in groups.items()
    )


def collect(root: Path = ROOT) -> None:
    """Write docs/collected/ anew."""
    known = pages(root)
    shutil.rmtree(root / _COLLECTED, ignore_errors=True)
    texts = {
        target: rewritten((root / source).read_text(encoding="utf-8"), source, target, known, root)
        for source, target in known.items()
    }
    for item in distributions(root):
        texts[f"{_COLLECTED}/{item.short}/index.md"] += _below(item, known)
        if _api_entry(item):
            texts[f"{_COLLECTED}/{item.short}/api.md"] = _api_page(item)
    table = _TABLE.search((root / "README.md").read_text(encoding="utf-8"))
    shown = table[1] if table else ""
    # These two are no pages: docs/index.md includes them, and links in them are as of its place.
    texts[f"{_COLLECTED}/_plugins.md"] = rewritten(
        shown, "README.md", f"{_SITE}/index.md", known, root
    )
    texts[f"{_COLLECTED}/_contents.md"] = _contents(root)
    for target, text in texts.items():
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        (root / target).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    try:
        collect()
    except LookupError as error:
        sys.exit(str(error))
