"""The dates of a command: London calendar days, never in the future, never before the referral."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from services.coaching.domain.commands import AgreePlan, PlanCommand
from services.coaching.domain.work_commands import (
    ChangeAdjustment,
    CompleteReview,
    ConfirmWorkStatus,
    ContactEmployer,
    RecordEvidence,
)
from services.kernel.decision import Reason

LONDON: Final = ZoneInfo("Europe/London")

REOPEN_WITHIN: Final = timedelta(days=28)
"""How long after its closing a plan can be reopened [design]."""


def london_day(moment: datetime) -> date:
    """Return the calendar day in London."""
    return moment.astimezone(LONDON).date()


def faults(command: PlanCommand, referred_on: date, today: date) -> list[Reason]:
    """Return all that is wrong with a command's dates. They are impossible values (422), not illegal moves."""
    found = list(_past(command.occurred_on, "occurred", "/occurred_on", referred_on, today))
    match command:
        case ConfirmWorkStatus(since=since, evidence=evidence):
            for index, item in enumerate(evidence):
                found += _past(item.obtained_on, "obtained", f"/evidence/{index}/obtained_on", referred_on, today)
            if since is not None and since > command.occurred_on:
                found.append(Reason("since_after_occurred", "the status began after the day it is confirmed", "/since"))
            if command.break_days and (since is None or command.break_days > (command.occurred_on - since).days):
                message = "breaks are counted from `since` on and lie before the day it is confirmed"
                found.append(Reason("breaks_too_long", message, "/break_days"))
        case RecordEvidence(evidence=item):
            found += _past(item.obtained_on, "obtained", "/evidence/obtained_on", referred_on, today)
        case AgreePlan(review_on=review):
            found += _next_review(review, command.occurred_on, "/review_on")
        case CompleteReview(next_review_on=review):
            found += _next_review(review, command.occurred_on, "/next_review_on")
        case ChangeAdjustment(review_on=review):
            found += _next_review(review, command.occurred_on, "/review_on")
        case ContactEmployer(next_on=day) if day is not None and day <= command.occurred_on:
            found.append(Reason("next_not_later", "the next conversation must be after this day", "/next_on"))
    return found


def _past(day: date, what: str, pointer: str, referred_on: date, today: date) -> Iterator[Reason]:
    if day > today:
        yield Reason(f"{what}_in_future", "this day has not come yet in London", pointer)
    elif day < referred_on:
        yield Reason(f"{what}_before_referral", "this day is before the referral", pointer)


def _next_review(review: date | None, occurred_on: date, pointer: str) -> Iterator[Reason]:
    if review is not None and review <= occurred_on:
        yield Reason("review_not_later", "the next review must be after this day", pointer)
