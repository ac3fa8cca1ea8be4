"""Following a log: it goes on after what passes, ends when asked, and dies of what does not pass."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from aiokafka.errors import KafkaConnectionError

from services.kernel.runtime import following
from services.kernel.runtime.following import Follower
from services.kernel.runtime.log_view import Extent, Place
from services.kernel.runtime.records import Record
from services.kernel.settings import Settings

PLACE = ("told", 0)


class View:
    """A log of one partition with three records."""

    async def partitions(self, topic: str) -> list[Place]:
        return [(topic, 0)]

    async def extents(self, places: Sequence[Place]) -> dict[Place, Extent]:
        return {place: Extent(0, 3, None) for place in places}

    async def read(self, spans: Mapping[Place, tuple[int, int]]) -> AsyncIterator[list[Record]]:
        for (topic, partition), (start, end) in spans.items():
            for offset in range(start, end):
                yield [Record(topic, partition, offset, b"k", b"v", ())]


class Reader:
    """Remembers; raises what it is told to, once each, and stops the follower when all is read."""

    def __init__(self, *troubles: Exception) -> None:
        self.troubles = list(troubles)
        self.at = 0
        self.ready_at: list[bool] = []
        self.follower: Follower | None = None

    async def begin(self, extents: Mapping[Place, Extent]) -> dict[Place, int]:
        if self.follower is not None and self.at == extents[PLACE].end:
            self.ready_at.append(self.follower.ready)
            self.follower.stop()
        return {PLACE: self.at}

    async def take(self, records: Sequence[Record]) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        assert records[0].offset == self.at
        self.at = records[-1].offset + 1


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def opened(_: Settings) -> AsyncIterator[View]:
        yield View()

    monkeypatch.setattr(following, "open_log", opened)
    monkeypatch.setattr(following, "LOOK_EVERY_SECONDS", 0.001)
    monkeypatch.setattr("services.kernel.runtime.backoff.delay", lambda _: 0.001)


def follow(reader: Any) -> Follower:
    reader.follower = Follower(Settings(), ["told"], reader)
    return reader.follower  # type: ignore[no-any-return]  # a reader of this file


async def test_it_reads_to_the_end_and_ends_when_asked() -> None:
    reader = Reader()
    await follow(reader).run()
    assert (reader.at, reader.ready_at) == (3, [True])


@pytest.mark.parametrize(
    "trouble",
    [KafkaConnectionError(), ConnectionResetError(), asyncpg.CannotConnectNowError(), asyncpg.DeadlockDetectedError()],
)
async def test_what_passes_is_waited_for_and_nothing_is_skipped(trouble: Exception) -> None:
    reader = Reader(trouble, trouble)
    await follow(reader).run()
    assert reader.at == 3


@pytest.mark.parametrize("trouble", [asyncpg.InsufficientPrivilegeError("no"), ValueError("two of us"), TypeError()])
async def test_what_does_not_pass_ends_it(trouble: Exception) -> None:
    reader = Reader(trouble)
    with pytest.raises(type(trouble)):
        await follow(reader).run()
    assert reader.at == 0
