"""Two people are referred, triaged, coached and paid for; one of them is erased. What stood where, before and after."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from services.contracts import types
from services.embedded.processes import Supervisor
from services.intake.referrals.examples import EMPLOYER_REFERRAL
from services.kernel.envelope import to_headers
from services.kernel.replay.command import Verdict, replay_from_kafka
from tests.e2e import subscriber
from tests.e2e.erasing.look import STATES, Look, keys_in, look
from tests.e2e.leaks import acts
from tests.e2e.leaks.caller import COACH, EMPLOYER, SAFETY, SURGERY, Caller
from tests.e2e.leaks.markers import MILD, Person
from tests.e2e.system import ROLES, Said, System, open_system
from tests.parts.databases import Databases
from tests.parts.kafka import Broker
from tests.parts.kafka_admin import Raw

RUNNING: Final = (*ROLES, "triage-api", "outcomes-api")
STOPPED: Final = ("coaching-api", "coaching-worker", "relay-2")
"""What must not run while the databases are put back."""
SECONDS: Final = 60.0
ADA, BOB, STRANGER = Person(201), Person(202), Person(203)
"""Erased; not erased, and restricted later; whom nobody knew."""
FIRST: Final = date(2024, 11, 19)
ANSWERS: Final = {"assessment": {**MILD, "gad7": {"score": 7}}}
LETTER_SOURCE: Final = "/somebody/else"


@dataclass
class Found:
    """What the tests look at."""

    people: dict[Person, str] = field(default_factory=dict)
    referrals: dict[Person, str] = field(default_factory=dict)
    before: Look = field(default_factory=Look)
    after: Look = field(default_factory=Look)
    put_back: Look = field(default_factory=Look)
    """After old backups of the keys and of coaching's database were put back."""
    coaching: tuple[list[Any], list[Any]] = ([], [])
    """Coaching's states before its backup was put back and after it was restored."""
    replay_before: Verdict = field(default_factory=Verdict)
    commands: dict[str, Said] = field(default_factory=dict)
    backups: dict[str, dict[str, str]] = field(default_factory=dict)
    """The wrapped keys in each backup."""
    standing: dict[str, int] = field(default_factory=dict)
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    again: dict[str, Any] = field(default_factory=dict)
    """The first event of the referral of whoever was erased and came again."""
    again_row: dict[str, Any] = field(default_factory=dict)


