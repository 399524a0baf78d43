"""What the command line takes."""

from __future__ import annotations

import pytest

from mlflow_plugin_servers.__main__ import main
from mlflow_plugin_servers.catalog import SERVERS


@pytest.mark.parametrize("name", [*SERVERS, "prepare", "proxy"])
def test_each_command_says_what_it_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])

    said = capsys.readouterr().out
    assert caught.value.code == 0
    assert said.startswith(f"usage: python -m mlflow_plugin_servers {name} ")
    assert name not in SERVERS or "--option NAME=VALUE" in said


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "COMMAND"),
        (["oracle"], "oracle"),
        (["prepare", "s3", "oracle"], "'oracle' is none of postgresql, mariadb"),
        (["postgresql", "--option", "work_mem"], "'work_mem' does not have the form NAME=VALUE"),
        (["postgresql", "--option", "=1"], "does not have the form NAME=VALUE"),
        (["postgresql", "--port", "many"], "invalid int value"),
        (["proxy"], "--to"),
    ],
)
def test_what_it_does_not_take_is_said_before_anything_starts(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)

    assert caught.value.code == 2
    assert reason in capsys.readouterr().err
