"""Whose time is over: people whose referrals have all ended, longer ago than the period says."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from services.intake.people.ending import Ending, endings, page_of_people
from services.kernel.operations.audit import Pool
from services.persons.waiting import Waiting, waiting
from services.retention.periods import Period
from services.vault.standing import Standing, standing

PAGE = 500


class Kept(StrEnum):
    """Why somebody whose last referral came long ago stays."""

    OPEN = "a referral has not ended"
    TOO_YOUNG = "kept until an age"
    RECENT = "something happened later"
    HELD = "legal hold"
    RESTRICTED = "use is restricted"
    SAFETY = "a safety task waits"
    UNREAD = "triage has not read all"


@dataclass(frozen=True, slots=True)
class DuePerson:
    """A person who is due: all pseudonyms, the last day that counts, the last day on which they had to be kept.

    ``key_lost``: the vault never had a key for them, or lost it. What is held of them goes all the same.
    """

    pseudonyms: tuple[str, ...]
    last_day: date
    kept_until: date
    key_lost: bool = False


@dataclass(slots=True)
class Found:
    """One page: who is due, how many pseudonyms were looked at, who stays and why. ``kept`` counts people."""

    looked_at: int = 0
    erased: int = 0
    due: list[DuePerson] = field(default_factory=list)
    kept: dict[Kept, int] = field(default_factory=dict)


async def find_due(vault: Pool, intake: Pool, triage: Pool, period: Period, today: date) -> AsyncIterator[Found]:
    """Look at everybody who has a referral, a page at a time; a person of several pseudonyms is told once."""
    after, told = "", set[str]()
    while page := await page_of_people(intake, after, PAGE):
        after = page[-1][0]
        found = Found(looked_at=len(page))
        old = [person for person, last in page if period.due_on(last) < today]
        standings = await standing(vault, old) if old else {}
        groups = {}
        for person in old:
            stands = standings[person]
            if len(stands.pseudonyms) > 1 and stands.survivor in told:
                continue
            if len(stands.pseudonyms) > 1:
                told.add(stands.survivor)
            groups[stands.survivor] = stands
        known = await endings(intake, [one for stands in groups.values() for one in stands.pseudonyms])
        awaited = await waiting(intake, triage, list(known)) if known else {}
        for stands in groups.values():
            ended = [known[one] for one in stands.pseudonyms if one in known]
            judge(stands, ended, period, today, found, [awaited[one] for one in stands.pseudonyms if one in awaited])
        yield found


def judge(
    stands: Standing,
    ended: Sequence[Ending],
    period: Period,
    today: date,
    found: Found,
    awaited: Sequence[Waiting] = (),
) -> None:
    """Put one person where they belong: due, erased before, or kept for a reason."""
    if stands.erased_at is not None:
        found.erased += 1
        return
    last_day = max(one.last_day for one in ended)
    births = [one.born for one in ended if one.born is not None]
    kept_until = period.due_on(last_day, max(births, default=None))
    why: Kept | None = None
    if not all(one.ended for one in ended):
        why = Kept.OPEN
    elif period.due_on(last_day) >= today:
        why = Kept.RECENT
    elif kept_until >= today:
        why = Kept.TOO_YOUNG
    elif stands.held:
        why = Kept.HELD
    elif stands.restricted is not None:
        why = Kept.RESTRICTED
    elif any(one.tasks for one in awaited):
        why = Kept.SAFETY
    elif any(one.unread for one in awaited):
        why = Kept.UNREAD
    if why is None:
        found.due.append(DuePerson(stands.pseudonyms, last_day, kept_until, not stands.known))
    else:
        found.kept[why] = found.kept.get(why, 0) + 1
