"""Who may talk to a cluster of one's own, and how: its certificates, tokens and kubeconfigs."""

from __future__ import annotations

import base64
import json
import secrets
import ssl
from typing import TYPE_CHECKING

from mlflow_plugin_servers.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["ADMIN", "USER", "Access"]

ADMIN = "admin"
USER = "user"
# The names under which pods know the API server, and the address that its service has.
_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


class Access:
    """The secrets of one cluster, in files that only this user can read."""

    def __init__(self, folder: Path, addresses: Sequence[str]) -> None:
        """Make them.

        Args:
            folder: A private folder.
            addresses: Of the API server and of real nodes, besides loopback.
        """
        import trustme

        authority = trustme.CA()
        self.authority = folder / "ca.crt"
        self.certificate = folder / "server.crt"
        self.key = folder / "server.key"
        self.tokens = folder / "tokens.csv"
        self._passwords = {name: secrets.token_hex(16) for name in (ADMIN, USER)}
        self._pem = authority.cert_pem.bytes().decode()
        # All servers of the cluster share one certificate; for etcd and kubelet it is the API server's proof as well.
        pair = authority.issue_cert(LOOPBACK, *_NAMES, *addresses, common_name="kube-apiserver")
        self._write(self.authority, self._pem)
        self._write(self.certificate, b"".join(each.bytes() for each in pair.cert_chain_pems))
        self._write(self.key, pair.private_key_pem.bytes())
        self._write(
            self.tokens,
            f'{self._passwords[ADMIN]},{ADMIN},1,"system:masters"\n{self._passwords[USER]},{USER},2\n',
        )

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client checks the API server with."""
        return ssl.create_default_context(cadata=self._pem)

    def token(self, user: str) -> str:
        """Tell a user's token.

        Args:
            user: ADMIN or USER.

        Returns:
            The token.
        """
        return self._passwords[user]

    def kubeconfig(self, path: Path, user: str, uri: str) -> Path:
        """Write a file that clients take address, authority and token from.

        Args:
            path: The file.
            user: ADMIN or USER.
            uri: Address of the API server.

        Returns:
            The path.
        """
        authority = base64.b64encode(self._pem.encode()).decode()
        cluster = {"server": uri, "certificate-authority-data": authority}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": self.token(user)}}],
            "contexts": [{"name": user, "context": {"cluster": "test", "user": user}}],
            "current-context": user,
        }
        # JSON is YAML, and nothing here needs a parser for the latter.
        self._write(path, json.dumps(config, indent=2) + "\n")
        return path

    @staticmethod
    def _write(path: Path, text: str | bytes) -> None:
        path.touch(mode=0o600)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
