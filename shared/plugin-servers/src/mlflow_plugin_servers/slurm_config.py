"""The configuration of a Slurm cluster on one machine."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlflow_plugin_servers.addresses import Address

__all__ = ["CLUSTER", "Shape", "accounting_text", "cluster_text", "own_address"]

CLUSTER = "mlflow"
PARTITION = "debug"


@dataclass(frozen=True)
class Shape:
    """What a cluster is made of.

    Attributes:
        folder: Where all its files are.
        address: Where the daemons are found, on loopback.
        user: Who everything runs as, jobs among it.
        nodes: Port of each node by its name.
        port: Port of slurmctld.
        accounting_port: Port of slurmdbd; None for a cluster without accounting.
        cpus: Processors that each node is said to have, whatever the machine has.
        memory: Mebibytes that each node is said to have.
        plugins: Folder of the plugins; None for the one that is built in.
        options: Settings that replace or join those here.
    """

    folder: Path
    address: str
    user: str
    nodes: Mapping[str, int]
    port: int
    accounting_port: int | None
    cpus: int
    memory: int
    plugins: Path | None
    options: Mapping[str, str]


def cluster_text(shape: Shape) -> str:
    """Write slurm.conf.

    Args:
        shape: The cluster.

    Returns:
        The file.
    """
    folder, host = shape.folder, _host()
    settings = {
        "ClusterName": CLUSTER,
        "SlurmctldHost": f"{host}({shape.address})",
        "SlurmctldPort": str(shape.port),
        **_common(shape),
        "SlurmdUser": shape.user,
        "StateSaveLocation": f"{folder}/state",
        "SlurmdSpoolDir": f"{folder}/spool-%n",
        "SlurmctldPidFile": f"{folder}/slurmctld.pid",
        "SlurmdPidFile": f"{folder}/slurmd-%n.pid",
        # The ones that need neither control groups nor root.
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/none",
        "JobAcctGatherType": "jobacct_gather/linux",
        "JobAcctGatherFrequency": "task=1",
        "MailProg": "/bin/true",
        "MpiDefault": "none",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_CPU",
        # Nodes may have more processors than the machine.
        "SlurmdParameters": "config_overrides",
        "SchedulerParameters": "bf_interval=1,sched_interval=1",
        "ReturnToService": "2",
        "KillWait": "2",
        "PropagateResourceLimits": "NONE",
    }
    if shape.accounting_port:
        settings |= {
            "AccountingStorageType": "accounting_storage/slurmdbd",
            "AccountingStorageHost": shape.address,
            "AccountingStoragePort": str(shape.accounting_port),
            # Not a password: where this connection finds munged, which AuthInfo does not tell it.
            "AccountingStoragePass": f"{folder}/munge.socket",
        }
    nodes = [
        f"NodeName={name} NodeHostname={host} NodeAddr={shape.address} Port={port} "
        f"CPUs={shape.cpus} RealMemory={shape.memory}"
        for name, port in shape.nodes.items()
    ]
    partition = f"PartitionName={PARTITION} Nodes=ALL Default=YES MaxTime=INFINITE State=UP"
    return _text({**settings, **shape.options}, *nodes, partition)


def accounting_text(shape: Shape, database: Address) -> str:
    """Write slurmdbd.conf.

    Args:
        shape: The cluster.
        database: Where its records are kept.

    Returns:
        The file, with the database's password in it.
    """
    return _text(
        {
            **_common(shape),
            "DbdHost": _host(),
            "DbdAddr": shape.address,
            "DbdPort": str(shape.accounting_port),
            "PidFile": f"{shape.folder}/slurmdbd.pid",
            "StorageType": "accounting_storage/mysql",
            "StorageHost": database.host,
            "StoragePort": str(database.port),
            "StorageUser": database.user,
            "StoragePass": database.password,
            "StorageLoc": database.database,
        }
    )


def _common(shape: Shape) -> dict[str, str]:
    common = {
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={shape.folder}/munge.socket",
        "SlurmUser": shape.user,
    }
    if shape.plugins:
        common["PluginDir"] = str(shape.plugins)
    if shape.address == own_address():
        # Else every daemon listens on all addresses of the machine.
        common["CommunicationParameters"] = "NoCtldInAddrAny,NoInAddrAny"
    return common


def own_address() -> str:
    """Tell which address the machine's own name stands for, the one that the daemons can be told to keep to.

    Returns:
        The address; empty when it is none of loopback, or there is none.
    """
    try:
        address = socket.gethostbyname(_host())
    except OSError:
        return ""
    return address if address.startswith("127.") else ""


def _host() -> str:
    # Each daemon looks whether it is meant by the name of the machine.
    return socket.gethostname().partition(".")[0]


def _text(settings: Mapping[str, str], *lines: str) -> str:
    return "\n".join([*(f"{name}={value}" for name, value in settings.items()), *lines, ""])
