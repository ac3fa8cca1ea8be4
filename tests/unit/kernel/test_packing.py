"""What goes into one record batch."""

import json
from typing import Any

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.runtime.packing import SPILL, DoesNotFit, Packed, affordable, first_whole, pack, read_rows

LIMIT = 2000


def row(number: int, key: str, cause: str, size: int = 10, at: int = 5) -> Packed:
    return Packed(number, "t", key, cause, b"x" * size, at, (("ce_id", b"%d" % number),))


class Box:
    """Holds what was appended; counts as the client library's own batch does."""

    def __init__(self) -> None:
        self.inner = BatchBuilder(LIMIT, 0, is_transactional=False)
        self.ids: list[int] = []
        self.times: list[int] = []

    def append(self, *, key: bytes, value: bytes, timestamp: int, headers: list[tuple[str, bytes]]) -> Any:
        taken = self.inner.append(key=key, value=value, timestamp=timestamp, headers=headers)
        if taken is not None:
            self.ids.append(int(headers[0][1]))
            self.times.append(timestamp)
        return taken

    def size(self) -> int:
        return int(self.inner.size())


def boxes(rows: list[Packed], latest_ms: int = 100) -> list[list[int]]:
    return [box.ids for box in pack(rows, Box, LIMIT, latest_ms) if isinstance(box, Box)]


def test_events_of_one_cause_lie_in_one_batch() -> None:
    rows = [row(1, "a", "c1", 1500), row(2, "b", "c2", 300), row(3, "b", "c2", 300), row(4, "b", "c3", 300)]
    assert boxes(rows) == [[1], [2, 3, 4]]


def test_they_do_when_others_came_between() -> None:
    rows = [row(1, "a", "c1", 500), row(2, "b", "c2", 500), row(3, "a", "c1", 500), row(4, "b", "c2", 500)]
    assert boxes(rows) == [[1, 3], [2, 4]]


def test_what_is_larger_than_a_batch_is_parted_in_order() -> None:
    assert boxes([row(1, "a", "c", 1200), row(2, "a", "c", 1200), row(3, "a", "d")]) == [[1], [2, 3]]


class Tight(Box):
    """Takes not even a first record that is too large, which the client library's own does."""

    def append(self, *, key: bytes, value: bytes, timestamp: int, headers: list[tuple[str, bytes]]) -> Any:
        if len(value) > LIMIT:
            return None
        return super().append(key=key, value=value, timestamp=timestamp, headers=headers)


@pytest.mark.parametrize("first", [[], [row(1, "a", "c")], [row(1, "b", "d")]])
def test_a_row_that_fits_no_batch_is_said(first: list[Packed]) -> None:
    with pytest.raises(DoesNotFit, match="outbox row 2 "):
        list(pack([*first, row(2, "b", "d", 3000)], Tight, LIMIT, 100))


def test_a_time_ahead_of_the_brokers_is_set_back() -> None:
    (box,) = pack([row(1, "a", "c", at=5), row(2, "a", "d", at=500)], Box, LIMIT, 100)
    assert isinstance(box, Box)
    assert box.times == [5, 100]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.integers(1, 900)), max_size=40))
def test_nothing_is_lost_and_keys_keep_their_order(wanted: list[tuple[str, int, int]]) -> None:
    steps = dict.fromkeys("abc", 0)
    rows = []
    for number, (key, step, size) in enumerate(wanted):
        steps[key] += step == 0  # a key's causes come one after another
        rows.append(row(number, key, f"{key}{steps[key]}", size))
    found = boxes(rows)
    sent = [number for box in found for number in box]
    assert sorted(sent) == list(range(len(rows)))
    for key in "abc":
        assert [n for n in sent if rows[n].key == key] == [r.id for r in rows if r.key == key]
    where = {number: place for place, box in enumerate(found) for number in box}
    for cause in {r.cause for r in rows}:
        group = [r for r in rows if r.cause == cause]
        if sum(r.size for r in group) < LIMIT - 100:
            assert len({where[r.id] for r in group}) == 1


def test_the_rest_of_what_began_before_a_limit_comes_along() -> None:
    rows = [row(1, "a", "c"), row(2, "b", "d"), row(3, "a", "e"), row(4, "b", "d")]
    assert [r.id for r in first_whole(rows, 2)] == [1, 2, 4]
    far = [row(0, "a", "c"), *(row(n, "b", f"{n}") for n in range(1, SPILL + 1)), row(99, "a", "c")]
    assert [r.id for r in first_whole(far, 1)] == [0]


def test_bytes_limit_rows_but_one_goes_at_least() -> None:
    rows = [row(n, "a", "c", 100) for n in range(5)]
    assert [affordable(rows, most) for most in (1, 100, 250, 10_000)] == [1, 1, 2, 5]


def test_a_row_is_read_with_its_cause() -> None:
    kept = {"id": 7, "topic": "t", "key": "k", "value": b"v", "recorded_ms": 3}
    (found,) = read_rows([{**kept, "headers": json.dumps({"id": "e", "causationid": "c"})}])
    assert (found.id, found.cause, dict(found.headers)["ce_causationid"]) == (7, "c", b"c")
    assert read_rows([{**kept, "headers": "{}"}])[0].cause == ""
