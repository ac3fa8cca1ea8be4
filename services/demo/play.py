"""Plays: posts the referrals as their senders would, then does what each person's coach does."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.demo.client import Client, Reply, clinical, coach_of
from services.demo.follow import Follower
from services.demo.person import Person, Sender
from services.demo.refer import refer
from services.demo.scene import RELAY_PACE_SECONDS
from services.demo.screenplay import Act, Story, Target, course, needs_joint_assessment, opening, story_of

SENDERS: Final = 16
COACHES: Final = 24
"""How many are at work at once."""

IDLE: Final = 12
"""So many referrals are posted one by one first, each in a quiet moment: the latency of an idle system."""

QUIET_SECONDS: Final = 2 * RELAY_PACE_SECONDS

Tick = Callable[[], None]


@dataclass(frozen=True)
class Posted:
    """A referral and its answer; ``at`` is when the answer came, seconds since 1970."""

    person: Person
    reply: Reply
    at: float
    idle: bool

    @property
    def referral_id(self) -> str | None:
        """The id of an accepted referral."""
        return str(self.reply.body["referral_id"]) if self.reply.status == 201 else None  # noqa: PLR2004


@dataclass
class Played:
    """What was done, and all that went otherwise than it must. ``held``: one hold, explained before its release."""

    posted: list[Posted] = field(default_factory=list)
    commands: Counter[str] = field(default_factory=Counter)
    coached: list[str] = field(default_factory=list)
    not_coached: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    held: dict[str, Any] | None = None


@dataclass
class Players:
    """Everybody who sends requests."""

    client: Client
    follower: Follower
    seed: int
    played: Played = field(default_factory=Played)

    async def post_all(self, people: Sequence[Person], tick: Tick) -> None:
        """Post the referrals: the first few one by one, the rest at once, a second one after its first."""
        answered = {person.number: asyncio.Event() for person in people}
        for person in people[:IDLE]:
            posted = await self._post(person, answered, idle=True)
            tick()
            if posted.referral_id is not None:
                await self._triaged(posted.referral_id)
                await asyncio.sleep(QUIET_SECONDS)
        gate = asyncio.Semaphore(SENDERS)

        async def one(person: Person) -> None:
            if person.duplicate_of is not None:
                await answered[person.duplicate_of].wait()
            async with gate:
                await self._post(person, answered, idle=False)
            tick()

        async with asyncio.TaskGroup() as group:
            for person in people[IDLE:]:
                group.create_task(one(person))

    async def coach_all(self, tick: Tick) -> None:
        """Play every accepted referral's story."""
        gate = asyncio.Semaphore(COACHES)

        async def one(posted: Posted, referral_id: str) -> None:
            async with gate:
                await self._story(posted.person, referral_id)
            tick()

        async with asyncio.TaskGroup() as group:
            for posted in sorted(self.played.posted, key=lambda posted: posted.person.number):
                if posted.referral_id is not None:
                    group.create_task(one(posted, posted.referral_id))

    async def _post(self, person: Person, answered: dict[int, asyncio.Event], *, idle: bool) -> Posted:
        reply = await refer(self.client, person, f"referral-{self.seed}-{person.number}")
        posted = Posted(person, reply, time.time(), idle)
        self.played.posted.append(posted)
        answered[person.number].set()
        if reply.status != person.expected_status:
            self._problem(f"referral {person.number} ({person.kind})", reply)
        return posted

    async def _story(self, person: Person, referral_id: str) -> None:
        await self._triaged(referral_id)
        if person.duplicate_of is not None:
            self.played.not_coached["linked to an earlier referral"] += 1
            return
        if self.follower.triage[referral_id]["outcome"] == "held" and not await self._release(person, referral_id):
            self.played.not_coached["held for a person's decision"] += 1
            return
        await self._planned(referral_id, 1)
        coach = coach_of(self.follower.plans[referral_id], person.number)
        plan = await self._plan(referral_id, coach)
        package = plan["recommendation"]["package"]
        first = opening(person, self.seed, package, plan["plan"]["revision"])
        await self._acts(referral_id, coach, first)
        if story_of(person, self.seed) is Story.STARTS:
            confirmed = plan["plan"]["revision"]
            revision = confirmed + 1 if needs_joint_assessment(person) else confirmed
            await self._planned(referral_id, revision)
            plan = await self._plan(referral_id, coach)
            acts = course(
                person,
                self.seed,
                package=plan["recommendation"]["package"],
                from_on=first[-1].on,
                revision=plan["plan"]["revision"],
                confirmed=confirmed,
            )
            await self._acts(referral_id, coach, acts)
        self.played.coached.append(referral_id)

    async def _release(self, person: Person, referral_id: str) -> bool:
        """A named person reads why, and takes up the hold; tells whether triage then recommends."""
        held = self.follower.triage[referral_id]
        taker = clinical(held["programme"]["id"])
        if self.played.held is None:
            self.played.held = (await self.client.get("triage", f"/triage/{referral_id}", taker)).body
        body = {"revision": held["revision"], "actions": ["person_safe"]}
        reply = await self.client.post(
            "triage", f"/triage/{referral_id}/acknowledge", body, taker, f"hold-{self.seed}-{person.number}"
        )
        self.played.commands["acknowledge a hold"] += 1
        if reply.status == 409 and held["eligibility"]["outcome"] == "review":  # noqa: PLR2004
            return False
        if reply.status != 200:  # noqa: PLR2004
            self._problem(f"hold of referral {person.number}", reply)
            return False
        return bool(reply.body["outcome"] == "recommended")

    async def _acts(self, referral_id: str, coach: Sender, acts: Sequence[Act]) -> None:
        for number, act in enumerate(acts):
            if act.target is Target.ASSESSMENT:
                service, path = "intake", f"/referrals/{referral_id}/assessments"
            else:
                service, path = "coaching", f"/plans/{referral_id}/commands"
            key = f"{referral_id}-{acts[0].kind}-{number}"
            reply = await self.client.post(service, path, act.body, coach, key)
            self.played.commands[act.kind] += 1
            if reply.status not in {200, 201}:
                self._problem(f"{act.kind} of {act.on} for {referral_id}", reply)

    async def _plan(self, referral_id: str, coach: Sender) -> dict[str, Any]:
        reply = await self.client.get("coaching", f"/plans/{referral_id}", coach)
        if reply.status != 200:  # noqa: PLR2004
            self._problem(f"plan of {referral_id}", reply)
            raise RuntimeError(self.played.problems[-1])
        found: dict[str, Any] = reply.body
        return found

    async def _triaged(self, referral_id: str) -> None:
        await self.follower.until(lambda: referral_id in self.follower.first_triage, f"triage of {referral_id}")

    async def _planned(self, referral_id: str, revision: int) -> None:
        def there() -> bool:
            return bool(
                referral_id in self.follower.plans and self.follower.plans[referral_id]["plan"]["revision"] >= revision
            )

        await self.follower.until(there, f"a plan with revision {revision} of {referral_id}")

    def _problem(self, what: str, reply: Reply) -> None:
        self.played.problems.append(f"{what}: {reply.status} {', '.join(reply.codes)}")
