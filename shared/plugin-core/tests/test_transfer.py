"""Bounded parallel work: nothing lost, nothing reordered, everything that failed is named."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors, transfer


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    done: list[int] = []

    found = transfer.run_all(
        lambda item: item * item,
        range(50),
        workers=workers,
        on_done=lambda item, _result: done.append(item),
    )

    assert found == [item * item for item in range(50)]
    assert sorted(done) == list(range(50))


def test_only_a_few_items_are_taken_ahead_of_their_turn() -> None:
    taken = finished = 0
    lock = threading.Lock()
    most = 0

    def items() -> Iterator[int]:
        nonlocal taken, most
        for item in range(500):
            with lock:
                taken += 1
                most = max(most, taken - finished)
            yield item

    def work(_item: int) -> None:
        nonlocal finished
        with lock:
            finished += 1

    transfer.run_all(work, items(), workers=3)

    assert taken == finished == 500
    assert most <= 2 * 3 + 1


def test_the_first_error_stops_what_has_not_begun() -> None:
    begun: list[int] = []

    def work(item: int) -> None:
        begun.append(item)
        raise errors.not_found(f"no {item}")

    with pytest.raises(MlflowException, match="item-0: no 0") as error:
        transfer.run_all(work, range(1000), workers=2, describe=lambda item: f"item-{item}")

    assert len(begun) <= 4
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert isinstance(error.value.__cause__, MlflowException)


def test_all_that_failed_together_is_in_one_error() -> None:
    barrier = threading.Barrier(3)

    def work(item: int) -> None:
        barrier.wait(5)
        message = f"broken {item}"
        raise OSError(message)

    with pytest.raises(MlflowException) as error:
        transfer.run_all(work, range(3), workers=3, describe=str)

    for item in range(3):
        assert f"{item}: broken {item}" in error.value.message
    assert error.value.error_code == "INTERNAL_ERROR"


def test_an_error_text_is_redacted() -> None:
    def work(_item: int) -> None:
        message = "cannot open x://u:geheim@h"
        raise OSError(message)

    with pytest.raises(MlflowException) as error:
        transfer.run_all(work, [1], workers=1)
    assert "geheim" not in error.value.message


@given(
    sizes=st.lists(st.integers(0, 50), max_size=60),
    max_items=st.integers(1, 10),
    max_bytes=st.integers(1, 100),
)
def test_batches_keep_every_item_in_order_and_within_the_limits(
    sizes: list[int], max_items: int, max_bytes: int
) -> None:
    batches = list(
        transfer.batched(sizes, max_items=max_items, max_bytes=max_bytes, size=lambda item: item)
    )

    assert [item for batch in batches for item in batch] == sizes
    for batch in batches:
        assert 1 <= len(batch) <= max_items
        assert sum(batch) <= max_bytes or len(batch) == 1


@pytest.mark.parametrize("workers", [1, 3])
def test_an_item_that_stands_for_several_things_has_each_failure_named(workers: int) -> None:
    first, second = errors.not_found("a is gone"), errors.internal("b is damaged")

    def work(_item: str) -> None:
        raise transfer.SeveralFailedError([("a", first), ("b", second)])

    with pytest.raises(MlflowException, match="a: a is gone\nb: b is damaged") as error:
        transfer.run_all(work, ["both"], workers=workers)

    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert error.value.__cause__ is first
