"""The state machines of registered models: versions, stages and tags, and aliases besides.

Each step is followed by a look at all there is, so that a fault is seen in the step that makes it. Names and numbers
are few, so that steps meet: each takes what it finds, and an error is an answer as well. Hypothesis begins with what
comes first in everything, rules by their names: so that is nothing that destroys.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from mlflow_plugin_testing.plain import plain
from mlflow_plugin_testing.registry.steps import find_versions, model_tag, ours, unseen, version_tag
from mlflow_plugin_testing.tracking.machine import PairMachine

__all__ = ["AliasesMachine", "RegistryMachine"]

# The first is there from the beginning; the second is where it is renamed and copied to.
_NAMES = st.sampled_from(["a", "a", "b"])
_NUMBERS = st.integers(1, 4)
# Zero stands for the model itself.
_MODEL_OR_VERSION = st.integers(0, 3)
_KEYS = st.sampled_from(["k", "a key"])
_TEXTS = st.sampled_from(["", "v", "V", "ü '\""])
_STAGES = st.sampled_from(["Production", "Staging", "production", "Archived", "None"])
_MODELS = st.sampled_from(["", "name LIKE '%a'", "tags.k = 'v'", "tags.k != 'v'"])
_VERSIONS = st.sampled_from(
    ["", "version_number > 1", "tags.k = 'v'", "tags.k != 'v'", "run_id = 'run1'"]
)
_BY_NAME = ["name ASC", "version_number ASC"]
_ORDERS = st.sampled_from([_BY_NAME, ["version_number DESC", "name ASC"], ["name DESC"]])


class RegistryMachine(PairMachine):
    """Models and versions come and go; whatever is read is the same in both stores."""

    @initialize()
    def begin(self) -> None:
        """Make a model with versions in stages, so that the first steps find something."""
        self.make_model("a", "v")

    def _name(self, name: str) -> str:
        return self.world.name(name)

    def _change(self, name: str, method: str, *args: Any, **kwargs: Any) -> None:
        """Change something of a model, and see what that did."""
        answer = self.both(method, self._name(name), *args, **kwargs)
        if answer.failed:
            return
        self.both("get_registered_model", self._name(name))
        self.pair.run(self._look)

    def _look(self, store: Any) -> None:
        found = find_versions(unseen(store), ours(self.world), order_by=_BY_NAME)
        # MLflow's SQL store leaves the aliases of versions empty in a search, and others fill them in.
        store.note("all versions", [{**plain(each), "aliases": []} for each in found])

    @rule(name=_NAMES, value=_TEXTS)
    def make_model(self, name: str, value: str) -> None:
        """Make a model with versions in stages, or be refused."""
        tags = [model_tag("k", value)]
        made = self.both("create_registered_model", self._name(name), tags, value, None)
        if made.failed:
            return
        for number, stage in ((1, "Production"), (2, "Staging"), (3, "None")):
            self.both("create_model_version", self._name(name), f"s3://bucket/{number}", "run1")
            self.both("transition_model_version_stage", self._name(name), number, stage, False)

    @rule(name=_NAMES)
    def rename_model(self, name: str) -> None:
        """Give it the other name, which may be taken."""
        new = "b" if name == "a" else "a"
        self._change(name, "rename_registered_model", self._name(new))
        self.both("get_registered_model", self._name(new))

    @rule(name=_NAMES, run=st.integers(0, 2), value=_TEXTS)
    def add_version(self, name: str, run: int, value: str) -> None:
        """Make a version."""
        tags = [version_tag("k", value)]
        source, run_id = f"s3://bucket/{run}", f"run{run}"
        self._change(name, "create_model_version", source, run_id, tags, None, value)

    @rule(name=_NAMES, number=_NUMBERS, to=_NAMES)
    def copy_version(self, name: str, number: int, to: str) -> None:
        """Make a version of another, which may not be there; MLflow copies versions so."""
        self._change(to, "create_model_version", f"models:/{self._name(name)}/{number}")

    @rule(name=_NAMES, number=_NUMBERS)
    def read_version(self, name: str, number: int) -> None:
        """Read a version, where its artifacts are, and which versions are the latest."""
        self.both("get_model_version", self._name(name), number)
        self.both("get_model_version_download_uri", self._name(name), number)
        self.both("get_latest_versions", self._name(name), view="unordered")

    @rule(name=_NAMES, number=st.sampled_from([3, 2, 1, 4, 0]))
    def remove(self, name: str, number: int) -> None:
        """Delete a version, or the model with all it has."""
        if number:
            self._change(name, "delete_model_version", number)
        else:
            self._change(name, "delete_registered_model")

    @rule(name=_NAMES, number=_MODEL_OR_VERSION, value=_TEXTS)
    def describe(self, name: str, number: int, value: str) -> None:
        """Describe a model or a version anew."""
        if number:
            self._change(name, "update_model_version", number, value)
        else:
            self._change(name, "update_registered_model", value)

    @rule(name=_NAMES, number=_NUMBERS, stage=_STAGES, archive=st.sampled_from([True, False]))
    def move_version(self, name: str, number: int, stage: str, archive: bool) -> None:  # noqa: FBT001
        """Move a version to a stage, and the others of that stage out of it."""
        self._change(name, "transition_model_version_stage", number, stage, archive)

    @rule(name=_NAMES, number=_MODEL_OR_VERSION, key=_KEYS, value=_TEXTS | st.none())
    def tag(self, name: str, number: int, key: str, value: str | None) -> None:
        """Set a tag of a model or a version, or delete it."""
        if number and value is None:
            self._change(name, "delete_model_version_tag", number, key)
        elif number:
            self._change(name, "set_model_version_tag", number, version_tag(key, value))
        elif value is None:
            self._change(name, "delete_registered_model_tag", key)
        else:
            self._change(name, "set_registered_model_tag", model_tag(key, value))

    @rule(models=_MODELS, versions=_VERSIONS, order=_ORDERS, size=st.integers(1, 4))
    def search(self, models: str, versions: str, order: list[str], size: int) -> None:
        """Search models and versions, page by page."""

        def numbers(store: Any) -> None:
            page = unseen(store).search_model_versions(
                ours(self.world, versions), max_results=size, order_by=order
            )
            store.note(f"versions of {versions}", [[each.name, str(each.version)] for each in page])

        self.pair.run(numbers)
        self.pair.run(
            lambda store: store.pages(
                "search_registered_models", filter_string=ours(self.world, models), max_results=size
            )
        )


class AliasesMachine(RegistryMachine):
    """Aliases are set, moved and deleted too."""

    @initialize()
    def begin(self) -> None:
        """Set one, besides what there is."""
        super().begin()
        self.both("set_registered_model_alias", self._name("a"), "champion", 1)

    @rule(name=_NAMES, alias=st.sampled_from(["champion", "Champion"]), number=st.integers(0, 3))
    def alias(self, name: str, alias: str, number: int) -> None:
        """Point an alias at a version, wherever it pointed before; zero deletes it."""
        if number:
            self._change(name, "set_registered_model_alias", alias, number)
        else:
            self._change(name, "delete_registered_model_alias", alias)
        self.both("get_model_version_by_alias", self._name(name), alias)
