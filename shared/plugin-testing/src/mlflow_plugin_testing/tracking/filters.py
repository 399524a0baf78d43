"""Filters and orders of searches, drawn by chance from what the installed MLflow's parser knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Search", "experiment_searches", "model_searches", "run_searches"]

# What the things searched for hold (see `filters_data`), and patterns that match some of it. No backslash: databases
# do not agree on what it means in a pattern, and MLflow passes it on. Outside ASCII only lower case: nor do they agree
# on the case of other letters.
VALUES = ("a", "A", "ab", "aB", "b", "a%b", "a_b", "ü x", "10", "9", "", "it's")
_PATTERNS = ("%", "a%", "%b", "A%", "_", "a_", "a_b", "%'%", "", "ü%", "%x")
_NUMBERS = ("0", "1", "2.5", "-1", "10", "1e3", "0.25")
_NUMERIC = ("=", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True)
class Search:
    """One search.

    Attributes:
        condition: The filter; `{0}` stands for the id of the first thing searched for, and so on.
        order: What `order_by` gets.
        size: How many results a page has.
    """

    condition: str
    order: tuple[Any, ...] = ()
    size: int = 100


def _key(name: str) -> st.SearchStrategy[str]:
    """Quote a key in one of the ways that it needs or bears."""
    ways = [f"`{name}`", f'"{name}"']
    return st.sampled_from([name, *ways] if " " not in name else ways)


def _keys(entities: Sequence[str], names: Sequence[str]) -> st.SearchStrategy[str]:
    keys = st.sampled_from(names).flatmap(_key)
    return st.builds(lambda entity, key: f"{entity}.{key}", st.sampled_from(entities), keys)


def _text(values: Sequence[str]) -> st.SearchStrategy[str]:
    """Quote a value; one with a quote in it by the other kind."""

    def quoted(value: str) -> st.SearchStrategy[str]:
        double = st.just(f'"{value}"')
        return double if "'" in value else st.just(f"'{value}'") | double

    return st.sampled_from(values).flatmap(quoted)


def _list(values: Sequence[str]) -> st.SearchStrategy[str]:
    some = st.lists(st.sampled_from(values), min_size=1, max_size=3)
    return some.map(lambda found: "(" + ", ".join(f"'{value}'" for value in found) + ")")


def _compared(
    keys: st.SearchStrategy[str],
    known: set[str],
    values: Sequence[str] = VALUES,
    patterns: Sequence[str] = _PATTERNS,
) -> st.SearchStrategy[str]:
    """Compare a text by each operator that the parser knows."""

    def value_of(operator: str) -> st.SearchStrategy[str]:
        kind = operator.upper()
        if kind.endswith("NULL"):
            return st.just("")
        if kind.endswith("IN"):
            return _list([value for value in values if "'" not in value])
        return _text(patterns if kind.endswith("LIKE") else values)

    def with_case(operator: str) -> st.SearchStrategy[str]:
        # Keywords are known in both cases.
        return st.just(operator) | st.just(operator.lower())

    operators = st.sampled_from(sorted(known)).flatmap(with_case)
    return operators.flatmap(
        lambda operator: st.builds(
            lambda key, value: f"{key} {operator} {value}".strip(), keys, value_of(operator)
        )
    )


def _numbers(
    keys: st.SearchStrategy[str], values: Sequence[str] = _NUMBERS
) -> st.SearchStrategy[str]:
    return st.builds(
        lambda key, operator, value: f"{key} {operator} {value}",
        keys,
        st.sampled_from(_NUMERIC),
        st.sampled_from(values),
    )


def _and(conditions: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
    words = st.sampled_from([" AND ", " and ", "  AND  "])
    return st.builds(
        lambda found, word: word.join(found), st.lists(conditions, min_size=1, max_size=most), words
    )


_DIRECTIONS = st.sampled_from(["", " ASC", " DESC"])


def _searches(
    conditions: st.SearchStrategy[str], orders: st.SearchStrategy[Any], count: int
) -> st.SearchStrategy[Search]:
    sizes = st.just(100) | st.integers(1, count + 1)
    return st.builds(Search, conditions, orders.map(tuple), sizes)


def run_searches(count: int) -> st.SearchStrategy[Search]:
    """Return searches of runs.

    Args:
        count: How many runs there are: pages have up to one result more.
    """
    from mlflow.utils.search_utils import SearchUtils as Known

    attributes = ("attributes", "attribute", "attr", "run")
    times = ("start_time", "created", "Created", "end_time")
    names = ["run_name", "run name", "Run name", "Run Name"]
    texts = Known.VALID_STRING_ATTRIBUTE_COMPARATORS - {"IN", "NOT IN"}
    ids = [f"{{{number}}}" for number in range(4)]
    conditions = st.one_of(
        _numbers(_keys(("metrics", "metric"), ("m", "M", "a metric", "dotted.m", "lacking"))),
        _compared(
            _keys(
                ("params", "param", "parameter", "parameters"),
                ("p", "P", "a param", "dotted.p", "lacking"),
            ),
            Known.VALID_PARAM_COMPARATORS,
        ),
        _compared(
            _keys(("tags", "tag"), ("k", "K", "a tag", "dotted.k", "mlflow.runName", "lacking")),
            Known.VALID_TAG_COMPARATORS,
        ),
        _numbers(_keys(attributes, times) | st.sampled_from(times), ("0", "50", "120", "120.5")),
        _compared(_keys(attributes, names), texts, ("run 3", "Run 3", "run_", *VALUES[:3])),
        _compared(_keys(attributes, ["user_id"]) | st.just("user_id"), texts, ("ada", "Ada")),
        _compared(_keys(attributes, ["status"]) | st.just("status"), texts, ("FINISHED", "failed")),
        _compared(_keys(attributes, ["run_id"]), Known.VALID_STRING_ATTRIBUTE_COMPARATORS, ids),
        st.builds("attributes.artifact_uri LIKE '%{}%'".format, st.sampled_from(ids)),
        _compared(
            _keys(("datasets", "dataset"), ("name", "digest", "context")),
            Known.VALID_DATASET_COMPARATORS,
            ("a", "A", "training", "d1"),
        ),
    )
    keys = st.one_of(
        _keys(("metrics", "metric"), ("m", "a metric", "special", "lacking")),
        _keys(("params", "param"), ("o", "lacking")),
        _keys(("tags", "tag"), ("o", "lacking")),
        _keys(("attributes", "attribute", "attr"), ("run_name", "user_id", "status", *times)),
    )
    orders = st.lists(st.builds("{}{}".format, keys, _DIRECTIONS), max_size=2, unique_by=_field)
    return _searches(_and(conditions, 2), orders, count)


def _field(order: str) -> tuple[str, str]:
    """Tell what is sorted by: twice the same is refused, however it is written."""
    entity, _, key = order.removesuffix(" ASC").removesuffix(" DESC").rpartition(".")
    key = key.strip('"`').lower()
    return entity[:1], "start_time" if key == "created" else key


def experiment_searches(count: int) -> st.SearchStrategy[Search]:
    """Return searches of experiments; each must be narrowed down to those made for it.

    Args:
        count: How many experiments there are.
    """
    from mlflow.utils.search_utils import SearchExperimentsUtils as Known

    names = _keys(("attribute",), ("name",)) | st.just("name")
    conditions = st.one_of(
        _compared(names, {"!=", "LIKE", "ILIKE"}, ("a",), ("%a%", "%A 0_", "% 1_", "%b 0_")),
        _compared(
            _keys(("tags", "tag"), ("k", "K", "a tag", "dotted.k", "lacking")),
            Known.VALID_TAG_COMPARATORS & {"=", "!=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL"},
        ),
        _numbers(st.sampled_from(["creation_time", "last_update_time"]), ("0", "1000")),
    )
    order = st.builds("{}{}".format, names, _DIRECTIONS)
    return _searches(_and(conditions, 2), st.lists(order, min_size=1, max_size=1), count)


def model_searches(count: int) -> st.SearchStrategy[Search]:
    """Return searches of logged models. Their grammar has no double quotes, and keywords in upper case alone.

    Args:
        count: How many models there are.
    """
    known = {"=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"}
    texts = tuple(value for value in VALUES if "'" not in value)
    plain = [_literal(keys, known, texts) for keys in _MODEL_KEYS]
    metrics = st.sampled_from(["metrics.m", "metrics.lacking"])
    conditions = st.one_of(*plain, _numbers(metrics))
    order = st.builds(
        lambda name, ascending: {"field_name": name, "ascending": ascending},
        st.sampled_from(["name", "model_type", "metrics.m", "metrics.lacking"]),
        st.booleans(),
    )
    whole = st.lists(conditions, min_size=1, max_size=2).map(" AND ".join)
    return _searches(
        whole, st.lists(order, max_size=2, unique_by=lambda each: each["field_name"]), count
    )


_MODEL_KEYS = (
    ("name", "attributes.name", "model_type"),
    ("tags.k", "tags.`a tag`", "tags.lacking"),
    ("params.p", "params.`a param`", "params.lacking"),
)


def _literal(keys: Sequence[str], known: set[str], values: Sequence[str]) -> st.SearchStrategy[str]:
    def value_of(operator: str) -> st.SearchStrategy[str]:
        if operator.endswith("IN"):
            return _list(values)
        patterns = [pattern for pattern in _PATTERNS if "'" not in pattern]
        source = patterns if operator.endswith("LIKE") else values
        return st.sampled_from(source).map(lambda value: f"'{value}'")

    return st.sampled_from(sorted(known)).flatmap(
        lambda operator: st.builds(
            lambda key, value: f"{key} {operator} {value}",
            st.sampled_from(keys),
            value_of(operator),
        )
    )
