"""Data, attachments and archives of traces, which MLflow keeps beside the artifacts."""

from __future__ import annotations

import json
from typing import Any

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.catalogue import scenario

_ID = "0d7f1c8a-31a5-4d39-8a53-0b6ad2b2f9c1"
_OTHER = "7e0a4a54-9a4f-4b1c-9d0f-4f3f0c1f2a11"


@scenario(ArtifactCapability.TRACE_DATA)
def data_of_a_trace_comes_back(repository: Any) -> None:
    repository.upload_trace_data(json.dumps({"spans": [{"name": "é ☃", "value": 1.5}]}))
    repository.download_trace_data()
    repository.stored()
    repository.upload_trace_data("{}")
    repository.download_trace_data()


@scenario(ArtifactCapability.TRACE_DATA)
def data_of_a_missing_trace_is_not_found(repository: Any) -> None:
    repository.download_trace_data()
    repository.log_artifact("traces.json", b"")
    repository.download_trace_data()


@scenario(ArtifactCapability.TRACE_DATA)
def data_that_is_no_json_is_corrupted(repository: Any) -> None:
    for text in (b"{", b'{"spans": [', b"none"):
        repository.log_artifact("traces.json", text)
        repository.download_trace_data()


@scenario(ArtifactCapability.TRACE_DATA, "download_trace_data_to_file")
def data_of_a_trace_is_fetched_into_a_file(repository: Any) -> None:
    repository.download_trace_data_to_file()
    repository.upload_trace_data('{"spans": []}')
    repository.download_trace_data_to_file()


@scenario(ArtifactCapability.TRACE_ATTACHMENTS, "upload_attachment")
def an_attachment_comes_back(repository: Any) -> None:
    repository.upload_attachment(_ID, bytes(range(256)))
    repository.upload_attachment(_OTHER, b"")
    repository.download_trace_attachment(_ID)
    repository.download_trace_attachment(_OTHER)
    repository.stored()


@scenario(ArtifactCapability.TRACE_ATTACHMENTS, "download_trace_attachment")
def a_missing_attachment_is_an_error(repository: Any) -> None:
    repository.download_trace_attachment(_ID)
    repository.upload_attachment(_OTHER, b"x")
    repository.download_trace_attachment(_ID)


@scenario(ArtifactCapability.TRACE_ATTACHMENTS, "upload_attachment")
def an_attachment_has_an_id_and_not_a_path(repository: Any) -> None:
    for name in ("../x", "a/b", "", _ID.upper(), f"{_ID}/x"):
        repository.upload_attachment(name, b"x")
        repository.download_trace_attachment(name)
    repository.stored()


@scenario(ArtifactCapability.TRACE_ATTACHMENTS, "download_trace_attachment_to_file")
def an_attachment_is_fetched_into_a_file(repository: Any) -> None:
    repository.upload_attachment(_ID, b"x" * 1000)
    repository.download_trace_attachment_to_file(_ID)
    repository.download_trace_attachment_to_file(_OTHER)


@scenario(ArtifactCapability.ARCHIVED_TRACES, "download_archived_trace_data")
def a_missing_archive_has_no_spans(repository: Any) -> None:
    repository.download_archived_trace_data()


@scenario(ArtifactCapability.ARCHIVED_TRACES, "download_archived_trace_data")
def a_broken_archive_is_corrupted(repository: Any) -> None:
    for content in (b"", b"\xff\xff no protobuf"):
        repository.log_artifact("traces.pb", content)
        repository.download_archived_trace_data()


@scenario(ArtifactCapability.ARCHIVED_TRACES, "upload_archived_trace_data")
def an_archived_trace_comes_back(repository: Any) -> None:
    data = _trace_data()
    repository.upload_archived_trace_data(data)
    repository.download_archived_trace_data()
    repository.stored()


@scenario(ArtifactCapability.ARCHIVED_TRACES, "upload_archived_trace_data_bytes")
def a_serialised_archive_comes_back(repository: Any) -> None:
    from mlflow.tracing.otel.otel_archival import spans_to_traces_data_pb

    repository.upload_archived_trace_data_bytes(spans_to_traces_data_pb(_trace_data().spans))
    repository.download_archived_trace_data()


@scenario(ArtifactCapability.ARCHIVED_TRACES, "upload_archived_trace_data")
def an_archive_without_spans_is_refused(repository: Any) -> None:
    from mlflow.entities.trace_data import TraceData

    repository.upload_archived_trace_data(TraceData(spans=[]))
    repository.stored()


def _trace_data() -> Any:
    from mlflow.entities.span import Span
    from mlflow.entities.trace_data import TraceData

    trace = "00000000000000000000000000000abc"
    span: dict[str, Any] = {
        "trace_id": "AAAAAAAAAAAAAAAAAAAKvA==",
        "span_id": "AAAAAAAAAAE=",
        "parent_span_id": None,
        "name": "first",
        "start_time_unix_nano": 1_000_000_000,
        "end_time_unix_nano": 2_000_000_000,
        "events": [],
        "status": {"code": "STATUS_CODE_OK", "message": ""},
        "attributes": {
            "mlflow.traceRequestId": json.dumps(f"tr-{trace}"),
            "mlflow.spanType": json.dumps("CHAIN"),
        },
    }
    return TraceData(spans=[Span.from_dict(span)])
