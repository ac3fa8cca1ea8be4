"""The event of a posted referral, in codes.

Nothing here can identify a person: a birth date becomes a band, a postcode whether it lies in the area, an
ethnic category its group.
"""

from datetime import datetime
from typing import Any

from services.contracts.base import VersionRef, Work
from services.contracts.referral import Consent, Consents, ReferralCreated, SealedAssessment
from services.intake.domain.evaluation import Said, evaluate, standing_answers
from services.intake.domain.policy import IntakePolicy
from services.intake.domain.posted import ConsentPosted, ReferralPosted
from services.kernel.sealing.content import Digest, Sealed
from services.programmes.model import Programme
from services.programmes.providers import choose_provider


def created(
    posted: ReferralPosted,
    programme: Programme,
    policy: IntakePolicy,
    *,
    referral_id: str,
    person_id: str,
    linked_referral: str | None,
    now: datetime,
    referrer: Digest | None,
) -> ReferralCreated:
    """Return the event of an accepted referral. ``posted`` must be without faults."""
    said = Said(posted.person, posted.work, standing_answers(posted), posted.locality, posted.referred_on)
    found = evaluate(said, programme, policy)
    choice = choose_provider(
        programme,
        posted.locality,
        referral_id=referral_id,
        on=posted.referred_on,
        named=posted.provider.named,
        chosen=posted.provider.chosen,
    )
    return ReferralCreated(
        referral_id=referral_id,
        person_id=person_id,
        programme=VersionRef(id=programme.programme, version=programme.version),
        area_code=found.area_code,
        locality=posted.locality,
        provider=choice.provider if choice else None,
        contract=choice.contract if choice else None,
        route=posted.route,
        referred_on=posted.referred_on,
        occurred_on=posted.referred_on,
        age_band=found.age_band,
        work=Work(status=posted.work.status, attendance=posted.work.attendance),
        received_at=now,
        asks=distinct(posted.asks),
        facts=found.facts,
        consents=_consents(posted),
        eligibility=found.eligibility,
        equality=found.equality,
        language=posted.person.language,
        formats=distinct(posted.person.accessible_needs),
        priority_groups=found.priority_groups,
        linked_referral=linked_referral,
        takes_over=False,
        referrer=referrer,
        sealed=SealedAssessment(
            assessment=Sealed.of(posted.assessment.plain(posted.referred_on)) if posted.assessment else None
        ),
    )


def _consents(posted: ReferralPosted) -> Consents:
    def one(given: ConsentPosted | None) -> Consent | None:
        return None if given is None else Consent(given=given.given, on=given.on, channel=given.channel)

    said = posted.consents
    return Consents(
        take_part=one(said.take_part),
        share_with_gp=one(said.share_with_gp),
        share_with_employer=one(said.share_with_employer),
    )


def distinct(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return each item once, in order."""
    return tuple(dict.fromkeys(items))
