"""Issues that were found in traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.tracking.capabilities import TrackingCapability
from mlflow_plugin_testing.tracking.catalogue import scenario
from mlflow_plugin_testing.tracking.samples import trace_id, trace_info
from mlflow_plugin_testing.tracking.steps import new_experiment, next_millisecond

if TYPE_CHECKING:
    from mlflow_plugin_testing.scenario import World

__all__: list[str] = []

_about = TrackingCapability.ISSUES


@scenario(_about, "create_issue")
def an_issue_has_what_it_was_made_with(store: Any, world: World) -> None:
    from mlflow.entities import IssueSeverity, IssueStatus

    experiment = new_experiment(store, world, "a")
    made = store.create_issue(
        experiment,
        "slow",
        "answers 世界 take long",
        status=IssueStatus.PENDING,
        severity=IssueSeverity.HIGH,
        root_causes=["network", "model"],
        source_run_id=store.create_run(experiment, "ann", 1000, [], "run").info.run_id,
        categories=["latency"],
        created_by="ann",
    )
    store.get_issue(made.issue_id)
    bare = store.create_issue(experiment, "bare", "")
    store.get_issue(bare.issue_id)


@scenario(_about, "create_issue")
def an_issue_is_changed_in_part(store: Any, world: World) -> None:
    from mlflow.entities import IssueSeverity, IssueStatus

    experiment = new_experiment(store, world, "a")
    made = store.create_issue(experiment, "slow", "long", severity=IssueSeverity.LOW).issue_id
    changes: list[dict[str, Any]] = [
        {"status": IssueStatus.RESOLVED},
        {"name": "slower"},
        {"description": "longer"},
        {"severity": IssueSeverity.MEDIUM},
        {"status": IssueStatus.REJECTED, "name": "both"},
        {},
    ]
    for change in changes:
        store.update_issue(made, **change)
    store.get_issue(made)


@scenario(_about, "create_issue")
def issues_are_found_by_severity_and_age(store: Any, world: World) -> None:
    from mlflow.entities import IssueSeverity, IssueStatus

    experiment = new_experiment(store, world, "a")
    other = new_experiment(store, world, "b")
    runs = [store.create_run(experiment, "ann", 1000, [], name).info.run_id for name in "xy"]
    severities = (None, IssueSeverity.LOW, IssueSeverity.HIGH, IssueSeverity.LOW)
    for number, severity in enumerate(severities):
        next_millisecond()
        store.create_issue(
            experiment,
            f"n{number}",
            "",
            severity=severity,
            status=IssueStatus.RESOLVED if number == 1 else IssueStatus.PENDING,
            source_run_id=runs[number % 2],
        )
    store.create_issue(other, "other", "")
    store.search_issues(experiment)
    for text in (
        "status = 'pending'",
        "status != 'pending'",
        f"source_run_id = '{runs[1]}'",
        f"status = 'pending' AND source_run_id != '{runs[1]}'",
        "name = 'n1'",
        "status LIKE 'p%'",
    ):
        store.search_issues(experiment, filter_string=text)
    for size in range(1, 6):
        store.pages("search_issues", experiment, max_results=size)
    for size in (0, -1):
        store.search_issues(experiment, max_results=size)
    store.search_issues("987654321")
    store.create_issue(experiment, "x", "", source_run_id=world.token)


@scenario(_about, "create_issue")
def traces_are_counted_for_an_issue(store: Any, world: World) -> None:
    from mlflow.entities.assessment import IssueReference

    experiment = new_experiment(store, world, "a")
    issue = store.create_issue(experiment, "slow", "")
    for number, name in enumerate(("one", "two", "free")):
        store.start_trace(trace_info(world, experiment, name, request_time=1000 + number))
        if name != "free":
            store.create_assessment(
                IssueReference(issue.issue_id, "slow", trace_id=trace_id(world, name))
            )
    store.search_traces([experiment], filter_string=f"issue.id = '{issue.issue_id}'")
    if store.accepts("search_issues", "include_trace_count"):
        store.search_issues(experiment, include_trace_count=True)


@scenario(_about, "create_issue")
def an_issue_that_is_not_there_is_missing(store: Any, world: World) -> None:
    missing = f"iss-{world.token}"
    store.get_issue(missing)
    store.update_issue(missing, name="x")
    store.create_issue("987654321", "x", "y")
    experiment = new_experiment(store, world, "deleted")
    store.delete_experiment(experiment)
    store.create_issue(experiment, "x", "y")
