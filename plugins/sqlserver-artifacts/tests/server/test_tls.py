"""MariaDB behind TLS, with an authority of its own."""

from __future__ import annotations

import datetime as dt
import ipaddress
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow_plugin_servers.database import DatabaseServer
    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository

    Open = Callable[[str], SqlArtifactRepository]

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


def _certificate(folder: Path, name: str, signer: tuple[Any, Any] | None = None) -> tuple[Any, Any]:
    """Write NAME.pem and NAME.key; returns both to sign others with."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer, issuer_key = (signer[0].subject, signer[1]) if signer else (subject, key)
    now = dt.datetime.now(dt.timezone.utc)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(issuer_key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return built, key


@pytest.fixture(scope="module")
def files() -> Iterator[Path]:
    """The authority, the server's certificate, and a strange authority."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # a server that root starts runs as another user
        authority = _certificate(folder, "authority")
        _certificate(folder, "server", authority)
        _certificate(folder, "stranger")
        yield folder


@pytest.fixture(scope="module")
def server(files: Path) -> Iterator[DatabaseServer]:
    """A MariaDB that speaks TLS."""
    from mlflow_plugin_servers import catalog, errors

    options = {
        "ssl_ca": str(files / "authority.pem"),
        "ssl_cert": str(files / "server.pem"),
        "ssl_key": str(files / "server.key"),
    }
    try:
        with catalog.SERVERS["mariadb"].run(options=options) as found:
            yield found
    except errors.ServerUnavailableError as error:
        if catalog.required("mariadb"):
            pytest.fail(f"mariadb is required: {error}", pytrace=False)
        pytest.skip(f"no mariadb: {error}")


@pytest.fixture
def uri(server: DatabaseServer) -> Iterator[str]:
    """The location of an empty database, without a query."""
    from mlflow_sqlserver_artifacts.client import dispose_engines

    with server.fresh_database() as found:
        yield f"{found}/1/run/artifacts"
        dispose_engines()


@pytest.mark.parametrize(
    "query",
    [
        "ssl_ca={0}/authority.pem",
        "ssl_ca={0}/authority.pem&ssl_verify_cert=true",
        "ssl_ca={0}/authority.pem&ssl_verify_identity=true",
        "ssl_ca={0}/authority.pem&ssl_verify_cert=true&ssl_verify_identity=false",
        "ssl_verify_cert=false",
    ],
)
def test_a_server_with_the_named_authority_is_trusted(
    uri: str, files: Path, open_repository: Open, query: str
) -> None:
    repository = open_repository(f"{uri}?{query.format(files)}")

    assert repository.list_artifacts() == []
    engine = repository._store.database.engine  # type: ignore[attr-defined]
    with engine.connect() as connection:
        (_, cipher) = connection.exec_driver_sql("SHOW STATUS LIKE 'Ssl_cipher'").one()
    assert cipher


@pytest.mark.parametrize(
    "query",
    [
        "ssl_ca={0}/stranger.pem",
        "ssl_ca={0}/stranger.pem&ssl_verify_cert=true",
        "ssl_verify_cert=true",
        "ssl_verify_identity=true",
    ],
)
def test_a_server_with_another_authority_is_refused_with_what_to_do(
    uri: str, files: Path, open_repository: Open, query: str
) -> None:
    repository = open_repository(f"{uri}?{query.format(files)}")

    with pytest.raises(MlflowException, match="certificate.*ssl_ca") as error:
        repository.list_artifacts()
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_server_under_another_name_is_refused(
    uri: str, files: Path, open_repository: Open
) -> None:
    elsewhere = uri.replace("@127.0.0.1:", "@localhost:")
    strict = f"{elsewhere}?ssl_ca={files}/authority.pem"

    with pytest.raises(MlflowException, match="certificate"):
        open_repository(strict).list_artifacts()
    assert open_repository(f"{strict}&ssl_verify_identity=false").list_artifacts() == []
