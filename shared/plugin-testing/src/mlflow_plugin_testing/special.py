"""MLflow's entities of which a plain reading would say more, or less, than what a store answered."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["SPECIAL"]

# A note of MLflow's SQL store to itself, on which of two writers of a trace came last. Nobody reads it elsewhere.
_INTERNAL_METADATA = frozenset({"mlflow.trace.infoFinalized"})

# Fields of a version.
_OF_LOGGED_MODELS = frozenset({"metrics", "model_id", "params"})


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


def _registered_model(model: Any) -> dict[str, Any]:
    """Its latest versions have no order. Their aliases are left out there: the model has them itself.

    MLflow's SQL store leaves the aliases of these versions empty, and others fill them in.
    """
    versions = [{**_model_version(each), "aliases": []} for each in model.latest_versions or []]
    return {
        **dict(model),
        "latest_versions": sorted(versions, key=lambda each: each["version"].zfill(9)),
        "aliases": {alias: str(version) for alias, version in model.aliases.items()},
    }


def _model_version(version: Any) -> dict[str, Any]:
    """By MLflow's annotation the number is a text, and in its SQL store it is none. Aliases have no order.

    What is known of a logged model is left out: MLflow's SQL store takes its id, and forgets it.
    """
    public = {key: value for key, value in version if key not in _OF_LOGGED_MODELS}
    return {**public, "version": str(version.version), "aliases": sorted(version.aliases)}


def _prompt_version(version: Any) -> dict[str, Any]:
    return {**dict(version), "aliases": sorted(version.aliases)}


def _webhook(webhook: Any) -> dict[str, Any]:
    """The events that it waits for have no order."""
    names = ("webhook_id", "name", "url", "description", "status", "secret", "workspace")
    times = ("creation_timestamp", "last_updated_timestamp")
    public = {name: getattr(webhook, name, None) for name in (*names, *times)}
    return {**public, "events": sorted(str(event) for event in webhook.events)}


# By name of the class: an older MLflow lacks some, and to import others takes seconds.
SPECIAL = {
    "EvaluationDataset": _evaluation_dataset,
    "LazySpan": _span,
    "LiveSpan": _span,
    "ModelVersion": _model_version,
    "NoOpSpan": _span,
    "PromptVersion": _prompt_version,
    "RegisteredModel": _registered_model,
    "Span": _span,
    "TraceInfo": _trace_info,
    "Webhook": _webhook,
}
