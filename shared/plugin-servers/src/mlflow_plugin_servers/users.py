"""Who a server runs as, and a folder that this user can reach."""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mlflow_plugin_servers.errors import ServerUnavailableError

__all__ = ["Account", "make_folder", "reachable", "unprivileged"]


@dataclass(frozen=True)
class Account:
    """A user of this machine.

    Attributes:
        name: Login name.
        uid: User id.
        gid: Id of the user's own group.
    """

    name: str
    uid: int
    gid: int


def unprivileged(*names: str) -> Account | None:
    """Choose the user that a server runs as: databases refuse to run as root.

    Args:
        names: Users in order of preference; the first one that exists is taken.

    Returns:
        The user, or None when this process is not root and a server simply runs as the same user.

    Raises:
        ServerUnavailableError: This process is root and none of the users exists.
    """
    if os.geteuid() != 0:
        return None
    import pwd

    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    message = (
        f"the server refuses to run as root and none of these users exists: {', '.join(names)}"
    )
    raise ServerUnavailableError(message)


def make_folder(prefix: str, account: Account | None) -> Path:
    """Make a temporary folder that only the server's user can read.

    Args:
        prefix: Beginning of the folder's name.
        account: The user that the folder is given to; None for this process's own.

    Returns:
        The folder. Below the usual place for temporary files, unless the user cannot get there.
    """
    base = Path(tempfile.gettempdir()).resolve()
    if account and not reachable(base, account):
        base = Path("/tmp")  # noqa: S108  (the one place that any user reaches; mkdtemp makes it private)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
    if account:
        os.chown(folder, account.uid, account.gid)
    return folder


def reachable(path: Path, account: Account) -> bool:
    """Tell whether a user may pass through a folder and all that lead to it.

    Args:
        path: An existing absolute folder.
        account: The user, whose secondary groups are left out of account.

    Returns:
        Whether each folder on the way can be passed.
    """
    for folder in (path, *path.parents):
        facts = folder.stat()
        if facts.st_uid == account.uid:
            needed = stat.S_IXUSR
        elif facts.st_gid == account.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not facts.st_mode & needed:
            return False
    return True
