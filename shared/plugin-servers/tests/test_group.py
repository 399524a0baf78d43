"""Groups of processes, tried with small programs of the system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from waiting import alive, eventually

from mlflow_plugin_servers.errors import ServerUnavailableError
from mlflow_plugin_servers.group import OUTSIDE, Group, Isolation

if TYPE_CHECKING:
    from collections.abc import Iterator

# Its control is a socket in the file system.
pytestmark = pytest.mark.enable_socket

needs_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="namespaces take root on Linux"
)
# Writes a word, and another when it is asked to end.
_HEEDS = "echo up; trap 'echo down; exit 0' TERM; while :; do sleep 0.01; done"


@pytest.fixture
def group() -> Iterator[Group]:
    made = Group("try")
    yield made
    made.close()


def sleep(group: Group, name: str) -> int:
    group.start(name, ["sleep", "600"])
    return group.pids()[name]


def test_members_run_in_the_order_of_their_start_and_keep_to_their_names(group: Group) -> None:
    one, two = sleep(group, "one"), sleep(group, "two")

    assert group.pids() == {"one": one, "two": two}
    group.start("one", ["sleep", "600"])
    assert group.pids() == {"one": one, "two": two}


def test_a_member_that_is_killed_alone_can_be_started_again(group: Group) -> None:
    one, two = sleep(group, "one"), sleep(group, "two")

    group.kill("one")

    assert not alive(one)
    assert group.pids() == {"two": two}
    assert sleep(group, "one") != one


def test_a_member_has_time_to_end_in_order_and_is_killed_when_it_does_not(group: Group) -> None:
    up = lambda name: lambda: "up" in group.log(name)  # noqa: E731
    group.start("heeds", ["sh", "-c", _HEEDS], ready=up("heeds"))
    deaf = "trap '' TERM; echo up; while :; do sleep 0.01; done"
    group.start("deaf", ["sh", "-c", deaf], ready=up("deaf"))
    pids = group.pids()

    group.stop("heeds")
    began = time.monotonic()
    group.stop("deaf", grace=0.2)

    assert group.log("heeds") == "up\ndown\n"
    assert time.monotonic() - began < 5
    assert not any(alive(pid) for pid in pids.values())


def test_a_group_that_is_shut_ends_its_members_and_starts_again_in_its_folder(
    group: Group,
) -> None:
    group.start("heeds", ["sh", "-c", _HEEDS], ready=lambda: "up" in group.log("heeds"))

    group.shut()

    assert group.pid is None
    assert group.pids() == {}
    assert group.log("heeds") == "up\ndown\n"
    group.open()
    assert alive(sleep(group, "again"))


def test_a_member_that_ends_before_it_is_ready_shows_its_log(group: Group) -> None:
    with pytest.raises(ServerUnavailableError, match="bad ended while try started:\nno such flag"):
        group.start("bad", ["sh", "-c", "echo no such flag"], ready=lambda: False)


def test_a_member_that_is_never_ready_is_not_waited_for_for_ever(group: Group) -> None:
    with pytest.raises(ServerUnavailableError, match="slow was not ready within 0 s"):
        group.start("slow", ["sleep", "600"], ready=lambda: False, within=0.1)


def test_a_program_that_is_missing_is_named(group: Group) -> None:
    with pytest.raises(ServerUnavailableError, match="cannot run /no/such: .*No such file"):
        group.start("missing", ["/no/such"])


def test_all_members_go_with_a_killed_group(group: Group) -> None:
    pids = [sleep(group, "one"), sleep(group, "two")]

    group.kill()

    assert group.pid is None
    assert eventually(lambda: not any(alive(pid) for pid in pids))


def test_a_closed_group_leaves_neither_processes_nor_folder() -> None:
    group = Group("try")
    pid = sleep(group, "one")

    group.close()

    assert not alive(pid)
    assert not group.folder.exists()


@pytest.mark.parametrize("isolated", [False, pytest.param(True, marks=needs_root)])
def test_a_group_goes_when_its_owner_is_killed(*, isolated: bool) -> None:
    chosen = "Isolation()" if isolated else "None"
    program = (
        "import time; from mlflow_plugin_servers.group import Group, Isolation; "
        f"group = Group('try', {chosen}); group.start('one', ['sleep', '600']); "
        "print(group.folder, group.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        folder, pid = owner.stdout.readline().split()
        assert alive(int(pid))

        owner.send_signal(signal.SIGKILL)

    assert eventually(lambda: not alive(int(pid)) and not Path(folder).exists())


@needs_root
def test_an_isolated_group_changes_nothing_outside() -> None:
    setting, folder = Path("/proc/sys/kernel/panic"), Path("/var/log")
    before = setting.read_text(encoding="ascii"), sorted(folder.iterdir())
    mounts = Path("/proc/mounts").read_text(encoding="utf-8")
    script = (
        "echo 77 >/proc/sys/kernel/panic; cat /proc/sys/kernel/panic; ls /var/log; "
        "echo $$; cat /proc/net/dev | wc -l; touch /var/log/mine; sleep 600"
    )
    isolation = Isolation(hidden={str(setting): "5"}, emptied=[str(folder)])
    group = Group("try", isolation)
    try:
        group.start("one", ["sh", "-c", script], ready=lambda: group.log("one").count("\n") == 3)
        kernel, number, links = group.log("one").split()

        assert kernel == "77"
        assert int(number) == group.pids()["one"] < 100
        assert links == "3"  # Two lines of headings, and loopback.
        assert (setting.read_text(encoding="ascii"), sorted(folder.iterdir())) == before
        assert Path("/proc/mounts").read_text(encoding="utf-8") == mounts
    finally:
        group.close()


@needs_root
def test_a_member_can_be_let_out_into_the_network_of_the_tests() -> None:
    group = Group("try", Isolation())
    try:
        script = "readlink /proc/self/ns/net; readlink /proc/self/fd/$0"
        group.start("inside", ["sh", "-c", script, OUTSIDE])
        assert eventually(lambda: group.log("inside").count("\n") == 2)

        inside, outside = group.log("inside").split()

        assert outside == str(Path("/proc/self/ns/net").readlink())
        assert inside != outside
    finally:
        group.close()


@needs_root
def test_an_isolated_group_without_the_rights_says_which_is_missing() -> None:
    program = (
        "from mlflow_plugin_servers.group import Group, Isolation\n"
        "from mlflow_plugin_servers.errors import ServerUnavailableError\n"
        "try: Group('try', Isolation())\n"
        "except ServerUnavailableError as error: print(error)\n"
    )
    weak = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"]

    done = subprocess.run(
        [*weak, sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "cannot be had here: " in done.stdout
    assert "unshare: Operation not permitted" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_folder_too_deep_for_sockets_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 80)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))

    with pytest.raises(ServerUnavailableError, match="set TMPDIR to a shorter one"):
        Group("try")

    assert list(deep.iterdir()) == []
