"""How Keycloak is started: its own Java process, with everything it writes in the server's folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlflow_plugin_servers.certificates import Authority
from mlflow_plugin_servers.identity import call
from mlflow_plugin_servers.local import Recipe
from mlflow_plugin_servers.ports import LOOPBACK, free_port
from mlflow_plugin_servers.users import unprivileged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlflow_plugin_servers.binaries import Binaries
    from mlflow_plugin_servers.process import Process

__all__ = ["ACCOUNTS", "ADMIN", "DATABASE", "KeycloakRecipe"]

ACCOUNTS = ("nobody",)
ADMIN = "admin"
DATABASE = "keycloakdb.mv.db"
_ANSWER_WITHIN = 5.0
# A test's server lives for seconds or minutes: the quick compiler and the simple collector start in half the time.
# Its classes are not verified again: the checksum of the distribution was.
_FOR_SHORT = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
    "-Xms64m",
    "-Xmx512m",
)
_THREADS = "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory"
# What bin/kc.sh says besides. The script itself is left out, so that the process is Java and not a shell before it.
_AS_THE_SCRIPT = (
    "-XX:MaxMetaspaceSize=256m",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dfile.encoding=UTF-8",
    "-Duser.language=en",
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    f"-Djava.util.concurrent.ForkJoinPool.common.threadFactory={_THREADS}",
    "-Dpicocli.disable.closures=true",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.security=ALL-UNNAMED",
)
_MAIN = "io.quarkus.bootstrap.runner.QuarkusEntryPoint"
# WRITE_DELAY: what was committed is with the operating system at once, so that a killed server loses nothing.
_H2 = "NON_KEYWORDS=VALUE;DB_CLOSE_ON_EXIT=FALSE;DB_CLOSE_DELAY=0;WRITE_DELAY=0"


class KeycloakRecipe(Recipe):
    """How a server is started, on http and https at once."""

    name = "keycloak"
    accounts = ACCOUNTS
    # Several of them, and other servers, may share two cores.
    ready_within = 180.0

    def __init__(
        self,
        programs: Binaries,
        *,
        database: bytes = b"",
        bootstrap: str = "",
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Describe a server.

        Args:
            programs: The built distribution and its Java.
            database: What its database begins from; empty for a new one, which takes longer.
            bootstrap: The administrator's password in a new database.
            options: More options of `kc.sh start`, without the dashes.
        """
        self._programs = programs
        self._database = database
        self._bootstrap = bootstrap
        self._options = [f"--{name}={value}" for name, value in (options or {}).items()]
        self._was_ready = False
        self.authority = Authority()
        self.secure_port = 0

    def initialise(self, process: Process) -> None:
        """Make the folder that Keycloak takes for its own; see the base class."""
        for part in ("conf", "lib", "providers", "themes"):
            (process.folder / part).symlink_to(self._programs.programs["home"] / part)
        served = self.authority.issue(LOOPBACK, "localhost")
        process.add_file("authority.pem", self.authority.pem)
        process.add_file("server.pem", served.chain)
        process.add_file("server.key", served.key)
        if self._database:
            target = process.folder / DATABASE
            target.touch(mode=0o600)
            target.write_bytes(self._database)
            if account := unprivileged(*ACCOUNTS):
                os.chown(target, account.uid, account.gid)

    def command(self, folder: Path, port: int) -> list[str]:
        """Build the command; see the base class."""
        if not self._was_ready:
            self.secure_port = free_port()
        place = [f"-Dkc.home.dir={folder}", f"-Djboss.server.config.dir={folder / 'conf'}"]
        start = [
            f"--http-host={LOOPBACK}",
            "--http-enabled=true",
            f"--http-port={port}",
            f"--https-port={self.secure_port}",
            f"--https-certificate-file={folder / 'server.pem'}",
            f"--https-certificate-key-file={folder / 'server.key'}",
            f"--https-trust-store-file={folder / 'authority.pem'}",
            # The issuer is what the client calls it: http or https, on a port or behind a proxy.
            "--hostname-strict=false",
            "--cache=local",
            f"--db-url=jdbc:h2:file:{folder / DATABASE.removesuffix('.mv.db')};{_H2}",
        ]
        jar = ["-cp", str(folder / "lib" / "quarkus-run.jar"), _MAIN]
        java = [self._programs["java"], *_FOR_SHORT, *_AS_THE_SCRIPT, *place, *jar]
        return [*java, "start", "--optimized", *start, *self._options]

    def environment(self, folder: Path) -> Mapping[str, str]:
        """Return the variables; see the base class."""
        del folder
        if not self._bootstrap:
            return {}
        return {
            "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
            "KC_BOOTSTRAP_ADMIN_PASSWORD": self._bootstrap,
        }

    def ready(self, port: int) -> bool:
        """Tell whether it shows its first realm; see the base class."""
        try:
            call("GET", f"http://{LOOPBACK}:{port}/realms/master", timeout=_ANSWER_WITHIN)
        except (OSError, RuntimeError):
            return False
        self._was_ready = True
        return True
