"""Word back: whether a provider has taken a referral up, or it has ended, and since when it is overdue.

A table of its own, small where it is read: what waits has an index, so that its cost follows how much waits, not how
much there ever was. Facts come from several topics in any order, so a row is upserted from either side.
"""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

from services.contracts.base import Common
from services.contracts.referral import ReferralCreated
from services.intake.domain.status import ENDED, Fact, Status
from services.kernel.service import Row, Table

ANSWERS = ENDED | {Status.ACKNOWLEDGED}
"""What is word back: that somebody has taken the referral up, or that it has ended."""


class WordBackRow(SQLModel, table=True):
    """When a referral was received, and the first day on which its referrer had word (None: not yet)."""

    __tablename__ = "word_back"
    __table_args__ = (
        Index("word_back_waiting", "programme", "received_on"),
        Index("word_back_answered", "programme", "answered_on"),
    )

    referral_id: str = Field(sa_column=Column(Text, primary_key=True))
    programme: str = Field(sa_column=Column(Text, nullable=False))
    programme_version: str = Field(sa_column=Column(Text, nullable=False))
    received_on: date | None = None
    answered_on: date | None = None


WORD = Table(
    "word_back",
    (
        ("referral_id", "text"),
        ("programme", "text"),
        ("programme_version", "text"),
        ("received_on", "date"),
        ("answered_on", "date"),
    ),
    on_conflict="",
    statement="""
    INSERT INTO word_back (referral_id, programme, programme_version, received_on, answered_on)
    SELECT referral_id, min(programme), min(programme_version), min(received_on), min(answered_on)
    FROM unnest($1::text[], $2::text[], $3::text[], $4::date[], $5::date[])
      AS n(referral_id, programme, programme_version, received_on, answered_on)
    GROUP BY referral_id ORDER BY referral_id COLLATE "C"
    ON CONFLICT (referral_id) DO UPDATE SET received_on = coalesce(word_back.received_on, excluded.received_on),
        answered_on = least(word_back.answered_on, excluded.answered_on)
    """,
)
"""Many facts of one referral may be in one batch: the earliest word counts, whichever comes first."""


def own(referral_id: str, data: Common, fact: Fact) -> Iterable[Row]:
    """Return the row of one of intake's own facts: that a referral was received, or withdrawn."""
    if isinstance(data, ReferralCreated) and fact.status is Status.RECEIVED:
        yield WORD, (referral_id, data.programme.id, data.programme.version, fact.on, None)
    else:
        yield from answered(referral_id, data, fact)


def answered(referral_id: str, data: object, fact: Fact) -> Iterable[Row]:
    """Return the row of what another topic says of a referral, where that is word back."""
    if fact.status in ANSWERS and isinstance(data, Common):
        yield WORD, (referral_id, data.programme.id, data.programme.version, None, fact.on)
