"""A real node: containers that run, and what is left of them when all is over."""

from __future__ import annotations

import contextlib
import http.server
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cluster import Cluster, job
from kubernetes import client
from waiting import alive, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_servers.kubernetes_node import KubernetesNode

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_OPTIONS = ("-p", "no:cacheprovider", "-p", "no:randomly", "-rs")
_KERNEL = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")


@pytest.fixture
def admin(kubernetes_node: KubernetesNode) -> Iterator[Cluster]:
    with Cluster(kubernetes_node.kubeconfig) as cluster:
        yield cluster


@pytest.fixture
def shell(kubernetes_node: KubernetesNode) -> Any:
    """Describe a Job whose container runs a line of shell."""

    def describe(name: str, script: str, **more: Any) -> dict[str, Any]:
        return job(name, "/bin/sh", "-c", script, image=kubernetes_node.image, **more)

    return describe


def kernel() -> dict[str, str]:
    """Return the settings that a kubelet changes for the whole machine."""
    return {
        name: path.read_text(encoding="ascii")
        for name in _KERNEL
        if (path := Path("/proc/sys", name)).exists()
    }


# Read before any test of the session has started a node.
_KERNEL_BEFORE = kernel()


def machine() -> dict[str, Any]:
    """Return what a node may not change: mounts, links, and folders of container runtimes."""
    return {
        "mounts": Path("/proc/mounts").read_text(encoding="utf-8"),
        "links": sorted(each.name for each in Path("/sys/class/net").iterdir()),
        "folders": [path for path in ("/run/containerd", "/var/lib/cni") if Path(path).exists()],
    }


def cgroups(owner: int) -> list[Path]:
    """Return the control groups of a test run's clusters, in which kubelet has made others."""
    return list(Path("/sys/fs/cgroup").rglob(f"mlflow-plugin-servers-{owner}-*/kubepods"))


