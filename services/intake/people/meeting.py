"""Finds out who referrals are about and what these people have with us already, for all of them at once, under lock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

from services.intake.domain.posted import PersonPosted, ReferralPosted
from services.intake.domain.same_person import Identity, Recognised
from services.intake.domain.status import FULL_VIEW_KINDS
from services.intake.people.acquaintance import People, marks
from services.intake.people.recognising import (
    OpenReferral,
    identity,
    keys_of,
    lock,
    lock_names,
    open_referrals,
)
from services.intake.people.sent_before import SentBefore, sent_before
from services.kernel.decision import Reason
from services.kernel.http import Principal, Problem
from services.kernel.runtime.commands import Transaction


@dataclass(frozen=True, slots=True)
class Met:
    """Who somebody is, and their open referral: shown to those who may know of it, joined by the others."""

    found: Recognised
    person_id: str | None
    opened: str | None


@dataclass(frozen=True)
class Sought:
    """Somebody to be met: as described, for a programme on a day. ``meant``: their pseudonym where it is known."""

    person: PersonPosted
    programme: str
    on: date
    reference: str | None = None
    meant: str | None = None
    posted: ReferralPosted | None = None

    @classmethod
    def of(cls, posted: ReferralPosted, meant: str | None = None) -> "Sought":
        """Return whom a referral is about."""
        reference = posted.referrer.reference if posted.referrer else None
        return cls(posted.person, posted.programme, posted.referred_on, reference, meant, posted)

    @cached_property
    def me(self) -> Identity:
        """As what they are described."""
        return identity(self.person)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an accepted referral changes for those that come after it."""

    person_id: str
    new: bool
    me: Identity
    referral: OpenReferral
    reference: str | None
    since: datetime
    number_taken: bool
    posted: ReferralPosted


def _sent(one: Accepted) -> SentBefore:
    return SentBefore(one.referral.referral_id, one.person_id, posted=one.posted)


@dataclass
class Meeting:
    """The people of some referrals, under lock, and what they have with us already."""

    tx: Transaction
    who: Principal
    people: People
    references: dict[str, SentBefore]
    opened: dict[str, list[OpenReferral]] = field(default_factory=dict)
    rehearsed: set[str] = field(default_factory=set)
    programmes: dict[tuple[str, date], frozenset[str]] = field(default_factory=dict)

    @classmethod
    async def of(cls, tx: Transaction, sought: Sequence[Sought], who: Principal) -> "Meeting":
        """Lock the people and look them up."""
        names = (lock_names(keys_of(one.me), who.organisation_id, one.reference) for one in sought)
        await lock(tx.conn, *(name for several in names for name in several))
        people = await People.find(tx.conn, [one.me for one in sought])
        used = await sent_before(tx, who.organisation_id, (one.reference for one in sought))
        return cls(tx, who, people, used)

    async def expect(self, sought: Iterable[Sought]) -> list[str | None]:
        """Return who each seems to be, before anything has changed; fetches what the meetings will need."""
        seem = [one.meant or self.people.recognise(one.me, self._programmes(one)).person_id for one in sought]
        known = {person_id for person_id in seem if person_id is not None}
        await self.tx.hold(known, fresh=True)
        self.opened |= await open_referrals(self.tx.conn, known - self.opened.keys())
        return seem

    async def meet(self, one: Sought) -> Met:
        """Find out who somebody is. Raises Problem 409 for NHS organisations and providers where the person has an
        open referral.
        """
        programmes = self._programmes(one)
        told = self.who.organisation_kind in FULL_VIEW_KINDS
        found = await self.people.find_out(self.tx, one.me, programmes)
        person_id = one.meant or found.person_id
        opened = await self._opened(person_id, programmes) if person_id else None
        if opened is not None and told:
            raise self._duplicate(one, opened)
        return Met(found, person_id, opened)

    def used(self, one: Sought) -> Reason | None:
        """Return what is wrong with a reference that was used before: for the same content, or for another."""
        known = None if one.reference is None else self.references.get(one.reference)
        if known is None:
            return None
        if known.is_same(one.posted, self.tx):
            return Reason("already_referred", "you have sent this referral before, as it is", "/referrer/reference")
        return Reason("reference_used", "this reference was used for another referral", "/referrer/reference")

    def _duplicate(self, one: Sought, opened: str) -> Problem:
        message = "this person has an open referral to this programme, or to one that funds the same days"
        reasons = [Reason("duplicate_referral", message), self.used(one)]
        return Problem(
            409,
            "duplicate_referral",
            message,
            reasons=[reason for reason in reasons if reason is not None],
            extra={"referral_id": None if opened in self.rehearsed else opened},
        )

    def take_in(self, accepted: Accepted) -> None:
        """Let those who come after an accepted referral find it."""
        programme = accepted.referral.programme
        self.people.take_in(
            accepted.person_id, accepted.me, programme, accepted.since, number_taken=accepted.number_taken
        )
        self.opened.setdefault(accepted.person_id, []).append(accepted.referral)
        if self.tx.rehearsal:
            self.rehearsed.add(accepted.referral.referral_id)
        if accepted.reference is not None:
            self.references[accepted.reference] = _sent(accepted)

    async def remember(self, sought: Iterable[Sought], earlier: Sequence[Accepted]) -> None:
        """Take in what a rehearsal has accepted before: all references, and people as far as they are met now."""
        self.references |= {one.reference: _sent(one) for one in earlier if one.reference is not None}
        touched = {mark for one in sought for mark in marks(one.me)} if earlier else set()
        fitting = [one for one in earlier if not touched.isdisjoint(marks(one.me))]
        await self.tx.create_keys([one.person_id for one in fitting if one.new])
        for one in fitting:
            self.take_in(one)

    def _programmes(self, one: Sought) -> frozenset[str]:
        place = one.programme, one.on
        if place not in self.programmes:
            self.programmes[place] = self.tx.policy.book.overlapping(*place)
        return self.programmes[place]

    async def _opened(self, person_id: str, programmes: frozenset[str]) -> str | None:
        if person_id not in self.opened:
            self.opened |= await open_referrals(self.tx.conn, [person_id])
        fitting = [r for r in self.opened[person_id] if r.programme in programmes]
        return min(fitting, key=lambda one: one.additional).referral_id if fitting else None  # of equals the first


async def meet(
    tx: Transaction,
    person: PersonPosted,
    programme: str,
    on: date,
    who: Principal,
    *,
    reference: str | None = None,
    meant: str | None = None,
) -> Met:
    """Lock a person and find out who they are; ``meant`` is their pseudonym where it is known.

    Raises Problem 409 for NHS organisations and providers where the person has an open referral.
    """
    one = Sought(person, programme, on, reference, meant)
    return await (await Meeting.of(tx, [one], who)).meet(one)
