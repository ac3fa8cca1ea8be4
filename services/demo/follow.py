"""Follows the record while it grows: what a subscriber knows of each referral at this moment."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from services.contracts.types import TOPIC_PLAN, TOPIC_TRIAGE, TRIAGE_COMPLETED
from services.demo.record import Recorded, read_line

LOOK_SECONDS: Final = 0.02
WAIT_SECONDS: Final = 30.0


class NotSeenError(TimeoutError):
    """Something that should have come through the topics did not."""


@dataclass
class Follower:
    """``records`` in the order of arrival; the newest plan and triage of each referral."""

    file: Path
    records: list[Recorded] = field(default_factory=list)
    triage: dict[str, dict[str, Any]] = field(default_factory=dict)
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    first_triage: dict[str, float] = field(default_factory=dict)
    seen: dict[tuple[str, int], int] = field(default_factory=dict)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        """Read what is added to the file until cancelled."""
        rest = ""
        with self.file.open() as lines:
            while True:
                text = rest + lines.read()
                whole, _, rest = text.rpartition("\n")
                for line in whole.splitlines():
                    self._take(read_line(line))
                if whole:
                    async with self._news:
                        self._news.notify_all()
                await asyncio.sleep(LOOK_SECONDS)

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
        """Wait until ``condition`` holds. Raises NotSeenError naming ``what`` when the time is up."""
        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(condition)
        except TimeoutError as error:
            raise NotSeenError(f"{what} was not seen in {seconds:.0f} s") from error

    def _take(self, recorded: Recorded) -> None:
        self.records.append(recorded)
        record = recorded.record
        place = (record.topic, record.partition)
        self.seen[place] = max(self.seen.get(place, 0), record.offset + 1)
        key = (record.key or b"").decode()
        if record.topic == TOPIC_PLAN:
            self.plans[key] = recorded.data
        elif record.topic == TOPIC_TRIAGE and recorded.attributes["type"] == TRIAGE_COMPLETED:
            self.triage[key] = recorded.data
            self.first_triage.setdefault(key, recorded.read_at)
