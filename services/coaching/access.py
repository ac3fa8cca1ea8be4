"""Who may see and move which plan: a coach their own caseload, a team lead all of their organisation."""

from services.coaching.domain.plan import Plan
from services.kernel.decision import Reason, Refused
from services.kernel.http import Principal

COACH = "coach"
TEAM_LEAD = "team_lead"

NOT_FOUND = Reason("plan_not_found", "there is no plan of this referral")


def of_organisation(who: Principal, *, programme: str, provider: str | None) -> bool:
    """Tell whether a plan belongs to the sender's programme and provider.

    A provider's organisation id is its id in the programme file. A plan without a provider yet may be
    taken up by any provider of its programme.
    """
    return who.programme == programme and provider in {None, who.organisation_id}


def in_caseload(who: Principal, coach: str | None) -> bool:
    """Tell whether the sender may act: a team lead always, a coach on their own plans and on free ones."""
    return who.role == TEAM_LEAD or coach in {None, who.subject}


def refuse_stranger(who: Principal, plan: Plan | None) -> Plan:
    """Return the plan, for reading. Raises Refused 404, for another's plan as for none: it tells nobody which."""
    if (
        plan is None
        or not of_organisation(who, programme=plan.programme.id, provider=plan.provider)
        or not in_caseload(who, plan.plan.coach)
    ):
        raise Refused(NOT_FOUND, status=404)
    return plan


def refuse_bystander(who: Principal, plan: Plan | None, expected_version: int | None) -> None:
    """Refuse a command on another's plan: 404 outside the organisation, 403 within it.

    A coach who lost a race for a free plan is told so instead: their If-Match is stale, which the decision
    answers with 409 and the current version.
    """
    if plan is None or not of_organisation(who, programme=plan.programme.id, provider=plan.provider):
        raise Refused(NOT_FOUND, status=404)
    if not in_caseload(who, plan.plan.coach) and expected_version in {None, plan.plan_version}:
        raise Refused(Reason("other_coach", "another coach holds this plan"), status=403)