def descendants(ancestor: int) -> set[int]:
    """Return all processes below one, those in other namespaces as well."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            facts = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            parents[int(folder.name)] = int(facts.rpartition(")")[2].split()[1])
    found = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {ancestor}


def test_a_job_runs_in_a_real_container_and_its_log_can_be_read(
    admin: Cluster, kubernetes_node_namespace: str, shell: Any
) -> None:
    told = shell("works", "echo to stdout; echo to stderr >&2; hostname; cat /etc/passwd")

    assert admin.run(kubernetes_node_namespace, told) == "Complete"

    pod = admin.pod(kubernetes_node_namespace, "works").metadata.name
    log = admin.log(kubernetes_node_namespace, "works")
    # The two streams come by ways of their own, so that their lines may change places.
    assert sorted(log.splitlines()) == sorted(
        ["to stdout", "to stderr", pod, "root:x:0:0:root:/root:/bin/sh"]
    )


@pytest.mark.parametrize(
    ("name", "script", "limits", "ended"),
    [
        ("fails", "exit 3", {}, (3, "Error")),
        ("hungry", "head -c 200m /dev/zero | tail", {"memory": "32Mi"}, (137, "OOMKilled")),
    ],
)
def test_a_container_ends_as_its_process_does(
    name: str,
    script: str,
    limits: dict[str, str],
    ended: tuple[int, str],
    admin: Cluster,
    kubernetes_node_namespace: str,
    shell: Any,
) -> None:
    description = shell(name, script, resources={"limits": limits})

    assert admin.run(kubernetes_node_namespace, description) == "BackoffLimitExceeded"

    assert admin.exit_code(kubernetes_node_namespace, name) == ended


def test_an_image_that_is_missing_keeps_its_pod_waiting_with_the_reason(
    admin: Cluster, kubernetes_node_namespace: str
) -> None:
    lost = job("lost", "train", image="localhost/nowhere:1", activeDeadlineSeconds=60)
    admin.batch.create_namespaced_job(kubernetes_node_namespace, lost)

    def reason() -> str:
        pods = admin.core.list_namespaced_pod(kubernetes_node_namespace).items
        states = [each.state for pod in pods for each in pod.status.container_statuses or []]
        return states[0].waiting.reason if states and states[0].waiting else ""

    assert eventually(lambda: reason() == "ErrImageNeverPull")


def test_a_pod_reaches_a_server_that_the_test_runs_on_loopback(
    kubernetes_node: KubernetesNode, admin: Cluster, kubernetes_node_namespace: str, shell: Any
) -> None:
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = kubernetes_node.expose(server.server_port)
        told = shell("calls", f"wget -q -O - http://{address}/from-a-pod")
        ended = admin.run(kubernetes_node_namespace, told)
        server.shutdown()

    assert ended == "Complete"
    assert admin.log(kubernetes_node_namespace, "calls") == "hello"
    assert seen == ["/from-a-pod"]


def test_an_image_is_made_from_a_folder(
    kubernetes_node: KubernetesNode,
    admin: Cluster,
    kubernetes_node_namespace: str,
    tmp_path: Path,
) -> None:
    program = tmp_path / "greet"
    program.write_text("#!/bin/sh\necho $GREETING from an image of my own\n", encoding="utf-8")
    program.chmod(0o755)
    busybox = tmp_path / "bin"
    busybox.mkdir()
    shell = Path(kubernetes_node._real("look into")._programs["busybox"])
    (busybox / "sh").write_bytes(shell.read_bytes())
    (busybox / "sh").chmod(0o755)

    image = kubernetes_node.load_image(
        tmp_path, "localhost/mine:1", entrypoint=["/greet"], environment={"GREETING": "hello"}
    )

    assert admin.run(kubernetes_node_namespace, job("greets", image=image)) == "Complete"
    assert admin.log(kubernetes_node_namespace, "greets") == "hello from an image of my own\n"


def test_a_container_with_this_python_uses_the_cluster_it_is_in(
    kubernetes_node: KubernetesNode, admin: Cluster, kubernetes_node_namespace: str
) -> None:
    image = kubernetes_node.python_image("kubernetes")
    client.RbacAuthorizationV1Api(admin.api).create_namespaced_role_binding(
        kubernetes_node_namespace,
        {
            "metadata": {"name": "view"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "view",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "default"}],
        },
    )
    program = (
        "import sys; from kubernetes import client, config; config.load_incluster_config(); "
        f"jobs = client.BatchV1Api().list_namespaced_job({kubernetes_node_namespace!r}).items; "
        "print(sys.version_info[:2], [job.metadata.name for job in jobs])"
    )

    ended = admin.run(kubernetes_node_namespace, job("looks", "python", "-c", program, image=image))

    assert ended == "Complete", admin.log(kubernetes_node_namespace, "looks")
    seen = admin.log(kubernetes_node_namespace, "looks")
    assert seen == f"{tuple(sys.version_info[:2])} ['looks']\n"


def test_a_node_that_is_killed_starts_again_with_its_images(
    private_kubernetes_node_server: KubernetesNode,
) -> None:
    server = private_kubernetes_node_server
    with Cluster(server.kubeconfig) as admin:
        assert admin.run("default", job("before", "true", image=server.image)) == "Complete"

        server.kill()
        server.start()

        assert admin.exit_code("default", "before") == (0, "Completed")
        assert admin.run("default", job("after", "true", image=server.image)) == "Complete"


@pytest.mark.usefixtures("kubernetes_node")
def test_a_killed_pytest_leaves_nothing_of_a_node_and_its_containers(
    pytester: pytest.Pytester, request: pytest.FixtureRequest
) -> None:
    before = machine()
    notes = pytester.path / "notes"
    pytester.makepyfile(
        f"""
        import sys, time
        from pathlib import Path

        sys.path.insert(0, {str(Path(__file__).parents[1])!r})

        def test_it(private_kubernetes_node_server):
            from cluster import Cluster, job

            server = private_kubernetes_node_server
            with Cluster(server.kubeconfig) as admin:
                long = job("long", "sleep", "600", image=server.image)
                admin.batch.create_namespaced_job("default", long)
                while not [
                    pod
                    for pod in admin.core.list_namespaced_pod("default").items
                    if pod.status.phase == "Running"
                ]:
                    time.sleep(0.1)
            Path({str(notes)!r}).write_text(f"{{server.kubeconfig.parent}} {{server.pid}}\\n")
            time.sleep(600)
        """
    )
    command = [sys.executable, "-m", "pytest", *_OPTIONS]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    request.addfinalizer(run.kill)
    assert eventually(lambda: notes.exists() and notes.read_text().endswith("\n"), within=60)
    folder, pid = notes.read_text().split()
    # While it runs it changes nothing that others see, either.
    assert machine() == before
    assert kernel() == _KERNEL_BEFORE
    processes = descendants(run.pid)
    commands = {
        Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")[0].rpartition(b"/")[2].decode()
        for number in processes
    }
    assert {"kubelet", "containerd", "pause", "sleep", "etcd"} <= commands
    groups = cgroups(run.pid)
    assert groups

    run.send_signal(signal.SIGKILL)
    run.wait()

    assert int(pid) in processes
    assert eventually(lambda: not any(alive(number) for number in processes))
    assert not Path(folder).exists()
    assert [path for path in groups if path.parent.exists()] == []
    assert machine() == before


def test_a_user_who_is_not_root_is_told_so() -> None:
    code = (
        "import os\n"
        "from mlflow_plugin_servers.errors import ServerUnavailableError\n"
        "from mlflow_plugin_servers.kubernetes_node import kubernetes_node\n"
        "os.setuid(65534)\n"
        "try:\n"
        "    with kubernetes_node(): pass\n"
        "except ServerUnavailableError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "a real node of Kubernetes needs root on Linux\n"
