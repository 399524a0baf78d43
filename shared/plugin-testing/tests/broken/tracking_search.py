"""Tracking stores whose searches find the wrong things, in the wrong order, on the wrong pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from broken.tracking_basics import broken

if TYPE_CHECKING:
    from broken.model import Broken


def _searching(change: Any) -> Any:
    """Make a fault of a function that changes the arguments of a search of runs, or its answer."""

    def fault(base: Any) -> type:
        class Store(base):
            def _search_runs(self, *args: Any, **kwargs: Any) -> Any:
                names = ("experiment_ids", "filter_string", "run_view_type", "max_results")
                names = (*names, "order_by", "page_token")
                given = {**dict(zip(names, args, strict=False)), **kwargs}
                return change(super()._search_runs, given)

        return Store

    return fault


def _last_page_lost(search: Any, given: dict[str, Any]) -> Any:
    runs, token = search(**given)
    return (runs, token) if token or not given["page_token"] else ([], None)


def _page_repeated(search: Any, given: dict[str, Any]) -> Any:
    from mlflow.utils.search_utils import SearchUtils

    runs, token = search(**given)
    if token:
        # Ten to one it is off by one: the next page begins with the last run of this one.
        offset = SearchUtils.parse_start_offset_from_page_token(token)
        token = SearchUtils.create_page_token(max(1, offset - 1))
    return runs, token


def _order_ignored(search: Any, given: dict[str, Any]) -> Any:
    return search(**{**given, "order_by": None})


def _ties_unstable(search: Any, given: dict[str, Any]) -> Any:
    runs, token = search(**given)
    # By name within what started together: as good an order as any, but not MLflow's.
    return sorted(runs, key=lambda run: (-run.info.start_time, run.info.run_name)), token


def _missing_values_first(search: Any, given: dict[str, Any]) -> Any:
    runs, token = search(**given)
    key = re.fullmatch(r"metrics\.(\w+)", (given["order_by"] or [""])[0])
    if key:
        runs = sorted(runs, key=lambda run: key[1] in run.data.metrics)
    return runs, token


def _experiments_mixed(search: Any, given: dict[str, Any]) -> Any:
    ids = [str(int(each) - 1) for each in given["experiment_ids"]]
    return search(**{**given, "experiment_ids": [*given["experiment_ids"], *ids]})


def _view_type_ignored(search: Any, given: dict[str, Any]) -> Any:
    from mlflow.entities import ViewType

    return search(**{**given, "run_view_type": ViewType.ALL})


def _like_ignores_case(search: Any, given: dict[str, Any]) -> Any:
    condition = re.sub(r"\bLIKE\b", "ILIKE", given["filter_string"] or "")
    return search(**{**given, "filter_string": condition})


def _quoted_keys_ignored(search: Any, given: dict[str, Any]) -> Any:
    parts = (given["filter_string"] or "").split(" AND ")
    kept = [part for part in parts if "`" not in part]
    return search(**{**given, "filter_string": " AND ".join(kept)})


def _names_not_searched(search: Any, given: dict[str, Any]) -> Any:
    parts = (given["filter_string"] or "").split(" AND ")
    kept = [part for part in parts if "run_name" not in part]
    return search(**{**given, "filter_string": " AND ".join(kept)})


def _only_the_last_condition(search: Any, given: dict[str, Any]) -> Any:
    last = (given["filter_string"] or "").split(" AND ")[-1]
    return search(**{**given, "filter_string": last})


def _bad_filters_find_nothing(search: Any, given: dict[str, Any]) -> Any:
    from mlflow.exceptions import MlflowException
    from mlflow.utils.search_utils import SearchUtils

    try:
        SearchUtils.parse_search_filter(given["filter_string"])
    except MlflowException:
        return [], None
    return search(**given)


def _bad_tokens_begin_again(search: Any, given: dict[str, Any]) -> Any:
    from mlflow.exceptions import MlflowException
    from mlflow.utils.search_utils import SearchUtils

    try:
        SearchUtils.parse_start_offset_from_page_token(given["page_token"])
    except MlflowException:
        return search(**{**given, "page_token": None})
    return search(**given)


def _numbers_compared_as_text(search: Any, given: dict[str, Any]) -> Any:
    found = re.fullmatch(r"metrics\.(\w+) ([<>]) (\S+)", given["filter_string"] or "")
    if not found:
        return search(**given)
    runs, token = search(**{**given, "filter_string": ""})
    key, operator, bound = found.groups()

    def fits(run: Any) -> bool:
        value = f"{run.data.metrics.get(key, ''):g}" if key in run.data.metrics else ""
        return bool(value) and (value < bound if operator == "<" else value > bound)

    return [run for run in runs if fits(run)], token


def _writes_are_found_late(base: Any) -> type:
    class Store(base):
        def _search_runs(self, *args: Any, **kwargs: Any) -> Any:
            # As an index that is refreshed now and then: what the last search saw is what this one finds.
            found = super()._search_runs(*args, **kwargs)
            seen = self.__dict__.setdefault("seen", {})
            key = repr((args, kwargs))
            before = seen.get(key, found)
            seen[key] = found
            return before

    return Store


def _tokens_of_other_searches(base: Any) -> type:
    class Store(base):
        def search_logged_models(self, experiment_ids: Any, *args: Any, **kwargs: Any) -> Any:
            from mlflow.utils.search_utils import SearchLoggedModelsPaginationToken as Token

            if token := kwargs.get("page_token"):
                known = Token.decode(token)
                known.experiment_ids = experiment_ids
                known.filter_string = kwargs.get("filter_string")
                known.order_by = kwargs.get("order_by")
                kwargs["page_token"] = known.encode()
            return super().search_logged_models(experiment_ids, *args, **kwargs)

    return Store


def _experiments_lose_their_last_page(base: Any) -> type:
    class Store(base):
        def search_experiments(self, *args: Any, **kwargs: Any) -> Any:
            found = super().search_experiments(*args, **kwargs)
            found.token = None
            return found

    return Store


def _deleted_experiments_are_found(base: Any) -> type:
    class Store(base):
        def search_experiments(self, *args: Any, **kwargs: Any) -> Any:
            from mlflow.entities import ViewType

            kwargs["view_type"] = ViewType.ALL
            return super().search_experiments(*args[1:], **kwargs)

    return Store


_ANY = "test_runs_are_found_by_any_filter_in_any_order"

BROKEN: list[Broken] = [
    broken(
        "last-page-of-runs-lost",
        "The last page of a search is empty.",
        _searching(_last_page_lost),
        "a_page_of_runs_is_followed_by_the_next_one",
    ),
    broken(
        "page-begins-too-early",
        "A page begins with the last run of the page before.",
        _searching(_page_repeated),
        "a_page_of_runs_is_followed_by_the_next_one",
    ),
    broken(
        "order-ignored",
        "Runs come latest first, whatever order_by says.",
        _searching(_order_ignored),
        "runs_come_in_the_order_of_what_was_logged",
    ),
    broken(
        "ties-unstable",
        "Runs that started together come in an order of its own.",
        _searching(_ties_unstable),
        "runs_that_started_together_keep_one_order",
    ),
    broken(
        "missing-values-first",
        "Runs without the metric that is sorted by come first.",
        _searching(_missing_values_first),
        "runs_come_in_the_order_of_what_was_logged",
    ),
    broken(
        "experiments-mixed",
        "A search finds runs of another experiment too.",
        _searching(_experiments_mixed),
        "a_search_looks_into_the_experiments_it_is_told",
    ),
    broken(
        "view-type-ignored",
        "Deleted runs are found among the active ones.",
        _searching(_view_type_ignored),
        "runs_are_searched_by_their_stage",
    ),
    broken(
        "like-ignores-case",
        "LIKE finds upper case where lower case was asked for.",
        _searching(_like_ignores_case),
        "like_tells_upper_from_lower_case",
    ),
    broken(
        "quoted-key-ignored",
        "A condition on a key in backticks is left out.",
        _searching(_quoted_keys_ignored),
        _ANY,
    ),
    broken(
        "run-name-not-searched",
        "A condition on the name of a run is left out.",
        _searching(_names_not_searched),
        "attributes_have_several_names",
    ),
    broken(
        "only-the-last-condition",
        "Of several conditions the last one counts.",
        _searching(_only_the_last_condition),
        "conditions_are_all_needed",
    ),
    broken(
        "bad-filter-finds-nothing",
        "A filter that cannot be read finds nothing, and is no error.",
        _searching(_bad_filters_find_nothing),
        "filters_that_mlflow_does_not_know_are_refused",
    ),
    broken(
        "bad-token-begins-again",
        "With a token that cannot be read the search begins again.",
        _searching(_bad_tokens_begin_again),
        "a_search_of_runs_refuses_a_wrong_size_or_token",
    ),
    broken(
        "numbers-compared-as-text",
        "A metric of 10 is less than one of 9.",
        _searching(_numbers_compared_as_text),
        "numbers_are_compared_as_numbers",
    ),
    broken(
        "writes-found-late",
        "A search finds what was there at the search before.",
        _writes_are_found_late,
        "a_write_is_found_by_the_next_search",
    ),
    broken(
        "token-of-another-search",
        "The token of one search of logged models is taken by another.",
        _tokens_of_other_searches,
        "a_token_of_another_search_of_logged_models_is_refused",
    ),
    broken(
        "experiments-on-one-page",
        "A search of experiments never has a second page.",
        _experiments_lose_their_last_page,
        "a_page_of_experiments_is_followed_by_the_next_one",
    ),
    broken(
        "deleted-experiments-found",
        "Deleted experiments are found among the active ones.",
        _deleted_experiments_are_found,
        "experiments_are_searched_by_their_stage",
    ),
]
