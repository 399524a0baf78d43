"""The grammar of locations on the Hub."""

from __future__ import annotations

import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.utils.uri import append_to_uri_path

from mlflow_xet_artifacts import hub_location
from mlflow_xet_artifacts.hub_location import HubLocation

_NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_]{0,20}\Z")
_BRANCHES = st.from_regex(r"\A[a-z0-9][a-z0-9_+é-]{0,8}(?:/[a-z0-9_%-]{1,8}){0,2}\Z").filter(
    lambda name: not name.endswith(".lock")
)
_FOLDERS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="/\\%\x7f:"), min_size=1, max_size=8),
    max_size=3,
).filter(lambda names: all(n.isprintable() and n not in {".", ".."} for n in names))


def _parse(uri: str) -> tuple[str, str, str, str]:
    place = hub_location.parse(uri)
    return place.repo_type, place.repo, place.branch, place.root


def test_owner_repository_branch_and_folder_are_told_apart() -> None:
    found = _parse("xet://Acme/runs/main/1/4f0c/artifacts")

    assert found == ("model", "Acme/runs", "main", "1/4f0c/artifacts")


def test_the_folder_may_be_missing() -> None:
    assert _parse("xet://acme/runs/main") == ("model", "acme/runs", "main", "")
    assert _parse("xet://acme/runs/main/") == ("model", "acme/runs", "main", "")


def test_a_slash_inside_a_branch_is_escaped() -> None:
    assert _parse("xet://acme/runs/feature%2Fa/1") == ("model", "acme/runs", "feature/a", "1")


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_a_repository_has_one_of_three_kinds(kind: str) -> None:
    assert _parse(f"xet://acme/runs/main/1?repo_type={kind}")[0] == kind


def test_a_bucket_has_no_branch() -> None:
    found = _parse("xet://acme/store/main/1?repo_type=bucket")

    assert found == ("bucket", "acme/store", "", "main/1")


def test_a_revision_is_a_commit() -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"

    assert hub_location.parse(f"xet://a/b/main?revision={commit}").revision == commit


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("xet://acme", "it names no branch"),
        ("xet://acme/runs", "it names no branch"),
        ("xet:///runs/main", "'/runs' is not the name"),
        ("xet://acme/ru ns/main", "'acme/ru ns' is not the name"),
        ("xet://acme/ru--ns/main", "'acme/ru--ns' is not the name"),
        ("xet://acme/runs/a..b", "cannot be the name of a branch"),
        ("xet://acme/runs/%2Fa", "cannot be the name of a branch"),
        ("xet://acme/runs/a%20b", "cannot be the name of a branch"),
        ("xet://acme/runs/main/../x", "not an artifact path"),
        ("xet://acme/runs/main/a%2Fb", "%2F stands in its folder"),
        ("xet://acme/runs/main#x", "fragment"),
        ("xet://acme/runs/main?repo_type=kernel", "none of model, dataset, space, bucket"),
        ("xet://acme/runs/main?revision=main", "its revision is no commit"),
        ("xet://acme/store?repo_type=bucket&revision=" + "a" * 40, "a bucket has no revisions"),
        ("xet://acme/runs/main?repo_type=model&repo_type=space", "given twice"),
        ("xet://hf_secret@acme/runs/main", "a user or a token"),
        ("xet+file:///x", "its scheme"),
    ],
)
def test_a_malformed_location_says_what_is_wrong(uri: str, said: str) -> None:
    with pytest.raises(MlflowException, match="Invalid") as caught:
        hub_location.parse(uri)

    assert said in caught.value.message
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


@given(owner=_NAMES, name=_NAMES, branch=_BRANCHES, folders=_FOLDERS)
def test_what_is_written_is_read_and_mlflow_may_append_to_it(
    owner: str, name: str, branch: str, folders: list[str]
) -> None:
    quoted = urllib.parse.quote(branch, safe="")
    folder = "/".join(urllib.parse.quote(each, safe="") for each in folders)
    uri = f"xet://{owner}/{name}/{quoted}{'/' * bool(folder)}{folder}?repo_type=dataset"
    appended = append_to_uri_path(uri, "1/4f0c/artifacts")

    root = "/".join([*folders, "1/4f0c/artifacts"])
    assert hub_location.parse(appended) == HubLocation("dataset", f"{owner}/{name}", branch, root)
