"""Taking part and being supported: the participant and the engagements."""

from datetime import date

from services.contracts.plan import PlanUpdated
from services.contracts.plan_codes import EvidenceKind, SessionAttendance
from services.contracts.plan_support_change import SessionRecorded
from services.kernel.decision import Draft
from services.outcomes.domain.entries import own_record, reach
from services.outcomes.domain.state import Earnings
from services.outcomes.domain.terms import ENGAGEMENT, PARTICIPANT, RateBook


def consented(update: PlanUpdated, day: date) -> bool:
    """Tell whether the person had consented to take part on ``day``; the day of the consent counts.

    False before the referral. The plan holds only the latest word: where that is unknown, or withdrawn
    after ``day``, consent stood from the referral on, because intake takes no referral without it.
    """
    if day < update.referred_on:
        return False
    said = update.plan.consents.take_part if update.plan.consents else None
    if said is None:
        return True
    if said.given:
        return said.stood_from is None or said.stood_from <= day
    return said.on is not None and day < said.on


def session_recorded(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Draft]:
    """Return what a session earns: the participant if it is the first attended one, else an engagement."""
    assert isinstance(update.change, SessionRecorded)  # noqa: S101  decide calls it for this type
    if update.change.attendance is not SessionAttendance.ATTENDED:
        return []
    if state.first(PARTICIPANT) is not None:
        return engaged(state, update, book, EvidenceKind.ATTENDANCE_RECORD, "attended_session")
    on = update.change.occurred_on
    if not consented(update, on):
        return []
    terms = book.terms(update.programme.id, update.contract or "", on)
    evidence = (own_record(update, EvidenceKind.ATTENDANCE_RECORD),)
    return reach(state, update, terms, PARTICIPANT, on, evidence, "first_attended_session")


def step_finished(state: Earnings, update: PlanUpdated, book: RateBook) -> list[Draft]:
    """Return the engagement that a finished step earns, if any."""
    return engaged(state, update, book, EvidenceKind.STEP_RECORD, "finished_step")


def engaged(state: Earnings, update: PlanUpdated, book: RateBook, record: EvidenceKind, reason: str) -> list[Draft]:
    """Return the engagement that a fact earns, if any.

    A session recorded late, before the participant's own day, counts: had it come in order it would have
    been the first, and that one an engagement. A step or review before that day was no participant's.
    """
    on = update.change.occurred_on
    start = state.first(PARTICIPANT)
    if start is None or on == start.on or not consented(update, on):
        return []
    if on < start.on and record is not EvidenceKind.ATTENDANCE_RECORD:
        return []
    terms = book.terms(update.programme.id, update.contract or "", on)
    term = terms.by_milestone.get(ENGAGEMENT)
    if term is None or any(abs((on - paid.on).days) < term.gap_days for paid in state.of(ENGAGEMENT)):
        return []
    return reach(state, update, terms, ENGAGEMENT, on, (own_record(update, record),), reason)
