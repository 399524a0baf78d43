"""Where a local store ends in a location, and which locations there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.utils.uri import append_to_uri_path

from mlflow_xet_artifacts import file_location, file_opening

if TYPE_CHECKING:
    from pathlib import Path

_RUN = "0123456789abcdef0123456789abcdef"
_NAMES = st.text("abcxyz09-_ äß%", min_size=1, max_size=8).filter(lambda name: "%" not in name)


def _nothing(_folder: str) -> bool:
    return False


@pytest.mark.parametrize(
    ("uri", "folder", "root"),
    [
        ("xet+file:///srv/a.xet", "/srv/a.xet", ""),
        ("xet+file:/srv/a.xet/1/run/artifacts", "/srv/a.xet", "1/run/artifacts"),
        ("xet+file:///srv/a.xet/b.xet", "/srv/a.xet", "b.xet"),
        (f"xet+file:/srv/store/{_RUN}/artifacts", "/srv/store", f"{_RUN}/artifacts"),
        (f"xet+file:/srv/1/models/m-{_RUN}/artifacts", "/srv/1", f"models/m-{_RUN}/artifacts"),
        (f"xet+file:/srv/1/traces/tr-{_RUN}/artifacts", "/srv/1", f"traces/tr-{_RUN}/artifacts"),
        ("xet+file:///srv/store", "/srv/store", ""),
        ("xet+file:///srv/with%20space.xet/a", "/srv/with space.xet", "a"),
        ("xet+file:///srv//a.xet//b/", "/srv/a.xet", "b"),
    ],
)
def test_the_store_ends_at_its_suffix_or_before_what_mlflow_appends(
    uri: str, folder: str, root: str
) -> None:
    found = file_location.parse(uri, is_store=_nothing)

    assert (found.folder, found.root) == (folder, root)


def test_a_store_that_is_there_is_found_above() -> None:
    found = file_location.parse(
        "xet+file:/srv/store/5/run/artifacts", is_store=lambda folder: folder == "/srv/store"
    )

    assert (found.folder, found.root) == ("/srv/store", "5/run/artifacts")


@pytest.mark.parametrize("stored_in", ["", "store", "store/1"])
@pytest.mark.parametrize(
    "location", ["store/1", f"store/1/{_RUN}/artifacts", f"store/1/{_RUN}/artifacts/a"]
)
def test_a_server_and_its_clients_open_the_same_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored_in: str, location: str
) -> None:
    if stored_in:
        (tmp_path / stored_in).mkdir(parents=True)
        (tmp_path / stored_in / file_location.INDEX_NAME).touch()
    uri = f"xet+file://{tmp_path}/{location}"

    of_client = file_opening.open_store(uri)
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", f"xet+file://{tmp_path}/store")
    of_server = file_opening.open_store(uri)

    assert of_server.database.folder == of_client.database.folder
    assert of_server.root == of_client.root


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("xet+file:relative/a.xet", "not absolute"),
        ("xet+file://host/a.xet", "names a host"),
        ("xet+file:///a/../b.xet", "'..'"),
        ("xet+file:///a/%2E%2E/b.xet", "'..'"),
        ("xet+file:///", "names no folder"),
        ("xet+file:///a.xet#b", "fragment"),
        ("xet+file:///a%00.xet", "control character|NUL"),
        ("xet+file:///a.xet/b%5Cc", "not an artifact path"),
    ],
)
def test_a_location_that_cannot_be_is_refused(uri: str, why: str) -> None:
    with pytest.raises(MlflowException, match=why) as caught:
        file_location.parse(uri, is_store=_nothing)

    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


@given(
    names=st.lists(_NAMES, min_size=1, max_size=4),
    run=st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
)
def test_what_mlflow_appends_never_moves_the_store(names: list[str], run: str) -> None:
    from urllib.parse import quote

    base = "xet+file:///" + "/".join(quote(name) for name in names)
    location = append_to_uri_path(base, run, "artifacts")

    store = file_location.parse(base, is_store=_nothing)
    found = file_location.parse(location, is_store=_nothing)

    assert found.folder == store.folder
    assert found.root.endswith(f"{run}/artifacts")
