"""Intake's tables: the only place in the system where a person's name, birth date and NHS number are."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, Index, Text
from sqlmodel import Field, SQLModel

from services.kernel.service import Table


def _text(*, primary_key: bool = False, nullable: bool = False, unique: bool = False) -> Column[str]:
    return Column(Text, primary_key=primary_key, nullable=nullable, unique=unique or None)


class Person(SQLModel, table=True):
    """Who two referrals have in common. ``person_id`` is a random pseudonym: all that leaves intake.

    ``name_key`` is the normal form of name, birth date and postcode (null without a postcode). ``survivor`` stands
    for a person whose pseudonyms were merged. Of an erased person only the pseudonym is left.
    """

    __tablename__ = "person"
    __table_args__ = (Index("person_name_key", "name_key"), Index("person_survivor", "survivor"))

    person_id: str = Field(sa_column=_text(primary_key=True))
    nhs_number: str | None = Field(default=None, sa_column=_text(nullable=True, unique=True))
    name_key: str | None = Field(default=None, sa_column=_text(nullable=True))
    survivor: str | None = Field(default=None, sa_column=_text(nullable=True))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class ReferralRow(SQLModel, table=True):
    """A referral and who sent it; what was added in words is sealed."""

    __tablename__ = "referral"
    __table_args__ = (
        Index("referral_person", "person_id", "programme"),
        Index("referral_reference", "reference", "organisation_id", unique=True),
        Index("referral_of_organisation", "organisation_id", "programme", "referral_id"),
        Index("referral_of_programme", "programme", "referral_id"),
    )

    referral_id: str = Field(sa_column=_text(primary_key=True))
    person_id: str = Field(sa_column=_text())
    programme: str = Field(sa_column=_text())
    programme_version: str = Field(sa_column=_text())
    organisation_id: str = Field(sa_column=_text())
    organisation_kind: str = Field(sa_column=_text())
    reference: str | None = Field(default=None, sa_column=_text(nullable=True))
    referrer_ods: str | None = Field(default=None, sa_column=_text(nullable=True))
    referrer_name: str | None = Field(default=None, sa_column=_text(nullable=True))
    linked_referral: str | None = Field(default=None, sa_column=_text(nullable=True))
    additional_information: str | None = Field(default=None, sa_column=_text(nullable=True))
    received_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    route: str = Field(sa_column=_text())
    referred_on: date
    content_digest: str | None = Field(default=None, sa_column=_text(nullable=True))


class ReferralPerson(SQLModel, table=True):
    """What one referrer said of the person: details and contact as they were given, names in their normal form too."""

    __tablename__ = "referral_details"
    __table_args__ = (
        Index("referral_details_family", "birth_date", "family_key"),
        Index("referral_details_given", "birth_date", "given_key"),
        Index("referral_details_home", "postcode", "family_key", "given_key"),
        Index("referral_details_number", "nhs_number"),
    )

    referral_id: str = Field(sa_column=_text(primary_key=True))
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
    family_key: str | None = Field(default=None, sa_column=_text(nullable=True))
    given_key: str | None = Field(default=None, sa_column=_text(nullable=True))
    eligibility_facts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class ReferralStatus(SQLModel, table=True):
    """One thing that a topic said of a referral. Rows are only ever added."""

    __tablename__ = "referral_status"
    __table_args__ = (Index("referral_status_reached", "status", "referral_id"),)

    referral_id: str = Field(sa_column=_text(primary_key=True))
    topic: str = Field(sa_column=_text(primary_key=True))
    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True))
    status: str = Field(sa_column=_text(primary_key=True))
    on: date = Field(sa_column_kwargs={"name": "on_day"})


PERSON = Table(
    "person",
    (("person_id", "text"), ("nhs_number", "text"), ("name_key", "text"), ("created_at", "timestamptz")),
    statement="""
    INSERT INTO person (person_id, nhs_number, name_key, created_at)
    SELECT person_id, (array_agg(nhs_number ORDER BY nth) FILTER (WHERE nhs_number IS NOT NULL))[1],
        (array_agg(name_key ORDER BY nth DESC) FILTER (WHERE name_key IS NOT NULL))[1], min(created_at)
    FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) WITH ORDINALITY
        AS n(person_id, nhs_number, name_key, created_at, nth)
    GROUP BY person_id ORDER BY person_id
    ON CONFLICT (person_id) DO UPDATE SET nhs_number = coalesce(person.nhs_number, excluded.nhs_number),
        name_key = coalesce(excluded.name_key, person.name_key)
    """,
)
"""Of several referrals of one person in one transaction the first number stands, and the latest name and postcode."""

REFERRAL = Table(
    "referral",
    (
        ("referral_id", "text"),
        ("person_id", "text"),
        ("programme", "text"),
        ("programme_version", "text"),
        ("organisation_id", "text"),
        ("organisation_kind", "text"),
        ("reference", "text"),
        ("referrer_ods", "text"),
        ("referrer_name", "text"),
        ("linked_referral", "text"),
        ("additional_information", "text"),
        ("received_at", "timestamptz"),
        ("route", "text"),
        ("referred_on", "date"),
        ("content_digest", "text"),
    ),
    key=1,
)
ADDITIONAL_INFORMATION = "additional_information"
"""What a referrer's words are sealed as."""

DETAILS = Table(
    "referral_details",
    (
        ("referral_id", "text"),
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
        ("family_key", "text"),
        ("given_key", "text"),
        ("eligibility_facts", "json"),
    ),
    key=1,
    on_conflict="ON CONFLICT (referral_id) DO UPDATE SET (nhs_number, family_name, given_name, birth_date, sex, "
    "ethnic_category, postcode, registered_gp_ods, contact, language, accessible_needs, family_key, given_key, "
    "eligibility_facts) = (excluded.nhs_number, excluded.family_name, excluded.given_name, excluded.birth_date, "
    "excluded.sex, excluded.ethnic_category, excluded.postcode, excluded.registered_gp_ods, excluded.contact, "
    "excluded.language, excluded.accessible_needs, excluded.family_key, excluded.given_key, "
    "excluded.eligibility_facts)",
)
CORRECTED = Table(
    "correct_person",
    (("person_id", "text"), ("nhs_number", "text"), ("number_changed", "boolean"), ("name_key", "text")),
    statement="""
    UPDATE person p SET nhs_number = CASE WHEN n.number_changed THEN n.nhs_number ELSE p.nhs_number END,
        name_key = n.name_key
    FROM unnest($1::text[], $2::text[], $3::boolean[], $4::text[])
        AS n(person_id, nhs_number, number_changed, name_key)
    WHERE p.person_id = n.person_id
    """,
)
"""A corrected person is recognised by what is right. Nobody else has the number: the edge has looked, under a lock."""
LINKED = Table(
    "link_referral",
    (("referral_id", "text"), ("linked_referral", "text")),
    statement="""
    UPDATE referral r SET linked_referral = n.linked_referral
    FROM unnest($1::text[], $2::text[]) AS n(referral_id, linked_referral) WHERE r.referral_id = n.referral_id
    """,
)
"""A referral that was opened again beside another one is additional to it."""
STATUS = Table(
    "referral_status",
    (("referral_id", "text"), ("topic", "text"), ("sequence", "bigint"), ("status", "text"), ("on_day", "date")),
    key=4,
    on_conflict="ON CONFLICT DO NOTHING",
)
