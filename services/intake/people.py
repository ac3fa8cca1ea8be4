"""Finds out whether a person is known, one referral of that person at a time."""

import hashlib
import unicodedata
from dataclasses import dataclass
from uuid import uuid4

from services.intake.domain.posted import PersonPosted
from services.intake.domain.status import ENDED, Fact, Status, view
from services.kernel.runtime.tables import Connection


@dataclass(frozen=True, slots=True)
class MatchKeys:
    """What a person is recognised by: the NHS number; or name, birth date and postcode together."""

    nhs_number: str | None
    name_key: str | None


def match_keys(person: PersonPosted) -> MatchKeys:
    """Return the keys of a person as posted. Spelling counts without case, accents and punctuation."""
    if person.postcode is None:
        return MatchKeys(person.nhs_number, None)
    parts = (
        _plain(person.family_name),
        _plain(person.given_name),
        person.birth_date.isoformat(),
        person.postcode.replace(" ", ""),
    )
    return MatchKeys(person.nhs_number, "|".join(parts))


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


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
    """Return what one referral locks: both keys of its person and the referrer's reference."""
    return (
        None if keys.nhs_number is None else f"nhs|{keys.nhs_number}",
        None if keys.name_key is None else f"name|{keys.name_key}",
        None if reference is None else f"reference|{organisation_id}|{reference}",
    )


_FIND = """
SELECT coalesce(survivor, person_id) AS person_id, nhs_number FROM person WHERE nhs_number = $1 OR name_key = $2
ORDER BY person.person_id
"""


async def find_person(connection: Connection, keys: MatchKeys, *, to_refer: bool = True) -> str | None:
    """Return the pseudonym of a known person, or None. Needs the locks of :func:`lock`.

    Whoever is found ``to_refer`` them cannot be scrubbed until the transaction ends: details that came in between
    would stay for good.

    The NHS number decides. By name a person is the same only when exactly one fits and no two NHS
    numbers speak against it; else they are kept apart until somebody merges them.
    """
    query = f"{_FIND} FOR UPDATE" if to_refer else _FIND
    rows = await connection.fetch(query, keys.nhs_number, keys.name_key)
    for row in rows:
        if keys.nhs_number is not None and row["nhs_number"] == keys.nhs_number:
            return str(row["person_id"])
    fitting = [row for row in rows if keys.nhs_number is None or row["nhs_number"] is None]
    people = {str(row["person_id"]) for row in fitting}
    return people.pop() if len(people) == 1 else None


def new_person_id() -> str:
    """Mint a random pseudonym; nothing can be read from it, not even when it was made."""
    return str(uuid4())


_OPEN = """SELECT r.referral_id, s.topic, s.sequence, s.status, s.on_day
FROM referral r LEFT JOIN referral_status s USING (referral_id)
WHERE r.person_id IN (SELECT $1 UNION ALL SELECT person_id FROM person WHERE survivor = $1) AND r.programme = $2
ORDER BY r.received_at, r.referral_id"""


async def open_referral(connection: Connection, person_id: str, programme: str) -> str | None:
    """Return the person's first referral to the programme that has not ended, or None."""
    facts: dict[str, list[Fact]] = {}
    for row in await connection.fetch(_OPEN, person_id, programme):
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
