"""A repository whose service knows no folders, and believes each name that it is told."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from mlflow.entities import FileInfo
from mlflow.store.artifact.artifact_repo import ArtifactRepository


class FlatSideDoor:
    """Files of one folder; their quoted names are paths, so that any path can be one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, path: str) -> bytes:
        return (self._folder / quote(path, safe="")).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        (self._folder / quote(path, safe="")).write_bytes(data)

    def listing(self) -> dict[str, int]:
        return {unquote(file.name): file.stat().st_size for file in self._folder.iterdir()}


class BelievesNames(ArtifactRepository):  # type: ignore[misc]
    """Writes each stored name below the destination, wherever that leads."""

    def __init__(self, artifact_uri: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(artifact_uri, *args, **kwargs)
        folder, _, self._root = artifact_uri.partition("/flat/")
        self._door = FlatSideDoor(Path(folder, "flat"))

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        path = "/".join(filter(None, [self._root, artifact_path, Path(local_file).name]))
        self._door.write(path, Path(local_file).read_bytes())

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        raise NotImplementedError

    def list_artifacts(self, path: str | None = None) -> Any:
        return [
            FileInfo(name[len(self._root) + 1 :], False, size)
            for name, size in self._door.listing().items()
            if name.startswith("/".join(filter(None, [self._root, path])) + "/")
        ]

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        assert dst_path is not None
        for info in self.list_artifacts(artifact_path):
            local = Path(dst_path, info.path)
            local.parent.mkdir(parents=True, exist_ok=True)
            self._download_file(info.path, str(local))
        return dst_path

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        Path(local_path).write_bytes(self._door.read(f"{self._root}/{remote_file_path}"))

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        shutil.rmtree(self._door._folder, ignore_errors=True)
