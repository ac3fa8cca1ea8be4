"""What operators do with people: merge, restrict, hold, erase, by age too; put backups back."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Final

from tests.e2e.leaks import acts
from tests.e2e.leaks.caller import EMPLOYER, Caller
from tests.e2e.leaks.evidence import Evidence
from tests.e2e.leaks.markers import GRAVE, MILD, Person
from tests.e2e.system import System

SETTLE_SECONDS: Final = 60.0
ROSE, ROSA, OLD = map(Person, range(41, 44))
"""Two that are one, restricted and erased; whose time is over."""
GONE: Final = (ROSE, ROSA, OLD)
BACK: Final = 20
AGED: Final = (
    f"UPDATE referral SET received_at = received_at - interval '{BACK} years' WHERE referral_id = $1",
    f"UPDATE referral_status SET on_day = on_day - interval '{BACK} years' WHERE referral_id = $1",
)
LETTERS_AGED: Final = """
UPDATE dead_letter SET resolution = 'discarded', resolved_at = now() - interval '1 year' WHERE code = 'RuntimeError'
"""
WHY: Final = ("--reason", "asked for by letter", "--actor", "operator-1")
DESPITE: Final = ("--despite-safety-tasks", "seen by a surgery")
NUMBER: Final = ("--nhs-number", "-")
NOBODY_MAY: Final = ("intake-api", "intake-worker", "relay-1", "relay-2")
"""What is stopped while databases are put back."""


class Operators:
    """Works on a system in which :data:`GONE` were referred; keeps what each command said."""

    def __init__(self, system: System, call: Caller, found: Evidence, folder: Path) -> None:
        self.system = system
        self.call = call
        self.found = found
        self.keys = folder / "key-backups"
        self.backup = folder / "intake.dump"
        self.referrals: dict[Person, str] = {}

    async def refer(self) -> None:
        """Let them come, and one of them be withdrawn: who is retained for nobody's look at a sign of danger."""
        said = (GRAVE, GRAVE, MILD)
        referred = await asyncio.gather(*(acts.refer(self.call, *one) for one in zip(GONE, said, strict=True)))
        self.referrals = dict(zip(GONE, referred, strict=True))
        await acts.withdrawn(self.call, self.referrals[OLD])

    async def pathway(self, name: str, *words: str, given: str = "") -> None:
        """Run a command and keep what it wrote and how it ended."""
        said = await self.system.pathway(*words, given=given)
        self.found.commands |= {f"{name} >": said.out, f"{name} 2>": said.err}
        self.found.statuses[name] = said.status

    async def people(self) -> None:
        """All of it, in the order in which it must be; what does not depend on each other at once."""
        rose, rosa, old = (person.nhs_number for person in GONE)
        both = ("--survivor-nhs-number", "-", "--merged-nhs-number", "-")
        await self._at_once(
            self.pathway("backup", "vault", "backup", str(self.keys)),
            self.pathway("merge", "person", "merge", *both, *WHY[2:], "--apply", given=f"{rose}\n{rosa}\n"),
            self.pathway("hold", "retention", "hold", "add", *NUMBER, *WHY, "--apply", given=old),
        )
        await self._at_once(
            self.pathway("restrict", "person", "restrict", *NUMBER, *_why("objection_pending"), given=rosa),
            self.pathway("held", "person", "erase", *NUMBER, *_why("person_asked"), given=old),
        )
        await self.call.post("intake", "/referrals", _by_employer(ROSE), EMPLOYER)
        await self.system.settled(SETTLE_SECONDS)
        pseudonym = "SELECT person_id FROM referral WHERE referral_id = $1"
        self.found.pseudonym = await self.system.connections["intake"].fetchval(pseudonym, self.referrals[ROSE])
        await self._copied()
        await self._at_once(
            self.pathway("release", "retention", "hold", "release", *NUMBER, *WHY, "--apply", given=old),
            self.pathway("erase", "person", "erase", *NUMBER, *_why("person_asked"), *DESPITE, "--json", given=rose),
        )
        await self._retention()
        await self._at_once(
            self.pathway("list", "person", "list-erasures"),
            self.pathway("erased", "person", "show", self.found.pseudonym),
        )
        await self._put_back()

    async def _at_once(self, *commands: Awaitable[None]) -> None:
        await asyncio.gather(*commands)

    async def _retention(self) -> None:
        """One person and one letter have lain here for twenty years, it seems."""
        await self.system.settled(SETTLE_SECONDS)
        for statement in AGED:
            await self.system.connections["intake"].execute(statement, self.referrals[OLD])
        await self.system.connections["triage"].execute(LETTERS_AGED)
        run = ("retention", "run", "--key-backups", str(self.keys), *WHY[2:])
        await self.pathway("retention dry", *run)
        await self.pathway("retention", *run, "--apply")
        await self.system.settled(SETTLE_SECONDS)

    async def _copied(self) -> None:
        database = self.system.databases("intake")
        await asyncio.to_thread(database.postgres.dump, database.name, self.backup)

    async def _put_back(self) -> None:
        """Intake's database and the keys come from backups that were made before the erasures."""
        processes, database = self.system.processes, self.system.databases("intake")
        await asyncio.gather(*(asyncio.to_thread(processes.children[name].stop) for name in NOBODY_MAY))
        await asyncio.to_thread(database.postgres.restore, self.backup, database.name)
        await self.system.connect("intake")
        (keys,) = self.keys.glob("keys-*.jsonl")
        await self._at_once(
            self.pathway("restore intake", "restore", "intake", *WHY[2:], "--apply"),
            self.pathway("keys back", "vault", "restore", str(keys), *WHY[2:], "--apply"),
        )
        await self.pathway("restore vault", "restore", "vault", *WHY[2:], "--apply")
        for name in NOBODY_MAY:
            self.system.role(name)
        await self.system.ready(*NOBODY_MAY)
        await self.system.settled(SETTLE_SECONDS)


def _why(code: str) -> tuple[str, ...]:
    return ("--why", code, *WHY, "--apply")


def _by_employer(person: Person) -> dict[str, Any]:
    return person.referral(None, route="employer")
