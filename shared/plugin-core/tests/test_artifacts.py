"""The repository on top of a store that keeps its files in a folder, against MLflow's own."""

from __future__ import annotations

import asyncio
import io
import logging
import shutil
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from mlflow_plugin_core import copying, errors, local_files
from mlflow_plugin_core.artifacts import BlobArtifactRepository
from mlflow_plugin_core.blob_store import Blob, BlobStore
from mlflow_plugin_core.stream_uploads import StreamUploads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable


class FolderStore(BlobStore):
    """The smallest whole store."""

    workers = 3

    def __init__(self, root: Path) -> None:
        self.root = root

    def stat(self, path: str) -> Blob | None:
        local = self.root / path
        if not local.exists():
            return None
        if local.is_dir():
            return Blob(path, is_folder=True)
        return Blob(path, local.stat().st_size)

    def list_folder(self, path: str) -> Iterable[Blob]:
        local = self.root / path
        if not local.is_dir():
            return []
        found = [self.stat(f"{path}/{child.name}".lstrip("/")) for child in local.iterdir()]
        return [blob for blob in found if blob is not None]

    def put_file(self, source: Path, path: str) -> None:
        with source.open("rb") as stream:
            self.put_stream(stream, path)

    def put_stream(self, stream: BinaryIO, path: str) -> None:
        with local_files.atomic_write(self.root / path) as target:
            shutil.copyfileobj(stream, target)

    def get_file(self, blob: Blob, destination: Path) -> None:
        if blob.path.endswith("broken"):
            raise errors.unavailable("the service is away")
        shutil.copyfile(self.root / blob.path, destination)

    def get_range(self, path: str, start: int, length: int) -> bytes:
        return (self.root / path).read_bytes()[start : start + length]

    def delete(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)


class FolderRepository(StreamUploads, BlobArtifactRepository):
    def _open_store(self) -> BlobStore:
        return FolderStore(Path(self.artifact_uri))


@pytest.fixture
def repository(tmp_path: Path) -> FolderRepository:
    root = tmp_path / "store"
    root.mkdir()
    return FolderRepository(str(root))


names = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
trees = st.dictionaries(
    st.lists(names, min_size=1, max_size=3).map("/".join), st.binary(max_size=50), max_size=6
).filter(
    lambda tree: not any(f"{path}/" == other[: len(path) + 1] for path in tree for other in tree)
)


@settings(max_examples=30, deadline=None)
@given(tree=trees, folder=st.one_of(st.none(), names))
def test_a_tree_is_listed_and_comes_back_as_mlflows_own_repository_does_it(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, bytes], folder: str | None
) -> None:
    base = tmp_path_factory.mktemp("trees")
    for name in ("local", "ours", "theirs", "out"):
        (base / name).mkdir()
    for path, content in tree.items():
        (base / "local" / path).parent.mkdir(parents=True, exist_ok=True)
        (base / "local" / path).write_bytes(content)
    ours, theirs = (
        FolderRepository(str(base / "ours")),
        LocalArtifactRepository(str(base / "theirs")),
    )
    for repository in (ours, theirs):
        repository.log_artifacts(str(base / "local"), folder)

    for path in [None, folder, *tree]:
        assert ours.list_artifacts(path) == theirs.list_artifacts(path) or not tree
    result = Path(ours.download_artifacts(folder or "", str(base / "out"))) if tree else None

    if result is not None:
        found = {file.relative: file.path.read_bytes() for file in local_files.walk_files(result)}
        assert found == tree


def test_every_supported_mlflow_can_build_a_repository(tmp_path: Path) -> None:
    for build in (
        lambda: FolderRepository(str(tmp_path)),
        lambda: FolderRepository(str(tmp_path), "tracking"),
        lambda: FolderRepository(str(tmp_path), tracking_uri="tracking", registry_uri="registry"),
    ):
        assert build().list_artifacts() == []


def test_a_bad_name_in_a_folder_stops_it_before_anything_is_sent(
    repository: FolderRepository, tmp_path: Path
) -> None:
    local = tmp_path / "local"
    local.mkdir()
    (local / "a").write_bytes(b"a")
    (local / "b\\c").write_bytes(b"b")

    with pytest.raises(MlflowException, match="Invalid artifact path"):
        repository.log_artifacts(str(local))

    assert repository.list_artifacts() == []


