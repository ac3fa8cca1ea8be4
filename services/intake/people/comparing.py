"""What a person sees of a near match: which pair, why, in what the two differ. What agrees is named, never shown."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy.orm import aliased
from sqlmodel import and_, col, exists, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.access import may_decide
from services.intake.domain.same_person import Identity, NearReason, compare
from services.intake.domain.spelling import postcode_key
from services.intake.people.near_matches import NearMatchRow
from services.intake.store import Person, ReferralPerson, ReferralRow
from services.kernel.http import Principal

Compared = Literal["nhs_number", "family_name", "given_name", "birth_date", "postcode"]


class Decision(StrEnum):
    """What somebody finds who has looked at both."""

    SAME = "same"
    DIFFERENT = "different"


class SideView(BaseModel):
    """One of the two: the pseudonym, and its referrals within your reach."""

    person_id: str
    referrals: list[str]


class NearMatchView(BaseModel):
    """Two pseudonyms that may be one person. ``merged``: they are one already."""

    near_match_id: str
    found_at: datetime
    reasons: list[NearReason]
    people: list[SideView]
    decision: Decision | None
    decided_by: str | None
    decided_at: datetime | None
    merged: bool


class Difference(BaseModel):
    """A field in which the two differ, as each was given; of an NHS number the last four digits. Null: not given."""

    field: Compared
    one: str | None
    other: str | None


class ComparedView(NearMatchView):
    """The same with what has to be compared; both lists are empty once a person's details are erased."""

    agree: list[Compared]
    differ: list[Difference]


_ONE, _OTHER = aliased(Person), aliased(Person)
_MERGED = func.coalesce(_ONE.survivor, _ONE.person_id) == func.coalesce(_OTHER.survivor, _OTHER.person_id)


async def near_matches(
    session: AsyncSession,
    who: Principal,
    *,
    decision: Literal["open", "same", "different"] | None,
    after: str | None,
    limit: int,
    near_match_id: str | None = None,
) -> list[NearMatchView]:
    """Return the pairs within reach, the earliest found first; ``decision`` None: whatever was decided."""
    row = NearMatchRow
    where: list[Any] = [*_reach(who)]
    if near_match_id is not None:
        where.append(col(row.near_match_id) == near_match_id)
    if decision == "open":
        where += [col(row.decision).is_(None), ~_MERGED]
    elif decision is not None:
        where.append(col(row.decision) == decision)
    if after is not None:
        where.append(col(row.near_match_id) > after)
    query = (
        select(row, _MERGED)
        .join(_ONE, col(_ONE.person_id) == col(row.one_person))
        .join(_OTHER, col(_OTHER.person_id) == col(row.other_person))
        .where(*where)
        .order_by(col(row.near_match_id))
        .limit(limit)
    )
    found = (await session.exec(query)).all()
    referrals = await _referrals(session, who, {p for pair, _ in found for p in (pair.one_person, pair.other_person)})
    return [
        NearMatchView(
            near_match_id=pair.near_match_id,
            found_at=pair.found_at,
            reasons=[NearReason(reason) for reason in pair.reasons],
            people=[SideView(person_id=p, referrals=referrals[p]) for p in (pair.one_person, pair.other_person)],
            decision=None if pair.decision is None else Decision(pair.decision),
            decided_by=pair.decided_by,
            decided_at=pair.decided_at,
            merged=merged,
        )
        for pair, merged in found
    ]


def _reach(who: Principal) -> list[Any]:
    if who.role == "auditor":
        return []
    people = col(ReferralRow.person_id).in_([col(NearMatchRow.one_person), col(NearMatchRow.other_person)])
    return [exists().where(and_(people, col(ReferralRow.programme) == who.programme))]


async def _referrals(session: AsyncSession, who: Principal, people: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {person: [] for person in people}
    query = select(ReferralRow.person_id, ReferralRow.referral_id).where(col(ReferralRow.person_id).in_(list(found)))
    if who.role != "auditor":
        query = query.where(col(ReferralRow.programme) == who.programme)
    for person, referral_id in (await session.exec(query.order_by(col(ReferralRow.referral_id)))).all():
        found[person].append(referral_id)
    return found


async def compared(session: AsyncSession, who: Principal, pair: NearMatchView) -> ComparedView:
    """Return a pair with what differs. Whoever may only look (an auditor) is told the fields without their values."""
    one, other = [await _said(session, side.person_id) for side in pair.people]
    agree: list[Compared] = []
    differ: list[Difference] = []
    both = _closest(one, other)
    if both is not None:
        for field, (mine, theirs), same in _fields(*both):
            if same:
                agree.append(field)
            elif mine is not None or theirs is not None:
                shown = (mine, theirs) if may_decide(who) else (None, None)
                differ.append(Difference(field=field, one=shown[0], other=shown[1]))
    return ComparedView(**pair.model_dump(), agree=agree, differ=differ)


async def _said(session: AsyncSession, person_id: str) -> Sequence[Identity]:
    query = (
        select(ReferralPerson)
        .join(ReferralRow, col(ReferralRow.referral_id) == col(ReferralPerson.referral_id))
        .where(col(ReferralRow.person_id) == person_id)
        .order_by(col(ReferralPerson.referral_id))
    )
    return [
        Identity(row.nhs_number, row.family_name, row.given_name, row.birth_date, row.postcode)
        for row in (await session.exec(query)).all()
    ]


def _closest(one: Sequence[Identity], other: Sequence[Identity]) -> tuple[Identity, Identity] | None:
    """Return the two descriptions that are nearest to each other: those for which the pair was flagged."""
    ranked = [(len(reasons) or len(NearReason), a, b) for a in one for b in other for reasons in [compare(a, b)]]
    return min(ranked, key=lambda found: found[0])[1:] if ranked else None


def _fields(one: Identity, other: Identity) -> Iterable[tuple[Compared, tuple[str | None, str | None], bool]]:
    numbers = one.nhs_number, other.nhs_number
    last = tuple(None if number is None else f"...{number[-4:]}" for number in numbers)
    yield "nhs_number", (last[0], last[1]), numbers[0] is not None and numbers[0] == numbers[1]
    yield "family_name", (one.family_name, other.family_name), one.family_key == other.family_key
    yield "given_name", (one.given_name, other.given_name), one.given_key == other.given_key
    born = one.birth_date.isoformat(), other.birth_date.isoformat()
    yield "birth_date", born, born[0] == born[1]
    codes = one.postcode, other.postcode
    same = codes[0] is not None and codes[1] is not None and postcode_key(codes[0]) == postcode_key(codes[1])
    yield "postcode", codes, same
