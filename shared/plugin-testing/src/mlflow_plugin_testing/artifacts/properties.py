"""Any files, and any order of operations."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlflow_plugin_testing.artifacts.capabilities import ArtifactCapability
from mlflow_plugin_testing.store_suite import judged
from mlflow_plugin_testing.suite import about

if TYPE_CHECKING:
    from mlflow_plugin_testing.artifacts.bench import Bench

__all__ = ["Properties"]

# The same examples in each run, and no folder of earlier failures: a level may not depend on chance.
_SETTINGS = settings(
    max_examples=30,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

# What MLflow's own repository takes for a part of a URL is tested by name; control characters are no names.
_LETTERS = st.characters(exclude_categories=("Cc", "Cs", "Co", "Cn"), exclude_characters="/\\#%?:;")
_names = st.text(_LETTERS, min_size=1, max_size=12).filter(
    lambda name: name.strip(". ") == name and name.isprintable()
)
_contents = st.binary(max_size=200)
_trees = st.recursive(
    st.dictionaries(_names, _contents, max_size=4),
    lambda inner: st.dictionaries(_names, st.one_of(_contents, inner), max_size=4),
    max_leaves=12,
)

# Few names, so that operations meet: files where folders were, and names that begin alike.
_paths = st.sampled_from(["a", "ab", "b", "a/b", "a/b/c", "b/a", "ab/c", "a.b"])
_operations = st.lists(
    st.one_of(
        st.tuples(st.just("log_artifact"), _paths, st.binary(max_size=20)),
        st.tuples(st.just("delete_artifacts"), _paths),
        st.tuples(st.just("list_artifacts"), st.one_of(st.none(), _paths)),
        st.tuples(st.just("download_artifacts"), _paths),
    ),
    min_size=3,
    max_size=14,
)


class Properties:
    """Tests whose examples nobody chose. Both repositories are taken through each of them."""

    claim: Any

    @about(ArtifactCapability.NAMES)
    def test_any_tree_of_files_comes_back(self, bench: Bench) -> None:
        """Any names that MLflow allows, at any depth, with any content."""
        numbers = itertools.count()

        @_SETTINGS
        @given(tree=_trees)
        def example(tree: dict[str, Any]) -> None:
            files = dict(_flat(tree))
            pair = bench.pair_at(f"example{next(numbers)}")

            def run(repository: Any) -> None:
                repository.log_artifacts(files)
                repository.stored()
                repository.list_artifacts()
                for name, item in tree.items():
                    if isinstance(item, dict) and dict(_flat(item)):
                        repository.list_artifacts(name)
                repository.download_artifacts("")

            pair.run(run)

        judged(example, ArtifactCapability.NAMES, self.claim(ArtifactCapability.NAMES))

    @about(ArtifactCapability.DELETION)
    def test_any_order_of_operations_ends_alike(self, bench: Bench) -> None:
        """Logged, deleted, listed and fetched, in any order, on paths that meet."""
        numbers = itertools.count()

        @_SETTINGS
        @given(operations=_operations)
        def example(operations: list[tuple[Any, ...]]) -> None:
            steps = list(_steps(operations))

            def run(repository: Any) -> None:
                for method, arguments in steps:
                    getattr(repository, method)(*arguments)
                repository.stored()

            bench.pair_at(f"example{next(numbers)}").run(run)

        judged(example, ArtifactCapability.DELETION, self.claim(ArtifactCapability.DELETION))


def _flat(tree: dict[str, Any], above: str = "") -> Any:
    for name, item in tree.items():
        if isinstance(item, dict):
            yield from _flat(item, f"{above}{name}/")
        else:
            yield above + name, item


def _steps(operations: list[tuple[Any, ...]]) -> Any:
    """Leave out what MLflow promises nothing about."""
    files: set[str] = set()
    for method, path, *content in operations:
        if method == "log_artifact":
            if _is_free(path, files):
                files.add(path)
                folder, _, name = path.rpartition("/")
                yield method, (name, *content, folder or None)
        elif method != "download_artifacts" or _is_there(path, files):
            yield method, (path,)
        if method == "delete_artifacts":
            files = {file for file in files if not f"{file}/".startswith(f"{path}/")}


def _is_free(path: str, files: set[str]) -> bool:
    """A file where a folder is, or below a file: no two services agree on it, and MLflow promises nothing."""
    return not any(file.startswith(f"{path}/") or path.startswith(f"{file}/") for file in files)


def _is_there(path: str, files: set[str]) -> bool:
    """What a folder downloads as, from which all files were deleted, is nobody's promise."""
    return any(f"{file}/".startswith(f"{path}/") for file in files)
