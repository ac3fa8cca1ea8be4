"""Word back: since when a referrer is owed word that their referral was taken up, or has ended, and when they had it.

A row each time that word was due: on receipt, and anew when a decision against the person, of which the referrer had
word, does not stand any more. A table of its own, small where it is read: what waits has an index, so that its cost
follows how much waits, not how much there ever was. Facts come from several topics in any order, so the rows of a
referral are computed from all of its facts (``referral_status``) whenever one comes that counts here.
"""

from collections.abc import Iterable
from datetime import date
from typing import Final

from sqlalchemy import BigInteger, Column, Index, Text
from sqlmodel import Field, SQLModel

from services.contracts import types
from services.contracts.base import Common
from services.intake.domain.status import FULL_VIEW_KINDS, Fact, Status
from services.kernel.service import Row, Table

ANSWERS: Final = frozenset({Status.ACKNOWLEDGED, Status.CLOSED, Status.WITHDRAWN})
"""What is word for whoever referred: somebody has taken the referral up, or it has ended. Whoever is told every status
has word with a decision against the person, too; nobody else is told of one."""

OPENINGS: Final = frozenset({Status.RECEIVED, Status.CLEARED, Status.NOT_ELIGIBLE})
"""Of intake's own facts: what word is due from, or with ``NOT_ELIGIBLE`` before it is due from anew."""


class WordBackRow(SQLModel, table=True):
    """From which day word was due, and the first day on which the referrer had it (None: not yet).

    ``opened``: the sequence of the event from which it was due: the referral's first, or the one that opened it again.
    """

    __tablename__ = "word_back"
    __table_args__ = (
        Index("word_back_waiting", "programme", "waits_since"),
        Index("word_back_answered", "programme", "answered_on"),
    )

    referral_id: str = Field(sa_column=Column(Text, primary_key=True))
    opened: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    programme: str = Field(sa_column=Column(Text, nullable=False))
    programme_version: str = Field(sa_column=Column(Text, nullable=False))
    waits_since: date
    answered_on: date | None = None


def _words(found: Iterable[str]) -> str:
    return ", ".join(f"'{one}'" for one in sorted(found))


# Intake's own facts are ordered by their sequence. A plan's stand beside them by their day alone: of a day on which a
# referral was opened again, a closed plan is of before, and one that is taken up is of after.
_COMPUTED: Final = f"""
WITH asked AS (
    SELECT n.*, coalesce(r.organisation_kind IN ({_words(FULL_VIEW_KINDS)}), false) AS told_all
    FROM (
        SELECT referral_id, min(programme) AS programme, min(programme_version) AS programme_version
        FROM unnest($1::text[], $2::text[], $3::text[]) AS n(referral_id, programme, programme_version)
        GROUP BY referral_id
    ) n LEFT JOIN referral r USING (referral_id)
), fact AS MATERIALIZED (
    SELECT a.*, s.sequence, s.status, s.on_day, s.topic = '{types.TOPIC_REFERRAL}' AS own
    FROM asked a JOIN referral_status s USING (referral_id)
), word AS (
    SELECT * FROM fact WHERE status IN ({_words(ANSWERS)}) OR (own AND told_all AND status = '{Status.NOT_ELIGIBLE}')
), step AS (
    SELECT *, lag(status) OVER (PARTITION BY referral_id ORDER BY sequence) AS before
    FROM fact WHERE own AND status IN ({_words(OPENINGS)})
), opening AS (
    SELECT *, lag(sequence, 1, 0) OVER former AS former, lag(on_day, 1, '-infinity') OVER former AS former_day
    FROM step WHERE status = '{Status.RECEIVED}' OR (status = '{Status.CLEARED}' AND before = '{Status.NOT_ELIGIBLE}')
    WINDOW former AS (PARTITION BY referral_id ORDER BY sequence)
), due AS (
    SELECT o.* FROM opening o WHERE o.status = '{Status.RECEIVED}' OR EXISTS (
        SELECT FROM word w WHERE w.referral_id = o.referral_id AND CASE WHEN w.own
            THEN w.sequence > o.former AND w.sequence < o.sequence ELSE w.on_day BETWEEN o.former_day AND o.on_day END
    )
)
INSERT INTO word_back (referral_id, opened, programme, programme_version, waits_since, answered_on)
SELECT d.referral_id, d.sequence, d.programme, d.programme_version, d.on_day, (
    SELECT min(w.on_day) FROM word w WHERE w.referral_id = d.referral_id AND CASE
        WHEN w.own THEN w.sequence > d.sequence
        ELSE d.status = '{Status.RECEIVED}' OR w.on_day > d.on_day
            OR (w.on_day = d.on_day AND w.status <> '{Status.CLOSED}') END
) FROM due d ORDER BY d.referral_id COLLATE "C", d.sequence
ON CONFLICT (referral_id, opened) DO UPDATE SET answered_on = excluded.answered_on
WHERE word_back.answered_on IS DISTINCT FROM excluded.answered_on
"""  # noqa: S608  our own words

WORD = Table(
    "word_back",
    (("referral_id", "text"), ("programme", "text"), ("programme_version", "text")),
    statement=_COMPUTED,
)
"""Written after ``referral_status`` in the same transaction: it reads what stands there."""


def rows(referral_id: str, data: object, fact: Fact) -> Iterable[Row]:
    """Return the row that has a referral's word computed anew, where a fact counts for it."""
    opens = fact.topic == types.TOPIC_REFERRAL and fact.status in OPENINGS
    if isinstance(data, Common) and (opens or fact.status in ANSWERS):
        yield WORD, (referral_id, data.programme.id, data.programme.version)
