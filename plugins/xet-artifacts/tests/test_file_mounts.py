"""On which file systems a local store is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_xet_artifacts import file_mounts

_NAMES = st.lists(st.text("ab \\\t", min_size=1, max_size=4), max_size=4)


def _line(point: str, kind: str) -> str:
    escaped = "".join(f"\\{ord(each):03o}" if each in " \t\n\\" else each for each in point)
    return f"36 35 98:0 / {escaped} rw,noatime master:1 - {kind} /dev/x rw"


@given(
    points=st.lists(st.tuples(_NAMES, st.sampled_from(["ext4", "nfs4", "xfs"])), max_size=6),
    inside=_NAMES,
)
def test_the_innermost_and_latest_mount_above_a_path_counts(
    points: list[tuple[list[str], str]], inside: list[str]
) -> None:
    mounts = "\n".join(_line("/" + "/".join(names), kind) for names, kind in points)
    above = [
        (len(names), number)
        for number, (names, _) in enumerate(points)
        if inside[: len(names)] == names
    ]

    found = file_mounts.kind_of("/" + "/".join(inside), mounts)

    assert found == (points[max(above)[1]][1] if above else "")


@given(st.text(), st.text())
def test_any_text_is_read_without_an_error(path: str, mounts: str) -> None:
    assert isinstance(file_mounts.kind_of(f"/{path}", mounts), str)


@pytest.mark.parametrize(
    ("kind", "is_network"),
    [("nfs", True), ("nfs4", True), ("cifs", True), ("smb3", True), ("9p", True), ("ceph", True)]
    + [("fuse.sshfs", True), ("ext4", False), ("tmpfs", False), ("overlay", False), ("", False)],
)
def test_file_systems_of_the_network_are_known(kind: str, is_network: bool) -> None:
    assert file_mounts.is_network(kind) is is_network
