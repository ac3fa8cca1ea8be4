"""What the API shows of a plan."""

import contextlib
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter

from services.coaching.additional import AdditionalReferral
from services.coaching.domain import guards
from services.coaching.domain.lifecycle import LIFECYCLE, Move
from services.coaching.domain.plan import Plan
from services.coaching.domain.policy import Terms
from services.coaching.domain.proposing import ProposalDifferences, Told
from services.coaching.store import NoteRow, PlanRow, RecommendationRow
from services.contracts.assessment import Assessment
from services.contracts.base import Actor, Ordinal, PolicyVersion, Slug, Uuid
from services.contracts.codes import Support, TriageOutcome
from services.contracts.plan_codes import ChangeKind, PlanState, StepState
from services.contracts.triage import Findings, Package, SealedFindings
from services.kernel.sealing.content import ContentErased, Sealed


class Done(BaseModel):
    """What a command did."""

    referral_id: Uuid
    plan_version: Ordinal
    state: PlanState
    events: list[Uuid]
    waiting: Annotated[bool, Field(description="Earlier events of this referral are missing: the state may be old.")]


class Recommendation(BaseModel):
    """One revision of triage's recommendation, with its reasons (null: the person's data are erased)."""

    revision: Ordinal
    outcome: TriageOutcome
    received_on: date
    package: Package
    alternatives: tuple[Support, ...]
    ruleset: PolicyVersion
    findings: Findings | None
    assessment: Assessment | None


class PlanView(Plan):
    """A plan, what its steps wait for, what may be asked of it, and the newest recommendation."""

    blocked: Annotated[dict[str, list[str]], Field(description="Open step -> the steps it waits for.")]
    ready: Annotated[list[str], Field(description="Planned steps that nothing blocks: these can start.")]
    moves: Annotated[list[ChangeKind], Field(description="The kinds of command that this state allows.")]
    support_until: Annotated[date | None, Field(description="End of the support, by the work status at referral.")]
    recommendation: Recommendation | None
    proposal_differences: Annotated[
        ProposalDifferences | None,
        Field(description="What triage says now beside what the coach confirmed. Null: no proposal and no hold."),
    ]
    additional_referrals: Annotated[
        list[AdditionalReferral], Field(description="Further referrals of the same person, the first first.")
    ]


class PlanSummary(BaseModel):
    """One plan in a list."""

    referral_id: Uuid
    programme: Slug
    locality: Slug | None
    provider: Slug | None
    coach: Actor | None
    state: PlanState
    plan_version: Ordinal
    held: bool
    proposal: bool
    referred_on: date
    changed_on: date
    started_on: date | None
    review_on: date | None
    closed_on: date | None


class PlanPage(BaseModel):
    """A page of plans, the earliest referral first; ``next`` is the cursor of the page after it."""

    plans: list[PlanSummary]
    next: str | None


class NoteView(BaseModel):
    """A coach's note."""

    event_id: Uuid
    plan_version: Ordinal
    written_by: Actor
    occurred_on: date
    text: Annotated[str | None, Field(description="Null: the person's data are erased.")]


_NOT_COMMANDS = frozenset({ChangeKind.PROPOSED, ChangeKind.HOLD_RELEASED})


def plan_view(
    plan: Plan,
    terms: Terms,
    recommendation: Recommendation | None,
    differences: ProposalDifferences | None,
    additional: list[AdditionalReferral],
) -> PlanView:
    """Return a plan for its coach."""
    waits = {step.step_id: guards.blocked_by(plan.plan, step) for step in plan.plan.steps}
    agreed_on = plan.plan.agreed_on
    work = plan.plan.work_at_referral or plan.work
    return PlanView.model_construct(
        **plan.__dict__,
        blocked={name: names for name, names in waits.items() if names},
        ready=[
            step.step_id
            for step in plan.plan.steps
            if step.state is StepState.PLANNED and not waits[step.step_id] and not plan.plan.held
        ],
        moves=[
            kind
            for kind, cells in LIFECYCLE.items()
            if isinstance(cells[plan.state], Move) and kind not in _NOT_COMMANDS
        ],
        support_until=agreed_on + timedelta(weeks=terms.length_weeks(work.status)) if agreed_on is not None else None,
        recommendation=recommendation,
        proposal_differences=differences,
        additional_referrals=additional,
    )


def sealed_in(row: RecommendationRow | None) -> SealedFindings | None:
    """Return what a recommendation holds sealed."""
    return None if row is None or row.sealed is None else SealedFindings.model_validate(row.sealed)


def recommendation(row: RecommendationRow | None, sealed: SealedFindings | None) -> Recommendation | None:
    """Return a recommendation for its coach; ``sealed`` with its key at hand."""
    if row is None:
        return None
    findings = assessment = None
    if sealed is not None:
        with contextlib.suppress(ContentErased):
            findings = sealed.findings.content
            assessment = None if sealed.assessment is None else sealed.assessment.content
    shown = row.model_dump(exclude={"referral_id", "sealed"})
    return Recommendation.model_validate({**shown, "findings": findings, "assessment": assessment}, strict=False)


_PACKAGE: TypeAdapter[Package] = TypeAdapter(Package)


def told(rows: Iterable[RecommendationRow]) -> dict[int, Told]:
    """Return what triage said, by revision."""
    return {
        row.revision: Told(TriageOutcome(row.outcome), _PACKAGE.validate_python(row.package, strict=False))
        for row in rows
    }


def note(row: NoteRow, text: Sealed[str]) -> NoteView:
    """Return a note, its key at hand."""
    try:
        content = text.content
    except ContentErased:
        content = None
    return NoteView.model_validate({**row.model_dump(), "text": content})


def summary(row: PlanRow) -> PlanSummary:
    """Return a plan for a list."""
    return PlanSummary.model_validate(row.model_dump())
