"""What ``person.changed`` does to intake's rows: an erased person's are scrubbed, merged pseudonyms are one person."""

from collections.abc import Iterable

from services.contracts import types
from services.contracts.person import PersonErased, PersonMerged
from services.kernel.decision import Received
from services.kernel.runtime.tables import Connection
from services.kernel.service import Row, Table

HANDLES = frozenset({types.PERSON_ERASED, types.PERSON_MERGED})

LOCK = Table(
    "lock_person",
    (("person_id", "text"),),
    key=1,
    statement="SELECT FROM person WHERE person_id = ANY($1::text[]) ORDER BY person_id FOR UPDATE",
)
"""Whoever refers this person at this moment comes first; what they bring, the next statement sees and scrubs."""

SCRUB = Table(
    "scrub_person",
    (("person_id", "text"),),
    key=1,
    statement="""
    WITH gone AS (SELECT unnest($1::text[]) AS person_id),
    forgotten AS (
        UPDATE person p SET nhs_number = NULL, name_key = NULL FROM gone WHERE p.person_id = gone.person_id),
    referred AS (
        UPDATE referral r SET reference = NULL, referrer_name = NULL, additional_information = NULL
        FROM gone WHERE r.person_id = gone.person_id RETURNING r.referral_id)
    DELETE FROM referral_details d USING referred WHERE d.referral_id = referred.referral_id
    """,
)
"""Nothing by which the person could be recognised is left; how their referrals stood stays, under the pseudonym."""

JOIN = Table(
    "join_person",
    (("person_id", "text"), ("survivor", "text")),
    key=1,
    statement="""
    UPDATE person p SET survivor = n.survivor
    FROM unnest($1::text[], $2::text[]) AS n(person_id, survivor) WHERE p.person_id = n.person_id
    """,
)
"""Who is recognised by a merged pseudonym's details is the one that stands for all."""


def rows(cause: Received) -> Iterable[Row]:
    """Return what one event does. Doing it again changes nothing."""
    match cause.data:
        case PersonErased(person_id=person_id):
            yield LOCK, (person_id,)
            yield SCRUB, (person_id,)
        case PersonMerged(survivor=survivor, merged=merged):
            for person_id in merged:
                yield JOIN, (person_id, survivor)


_PSEUDONYMS = "SELECT person_id FROM person WHERE person_id = $1 OR survivor = $1"


async def forget(connection: Connection, person_id: str) -> None:
    """Scrub a person, known by whichever pseudonyms, whose key is destroyed before the event has come.

    Whoever comes next is somebody new. Needs the lock of :func:`services.intake.people.find_person`.
    """
    rows = await connection.fetch(_PSEUDONYMS, person_id)
    await connection.execute(SCRUB.statement, [row["person_id"] for row in rows])
