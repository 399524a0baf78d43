"""A real control plane and played nodes, as a plugin that submits Jobs meets them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cluster import Cluster, job
from kubernetes import client, watch
from kubernetes.client.rest import ApiException
from waiting import alive, eventually

from mlflow_plugin_servers.errors import NotOurServerError, ServerUnavailableError
from mlflow_plugin_servers.kubernetes import KubernetesServer
from mlflow_plugin_servers.kubernetes_programs import MODULES, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_OPTIONS = ("-p", "no:cacheprovider", "-p", "no:randomly", "-rs")


@pytest.fixture
def admin(kubernetes_server: KubernetesServer) -> Iterator[Cluster]:
    with Cluster(kubernetes_server.kubeconfig) as cluster:
        yield cluster


def status_of(refused: pytest.ExceptionInfo[ApiException]) -> int:
    return int(refused.value.status)


def test_the_server_tells_the_version_that_was_pinned(admin: Cluster) -> None:
    assert client.VersionApi(admin.api).get_code().git_version == f"v{VERSION}"
    pinned = (MODULES[0].folder / "go.mod").read_text(encoding="utf-8")
    assert f"require k8s.io/kubernetes v{VERSION}\n" in pinned


def test_a_job_runs_to_its_end_on_a_played_node_in_seconds(
    admin: Cluster, kubernetes_namespace: str
) -> None:
    began = time.monotonic()

    assert admin.run(kubernetes_namespace, job("works", "train")) == "Complete"

    assert time.monotonic() - began < 10
    assert admin.exit_code(kubernetes_namespace, "works") == (0, "Completed")


def test_a_job_fails_with_the_exit_code_that_its_annotation_asks_for(
    admin: Cluster, kubernetes_namespace: str
) -> None:
    asked = {"mlflow-plugin-servers/exit-code": "3", "mlflow-plugin-servers/seconds": "0s"}

    ended = admin.run(kubernetes_namespace, job("fails", "train", annotations=asked))

    assert ended == "BackoffLimitExceeded"
    assert admin.exit_code(kubernetes_namespace, "fails") == (3, "Error")


def test_a_job_that_takes_too_long_meets_its_deadline(
    admin: Cluster, kubernetes_namespace: str
) -> None:
    asked = {"mlflow-plugin-servers/seconds": "600s"}
    slow = job("slow", "train", annotations=asked, activeDeadlineSeconds=1)

    assert admin.run(kubernetes_namespace, slow) == "DeadlineExceeded"


def test_the_log_of_a_pod_is_what_the_test_chose(
    kubernetes_server: KubernetesServer, admin: Cluster, kubernetes_namespace: str
) -> None:
    kubernetes_server.set_pod_log("epoch 1\nepoch 2")
    admin.run(kubernetes_namespace, job("talks", "train"))

    assert admin.log(kubernetes_namespace, "talks") == "epoch 1\nepoch 2\n"


def test_a_user_may_do_nothing_until_a_role_says_so(
    kubernetes_server: KubernetesServer, admin: Cluster, kubernetes_namespace: str
) -> None:
    with Cluster(kubernetes_server.user_kubeconfig) as user:
        with pytest.raises(ApiException) as refused:
            user.batch.create_namespaced_job(kubernetes_namespace, job("mine", "train"))
        assert status_of(refused) == 403
        assert 'User \\"user\\" cannot create resource' in str(refused.value.body)

        rights = client.RbacAuthorizationV1Api(admin.api)
        rights.create_namespaced_role_binding(
            kubernetes_namespace,
            {
                "metadata": {"name": "edit"},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": "edit",
                },
                "subjects": [{"kind": "User", "name": "user"}],
            },
        )

        def accepted() -> bool:
            try:
                user.batch.create_namespaced_job(kubernetes_namespace, job("mine", "train"))
            except ApiException as error:
                if error.status != 403:
                    raise
                return False
            return True

        # The API server takes a moment to see the new role.
        assert eventually(accepted)
        assert user.end(kubernetes_namespace, "mine") == "Complete"


def test_a_wrong_token_is_refused_and_a_stranger_s_certificate_too(
    kubernetes_server: KubernetesServer, admin: Cluster
) -> None:
    settings = client.Configuration()
    settings.host = kubernetes_server.uri
    settings.ssl_ca_cert = admin.api.configuration.ssl_ca_cert
    settings.api_key = {"authorization": "Bearer wrong"}
    with client.ApiClient(settings) as api:
        with pytest.raises(ApiException) as refused:
            client.CoreV1Api(api).list_node()
        assert status_of(refused) == 401

    # Without the cluster's authority the certificate is worth nothing: it is really checked.
    settings.ssl_ca_cert = None
    settings.retries = False
    with client.ApiClient(settings) as api:
        with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
            client.CoreV1Api(api).list_node()


def test_what_the_cluster_cannot_accept_is_refused_in_its_own_words(
    admin: Cluster, kubernetes_namespace: str
) -> None:
    admin.batch.create_namespaced_job(kubernetes_namespace, job("once", "train"))
    refusals = {}
    for namespace, name in (
        (kubernetes_namespace, "Bad_Name"),
        (kubernetes_namespace, "once"),
        ("nowhere", "lost"),
    ):
        with pytest.raises(ApiException) as refused:
            admin.batch.create_namespaced_job(namespace, job(name, "train"))
        refusals[name] = status_of(refused)

    assert refusals == {"Bad_Name": 422, "once": 409, "lost": 404}


def test_a_running_job_that_is_deleted_takes_its_pod_with_it(
    admin: Cluster, kubernetes_namespace: str
) -> None:
    asked = {"mlflow-plugin-servers/seconds": "600s"}
    admin.batch.create_namespaced_job(kubernetes_namespace, job("long", "train", annotations=asked))

    def pods() -> list[str]:
        return [
            each.status.phase for each in admin.core.list_namespaced_pod(kubernetes_namespace).items
        ]

    assert eventually(lambda: pods() == ["Running"])

    admin.batch.delete_namespaced_job("long", kubernetes_namespace, propagation_policy="Foreground")

    assert eventually(lambda: pods() == [])


def test_a_hundred_jobs_are_done_within_seconds(admin: Cluster, kubernetes_namespace: str) -> None:
    began = time.monotonic()
    asked = {"mlflow-plugin-servers/seconds": "1s"}

    def submit(number: int) -> None:
        one = job(f"many-{number}", "train", annotations=asked)
        admin.batch.create_namespaced_job(kubernetes_namespace, one)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(submit, range(100)))
    done = set()
    watching = watch.Watch()
    for event in watching.stream(
        admin.batch.list_namespaced_job, kubernetes_namespace, timeout_seconds=60
    ):
        if event["object"].status.succeeded:
            done.add(event["object"].metadata.name)
        if len(done) == 100:
            watching.stop()

    assert len(done) == 100
    # 3 s on an idle machine, and 29 s there with the limits on requests that Kubernetes has by itself.
    assert time.monotonic() - began < 15


def test_a_service_account_has_a_token_that_works(
    kubernetes_server: KubernetesServer, admin: Cluster, kubernetes_namespace: str
) -> None:
    token = admin.core.create_namespaced_service_account_token(
        "default", kubernetes_namespace, {"spec": {"expirationSeconds": 600}}
    ).status.token
    settings = client.Configuration()
    settings.host = kubernetes_server.uri
    settings.ssl_ca_cert = admin.api.configuration.ssl_ca_cert
    settings.api_key = {"authorization": f"Bearer {token}"}
    with client.ApiClient(settings) as api:
        with pytest.raises(ApiException) as refused:
            client.BatchV1Api(api).list_namespaced_job(kubernetes_namespace)

    # Known, and without rights: 403 and not 401.
    assert status_of(refused) == 403
    assert f"system:serviceaccount:{kubernetes_namespace}:default" in str(refused.value.body)


def test_a_namespace_is_new_for_each_test_and_gone_after_it(
    kubernetes_server: KubernetesServer, admin: Cluster
) -> None:
    with kubernetes_server.fresh_namespace() as one, kubernetes_server.fresh_namespace() as two:
        admin.batch.create_namespaced_job(one, job("only-here", "train"))
        assert admin.batch.list_namespaced_job(two).items == []

    def gone() -> bool:
        names = {each.metadata.name for each in admin.core.list_namespace().items}
        return not {one, two} & names

    assert eventually(gone, within=60)


def test_a_cluster_that_is_killed_starts_again_with_all_it_knew(
    private_kubernetes_server: KubernetesServer,
) -> None:
    server = private_kubernetes_server
    with Cluster(server.kubeconfig) as admin:
        admin.core.create_namespaced_config_map(
            "default", {"metadata": {"name": "kept"}, "data": {"a": "1"}}
        )
        server.kill()
        assert server.pid is None

        server.start()

        assert admin.core.read_namespaced_config_map("kept", "default").data == {"a": "1"}
        assert admin.run("default", job("after", "train")) == "Complete"

        server.kill_part("kube-apiserver")
        with pytest.raises(Exception, match="Connection refused"):
            admin.core.list_node()
        server.start()
        assert admin.run("default", job("again", "train")) == "Complete"

        server.restart()
        assert admin.core.read_namespaced_config_map("kept", "default").data == {"a": "1"}


def test_a_cluster_that_runs_already_is_used_by_its_kubeconfig(
    kubernetes_server: KubernetesServer, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_KUBERNETES_URI", str(kubernetes_server.kubeconfig))
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_REQUIRE", "kubernetes")
    pytester.makepyfile(
        f"""
        from kubernetes import client, config

        def test_it(kubernetes_server, kubernetes_namespace):
            assert not kubernetes_server.managed
            assert kubernetes_server.uri == {kubernetes_server.uri!r}
            with config.new_client_from_config(str(kubernetes_server.kubeconfig)) as api:
                found = client.CoreV1Api(api).read_namespace(kubernetes_namespace)
            assert found.status.phase == "Active"
        """
    )

    pytester.runpytest_subprocess(*_OPTIONS).assert_outcomes(passed=1)


def test_a_cluster_that_was_given_is_spared(kubernetes_server: KubernetesServer) -> None:
    given = KubernetesServer.at(kubernetes_server.kubeconfig.as_uri())

    for refused in (given.kill, given.stop, lambda: given.kill_part("etcd")):
        with pytest.raises(NotOurServerError, match="given by its URI"):
            refused()
    with pytest.raises(NotOurServerError):
        print(given.user_kubeconfig)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [("/nowhere/config", "there is no kubeconfig /nowhere/config"), ("@dead@", "refused")],
)
def test_a_kubeconfig_that_leads_nowhere_is_told_from_none(
    uri: str, reason: str, kubernetes_server: KubernetesServer, tmp_path: Path
) -> None:
    if uri == "@dead@":
        dead = tmp_path / "config"
        text = kubernetes_server.kubeconfig.read_text(encoding="utf-8")
        port = kubernetes_server.uri.rpartition(":")[2]
        dead.write_text(text.replace(f":{port}", ":1"), encoding="utf-8")
        uri = str(dead)

    with pytest.raises(ServerUnavailableError, match=reason):
        KubernetesServer.at(uri)


def test_a_killed_pytest_leaves_no_process_of_the_cluster(
    pytester: pytest.Pytester, request: pytest.FixtureRequest
) -> None:
    notes = pytester.path / "notes"
    pytester.makepyfile(
        f"""
        import time
        from pathlib import Path

        def test_it(kubernetes_server):
            pids = [*kubernetes_server._plane.group.pids().values(), kubernetes_server.pid]
            text = f"{{kubernetes_server.kubeconfig.parent}} {{' '.join(map(str, pids))}}\\n"
            Path({str(notes)!r}).write_text(text)
            time.sleep(600)
        """
    )
    command = [sys.executable, "-m", "pytest", *_OPTIONS]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    request.addfinalizer(run.kill)
    assert eventually(lambda: notes.exists() and notes.read_text().endswith("\n"), within=60)
    folder, *pids = notes.read_text().split()
    assert len(pids) == 6
    assert all(alive(int(pid)) for pid in pids)

    run.send_signal(signal.SIGKILL)
    run.wait()

    assert eventually(
        lambda: not any(alive(int(pid)) for pid in pids) and not Path(folder).exists(), within=10
    )


def test_a_person_is_told_what_to_export(
    kubernetes_server: KubernetesServer, tmp_path: Path
) -> None:
    assert kubernetes_server.facts()["kubeconfig"] == str(kubernetes_server.kubeconfig)
    assert kubernetes_server.environment == {"KUBECONFIG": str(kubernetes_server.kubeconfig)}

    listed = subprocess.run(
        [kubernetes_server.kubectl, "get", "nodes", "--output=name"],
        # It keeps what it learned in a folder of its user's.
        env={**kubernetes_server.environment, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert listed.stdout == "node/fake-1\n"
