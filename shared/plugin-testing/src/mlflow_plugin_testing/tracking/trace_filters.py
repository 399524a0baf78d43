"""Filters and orders of traces, as the parser of the installed MLflow knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugin_testing.examples import drawn
from mlflow_plugin_testing.tracking.trace_pool import (
    ASSESSMENTS,
    ATTRIBUTES,
    METADATA,
    SPANS,
    TAGS,
    WORDS,
    make_traces,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlflow_plugin_testing.pair import Pair
    from mlflow_plugin_testing.scenario import World

__all__ = [
    "compare_searches",
    "filters",
    "filters_on_assessments",
    "filters_on_spans",
    "knows_assessments",
]

_MOST_CLAUSES = 3
_NUMERIC = ("=", "!=", "<", "<=", ">", ">=")
_EXISTENCE = frozenset({"IS NULL", "IS NOT NULL"})
_LISTS = frozenset({"IN", "NOT IN"})
# MLflow's parser takes them, and its SQL store cannot order by them.
_NO_ORDER = frozenset({"end_time", "end_time_ms"})


def _known(name: str) -> list[str]:
    """A table of MLflow's parser, sorted; empty in an MLflow that does not have it."""
    from mlflow.utils.search_utils import SearchTraceUtils

    return sorted(getattr(SearchTraceUtils, name, ()))


def _quoted(text: object) -> str:
    return f"'{text}'"


@st.composite
def _clause(
    draw: st.DrawFn, name: str, comparators: Iterable[str], values: tuple[object, ...]
) -> str:
    comparator = draw(st.sampled_from(sorted(comparators)))
    if comparator in _EXISTENCE:
        return f"{name} {comparator}"
    value = draw(st.sampled_from(values))
    if comparator in _LISTS:
        more = draw(st.lists(st.sampled_from(values), max_size=2))
        return f"{name} {comparator} ({', '.join(_quoted(each) for each in (value, *more))})"
    if comparator in {"LIKE", "ILIKE"}:
        text = str(value)
        return f"{name} {comparator} " + draw(
            st.sampled_from(
                (_quoted(text), _quoted(f"{text[:2]}%"), _quoted(f"%{text[1:]}"), "'%a%'", "'_%'")
            )
        )
    if comparator == "RLIKE":
        return f"{name} RLIKE " + draw(st.sampled_from(("'^a'", "'[0-9]$'", "'b.*'", "'.'")))
    return f"{name} {comparator} {value if isinstance(value, int) else _quoted(value)}"


def _joined(clause: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(clause, min_size=1, max_size=_MOST_CLAUSES).map(" AND ".join)


def filters() -> st.SearchStrategy[str]:
    """Generate filters on what traces say of themselves: attributes, tags and metadata."""
    numeric, listed = _known("NUMERIC_ATTRIBUTES"), _known("SUPPORT_IN_COMPARISON_ATTRIBUTE_KEYS")
    of_text = [each for each in _known("VALID_STRING_ATTRIBUTE_COMPARATORS") if each != "RLIKE"]
    clauses = []
    for name in _known("VALID_SEARCH_ATTRIBUTE_KEYS"):
        if name not in ATTRIBUTES:
            continue
        allowed = [each for each in of_text if name in listed or each not in _LISTS]
        clauses.append(_clause(name, _NUMERIC if name in numeric else allowed, ATTRIBUTES[name]))
    for prefix, table, pool in (
        ("tags", "VALID_TAG_COMPARATORS", TAGS),
        ("metadata", "VALID_METADATA_COMPARATORS", METADATA),
    ):
        clauses += [
            # MLflow 3.5 has no table for metadata, and knows no more than these.
            _clause(f"{prefix}.`{name}`", _known(table) or ["!=", "="], values)
            for name, values in pool.items()
        ]
    return _joined(st.one_of(clauses))


def filters_on_spans() -> st.SearchStrategy[str]:
    """Generate filters on spans and on their text."""
    of_spans = _known("VALID_SPAN_ATTRIBUTE_COMPARATORS") or ["=", "!=", "LIKE"]
    comparators = [each for each in of_spans if each != "RLIKE"]
    known = _known("_SUPPORTED_SPAN_ATTRIBUTES")
    clauses = [_clause(f"span.{name}", comparators, SPANS[name]) for name in known]
    if "text" not in _known("VALID_SEARCH_ATTRIBUTE_KEYS"):
        return _joined(st.one_of(clauses))
    # MLflow's own looks for a word anywhere behind the attribute's name, so each word belongs to one attribute.
    word = st.sampled_from(WORDS).map(lambda each: f"'%{each}%'")
    like = st.sampled_from(("LIKE", "ILIKE"))
    clauses += [
        st.tuples(st.just(name), like, word).map(" ".join)
        for name in ("trace.text", "span.attributes.topic")
    ]
    return _joined(st.one_of(clauses))


def knows_assessments() -> bool:
    """Tell whether the installed MLflow has filters on assessments; 3.5 does not."""
    return "feedback" in _known("_VALID_IDENTIFIERS")


def filters_on_assessments() -> st.SearchStrategy[str]:
    """Generate filters on assessments."""
    comparators = ("=", "!=", *_EXISTENCE)
    clauses = [
        _clause(f"{kind}.{name}", comparators, values)
        for kind, pool in ASSESSMENTS.items()
        for name, values in pool.items()
    ]
    return _joined(st.one_of(clauses))


def _orders() -> st.SearchStrategy[list[str]]:
    """Generate orders; where two traces are equal in them, MLflow goes on by time and id."""
    names = [name for name in _known("VALID_ORDER_BY_ATTRIBUTE_KEYS") if name not in _NO_ORDER]
    names += [f"tags.`{name}`" for name in TAGS]
    one = st.tuples(st.sampled_from(names), st.sampled_from(("", " ASC", " DESC"))).map("".join)
    # What they order by is compared: `timestamp` and `timestamp_ms` are one thing.
    return st.lists(one, max_size=2, unique_by=lambda each: each.split()[0].removesuffix("_ms"))


def compare_searches(
    pair: Pair, world: World, texts: st.SearchStrategy[str], examples: int, **parts: bool
) -> None:
    """Ask both stores the same generated questions about the traces of the pool.

    Args:
        pair: Both stores.
        world: What the test has to itself.
        texts: The filters.
        examples: How many questions.
        parts: What the traces of the pool have; see `make_traces`.

    Raises:
        StoresDifferError: They found other traces, or in another order.
        NotImplementedByStoreError: The store under test says that it does not have one of the methods.
    """
    experiment = pair.run(lambda store: make_traces(store, world, **parts))

    @drawn(examples)  # type: ignore[untyped-decorator]
    @given(texts, _orders(), st.integers(1, 16))
    def ask(text: str, order: list[str], size: int) -> None:
        where = iter(experiment)
        pair.again().run(
            lambda store: store.pages(
                "search_traces", [next(where)], filter_string=text, order_by=order, max_results=size
            )
        )

    ask()
