"""Searches of models and versions drawn by chance, put to two stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugin_testing.examples import drawn
from mlflow_plugin_testing.registry.pool import NAMES, RUNS, SOURCES, VALUES, fill
from mlflow_plugin_testing.registry.steps import ours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow_plugin_testing.pair import Pair
    from mlflow_plugin_testing.scenario import World

__all__ = ["Search", "model_searches", "search_models", "search_versions", "version_searches"]

_PATTERNS = ("a%", "A%", "%b", "%B", "_", "a_", "a_b", "%'%", "%", "ü%", "%x", "")
_TEXT = ("=", "!=", "LIKE", "ILIKE")
_LISTS = ("IN", "NOT IN")
_NUMERIC = ("=", "!=", "<", "<=", ">", ">=")
_DIRECTIONS = st.sampled_from(["", " ASC", " DESC", " asc", " desc"])
# Each is refused by MLflow's parser, or must be.
_REFUSED = st.sampled_from(
    [
        "name > 'a'",
        "name = a",
        "name = 5",
        "lacking = 'a'",
        "attribute.lacking = 'a'",
        "nonsense.k = 'a'",
        "tags.k < 'a'",
        "tags.k = a",
        "tags.k IN ('a')",
        "params.k = 'a'",
        "metrics.k > 1",
        "name = 'a' OR name = 'b'",
        "name = 'a' name = 'b'",
        "NOT name = 'a'",
        "(name = 'a')",
        "name",
        "= 'a'",
        "name = 'a' AND",
        "name =! 'a'",
    ]
)


@dataclass(frozen=True)
class Search:
    """One search.

    Attributes:
        condition: What must hold besides that it is ours.
        order: What `order_by` gets.
        size: How many results a page has.
    """

    condition: str
    order: tuple[str, ...]
    size: int


def _quoted(value: str) -> str:
    return f'"{value}"' if "'" in value else f"'{value}'"


def _compared(
    keys: Sequence[str],
    operators: Sequence[str],
    values: Sequence[str],
    patterns: Sequence[str] = _PATTERNS,
) -> Any:
    """Compare a text by each operator, in both cases."""

    def value_of(operator: str) -> Any:
        if operator in _LISTS:
            some = st.lists(st.sampled_from(values), min_size=1, max_size=3)
            return some.map(lambda found: f"({', '.join(map(_quoted, found))})")
        source = patterns if operator.endswith("LIKE") else values
        return st.sampled_from(source).map(_quoted)

    def condition(operator: str) -> Any:
        words = st.sampled_from([operator, operator.lower()])
        return st.builds("{} {} {}".format, st.sampled_from(keys), words, value_of(operator))

    return st.sampled_from(operators).flatmap(condition)


def _tags() -> Any:
    keys = (
        "tags.k",
        "tag.k",
        "tags.K",
        "tags.`a key`",
        'tags."a key"',
        "tags.dotted.k",
        "tags.lacking",
    )
    return _compared(keys, _TEXT, VALUES)


def _names(world: World) -> Any:
    names = [world.name(name) for name in (*NAMES[:8], "lacking")]
    # All names begin with the world's word, and so must what is to match them.
    patterns = [world.name(pattern) for pattern in _PATTERNS]
    return _compared(("name", "attribute.name"), (*_TEXT, *_name_lists()), names, patterns)


def _name_lists() -> tuple[str, ...]:
    """Names in lists came later than the rest, and what is refused hides what stands beside it."""
    from mlflow.utils.search_utils import SearchModelUtils

    return _LISTS if "name" in getattr(SearchModelUtils, "LIST_SUPPORTED_KEYS", ()) else ()


def _first(pair: tuple[str, str]) -> str:
    return pair[0]


def _searches(conditions: Any, keys: Sequence[str], count: int) -> Any:
    words = st.sampled_from([" AND ", " and ", "  AND  "])
    several = st.builds(
        lambda found, word: word.join(found), st.lists(conditions, max_size=2), words
    )
    # A second order by the same key is an error of its own, and no search.
    found = st.lists(st.tuples(st.sampled_from(keys), _DIRECTIONS), max_size=2, unique_by=_first)
    order = found.map(lambda each: tuple(map("".join, each)))
    sizes = st.just(100) | st.integers(1, count + 1)
    # One in about twelve is refused.
    return st.builds(Search, st.one_of(*[several] * 11, _REFUSED), order, sizes)


def model_searches(world: World) -> Any:
    """Return searches of models.

    Args:
        world: Whose the models are.
    """
    # `timestamp` is another word for the time of the last update.
    keys = st.sampled_from(["timestamp", "last_updated_timestamp"])
    conditions = st.one_of(_names(world), _tags())
    return keys.flatmap(lambda key: _searches(conditions, ("name", key), len(NAMES)))


def version_searches(world: World) -> Any:
    """Return searches of versions.

    Args:
        world: Whose the versions are.
    """
    numbers = st.builds(
        "{} {} {}".format,
        st.sampled_from(["version_number", "attribute.version_number"]),
        st.sampled_from(_NUMERIC),
        st.integers(0, 4),
    )
    conditions = st.one_of(
        _names(world),
        _tags(),
        numbers,
        _compared(
            ("run_id", "attribute.run_id"),
            (*_TEXT, *_LISTS),
            (*RUNS, "lacking"),
            ("run%", "RUN_", "%f", "%F", "%"),
        ),
        _compared(
            ("source_path", "attribute.source_path"),
            _TEXT,
            SOURCES,
            ("s3%", "S3%", "%/a", "%/A", "%a_b", "%"),
        ),
    )
    keys = ("name", "version_number", "creation_timestamp", "last_updated_timestamp")
    return _searches(conditions, keys, 20)


def search_models(pair: Pair, world: World, count: int = 100) -> None:
    """Compare searches of models, all pages of each.

    Args:
        pair: Both stores.
        world: Whose the models are that are made for it.
        count: How many searches.

    Raises:
        StoresDifferError: They find something else; the message has the search.
    """
    _compare(pair, world, "search_registered_models", model_searches(world), count)


def search_versions(pair: Pair, world: World, count: int = 120) -> None:
    """Compare searches of versions, as above."""
    _compare(pair, world, "search_model_versions", version_searches(world), count)


def _compare(pair: Pair, world: World, method: str, searches: Any, count: int) -> None:
    pair.run(lambda store: fill(store, world))

    @drawn(count)  # type: ignore[untyped-decorator]
    @given(search=searches)
    def each(search: Search) -> None:
        # What an older MLflow cannot do but by accident is not compared.
        pair.again(forgiving=True).run(
            lambda store: store.pages(
                method,
                filter_string=ours(world, search.condition),
                order_by=list(search.order),
                max_results=search.size,
            )
        )

    each()
