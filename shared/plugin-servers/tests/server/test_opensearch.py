"""OpenSearch as tests find it, through its own client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import opensearchpy
import pytest

if TYPE_CHECKING:
    from mlflow_plugin_servers.opensearch import OpensearchServer

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


def test_documents_are_written_found_and_removed_with_their_prefix(
    opensearch_server: OpensearchServer, opensearch_uri: str, opensearch_prefix: str
) -> None:
    with opensearchpy.OpenSearch(opensearch_uri) as client:
        assert client.info()["version"]["distribution"] == "opensearch"
        for number in range(3):
            client.index(index=f"{opensearch_prefix}runs", body={"x": number}, refresh=True)
        query = {"query": {"range": {"x": {"gte": 1}}}, "sort": [{"x": "desc"}]}

        found = client.search(index=f"{opensearch_prefix}*", body=query)
        opensearch_server.remove(opensearch_prefix)

        assert [hit["_source"]["x"] for hit in found["hits"]["hits"]] == [2, 1]
        assert not client.indices.exists(index=f"{opensearch_prefix}runs")


def test_what_was_written_is_there_after_the_server_was_killed_and_started_again(
    private_opensearch_server: OpensearchServer,
) -> None:
    server = private_opensearch_server
    with opensearchpy.OpenSearch(server.uri) as client:
        client.index(index="runs", id="1", body={"x": 7})

    server.kill()
    assert server.pid is None
    server.start()

    with opensearchpy.OpenSearch(server.uri) as client:
        client.cluster.health(index="runs", params={"wait_for_status": "yellow"})
        assert client.get(index="runs", id="1")["_source"] == {"x": 7}
