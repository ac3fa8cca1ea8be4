"""What ``person.changed`` does to intake's rows: an erased person's are scrubbed, merged pseudonyms are one person."""

from collections.abc import Iterable, Sequence

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
    statement="""
    WITH gone AS (SELECT coalesce(survivor, person_id) AS root FROM person WHERE person_id = ANY($1::text[])),
    known AS (
        SELECT p.nhs_number, p.name_key FROM gone JOIN person p ON p.person_id = gone.root
        UNION ALL SELECT p.nhs_number, p.name_key FROM gone JOIN person p ON p.survivor = gone.root),
    named AS (
        SELECT 'nhs|' || nhs_number AS name FROM known WHERE nhs_number IS NOT NULL
        UNION SELECT 'name|' || name_key FROM known WHERE name_key IS NOT NULL)
    SELECT pg_advisory_xact_lock(key) FROM (
        SELECT ('x' || encode(substr(sha256(convert_to(name, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint AS key
        FROM named ORDER BY key) AS keys
    """,
)
"""The locks of :func:`services.intake.people.recognising.lock` on whoever is erased, by whichever pseudonym.

Whoever refers this person at this moment comes first; what they bring, the next statement sees and scrubs. Whoever
comes next finds them gone.
"""

SCRUB = Table(
    "scrub_person",
    (("person_id", "text"),),
    key=1,
    statement="""
    WITH gone AS (SELECT unnest($1::text[]) AS person_id),
    uninvited AS (
        DELETE FROM invitation_details d USING invitation i, gone
        WHERE i.person_id = gone.person_id AND d.invitation_id = i.invitation_id),
    compared AS (
        DELETE FROM near_match m USING gone WHERE gone.person_id IN (m.one_person, m.other_person)),
    unheard AS (
        UPDATE safety_task t SET heard = NULL FROM gone WHERE t.person_id = gone.person_id),
    forgotten AS (
        UPDATE person p SET nhs_number = NULL, name_key = NULL FROM gone WHERE p.person_id = gone.person_id),
    referred AS (
        UPDATE referral r SET reference = NULL, referrer_name = NULL, additional_information = NULL,
            content_digest = NULL
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


async def forget(connection: Connection, person_ids: Sequence[str]) -> None:
    """Scrub a person whose key is destroyed before the event has come: whoever comes next is somebody new.

    Needs the locks of :func:`services.intake.people.recognising.lock`.
    """
    await connection.execute(SCRUB.statement, list(person_ids))
