"""Words of a location that nobody may be shown."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.artifacts.check import check, error_of
from mlflow_plugin_testing.artifacts.content import write_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

    from mlflow_plugin_testing.artifacts.bench import Bench

__all__ = ["Secrets"]


class Secrets:
    """Tests with the fixture `secrets`; a location without any cannot show one."""

    @check(ArtifactCapability.SECRETS)
    def test_a_repository_does_not_show_its_secrets(self, bench: Bench, secrets: list[str]) -> None:
        """MLflow writes repositories into messages, and notebooks show them."""
        repository = bench.candidate().raw
        shown = {
            "repr": repr(repository),
            "str": str(repository),
            "format": f"{repository}",
            "a list": repr([repository]),
        }

        _none_is_shown(shown.items(), secrets)

    @check(ArtifactCapability.SECRETS)
    def test_no_error_shows_a_secret(
        self, bench: Bench, secrets: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Not in a message, nor in those of the errors that led to it, nor in the log."""
        repository = bench.candidate()
        repository.log_artifact("a.txt", b"a")
        in_the_way = bench.place("downloads")
        write_file(in_the_way / "a.txt" / "in the way", b"mine")
        with caplog.at_level(logging.DEBUG):
            errors = [
                error_of(repository.raw.download_artifacts, "missing", str(in_the_way)),
                error_of(repository.raw.download_artifacts, "a.txt", str(in_the_way)),
                error_of(repository.raw.download_artifacts, "a.txt", str(in_the_way / "missing")),
                error_of(repository.raw._download_file, "missing", str(bench.place("x"))),
                error_of(repository.raw.log_artifact, str(bench.place("missing"))),
                error_of(repository.raw.log_artifact, str(in_the_way), "../up"),
                error_of(repository.raw.list_artifacts, "../up"),
            ]

        assert any(errors), "none of seven faults was an error"
        _none_is_shown(_messages(errors), secrets)
        _none_is_shown((("the log", record.getMessage()) for record in caplog.records), secrets)

    @check(ArtifactCapability.SECRETS)
    def test_a_wrong_secret_is_not_shown_either(
        self, bench: Bench, secrets: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        """A mistyped password is nearly the right one."""
        uri, wrong = bench.uri(), []
        for number, secret in enumerate(secrets):
            wrong.append(f"wrong{number}nearlyright")
            uri = uri.replace(secret, wrong[-1])

        def use() -> None:
            opened = bench.opener(uri)
            opened.list_artifacts()
            opened.download_artifacts("missing", str(bench.folder))

        if wrong:
            with caplog.at_level(logging.DEBUG):
                error = error_of(use)
            _none_is_shown(_messages([error]), wrong)
            _none_is_shown((("the log", record.getMessage()) for record in caplog.records), wrong)


def _messages(errors: Iterable[Exception | None]) -> Iterator[tuple[str, str]]:
    for error in errors:
        link: BaseException | None = error
        while link is not None:
            yield f"the message of a {type(link).__name__}", f"{link!s} {link!r}"
            # A traceback shows no values, but notes and the text of syntax errors.
            yield "a traceback", "".join(traceback.format_exception_only(type(link), link))
            link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _none_is_shown(shown: Iterable[tuple[str, str]], secrets: list[str]) -> None:
    for where, text in shown:
        for secret in secrets:
            # The secret itself does not go into the report of the tests either.
            hidden = text.replace(secret, "<the secret>")

            assert secret not in text, f"{where} shows a secret of the location: {hidden}"
