"""What each page holds, in codes; a view holds the fields that it shows and no others.

The person's page has what they agreed. The GP's has the support, its state and work; no goals, no barriers, no
employer, no pay. It has the fit notes that the coach has seen, as they were written: what a coach should see about
several of them (a gap, one that is too long) is not for whoever may have written them. The employer's has adjustments
and nothing else, and cannot be made without the permission of the third consent.
None has scores, findings, notes, conditions, what a hold is about, or who at our side wrote what.
"""

from collections.abc import Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict

from services.coaching.domain.guards import blocked_by
from services.coaching.domain.papers.permitting import OPEN_ADJUSTMENTS
from services.coaching.domain.plan import Plan
from services.contracts.base import Work
from services.contracts.codes import Barrier, ConsentKind, Intensity, Support
from services.contracts.consent import ConsentHistory, EmployerFacing, EmployerPermission, NotPermitted
from services.contracts.plan import Booking, OpenGoal, OpenStep, PlanAdjustment, PlanCounters
from services.contracts.plan_codes import (
    Adjustment,
    AdjustmentState,
    BarrierArea,
    PlanState,
    StepOwner,
    StepState,
    WorkplaceBarrier,
)
from services.contracts.plan_item import FitNote


class Page(BaseModel):
    """What all pages say: of which referral and which version of its plan, on which day."""

    model_config = ConfigDict(frozen=True)

    referral_id: str
    plan_version: int
    made_on: date


class StepLine(BaseModel):
    """An open step; ``after`` are the supports that must be finished first."""

    model_config = ConfigDict(frozen=True)

    support: Support
    intensity: Intensity | None
    state: StepState
    owner: StepOwner | None
    due_on: date | None
    booking: Booking | None
    after: tuple[Support, ...]


class BarrierLine(BaseModel):
    """What stands in the way; of one in health only that it is one."""

    model_config = ConfigDict(frozen=True)

    area: BarrierArea
    barrier: Barrier | None
    workplace: WorkplaceBarrier | None


class AdjustmentLine(BaseModel):
    """A workplace adjustment and how it stands."""

    model_config = ConfigDict(frozen=True)

    adjustment: Adjustment
    state: AdjustmentState
    review_on: date | None


class ParticipantPage(Page):
    """A person's own plan."""

    state: PlanState
    agreed_on: date | None
    goals: tuple[OpenGoal, ...]
    steps: tuple[StepLine, ...]
    adjustments: tuple[AdjustmentLine, ...]
    barriers: tuple[BarrierLine, ...]
    counters: PlanCounters
    review_on: date | None
    shares: dict[ConsentKind, bool]


class GpPage(Page):
    """What a GP is told under the second consent, given on ``consented_on``."""

    state: PlanState
    consented_on: date
    confirmed_on: date | None
    closed_on: date | None
    steps: tuple[StepLine, ...]
    finished: int
    adjustments: tuple[AdjustmentLine, ...]
    work: Work
    fit_notes: tuple[FitNote, ...]
    review_on: date | None


class EmployerPage(EmployerFacing):
    """What an employer is told under the third consent: adjustments at work."""

    plan_version: int
    made_on: date
    adjustments: tuple[AdjustmentLine, ...]


def participant_page(plan: Plan, on: date, consents: ConsentHistory) -> ParticipantPage:
    """Return the person's own page."""
    held = plan.plan
    shared = (ConsentKind.SHARE_WITH_GP, ConsentKind.SHARE_WITH_EMPLOYER)
    return ParticipantPage(
        referral_id=plan.referral_id,
        plan_version=plan.plan_version,
        made_on=on,
        state=plan.state,
        agreed_on=held.agreed_on,
        goals=held.goals,
        steps=_steps(plan),
        adjustments=_adjustments(held.adjustments),
        barriers=tuple(
            dict.fromkeys(
                BarrierLine(area=one.area, barrier=one.barrier, workplace=one.workplace) for one in held.barriers
            )
        ),
        counters=held.counters,
        review_on=held.review_on if held.closed_on is None else None,
        shares={kind: consents.allowed(kind, on) is True for kind in shared},
    )


def gp_page(plan: Plan, on: date, consents: ConsentHistory, fit_notes: Sequence[FitNote] = ()) -> GpPage:
    """Return the GP's page. Raises NotPermitted unless the second consent stands on that day.

    ``fit_notes``: those on record; shown by their days, one that was recorded twice once.
    """
    given = consents.standing(ConsentKind.SHARE_WITH_GP, on)
    if given is None or not given.given or consents.referral_id != plan.referral_id:
        raise NotPermitted("a GP's page needs the second consent")
    held = plan.plan
    return GpPage(
        referral_id=plan.referral_id,
        plan_version=plan.plan_version,
        made_on=on,
        state=plan.state,
        consented_on=given.on,
        confirmed_on=held.confirmed_on,
        closed_on=held.closed_on,
        steps=_steps(plan),
        finished=held.counters.steps_finished,
        adjustments=_adjustments(held.adjustments),
        work=plan.work,
        fit_notes=tuple(sorted(dict.fromkeys(fit_notes), key=lambda note: (note.from_on, note.to_on))),
        review_on=held.review_on if held.closed_on is None else None,
    )


def employer_page(permission: EmployerPermission, plan: Plan) -> EmployerPage:
    """Return the employer's page, as of the day of the permission. Raises NotPermitted for another referral's."""
    return EmployerPage(
        referral_id=plan.referral_id,
        permission=permission,
        plan_version=plan.plan_version,
        made_on=permission.on,
        adjustments=_adjustments(plan.plan.adjustments),
    )


def _adjustments(found: tuple[PlanAdjustment, ...]) -> tuple[AdjustmentLine, ...]:
    return tuple(
        AdjustmentLine(adjustment=one.adjustment, state=one.state, review_on=one.review_on)
        for one in found
        if one.state in OPEN_ADJUSTMENTS
    )


def _steps(plan: Plan) -> tuple[StepLine, ...]:
    """Return the open steps: what has started, what can start, then those that wait and say for which support."""
    named = {step.step_id: step.support for step in plan.plan.steps}
    lines = [(blocked_by(plan.plan, step), step) for step in plan.plan.steps]
    return tuple(
        _step(step, tuple(named[name] for name in waits if name in named)) for waits, step in sorted(lines, key=_place)
    )


def _place(line: tuple[list[str], OpenStep]) -> tuple[bool, bool, date]:
    waits, step = line
    return bool(waits), step.state is not StepState.STARTED, step.due_on or date.max


def _step(step: OpenStep, after: tuple[Support, ...]) -> StepLine:
    return StepLine(
        support=step.support,
        intensity=step.intensity,
        state=step.state,
        owner=step.owner,
        due_on=step.due_on,
        booking=step.booking,
        after=after,
    )
