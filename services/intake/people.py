"""Finds out whether a person is known, one referral of that person at a time."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from services.intake.domain.posted import PersonPosted
from services.intake.domain.same_person import Identity, Known, Near, NearReason, Recognised, recognise
from services.intake.domain.status import ENDED, Fact, Status, view
from services.intake.persons import forget
from services.kernel.runtime.commands import Transaction
from services.kernel.runtime.tables import Connection
from services.kernel.sealing.content import is_restricted


@dataclass(frozen=True, slots=True)
class MatchKeys:
    """What a person is recognised by: the NHS number; or name, birth date and postcode together.

    ``born``: the birth date under which near matches are looked for, None where they are not.
    """

    nhs_number: str | None
    name_key: str | None
    born: date | None = None


def identity(person: PersonPosted) -> Identity:
    """Return what a referrer says of who somebody is."""
    return Identity(person.nhs_number, person.family_name, person.given_name, person.birth_date, person.postcode)


def match_keys(person: PersonPosted) -> MatchKeys:
    """Return the keys of a person as posted. Spelling counts without case, accents and punctuation."""
    me = identity(person)
    return MatchKeys(me.nhs_number, me.name_key, min(me.birth_dates))


# A scan of unnest yields its elements in their order, so the locks are taken in that order.
_LOCK = "SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key"


async def lock(connection: Connection, *names: str | None) -> None:
    """Hold the advisory locks of ``names`` until the transaction ends, always in the same order.

    Two referrals of one person then come one after the other, so neither misses the other in the duplicate
    check nor mints a second pseudonym.
    """
    keys = sorted({_lock_key(name) for name in names if name is not None})
    if keys:
        await connection.execute(_LOCK, keys)


def _lock_key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def lock_names(keys: MatchKeys, organisation_id: str, reference: str | None) -> tuple[str | None, ...]:
    """Return what one referral locks: the keys of its person and the referrer's reference.

    People born on one day (or on the day that a swapped date gives) wait for one another: near matches lie there.
    """
    return (
        None if keys.nhs_number is None else f"nhs|{keys.nhs_number}",
        None if keys.name_key is None else f"name|{keys.name_key}",
        None if reference is None else f"reference|{organisation_id}|{reference}",
        None if keys.born is None else f"born|{keys.born.isoformat()}",
    )


# Everybody who shares enough to be the same or nearly: the number; a birth date and one of the names. Each arm is one
# look into one index, so that the cost does not grow with the number of people.
_KNOWN = """
WITH hit AS (
    SELECT r.person_id FROM referral_details d JOIN referral r USING (referral_id)
    WHERE d.birth_date = ANY($1::date[]) AND d.family_key = $3
    UNION SELECT r.person_id FROM referral_details d JOIN referral r USING (referral_id)
    WHERE d.birth_date = $2 AND d.given_key = $4
    UNION SELECT r.person_id FROM referral_details d JOIN referral r USING (referral_id)
    WHERE d.birth_date = $2 AND d.family_key = $4 AND d.given_key = $3
    UNION SELECT r.person_id FROM referral_details d JOIN referral r USING (referral_id) WHERE d.nhs_number = $5
    UNION SELECT person_id FROM person WHERE nhs_number = $5
    UNION SELECT person_id FROM person WHERE name_key = $6
),
root AS (SELECT DISTINCT coalesce(p.survivor, p.person_id) AS root FROM hit JOIN person p USING (person_id)),
pseudonym AS (
    SELECT root, root AS person_id FROM root
    UNION ALL SELECT p.survivor, p.person_id FROM root JOIN person p ON p.survivor = root.root
)
SELECT n.root AS person_id, p.created_at, p.nhs_number AS held, p.name_key, r.programme,
       d.nhs_number, d.family_name, d.given_name, d.birth_date, d.postcode
