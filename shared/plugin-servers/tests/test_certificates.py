"""Certificates, tried in handshakes without a network."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

import pytest

from mlflow_plugin_servers.certificates import Authority, Certificate


def _shake_hands(issued: Certificate, trusted: str, name: str) -> ssl.SSLObject:
    """Let a client and a server talk until both are content, or one is not."""
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        chain, key = Path(folder, "chain"), Path(folder, "key")
        chain.write_text(issued.chain, encoding="ascii")
        key.write_text(issued.key, encoding="ascii")
        theirs.load_cert_chain(chain, key)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = theirs.wrap_bio(there, back, server_side=True)
    ours = ssl.create_default_context(cadata=trusted)
    client = ours.wrap_bio(back, there, server_hostname=name)
    for _ in range(3):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client


def test_a_server_is_trusted_under_the_names_of_its_certificate_alone() -> None:
    authority = Authority()
    issued = authority.issue("127.0.0.1", "localhost")

    for name in ("127.0.0.1", "localhost"):
        assert _shake_hands(issued, authority.pem, name).version() is not None
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        _shake_hands(issued, authority.pem, "example.org")
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        _shake_hands(issued, Authority().pem, "localhost")


def test_a_certificate_names_its_user() -> None:
    authority = Authority()
    issued = authority.issue("localhost", common_name="jane")

    subject = _shake_hands(issued, authority.pem, "localhost").getpeercert()

    assert subject is not None
    assert ("commonName", "jane") in [pair for part in subject["subject"] for pair in part]
