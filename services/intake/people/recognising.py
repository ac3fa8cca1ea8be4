"""Finds out whether a person is known, one referral of that person at a time."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from services.intake.domain.posted import PersonPosted
from services.intake.domain.same_person import Identity
from services.intake.domain.status import ENDED, Fact, Status, view
from services.kernel.runtime.tables import Connection


@dataclass(frozen=True, slots=True)
class MatchKeys:
    """What a person is recognised by: the NHS number; or name, birth date and postcode together.

    ``born`` and ``home``: the birth date, and names with postcode, under which near matches are looked for; None where
    they are not.
    """

    nhs_number: str | None
    name_key: str | None
    born: date | None = None
    home: str | None = None


def identity(person: PersonPosted) -> Identity:
    """Return what a referrer says of who somebody is."""
    return Identity(person.nhs_number, person.family_name, person.given_name, person.birth_date, person.postcode)


def match_keys(person: PersonPosted) -> MatchKeys:
    """Return the keys of a person as posted. Spelling counts without case, accents and punctuation."""
    return keys_of(identity(person))


def keys_of(me: Identity) -> MatchKeys:
    """Return the keys of somebody as described."""
    return MatchKeys(me.nhs_number, me.name_key, min(me.birth_dates), me.home_key)


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

    People born on one day (or on the day that a swapped date gives), and those of the same names and postcode, wait for
    one another: near matches lie there.
    """
    return (
        None if keys.nhs_number is None else f"nhs|{keys.nhs_number}",
        None if keys.name_key is None else f"name|{keys.name_key}",
        None if reference is None else f"reference|{organisation_id}|{reference}",
        None if keys.born is None else f"born|{keys.born.isoformat()}",
        None if keys.home is None else f"home|{keys.home}",
    )


_WITH_NUMBER = "SELECT coalesce(survivor, person_id) FROM person WHERE nhs_number = $1"


async def find_number(connection: Connection, nhs_number: str) -> str | None:
    """Return the pseudonym of whoever has this NHS number, or None."""
    found: str | None = await connection.fetchval(_WITH_NUMBER, nhs_number)
    return found


def new_person_id() -> str:
    """Mint a random pseudonym; nothing can be read from it, not even when it was made."""
    return str(uuid4())


_OPEN = """
WITH asked AS (SELECT unnest($1::text[]) AS root),
pseudonym AS (
    SELECT root, root AS person_id FROM asked
    UNION ALL SELECT p.survivor, p.person_id FROM asked JOIN person p ON p.survivor = asked.root
)
SELECT n.root, r.referral_id, r.programme, r.linked_referral, s.topic, s.sequence, s.status, s.on_day
FROM pseudonym n JOIN referral r USING (person_id) LEFT JOIN referral_status s USING (referral_id)
ORDER BY r.received_at, r.referral_id
"""


@dataclass(frozen=True, slots=True)
class OpenReferral:
    """A referral that has not ended. ``additional``: another one of the person's is paid for, not this one."""

    referral_id: str
    programme: str
    additional: bool = False


async def open_referrals(connection: Connection, person_ids: Iterable[str]) -> dict[str, list[OpenReferral]]:
    """Return each person's referrals that have not ended, to whatever programme, the first first."""
    facts: dict[tuple[str, OpenReferral], list[Fact]] = {}
    found: dict[str, list[OpenReferral]] = {person_id: [] for person_id in person_ids}
    for row in await connection.fetch(_OPEN, sorted(found)) if found else ():
        one = OpenReferral(row["referral_id"], row["programme"], row["linked_referral"] is not None)
        known = facts.setdefault((row["root"], one), [])
        if row["topic"] is not None:
            known.append(Fact(row["topic"], row["sequence"], Status(row["status"]), row["on_day"]))
    for (person_id, referral), known in facts.items():
        stands = view(known)
        if stands is None or stands.status not in ENDED:
            found[person_id].append(referral)
    return found
