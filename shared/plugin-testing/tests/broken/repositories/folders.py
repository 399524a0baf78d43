"""MLflow's repository of a local folder, with one fault each."""

from __future__ import annotations

import os
import shutil
import time
import unicodedata
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository


class _Folder(LocalArtifactRepository):  # type: ignore[misc]
    def _local(self, path: str | None) -> Path:
        return Path(self.artifact_dir, path or "")


class ReadsUpwards(_Folder):
    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        shutil.copyfile(self._local(remote_file_path), local_path)


class WritesUpwards(_Folder):
    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        folder = self._local(artifact_path)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(local_file, folder / Path(local_file).name)


class ListsUpwards(_Folder):
    def list_artifacts(self, path: str | None = None) -> Any:
        folder = self._local(path)
        if not folder.is_dir():
            return []
        return [
            FileInfo(
                os.path.relpath(item, self.artifact_dir),
                item.is_dir(),
                None if item.is_dir() else item.stat().st_size,
            )
            for item in folder.iterdir()
        ]


class LeavesHalfAFile(_Folder):
    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        shutil.copyfile(self._local(remote_file_path), local_path)


class ListsFoldersAsFiles(_Folder):
    def list_artifacts(self, path: str | None = None) -> Any:
        infos = super().list_artifacts(path)
        return [FileInfo(info.path, False, info.file_size or 0) for info in infos]


class ListsAFileAsItself(_Folder):
    def list_artifacts(self, path: str | None = None) -> Any:
        local = self._local(path)
        if path and local.is_file():
            return [FileInfo(path, False, local.stat().st_size)]
        return super().list_artifacts(path)


class LosesTheLastPage(_Folder):
    def list_artifacts(self, path: str | None = None) -> Any:
        return super().list_artifacts(path)[:1_000]


class DeletesNothing(_Folder):
    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        return None


class KeepsTheRoot(_Folder):
    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        if artifact_path:
            super().delete_artifacts(artifact_path)


class DeletesByPrefix(_Folder):
    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        local = self._local(artifact_path)
        for item in local.parent.glob(f"{local.name}*"):
            super().delete_artifacts(os.path.relpath(item, self.artifact_dir))


class DeletingTheMissingFails(_Folder):
    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        if not self._local(artifact_path).exists():
            message = f"No such artifact: {artifact_path!r}"
            raise MlflowException(message)
        super().delete_artifacts(artifact_path)


class ListsByWildcard(_Folder):
    def list_artifacts(self, path: str | None = None) -> Any:
        # As LIKE does, where `_` stands for any letter.
        pattern = (path or "").replace("_", "?")
        found: list[Any] = []
        for folder in Path(self.artifact_dir).glob(pattern) if pattern else [None]:
            below = os.path.relpath(folder, self.artifact_dir) if folder else None
            found += super().list_artifacts(below)
        return found


class ShowsItsSecret(_Folder):
    def __init__(self, artifact_uri: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(urlsplit(artifact_uri).path, *args, **kwargs)
        self.artifact_uri = artifact_uri

    def __repr__(self) -> str:
        return f"ShowsItsSecret({self.artifact_uri!r})"


class SaysItsSecret(ShowsItsSecret):
    def __repr__(self) -> str:
        return "SaysItsSecret()"

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        try:
            super()._download_file(remote_file_path, local_path)
        except Exception as error:
            message = f"cannot read {remote_file_path} of {self.artifact_uri}"
            raise MlflowException(message) from error


class TellsWrongSizes(_Folder):
    def list_artifacts(self, path: str | None = None) -> Any:
        infos = super().list_artifacts(path)
        # Whole blocks, as a disk counts.
        return [
            FileInfo(
                info.path, info.is_dir, None if info.is_dir else -(-info.file_size // 512) * 512
            )
            for info in infos
        ]


class HoldsContentInMemory(_Folder):
    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        content = Path(local_file).read_bytes()
        super().log_artifact(local_file, artifact_path)
        (self._local(artifact_path) / Path(local_file).name).write_bytes(content)


class RemembersListings(_Folder):
    """In the instance; what it logs itself makes it forget."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known: dict[str | None, Any] = {}

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        self._known.clear()
        super().log_artifact(local_file, artifact_path)

    def list_artifacts(self, path: str | None = None) -> Any:
        if path not in self._known:
            self._known[path] = super().list_artifacts(path)
        return self._known[path]


class RemembersInTheProcess(_Folder):
    """In the class, so that instances of one process agree, and no other process is heard of."""

    _known: ClassVar[dict[tuple[str, str | None], Any]] = {}

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        self._known.clear()
        super().log_artifact(local_file, artifact_path)

    def list_artifacts(self, path: str | None = None) -> Any:
        key = (self.artifact_uri, path)
        if key not in self._known:
            self._known[key] = super().list_artifacts(path)
        return self._known[key]


class MissingIsEmpty(_Folder):
    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        if self._local(remote_file_path).exists():
            super()._download_file(remote_file_path, local_path)
        else:
            Path(local_path).touch()


class FoldsLetters(_Folder):
    """One form of Unicode for all names, as macOS once had it."""

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        super().log_artifact(local_file, artifact_path)
        written = self._local(artifact_path) / Path(local_file).name
        written.rename(written.with_name(unicodedata.normalize("NFC", written.name)))


class FoldsCase(_Folder):
    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        super().log_artifact(local_file, (artifact_path or "").lower() or None)
        written = self._local((artifact_path or "").lower()) / Path(local_file).name
        written.rename(written.with_name(written.name.lower()))


class Appends(_Folder):
    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        target = self._local(artifact_path) / Path(local_file).name
        if not target.exists():
            super().log_artifact(local_file, artifact_path)
            return
        with target.open("ab") as stream:
            stream.write(Path(local_file).read_bytes())


class OverwritesInPlace(_Folder):
    """Longer content is cut only when the new one is written: between the two, it is neither."""

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        target = self._local(artifact_path) / Path(local_file).name
        if not target.exists():
            super().log_artifact(local_file, artifact_path)
            return
        content = Path(local_file).read_bytes()
        half = len(content) // 2
        with target.open("wb", buffering=0) as stream:
            stream.write(content[:half])
            time.sleep(0.2)
            stream.write(content[half:])


class DropsEmptyFiles(_Folder):
    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        super().log_artifacts(local_dir, artifact_path)
        for file in Path(local_dir).rglob("*"):
            if file.is_file() and not file.stat().st_size:
                (self._local(artifact_path) / file.relative_to(local_dir)).unlink()


class SharesOneFile(_Folder):
    """Keeps what it is doing in the instance, where the next thread changes it."""

    _current = ("", None)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        self._current = (local_file, artifact_path)
        time.sleep(0.02)
        super().log_artifact(*self._current)


class TakesTheUriAlone(_Folder):
    def __init__(self, artifact_uri: str) -> None:
        super().__init__(artifact_uri)


class WritesWhenOpened(_Folder):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        folder = Path(self.artifact_dir)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".marker").touch()


class BrokenTracesAreEmpty(_Folder):
    def download_trace_data(self) -> Any:
        try:
            return super().download_trace_data()
        except MlflowException as error:
            if "corrupted" in str(error):
                return {}
            raise
