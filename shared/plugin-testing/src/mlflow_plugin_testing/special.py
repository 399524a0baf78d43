"""MLflow's entities of which a plain reading would say more, or less, than what a store answered."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["SPECIAL"]

# A note of MLflow's SQL store to itself, on which of two writers of a trace came last. Nobody reads it elsewhere.
_INTERNAL_METADATA = frozenset({"mlflow.trace.infoFinalized"})


def _span(span: Any) -> Any:
    """A span as it would be written to a file; a lazy one holds what was stored, in whatever form that was."""
    from mlflow.entities import Span

    written = span.to_dict()
    return Span.from_dict(written).to_dict() if written.get("attributes") else written


def _trace_info(info: Any) -> dict[str, Any]:
    """Assessments have no order, and usage and cost are JSON in which the order of keys has no meaning."""
    return {
        **vars(info),
        "trace_metadata": {
            key: _parsed(value)
            for key, value in info.trace_metadata.items()
            if key not in _INTERNAL_METADATA
        },
        "assessments": sorted(info.assessments, key=_by_content),
    }


def _evaluation_dataset(dataset: Any) -> dict[str, Any]:
    """Records and experiments are left out: to read them would ask MLflow's current store, whichever that is.

    A digest says whether a dataset is still the same; each store computes it in its own way.
    """
    return {
        **{key: value for key, value in vars(dataset).items() if not key.startswith("_")},
        "name": dataset.name,
        "digest": bool(dataset.digest),
        "schema": _parsed(dataset.schema),
        "profile": _parsed(dataset.profile),
    }


def _by_content(assessment: Any) -> str:
    value = assessment.feedback or assessment.expectation or getattr(assessment, "issue", None)
    return repr((assessment.name, assessment.create_time_ms, value, assessment.rationale))


def _parsed(text: Any) -> Any:
    if not isinstance(text, str) or not text.startswith("{"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


# By name of the class: an older MLflow lacks some, and to import others takes seconds.
SPECIAL = {
    "EvaluationDataset": _evaluation_dataset,
    "LazySpan": _span,
    "LiveSpan": _span,
    "NoOpSpan": _span,
    "Span": _span,
    "TraceInfo": _trace_info,
}
