"""Accepts referrals: one person at a time, duplicates told to those who may know, and the answer.

Every way in ends here. One referral is several of which there is one, so that a single request, an invitation and
a file cannot differ: each takes effect as if it came alone, after the one before it, and all of them take one
statement of each kind.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.contracts.codes import EligibilityOutcome
from services.intake.access import is_employer
from services.intake.domain.posted import ReferralPosted
from services.intake.domain.referral import CREATE, CreateReferral
from services.intake.domain.status import FULL_VIEW_KINDS
from services.intake.people.meeting import Accepted, Meeting, Sought, meet
from services.intake.people.recognising import OpenReferral, new_person_id
from services.intake.people.sent_before import content_digest
from services.kernel.decision import Command, Event, Refused
from services.kernel.http import Answer, Principal
from services.kernel.ids import uuid7
from services.kernel.runtime.commands import Locked, Transaction
from services.kernel.runtime.failures import DATABASE_ERRORS
from services.kernel.sealing.errors import VaultUnavailable, WrappingKeyWrong
from services.kernel.sealing.subject_key import SubjectKey

__all__ = ["Invited", "Several", "accept", "meet"]

SLICE = 16
"""So many referrals are decided before other requests get their turn."""


@dataclass(frozen=True, slots=True)
class Invited:
    """A referral that follows from an invitation: its id, and the pseudonym under which the person was invited."""

    referral_id: str
    person_id: str


async def accept(tx: Transaction, posted: ReferralPosted, who: Principal, *, invited: Invited | None = None) -> Answer:
    """Make the referral and return the answer. ``posted`` must be without faults.

    Raises Problem 409 for NHS organisations and providers where the person has an open referral, Refused for a
    reference that was used.
    """
    (outcome,) = await _accept(tx, [(posted, invited)], who, [])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


@dataclass
class Several:
    """Referrals of one sender, some in one transaction and others in the next.

    In a rehearsal ``earlier`` stands for the referrals that would be there by then.
    """

    who: Principal
    earlier: list[Accepted] = field(default_factory=list)

    async def accept(self, tx: Transaction, posted: Sequence[ReferralPosted]) -> list[Answer | Exception]:
        """Make the referrals, as :func:`accept` one after the other; return what became of each."""
        earlier = list(self.earlier)
        outcomes = await _accept(tx, [(one, None) for one in posted], self.who, earlier)
        if tx.rehearsal:
            self.earlier = earlier
        return outcomes


async def _accept(
    tx: Transaction, wanted: Sequence[tuple[ReferralPosted, Invited | None]], who: Principal, earlier: list[Accepted]
) -> list[Answer | Exception]:
    sought = [Sought.of(posted, invited.person_id if invited else None) for posted, invited in wanted]
    meeting = await Meeting.of(tx, sought, who)
    seem = await meeting.expect(sought)
    await meeting.remember(sought, earlier)
    person_ids = [new_person_id() if known is None else known for known in seem]
    # who may not learn that somebody is known does not learn it from the time that a new key takes: there is always one
    told = who.organisation_kind in FULL_VIEW_KINDS
    spare = [] if told else [new_person_id() for known in seem if isinstance(tx.held.get(known or ""), SubjectKey)]
    await tx.create_keys([*spare, *(new for new, known in zip(person_ids, seem, strict=True) if known is None)])
    referral_ids = [invited.referral_id if invited else uuid7(tx.now) for _, invited in wanted]
    making = _Making(tx, who, meeting, await tx.lock(referral_ids, [*person_ids, *spare]))
    outcomes: list[Answer | Exception] = []
    for nth, one in enumerate(sought):
        if nth and nth % SLICE == 0:
            await asyncio.sleep(0)
        command_id = uuid7(tx.now) if nth else tx.command_id
        new = person_ids[nth] if seem[nth] is None else None
        try:
            posted, invited = wanted[nth]
            accepted, answer = await making.make(
                command_id, referral_ids[nth], posted, one, new, invited=invited is not None
            )
        except (OSError, VaultUnavailable, WrappingKeyWrong, *DATABASE_ERRORS):
            raise
        except Exception as error:  # this referral's own
            outcomes.append(error)
        else:
            meeting.take_in(accepted)
            earlier.append(accepted)
            outcomes.append(answer)
    await making.locked.save()
    return outcomes


@dataclass(frozen=True, slots=True)
class _Making:
    """Makes referrals under lock."""

    tx: Transaction
    who: Principal
    meeting: Meeting
    locked: Locked

    async def make(
        self, command_id: str, referral_id: str, posted: ReferralPosted, one: Sought, new: str | None, *, invited: bool
    ) -> tuple[Accepted, Answer]:
        """Make a referral; ``new`` is a pseudonym that has a key and nobody. Raises as :func:`accept`."""
        tx, who = self.tx, self.who
        met = await self.meeting.meet(one)
        found = met.found
        if (used := self.meeting.used(one)) is not None:
            raise Refused(used, status=422)
        person_id = met.person_id or new
        if person_id is None:  # known a moment ago: erased since, or no longer the only one who fits
            person_id = new_person_id()
            await tx.create_keys([person_id])
        await tx.hold([person_id])
        data = CreateReferral(
            posted=posted,
            person_id=person_id,
            linked_referral=met.opened,
            organisation_id=who.organisation_id,
            organisation_kind=who.organisation_kind,
            near=tuple((uuid7(tx.now), near) for near in found.near if near.person_id != person_id),
            number_taken=found.number_taken,
            invited=invited,
            content_digest=content_digest(tx.held.get(person_id), posted),
        )
        done = self.locked.execute(Command(id=command_id, type=CREATE, key=referral_id, data=data, actor=who.subject))
        accepted = Accepted(
            person_id,
            met.person_id is None,
            one.me,
            OpenReferral(referral_id, posted.programme, additional=met.opened is not None),
            one.reference,
            tx.now,
            found.number_taken,
            posted,
        )
        return accepted, _answer(tx, posted, done.events[0], who)


def _answer(tx: Transaction, posted: ReferralPosted, created: Event, who: Principal) -> Answer:
    event = created.data
    # what becomes of a referral, an employer learns under the third consent only, and not here
    review = event.eligibility.outcome is EligibilityOutcome.REVIEW and not is_employer(who)
    programme = tx.policy.book.version_for(posted.programme, posted.referred_on)
    here = f"/referrals/{event.referral_id}"
    later = ("assessments", "consents", "corrections", "contest", "withdrawal")
    links = {"self": here, **{name: f"{here}/{name}" for name in later}}
    answer = {
        "referral_id": None if tx.rehearsal else event.referral_id,
        "status": "eligibility_review" if review else "accepted",
        "programme": event.programme.model_dump(),
        "alternatives": [a.code for a in programme.joining.alternatives] if review else [],
        "links": {} if tx.rehearsal else links,
    }
    return Answer(201, answer, location=None if tx.rehearsal else here)
