"""Servers of the Model Context Protocol and their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.steps import next_millisecond

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.MCP_SERVERS
_needs = "create_mcp_server"


def _name(world: World, name: str = "server") -> str:
    return f"io.github.{world.token}/{name}"


def _version(store: Any, name: str, version: str, status: str | None = None, **fields: Any) -> Any:
    from mlflow.entities.mcp_server import MCPStatus

    return store.create_mcp_server_version(
        {"name": name, "version": version, "description": "x"},
        status=MCPStatus(status) if status else None,
        **fields,
    )


@scenario(_about, _needs)
def a_server_has_what_it_was_made_with(store: Any, world: World) -> None:
    name = _name(world)
    store.create_mcp_server(
        name,
        description="finds 世界",
        icons=[{"src": "https://example.org/i.png", "sizes": ["48x48"]}],
        created_by="ann",
    )
    store.get_mcp_server(name)
    store.create_mcp_server(name)
    store.create_mcp_server(_name(world, "bare"))
    for wrong in ("", "no-slash", "a/b/c", "io.github.x/versions", "sp ace/x"):
        store.create_mcp_server(wrong)
    store.get_mcp_server(_name(world, "missing"))


@scenario(_about, _needs)
def a_server_is_changed_in_part(store: Any, world: World) -> None:
    name = _name(world)
    store.create_mcp_server(name, description="before", created_by="ann")
    changes: list[dict[str, Any]] = [
        {"description": "after", "last_updated_by": "bob"},
        {"display_name": "Finder"},
        {"icons": [{"src": "https://example.org/i.png"}]},
        {"description": None, "icons": None},
        {},
    ]
    for change in changes:
        store.update_mcp_server(name, **change)
    store.get_mcp_server(name)
    store.update_mcp_server(_name(world, "missing"), description="x")


@scenario(_about, _needs)
def servers_are_found_and_paged(store: Any, world: World) -> None:
    for letter in "abc":
        next_millisecond()
        store.create_mcp_server(_name(world, f"server-{letter}"), description=f"is {letter}")
    _version(store, _name(world, "server-b"), "1.0.0", "active")
    ours = f"name LIKE 'io.github.{world.token}/%'"
    store.unordered.search_mcp_servers(ours)
    for text in (f"name = '{_name(world, 'server-a')}'", f"{ours} AND status = 'active'"):
        store.search_mcp_servers(text)
    for order in (["name ASC"], ["name DESC"]):
        store.search_mcp_servers(ours, order_by=order)
    for size in range(1, 5):
        store.pages("search_mcp_servers", ours, max_results=size, order_by=["name ASC"])
    for text in ("colour = 'blue'", "name ~ 'x'"):
        store.search_mcp_servers(text)
    store.search_mcp_servers(ours, order_by=["colour"])
    for size in (0, 1001):
        store.search_mcp_servers(ours, max_results=size)


@scenario(_about, _needs)
def tags_of_a_server_and_of_its_versions_are_kept_apart(store: Any, world: World) -> None:
    name = _name(world)
    _version(store, name, "1.0.0")
    _version(store, name, "2.0.0")
    store.set_mcp_server_tag(name, "k", "server")
    store.set_mcp_server_tag(name, "k", "server again")
    store.set_mcp_server_version_tag(name, "1.0.0", "k", "first")
    store.set_mcp_server_version_tag(name, "1.0.0", "k", "first again")
    store.get_mcp_server(name)
    store.get_mcp_server_version(name, "1.0.0")
    store.get_mcp_server_version(name, "2.0.0")
    store.delete_mcp_server_version_tag(name, "1.0.0", "k")
    store.delete_mcp_server_tag(name, "k")
    store.get_mcp_server(name)
    store.get_mcp_server_version(name, "1.0.0")
    store.delete_mcp_server_version_tag(name, "1.0.0", "k")
    store.delete_mcp_server_tag(name, "k")
    store.set_mcp_server_tag(_name(world, "missing"), "k", "v")
    store.set_mcp_server_version_tag(name, "9.0.0", "k", "v")


@scenario(_about, _needs)
def a_version_of_a_server_has_what_it_was_made_with(store: Any, world: World) -> None:
    from mlflow.entities.mcp_server import MCPTool
    from mlflow.entities.mcp_server_version import ConnectOptionSettings

    name = _name(world)
    tools = [MCPTool(name="find", description="finds", input_schema={"type": "object"})]
    _version(
        store,
        name,
        "1.0.0",
        "active",
        source="https://example.org",
        tools=tools,
        created_by="ann",
        connect_options={"remote": ConnectOptionSettings(hidden=True)},
    )
    store.get_mcp_server_version(name, "1.0.0")
    # The server is made along with its first version.
    store.get_mcp_server(name)
    _version(store, name, "1.0.0")
    _version(store, name, "not semantic")
    _version(store, name, "")
    _version(store, "no-slash", "1.0.0")
    store.create_mcp_server_version({"name": name})
    _version(store, name, "3.0.0", "deleted")
    store.get_mcp_server_version(name, "9.0.0")


@scenario(_about, _needs)
def the_latest_version_is_the_highest_active_one(store: Any, world: World) -> None:
    name = _name(world)
    store.create_mcp_server(name)
    store.get_latest_mcp_server_version(name)
    for version, status in (
        ("1.2.0", None),
        ("1.10.0", None),
        ("1.10.0-beta.1", None),
        ("1.0.0", "active"),
        ("1.1.0", "active"),
    ):
        next_millisecond()
        _version(store, name, version, status)
        found = store.get_latest_mcp_server_version(name)
        store.note("latest", found.version)
    store.get_mcp_server_version_by_alias(name, "latest")
    store.search_mcp_server_versions(name)
    store.search_mcp_server_versions(name, "status = 'active'")
    for size in range(1, 7):
        store.pages("search_mcp_server_versions", name, max_results=size)
    store.search_mcp_server_versions(name, "colour = 'blue'")
    store.search_mcp_server_versions(_name(world, "missing"))
    store.get_latest_mcp_server_version(_name(world, "missing"))


@scenario(_about, _needs)
def the_state_of_a_version_changes_as_it_may(store: Any, world: World) -> None:
    from mlflow.entities.mcp_server import MCPStatus

    name = _name(world)
    _version(store, name, "1.0.0")
    for status in ("deprecated", "active", "deleted", "deprecated", "draft", "active", "draft"):
        store.update_mcp_server_version(name, "1.0.0", status=MCPStatus(status))
    store.update_mcp_server_version(name, "1.0.0", status=None)
    store.update_mcp_server_version(name, "1.0.0", tools=[], last_updated_by="bob")
    store.update_mcp_server_version(name, "1.0.0", tools=None)
    store.get_mcp_server_version(name, "1.0.0")
    store.update_mcp_server_version(name, "9.0.0", tools=[])


@scenario(_about, _needs)
def an_alias_leads_to_a_version(store: Any, world: World) -> None:
    name = _name(world)
    for version in ("1.0.0", "2.0.0"):
        _version(store, name, version, "active")
    store.set_mcp_server_alias(name, "stable", "1.0.0")
    store.get_mcp_server_version_by_alias(name, "stable")
    store.set_mcp_server_alias(name, "stable", "2.0.0")
    store.get_mcp_server_version_by_alias(name, "stable")
    store.get_mcp_server(name)
    store.set_mcp_server_alias(name, "latest", "1.0.0")
    store.set_mcp_server_alias(name, "lost", "9.0.0")
    store.set_mcp_server_alias(_name(world, "missing"), "stable", "1.0.0")
    store.delete_mcp_server_alias(name, "stable")
    store.get_mcp_server_version_by_alias(name, "stable")
    store.delete_mcp_server_alias(name, "stable")


@scenario(_about, _needs)
def a_deleted_server_is_gone_with_its_versions(store: Any, world: World) -> None:
    from mlflow.entities.mcp_server import MCPStatus

    name = _name(world)
    _version(store, name, "1.0.0", "active")
    _version(store, name, "2.0.0")
    # One that is active keeps it.
    store.delete_mcp_server(name)
    store.delete_mcp_server_version(name, "1.0.0")
    store.delete_mcp_server_version(name, "2.0.0")
    store.get_mcp_server_version(name, "2.0.0")
    store.delete_mcp_server_version(name, "9.0.0")
    store.update_mcp_server_version(name, "1.0.0", status=MCPStatus.DRAFT)
    store.delete_mcp_server(name)
    store.get_mcp_server(name)
    store.get_mcp_server_version(name, "1.0.0")
    store.delete_mcp_server(name)