def test_a_failed_download_is_logged_once_with_its_reason(
    repository: FolderRepository, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("fine", "1-broken", "2-broken"):
        repository.log_artifact_from_stream(io.BytesIO(b"x"), name, "folder")

    with (
        caplog.at_level(logging.WARNING, "mlflow_plugin_core"),
        pytest.raises(MlflowException, match="the service is away") as error,
    ):
        repository.download_artifacts("folder", str(tmp_path))

    assert error.value.error_code == "TEMPORARILY_UNAVAILABLE"
    (record,) = caplog.records
    assert "the service is away" in record.getMessage()


def test_a_missing_artifact_and_a_missing_destination_are_not_found(
    repository: FolderRepository, tmp_path: Path
) -> None:
    repository.log_artifact_from_stream(io.BytesIO(b"x"), "x")

    for path, destination in (("missing", tmp_path), ("x", tmp_path / "missing")):
        with pytest.raises(MlflowException) as error:
            repository.download_artifacts(path, str(destination))
        assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_logging_a_folder_as_a_file_is_refused(
    repository: FolderRepository, tmp_path: Path
) -> None:
    with pytest.raises(MlflowException, match="log_artifacts takes a folder"):
        repository.log_artifact(str(tmp_path))


def test_delete_succeeds_for_what_is_not_there_and_takes_what_is(
    repository: FolderRepository,
) -> None:
    for name in ("a", "b"):
        repository.log_artifact_from_stream(io.BytesIO(b"x"), name, "folder/deep")

    repository.delete_artifacts("missing")
    repository.delete_artifacts("folder/deep/a")
    assert [info.path for info in repository.list_artifacts("folder/deep")] == ["folder/deep/b"]
    repository.delete_artifacts("folder")
    assert repository.list_artifacts("folder/deep") == []


def test_a_cancelled_stream_stores_nothing(repository: FolderRepository) -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def chunks() -> AsyncIterator[bytes]:
            yield b"x" * 100_000
            begun.set()
            await asyncio.sleep(3600)

        upload = asyncio.create_task(
            repository.log_artifact_from_async_stream(chunks(), "half", None)
        )
        await begun.wait()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload

    asyncio.run(main())

    assert repository.list_artifacts() == []


def test_a_copy_goes_on_where_it_stopped(tmp_path: Path) -> None:
    source, destination = tmp_path / "from", tmp_path / "to"
    for name in ("a", "b/c", "b/d"):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 10)
    destination.mkdir()
    journal = tmp_path / "journal"
    seen: list[tuple[int, int]] = []

    def run() -> copying.Report:
        return copying.copy(
            str(source),
            str(destination),
            journal=journal,
            advance=lambda done, total: seen.append((done, total)),
        )

    first = run()
    (destination / "b" / "c").write_bytes(b"cut sho")
    with journal.open("a") as stream:
        stream.write('{"path": "half a li')
    second = run()

    assert (first.copied, first.skipped, first.verified) == (3, 0, 3)
    assert (second.copied, second.skipped) == (1, 2)
    assert (destination / "b" / "c").read_bytes() == b"b/c" * 10
    assert seen[-1][0] == seen[-1][1] == 70
    with pytest.raises(MlflowException, match="to itself"):
        copying.copy(str(source), f"{source}/")


class _Bar:
    """Stands in for the optional library that draws MLflow's bar."""

    def __init__(self, total: int, desc: str) -> None:
        self._total, self._done = total, 0

    def update(self, count: int) -> None:
        self._done += count

    def refresh(self) -> None:
        """Nothing is drawn."""

    def close(self) -> None:
        print(f"{self._done}/{self._total}", file=sys.stderr)


@pytest.mark.parametrize(("switch", "shown"), [("true", True), ("false", False)])
def test_progress_is_shown_by_mlflows_own_switch(
    repository: FolderRepository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    switch: str,
    shown: bool,
) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", switch)
    drawing = types.ModuleType("tqdm.auto")
    drawing.tqdm = _Bar  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", drawing)
    for name in ("local", "out"):
        (tmp_path / name).mkdir()
    for name in "abc":
        (tmp_path / "local" / name).write_bytes(b"x")

    repository.log_artifacts(str(tmp_path / "local"), "folder")
    up = capsys.readouterr().err
    repository.download_artifacts("folder", str(tmp_path / "out"))
    down = capsys.readouterr().err

    for said in (up, down):
        assert said == ("3/3\n" if shown else "")


def test_trace_data_comes_back_and_says_what_is_wrong(repository: FolderRepository) -> None:
    from mlflow.exceptions import MlflowTraceDataCorrupted, MlflowTraceDataNotFound

    with pytest.raises(MlflowTraceDataNotFound):
        repository.download_trace_data()
    repository.upload_trace_data('{"spans": [{"name": "größe"}]}')
    assert repository.download_trace_data() == {"spans": [{"name": "größe"}]}
    repository.upload_trace_data("{")
    with pytest.raises(MlflowTraceDataCorrupted):
        repository.download_trace_data()


def test_trace_attachments_come_back(repository: FolderRepository) -> None:
    if not hasattr(repository, "upload_attachment"):
        pytest.skip("this MLflow has no trace attachments")

    name = "6f1f6f0e-8a43-4b7e-9d7c-0d4a5f1c2b3a"  # MLflow takes nothing but a UUID
    repository.upload_attachment(name, b"picture")

    assert repository.download_trace_attachment(name) == b"picture"
