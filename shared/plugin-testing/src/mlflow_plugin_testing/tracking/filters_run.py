"""The searches of `filters`, put to two stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_testing.pair import Pair

__all__ = ["search_experiments", "search_models", "search_runs"]


def search_runs(pair: Pair) -> None:
    """Compare searches of runs.

    Args:
        pair: Both stores.

    Raises:
        StoresDifferError: They find something else; the message has the search.
    """
    from mlflow_plugin_testing.tracking import filters, filters_data

    data = filters_data.searched(pair, filters_data.runs)
    _compare(filters.run_searches(filters_data.RUNS), data.runs, 60)


def search_experiments(pair: Pair) -> None:
    """Compare searches of experiments, as above."""
    from mlflow_plugin_testing.tracking import filters, filters_data

    data = filters_data.searched(pair, filters_data.experiments)
    _compare(filters.experiment_searches(filters_data.EXPERIMENTS), data.experiments, 40)


def search_models(pair: Pair) -> None:
    """Compare searches of logged models, as above."""
    from mlflow_plugin_testing.tracking import filters, filters_data

    data = filters_data.searched(pair, filters_data.models)
    _compare(filters.model_searches(filters_data.MODELS), data.models, 40)


def _compare(searches: Any, compare: Callable[[Any], None], count: int) -> None:
    from hypothesis import given

    from mlflow_plugin_testing.examples import drawn

    def each(search: Any) -> None:
        compare(search)

    # Both decorators are without types.
    run: Any = drawn(count)(given(search=searches)(each))
    run()
