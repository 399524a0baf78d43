"""Steps that many scenarios begin with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlflow_plugin_testing.scenario import World

__all__ = [
    "GARBAGE",
    "LACKING_EXPERIMENT",
    "LACKING_RUN",
    "all_pages",
    "new_experiment",
    "new_run",
    "next_millisecond",
    "unseen",
]

# An id as MLflow makes them, that no store has.
LACKING_RUN = "0123456789abcdef0123456789abcdef"
LACKING_EXPERIMENT = "987654321"
# No token of a page, whatever a store writes into them.
GARBAGE = "no token"
# More than any search of these scenarios has; a token that leads to the same page again would never end.
_MOST_PAGES = 40


def new_experiment(store: Any, world: World, name: str = "a", *, tags: Sequence[Any] = ()) -> Any:
    """Make an experiment, with the arguments that MLflow's client passes.

    Args:
        store: The store.
        world: Whose name it gets.
        name: What it is called there.
        tags: Its tags.

    Returns:
        Its id.
    """
    return store.create_experiment(world.name(name), artifact_location=None, tags=list(tags))


def new_run(
    store: Any,
    experiment: Any,
    name: str = "run",
    *,
    start: int = 1000,
    tags: Sequence[Any] = (),
    user: str = "ada",
) -> Any:
    """Make a run, with the arguments that MLflow's client passes.

    Args:
        store: The store.
        experiment: Id of the experiment.
        name: Its name; MLflow draws one by lot where none is given.
        start: When it started, in milliseconds.
        tags: Its tags.
        user: Who started it.

    Returns:
        Its id.
    """
    made = store.create_run(
        experiment_id=experiment, user_id=user, start_time=start, tags=list(tags), run_name=name
    )
    return made.info.run_id


def all_pages(search: Callable[..., Any], size: int, *, most: int = _MOST_PAGES) -> list[Any]:
    """Ask for one page after the other.

    Args:
        search: A search; it is given `max_results` and `page_token`.
        size: How many results a page has.
        most: After how many pages to give up.

    Returns:
        The results of all pages.
    """
    found: list[Any] = []
    token = None
    for _ in range(most):
        page = search(max_results=size, page_token=token)
        found += list(page)
        token = page.token
        if not token:
            break
    return found


def next_millisecond() -> None:
    """Wait until the clock that MLflow reads has gone on, so that no two things were made at the same time."""
    now = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 <= now + 1:
        pass


def unseen(store: Any) -> Any:
    """Return the store itself, for a call whose answer is drawn by lot; say what it must be by `store.note`.

    Args:
        store: The store, watched.
    """
    return store._store