FROM pseudonym n JOIN person p USING (person_id)
LEFT JOIN referral r USING (person_id) LEFT JOIN referral_details d USING (referral_id)
UNION ALL
SELECT n.root, p.created_at, p.nhs_number, p.name_key, i.programme,
       d.nhs_number, d.family_name, d.given_name, d.birth_date, d.postcode
FROM pseudonym n JOIN person p USING (person_id)
JOIN invitation i USING (person_id) JOIN invitation_details d USING (invitation_id)
"""


async def recognised(connection: Connection, me: Identity, programmes: Iterable[str]) -> Recognised:
    """Return who is meant, and whom a person should look at. Needs the locks of :func:`lock`."""
    rows = await connection.fetch(
        _KNOWN,
        list(me.birth_dates),
        me.birth_date,
        me.family_key,
        me.given_key,
        me.nhs_number,
        me.name_key,
    )
    known = [
        Known(
            str(row["person_id"]),
            row["created_at"],
            row["held"],
            row["name_key"],
            None
            if row["birth_date"] is None
            else Identity(row["nhs_number"], row["family_name"], row["given_name"], row["birth_date"], row["postcode"]),
            row["programme"],
        )
        for row in rows
    ]
    return recognise(me, known, programmes)


async def find_out(tx: Transaction, person: PersonPosted, programmes: Iterable[str], *, told: bool) -> Recognised:
    """Return who is meant, as :func:`recognised`, and look after those who were erased or may not be used.

    Who was erased and is referred again is somebody new, with no link to who they were. Somebody whose use is
    restricted cannot be referred; a sender who may not learn that they are known (``told`` False) is not shown it: they
    are kept apart, for a person to look at.
    """
    me = identity(person)
    while True:
        found = await recognised(tx.conn, me, programmes)
        if found.person_id is None:
            return found
        if not await tx.has_key(found.person_id):
            await forget(tx.conn, found.person_id)
            continue
        if told or not is_restricted(tx.held.get(found.person_id)):
            return found
        apart = Near(found.person_id, (NearReason.SEVERAL_FIT,))
        return Recognised(None, (*found.near, apart), person.nhs_number is not None)


_WITH_NUMBER = "SELECT coalesce(survivor, person_id) FROM person WHERE nhs_number = $1"


async def find_number(connection: Connection, nhs_number: str) -> str | None:
    """Return the pseudonym of whoever has this NHS number, or None."""
    found: str | None = await connection.fetchval(_WITH_NUMBER, nhs_number)
    return found


def new_person_id() -> str:
    """Mint a random pseudonym; nothing can be read from it, not even when it was made."""
    return str(uuid4())


_OPEN = """SELECT r.referral_id, s.topic, s.sequence, s.status, s.on_day
FROM referral r LEFT JOIN referral_status s USING (referral_id)
WHERE r.person_id IN (SELECT $1 UNION ALL SELECT person_id FROM person WHERE survivor = $1)
  AND r.programme = ANY($2::text[])
ORDER BY r.received_at, r.referral_id"""


async def open_referral(connection: Connection, person_id: str, programmes: Iterable[str]) -> str | None:
    """Return the person's first referral to one of the programmes that has not ended, or None."""
    facts: dict[str, list[Fact]] = {}
    for row in await connection.fetch(_OPEN, person_id, sorted(programmes)):
        found = facts.setdefault(row["referral_id"], [])
        if row["topic"] is not None:
            found.append(Fact(row["topic"], row["sequence"], Status(row["status"]), row["on_day"]))
    for referral_id, known in facts.items():
        stands = view(known)
        if stands is None or stands.status not in ENDED:
            return referral_id
    return None


_REFERENCE = "SELECT EXISTS (SELECT FROM referral WHERE organisation_id = $1 AND reference = $2)"


async def reference_used(connection: Connection, organisation_id: str, reference: str | None) -> bool:
    """Tell whether the referrer has used this reference before."""
    return reference is not None and bool(await connection.fetchval(_REFERENCE, organisation_id, reference))
