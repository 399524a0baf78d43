"""The parts that `nox -s tests` and so CI runs beside each other, the longest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discover import distributions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from choose import Choice

# One part for each distribution: some take many minutes, and others none.
_SHARED = ("server", "unit", "conformance")
# These are about the repository as a whole, or are soon done.
_WHOLE = ("wheel", "minimums", "tools", "demo", "together", "types", "docs", "lint")
# What is known to take longest begins first; everything else in the order of its name.
_LONGEST = ("plugin-testing", "plugin-servers")


def commands(chosen: Choice, program: Sequence[str]) -> dict[str, list[str]]:
    """Return the command of each part by its name.

    Args:
        chosen: What stands behind `--`: distributions, paths, options of pytest.
        program: What runs a session that is named behind it.
    """
    # Tests that are nobody's are those of the tools.
    if chosen.paths and not chosen.shorts:
        return {"tools": [*program, "tools", "--", *chosen.paths_of("")]}
    found: dict[str, list[str]] = {}
    shorts = list(chosen.shorts) or [item.short for item in distributions()]
    shorts.sort(key=lambda short: _LONGEST.index(short) if short in _LONGEST else len(_LONGEST))
    for session in _SHARED:
        for short in shorts:
            arguments = [short, *chosen.for_pytest(short)]
            found[f"{session} {short}"] = [*program, session, "--", *arguments]
    tested = [*chosen.shorts, *chosen.options, *(path for path, _ in chosen.paths)]
    # The others take no options of pytest.
    meant = {
        "minimums": tested,
        "wheel": list(chosen.shorts),
        "demo": list(chosen.shorts),
        "tools": chosen.paths_of(""),
    }
    for session in _WHOLE:
        found[session] = [*program, session, "--", *meant.get(session, [])]
    return found
