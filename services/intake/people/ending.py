"""When a person's referrals ended: what the time is counted from for which they are kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.intake.domain.policy import london_day
from services.intake.domain.status import ENDED, Fact, Status, View, view
from services.intake.people.recognising import MatchKeys, lock, lock_names
from services.kernel.operations.audit import Pool
from services.kernel.runtime.tables import Connection

PAGE = """
SELECT person_id, max(at) AS at FROM (
    SELECT person_id, received_at AS at FROM referral WHERE person_id > $1
    UNION ALL SELECT person_id, changed_at FROM invitation WHERE person_id > $1) AS heard
GROUP BY person_id ORDER BY person_id LIMIT $2
"""
TOTAL = "SELECT count(*) FROM (SELECT person_id FROM referral UNION SELECT person_id FROM invitation) AS heard"
FACTS = """
SELECT r.person_id, r.referral_id, r.received_at, s.topic, s.sequence, s.status, s.on_day
FROM referral r LEFT JOIN referral_status s USING (referral_id) WHERE r.person_id = ANY($1::text[])
"""
INVITED = """
SELECT person_id, max(changed_at) AS changed_at, max(coalesce(respond_by, identified_on)) AS last_day
FROM invitation WHERE person_id = ANY($1::text[]) GROUP BY person_id
"""
BIRTHS = """
SELECT person_id, max(birth_date) AS born FROM (
    SELECT r.person_id, d.birth_date FROM referral r JOIN referral_details d USING (referral_id)
    WHERE r.person_id = ANY($1::text[])
    UNION ALL SELECT i.person_id, d.birth_date FROM invitation i JOIN invitation_details d USING (invitation_id)
    WHERE i.person_id = ANY($1::text[])) AS said
GROUP BY person_id
"""
KEYS = "SELECT nhs_number, name_key FROM person WHERE person_id = ANY($1::text[]) ORDER BY person_id"


@dataclass(frozen=True, slots=True)
class Ending:
    """One pseudonym's referrals: the last day on which anything is known of them, and whether all have ended.

    Invitations count by their days alone: one that nobody has answered ends by itself.
    ``born``: the latest birth date that a referrer gave, None once it is scrubbed.
    """

    person_id: str
    last_day: date
    ended: bool
    born: date | None


async def count_people(connection: Connection | Pool) -> int:
    """Return how many pseudonyms have a referral or an invitation."""
    found: int = await connection.fetchval(TOTAL)
    return found


async def page_of_people(connection: Connection | Pool, after: str, size: int) -> list[tuple[str, date]]:
    """Return the next pseudonyms in their order, each with the day on which the last was heard of a referral."""
    rows = await connection.fetch(PAGE, after, size)
    return [(row["person_id"], london_day(row["at"])) for row in rows]


async def endings(connection: Connection | Pool, person_ids: Sequence[str]) -> dict[str, Ending]:
    """Return how the referrals of these people stand; who has none, and no invitation, is not among them."""
    facts: dict[str, dict[str, list[Fact]]] = {}
    days: dict[str, date] = {}
    for row in await connection.fetch(FACTS, list(person_ids)):
        known = facts.setdefault(row["person_id"], {}).setdefault(row["referral_id"], [])
        last = [london_day(row["received_at"])]
        if row["topic"] is not None:
            known.append(Fact(row["topic"], row["sequence"], Status(row["status"]), row["on_day"]))
            last.append(row["on_day"])
        days[row["person_id"]] = max(days.get(row["person_id"], date.min), *last)
    for row in await connection.fetch(INVITED, list(person_ids)):
        facts.setdefault(row["person_id"], {})
        heard = (london_day(row["changed_at"]), row["last_day"])
        days[row["person_id"]] = max(days.get(row["person_id"], date.min), *heard)
    born = {row["person_id"]: row["born"] for row in await connection.fetch(BIRTHS, list(person_ids))}
    return {
        person: Ending(person, days[person], all(_ended(known) for known in referrals.values()), born.get(person))
        for person, referrals in facts.items()
    }


def _ended(facts: Iterable[Fact]) -> bool:
    found = view(facts)
    return found is not None and found.status in ENDED


async def lock_people(connection: Connection, person_ids: Sequence[str]) -> None:
    """Make whoever refers one of these people wait until the transaction ends."""
    rows = await connection.fetch(KEYS, list(person_ids))
    keys = [MatchKeys(row["nhs_number"], row["name_key"]) for row in rows]
    await lock(connection, *(name for one in keys for name in lock_names(one, "", None)))


def stands(rows: Iterable[Mapping[str, Any]]) -> dict[str, View]:
    """Return how each referral stands, from rows of ``referral_status``."""
    facts: dict[str, list[Fact]] = {}
    for row in rows:
        known = facts.setdefault(row["referral_id"], [])
        known.append(Fact(row["topic"], row["sequence"], Status(row["status"]), row["on_day"]))
    return {referral: found for referral, known in facts.items() if (found := view(known)) is not None}


def day_in_london(moment: datetime) -> date:
    """Return the day on which something is looked at."""
    return london_day(moment)
