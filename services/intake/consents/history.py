"""The facts of consents as rows: written from events as they pass, read back as a history."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Text
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.contracts.codes import Channel, ConsentKind
from services.contracts.consent import ConsentFact, ConsentHistory
from services.kernel.runtime.tables import Connection
from services.kernel.service import Row, Table


class ConsentFactRow(SQLModel, table=True):
    """One fact, from the event at that sequence of that topic. Rows are only ever added."""

    __tablename__ = "consent_fact"

    referral_id: str = Field(sa_column=Column(Text, primary_key=True))
    topic: str = Field(sa_column=Column(Text, primary_key=True))
    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True))
    consent: str = Field(sa_column=Column(Text, primary_key=True))
    given: bool
    on: date = Field(sa_column_kwargs={"name": "on_day"})
    channel: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    actor: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    recorded_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    event_id: str = Field(sa_column=Column(Text, nullable=False))


CONSENT = Table(
    "consent_fact",
    (
        ("referral_id", "text"),
        ("topic", "text"),
        ("sequence", "bigint"),
        ("consent", "text"),
        ("given", "boolean"),
        ("on_day", "date"),
        ("channel", "text"),
        ("actor", "text"),
        ("recorded_at", "timestamptz"),
        ("event_id", "text"),
    ),
    key=4,
    on_conflict="ON CONFLICT DO NOTHING",
)


def rows(referral_id: str, topic: str, sequence: int, facts: Iterable[ConsentFact]) -> Iterable[Row]:
    """Return the rows of what one event says of consents."""
    for fact in facts:
        channel = None if fact.channel is None else fact.channel.value
        said = (fact.kind.value, fact.given, fact.on, channel, fact.by, fact.recorded_at, fact.source)
        yield CONSENT, (referral_id, topic, sequence, *said)


async def read_history(session: AsyncSession, referral_id: str) -> ConsentHistory:
    """Return what is known of a referral's consents."""
    return (await read_histories(session, [referral_id]))[referral_id]


async def read_histories(session: AsyncSession, referral_ids: Sequence[str]) -> dict[str, ConsentHistory]:
    """Return what is known of the consents of several referrals, in one query."""
    query = select(ConsentFactRow).where(col(ConsentFactRow.referral_id).in_(referral_ids))
    facts: dict[str, list[ConsentFact]] = {referral_id: [] for referral_id in referral_ids}
    for row in (await session.exec(query)).all():
        facts[row.referral_id].append(_fact(row.model_dump()))
    return {referral_id: ConsentHistory.of(referral_id, found) for referral_id, found in facts.items()}


_FACTS = 'SELECT *, on_day AS "on" FROM consent_fact WHERE referral_id = $1'


async def load_history(connection: Connection, referral_id: str) -> ConsentHistory:
    """Return the same in a command's transaction."""
    found = await connection.fetch(_FACTS, referral_id)
    return ConsentHistory.of(referral_id, (_fact(dict(row.items())) for row in found))


def _fact(row: Mapping[str, Any]) -> ConsentFact:
    return ConsentFact(
        kind=ConsentKind(row["consent"]),
        given=row["given"],
        on=row["on"],
        channel=None if row["channel"] is None else Channel(row["channel"]),
        by=row["actor"],
        recorded_at=row["recorded_at"],
        source=row["event_id"],
    )
