"""Reads what stands behind `--` on nox's command line: distributions, paths, options of pytest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from discover import ROOT, Distribution, by_name, distributions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Whatever follows one of these is its value, even where it looks like a path or a distribution.
_WITH_VALUE = frozenset({"-k", "-m", "-n", "-o", "-p", "-r", "-W"})


@dataclass(frozen=True)
class Choice:
    """What a command line chose.

    Attributes:
        shorts: Distributions, by name or by a path inside of them; empty for all.
        paths: Tests by path, each with the distribution it belongs to, "" for none.
        options: Everything else, for the program that the session runs.
    """

    shorts: tuple[str, ...]
    paths: tuple[tuple[str, str], ...]
    options: tuple[str, ...]

    def includes(self, short: str) -> bool:
        """Tell whether a distribution is to be worked on."""
        return not (self.shorts or self.paths) or short in self.shorts

    def paths_of(self, short: str) -> list[str]:
        """Return the paths inside one distribution, or with "" those outside of all of them."""
        return [path for path, owner in self.paths if owner == short]

    def for_pytest(self, short: str) -> list[str]:
        """Return what pytest is told about one distribution, beside where its tests are."""
        return [*self.options, *self.paths_of(short)]


def parse(arguments: Sequence[str], root: Path = ROOT) -> Choice:
    """Part positional arguments.

    Args:
        arguments: What stands behind `--`.
        root: The repository; paths are relative to it.

    Raises:
        LookupError: A word is neither a distribution nor a path nor an option; what there is, is
            named.
    """
    found = distributions(root)
    known = {key: item.short for item in found for key in (item.short, item.name)}
    shorts: list[str] = []
    paths: list[tuple[str, str]] = []
    options: list[str] = []
    before = ""
    for text in arguments:
        if before in _WITH_VALUE or text.startswith("-"):
            options.append(text)
        elif text in known:
            shorts.append(known[text])
        elif (root / text.partition("::")[0]).exists():
            owner = _owner(root / text.partition("::")[0], found)
            paths.append((text, owner))
            shorts += [owner] if owner else []
        elif before.startswith("--") and "=" not in before:
            options.append(text)
        else:
            by_name(text, root)  # raises, and names what there is
        # A value is no option that the next word could belong to.
        before = "" if before in _WITH_VALUE else text
    return Choice(tuple(dict.fromkeys(shorts)), tuple(paths), tuple(options))


def _owner(path: Path, found: list[Distribution]) -> str:
    inside = (item.short for item in found if path.resolve().is_relative_to(item.folder.resolve()))
    return next(inside, "")
