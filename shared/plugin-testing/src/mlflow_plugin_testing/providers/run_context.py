"""The suite of run context providers: the tags that MLflow gives to each run that a program starts."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mlflow_plugin_testing.providers.registries import registered
from mlflow_plugin_testing.providers.watching import empty_environment
from mlflow_plugin_testing.suite import PluginSuite
from mlflow_plugin_testing.tracking.reference import reference_store

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RunContextSuite"]

_THREADS = 8


class RunContextSuite(PluginSuite):
    """Tests of a run context provider.

    Example:
        >>> class TestMine(RunContextSuite):
        ...     @pytest.fixture
        ...     def provider(self, monkeypatch):
        ...         monkeypatch.setenv("CI_JOB", "17")
        ...         return MyProvider()
    """

    kind: ClassVar[str] = "run_context_provider"
    abstract: ClassVar[str] = "mlflow.tracking.context.abstract_context.RunContextProvider"
    calls: ClassVar[tuple[str, ...]] = ("in_context", "tags")

    @pytest.fixture
    def provider(self) -> Any:
        """The provider, with all that it needs to be in context."""
        message = f"{type(self).__name__} needs a fixture `provider` that returns the provider"
        raise NotImplementedError(message)

    @pytest.fixture
    def secrets(self) -> list[str]:
        """What must not become a tag, such as the values of environment variables with passwords."""
        return []

    def test_it_says_whether_it_is_in_context(self, provider: Any) -> None:
        """MLflow asks this first, and takes anything that is not false for a yes."""
        assert isinstance(provider.in_context(), bool), "in_context() must return True or False"

    def test_it_raises_nothing_where_nothing_is_set(
        self, provider: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """MLflow goes on without the tags of a provider that fails, and nobody knows why they are missing."""
        empty_environment(monkeypatch)
        monkeypatch.chdir(tmp_path)
        for made in (provider, type(provider)()):
            if made.in_context():
                made.tags()

    @pytest.mark.skipif(os.name != "posix", reason="only there a working folder can be removed")
    def test_it_raises_nothing_where_the_working_folder_is_gone(
        self, provider: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """A job's scratch folder may be cleaned up while the job still runs."""
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()

        if provider.in_context():
            provider.tags()

    def test_its_tags_can_be_stored(self, provider: Any) -> None:
        """MLflow refuses the whole run for a tag that is too long or badly named."""
        from mlflow.utils.validation import _validate_tag_name

        tags = _tags(provider)

        assert isinstance(tags, dict), f"tags() returns a {type(tags).__name__}"
        for name, value in tags.items():
            assert isinstance(name, str), f"the name {name!r} is no string"
            assert isinstance(value, str), (
                f"the value of {name} is a {type(value).__name__}, not a string"
            )
            _validate_tag_name(name)

    def test_a_run_is_made_with_them(
        self, provider: Any, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """The whole way: MLflow's registry, a store with MLflow's limits, and back."""
        from mlflow.entities import RunTag
        from mlflow.tracking.context.registry import resolve_tags

        base = tmp_path_factory.getbasetemp()
        store = reference_store(base, str(base / "artifacts"))
        with registered("context", provider):
            tags = resolve_tags()
        run = store.create_run(
            "0", "somebody", 0, [RunTag(*tag) for tag in tags.items()], "a run with a context"
        )
        stored = store.get_run(run.info.run_id).data.tags

        assert {name: stored.get(name) for name in tags} == tags
        assert tags == _tags(provider)

    def test_what_the_user_says_wins(self, provider: Any) -> None:
        """A tag that the program itself gives a run is not a provider's to change."""
        from mlflow.tracking.context.registry import resolve_tags

        own = dict.fromkeys(_tags(provider), "the user's")
        with registered("context", provider):
            assert resolve_tags(own) == own

    def test_asking_twice_answers_the_same(self, provider: Any) -> None:
        """MLflow asks for each run; runs that are started together belong together."""
        assert _tags(provider).keys() == _tags(provider).keys()

    def test_many_threads_get_the_same(self, provider: Any) -> None:
        """Programs start runs in threads, and one provider object serves all."""
        with ThreadPoolExecutor(_THREADS) as pool:
            found = list(pool.map(lambda _: _tags(provider).keys(), range(_THREADS)))

        assert all(each == found[0] for each in found)

    def test_no_secret_becomes_a_tag(self, provider: Any, secrets: list[str]) -> None:
        """Tags are shown to everybody who sees the run."""
        tags = _tags(provider)
        for secret in filter(None, secrets):
            leaked = [name for name, value in tags.items() if secret in f"{name}{value}"]
            assert not leaked, f"the tag {', '.join(leaked)} shows a secret"


def _tags(provider: Any) -> Any:
    return provider.tags() if provider.in_context() else {}
