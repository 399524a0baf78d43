"""MLflow's rules for artifact paths, held for any text."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import verify_artifact_path

from mlflow_plugin_core import artifact_paths

component = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="/\\%:"),
    min_size=1,
    max_size=20,
).filter(lambda text: text not in {".", ".."})
legal = st.lists(component, min_size=1, max_size=6).map("/".join)


@given(legal)
def test_a_legal_path_is_kept_exactly(path: str) -> None:
    assert artifact_paths.normalize(path) == path
    assert artifact_paths.normalize(path + "/") == path
    verify_artifact_path(path)  # MLflow agrees


@given(st.text())
def test_what_is_accepted_never_leads_out(path: str) -> None:
    try:
        found = artifact_paths.normalize(path)
    except MlflowException as error:
        assert "Invalid artifact path" in error.message  # noqa: PT017  # both outcomes are right
        return
    decoded = found
    for _ in range(10):
        decoded = unquote(decoded)
    assert ".." not in decoded.split("/")
    assert not decoded.startswith("/")
    root = Path("/srv/somewhere")
    destination = artifact_paths.local_destination(root, found)
    assert destination == root or root in destination.parents


@given(legal)
def test_a_path_is_the_join_of_its_parent_and_its_name(path: str) -> None:
    folder, name = artifact_paths.parent(path), artifact_paths.name(path)

    assert artifact_paths.join(folder, name) == path
    above = artifact_paths.ancestors(path)
    assert above == sorted(above, key=len)
    assert (above[-1] if above else "") == folder


@pytest.mark.parametrize("path", [None, "", "."])
def test_no_path_is_the_root(path: str | None) -> None:
    assert artifact_paths.normalize(path) == ""


@pytest.mark.parametrize("path", ["100%.txt", "a%20b.txt", "a b ", " ", "e\u0301", "a:b", "…"])
def test_unusual_names_are_legal_and_kept(path: str) -> None:
    assert artifact_paths.normalize(path) == path


def test_both_unicode_forms_are_two_paths() -> None:
    forms = {artifact_paths.normalize(unicodedata.normalize(form, "é")) for form in ("NFC", "NFD")}
    assert len(forms) == 2


@pytest.mark.parametrize(
    "path",
    ["/", "//", "/a", "..", "../a", "a/..", "a/../b", "./a", "a/./b", "a//b", "a\\b", "a\0b"]
    + ["a\nb", "C:/a", "C:\\a", "\ud800", "x" * 4001, quote("../a", safe=""), "%2e%2e", "%5c"]
    + [quote(quote("/etc", safe=""), safe=""), "a%00b"],
)
def test_an_illegal_path_is_refused_with_mlflows_words(path: str) -> None:
    with pytest.raises(MlflowException, match="Invalid artifact path") as error:
        artifact_paths.normalize(path)
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert len(error.value.message) < 400


def test_a_path_may_have_4000_characters() -> None:
    assert artifact_paths.normalize("x" * 4000)


def test_a_symlink_that_leads_out_is_refused_and_one_that_stays_is_not(tmp_path: Path) -> None:
    (tmp_path / "root" / "real").mkdir(parents=True)
    (tmp_path / "root" / "out").symlink_to(tmp_path)
    (tmp_path / "root" / "in").symlink_to(tmp_path / "root" / "real")

    with pytest.raises(MlflowException, match="outside of"):
        artifact_paths.local_destination(tmp_path / "root", "out/x")
    assert artifact_paths.local_destination(tmp_path / "root", "in/x").name == "x"
