"""One run, stage by stage. The first stage that does not answer in time is the run's failure; the rest is not tried."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from services.canary.client import FINANCE, Client, NoAnswer
from services.canary.person import Minute, acts, referral

LOOK_SECONDS: Final = 0.1


class Stage(StrEnum):
    """What a referral goes through, in this order."""

    INTAKE = "intake"
    TRIAGE = "triage"
    PLAN = "plan"
    COACH = "coach"
    OUTCOME = "outcome"
    STATUS = "status"


WHAT: Final = {
    Stage.INTAKE: "intake's API did not accept the referral",
    Stage.TRIAGE: "triage's decision was not seen: intake's relay, the broker, triage's worker, or triage's API",
    Stage.PLAN: "no plan was proposed: triage's relay, the broker, coaching's worker, or coaching's API",
    Stage.COACH: "coaching's API did not take a coach's command",
    Stage.OUTCOME: "no outcome was recorded: coaching's relay, the broker, outcomes' worker, or outcomes' API",
    Stage.STATUS: "the referrer is not told of the end: coaching's relay, the broker, intake's worker, or its API",
}
"""Where to look first when a stage fails: each earlier stage has been seen to work in the same run."""


class NotZero(NoAnswer):
    """The canary was recorded as worth something."""


@dataclass
class Result:
    """What became of a run; ``seconds`` of each stage that was reached."""

    minute: Minute
    seconds: dict[Stage, float] = field(default_factory=dict)
    failed: Stage | None = None
    why: str | None = None

    def told(self) -> dict[str, Any]:
        """Return it as JSON says it. It holds no id: the run's key tells the referral's reference."""
        return {
            "run": f"canary-{self.minute.number}",
            "ok": self.failed is None,
            "seconds": {stage.value: round(seconds, 3) for stage, seconds in self.seconds.items()},
            "failed": self.failed and self.failed.value,
            "why": self.why,
            "look_at": None if self.failed is None else WHAT[self.failed],
        }


class _Run:
    def __init__(self, client: Client, minute: Minute) -> None:
        self.client = client
        self.minute = minute
        self.referral_id = ""
        self.revision = 0

    async def intake(self) -> None:
        answer = await self.client.post("intake", "/referrals", referral(self.minute), self.minute.key("referral"))
        if answer["status"] != "accepted":
            raise NoAnswer(f"the referral is {answer['status']}")
        self.referral_id = answer["referral_id"]

    async def triage(self) -> None:
        found = await self.client.get("triage", f"/triage/{self.referral_id}")
        if found["outcome"] != "recommended":
            raise NoAnswer(f"triage says {found['outcome']}")

    async def plan(self) -> None:
        found = await self.client.get("coaching", f"/plans/{self.referral_id}")
        self.revision = found["plan"]["revision"]

    async def coach(self) -> None:
        for act in acts(self.minute, self.revision):
            key = self.minute.key(act["kind"])
            await self.client.post("coaching", f"/plans/{self.referral_id}/commands", act, key)

    async def outcome(self) -> None:
        found = await self.client.get("outcomes", f"/ledger/entries?referral={self.referral_id}", FINANCE)
        if not found:
            raise NoAnswer("no entry yet")
        if any(entry["amount_pence"] for entry in found):
            raise NotZero("an entry is not 0: the programme's file pays for nobody real")

    async def status(self) -> None:
        found = await self.client.get("intake", f"/referrals/{self.referral_id}")
        if found["status"] != "closed":
            raise NoAnswer(f"the status is {found['status']}")


async def play(client: Client, minute: Minute, patience: float, look: float = LOOK_SECONDS) -> Result:
    """Play a run; each stage is asked again until it holds or its ``patience``, in seconds, is used up."""
    run, result = _Run(client, minute), Result(minute)
    for stage in Stage:
        started = time.monotonic()
        try:
            await _until(getattr(run, stage.value), patience, look)
        except NoAnswer as error:
            result.failed, result.why = stage, str(error)
            return result
        finally:
            result.seconds[stage] = time.monotonic() - started
    return result


async def _until(holds: Callable[[], Awaitable[None]], patience: float, look: float) -> None:
    deadline = time.monotonic() + patience
    last: NoAnswer | None = None  # what was said is more than that nothing was said any more
    while True:
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await holds()
        except NotZero:
            raise
        except TimeoutError as error:
            raise last or NoAnswer(f"no answer within {patience:g} s") from error
        except NoAnswer as error:
            last = error
            if time.monotonic() + look >= deadline:
                raise
        else:
            return
        await asyncio.sleep(look)