@dataclass
class Story:
    """Use :func:`lived`."""

    system: System
    folder: Path
    call: Caller = field(init=False)
    found: Found = field(default_factory=Found)

    def __post_init__(self) -> None:
        self.call = Caller(self.system.issuer, self.system.urls)

    async def live(self) -> None:
        """All of it."""
        system, found = self.system, self.found
        await system.start(*RUNNING)
        await asyncio.gather(*(self.referred(person) for person in (ADA, BOB)))
        await system.settled(SECONDS)
        await asyncio.gather(*(self.coached(person) for person in (ADA, BOB)))
        await system.settled(SECONDS)
        await self.set_aside()
        await system.settled(SECONDS)
        await self.command("backup", "vault", "backup", str(self.folder / "before"))
        await self.copied()
        found.before = await look(system, self.call, found.referrals.values(), "before")
        found.replay_before = await replay_from_kafka(system.services, system.settings)
        await self.erased()
        found.after = await look(system, self.call, list(found.referrals.values()), "after")
        await self.asked()
        await self.command("replay", "replay", "--from-kafka", "--json")
        await self.referred_again()
        await self.restricted()
        await self.put_back()
        await self.call.close()

    async def referred(self, person: Person) -> None:
        """Refer somebody and answer more."""
        referral = self.found.referrals[person] = await acts.refer(self.call, person)
        answer = await self.call.post("intake", f"/referrals/{referral}/assessments", ANSWERS, COACH)
        assert answer.status_code == 201, answer.text

    async def coached(self, person: Person) -> None:
        """Coach somebody until they have earned every kind of payment."""
        referral = self.found.referrals[person]
        for body in course():
            answer = await self.call.post("coaching", f"/plans/{referral}/commands", body, COACH)
            assert answer.status_code == 200, (body, answer.text)

    async def set_aside(self) -> None:
        """Have what is sealed of Ada stand in a dead letter: what she said comes a second time, from nobody of ours."""
        for person, referral in self.found.referrals.items():
            row = "SELECT person_id FROM referral WHERE referral_id = $1"
            self.found.people[person] = await self.system.connections["intake"].fetchval(row, referral)
        topic = f"{self.system.prefix}{types.TOPIC_REFERRAL}"
        seen = subscriber.subscribe(self.system.kafka.bootstrap, [topic], f"{topic}said")
        said = next(r for r in seen if r.key == self.found.referrals[ADA].encode())
        headers = to_headers({**said.attributes, "source": LETTER_SOURCE})
        letter = Raw(topic, said.value, said.key, said.partition, dict(headers))
        await asyncio.to_thread(self.system.kafka.produce, [letter])

    async def command(self, name: str, *words: str, given: str = "") -> None:
        """Run an operator's command and keep what it said."""
        self.found.commands[name] = await self.system.pathway(*words, given=given)

    async def erased(self) -> None:
        """Erase Ada by her number, dry first; wait until everybody has read it."""
        words = ("person", "erase", "--nhs-number", "-", "--why", "person_asked", "--actor", "operator-1", "--json")
        await self.command("dry run", *words, given=ADA.nhs_number)
        await self.command("erase", *words, "--apply", given=ADA.nhs_number)
        self.found.standing = await self.system.settled(SECONDS)
        folder = self.folder / "after"
        await self.command("backup after", "vault", "backup", str(folder))
        for name in ("before", "after"):
            (file,) = (self.folder / name).glob("keys-*.jsonl")
            self.found.backups[name] = keys_in(file)

    async def asked(self) -> None:
        """What those are told who ask for her, by an API that has no key in its memory any more."""
        self.system.kill("coaching-api")
        await self.system.ready("coaching-api")
        for person, name in ((ADA, "ada"), (BOB, "bob")):
            referral = self.found.referrals[person]
            for what, service, path, who in (
                ("plan", "coaching", f"/plans/{referral}", COACH),
                ("notes", "coaching", f"/plans/{referral}/notes", COACH),
                ("case", "triage", f"/triage/{referral}", SAFETY),
                ("status", "intake", f"/referrals/{referral}", SURGERY),
            ):
                answer = await self.call.get(service, path, who)
                self.found.answers[f"{name} {what}"] = (answer.status_code, answer.json())
        note = {"kind": "note_recorded", "occurred_on": FIRST.isoformat(), "note": acts.NOTE}
        for person, name in ((ADA, "ada"), (BOB, "bob")):
            answer = await self.call.post("coaching", f"/plans/{self.found.referrals[person]}/commands", note, COACH)
            self.found.answers[f"{name} note"] = (answer.status_code, answer.json())
        await self.system.settled(SECONDS)

    async def referred_again(self) -> None:
        """The same person comes again, by the same practice and with the same details."""
        referral = await acts.refer(self.call, ADA)
        await self.system.settled(SECONDS)
        intake = self.system.connections["intake"]
        value = await intake.fetchval("SELECT value FROM outbox WHERE key = $1 AND sequence = 1", referral)
        self.found.again = json.loads(value)
        row = "SELECT * FROM referral WHERE referral_id = $1"
        self.found.again_row = dict(await intake.fetchrow(row, referral) or {})

    async def restricted(self) -> None:
        """Bob's use is restricted; then an employer refers him, and somebody whom nobody knew."""
        bob = self.found.people[BOB]
        why = ("--why", "objection_pending", "--actor", "operator-1", "--json", "--apply")
        await self.command("restrict", "person", "restrict", bob, *why)
        await self.system.settled(SECONDS)
        for name, person in (("employer of bob", BOB), ("employer of a stranger", STRANGER)):
            answer = await self.call.post("intake", "/referrals", by_employer(person), EMPLOYER)
            self.found.answers[name] = (answer.status_code, answer.json())

    async def copied(self) -> None:
        """Take a backup of coaching's database."""
        coaching = self.system.databases("coaching")
        await asyncio.to_thread(coaching.postgres.dump, coaching.name, self.folder / "coaching.dump")

    async def put_back(self) -> None:
        """Coaching's database and the keys come from backups that were made before the erasure."""
        system, coaching = self.system, self.system.databases("coaching")
        await system.settled(SECONDS)
        before = [tuple(row) for row in await system.connections["coaching"].fetch(STATES)]
        for name in STOPPED:
            await asyncio.to_thread(system.processes.children[name].stop)
        await asyncio.to_thread(coaching.postgres.restore, self.folder / "coaching.dump", coaching.name)
        await system.connect("coaching")
        (file,) = (self.folder / "before").glob("keys-*.jsonl")
        for name, words in (
            ("put back", ("vault", "restore", str(file))),
            ("restore vault", ("restore", "vault")),
            ("restore coaching", ("restore", "coaching")),
        ):
            await self.command(name, *words, "--actor", "operator-1", "--json", "--apply")
        for name in STOPPED:
            system.role(name)
        await system.ready(*STOPPED)
        self.found.coaching = before, [tuple(row) for row in await system.connections["coaching"].fetch(STATES)]
        vault = self.system.connections["vault"]
        async with asyncio.timeout(SECONDS):
            while not await vault.fetchval("SELECT keys_served() FROM pg_sleep(0.05)"):
                self.system.processes.check()
        await system.settled(SECONDS)
        self.found.put_back = await look(self.system, self.call, self.found.referrals.values(), "put-back")
        notes = f"/plans/{self.found.referrals[ADA]}/notes"
        answer = await self.call.get("coaching", notes, COACH)
        self.found.answers["ada notes of a backup"] = (answer.status_code, answer.json())


def course() -> list[Mapping[str, Any]]:
    """A coach's acts that earn: a start, engagements, a change of work with its evidence. And words, which earn not."""

    def act(kind: str, days: int, **fields: Any) -> Mapping[str, Any]:
        return {"kind": kind, "occurred_on": (FIRST + timedelta(days=days)).isoformat(), **fields}

    attended = {"attendance": "attended", "minutes": 45, "channel": "phone", "step_id": None}
    paid = {"kind": "payslip", "obtained_on": (FIRST + timedelta(days=80)).isoformat(), "reference": "doc-1"}
    return [
        act("recommendation_confirmed", 3, revision=2),
        act("note_recorded", 3, note=acts.NOTE),
        *(act("session_recorded", 3 + 14 * number, **attended) for number in range(6)),
        act("work_status_changed", 80, work={"status": "employed", "attendance": "working"}, weekly_hours=20),
        act("evidence_recorded", 80, evidence=paid, milestone="work_outcome"),
    ]


def by_employer(person: Person) -> dict[str, Any]:
    """A referral by an employer, of somebody with all that the practice said of them."""
    posted = person.referral()
    return {**EMPLOYER_REFERRAL, "person": posted["person"], "referrer": {"name": "Works", "reference": person.born}}


async def lived(kafka: Broker, databases: Databases, processes: Supervisor, folder: Path, prefix: str) -> Found:
    """Let it happen; returns what was seen."""
    async with open_system(kafka, databases, processes, prefix) as system:
        story = Story(system, folder)
        await story.live()
        return story.found
