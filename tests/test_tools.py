"""The tools that decide what is tested, released and shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import affected
import check_layout
import collect_docs
import discover
import import_contracts
import matrix
import release
import tables

if TYPE_CHECKING:
    from collections.abc import Callable

    Repository = Callable[..., Path]


def _shorts(found: list[discover.Distribution]) -> list[str]:
    return [item.short for item in found]


def test_a_folder_is_all_it_takes_to_be_found(repository: Repository) -> None:
    root = repository(core=[], blue=["mlflow-core>=0.1"], green=[])

    assert _shorts(discover.distributions(root)) == ["core", "blue", "green"]
    assert _shorts(discover.plugins(root)) == ["blue", "green"]
    assert _shorts(discover.needs(discover.by_name("blue", root), root)) == ["core"]
    assert discover.by_name("mlflow-blue", root).floor == "3.5"
    with pytest.raises(LookupError, match="core, blue, green"):
        discover.by_name("red", root)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (["plugins/green/src/x.py"], ["green"]),
        (["shared/core/src/x.py"], ["core", "blue"]),
        (["noxfile.py"], ["core", "blue", "green"]),
        (["docs/index.md", "README.md"], []),
        ([], []),
    ],
    ids=str,
)
def test_a_change_concerns_what_depends_on_it(
    repository: Repository, changed: list[str], expected: list[str]
) -> None:
    root = repository(core=[], blue=["mlflow-core>=0.1"], green=[])

    assert _shorts(affected.affected(changed, root)) == expected


def test_a_pull_request_runs_floor_and_newest_on_oldest_and_newest(repository: Repository) -> None:
    cells = matrix.pull_request(discover.plugins(repository(blue=[])))

    assert {(cell["mlflow"], cell["python"]) for cell in cells} == {
        (minor, python)
        for minor in ("3.5", discover.MLFLOW_MINORS[-1])
        for python in (discover.PYTHONS[0], discover.PYTHONS[-1])
    }


def test_the_night_runs_everything_and_may_fail_on_main_only(repository: Repository) -> None:
    cells = matrix.nightly(discover.plugins(repository(blue=[])))

    assert len(cells) == 4 * len(discover.PYTHONS) + 1  # no MLflow below the plugin's floor
    assert [cell["mlflow"] for cell in cells if cell["may-fail"]] == ["main"]


def test_a_release_needs_tag_version_and_changelog_to_agree(repository: Repository) -> None:
    root = repository(blue=[])
    item, version = release.parse("mlflow-blue-v1.2.0", root)
    assert release.faults(item, version) == []

    assert "the tag says 1.3.0" in release.faults(item, "1.3.0")[0]
    (item.folder / "changes/1.feature.md").write_text("More.")
    assert "news fragment" in release.faults(item, version)[0]


@pytest.mark.parametrize(
    "tag", ["mlflow-red-v1.2.0", "blue-v1.2.0", "mlflow-blue-1.2.0", "mlflow-blue-v1.2", "v1.2.0"]
)
def test_one_tag_alone_releases_a_version(repository: Repository, tag: str) -> None:
    with pytest.raises(ValueError, match="is not NAME-vX.Y.Z with one of: mlflow-blue"):
        release.parse(tag, repository(blue=[]))


def test_a_distribution_without_mlflow_has_no_cells_of_it(repository: Repository) -> None:
    (item,) = discover.plugins(repository(blue=[]))
    metadata = {"project": {**item.metadata["project"], "dependencies": []}}
    alone = discover.Distribution(item.folder, metadata)

    assert (alone.floor, alone.minors) == (None, [])
    assert [(cell["mlflow"], cell["python"]) for cell in matrix.pull_request([alone])] == [
        ("none", discover.PYTHONS[0]),
        ("none", discover.PYTHONS[-1]),
    ]
    assert {cell["mlflow"] for cell in matrix.nightly([alone])} == {"none"}
    assert "MLflow" not in tables.versions_table(alone)


def test_a_table_is_replaced_between_its_marks_only() -> None:
    text = "before\n<!-- plugins:begin -->\nold\n<!-- plugins:end -->\nafter\n"

    assert tables.replaced(text, "plugins", r"new \1") == text.replace("old", r"new \1")
    assert tables.replaced(text, "versions", "new") == text


def test_the_table_of_plugins_comes_from_their_metadata(repository: Repository) -> None:
    table = tables.plugins_table(repository(core=[], blue=[]))

    row = table.splitlines()[-1]
    assert row == (
        "| [mlflow-blue](plugins/blue/README.md) | About blue. | `blue` | 3.5 and later |  |"
    )


def test_the_layout_check_names_each_fault(repository: Repository) -> None:
    root = repository(blue=[])
    assert list(check_layout.faults(root)) == []

    package = root / "plugins/blue/src/mlflow_blue"
    (package / "long.py").write_text('"""Long."""\n' + "x = 1\n" * check_layout.MODULE_LINES)
    (package / "mute.py").write_text("from mlflow.version import VERSION\n")
    body = "    x = 1\n" * check_layout.FUNCTION_LINES
    (package / "deep.py").write_text('"""Deep."""\n\n\ndef deep() -> None:\n' + body)
    (root / "plugins/blue/README.md").unlink()
    found = " ".join(check_layout.faults(root))

    assert "has no README.md" in found
    assert "long.py: 401 lines" in found
    assert "mute.py: has no docstring" in found
    assert "deep.py:4: deep has 61 lines" in found
    assert "only compat.py looks at MLflow's version" in found


def test_links_of_a_collected_page_hold_in_the_site(repository: Repository) -> None:
    root = repository(core=[], blue=[])
    known = collect_docs.pages(root)
    source, target = "plugins/blue/README.md", known["plugins/blue/README.md"]

    def rewritten(text: str) -> str:
        return collect_docs.rewritten(text, source, target, known, root).strip()

    assert rewritten("[a](CHANGELOG.md#x)") == "[a](changelog.md#x)"
    assert rewritten("[a](LICENSE)").endswith("/blob/main/plugins/blue/LICENSE)")
    assert rewritten("```\n[a](nowhere)\n```") == "```\n[a](nowhere)\n```"
    with pytest.raises(LookupError, match="nowhere"):
        rewritten("[a](nowhere)")


def test_the_workflows_matrix_is_json() -> None:
    program = [sys.executable, str(discover.ROOT / "tools/matrix.py"), "nightly"]
    printed = subprocess.run(program, capture_output=True, text=True, check=True).stdout

    assert json.loads(printed)["include"][0].keys() == {"dist", "mlflow", "python", "may-fail"}


def test_an_sdk_outside_of_client_py_breaks_the_contract(repository: Repository) -> None:
    root = repository(blue=[])
    _declare(root, 'sdks = ["json"]')
    package = root / "plugins/blue/src/mlflow_blue"
    (package / "client.py").write_text("import json\n")
    (package / "store.py").write_text("import mlflow_blue.client\n")
    assert _contracts_hold(root)

    (package / "store.py").write_text("import json\n")

    assert not _contracts_hold(root)


def _declare(root: Path, line: str) -> None:
    with (root / "plugins/blue/pyproject.toml").open("a") as stream:
        stream.write(f"\n[tool.mlflow-plugin]\n{line}\n")


def _contracts_hold(root: Path) -> bool:
    written = import_contracts.contracts(root)
    # The small repository has no shared library.
    head, _, rest = written.partition("\n[importlinter:contract:core]")
    (root / "contracts.ini").write_text(head + "\n" + rest.partition("\n\n")[2])
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--config", "contracts.ini"]
    path = str(root / "plugins/blue/src")
    done = subprocess.run(
        [*lint, "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Only mlflow_blue's client modules import an SDK" in done.stdout, (
        done.stdout + done.stderr
    )
    return done.returncode == 0


def test_a_stale_table_is_an_error_and_is_not_written(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository(blue=[])
    (root / "README.md").write_text("<!-- plugins:begin -->\nold\n<!-- plugins:end -->\n")
    before = (root / "README.md").read_text()

    assert tables.main(["--check"], root) == 1
    assert "README.md: its tables are out of date" in capsys.readouterr().out
    assert (root / "README.md").read_text() == before
    assert tables.main([], root) == 0
    assert tables.main(["--check"], root) == 0


def test_the_site_gets_every_page_of_every_distribution(repository: Repository) -> None:
    root = repository(core=[], blue=[])
    for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"):
        (root / name).write_text("# Title\n")
    (root / "plugins/blue/docs").mkdir()
    (root / "plugins/blue/docs/operations.md").write_text("[back](../README.md)\n")
    stale = root / "docs/collected/gone.md"
    stale.parent.mkdir(parents=True)
    stale.write_text("of a plugin that was removed\n")

    collect_docs.collect(root)

    collected = root / "docs/collected"
    assert (collected / "blue/operations.md").read_text() == "[back](index.md)\n"
    assert "operations\nchangelog" in (collected / "blue/index.md").read_text()
    assert "collected/blue/index" in (collected / "_contents.md").read_text()
    assert not stale.exists()
