"""What the Hub server reads and writes without packages: LZ4, Git's objects, ranges."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlflow_plugin_servers.hub_git import Git, pointer, read_pointer
from mlflow_plugin_servers.hub_lz4 import decompress
from mlflow_plugin_servers.hub_shard import chunks, hex_hash
from mlflow_plugin_servers.hub_store import Store


def test_a_match_that_reaches_into_itself_repeats() -> None:
    block = bytes([0x3F]) + b"abc" + bytes([3, 0, 2]) + bytes([0x10]) + b"!"
    frame = bytes.fromhex("04224d18604000") + len(block).to_bytes(4, "little") + block + bytes(4)

    assert decompress(frame) == b"abc" * 8 + b"!"


def test_a_block_that_is_not_packed_is_taken_as_it_is() -> None:
    head = (3 | 1 << 31).to_bytes(4, "little")

    assert decompress(bytes.fromhex("04224d18604000") + head + b"abc" + bytes(4)) == b"abc"


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="not an LZ4 frame"):
        decompress(b"abc")


def test_a_hash_is_written_in_groups_that_are_turned_round() -> None:
    # The example of the protocol's specification.
    assert hex_hash(bytes(range(32))) == (
        "07060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918"
    )


def test_chunks_end_where_their_headers_say() -> None:
    xorb = b"\0\x03\0\0\0\x03\0\0abc" + b"\0\x02\0\0\0\x02\0\0de" + b"XETBLOB"

    assert [(chunk.end, chunk.size) for chunk in chunks(xorb)] == [(11, 3), (21, 2)]


def test_ids_are_gits_own_and_empty_folders_vanish(tmp_path: Path) -> None:
    git = Git(Store(tmp_path))
    hello = git.write("blob", b"hello\n")
    tree = git.change("", {"a.txt": hello, "d/b.txt": hello})

    # `git hash-object`, `git write-tree`.
    assert hello == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert [entry.name for entry in git.walk(tree, deep=True)] == ["a.txt", "d", "d/b.txt"]
    assert [e.name for e in git.walk(git.change(tree, {"d/b.txt": None}))] == ["a.txt"]
    assert git.change(tree, {"a.txt": None, "d": None}) == ""


def test_a_pointer_is_read_as_it_was_written() -> None:
    assert read_pointer(pointer("ab" * 32, 7)) == ("ab" * 32, 7)
    assert read_pointer(b"hello") is None
