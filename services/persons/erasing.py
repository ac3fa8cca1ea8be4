"""Erases a person when nobody has to look at them any more, or when somebody says why it is to be done nevertheless."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from services.contracts.person_codes import ErasureReason
from services.kernel.operations.audit import OperationRefused, transaction
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.tables import Connection
from services.kernel.settings import Settings
from services.persons.waiting import Waiting, waiting_still
from services.vault.people import Done, People
from services.vault.standing import standing

WAIT = "safety_tasks_wait"


@dataclass(frozen=True, slots=True)
class Erasing:
    """What came of it. ``done`` is None where it was refused for what waits."""

    waiting: Waiting
    done: Done | None

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        said = {"act": "erase", "refused": WAIT} if self.done is None else self.done.as_json()
        tasks = [{**task, "raised_at": task["raised_at"].isoformat()} for task in self.waiting.tasks]
        return {**said, "safety_tasks": tasks, "unread_referrals": self.waiting.unread}


async def erase(
    people: People,
    settings: Settings,
    person: str,
    why: ErasureReason,
    *,
    note: str,
    apply: bool,
    despite: str | None = None,
) -> Erasing:
    """Erase a person; refused while a safety task of theirs waits or triage has yet to read something about them.

    ``despite``: why it is done nevertheless; then it stands in the audit row, with what waited. Looked at and erased
    under the locks of whoever could add something. Raises OperationRefused as ``People.erase`` does, and
    ``reason_required`` for a ``despite`` that says nothing.
    """
    if despite is not None and not despite.strip():
        raise OperationRefused("reason_required", "say with --despite-safety-tasks why it is done nevertheless")
    stands = (await standing(people.pool, [person]))[person]
    async with _changing(settings, "intake") as intake, _changing(settings, "triage") as triage:
        found = await waiting_still(intake, triage, stands.pseudonyms) if stands.erased_at is None else Waiting()
        waits = bool(found.tasks or found.unread)
        if waits and despite is None:
            return Erasing(found, None)
        said = {
            "despite_safety_tasks": despite,
            "safety_tasks": [task["task_id"] for task in found.tasks],
            "unread_referrals": found.unread,
        }
        looked_at = frozenset(stands.pseudonyms)
        noted = said if waits else None
        done = await people.erase(person, why, note=note, apply=apply, looked_at=looked_at, noted=noted)
        return Erasing(found, done)


@asynccontextmanager
async def _changing(settings: Settings, service: str) -> AsyncIterator[Connection]:
    """Open a transaction of a service that may lock; it changes nothing."""
    pool = await open_pool(settings.service_url(service), size=1, point_lookups=False)
    try:
        async with transaction(pool, apply=False) as connection:
            yield connection
    finally:
        pool.terminate()
