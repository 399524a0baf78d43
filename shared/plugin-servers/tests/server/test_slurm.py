"""A Slurm cluster as tests find it, asked by Slurm's own commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from waiting import alive, eventually

from mlflow_plugin_servers import slurm_programs
from mlflow_plugin_servers.catalog import SERVERS
from mlflow_plugin_servers.errors import NotOurServerError, ServerUnavailableError
from mlflow_plugin_servers.fixtures.common import provide
from mlflow_plugin_servers.slurm import SlurmServer
from mlflow_plugin_servers.slurm_cluster import SlurmCommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


def run(server: SlurmServer, *command: str) -> str:
    """Run a command as a plugin would: by its name, in the server's environment."""
    environment = {**os.environ, **server.environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def submit(server: SlurmServer, folder: Path, script: str, *options: str) -> str:
    """Hand in a job whose output goes into a folder, and return its number."""
    where = [f"--chdir={folder}", f"--output={folder}/%x-%A-%a.out", "--job-name=job"]
    return run(server, "sbatch", "--parsable", *where, *options, f"--wrap={script}")


def state(server: SlurmServer, job: str) -> str:
    return re.search(r"JobState=(\w+)", run(server, "scontrol", "show", "job", job))[1]  # type: ignore[index]


def wait_for(server: SlurmServer, job: str, *states: str) -> str:
    assert eventually(lambda: state(server, job) in states, within=30), state(server, job)
    return state(server, job)


def has_record(server: SlurmServer, job: str, **wanted: str) -> bool:
    """Wait for a job's record in the accounting database; it is written, bit by bit, within some seconds."""
    command = ["sacct", "-nXPj", job, f"--format={','.join(wanted)}"]
    return eventually(lambda: run(server, *command) == "|".join(wanted.values()), within=30)


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmServer]:
    """One more cluster, for the tests that kill something and start it again."""
    with provide("slurm", private=True) as server:
        yield server


def test_a_job_runs_to_its_end_and_its_output_is_there(
    slurm_server: SlurmServer, tmp_path: Path
) -> None:
    job = submit(slurm_server, tmp_path, "echo out of $SLURM_JOB_ID; echo err >&2")

    assert wait_for(slurm_server, job, "COMPLETED", "FAILED") == "COMPLETED"
    (output,) = tmp_path.iterdir()
    assert output.read_text() == f"out of {job}\nerr\n"


def test_an_exit_code_is_a_failure_and_kept_in_the_records(
    slurm_server: SlurmServer, tmp_path: Path
) -> None:
    job = submit(slurm_server, tmp_path, "exit 3")

    assert wait_for(slurm_server, job, "COMPLETED", "FAILED") == "FAILED"
    assert has_record(slurm_server, job, State="FAILED", ExitCode="3:0", JobName="job")


def test_a_cancelled_job_has_no_process_left(slurm_server: SlurmServer, tmp_path: Path) -> None:
    script = "trap '' TERM; echo $$ > pid; sleep 600 & echo $! > child; wait; sleep 600"
    job = submit(slurm_server, tmp_path, script)
    notes = [tmp_path / "pid", tmp_path / "child"]
    assert eventually(lambda: all(note.exists() and note.read_text() for note in notes))
    pids = [int(note.read_text()) for note in notes]
    assert all(alive(pid) for pid in pids)

    run(slurm_server, "scancel", job)

    assert eventually(lambda: not any(alive(pid) for pid in pids))
    wait_for(slurm_server, job, "CANCELLED")
    assert has_record(slurm_server, job, State=f"CANCELLED by {os.geteuid()}")


def test_a_job_on_two_nodes_runs_on_both(slurm_server: SlurmServer, tmp_path: Path) -> None:
    job = submit(slurm_server, tmp_path, "srun printenv SLURMD_NODENAME SLURM_PROCID", "--nodes=2")

    assert wait_for(slurm_server, job, "COMPLETED", "FAILED") == "COMPLETED"
    (output,) = tmp_path.iterdir()
    lines = output.read_text().split()
    assert sorted(lines) == ["0", "1", "node1", "node2"]
    assert has_record(slurm_server, job, NNodes="2", NodeList="node[1-2]")


def test_an_array_is_as_many_jobs_each_with_its_number(
    slurm_server: SlurmServer, tmp_path: Path
) -> None:
    job = submit(slurm_server, tmp_path, "exit $SLURM_ARRAY_TASK_ID", "--array=0-3%2")

    assert eventually(lambda: run(slurm_server, "squeue", "-hj", job, "-t", "PD,R,CG") == "", 30)
    assert [wait_for(slurm_server, f"{job}_{n}", "COMPLETED", "FAILED") for n in range(4)] == [
        "COMPLETED",
        "FAILED",
        "FAILED",
        "FAILED",
    ]
    assert len(list(tmp_path.iterdir())) == 4


