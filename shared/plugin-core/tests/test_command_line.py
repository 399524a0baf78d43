"""The commands that every artifact plugin's command line has, on a service that behaves badly."""

from __future__ import annotations

import datetime as dt
import http.server
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import checked_plugin
import click
import pytest
from checked_plugin import SERVICE, Repository, Rival, Service
from click.testing import CliRunner, Result
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import NOT_IMPLEMENTED
from mlflow.store.artifact import artifact_repository_registry
from object_service import ServiceError, Stored, Unfinished

from mlflow_plugin_core import checks, command_line, errors
from mlflow_plugin_core.checks import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_core.objects.client import SignedRequest
    from mlflow_plugin_core.objects.store import ObjectStore

pytestmark = pytest.mark.enable_socket
LOCATION = "checked://bucket/root"


SUBJECT = Subject(
    distribution="mlflow-checked",
    opening="checked_plugin:open_store",
    repository="checked_plugin:Repository",
    objects=True,
    rights={"list": "x:List", "write": "x:Put", "read": "x:Get", "delete": "x:Delete"},
)
DENIED = ServiceError("AccessDenied")


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        stored = SERVICE.objects.get(self.path[1:])
        allowed = self.headers["x-signed"] == "yes"
        self.send_response(403 if not allowed else 404 if stored is None else 200)
        self.end_headers()
        if allowed and stored is not None:
            self.wfile.write(stored.data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The service, empty, behind a server for its addresses."""
    registry = artifact_repository_registry._artifact_repository_registry._registry
    monkeypatch.setitem(registry, "checked", Repository)
    SERVICE.__init__()  # type: ignore[misc]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        SERVICE.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield SERVICE
        server.shutdown()
        thread.join()


def failed(location: str = LOCATION) -> dict[str, str]:
    """Run the check; returns the errors by the beginning of their step's title."""
    steps = checks.run(SUBJECT, location)
    return {step.title.partition(":")[0]: step.error.message for step in steps if step.error}


def test_a_check_tries_everything_and_leaves_nothing(service: Service) -> None:
    titles = [step.title for step in checks.run(SUBJECT, LOCATION) if step.error is None]

    assert [title.partition(":")[0] for title in titles] == [
        "settings and credentials",
        "MLflow opens it with this plugin",
        "clock",
        "connect and list",
        "store a file",
        "read it back, digest verified",
        "read it by a presigned address",
        "begin an upload in parts and give it up",
        "delete it",
    ]
    assert titles[2] in {"clock: 0 s behind the service", "clock: 0 s ahead of the service"}
    assert (service.objects, service.uploads) == ({}, {})


def test_a_location_that_cannot_be_opened_is_the_only_thing_told() -> None:
    (step,) = checks.run(SUBJECT, "checked://broken")

    assert step.title == "settings and credentials"
    assert step.error is not None
    assert "it is broken" in step.error.message


@pytest.mark.parametrize("minutes", [20, -20])
def test_a_clock_that_is_wrong_is_told_with_what_it_breaks(minutes: int, service: Service) -> None:
    service.ahead = dt.timedelta(minutes=minutes)

    (message,) = failed().values()

    side = "behind" if minutes > 0 else "ahead of"
    assert f"The clock of this machine is 1200 s {side} the service" in message
    assert "set the clock" in message


def test_a_service_that_is_away_is_not_asked_again_and_again(service: Service) -> None:
    service.fail("time", *[ServiceError("Down")] * 9)

    steps = list(checks.run(SUBJECT, LOCATION))

    assert steps[-1].title == "clock"
    assert set(service.calls) == {"time"}


def test_who_may_not_list_may_do_all_the_rest(service: Service) -> None:
    service.fail("list", *[DENIED] * 9)

    found = failed()

    assert list(found) == ["connect and list"]
    assert "AccessDenied" in found["connect and list"]
    assert found["connect and list"].endswith("The right that is needed: x:List.")
    assert service.objects == {}


def test_what_is_wrong_with_more_than_a_right_ends_the_check_at_listing(service: Service) -> None:
    service.fail("list", ServiceError("NoSuchKey"))

    assert [step.title for step in checks.run(SUBJECT, LOCATION)][-1] == "connect and list"
    assert service.calls["put"] == 0


def test_credentials_that_only_read_are_tried_on_what_is_there(service: Service) -> None:
    service.objects["root/there.txt"] = Stored(b"content")
    service.fail("put", DENIED)
    service.fail("delete", *[DENIED] * 9)
    service.fail("begin_upload", DENIED)

    steps = {step.title: step.error for step in checks.run(SUBJECT, LOCATION)}

    assert [title for title, error in steps.items() if error] == [
        "store a file",
        "begin an upload in parts and give it up",
        "delete it",
    ]
    assert "read 'there.txt', which was there" in steps
    assert list(service.objects) == ["root/there.txt"]


def test_who_may_not_read_is_told_so_and_the_file_is_removed(service: Service) -> None:
    service.fail("read", *[DENIED] * 9)

    (message,) = failed().values()

    assert message.endswith("The right that is needed: x:Get.")
    assert service.objects == {}


def test_bytes_that_come_back_changed_are_told(service: Service) -> None:
    service.digests = False  # else the download itself would notice
    service.on_chunk = lambda _key, offset, chunk: b"?" + chunk[1:] if offset == 0 else chunk

    (message,) = failed().values()

    assert message == "The file that was just stored came back with other bytes."


def test_an_address_that_is_refused_or_leads_nowhere_is_told_without_it(service: Service) -> None:
    own = service.port
    service.signature = "no"
    refused = failed()
    service.port = 1
    nowhere = failed()

    (message,) = refused.values()
    assert "A presigned address is refused: HTTP status 403" in message
    (message,) = nowhere.values()
    assert "A presigned address cannot be reached: ConnectionError" in message
    assert str(own) not in message
    assert ".mlflow-check" not in message


def test_a_plugin_without_addresses_for_these_settings_has_no_fault(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unsigned(Service):
        def sign_get(self, _key: str, _seconds: int) -> SignedRequest:
            raise MlflowException("no addresses", error_code=NOT_IMPLEMENTED)

    unsigned = Unsigned()
    monkeypatch.setattr(checked_plugin, "SERVICE", unsigned)

    steps = list(checks.run(SUBJECT, LOCATION))

    assert [step.error for step in steps if step.error] == []
    (told,) = [step.title for step in steps if "presigned" in step.title]
    assert "not available with these settings" in told
    assert unsigned.objects == {}


def test_a_plugins_own_step_is_tried_before_anything_is_written(service: Service) -> None:
    def own(store: ObjectStore) -> None:
        if store.location != "checked://bucket/good":
            message = "The tables are missing."
            raise errors.bad_request(message)

    subject = replace(SUBJECT, steps=[("tables are there", own)])

    good = [step.title for step in checks.run(subject, "checked://bucket/good")]
    assert good.index("connect and list") < good.index("tables are there") < len(good) - 1
    service.calls.clear()
    *_, last = checks.run(subject, LOCATION)
    assert last.title == "tables are there"
    assert last.error is not None
    assert service.calls["put"] == 0


def test_an_upload_whose_parts_may_not_be_listed_is_given_up_all_the_same(
    service: Service,
) -> None:
    service.fail("list_parts", DENIED)

    assert list(failed()) == ["begin an upload in parts and give it up"]
    assert service.uploads == {}


def test_another_plugin_that_mlflow_prefers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = artifact_repository_registry._artifact_repository_registry._registry
    monkeypatch.setitem(registry, "checked", Rival)

    (message,) = failed().values()

    assert message.startswith("MLflow opens this location with checked_plugin.Rival")
    assert "uninstall it, or mlflow-checked" in message


def test_a_check_that_is_interrupted_removes_its_file(service: Service) -> None:
    def interrupt(verb: str, _key: str) -> None:
        if verb == "read":
            raise KeyboardInterrupt

    service.on_request = interrupt

    with pytest.raises(KeyboardInterrupt):
        list(checks.run(SUBJECT, LOCATION))
    assert service.objects == {}


@click.group()
def cli() -> None:
    """Look after something."""


command_line.add_to(cli, SUBJECT)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), catch_exceptions=False)


