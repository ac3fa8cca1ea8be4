"""Decisions on eligibility that a named person owes or has given, as rows: one each time that one was asked for."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, DateTime, Index, Text
from sqlmodel import Field, SQLModel

from services.intake.domain.policy import london_day
from services.intake.domain.standing import Referral
from services.kernel.operations.audit import Pool
from services.kernel.service import Row, Table


class EligibilityReviewRow(SQLModel, table=True):
    """A decision that is awaited, or was (``closed_at``). Whom it is about stands with the referral alone."""

    __tablename__ = "eligibility_review"
    __table_args__ = (
        Index("eligibility_review_open", "programme", "opened_at", postgresql_where="closed_at IS NULL"),
        Index("eligibility_review_closed", "programme", "closed_on", postgresql_where="closed_at IS NOT NULL"),
    )

    referral_id: str = Field(sa_column=Column(Text, primary_key=True))
    opened: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    programme: str = Field(sa_column=Column(Text, nullable=False))
    programme_version: str = Field(sa_column=Column(Text, nullable=False))
    route: str = Field(sa_column=Column(Text, nullable=False))
    locality: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    area_code: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    referred_on: date
    cause: str = Field(sa_column=Column(Text, nullable=False))
    reasons: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    not_by: list[str] = Field(sa_column=Column(JSON, nullable=False))
    opened_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    opened_on: date
    closed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=True))
    closed_on: date | None = None


REVIEW: Final = Table(
    "eligibility_review",
    (
        *(("referral_id", "text"), ("opened", "bigint"), ("programme", "text"), ("programme_version", "text")),
        *(("route", "text"), ("locality", "text"), ("area_code", "text"), ("referred_on", "date"), ("cause", "text")),
        *(("reasons", "json"), ("not_by", "json"), ("opened_at", "timestamptz"), ("opened_on", "date")),
        *(("closed_at", "timestamptz"), ("closed_on", "date")),
    ),
    key=2,
    on_conflict="ON CONFLICT (referral_id, opened) DO UPDATE SET (area_code, reasons, closed_at, closed_on) = "
    "(excluded.area_code, excluded.reasons, excluded.closed_at, excluded.closed_on)",
)


def rows(state: Any) -> Iterable[Row]:
    """Return the row of the decision that is awaited, or that was the last one to be."""
    if not isinstance(state, Referral) or state.review is None:
        return
    review, common = state.review, state.common
    said = (
        *(common.referral_id, review.opened, common.programme.id, common.programme.version, common.route.value),
        *(common.locality, common.area_code, common.referred_on, review.cause.value),
        json.dumps([one.model_dump() for one in review.reasons]),
        json.dumps(list(review.not_by)),
        *(review.opened_at, london_day(review.opened_at), review.closed_at),
        None if review.closed_at is None else london_day(review.closed_at),
    )
    yield REVIEW, said


_COLUMNS: Final = "referral_id, programme, programme_version, route, locality, area_code, referred_on, cause, opened_at"
_AWAITED: Final = f"""
SELECT {_COLUMNS}, reasons::text AS reasons, not_by::text AS not_by FROM eligibility_review
WHERE ($1::text IS NULL OR programme = $1) AND opened_on <= $2 AND (closed_on IS NULL OR closed_on > $2)
  AND (opened_at, referral_id) > ($3, $4)
ORDER BY opened_at, referral_id LIMIT $5
"""  # noqa: S608  our own words


async def awaited(
    pool: Pool, programme: str | None, as_of: date, after: tuple[datetime, str], limit: int
) -> Sequence[Any]:
    """Return the decisions that were awaited at the end of a London day, the longest awaited first.

    ``programme`` None: of all. A decision that was asked for and given on one day was awaited on none.
    """
    found: Sequence[Any] = await pool.fetch(_AWAITED, programme, as_of, *after, limit)
    return found
