"""The kit rejects each of the plugins that are broken on purpose."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from broken.model import Broken, all_broken

from mlflow_plugin_testing.store_suite import StoreSuite, too_old_for_stores

# One fixture runs the tests of all of them: whichever test comes first waits for it.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

_HEAD = """
import pytest
from broken.model import all_broken

BROKEN = {each.name: each for each in all_broken()}
"""
_CLASS = """

class {title}(BROKEN[{name!r}].suite()):
"""
_FIXTURE = """
    @pytest.fixture
    def {fixture}(self, tmp_path):
        return BROKEN[{name!r}].fixtures[{fixture!r}](tmp_path)
"""


def _title(broken: Broken) -> str:
    return "Test" + "".join(word.capitalize() for word in re.split(r"\W", broken.name))


@pytest.fixture(scope="module")
def rejected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What became of the named test of each, from one run of pytest in a process of its own."""
    folder = tmp_path_factory.mktemp("broken")
    text = _HEAD
    for each in all_broken():
        text += _CLASS.format(title=_title(each), name=each.name)
        text += "".join(_FIXTURE.format(fixture=name, name=each.name) for name in each.fixtures)
    module = folder / "test_all_broken.py"
    module.write_text(text, encoding="utf-8")
    report = folder / "report.xml"
    options = ["-p", "no:randomly", "-p", "no:cacheprovider", "-q", f"--junitxml={report}"]
    (folder / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n", encoding="utf-8"
    )
    nodes = [f"{module}::{_title(each)}::{each.rejected_by}" for each in all_broken()]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *nodes],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.is_file(), done.stdout + done.stderr
    found = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  (written by our own run)
        title = case.attrib["classname"].rpartition(".")[2]
        found[title] = next((child.tag for child in case if child.tag != "properties"), "passed")
    return found


@pytest.mark.parametrize("broken", all_broken(), ids=lambda broken: broken.name)
def test_a_broken_plugin_is_rejected_by_the_test_for_it(
    broken: Broken, rejected: dict[str, str]
) -> None:
    reason = too_old_for_stores()
    if reason and issubclass(broken.suite(), StoreSuite):
        pytest.skip(reason)
    # An error would be a fault of the fixture or of the kit, and not a verdict.
    assert rejected[_title(broken)] == "failure"


def test_no_two_broken_plugins_have_the_same_name() -> None:
    titles = [_title(each) for each in all_broken()]

    assert len(titles) == len(set(titles))
