"""Near matches: pairs of pseudonyms that may be one person, found with a referral, decided by a person.

A row names nobody: two pseudonyms and codes. What a person must compare is read from the referrals when asked for.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from services.contracts.referral import ReferralCreated
from services.intake.domain.referral import CreateReferral
from services.kernel.operations.audit import Pool
from services.kernel.runtime.tables import Connection
from services.kernel.service import Row, Table


def _text(*, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(Text, primary_key=primary_key, nullable=nullable)


class NearMatchRow(SQLModel, table=True):
    """A pair, in the order of its ids; ``referral_id`` is the referral with which it was found."""

    __tablename__ = "near_match"
    __table_args__ = (
        UniqueConstraint("one_person", "other_person"),
        Index("near_match_other", "other_person"),
        Index("near_match_open", "near_match_id"),
    )

    near_match_id: str = Field(sa_column=_text(primary_key=True))
    one_person: str = Field(sa_column=_text())
    other_person: str = Field(sa_column=_text())
    referral_id: str = Field(sa_column=_text())
    reasons: list[str] = Field(sa_column=Column(JSON, nullable=False))
    found_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    decision: str | None = Field(default=None, sa_column=_text(nullable=True))
    decided_by: str | None = Field(default=None, sa_column=_text(nullable=True))
    decided_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=True))


NEAR_MATCH = Table(
    "near_match",
    (
        ("near_match_id", "text"),
        ("one_person", "text"),
        ("other_person", "text"),
        ("referral_id", "text"),
        ("reasons", "json"),
        ("found_at", "timestamptz"),
    ),
    key=1,
    statement="""
    INSERT INTO near_match (near_match_id, one_person, other_person, referral_id, reasons, found_at)
    SELECT n.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::json[], $6::timestamptz[])
        AS n(near_match_id, one_person, other_person, referral_id, reasons, found_at)
    WHERE NOT EXISTS (
        SELECT FROM near_match m WHERE m.decision = 'different'
        AND m.one_person IN (SELECT person_id FROM person WHERE person_id IN (n.one_person, n.other_person)
            UNION ALL SELECT person_id FROM person WHERE survivor IN (n.one_person, n.other_person))
        AND m.other_person IN (SELECT person_id FROM person WHERE person_id IN (n.one_person, n.other_person)
            UNION ALL SELECT person_id FROM person WHERE survivor IN (n.one_person, n.other_person)))
    ON CONFLICT (one_person, other_person) DO NOTHING
    """,
)
"""A pair is flagged once; also not again where pseudonyms merged with either were found to be different people."""


def rows(data: CreateReferral, event: ReferralCreated) -> Iterable[Row]:
    """Return the near matches that were found with a referral."""
    for near_match_id, near in data.near:
        one, other = sorted((event.person_id, near.person_id))
        reasons = json.dumps([reason.value for reason in near.reasons])
        yield NEAR_MATCH, (near_match_id, one, other, event.referral_id, reasons, event.received_at)


_SAME = """
SELECT m.near_match_id, m.decided_by, m.decided_at,
       coalesce(a.survivor, a.person_id) AS one, coalesce(b.survivor, b.person_id) AS other,
       a.created_at <= b.created_at AS one_is_older
FROM near_match m JOIN person a ON a.person_id = m.one_person JOIN person b ON b.person_id = m.other_person
WHERE m.decision = 'same' AND coalesce(a.survivor, a.person_id) <> coalesce(b.survivor, b.person_id)
ORDER BY m.decided_at, m.near_match_id
"""


async def decided_same(connection: Connection | Pool) -> Sequence[dict[str, Any]]:
    """Return the pairs that somebody has decided to be one person and that are not merged yet, the first first.

    ``survivor`` is the pseudonym that was known longer, ``merged`` the other.
    """
    found = []
    for row in await connection.fetch(_SAME):
        survivor, merged = (row["one"], row["other"]) if row["one_is_older"] else (row["other"], row["one"])
        found.append(
            {
                "near_match_id": row["near_match_id"],
                "survivor": survivor,
                "merged": merged,
                "decided_by": row["decided_by"],
                "decided_at": row["decided_at"],
            }
        )
    return found
