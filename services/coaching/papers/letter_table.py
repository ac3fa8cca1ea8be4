"""The table of letters: who is written to, since when, what became of it. No name, no address, no content.

What a letter said follows from the plan's version that it was made from. Letters are coaching's own rows: they follow
from no event, change no decision and are not rebuilt from the log.
"""

from datetime import date
from typing import Final

from sqlalchemy import Column, DateTime, Index, Text
from sqlmodel import Field, SQLModel

from services.coaching.domain.papers.letters import Letter, LetterState
from services.coaching.domain.papers.permitting import View
from services.contracts.base import Moment
from services.kernel.runtime.tables import Connection


class LetterRow(SQLModel, table=True):
    """A letter. ``consented_on``: the day of the consent under which it was queued, null for the person's own.

    ``sent_version``: the version of the plan that it tells of. ``answer_by``: null where no answer is awaited.
    """

    __tablename__ = "letter"
    __table_args__ = (
        Index("letter_of", "referral_id", "queued_at"),
        Index("letter_awaited", "answer_by", "letter_id"),
    )

    letter_id: str = Field(sa_column=Column(Text, primary_key=True))
    referral_id: str = Field(sa_column=Column(Text, nullable=False))
    view: str
    state: str
    answer_by: date | None
    consented_on: date | None
    queued_at: Moment = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    queued_on: date
    queued_by: str
    attempts: int
    sent_on: date | None
    sent_how: str | None
    sent_version: int | None
    failed_on: date | None
    failure: str | None
    answered_on: date | None
    changed_by: str


QUEUE: Final = """
INSERT INTO letter (letter_id, referral_id, view, state, answer_by, consented_on, queued_at, queued_on, queued_by,
    attempts, changed_by)
VALUES ($1, $2, $3, 'queued', $4, $5, $6, $7, $8, 0, $8)"""

WAITING: Final = "SELECT count(*) FROM letter WHERE referral_id = $1 AND state IN ('queued', 'failed')"

_FIND: Final = """
SELECT letter_id, referral_id, view, state, answer_by, consented_on, queued_at, queued_on, attempts, sent_on, sent_how,
    sent_version, failed_on, failure, answered_on FROM letter WHERE letter_id = $1"""


def awaited_on(day: str) -> str:
    """Return the condition that letter ``l`` was sent and its answer awaited at the end of a day, a parameter's name.

    One that came back is not awaited from that day on; one that failed before it was sent is.
    """
    return f"""(l.sent_on <= {day} AND l.answer_by IS NOT NULL AND (l.answered_on IS NULL OR l.answered_on > {day})
        AND (l.state IN ('sent', 'answered') OR l.failed_on > {day}))"""


_SAVE: Final = """
UPDATE letter SET (state, attempts, sent_on, sent_how, sent_version, failed_on, failure, answered_on, changed_by) =
    ($2, $3, $4, $5, $6, $7, $8, $9, $10)
WHERE letter_id = $1"""


async def find(connection: Connection, letter_id: str, *, lock: bool = False) -> Letter | None:
    """Return a letter; under lock where it is about to change."""
    row = await connection.fetchrow(_FIND + " FOR UPDATE" if lock else _FIND, letter_id)
    return None if row is None else Letter(**{**row, "view": View(row["view"]), "state": LetterState(row["state"])})


async def save(connection: Connection, letter: Letter, by: str) -> None:
    """Write what has become of a letter, and who said so."""
    made = (letter.state.value, letter.attempts, letter.sent_on, letter.sent_how, letter.sent_version)
    await connection.execute(_SAVE, letter.letter_id, *made, letter.failed_on, letter.failure, letter.answered_on, by)
