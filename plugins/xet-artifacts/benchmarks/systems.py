"""What is compared: the local store of this plugin, MLflow's local files, and bare hf_xet."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from benchmarks.system import MlflowRepository

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.system import System


class BareXet:
    """hf_xet's local store as it is: no index but a JSON file, no digests, no lock, its own buffers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names = folder / "names.json"

    def warm(self) -> None:
        """Open the store once."""
        import hf_xet

        self._folder.mkdir(parents=True, exist_ok=True)
        self._session: Any = hf_xet.XetSession()
        with self._session.new_upload_commit(endpoint=f"local://{self._folder}") as commit:
            commit.start_upload_bytes(b"1", sha256=hf_xet.SKIP_SHA256)

    def put_file(self, path: Path, folder: str) -> None:
        """Store one file."""
        self._put({f"{folder}/{path.name}": path})

    def put_folder(self, path: Path, folder: str) -> None:
        """Store all files of a folder in one commit."""
        self._put({f"{folder}/{each.name}": each for each in path.iterdir()})

    def get(self, path: str, target: Path) -> None:
        """Fetch a file or a folder in one group."""
        import hf_xet

        group = self._session.new_file_download_group(endpoint=f"local://{self._folder}")
        with group:
            for name, (digest, size) in self._known().items():
                if name == path or name.startswith(f"{path}/"):
                    (target / name).parent.mkdir(parents=True, exist_ok=True)
                    group.start_download_file(hf_xet.XetFileInfo(digest, size), str(target / name))

    def list(self, folder: str) -> int:
        """Count names."""
        return sum(name.startswith(f"{folder}/") for name in self._known())

    def delete(self, folder: str) -> None:
        """hf_xet cannot."""
        raise NotImplementedError

    def _put(self, files: dict[str, Path]) -> None:
        import hf_xet

        with self._session.new_upload_commit(endpoint=f"local://{self._folder}") as commit:
            handles = {
                name: commit.start_upload_file(str(path), sha256=hf_xet.SKIP_SHA256)
                for name, path in files.items()
            }
        found = {name: handle.result().xet_info for name, handle in handles.items()}
        known = self._known() | {name: (info.hash, info.file_size) for name, info in found.items()}
        self._names.write_text(json.dumps(known), encoding="utf-8")

    def _known(self) -> dict[str, Any]:
        return json.loads(self._names.read_text(encoding="utf-8")) if self._names.exists() else {}


def make(name: str, place: str, folder: Path) -> System:
    """Return one of the systems by its short name."""
    del folder
    if name == "plugin":
        return MlflowRepository(f"xet+file://{place}/plugin.xet/bench")
    if name == "files":
        return MlflowRepository(f"{place}/files")
    from pathlib import Path

    return BareXet(Path(place) / "bare")


def clear(place: str) -> None:
    """Remove what all of them stored."""
    shutil.rmtree(place, ignore_errors=True)
