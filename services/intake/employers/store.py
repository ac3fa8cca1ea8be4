"""The tables of employers and what an event changes in them. All but the name follow from the log alone."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Index, Text
from sqlmodel import Field, SQLModel

from services.contracts.employer import (
    ActivityRecorded,
    ActivityStruck,
    CommitmentEnded,
    CommitmentMade,
    EmployerUpdated,
)
from services.intake.domain.employer_asked import RegisterEmployer, Rename
from services.kernel.decision import Event
from services.kernel.service import Row, Table


def _text(*, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(Text, primary_key=primary_key, nullable=nullable)


def _number(*, primary_key: bool = False) -> Column[int]:
    return Column(BigInteger, primary_key=primary_key, nullable=False)


class EmployerRow(SQLModel, table=True):
    """What an employer is, and whether the programme works with it."""

    __tablename__ = "employer"
    __table_args__ = (Index("employer_of", "programme", "registered_on", "employer_id"),)

    employer_id: str = Field(sa_column=_text(primary_key=True))
    programme: str = Field(sa_column=_text())
    state: str = Field(sa_column=_text())
    registered_on: date
    left_on: date | None = None
    legal_form: str = Field(sa_column=_text())
    size: str | None = Field(default=None, sa_column=_text(nullable=True))
    sector: str | None = Field(default=None, sa_column=_text(nullable=True))
    occupational_health: str | None = Field(default=None, sa_column=_text(nullable=True))
    changed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class EmployerNameRow(SQLModel, table=True):
    """An organisation's name, or none; never a sole trader's or a partnership's."""

    __tablename__ = "employer_name"

    employer_id: str = Field(sa_column=_text(primary_key=True))
    name: str | None = Field(default=None, sa_column=_text(nullable=True))


class CommitmentRow(SQLModel, table=True):
    """A commitment that was made (or ended), at that sequence of the employer's events. Rows are only ever added."""

    __tablename__ = "employer_commitment"

    employer_id: str = Field(sa_column=_text(primary_key=True))
    sequence: int = Field(sa_column=_number(primary_key=True))
    commitment: str = Field(sa_column=_text())
    made: bool
    on: date = Field(sa_column_kwargs={"name": "on_day"})


class ActivityRow(SQLModel, table=True):
    """An activity. Rows are only ever added."""

    __tablename__ = "employer_activity"

    employer_id: str = Field(sa_column=_text(primary_key=True))
    number: int = Field(sa_column=_number(primary_key=True))
    activity: str = Field(sa_column=_text())
    on: date = Field(sa_column_kwargs={"name": "on_day"})
    employees_reached: int = Field(sa_column=_number())


class StruckRow(SQLModel, table=True):
    """An activity that counts no longer. Rows are only ever added."""

    __tablename__ = "employer_activity_struck"

    employer_id: str = Field(sa_column=_text(primary_key=True))
    number: int = Field(sa_column=_number(primary_key=True))
    reason: str = Field(sa_column=_text())
    on: date = Field(sa_column_kwargs={"name": "on_day"})


EMPLOYER = Table(
    "employer",
    (
        ("employer_id", "text"),
        ("programme", "text"),
        ("state", "text"),
        ("registered_on", "date"),
        ("left_on", "date"),
        ("legal_form", "text"),
        ("size", "text"),
        ("sector", "text"),
        ("occupational_health", "text"),
        ("changed_at", "timestamptz"),
    ),
    key=1,
    on_conflict="ON CONFLICT (employer_id) DO UPDATE SET state = excluded.state, left_on = excluded.left_on, "
    "legal_form = excluded.legal_form, size = excluded.size, sector = excluded.sector, "
    "occupational_health = excluded.occupational_health, changed_at = excluded.changed_at",
)
NAME = Table(
    "employer_name",
    (("employer_id", "text"), ("name", "text")),
    key=1,
    on_conflict="ON CONFLICT (employer_id) DO UPDATE SET name = excluded.name",
)
COMMITMENT = Table(
    "employer_commitment",
    (("employer_id", "text"), ("sequence", "bigint"), ("commitment", "text"), ("made", "boolean"), ("on_day", "date")),
    key=2,
    on_conflict="ON CONFLICT DO NOTHING",
)
ACTIVITY = Table(
    "employer_activity",
    (
        ("employer_id", "text"),
        ("number", "bigint"),
        ("activity", "text"),
        ("on_day", "date"),
        ("employees_reached", "bigint"),
    ),
    key=2,
    on_conflict="ON CONFLICT DO NOTHING",
)
STRUCK = Table(
    "employer_activity_struck",
    (("employer_id", "text"), ("number", "bigint"), ("reason", "text"), ("on_day", "date")),
    key=2,
    on_conflict="ON CONFLICT DO NOTHING",
)
DERIVED = (EMPLOYER, COMMITMENT, ACTIVITY, STRUCK)
TABLES = (*DERIVED, NAME)


def rows(event: Event, command: Any) -> Iterable[Row]:
    """Return what an event changes; ``command``: what led to it, None when the log is folded again."""
    data: EmployerUpdated = event.data
    key, change, facts = data.employer_id, data.change, data.facts
    yield (
        EMPLOYER,
        (
            key,
            data.programme,
            data.state.value,
            data.registered_on,
            data.left_on,
            facts.legal_form.value,
            facts.size and facts.size.value,
            facts.sector and facts.sector.value,
            facts.occupational_health and facts.occupational_health.value,
            data.received_at,
        ),
    )
    match change:
        case CommitmentMade() | CommitmentEnded():
            made = isinstance(change, CommitmentMade)
            yield COMMITMENT, (key, event.sequence, change.commitment.value, made, data.occurred_on)
        case ActivityRecorded():
            said = (change.activity.value, data.occurred_on, change.employees_reached)
            yield ACTIVITY, (key, change.number, *said)
        case ActivityStruck():
            yield STRUCK, (key, change.number, change.reason.value, data.occurred_on)
    match command:
        case RegisterEmployer(posted=posted) if posted.name is not None:
            yield NAME, (key, posted.name)
        case Rename(name=name):
            yield NAME, (key, name)
