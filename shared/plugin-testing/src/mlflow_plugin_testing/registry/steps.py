"""Steps that many scenarios begin with; the calls have the form of those of MLflow's client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.steps import GARBAGE, next_millisecond, unseen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow_plugin_testing.scenario import World

__all__ = [
    "GARBAGE",
    "bad_names",
    "find_models",
    "find_versions",
    "in_search",
    "model_tag",
    "new_model",
    "new_prompt",
    "new_version",
    "next_millisecond",
    "ours",
    "prompt_versions_are_searched",
    "unseen",
    "version_tag",
]

# More than any scenario makes.
_MANY = 100


def bad_names(world: World) -> list[str | None]:
    """Return names that a model cannot have: they could not stand in a `models:/` URI.

    Those that the installed MLflow takes are left out: an older one takes nearly all, and a store need not.

    Args:
        world: Whose they are.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.utils import validation

    # Its annotation knows no None, and it looks for one.
    check: Any = validation._validate_model_name

    def refused(name: str | None) -> bool:
        try:
            check(name)
        except MlflowException:
            return True
        return False

    own = [world.token + end for end in ("/b", ":b", "//b", "/../b")]
    return [name for name in (None, "", "  ", "/", "..", ".", *own) if refused(name)]


def model_tag(key: Any, value: Any) -> Any:
    """Make a tag of a registered model."""
    from mlflow.entities.model_registry import RegisteredModelTag

    return RegisteredModelTag(key, value)


def version_tag(key: Any, value: Any) -> Any:
    """Make a tag of a version."""
    from mlflow.entities.model_registry import ModelVersionTag

    return ModelVersionTag(key, value)


def new_model(
    store: Any,
    world: World,
    name: str = "a",
    *,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
) -> str:
    """Make a registered model.

    Args:
        store: The store.
        world: Whose name it gets.
        name: What it is called there.
        tags: Its tags.
        description: Its description.

    Returns:
        Its full name.
    """
    given = [model_tag(key, value) for key, value in (tags or {}).items()]
    store.create_registered_model(world.name(name), given, description, None)
    return world.name(name)


def new_prompt(
    store: Any,
    world: World,
    name: str = "a",
    *,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
) -> str:
    """Make a prompt.

    Args:
        store: The store.
        world: Whose name it gets.
        name: What it is called there.
        tags: Its tags.
        description: Its description.

    Returns:
        Its full name.
    """
    store.create_prompt(world.name(name), description, dict(tags or {}))
    return world.name(name)


def new_version(
    store: Any,
    name: str | None,
    source: str = "s3://bucket/model",
    *,
    run_id: str | None = None,
    tags: Mapping[str, str] | None = None,
    run_link: str | None = None,
    description: str | None = None,
) -> Any:
    """Make a version of a model.

    Args:
        store: The store.
        name: Full name of the model.
        source: Where its artifacts are.
        run_id: The run that made it.
        tags: Its tags.
        run_link: Where that run is shown.
        description: Its description.

    Returns:
        The version.
    """
    given = [version_tag(key, value) for key, value in (tags or {}).items()]
    return store.create_model_version(
        name, source, run_id, given, run_link, description, local_model_path=None, model_id=None
    )


def ours(world: World, more: str = "") -> str:
    """Return the filter of a search for what one scenario made.

    Args:
        world: Whose it is.
        more: What else must hold.
    """
    return f"name LIKE '{world.token}%'" + (f" AND {more}" if more else "")


def find_models(store: Any, filter_string: str, **more: Any) -> Any:
    """Search models. MLflow's client always says how many, so that a store need not know what None means.

    Args:
        store: The store.
        filter_string: The filter.
        more: Other arguments of `search_registered_models`.
    """
    return store.search_registered_models(
        filter_string=filter_string, **{"max_results": _MANY, **more}
    )


def find_versions(store: Any, filter_string: str, **more: Any) -> Any:
    """Search versions, as above."""
    return store.search_model_versions(
        filter_string=filter_string, **{"max_results": _MANY, **more}
    )


def in_search(store: Any, filter_string: str, **more: Any) -> list[tuple[str, str]]:
    """Search versions, and write down which ones were found, without what else is known of them.

    MLflow's SQL store leaves the aliases of versions empty in a search, and others fill them in.

    Args:
        store: The store.
        filter_string: The filter.
        more: Other arguments of `search_model_versions`; the versions come by number without an order.
    """
    more.setdefault("order_by", ["name ASC", "version_number ASC"])
    answer = find_versions(unseen(store), filter_string, **more)
    found = [(each.name, str(each.version)) for each in answer]
    store.note(f"versions found by {filter_string}", [" ".join(each) for each in found])
    return found


def prompt_versions_are_searched() -> bool:
    """Tell whether the installed MLflow searches versions of prompts: an older one only says that it cannot."""
    from mlflow.store.model_registry.abstract_store import AbstractStore

    method = getattr(AbstractStore, "search_prompt_versions", None)
    return method is not None and "search_model_versions" in method.__code__.co_names
