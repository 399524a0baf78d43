"""A process that uploads a file to a service kept in a folder; see test_objects_resume.py.

    uploader.py FOLDER SOURCE PATH [STOP_AT]

With STOP_AT it says so once that many parts are there, and waits to be killed.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from object_service import EPOCH, FakeService, Unfinished
from objects import store_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow_plugin_core.objects.client import Body, ObjectInfo, Part


class FolderService(FakeService):
    """Keeps what it has in a folder, as a service does that outlives its clients."""

    def __init__(self, folder: Path, stop_at: int | None = None) -> None:
        super().__init__()
        self._folder = folder
        self._stop_at = stop_at
        for found in folder.glob("uploads/*/key"):
            parts = {
                int(part.name): part.read_bytes()
                for part in found.parent.iterdir()
                if part.name.isdigit()
            }
            self.uploads[found.parent.name] = Unfinished(found.read_text(), EPOCH, parts)
        self._count_begun = len(self.uploads)

    def begin_upload(self, key: str) -> str:
        super().begin_upload(key)
        upload_id = f"upload-{self._count_begun + self.calls['begin_upload']}"
        self.uploads[upload_id] = Unfinished(key, EPOCH)
        place = self._folder / "uploads" / upload_id
        place.mkdir(parents=True)
        (place / "key").write_text(key)
        return upload_id

    def put_part(self, key: str, upload_id: str, number: int, body: Body) -> Part:
        if self._stop_at is not None and self.calls["put_part"] >= self._stop_at:
            with self.lock:
                print("stopped", flush=True)
            time.sleep(600)
        part = super().put_part(key, upload_id, number, body)
        place = self._folder / "uploads" / upload_id / str(number)
        partial = place.with_suffix(".partial")
        partial.write_bytes(self.uploads[upload_id].parts[number])
        partial.rename(place)
        return part

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> ObjectInfo:
        info = super().complete_upload(key, upload_id, parts)
        target = self._folder / "objects" / key
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.objects[key].data)
        place = self._folder / "uploads" / upload_id
        for part in place.iterdir():
            part.unlink()
        place.rmdir()
        return info


def main(folder: str, source: str, path: str, stop_at: str | None = None) -> None:
    """Upload, and print what it took."""
    service = FolderService(Path(folder), None if stop_at is None else int(stop_at))
    store_of(service, workers=1).put_file(Path(source), path)
    print(json.dumps(service.calls), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
