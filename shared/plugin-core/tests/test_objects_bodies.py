"""Bodies of requests: a piece of a file reads like those bytes in memory, and says what is wrong."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from objects import write

from mlflow_plugin_core.objects import bodies
from mlflow_plugin_core.objects.plan import Piece

moves = st.one_of(
    st.tuples(st.just("read"), st.integers(-1, 300)),
    st.tuples(st.just("seek"), st.integers(0, 1_200)),
    st.tuples(st.just("end"), st.integers(-300, 10)),
    st.tuples(st.just("tell"), st.just(0)),
)


@given(st.integers(0, 500), st.integers(1, 500), st.lists(moves, max_size=8))
def test_a_piece_of_a_file_reads_like_its_bytes(
    tmp_path_factory: pytest.TempPathFactory, start: int, length: int, steps: list[tuple[str, int]]
) -> None:
    source = tmp_path_factory.getbasetemp() / "thousand"
    if not source.exists():
        write(source, 1_000)
    data = source.read_bytes()[start : start + length]
    memory = io.BytesIO(data)
    with bodies.streamed(source, Piece(1, start, length)) as body:
        assert body.size == len(data)
        assert body.readable()
        assert body.seekable()
        for verb, number in steps:
            if verb == "read":
                assert body.read(number) == memory.read(number)
            elif verb == "tell":
                assert body.tell() == memory.tell()
            elif verb == "seek":
                assert body.seek(number) == memory.seek(number)
            else:
                assert body.seek(number, os.SEEK_END) == memory.seek(number, os.SEEK_END)
        assert body.seek(0) == 0
        assert body.read() == data


class Trickle(io.RawIOBase):
    """Returns a few bytes for whatever it is asked, as a raw file may."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._data.read(min(7, len(buffer)))
        buffer[: len(data)] = data
        return len(data)


@given(st.binary(max_size=100), st.integers(1, 120))
def test_what_trickles_in_is_read_fully(data: bytes, length: int) -> None:
    stream = Trickle(data)

    assert bodies.read_fully(stream, length) == data[:length]
    assert bodies.read_fully(stream, 1_000) == data[length:]


def test_the_first_read_of_held_bytes_is_no_copy() -> None:
    data = bytes(1_000)

    assert bodies.HeldBody(data).read() is data


@pytest.mark.parametrize("read", [bodies.held, bodies.streamed])
def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, read: object) -> None:
    with pytest.raises(MlflowException, match="Cannot read .*missing.*No such file") as error:
        read(tmp_path / "missing", Piece(1, 0, 5))  # type: ignore[operator]
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(MlflowException, match="Is a directory") as error:
        bodies.held(tmp_path, Piece(1, 0, 5))
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_fault_of_the_file_outlives_the_error_of_an_sdk(tmp_path: Path) -> None:
    source = write(tmp_path / "a", 1_000)
    with bodies.streamed(source, Piece(1, 0, 1_000)) as body:
        os.truncate(source, 10)

        def send() -> None:
            try:
                body.read()
                body.read()
            except MlflowException as error:
                message = "Connection was closed before we received a valid response"
                raise ConnectionError(message) from error

        with pytest.raises(MlflowException, match="changed while it was being sent"):
            bodies.sending(body, send)


def test_another_error_of_an_sdk_stays_what_it_is(tmp_path: Path) -> None:
    with bodies.streamed(write(tmp_path / "a", 10), Piece(1, 0, 10)) as body:
        with pytest.raises(ConnectionResetError):
            bodies.sending(body, lambda: (_ for _ in ()).throw(ConnectionResetError()))
