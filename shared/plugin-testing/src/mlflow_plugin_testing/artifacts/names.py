"""A file keeps its name, letter for letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.check import check, error_of
from mlflow_plugin_testing.artifacts.content import digest_of

if TYPE_CHECKING:
    from mlflow_plugin_testing.artifacts.bench import Bench

__all__ = ["ORDINARY", "TWINS", "UNUSUAL", "Names"]

#: Names that each repository can hold, since MLflow allows them and users have them.
ORDINARY = {
    "spaces": "two  spaces and one.txt",
    "a space at the end": "name ",
    "a dot first": ".hidden",
    "dots": "a..b...txt",
    "a dot at the end": "name.",
    "a plus sign": "a+b.txt",
    "an ampersand": "a&b=c&d.txt",
    "brackets": "a(b)[c]{d}.txt",
    "quotes": 'it\'s "quoted" `so`.txt',
    "a dollar and an at sign": "$HOME@host!.txt",
    "a comma and a tilde": "~a,b^c.txt",
    "a dash first": "--option",
    "a pipe and angles": "a|b<c>d.txt",
    "a star": "a*b.txt",
    "composed letters": "\u00e9t\u00e9.txt",
    "decomposed letters": "e\u0301te\u0301.txt",
    "letters of other scripts": "модель_模型_نموذج.bin",
    "a letter beyond 16 bits": "model 🚀.bin",
    "a soft hyphen and a joiner": "a\u00adb\u200dc.txt",
    "two hundred letters": "n" * 200,
    "the name of a device": "CON.txt",
    "digits alone": "0017",
    "a percent sign before no digits": "100% sure.txt",
}
#: Names that whoever takes a path for a URL, or for a path of Windows, gets wrong.
UNUSUAL = {
    "a number sign": "a#b.txt",
    "a question mark": "a?b.txt",
    "a question mark at the end": "really?",
    "a semicolon at the end": "end;",
    "what looks percent-encoded": "a%20b%2Fc.txt",
    "a percent sign with digits": "50%41.txt",
    "a colon": "a:b.txt",
    "a large letter before a colon": "C:b.txt",
    "a space first": " a.txt",
    "a backslash": "a\\b.txt",
    "a line feed": "a\nb.txt",
    "a tab": "a\tb.txt",
}
#: A name, and another one that it is taken for by whoever decodes it or reads it as a pattern.
TWINS = {
    "percent-encoded": ("a%20b", "a b"),
    "a plus sign": ("a+b", "a b"),
    "a star": ("a*", "ab"),
    "brackets": ("[ab]", "a"),
    "an underscore": ("a_b", "axb"),
    "a percent sign": ("a%", "ab"),
    "a large letter": ("A", "a"),
    "a space at the end": ("a ", "a"),
}


class Names:
    """Tests of names."""

    @pytest.mark.parametrize("name", list(ORDINARY.values()), ids=list(ORDINARY))
    @check(ArtifactCapability.NAMES)
    def test_a_name_comes_back_as_it_was(self, bench: Bench, name: str) -> None:
        """As a file's name and as a folder's."""
        _comes_back(bench, name)

    @pytest.mark.parametrize("name", list(UNUSUAL.values()), ids=list(UNUSUAL))
    @check(ArtifactCapability.NAMES)
    def test_an_unusual_name_comes_back_or_is_refused(self, bench: Bench, name: str) -> None:
        """A file that was logged without an error can be fetched: else it is lost, and nobody was told."""
        error = error_of(bench.candidate("tried").log_artifact, name, b"x")
        if error is None:
            _comes_back(bench, name)
            return
        code = getattr(error, "error_code", type(error).__name__)

        assert code == "INVALID_PARAMETER_VALUE", (
            f"a file of the name {name!r} is refused by {code}: say INVALID_PARAMETER_VALUE, in an MlflowException"
        )
        assert bench.stored("tried") == {}, (
            "a name was refused, and something was stored all the same"
        )

    @check(ArtifactCapability.NAMES)
    def test_two_ways_to_write_a_letter_are_two_names(self, bench: Bench) -> None:
        """`é` is one letter or two; a file system or a collation that folds them loses one of the files."""
        composed, decomposed = "\u00f6.txt", "o\u0308.txt"
        repository = bench.candidate()
        repository.log_artifact(composed, b"composed")
        repository.log_artifact(decomposed, b"decomposed!")

        assert bench.stored() == {
            composed: digest_of(b"composed"),
            decomposed: digest_of(b"decomposed!"),
        }
        assert repository.download_artifacts(composed)["files"] == {
            composed: digest_of(b"composed")
        }

    @pytest.mark.parametrize(("name", "twin"), list(TWINS.values()), ids=list(TWINS))
    @check(ArtifactCapability.DELETION)
    def test_a_name_deletes_itself_alone(self, bench: Bench, name: str, twin: str) -> None:
        """As a file and as a folder: what it could be taken for stays."""
        repository = bench.candidate()
        if error_of(repository.log_artifact, name, b"x", "files") is not None:
            # Then it cannot be deleted either; whether it was refused as it should be is looked at elsewhere.
            return
        repository.log_artifact(twin, b"twin", "files")
        repository.log_artifact("x", b"x", f"folders/{name}")
        repository.log_artifact("x", b"twin", f"folders/{twin}")
        repository.delete_artifacts(f"files/{name}")
        repository.delete_artifacts(f"folders/{name}")

        assert bench.stored() == {
            f"files/{twin}": digest_of(b"twin"),
            f"folders/{twin}/x": digest_of(b"twin"),
        }

    @check(ArtifactCapability.NAMES)
    def test_a_long_path_of_many_folders_comes_back(self, bench: Bench) -> None:
        """A path of 900 letters: object stores allow 1,024 bytes, with the prefix of the run."""
        folder = "/".join(["folder" * 8] * 18)
        bench.candidate().log_artifact("a.txt", b"deep", folder)

        assert bench.stored() == {f"{folder}/a.txt": digest_of(b"deep")}
        fetched = bench.candidate().download_artifacts(f"{folder}/a.txt")
        assert fetched["files"] == {f"{folder}/a.txt": digest_of(b"deep")}


def _comes_back(bench: Bench, name: str) -> None:
    content, deeper = name.encode(), b"in " + name.encode()
    repository = bench.candidate("named")
    repository.log_artifact(name, content)
    repository.log_artifacts({f"{name}/{name}": deeper}, "folder")
    expected = {name: digest_of(content), f"folder/{name}/{name}": digest_of(deeper)}

    assert bench.stored("named") == expected, f"the name {name!r} is stored otherwise"
    listed = [(info["path"], info["file_size"]) for info in repository.list_artifacts()]
    assert (name, len(content)) in listed, f"the name {name!r} is listed otherwise: {listed}"
    inner = [info["path"] for info in repository.list_artifacts(f"folder/{name}")]
    assert inner == [f"folder/{name}/{name}"], f"the folder {name!r} is listed otherwise: {inner}"
    for path, digest in expected.items():
        error = error_of(repository.download_artifacts, path)
        assert error is None, f"{path!r} was logged and cannot be fetched: {error}"
        assert repository.download_artifacts(path)["files"] == {path: digest}
    assert repository.download_artifacts("")["files"] == expected