def test_the_records_tell_the_end_of_a_job_that_has_left_the_queue(
    tmp_path: Path,
) -> None:
    # Slurm forgets a job that has ended after five minutes unless told otherwise.
    with SERVERS["slurm"].run(nodes=1, options={"MinJobAge": "2"}) as server:
        job = submit(server, tmp_path, "sleep 0.2; exit 7")

        def forgotten() -> bool:
            try:
                server.command("scontrol", "show", "job", job)
            except SlurmCommandError as error:
                return "Invalid job id" in str(error)
            return False

        assert eventually(forgotten, within=90)
        assert has_record(server, job, State="FAILED", ExitCode="7:0")


def test_a_job_that_asks_for_too_much_waits_or_is_refused(
    slurm_server: SlurmServer, tmp_path: Path
) -> None:
    waiting = submit(slurm_server, tmp_path, "true", "--begin=now+1hour")
    with pytest.raises(AssertionError, match="Requested node configuration is not available"):
        submit(slurm_server, tmp_path, "true", "--cpus-per-task=5")

    assert state(slurm_server, waiting) == "PENDING"
    run(slurm_server, "scancel", waiting)


def test_what_a_job_gets_of_the_environment_is_what_it_was_given(
    slurm_server: SlurmServer, tmp_path: Path
) -> None:
    job = submit(slurm_server, tmp_path, "env", "--export=ALL,MINE=a b")
    wait_for(slurm_server, job, "COMPLETED")

    (output,) = tmp_path.iterdir()
    names = dict(line.split("=", 1) for line in output.read_text().splitlines() if "=" in line)
    assert names["MINE"] == "a b"
    assert names["SLURM_CONF"] == str(slurm_server.configuration)
    assert names.get("LD_LIBRARY_PATH") == os.environ.get("LD_LIBRARY_PATH")


def test_the_controller_keeps_its_queue_when_it_is_killed_and_started_again(
    cluster: SlurmServer, tmp_path: Path
) -> None:
    running = submit(cluster, tmp_path, "while [ ! -e go ]; do sleep 0.1; done; echo end")
    waiting = submit(cluster, tmp_path, "echo after", f"--dependency=afterok:{running}")
    wait_for(cluster, running, "RUNNING")
    wait_until_saved(cluster, waiting)
    killed = cluster.pid
    assert killed is not None

    cluster.kill("slurmctld")

    assert not alive(killed)
    assert cluster.pid is None
    # What was running goes on meanwhile, and its end is told to the new one.
    (tmp_path / "go").touch()
    assert eventually(lambda: any(p.read_text() == "end\n" for p in tmp_path.glob("*.out")))
    cluster.start()
    assert wait_for(cluster, running, "COMPLETED", "FAILED", "NODE_FAIL") == "COMPLETED"
    assert wait_for(cluster, waiting, "COMPLETED", "FAILED", "NODE_FAIL") == "COMPLETED"


def wait_until_saved(server: SlurmServer, job: str) -> None:
    """Wait until the controller's files hold what it knows; a killed one has forgotten the last seconds."""
    file = server.configuration.parent / "state" / "job_state"
    began = time.time()
    run(server, "scontrol", "update", f"JobId={job}", "Comment=saved")
    assert eventually(lambda: file.exists() and file.stat().st_mtime > began)


