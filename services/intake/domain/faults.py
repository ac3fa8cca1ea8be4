"""What is wrong with a referral beyond single fields: every rule gives its own coded reason, all at once.

Nobody is refused for who they are: unmet eligibility makes a review (see :mod:`.derive`), never a fault.
A fault is input that is impossible, that the route may not carry, or that lacks the consent to take part.
"""

from collections.abc import Iterator
from datetime import date, datetime

from services.contracts.codes import Attendance, WorkStatus
from services.contracts.identifiers import age_on
from services.intake.domain.policy import IntakePolicy, london_day
from services.intake.domain.readable import ReferralRead
from services.intake.domain.routes import route_faults
from services.kernel.decision import Reason
from services.programmes.model import Programme
from services.programmes.providers import offered

MAX_AGE = 130
IN_WORK = frozenset({WorkStatus.EMPLOYED, WorkStatus.SELF_EMPLOYED})


def referral_faults(
    seen: ReferralRead, *, organisation_kind: str, policy: IntakePolicy, now: datetime, invited: bool = False
) -> list[Reason]:
    """Return every reason against a referral, in the order of its fields. ``now`` decides what is future.

    ``invited``: it comes of an invitation that the person accepted, or will.
    """
    version = policy.book.find(seen.programme, seen.referred_on) if seen.programme and seen.referred_on else None
    return [
        *_programme(seen, version, policy),
        *route_faults(seen, version, organisation_kind, invited=invited),
        *_dates(seen, london_day(now)),
        *_person(seen),
        *_work(seen),
        *_assessment(seen),
        *_consents(seen, version),
    ]


def fact_faults(seen: ReferralRead, now: datetime) -> list[Reason]:
    """Return every reason against what is said of a person and their work, whoever says it."""
    return [*_dates(seen, london_day(now)), *_person(seen), *_work(seen)]


def _programme(seen: ReferralRead, version: Programme | None, policy: IntakePolicy) -> Iterator[Reason]:
    day = seen.referred_on
    if seen.programme is None or day is None:
        return
    if seen.programme in policy.book.employer_programmes():
        message = "this programme is about employers; nobody is referred to it"
        yield Reason("programme_takes_no_referrals", message, "/programme")
        return
    if seen.programme not in policy.book:
        yield Reason("programme_unknown", "there is no such programme", "/programme")
        return
    if version is None or not _open(version, None, day):
        yield Reason("programme_not_open", "the programme takes no referrals made on that day", "/programme")
        return
    if seen.locality is not None and version.tiers.locality(seen.locality) is None:
        yield Reason("locality_unknown", "the programme has no such locality", "/locality")
    elif seen.locality is not None and not _open(version, seen.locality, day):
        yield Reason("programme_not_open", "the locality takes no referrals made on that day", "/locality")
    else:
        yield from _provider(seen, version, day)


def _open(version: Programme, locality: str | None, day: date) -> bool:
    return all(tier.takes_referrals_on(day) for tier in version.tiers.above(locality))


def _provider(seen: ReferralRead, version: Programme, day: date) -> Iterator[Reason]:
    if seen.provider is None:
        return
    there = {c.provider for c in offered(version, seen.locality, day)}
    for name, wanted in (("named", seen.provider.named), ("chosen", seen.provider.chosen)):
        if wanted is not None and wanted not in there:
            message = "that provider takes no referrals in that locality on that day"
            yield Reason("provider_not_offered", message, f"/provider/{name}")


def _dates(seen: ReferralRead, today: date) -> Iterator[Reason]:
    work, assessment, consents = seen.work, seen.assessment, seen.consents
    dated: list[tuple[str, date | None]] = [("/referred_on", seen.referred_on)]
    if work is not None:
        dated += [("/work/off_sick_since", work.off_sick_since), ("/work/unemployed_since", work.unemployed_since)]
    if assessment is not None:
        dated += [("/assessment/taken_on", assessment.taken_on)]
        parts = (assessment.parts or {}).items()
        dated += [(f"/assessment/parts/{part}/taken_on", taken.taken_on) for part, taken in parts]
    if consents is not None:
        for name in ("take_part", "share_with_gp", "share_with_employer"):
            consent = getattr(consents, name)
            dated += [(f"/consents/{name}/on", consent.on if consent else None)]
    for pointer, day in dated:
        if day is not None and day > today:
            yield Reason("date_in_future", "this day has not come yet", pointer)


def _person(seen: ReferralRead) -> Iterator[Reason]:
    if seen.person is None:
        return
    born, day, contact = seen.person.birth_date, seen.referred_on, seen.person.contact
    if born is not None and day is not None:
        if born > day:
            yield Reason("born_after_referral", "the birth date is later than the referral", "/person/birth_date")
        elif age_on(born, day) > MAX_AGE:
            yield Reason("birth_date_implausible", f"that is more than {MAX_AGE} years ago", "/person/birth_date")
    if contact is not None and contact.preferred in {"phone", "email"} and not getattr(contact, contact.preferred):
        pointer = f"/person/contact/{contact.preferred}"
        yield Reason("required", "the preferred way of contact is not given", pointer)


def _work(seen: ReferralRead) -> Iterator[Reason]:
    work = seen.work
    if work is None or work.status is None:
        return
    if work.attendance is not None and work.status not in IN_WORK:
        yield Reason("attendance_without_work", "somebody without work has no attendance", "/work/attendance")
    if work.unemployed_since is not None and work.status in IN_WORK:
        yield Reason("unemployed_but_in_work", "somebody in work is not unemployed", "/work/unemployed_since")
    if work.off_sick_since is not None and work.attendance is not None and work.attendance is not Attendance.OFF_SICK:
        yield Reason("off_sick_but_attending", "the attendance is not off_sick", "/work/off_sick_since")


def _assessment(seen: ReferralRead) -> Iterator[Reason]:
    phq9 = seen.assessment.phq9 if seen.assessment else None
    if phq9 and phq9.score is not None and phq9.item9 is not None and phq9.item9 > phq9.score:
        yield Reason("item9_exceeds_score", "item 9 is part of the score", "/assessment/phq9/item9")


def _consents(seen: ReferralRead, version: Programme | None) -> Iterator[Reason]:
    wanted = [c.code for c in version.joining.consents if c.required] if version else ["take_part"]
    for name in wanted:
        consent = getattr(seen.consents, name, None) if seen.consents else None
        if consent is None or consent.given is not True:
            yield Reason("consent_required", f"a referral needs the consent {name}", f"/consents/{name}")
