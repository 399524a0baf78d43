"""Methods of tracking stores that no scenario reaches, each with the reason."""

from __future__ import annotations

__all__ = ["UNREACHED"]

_NO_MEASURE = "MLflow's own SQL store does not have it, so there is nothing to compare with"

#: Name of the method, and why.
UNREACHED = {
    "get_mcp_server_versions_for_trace": _NO_MEASURE,
    "get_online_trace_details": "it reads an inference table of Databricks, and no store of MLflow has it",
    "link_mcp_server_versions_to_trace": _NO_MEASURE,
    "unlink_traces_from_run": _NO_MEASURE,
}