def test_a_cluster_that_was_killed_starts_again_and_counts_its_jobs_on(
    cluster: SlurmServer, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    last = submit(cluster, tmp_path, "echo $$ > pid; sleep 600", "--no-requeue")
    assert eventually(lambda: note.exists() and note.read_text() != "")
    wait_until_saved(cluster, last)

    cluster.kill()

    assert not alive(int(note.read_text()))
    assert cluster.daemons == {}
    cluster.start()
    # Slurm takes its time to notice that the job is gone.
    run(cluster, "scancel", last)
    assert wait_for(cluster, last, "CANCELLED", "NODE_FAIL")
    again = submit(cluster, tmp_path, "true")
    assert int(again) > int(last)
    assert wait_for(cluster, again, "COMPLETED", "FAILED") == "COMPLETED"


def test_a_node_that_was_killed_is_one_less_until_it_is_started_again(
    cluster: SlurmServer, tmp_path: Path
) -> None:
    cluster.kill("node2")
    assert set(cluster.daemons) == {"munged", "slurmdbd", "slurmctld", "node1"}

    cluster.start()

    assert set(cluster.daemons) == {"munged", "slurmdbd", "slurmctld", "node1", "node2"}
    job = submit(cluster, tmp_path, "srun true", "--nodelist=node2")
    assert wait_for(cluster, job, "COMPLETED", "FAILED", "NODE_FAIL") == "COMPLETED"


def test_nothing_is_left_of_a_cluster_whose_pytest_was_killed(pytester: pytest.Pytester) -> None:
    notes, child = pytester.path / "notes", pytester.path / "child"
    pytester.makepyfile(
        f"""
        import json, time
        from pathlib import Path

        def test_it(slurm_server):
            script = "echo $$ > {child}.new; mv {child}.new {child}; sleep 600"
            slurm_server.command("sbatch", "--chdir={pytester.path}", "--wrap", script)
            folder = slurm_server.configuration.parent
            Path("{notes}.new").write_text(json.dumps([slurm_server.daemons, str(folder)]))
            Path("{notes}.new").rename("{notes}")
            time.sleep(600)
        """
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as test_run:
        assert eventually(lambda: notes.exists() and child.exists(), within=90)
        folder = notes.read_text().split('"')[-2]
        job = int(child.read_text())
        mine = _of(folder)
        assert {"munged", "slurmctld", "slurmd", "slurmdbd"} <= {name for _, name in mine}
        assert alive(job)

        test_run.kill()

    assert eventually(lambda: not any(alive(pid) for pid, _ in mine), within=15)
    assert not alive(job)
    assert _of(folder) == []
    assert eventually(lambda: not Path(folder).exists())


def _of(folder: str) -> list[tuple[int, str]]:
    """List the processes that work in a folder, and those that Slurm started for jobs."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and alive(int(entry.name)):
            try:
                command = (entry / "cmdline").read_bytes()
                environment = (entry / "environ").read_bytes()
                name = (entry / "comm").read_text().strip()
            except OSError:
                continue
            if folder.encode() in command or f"SLURM_CONF={folder}".encode() in environment:
                found.append((int(entry.name), name))
    return found


def test_the_daemons_listen_on_loopback_alone(slurm_server: SlurmServer) -> None:
    text = slurm_server.configuration.read_text(encoding="utf-8")
    ports = {int(number) for number in re.findall(r"Port=(\d+)", text)}
    listeners = {
        (fields[1].rpartition(":")[0], int(fields[1].rpartition(":")[2], 16))
        for table in ("tcp", "tcp6")
        for fields in map(
            str.split, Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]
        )
        if fields[3] == "0A"
    }

    assert len(ports) == 4
    if "NoInAddrAny" not in text:
        pytest.skip("the machine's own name stands for no address of loopback")
    assert {address[-2:] for address, port in listeners if port in ports} == {"7F"}
    assert {port for _, port in listeners} >= ports


def test_no_secret_is_readable_by_others(slurm_server: SlurmServer) -> None:
    folder = slurm_server.configuration.parent

    for name in ("munge.key", "slurmdbd.conf"):
        assert (folder / name).stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o066 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs jobs as somebody else")
def test_root_may_run_a_job_as_somebody_else(slurm_server: SlurmServer) -> None:
    job = run(
        slurm_server, "sbatch", "--parsable", "--uid=nobody", "--chdir=/", "--output=/dev/null",
        "--wrap=test $(id -un) = nobody",
    )  # fmt: skip

    assert wait_for(slurm_server, job, "COMPLETED", "FAILED") == "COMPLETED"


def test_a_setting_that_slurm_does_not_know_is_said_to_be_the_reason() -> None:
    with pytest.raises(ServerUnavailableError, match="no_such_setting"):
        with SERVERS["slurm"].run(accounting=False, options={"no_such_setting": "1"}):
            pass


def test_without_accounting_no_database_is_needed(tmp_path: Path) -> None:
    with SERVERS["slurm"].run(accounting=False, nodes=3, cpus=1) as server:
        job = submit(server, tmp_path, "srun true", "--nodes=3")

        assert wait_for(server, job, "COMPLETED", "FAILED") == "COMPLETED"
        assert "slurmdbd" not in server.daemons
        with pytest.raises(SlurmCommandError, match="accounting storage is disabled"):
            server.command("sacct")


def test_its_slurm_conf_is_used_instead_and_the_cluster_left_alone(
    slurm_server: SlurmServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in slurm_server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SLURM_CONF")
    theirs = SlurmServer.at(slurm_server.uri)

    job = submit(theirs, tmp_path, "true")
    assert wait_for(theirs, job, "COMPLETED", "FAILED") == "COMPLETED"
    assert not theirs.managed
    for act in (theirs.kill, theirs.stop, theirs.start, theirs.restart):
        with pytest.raises(NotOurServerError, match="private_slurm_server"):
            act()
    with pytest.raises(ServerUnavailableError, match="is not the slurm.conf"):
        SlurmServer.at(f"file://{tmp_path}/missing.conf")


def test_the_programs_are_found_and_tell_their_version() -> None:
    found = slurm_programs.find()

    assert found is not None
    assert re.fullmatch(r"\d+\.\d+\.\d+", found.version)
