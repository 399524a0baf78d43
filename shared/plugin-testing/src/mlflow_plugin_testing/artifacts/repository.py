"""An artifact repository whose files are contents in memory, so that two of them can be given the same and compared."""

from __future__ import annotations

import asyncio
import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.store.artifact.artifact_repo import ArtifactRepository

from mlflow_plugin_testing.artifacts.content import (
    Content,
    Tree,
    digest_of,
    digest_of_file,
    read_tree,
    write_file,
    write_tree,
)
from mlflow_plugin_testing.methods import overridden

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["ContentRepository"]

_numbers = itertools.count(1)


class ContentRepository:
    """Calls a repository's methods, under their own names, with local files made and read for each call.

    A new repository is opened for each call, as MLflow does it: what one instance knows and the next one does not is
    no answer. `alone` keeps one instance, for the few tests that are about it.
    """

    def __init__(
        self,
        opened: Callable[[], Any],
        folder: Path,
        stored: Callable[[], dict[str, str]],
        reached: set[str],
    ) -> None:
        """Take hold of a location.

        Args:
            opened: Opens the repository.
            folder: A local folder for files on their way in and out.
            stored: Tells what is stored, past the repository: a description of each file by its path.
            reached: Where the names of the methods that are called are written down.
        """
        self._opened = opened
        self._folder = folder
        self._all_stored = stored
        self._reached = reached
        self._may_hold_empty_folders = False

    @property
    def raw(self) -> Any:
        """A new instance of the repository."""
        return self._opened()

    def alone(self) -> ContentRepository:
        """Return the same location, with one instance for all calls."""
        instance = self._opened()
        return ContentRepository(lambda: instance, self._folder, self._all_stored, self._reached)

    def stored(self) -> dict[str, str]:
        """Return what is stored, past the repository: a description of each file by its path."""
        return self._all_stored()

    def log_artifact(
        self, name: str, content: bytes | Content = b"content", folder: str | None = None
    ) -> None:
        """Log one file.

        Args:
            name: Its name.
            content: What it holds.
            folder: Where it goes.
        """
        local = self._fresh() / name
        write_file(local, content)
        self.call("log_artifact", str(local), folder)

    def log_artifacts(self, tree: Tree, folder: str | None = None) -> None:
        """Log a folder.

        Args:
            tree: What it holds; None is an empty folder.
            folder: Where it goes.
        """
        local = self._fresh()
        write_tree(local, tree)
        self._may_hold_empty_folders |= None in tree.values()
        self.call("log_artifacts", str(local), folder)

    def list_artifacts(self, path: str | None = None) -> list[dict[str, Any]]:
        """List one level.

        Args:
            path: The folder.

        Returns:
            Path, kind and size of each entry, sorted by path. Folders in which no file is left are left out: a service
            without folders cannot have them, one with folders may keep them.
        """
        infos = self.call("list_artifacts", path)
        kept = [info for info in infos if not info.is_dir or self._counts(info.path)]
        shown = [
            {
                "path": info.path,
                "is_dir": bool(info.is_dir),
                "file_size": info.file_size or None if info.is_dir else info.file_size,
            }
            for info in kept
        ]
        return sorted(shown, key=lambda info: str(info["path"]))

    def download_artifacts(self, path: str | None, into: Tree | None = None) -> dict[str, Any]:
        """Download into a folder.

        Args:
            path: A file or a folder; "" or None for all.
            into: What the folder holds already.

        Returns:
            The path that was returned, relative to that folder, and all that is in the folder now.
        """
        destination = self._fresh()
        write_tree(destination, into or {})
        returned = self.call("download_artifacts", path, str(destination))
        relative = Path(os.path.relpath(returned, destination)).as_posix()
        return {"path": relative, "files": read_tree(destination)}

    def download_to_anywhere(self, path: str) -> dict[str, Any]:
        """Download without saying where to.

        Args:
            path: A file or a folder.

        Returns:
            The name of what was returned, and what it holds.
        """
        returned = Path(self.call("download_artifacts", path))
        if returned.is_file():
            return {"name": returned.name, "content": digest_of_file(returned)}
        return {"name": returned.name if path else "", "files": read_tree(returned)}

    def _download_file(self, path: str) -> str:
        """Fetch one file, by the arguments' names as MLflow does it.

        Args:
            path: The file.

        Returns:
            A description of what was fetched.
        """
        destination = self._fresh() / "fetched"
        self.call("_download_file", remote_file_path=path, local_path=str(destination))
        return digest_of_file(destination)

    def delete_artifacts(self, path: str | None = None) -> None:
        """Delete.

        Args:
            path: A file or a folder; None for all.

        Raises:
            NotImplementedError: The method is MLflow's own, which does nothing and says nothing.
        """
        raw = self._opened()
        if not overridden(type(raw), "delete_artifacts", ArtifactRepository):
            message = (
                "delete_artifacts is not defined, and MLflow's own does nothing and says nothing"
            )
            raise NotImplementedError(message)
        self._may_hold_empty_folders = True
        self._reached.add("delete_artifacts")
        raw.delete_artifacts(path)

    def is_directory(self, path: str) -> bool:
        """Ask what a path is.

        Args:
            path: The path.
        """
        return bool(self.call("_is_directory", path))

    def log_images_in_the_background(self, names: list[str], folder: str) -> None:
        """Log images as `mlflow.log_image(…, synchronous=False)` does, and wait for them.

        Args:
            names: Names of the files.
            folder: Where they go.
        """
        from PIL import Image

        repository = self._opened()
        self._reached.update(("_log_artifact_async", "flush_async_logging"))
        for number, name in enumerate(names):
            image = Image.new("RGB", (3, 2), (number, 0, 255))
            repository._log_artifact_async(filename=name, artifact_path=folder, artifact=image)
        repository.flush_async_logging()

    def upload_trace_data(self, text: str) -> None:
        """Store the data of a trace.

        Args:
            text: The data, as JSON.
        """
        self.call("upload_trace_data", text)

    def download_trace_data(self) -> Any:
        """Fetch the data of a trace."""
        return self.call("download_trace_data")

    def download_trace_data_to_file(self) -> str:
        """Fetch the data of a trace into a file.

        Returns:
            A description of what was fetched.
        """
        destination = self._fresh() / "fetched"
        self.call("download_trace_data_to_file", destination)
        return digest_of_file(destination)

    def upload_attachment(self, name: str, content: bytes) -> None:
        """Store an attachment of a trace.

        Args:
            name: Its id.
            content: What it holds.
        """
        self.call("upload_attachment", name, content)

    def download_trace_attachment(self, name: str) -> str:
        """Fetch an attachment of a trace.

        Args:
            name: Its id.

        Returns:
            A description of what was fetched.
        """
        return digest_of(self.call("download_trace_attachment", name))

    def download_trace_attachment_to_file(self, name: str) -> str:
        """Fetch an attachment of a trace into a file.

        Args:
            name: Its id.

        Returns:
            A description of what was fetched.
        """
        destination = self._fresh() / "fetched"
        self.call("download_trace_attachment_to_file", name, destination)
        return digest_of_file(destination)

    def upload_archived_trace_data(self, data: Any) -> None:
        """Store an archived trace.

        Args:
            data: MLflow's `TraceData`.
        """
        self.call("upload_archived_trace_data", data)

    def upload_archived_trace_data_bytes(self, data: bytes) -> None:
        """Store an archived trace that is serialised already.

        Args:
            data: The bytes.
        """
        self.call("upload_archived_trace_data_bytes", data)

    def download_archived_trace_data(self) -> list[Any]:
        """Fetch an archived trace.

        Returns:
            Its spans.
        """
        return [span.to_dict() for span in self.call("download_archived_trace_data").spans]

    def log_artifact_from_stream(self, stream: Any, name: str, folder: str | None = None) -> None:
        """Log what a stream yields.

        Args:
            stream: An open binary stream.
            name: Name of the file.
            folder: Where it goes.
        """
        self.call("log_artifact_from_stream", stream, name, folder)

    def log_artifact_from_async_stream(
        self, chunks: AsyncIterator[bytes], name: str, folder: str | None = None
    ) -> None:
        """Log what an asynchronous stream yields.

        Args:
            chunks: The stream.
            name: Name of the file.
            folder: Where it goes.
        """

        async def log() -> None:
            await self.call("log_artifact_from_async_stream", chunks, name, folder)

        asyncio.run(log())

    def property_named(self, name: str) -> Any:
        """Read a property of a new instance.

        Args:
            name: Its name.
        """
        self._reached.add(name)
        return getattr(self._opened(), name)

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of a new instance.

        Args:
            method: Its name.
            args: Its arguments.
            kwargs: Its arguments.
        """
        self._reached.add(method)
        return getattr(self._opened(), method)(*args, **kwargs)

    def _fresh(self) -> Path:
        folder = self._folder / str(next(_numbers))
        folder.mkdir(parents=True)
        return folder

    def _counts(self, folder: str) -> bool:
        if not self._may_hold_empty_folders:
            return True
        infos = self._opened().list_artifacts(folder)
        return any(not info.is_dir or self._counts(info.path) for info in infos)