def test_check_prints_what_failed_below_its_step_and_exits_with_1(service: Service) -> None:
    good = invoke("check", LOCATION)
    service.fail("put", DENIED)
    bad = invoke("check", LOCATION)

    assert good.exit_code == 0
    assert all(line.startswith("ok ") for line in good.output.splitlines())
    assert bad.exit_code == 1
    lines = bad.output.splitlines()
    at = lines.index("FAILED  store a file")
    assert "AccessDenied" in lines[at + 1]


def test_clean_gives_up_what_is_old_enough_and_below_the_location(service: Service) -> None:
    now = dt.datetime.now(tz=dt.timezone.utc)
    service.uploads = {
        "old": Unfinished("root/a/old.bin", now - dt.timedelta(hours=25)),
        "young": Unfinished("root/young.bin", now - dt.timedelta(hours=23)),
        "elsewhere": Unfinished("other/old.bin", now - dt.timedelta(hours=25)),
    }

    listed = invoke("clean", LOCATION, "--dry-run")
    assert len(service.uploads) == 3
    cleaned = invoke("clean", LOCATION)

    assert "root/a/old.bin" in listed.output
    assert "1 unfinished uploads found" in listed.output
    assert "root/a/old.bin" in cleaned.output
    assert "1 unfinished uploads given up" in cleaned.output
    assert set(service.uploads) == {"young", "elsewhere"}
    invoke("clean", LOCATION, "--older-than", "0")
    assert set(service.uploads) == {"elsewhere"}


def test_copy_moves_what_is_below_one_location_to_another(service: Service, tmp_path: Path) -> None:
    (tmp_path / "from/deep").mkdir(parents=True)
    (tmp_path / "from/deep/file").write_bytes(b"content")
    journal = str(tmp_path / "journal")

    done = invoke("copy", (tmp_path / "from").as_uri(), LOCATION, "--journal", journal)

    assert "copied 1 files, 7 bytes; 0 were there already; 1 digests compared" in done.output
    assert service.objects["root/deep/file"].data == b"content"


def test_a_plugin_without_objects_has_nothing_to_clean() -> None:
    @click.group()
    def group() -> None:
        """Look after something."""

    command_line.add_to(group, Subject("mlflow-plain", "a:b", "a:b"))

    assert sorted(group.commands) == ["check", "copy"]


def test_an_error_of_mlflow_is_one_sentence_and_exit_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.run(lambda: cli(["clean", "checked://broken"], standalone_mode=False))

    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: Invalid artifact location: it is broken.\n"


def test_of_two_errors_the_first_is_told(service: Service) -> None:
    service.fail("list_parts", ServiceError("NotListed"))
    service.fail("abort_upload", *[DENIED] * 9)

    found = failed()["begin an upload in parts and give it up"]

    assert "NotListed" in found
    assert "AccessDenied" not in found
