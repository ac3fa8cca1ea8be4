"""The tables of invitations and what an event changes in them.

``invitation`` follows from the log alone. ``invitation_details`` names people: it is written from the command, and a
row goes with the answer, since whoever accepts stands in the referral's details and whoever declines has said no.
"""

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Index, Text
from sqlmodel import Field, SQLModel

from services.contracts.invitation import Identified, InvitationAccepted, InvitationDeclined, InvitationUpdated
from services.intake.domain.invitation_asked import IdentifyPerson
from services.intake.domain.posted import PersonPosted
from services.intake.people.recognising import match_keys
from services.intake.store import PERSON
from services.kernel.decision import Event
from services.kernel.runtime.tables import Connection
from services.kernel.service import Row, Table


def _text(*, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(Text, primary_key=primary_key, nullable=nullable)


class InvitationRow(SQLModel, table=True):
    """Where an invitation stands."""

    __tablename__ = "invitation"
    __table_args__ = (
        Index("invitation_person", "person_id"),
        Index("invitation_of", "programme", "provider", "identified_on", "invitation_id"),
    )

    invitation_id: str = Field(sa_column=_text(primary_key=True))
    person_id: str = Field(sa_column=_text())
    programme: str = Field(sa_column=_text())
    programme_version: str = Field(sa_column=_text())
    locality: str | None = Field(default=None, sa_column=_text(nullable=True))
    provider: str = Field(sa_column=_text())
    state: str = Field(sa_column=_text())
    identified_on: date
    invited_on: date | None = None
    respond_by: date | None = None
    referral_id: str | None = Field(default=None, sa_column=_text(nullable=True))
    changed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class InvitedPerson(SQLModel, table=True):
    """What the provider said of the person; the row goes with the answer."""

    __tablename__ = "invitation_details"

    invitation_id: str = Field(sa_column=_text(primary_key=True))
    nhs_number: str | None = Field(default=None, sa_column=_text(nullable=True))
    family_name: str = Field(sa_column=_text())
    given_name: str = Field(sa_column=_text())
    birth_date: date
    sex: str | None = Field(default=None, sa_column=_text(nullable=True))
    ethnic_category: str | None = Field(default=None, sa_column=_text(nullable=True))
    postcode: str | None = Field(default=None, sa_column=_text(nullable=True))
    registered_gp_ods: str | None = Field(default=None, sa_column=_text(nullable=True))
    contact: dict[str, str] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    language: str | None = Field(default=None, sa_column=_text(nullable=True))
    accessible_needs: list[str] = Field(sa_column=Column(JSON, nullable=False))


INVITATION = Table(
    "invitation",
    (
        ("invitation_id", "text"),
        ("person_id", "text"),
        ("programme", "text"),
        ("programme_version", "text"),
        ("locality", "text"),
        ("provider", "text"),
        ("state", "text"),
        ("identified_on", "date"),
        ("invited_on", "date"),
        ("respond_by", "date"),
        ("referral_id", "text"),
        ("changed_at", "timestamptz"),
    ),
    key=1,
    on_conflict="ON CONFLICT (invitation_id) DO UPDATE SET state = excluded.state, invited_on = excluded.invited_on, "
    "respond_by = excluded.respond_by, referral_id = excluded.referral_id, changed_at = excluded.changed_at",
)
INVITED_DETAILS = Table(
    "invitation_details",
    (
        ("invitation_id", "text"),
        ("nhs_number", "text"),
        ("family_name", "text"),
        ("given_name", "text"),
        ("birth_date", "date"),
        ("sex", "text"),
        ("ethnic_category", "text"),
        ("postcode", "text"),
        ("registered_gp_ods", "text"),
        ("contact", "json"),
        ("language", "text"),
        ("accessible_needs", "json"),
    ),
    key=1,
)
ANSWERED = Table(
    "drop_invitation_details",
    (("invitation_id", "text"),),
    key=1,
    statement="DELETE FROM invitation_details d USING unnest($1::text[]) AS n WHERE d.invitation_id = n",
)
TABLES = (INVITATION, INVITED_DETAILS, ANSWERED)


def rows(event: Event, command: Any) -> Iterable[Row]:
    """Return what an event changes; ``command``: what led to it, None when the log is folded again."""
    data: InvitationUpdated = event.data
    referral_id = data.change.referral_id if isinstance(data.change, InvitationAccepted) else None
    yield (
        INVITATION,
        (
            data.invitation_id,
            data.person_id,
            data.programme.id,
            data.programme.version,
            data.locality,
            data.provider,
            data.state.value,
            data.identified_on,
            data.invited_on,
            data.respond_by,
            referral_id,
            data.received_at,
        ),
    )
    if isinstance(data.change, InvitationAccepted | InvitationDeclined):
        yield ANSWERED, (data.invitation_id,)
    if isinstance(data.change, Identified) and isinstance(command, IdentifyPerson) and command.details is not None:
        keys = match_keys(command.details)
        number = None if command.number_taken else keys.nhs_number
        yield PERSON, (data.person_id, number, keys.name_key, data.received_at)
        yield INVITED_DETAILS, (data.invitation_id, *_values(command.details))


def _values(person: PersonPosted) -> tuple[Any, ...]:
    fields = person.model_dump(mode="json", exclude_none=True)
    given = {**fields, "birth_date": person.birth_date}
    return tuple(
        json.dumps(given[name]) if kind == "json" and name in given else given.get(name)
        for name, kind in INVITED_DETAILS.columns[1:]
    )


_DETAILS = "SELECT to_jsonb(d) - 'invitation_id' FROM invitation_details d WHERE invitation_id = $1"


async def load_details(connection: Connection, invitation_id: str) -> PersonPosted | None:
    """Return who was identified; None once they have answered or were erased."""
    text = await connection.fetchval(_DETAILS, invitation_id)
    return None if text is None else PersonPosted.model_validate_json(text)
