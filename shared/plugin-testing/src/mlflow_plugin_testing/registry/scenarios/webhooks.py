"""Webhooks: what is to be told of changes, and where. Nothing is sent: no scenario triggers or tests one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.registry.capabilities import RegistryCapability
from mlflow_plugin_testing.registry.catalogue import scenario
from mlflow_plugin_testing.registry.steps import GARBAGE, next_millisecond, unseen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = RegistryCapability.WEBHOOKS
# MLflow resolves the host before it keeps a webhook, and refuses private addresses: a public one needs no name server.
_URL = "https://8.8.8.8/hook"
_LACKING = "01234567-89ab-4def-8123-456789abcdef"


def _event(text: Any = "registered_model.created") -> Any:
    from mlflow.entities.webhook import WebhookEvent

    return WebhookEvent.from_str(text)


def _status(name: str) -> Any:
    from mlflow.entities.webhook import WebhookStatus

    return WebhookStatus(name)


def _ours(world: World) -> Callable[[Any], bool]:
    return lambda webhook: bool(webhook.name.startswith(world.token))


@contextmanager
def _cleaned(store: Any) -> Iterator[list[str]]:
    """Delete the webhooks that were made, whatever happens: a store that lives longer would call them one day."""
    made: list[str] = []
    try:
        yield made
    finally:
        for each in made:
            store.delete_webhook(each)


def _made(store: Any, world: World, known: list[str], name: str = "a", **more: Any) -> Any:
    made = store.create_webhook(
        name=f"{world.token}-{name}", url=_URL, events=more.pop("events", [_event()]), **more
    )
    known.append(made.webhook_id)
    return made


@scenario(_about, "create_webhook")
def a_webhook_has_what_it_was_made_with(store: Any, world: World) -> None:
    with _cleaned(store) as known:
        made = _made(
            store,
            world,
            known,
            events=[_event("model_version.created"), _event("model_version_tag.set"), _event()],
            description="ü description",
            secret="whispered ü",  # noqa: S106  (of no webhook but this one)
            status=_status("DISABLED"),
        )
        store.get_webhook(made.webhook_id)
        other = _made(store, world, known)
        store.get_webhook(other.webhook_id)
        store.note("are they two", made.webhook_id != other.webhook_id)


@scenario(_about, "create_webhook")
def a_webhook_may_wait_for_each_event(store: Any, world: World) -> None:
    from typing import get_args

    from mlflow.entities.webhook import WebhookEventStr

    with _cleaned(store) as known:
        events = [_event(text) for text in get_args(WebhookEventStr)]
        store.get_webhook(_made(store, world, known, events=events).webhook_id)


@scenario(_about, "create_webhook")
def a_webhook_that_cannot_be_is_refused(store: Any, world: World) -> None:
    for name in ("", " ", None, "a/b", "-a", "x" * 64, 7):
        store.create_webhook(name, _URL, [_event()])
    for url in ("", " ", None, "http://8.8.8.8/hook", "ftp://8.8.8.8", "no url", "https://"):
        store.create_webhook(world.token, url, [_event()])
    for events in ([], None, ["registered_model.created"], _event()):
        store.create_webhook(world.token, _URL, events)
    store.only(_ours(world)).list_webhooks()


@scenario(_about, "create_webhook")
def a_webhook_does_not_lead_into_a_private_network(store: Any, world: World) -> None:
    from mlflow.utils import validation

    # An older MLflow does not look at addresses, and a store that does is not wrong there.
    if not hasattr(validation, "_validate_hostname_resolves_to_public_ips"):
        return
    for host in ("127.0.0.1", "10.0.0.1", "192.168.1.1", "[::1]", "169.254.169.254"):
        store.create_webhook(world.token, f"https://{host}/hook", [_event()])
    with _cleaned(store) as known:
        made = _made(store, world, known).webhook_id
        store.update_webhook(made, url="https://127.0.0.1/hook")
        store.get_webhook(made)


@scenario(_about, "create_webhook")
def a_webhook_that_is_not_there_is_an_error(store: Any, world: World) -> None:  # noqa: ARG001
    for lacking in (_LACKING, "", "no id"):
        store.get_webhook(lacking)
        store.update_webhook(lacking, description="d")
        store.delete_webhook(lacking)


@scenario(_about, "create_webhook")
def a_deleted_webhook_is_gone(store: Any, world: World) -> None:
    known: list[str] = []
    first, second = _made(store, world, known), _made(store, world, known, "b")
    with _cleaned(store) as left:
        left.append(second.webhook_id)
        store.delete_webhook(first.webhook_id)
        store.get_webhook(first.webhook_id)
        store.update_webhook(first.webhook_id, description="d")
        store.delete_webhook(first.webhook_id)
        store.only(_ours(world)).list_webhooks()
        store.only(_ours(world)).list_webhooks_by_event(_event())
        store.get_webhook(second.webhook_id)


@scenario(_about, "update_webhook")
def a_webhook_changes_in_what_is_said(store: Any, world: World) -> None:
    with _cleaned(store) as known:
        made = _made(store, world, known, description="first", secret="first")  # noqa: S106
        for change in (
            {"description": "second"},
            {"name": f"{world.token}-b"},
            {"url": "https://8.8.4.4/other"},
            {"events": [_event("prompt.created"), _event("model_version.created")]},
            {"secret": "second"},
            {"status": _status("DISABLED")},
            {"status": _status("ACTIVE"), "description": ""},
            {},
        ):
            store.update_webhook(made.webhook_id, **change)
            store.get_webhook(made.webhook_id)


@scenario(_about, "update_webhook")
def a_change_of_a_webhook_moves_its_time(store: Any, world: World) -> None:
    with _cleaned(store) as known:
        made = _made(store, world, known)
        next_millisecond()
        changed = store.update_webhook(made.webhook_id, description="d")
        store.note(
            "the time of the last update moved",
            changed.last_updated_timestamp > made.last_updated_timestamp,
        )
        store.note(
            "the time of creation stayed", changed.creation_timestamp == made.creation_timestamp
        )


@scenario(_about, "update_webhook")
def a_webhook_is_not_changed_into_what_cannot_be(store: Any, world: World) -> None:
    with _cleaned(store) as known:
        made = _made(store, world, known, description="d").webhook_id
        changes: tuple[dict[str, Any], ...] = (
            {"name": ""},
            {"name": "a/b"},
            {"url": "http://8.8.8.8/hook"},
            {"url": ""},
            {"events": []},
            {"description": "not this", "events": ["prompt.created"]},
        )
        for change in changes:
            store.update_webhook(made, **change)
            store.get_webhook(made)


@scenario(_about, "list_webhooks")
def webhooks_are_listed_with_the_youngest_first(store: Any, world: World) -> None:
    with _cleaned(store) as known:
        for name in ("delta", "alpha", "echo", "bravo"):
            next_millisecond()
            _made(store, world, known, name)
        store.only(_ours(world)).list_webhooks()
        store.only(_ours(world)).list_webhooks(100, None)
        next_millisecond()
        store.update_webhook(known[0], description="touched")
        store.only(_ours(world)).list_webhooks()


@scenario(_about, "list_webhooks")
def a_page_of_webhooks_is_followed_by_the_next_one(store: Any, world: World) -> None:
    with _cleaned(store) as known:
        for name in ("delta", "alpha", "echo", "bravo"):
            next_millisecond()
            _made(store, world, known, name, events=[_event("prompt.created"), _event()])
        silent = unseen(store)
        # A store may hold other webhooks, so that pages end elsewhere: what counts is that none of ours is lost.
        for size in (1, 2, 3, 4, 5):
            names = _all_pages(lambda size=size, **page: silent.list_webhooks(size, **page), world)
            store.note(f"by pages of {size}", names)
            names = _all_pages(
                lambda size=size, **page: silent.list_webhooks_by_event(
                    _event("prompt.created"), size, **page
                ),
                world,
            )
            store.note(f"of one event by pages of {size}", names)
        for size in (-1, 1001):
            store.list_webhooks(size)
            store.list_webhooks_by_event(_event(), size)
        store.list_webhooks(1, GARBAGE)
        store.list_webhooks_by_event(_event(), 1, GARBAGE)


def _all_pages(search: Callable[..., Any], world: World) -> list[str]:
    found: list[str] = []
    token = None
    for _ in range(1000):
        page = search(page_token=token)
        found += [each.name for each in page if each.name.startswith(world.token)]
        token = page.token
        if not token:
            break
    return found


@scenario(_about, "list_webhooks_by_event")
def webhooks_are_listed_by_the_event_that_they_wait_for(store: Any, world: World) -> None:
    created, tagged = _event(), _event("model_version_tag.set")
    with _cleaned(store) as known:
        for name, events in (("a", [created]), ("b", [tagged, created]), ("c", [tagged])):
            next_millisecond()
            _made(store, world, known, name, events=events)
        mine = store.only(_ours(world))
        for event in (created, tagged, _event("model_version_tag.deleted")):
            mine.list_webhooks_by_event(event)
        store.update_webhook(known[0], events=[tagged])
        # Whoever delivers asks for the status itself.
        store.update_webhook(known[2], status=_status("DISABLED"))
        for event in (created, tagged):
            mine.list_webhooks_by_event(event)
