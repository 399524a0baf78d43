"""Certificates for S3 servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_plugin_servers.certificates import Authority
from mlflow_plugin_servers.ports import LOOPBACK

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from mlflow_plugin_servers.process import Process

__all__ = ["tls_argument", "tls_files"]


def tls_files(process: Process, certificate: str, key: str) -> Path:
    """Write a new authority, and a certificate of the server with its key.

    Args:
        process: Whose folder they are written to.
        certificate: Name of the certificate's file.
        key: Name of the key's file.

    Returns:
        The file with the authority, which clients trust.
    """
    authority = Authority()
    issued = authority.issue(LOOPBACK, "localhost")
    process.add_file(certificate, issued.chain)
    process.add_file(key, issued.key)
    return process.add_file("ca.pem", authority.pem)


def tls_argument(parser: argparse.ArgumentParser) -> None:
    """Add what S3 servers take on the command line besides.

    Args:
        parser: Where to add it.
    """
    parser.add_argument("--tls", action="store_true", help="speak https, with a new certificate")
