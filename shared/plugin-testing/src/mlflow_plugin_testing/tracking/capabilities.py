"""What a tracking store can be able to do, and the methods that each capability consists of."""

from __future__ import annotations

from mlflow_plugin_testing.capabilities import Capability, Facts
from mlflow_plugin_testing.support import Tier

__all__ = ["TrackingCapability"]

_BASE, _EXTENDED, _FULL, _REFERENCE = Tier.BASE, Tier.EXTENDED, Tier.FULL, Tier.REFERENCE


class TrackingCapability(Capability):
    """The capabilities of a tracking store, in the order of their weight."""

    EXPERIMENTS = Facts(
        _BASE,
        "experiments",
        (
            "create_experiment",
            "delete_experiment",
            "delete_experiment_tag",
            "filter_active_experiment_ids",
            "get_experiment",
            "get_experiment_by_name",
            "rename_experiment",
            "restore_experiment",
            "search_experiments",
            "set_experiment_tag",
        ),
    )
    RUNS = Facts(
        _BASE,
        "runs",
        ("create_run", "delete_run", "get_run", "restore_run", "update_run_info"),
    )
    SEARCH_RUNS = Facts(_BASE, "search of runs", ("search_runs",))
    METRICS = Facts(
        _BASE,
        "metrics",
        (
            "get_metric_history",
            "get_metric_history_bulk_interval",
            "get_metric_history_bulk_interval_from_steps",
            "log_metric",
        ),
        undeclared=("get_metric_history_bulk",),
    )
    PARAMS = Facts(_BASE, "params", ("log_param",))
    TAGS = Facts(_BASE, "tags", ("set_tag",), undeclared=("delete_tag",))
    BATCHES = Facts(_BASE, "batches", ("log_batch",))
    ASYNC_LOGGING = Facts(
        _EXTENDED,
        "asynchronous logging",
        (
            "end_async_logging",
            "flush_async_logging",
            "log_batch_async",
            "log_metric_async",
            "log_param_async",
            "set_tag_async",
            "shut_down_async_logging",
        ),
    )
    INPUTS = Facts(
        _EXTENDED,
        "inputs and outputs of runs",
        ("log_inputs", "log_outputs"),
        undeclared=("_search_datasets",),
    )
    LOGGED_MODELS = Facts(
        _EXTENDED,
        "logged models",
        (
            "create_logged_model",
            "delete_logged_model",
            "delete_logged_model_tag",
            "finalize_logged_model",
            "get_logged_model",
            "record_logged_model",
            "search_logged_models",
            "set_logged_model_tags",
            "set_model_versions_tags",
        ),
        undeclared=("log_logged_model_params",),
        since="3.0",
    )
    GARBAGE_COLLECTION = Facts(
        _EXTENDED,
        "mlflow gc",
        undeclared=(
            "_get_deleted_logged_models",
            "_get_deleted_runs",
            "_hard_delete_experiment",
            "_hard_delete_logged_model",
            "_hard_delete_run",
        ),
    )
    TRACES = Facts(
        _EXTENDED,
        "traces",
        (
            "batch_get_trace_infos",
            "delete_trace_tag",
            "delete_traces",
            "get_online_trace_details",
            "get_trace_info",
            "link_traces_to_run",
            "search_traces",
            "set_trace_tag",
            "start_trace",
            "unlink_traces_from_run",
        ),
        undeclared=("deprecated_start_trace_v2", "deprecated_end_trace_v2"),
        since="3.2",
    )
    SPANS = Facts(
        _EXTENDED,
        "spans",
        ("batch_get_traces", "get_trace", "log_spans", "log_spans_async"),
        since="3.3",
    )
    ASSESSMENTS = Facts(
        _EXTENDED,
        "assessments",
        ("create_assessment", "delete_assessment", "get_assessment", "update_assessment"),
        since="3.2",
    )
    DATASETS = Facts(
        _FULL,
        "evaluation datasets",
        (
            "add_dataset_to_experiments",
            "create_dataset",
            "delete_dataset",
            "delete_dataset_records",
            "delete_dataset_tag",
            "get_dataset",
            "get_dataset_experiment_ids",
            "remove_dataset_from_experiments",
            "search_datasets",
            "set_dataset_tags",
            "upsert_dataset_records",
        ),
        undeclared=("_load_dataset_records",),
        since="3.4",
    )
    SCORERS = Facts(
        _FULL,
        "scorers",
        (
            "delete_scorer",
            "get_scorer",
            "list_scorer_versions",
            "list_scorers",
            "list_scorers_across_experiments",
            "register_scorer",
        ),
        since="3.4",
    )
    ONLINE_SCORING = Facts(
        _FULL,
        "online scoring",
        (
            "get_active_online_scorers",
            "get_online_scoring_configs",
            "upsert_online_scoring_config",
        ),
        since="3.9",
    )
    TRACE_ANALYSIS = Facts(
        _FULL,
        "metrics over traces",
        (
            "calculate_trace_filter_correlation",
            "find_completed_sessions",
            "query_trace_metrics",
        ),
        since="3.4",
    )
    TRACE_ARCHIVAL = Facts(
        _FULL,
        "archival of traces",
        ("archive_traces", "resolve_trace_archival_config", "supports_trace_archival"),
        since="3.13",
    )
    PROMPT_LINKS = Facts(
        _FULL, "links from prompts to traces", ("link_prompts_to_trace",), since="3.7"
    )
    ISSUES = Facts(
        _FULL,
        "issues",
        ("create_issue", "get_issue", "search_issues", "update_issue"),
        since="3.11",
    )
    LABEL_SCHEMAS = Facts(
        _FULL,
        "label schemas",
        (
            "create_label_schema",
            "delete_label_schema",
            "get_label_schema",
            "get_label_schema_by_name",
            "list_label_schemas",
            "update_label_schema",
        ),
        since="3.14",
    )
    REVIEW_QUEUES = Facts(
        _FULL,
        "review queues",
        (
            "add_items_to_review_queue",
            "create_review_queue",
            "delete_review_queue",
            "get_or_create_user_queue",
            "get_review_queue",
            "get_review_queue_by_name",
            "list_review_queue_items",
            "list_review_queues",
            "remove_items_from_review_queue",
            "set_review_queue_item_status",
            "update_review_queue",
        ),
        since="3.14",
    )
    MCP_SERVERS = Facts(
        _FULL,
        "MCP servers",
        (
            "create_mcp_access_endpoint",
            "create_mcp_server",
            "create_mcp_server_version",
            "delete_mcp_access_endpoint",
            "delete_mcp_server",
            "delete_mcp_server_alias",
            "delete_mcp_server_tag",
            "delete_mcp_server_version",
            "delete_mcp_server_version_tag",
            "get_latest_mcp_server_version",
            "get_mcp_access_endpoint",
            "get_mcp_server",
            "get_mcp_server_version",
            "get_mcp_server_version_by_alias",
            "get_mcp_server_versions_for_trace",
            "link_mcp_server_versions_to_trace",
            "search_mcp_access_endpoints",
            "search_mcp_server_versions",
            "search_mcp_servers",
            "set_mcp_server_alias",
            "set_mcp_server_tag",
            "set_mcp_server_version_tag",
            "update_mcp_access_endpoint",
            "update_mcp_server",
            "update_mcp_server_version",
        ),
        since="3.15",
    )
    WORKSPACES = Facts(_FULL, "workspaces", ("supports_workspaces",), since="3.10")
    GATEWAY = Facts(
        _REFERENCE,
        "AI gateway",
        (
            "attach_model_to_endpoint",
            "create_endpoint_binding",
            "create_gateway_endpoint",
            "create_gateway_model_definition",
            "create_gateway_secret",
            "delete_endpoint_binding",
            "delete_gateway_endpoint",
            "delete_gateway_endpoint_tag",
            "delete_gateway_model_definition",
            "delete_gateway_secret",
            "detach_model_from_endpoint",
            "get_gateway_endpoint",
            "get_gateway_model_definition",
            "get_secret_info",
            "list_endpoint_bindings",
            "list_gateway_endpoints",
            "list_gateway_model_definitions",
            "list_secret_infos",
            "set_gateway_endpoint_tag",
            "update_gateway_endpoint",
            "update_gateway_model_definition",
            "update_gateway_secret",
        ),
        since="3.8",
    )
    GATEWAY_BUDGETS = Facts(
        _REFERENCE,
        "budgets of the AI gateway",
        (
            "create_budget_policy",
            "delete_budget_policy",
            "get_budget_policy",
            "list_budget_policies",
            "sum_gateway_trace_cost",
            "update_budget_policy",
        ),
        since="3.11",
    )
    GATEWAY_GUARDRAILS = Facts(
        _REFERENCE,
        "guardrails of the AI gateway",
        (
            "add_guardrail_to_endpoint",
            "create_gateway_guardrail",
            "delete_gateway_guardrail",
            "get_gateway_guardrail",
            "list_endpoint_guardrail_configs",
            "list_gateway_guardrails",
            "remove_guardrail_from_endpoint",
            "update_endpoint_guardrail_config",
        ),
        since="3.12",
    )
