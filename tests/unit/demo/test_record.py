"""The record keeps bytes as they were and knows what it does not hold."""

from pathlib import Path

import pytest

from services.demo.record import LostRange, Recorded, lost_ranges, read_record, write_line
from services.kernel.runtime.records import Record


def recorded(offset: int, topic: str = "plan.updated", partition: int = 0) -> Recorded:
    return Recorded(Record(topic, partition, offset, b"k", b'{"a":1}', (("ce_id", b"x"),)), 12.5)


@pytest.mark.parametrize(
    "record",
    [
        Record("t", 1, 2, b"key", b"\xff\x00 not text", (("h", b"\xfe"), ("h2", b""))),
        Record("t", 0, 0, None, None, ()),
    ],
    ids=["bytes that are no text", "no key, no value, no headers"],
)
def test_what_is_written_is_read_back(tmp_path: Path, record: Record) -> None:
    file = tmp_path / "topics.jsonl"
    with file.open("w") as lines:
        write_line(lines, Recorded(record, 1.5))
    assert list(read_record(file)) == [Recorded(record, 1.5)]


def test_a_line_that_is_still_being_written_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "topics.jsonl"
    with file.open("w") as lines:
        write_line(lines, recorded(0))
        lines.write('{"topic": "pl')
    assert list(read_record(file)) == [recorded(0)]


@pytest.mark.parametrize(
    ("offsets", "end", "lost"),
    [
        ([0, 1, 2], 3, []),
        ([], 0, []),
        ([2, 3], 4, [(0, 2)]),
        ([0, 1, 4, 7], 8, [(2, 4), (5, 7)]),
        ([0, 1], 5, [(2, 5)]),
        ([], 3, [(0, 3)]),
        ([1, 0, 1, 2], 3, []),
    ],
    ids=["whole", "empty", "beginning", "two holes", "end", "everything", "twice and out of order"],
)
def test_lost_ranges(offsets: list[int], end: int, lost: list[tuple[int, int]]) -> None:
    found = lost_ranges([recorded(offset) for offset in offsets], {("plan.updated", 0): end})
    assert found == [LostRange("plan.updated", 0, first, last) for first, last in lost]


def test_partitions_do_not_hide_each_other() -> None:
    records = [recorded(0), recorded(1, partition=1), recorded(0, topic="outcome.recorded")]
    assert lost_ranges(records) == [LostRange("plan.updated", 1, 0, 1)]
