"""Certificates for servers and clients of tests, from an authority that lives as long as its object."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Authority", "Certificate"]


class Certificate(NamedTuple):
    """A certificate and its key, as PEM texts.

    Attributes:
        chain: The certificate, and behind it what leads to the authority's own.
        key: Its private key.
    """

    chain: str
    key: str


class Authority:
    """Signs certificates, with trustme; what trusts `pem` trusts them all."""

    def __init__(self) -> None:
        """Make a new authority with a key of its own."""
        import trustme

        self._authority = trustme.CA()

    @property
    def pem(self) -> str:
        """Its own certificate, as text: what clients are given as their list of authorities."""
        return self._authority.cert_pem.bytes().decode("ascii")

    def issue(self, *names: str, common_name: str | None = None) -> Certificate:
        """Sign a certificate, which does for a server and for a client.

        Args:
            names: Names and numbers of machines, such as `localhost` and `127.0.0.1`; a client's user name, in the
                form of a mail address, or none.
            common_name: What the subject's CN is: the user, for servers that read it there.

        Returns:
            The certificate and its key.
        """
        signed = self._authority.issue_cert(*names, common_name=common_name)
        chain = "".join(part.bytes().decode("ascii") for part in signed.cert_chain_pems)
        return Certificate(chain, signed.private_key_pem.bytes().decode("ascii"))
