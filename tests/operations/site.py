"""What the drills find: a system at work, two people whom it knows, and what can be done to it behind its back."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from services.contracts import types
from services.kernel.envelope import to_headers
from tests.e2e import subscriber
from tests.e2e.erasing.story import Story
from tests.e2e.leaks import acts
from tests.e2e.leaks.markers import Person
from tests.e2e.subscriber import Seen
from tests.e2e.system import System
from tests.operations.page import Page
from tests.parts.kafka_admin import Raw

SECONDS: Final = 60.0
RELAYS: Final = ("relay-1", "relay-2")
OPEN_STOPS: Final = "SELECT count(*) FROM consumer_stop WHERE resumed_at IS NULL"


@dataclass
class Site:
    """``people`` are their pseudonyms; ``referrals`` their referrals."""

    story: Story
    ada: Person
    bob: Person
    people: dict[Person, str] = field(default_factory=dict)

    @property
    def system(self) -> System:
        """What runs."""
        return self.story.system

    @property
    def folder(self) -> Path:
        """Where the operator stands."""
        return self.story.folder

    @property
    def referrals(self) -> dict[Person, str]:
        """Who was referred through :meth:`earn` or :meth:`learn`, and how the referral is named."""
        return self.story.found.referrals

    async def learn(self) -> None:
        """Let both be known, and find their pseudonyms."""
        await self.earn(self.ada, self.bob)
        row = "SELECT person_id FROM referral WHERE referral_id = $1"
        for person, referral in self.referrals.items():
            self.people[person] = await self.system.connections["intake"].fetchval(row, referral)

    def page(self, name: str, **environment: str) -> Page:
        """A page of the operator's, to be run here."""
        return Page(name, self.system, self.folder, environment)

    def as_role(self, service: str, role: str) -> str:
        """The address of a service's database for a role of its own."""
        made = self.system.databases(service)
        return made.postgres.dsn(made.name, role)

    async def refer(self, number: int) -> str:
        """Refer somebody new; returns the referral."""
        return await acts.refer(self.story.call, Person(number))

    async def earn(self, *people: Person) -> None:
        """Refer people and coach them until they have earned every kind of payment."""
        for person in people:
            await self.story.referred(person)
        await self.settled()
        for person in people:
            await self.story.coached(person)
        await self.settled()

    async def settled(self) -> dict[str, int]:
        """Wait until nothing is on its way; returns what is not 0."""
        return await self.system.settled(SECONDS)

    async def ask(self, service: str, sql: str, *values: Any) -> Any:
        """The first value of a query, as a superuser."""
        return await self.system.connections[service].fetchval(sql, *values)

    async def until(self, service: str, sql: str, *values: Any) -> None:
        """Wait until a query's first value is true."""
        async with asyncio.timeout(SECONDS):
            while not await self.ask(service, sql, *values):
                self.system.processes.check()
                await self.ask(service, "SELECT pg_sleep(0.05)")

    async def stop(self, *roles: str) -> None:
        """End roles as their platform would."""
        for name in roles:
            await asyncio.to_thread(self.system.processes.children.pop(name).stop)

    async def start(self, *roles: str) -> None:
        """Start roles again, wait until they are ready."""
        for name in roles:
            self.system.role(name)
        await self.system.ready(*roles)

    async def on_topic(self, referral: str, topic: str = types.TOPIC_REFERRAL) -> Seen:
        """The first record of a referral on a topic."""
        name = f"{self.system.prefix}{topic}"
        seen = subscriber.subscribe(self.system.kafka.bootstrap, [name], f"{name}{uuid4().hex[:6]}")
        return next(one for one in seen if one.key == referral.encode())

    async def publish(self, like: Seen, key: str, changes: Mapping[str, str]) -> None:
        """Write a record like another one, with other attributes, and an id of its own."""
        attributes = {**like.attributes, "id": str(uuid4()), "subject": key, **changes}
        same = key.encode() == like.key
        raw = Raw(like.topic, like.value, key.encode(), like.partition, dict(to_headers(attributes)))
        kafka = self.system.kafka
        await asyncio.to_thread(kafka.produce, [raw if same else replace(raw, partition=-1)])
