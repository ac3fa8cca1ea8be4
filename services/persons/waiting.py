"""Whether somebody still has to look at a person: safety tasks that wait, and what triage has yet to read.

An event under a destroyed key can be read by nobody and makes no task. So who looks only at the tasks that there are
would lose a positive answer that was sent a moment ago, or that waits behind a gap.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.intake.people.ending import lock_people
from services.intake.refused.waiting import said_of
from services.intake.refused.waiting import waiting_of as waiting_in_intake
from services.kernel.operations.audit import Pool
from services.kernel.runtime.tables import Connection
from services.triage.waiting import hold, read_of
from services.triage.waiting import waiting_of as waiting_in_triage


@dataclass(slots=True)
class Waiting:
    """What waits for somebody to look at one pseudonym: tasks, and referrals of which triage has not read all."""

    tasks: list[dict[str, Any]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


async def waiting(intake: Connection | Pool, triage: Connection | Pool, people: Sequence[str]) -> dict[str, Waiting]:
    """Return what waits for whom; for whom nothing does is not among them."""
    found: dict[str, Waiting] = {}
    said = await said_of(intake, people)
    whose = {referral: person for person, referral, _ in said}
    read = await read_of(triage, list(whose))
    for person, referral, sequence in said:
        if read.get(referral, 0) < sequence:
            found.setdefault(person, Waiting()).unread.append(referral)
    for task in await waiting_in_intake(intake, people):
        found.setdefault(task["person_id"], Waiting()).tasks.append(_told("intake", task))
    for task in await waiting_in_triage(triage, list(whose)):
        found.setdefault(whose[task["referral_id"]], Waiting()).tasks.append(_told("triage", task))
    return found


async def waiting_still(intake: Connection, triage: Connection, people: Sequence[str]) -> Waiting:
    """Return what waits for one person, all pseudonyms together; until both transactions end nothing is added.

    Whoever refers them or says something of them meanwhile waits, in intake first, and finds what became of them.
    """
    await lock_people(intake, people)
    await hold(triage, [referral for _, referral, _ in await said_of(intake, people, hold=True)])
    found = (await waiting(intake, triage, people)).values()
    return Waiting([task for one in found for task in one.tasks], [name for one in found for name in one.unread])


def _told(service: str, task: dict[str, Any]) -> dict[str, Any]:
    told = ("task_id", "referral_id", "response", "role", "raised_at")
    return {"service": service, **{name: task[name] for name in told}}
