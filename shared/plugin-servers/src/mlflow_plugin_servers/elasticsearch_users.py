"""Users and roles in the files that each node reads: the way that works without an index of users.

The API for users needs an analyzer that the distribution for tests does not have.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from mlflow_plugin_servers.errors import ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["User", "add_user"]

# The fewest that the server takes; a test's password is not worth more of them.
_ROUNDS = 1_000
_WITHIN = 30.0


class User:
    """A user who is allowed something on the indices of one prefix."""

    def __init__(
        self,
        name: str,
        password: str,
        prefix: str,
        *,
        privileges: Sequence[str],
        cluster: Sequence[str],
    ) -> None:
        """Describe a user.

        Args:
            name: User's name, which is the name of the role as well.
            password: User's password.
            prefix: How the names of the indices begin.
            privileges: What may be done to them, such as `all`, `read` or `create_index`.
            cluster: What may be done besides, such as `monitor`.
        """
        self.name = name
        self.password = password
        self.prefix = prefix
        self.privileges = list(privileges)
        self.cluster = list(cluster)

    @property
    def indices(self) -> list[dict[str, Any]]:
        """The privileges on indices, as roles and questions about them say it."""
        return [{"names": [f"{self.prefix}*"], "privileges": self.privileges}]


def add_user(
    user: User, folders: Sequence[Path], has_rights: Callable[[dict[str, Any]], bool]
) -> None:
    """Write a user into the files of all nodes, and wait until they have read them.

    Args:
        user: The user; one of the same name is replaced.
        folders: Where the nodes have their configuration.
        has_rights: Tells whether this user has, on every node that runs, the privileges in a question.

    Raises:
        ServerUnavailableError: The nodes do not take them in.
    """
    # One line to a role: the server cuts the file where lines begin with something else than a space.
    role = json.dumps({"cluster": user.cluster, "indices": user.indices})
    for folder in folders:
        _replace(folder / "roles.yml", user.name, f"{user.name}: {role}")
        _replace(folder / "users_roles", user.name, f"{user.name}:{user.name}")
        _replace(folder / "users", user.name, f"{user.name}:{_hash(user.password)}")
    question = {"cluster": user.cluster, "index": user.indices}
    deadline = time.monotonic() + _WITHIN
    while not has_rights(question):
        if time.monotonic() > deadline:
            message = (
                f"the user {user.name} was not taken in within {_WITHIN:.0f} s; "
                f"is each of these known: {', '.join([*user.privileges, *user.cluster])}?"
            )
            raise ServerUnavailableError(message)
        time.sleep(0.05)


def _replace(path: Path, name: str, line: str) -> None:
    kept = [
        each
        for each in path.read_text(encoding="utf-8").splitlines()
        if not each.startswith(f"{name}:")
    ]
    path.write_text("\n".join([*kept, line]) + "\n", encoding="utf-8")


def _hash(password: str) -> str:
    salt = secrets.token_bytes(32)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS, 32)
    parts = [base64.b64encode(part).decode("ascii") for part in (salt, key)]
    return f"{{PBKDF2}}{_ROUNDS}${parts[0]}${parts[1]}"
