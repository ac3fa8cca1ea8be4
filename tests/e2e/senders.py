"""Who sends requests to a system whose parts are being killed: each asks until there is an answer."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import asyncpg
import httpx

from services.demo.client import Client, Reply, coach_of
from services.demo.person import Kind, Person, Sender
from services.demo.refer import refer

AGAIN_SECONDS: Final = 0.05
GIVE_UP_SECONDS: Final = 120.0
SENDERS: Final = 24
COACHES: Final = 6
PLANS: Final = """
SELECT key, state->>'provider', state->'programme'->>'id' FROM aggregate
WHERE key = ANY($1::text[]) AND state IS NOT NULL
"""


class PatientClient(Client):
    """Sends a POST again, with the same key, until it gets an answer that is not the machinery's failure."""

    unanswered = 0

    async def __aenter__(self) -> "PatientClient":
        return self

    async def post(self, service: str, path: str, body: Any, sender: Sender, key: str) -> Reply:
        """POST until answered. Raises TimeoutError after two minutes without an answer."""
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while True:
                try:
                    reply = await super().post(service, path, body, sender, key)
                except httpx.TransportError:
                    self.unanswered += 1
                else:
                    if reply.status < 500:
                        return reply
                await asyncio.sleep(AGAIN_SECONDS)


@dataclass
class Senders:
    """Posts referrals and plays some of their coaches. ``tick`` is called after every answer."""

    client: PatientClient
    coaching: asyncpg.Connection
    tick: Callable[[], None]
    replies: dict[int, Reply] = field(default_factory=dict)
    commands: dict[str, list[str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    _plans: dict[str, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)

    @property
    def accepted(self) -> dict[int, str]:
        """The referral ids by the number of the person."""
        return {n: str(reply.body["referral_id"]) for n, reply in self.replies.items() if reply.status == 201}

    async def play(self, people: Iterable[Person], coached: int) -> None:
        """Post everybody; for the first ``coached`` usual people a coach begins as soon as there is a plan."""
        crowd = list(people)
        usual = [person for person in crowd if person.kind is Kind.USUAL][:coached]
        answered = {person.number: asyncio.Event() for person in crowd}
        gate, desks = asyncio.Semaphore(SENDERS), asyncio.Semaphore(COACHES)

        async def post(person: Person) -> None:
            if person.duplicate_of is not None:
                await answered[person.duplicate_of].wait()
            async with gate:
                self.replies[person.number] = await refer(self.client, person, f"referral-{person.number}")
            answered[person.number].set()
            self.tick()

        async def coach(person: Person) -> None:
            await answered[person.number].wait()
            async with desks:
                await self._coach(person, self.accepted[person.number])

        watching = asyncio.create_task(self._watch())
        try:
            async with asyncio.TaskGroup() as group:
                for person in crowd:
                    group.create_task(post(person))
                for person in usual:
                    group.create_task(coach(person))
        finally:
            watching.cancel()

    async def _coach(self, person: Person, referral_id: str) -> None:
        sender = coach_of(await self._plan(referral_id), person.number)
        for number, body in enumerate(course(person)):
            reply = await self.client.post(
                "coaching", f"/plans/{referral_id}/commands", body, sender, f"{referral_id}-{number}"
            )
            self.commands.setdefault(referral_id, []).append(body["kind"])
            if reply.status != 200:
                self.refused.append(f"{body['kind']} of {referral_id}: {reply.status} {reply.codes}")
            self.tick()

    async def _plan(self, referral_id: str) -> dict[str, Any]:
        """Wait until there is a plan; returns whose it is."""
        self._plans[referral_id] = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(GIVE_UP_SECONDS):
            return await self._plans[referral_id]

    async def _watch(self) -> None:
        """Look for the plans that coaches wait for, until cancelled."""
        while True:
            wanted = [key for key, found in self._plans.items() if not found.done()]
            for key, provider, programme in await self.coaching.fetch(PLANS, wanted):
                self._plans[key].set_result({"provider": provider, "programme": {"id": programme}})
            await asyncio.sleep(AGAIN_SECONDS)


def course(person: Person) -> list[dict[str, Any]]:
    """Few commands, many entries: a start and an engagement every fortnight; for some a change of work."""
    first = person.referred_on + timedelta(days=3)
    acts: list[dict[str, Any]] = [_act("recommendation_confirmed", first, revision=1)]
    acts += [_session(first + timedelta(days=14 * number)) for number in range(6)]
    if person.number % 3 == 0:
        found = first + timedelta(days=80)
        payslip = {"kind": "payslip", "obtained_on": found.isoformat(), "reference": f"doc-{person.number + 1}"}
        acts += [
            _act("work_status_changed", found, work={"status": "employed", "attendance": "working"}, weekly_hours=20),
            _act("evidence_recorded", found, evidence=payslip, milestone="work_outcome"),
        ]
    return acts


def _act(kind: str, on: date, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "occurred_on": on.isoformat(), **fields}


def _session(on: date) -> dict[str, Any]:
    return _act("session_recorded", on, attendance="attended", minutes=45, channel="phone", step_id=None)
