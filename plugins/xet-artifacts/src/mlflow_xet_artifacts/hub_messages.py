"""Commit messages that say which run of which experiment a commit belongs to. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_LISTED = 20
_LONGEST_TITLE = 200
_ARTIFACTS = "artifacts"


class Note(NamedTuple):
    """What a commit is for.

    Attributes:
        verb: `Log` or `Delete`.
        roots: Artifact roots below the branch, such as "1/4f0c/artifacts".
        paths: What is logged or deleted, below the root of the repository.
    """

    verb: str
    roots: tuple[str, ...]
    paths: tuple[str, ...]

    @classmethod
    def together(cls, notes: Sequence[Note]) -> Note:
        """Return the note of a commit that is for several calls."""
        verbs = list(dict.fromkeys(note.verb for note in notes))
        roots = tuple(dict.fromkeys(root for note in notes for root in note.roots))
        return cls(
            " and ".join([verbs[0], *(verb.lower() for verb in verbs[1:])]),
            roots,
            tuple(dict.fromkeys(path for note in notes for path in note.paths)),
        )


def subject(root: str) -> str:
    """Say in words what an artifact root belongs to.

    Runs have `<experiment>/<run>/artifacts`, logged models `<experiment>/models/<model>/artifacts`.
    """
    parts = root.split("/")
    if parts[-1] == _ARTIFACTS and len(parts) > 1:
        above, kind = parts[:-2], "run"
        if above[-1:] == ["models"]:
            above, kind = above[:-1], "model"
        # A location of the experiment's own does not hold the experiment's id.
        return f"{kind} {parts[-2]}" + (f" of experiment {above[-1]}" if above else "")
    return root or "the root of the repository"


def message_of(note: Note) -> tuple[str, str]:
    """Return title and description of a commit."""
    roots = [subject(root) for root in note.roots]
    of = roots[0] if len(roots) == 1 else f"{len(roots)} runs"
    count = len(note.paths)
    what = "1 artifact" if count == 1 else f"{count} artifacts"
    lines = [f"- {root}" for root in roots[:_LISTED]] if len(roots) > 1 else []
    lines += [*([""] if lines else []), *note.paths[:_LISTED]]
    if count > _LISTED:
        lines.append(f"and {count - _LISTED} more")
    return f"{note.verb} {what} of {of}"[:_LONGEST_TITLE], "\n".join(lines)
