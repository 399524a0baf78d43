"""Many files at once: small ones by thousands in one transaction, middling ones in one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import transfer
from mlflow_xet_artifacts import file_chunks
from mlflow_xet_artifacts.file_index import Content
from mlflow_xet_artifacts.file_source import LocalSource, unreadable
from mlflow_xet_artifacts.file_uploads import PART, SMALL, known_content, point, store_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mlflow_plugin_core.blob_store import Upload
    from mlflow_xet_artifacts.client_local import Source
    from mlflow_xet_artifacts.file_database import FileDatabase

_SMALL_FILES, _SMALL_BYTES = 2_000, 32 << 20
# What is committed at once is held in memory.
_MIDDLING_FILES, _MIDDLING_BYTES = 500, PART

New = list[tuple[str, Content]]
Failure = tuple[str, Exception]


def store_many(
    database: FileDatabase, uploads: Iterable[Upload], on_done: Callable[[int], None]
) -> None:
    """Store many files; one that cannot be read does not stop the others of its batch.

    Raises:
        MlflowException: All failures, by path.
    """
    transfer.run_all(
        lambda batch: _store_batch(database, batch),
        _batches(list(uploads)),
        workers=1,
        describe=lambda batch: batch[0].path,
        on_done=lambda batch, _: on_done(len(batch)),
    )


def _batches(uploads: Sequence[Upload]) -> Iterator[list[Upload]]:
    small = (each for each in uploads if each.size <= SMALL)
    middling = (each for each in uploads if SMALL < each.size <= PART)
    yield from transfer.batched(
        small, max_items=_SMALL_FILES, max_bytes=_SMALL_BYTES, size=lambda each: each.size
    )
    yield from transfer.batched(
        middling, max_items=_MIDDLING_FILES, max_bytes=_MIDDLING_BYTES, size=lambda each: each.size
    )
    yield from ([each] for each in uploads if each.size > PART)


def _store_batch(database: FileDatabase, batch: Sequence[Upload]) -> None:
    if len(batch) == 1:
        store_file(database, batch[0].source, batch[0].path)
        return
    failures: list[Failure] = []

    def prepare() -> New:
        failures.clear()
        if batch[0].size <= SMALL:
            return list(_small(database, batch, failures))
        return _middling(database, batch, failures)

    point(database, f"Cannot store {batch[0].path!r} and {len(batch) - 1} more", prepare)
    if failures:
        raise transfer.SeveralFailedError(failures)


def _small(
    database: FileDatabase, batch: Sequence[Upload], failures: list[Failure]
) -> Iterator[tuple[str, Content]]:
    for upload in batch:
        try:
            with upload.source.open("rb", buffering=0) as stream:
                local = LocalSource(stream, upload.source, upload.path)
                data = local.read(SMALL + 1)
            if len(data) <= SMALL:
                yield upload.path, Content(local.sha256, len(data), data)
            else:  # it has grown since the plan
                store_file(database, upload.source, upload.path)
        except OSError as error:
            failures.append((upload.path, unreadable(upload.source, upload.path, error)))
        except MlflowException as error:
            failures.append((upload.path, error))


def _middling(database: FileDatabase, batch: Sequence[Upload], failures: list[Failure]) -> New:
    new: New = []
    unknown: list[Upload] = []
    for upload in batch:
        try:
            with upload.source.open("rb", buffering=0) as stream:
                local = LocalSource(stream, upload.source, upload.path)
                known = known_content(database, local)
        except OSError as error:
            failures.append((upload.path, unreadable(upload.source, upload.path, error)))
        except MlflowException as error:
            failures.append((upload.path, error))
        else:
            if known is None:
                unknown.append(upload)
            else:
                new.append((upload.path, known))
    if unknown:
        new += _through_xet(database, unknown, failures)
    return new


def _through_xet(
    database: FileDatabase, unknown: Sequence[Upload], failures: list[Failure]
) -> Iterator[tuple[str, Content]]:
    """Store files in one commit; one that outgrew it is stored by itself."""
    sent: list[tuple[Upload, LocalSource]] = []
    grown: list[Upload] = []
    what = f"Cannot store {unknown[0].path!r} and {len(unknown) - 1} more"
    stored = file_chunks.put(database, _sources(unknown, sent, failures, grown), what=what)
    for upload in grown:
        try:
            store_file(database, upload.source, upload.path)
        except MlflowException as error:
            failures.append((upload.path, error))
    left_out = {path for path, _ in failures} | {upload.path for upload in grown}
    for (upload, local), part in zip(sent, stored.parts, strict=True):
        if upload.path not in left_out:
            content = Content(local.sha256, local.size, None, [part], stored.generation)
            yield upload.path, content


def _sources(
    uploads: Sequence[Upload],
    sent: list[tuple[Upload, LocalSource]],
    failures: list[Failure],
    grown: list[Upload],
) -> Iterator[Source]:
    """Yield the files one after another, each open only while it is read."""
    from mlflow_xet_artifacts.client_local import Source

    def blocks(local: LocalSource, upload: Upload) -> Iterator[bytes]:
        try:
            yield from local.blocks(PART)
            if local.has_more():  # it has grown since the plan, beyond what one commit takes
                grown.append(upload)
        except MlflowException as error:  # its half is stored for nothing, and no path points to it
            failures.append((upload.path, error))

    for upload in uploads:
        try:
            stream = upload.source.open("rb", buffering=0)
        except OSError as error:
            failures.append((upload.path, unreadable(upload.source, upload.path, error)))
            continue
        with stream:
            local = LocalSource(stream, upload.source, upload.path)
            sent.append((upload, local))
            yield Source(upload.size, blocks(local, upload))
