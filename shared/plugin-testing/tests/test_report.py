"""What a run says at its end: levels, the report, and complaints about tests that were left out."""

from __future__ import annotations

import json

import mlflow.tracking.request_auth.registry  # noqa: F401  (an inner run must not be the first to import it)
import pytest

# The run inside of this one listens on loopback.
pytestmark = pytest.mark.enable_socket
_SUITE = """
import pytest
from mlflow_plugin_testing import RequestAuthCapability, RequestAuthSuite, not_implemented
from mlflow_plugin_testing.suite import overridden_because


class Auth:
    def __call__(self, request):
        request.headers["Authorization"] = "Bearer abcdef"
        return request


class Provider:
    def get_name(self):
        return "mine"

    def get_auth(self):
        return Auth()


class TestMine(RequestAuthSuite):
    @pytest.fixture
    def provider(self):
        return Provider()
"""


@pytest.fixture
def run(pytester: pytest.Pytester) -> object:
    """Runs the suite above, with more lines at its end."""

    def run(more: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(_SUITE + more)
        return pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:socket", *options)

    return run


def test_a_level_is_computed_from_what_passed(run: object) -> None:
    ran = run("")  # type: ignore[operator]

    # Nothing expires its credential, so that renewal is unknown, and the level the one below.
    ran.stdout.fnmatch_lines(["TestMine (request_auth_provider): level extended, 5 of 6 cap*"])
    assert ran.ret == 0


def test_a_level_that_is_not_reached_fails_the_run_that_asks_for_it(run: object) -> None:
    ran = run("", "--mlflow-plugin-level=full")  # type: ignore[operator]

    assert ran.ret == 1
    ran.stdout.fnmatch_lines(["TestMine: level extended, and level full is asked for"])


def test_tests_deselected_without_a_reason_fail_the_run(run: object) -> None:
    ran = run("", "-k", "not redirect")  # type: ignore[operator]

    assert ran.ret == 1
    ran.stdout.fnmatch_lines(
        ["*level none*1 tests deselected", "TestMine: 1 tests of RequestAuth*"]
    )


def test_tests_may_be_deselected_for_a_reason(run: object) -> None:
    ran = run("", "-k", "not redirect", "--mlflow-plugin-partial=no sockets here")  # type: ignore[operator]

    assert ran.ret == 0
    ran.stdout.fnmatch_lines(["*level none*1 tests deselected"])


def test_a_suite_of_which_nothing_was_chosen_claims_nothing(run: object) -> None:
    ran = run("def test_other():\n    pass\n", "-k", "test_other")  # type: ignore[operator]

    assert ran.ret == 0
    ran.stdout.no_fnmatch_line("*TestMine*")


def test_a_test_that_is_replaced_fails_the_guard(run: object) -> None:
    ran = run("    def test_it_shows_no_secret(self):\n        pass\n")  # type: ignore[operator]

    ran.assert_outcomes(passed=7, failed=1, skipped=1)
    ran.stdout.fnmatch_lines(["*test_it_shows_no_secret: replaced without a reason*"])


def test_a_test_may_be_replaced_for_a_reason(run: object) -> None:
    ran = run(  # type: ignore[operator]
        "    @overridden_because('the token is public')\n"
        "    def test_it_shows_no_secret(self):\n        pass\n"
    )

    ran.assert_outcomes(passed=8, skipped=1)


def test_a_test_that_is_taken_away_fails_the_guard(run: object) -> None:
    ran = run("    test_it_shows_no_secret = None\n")  # type: ignore[operator]

    ran.assert_outcomes(passed=6, failed=1, skipped=1)


def test_a_skip_without_a_reason_counts_as_a_failure(run: object) -> None:
    ran = run(  # type: ignore[operator]
        "    @overridden_because('later')\n    @pytest.mark.skip\n"
        "    def test_it_shows_no_secret(self):\n        pass\n"
    )

    ran.stdout.fnmatch_lines(["TestMine (request_auth_provider): level none*"])


def test_the_report_is_written_as_json(run: object, pytester: pytest.Pytester) -> None:
    run("", "--mlflow-plugin-json=reports/mine.json")  # type: ignore[operator]
    (plugin,) = json.loads((pytester.path / "reports/mine.json").read_text())["plugins"]

    assert plugin["title"] == "TestMine"
    assert plugin["level"] == "extended"
    assert plugin["methods"] == {"public": 2, "reached": 2, "not reached": []}
    cells = {each["name"]: each["support"] for each in plugin["capabilities"]}
    assert cells["CACHING"] == "full"
    assert cells["RENEWAL"] == "unknown"
