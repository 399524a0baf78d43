"""What can go wrong with a server, in two classes."""

from __future__ import annotations

__all__ = ["NotOurServerError", "ServerUnavailableError"]


class ServerUnavailableError(Exception):
    """A server cannot be had here; the message says why and what to install."""


class NotOurServerError(Exception):
    """Somebody else's server was to be stopped, killed or started."""

    def __init__(self, name: str, verb: str) -> None:
        """Say which server was spared.

        Args:
            name: The kind of server, such as `postgresql`.
            verb: What was asked for.
        """
        super().__init__(
            f"cannot {verb} this {name} server: it was given by its URI and was not started here. "
            f"A test that has to {verb} one asks for the fixture private_{name}_server."
        )
