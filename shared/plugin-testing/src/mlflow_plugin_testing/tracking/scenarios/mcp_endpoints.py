"""Endpoints through which servers of the Model Context Protocol are reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.MCP_SERVERS
_needs = "create_mcp_access_endpoint"
_url = "https://example.org/mcp"


def _server(store: Any, world: World, name: str = "server") -> str:
    from mlflow.entities.mcp_server import MCPStatus

    full = f"io.github.{world.token}/{name}"
    for version in ("1.0.0", "2.0.0"):
        store.create_mcp_server_version({"name": full, "version": version}, status=MCPStatus.ACTIVE)
    store.set_mcp_server_alias(full, "stable", "1.0.0")
    return full


@scenario(_about, _needs)
def an_endpoint_leads_to_a_version_or_an_alias(store: Any, world: World) -> None:
    from mlflow.entities.mcp_server import MCPRemoteTransportType

    name = _server(store, world)
    targets: list[dict[str, Any]] = [
        {"server_version": "1.0.0", "created_by": "ann"},
        {"server_alias": "stable", "transport_type": MCPRemoteTransportType.SSE},
        {"server_alias": "latest"},
    ]
    for target in targets:
        made = store.create_mcp_access_endpoint(name, _url, **target)
        store.get_mcp_access_endpoint(name, made.id)
    store.unordered_inside.get_mcp_server(name)
    store.unordered.search_mcp_access_endpoints(name)
    store.search_mcp_access_endpoints(name, server_version="1.0.0")
    store.search_mcp_access_endpoints(name, server_alias="stable")
    store.search_mcp_access_endpoints(name, max_results=0)
    store.search_mcp_access_endpoints(name, filter_string="colour = 'blue'")


@scenario(_about, _needs)
def an_endpoint_that_leads_nowhere_is_refused(store: Any, world: World) -> None:
    name = _server(store, world)
    wrong: list[dict[str, Any]] = [
        {},
        {"server_version": "1.0.0", "server_alias": "stable"},
        {"server_version": "9.0.0"},
        {"server_alias": "lost"},
    ]
    for target in wrong:
        store.create_mcp_access_endpoint(name, _url, **target)
    store.create_mcp_access_endpoint(f"io.github.{world.token}/x", _url, server_version="1.0.0")
    for url in ("", "no url", "ftp://example.org"):
        store.create_mcp_access_endpoint(name, url, server_version="1.0.0")
    # What was made in one millisecond has no order.
    store.unordered.search_mcp_access_endpoints(name)


@scenario(_about, _needs)
def an_endpoint_is_changed_and_deleted(store: Any, world: World) -> None:
    from mlflow.entities.mcp_server import MCPRemoteTransportType

    name, other = _server(store, world), _server(store, world, "other")
    made = store.create_mcp_access_endpoint(name, _url, server_version="1.0.0").id
    changes: list[dict[str, Any]] = [
        {"server_alias": "stable"},
        {"server_version": "2.0.0"},
        {"url": f"{_url}/2", "last_updated_by": "bob"},
        {"transport_type": MCPRemoteTransportType.SSE},
        {"server_version": "1.0.0", "server_alias": "stable"},
        {"server_version": "9.0.0"},
        {"url": None},
    ]
    for change in changes:
        store.update_mcp_access_endpoint(name, made, **change)
    store.get_mcp_access_endpoint(name, made)
    for method in ("get", "update", "delete"):
        getattr(store, f"{method}_mcp_access_endpoint")(other, made)
    store.delete_mcp_access_endpoint(name, made)
    for method in ("get", "update", "delete"):
        getattr(store, f"{method}_mcp_access_endpoint")(name, made)


@scenario(_about, _needs)
def endpoints_go_with_what_they_lead_to(store: Any, world: World) -> None:
    from mlflow.entities.mcp_server import MCPStatus

    name = _server(store, world)
    for target in ({"server_version": "1.0.0"}, {"server_alias": "stable"}):
        store.create_mcp_access_endpoint(name, _url, **target)
    store.update_mcp_server_version(name, "1.0.0", status=MCPStatus.DRAFT)
    store.delete_mcp_server_version(name, "1.0.0")
    store.search_mcp_access_endpoints(name)
    store.get_mcp_server(name)
