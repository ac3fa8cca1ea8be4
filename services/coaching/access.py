"""Who may see and move which plan: a coach their own caseload and whose they cover, a team lead the organisation's."""

from collections.abc import Set as AbstractSet
from typing import Final

from services.coaching.domain.plan import Plan
from services.kernel.decision import Reason, Refused
from services.kernel.http import Principal

COACH = "coach"
TEAM_LEAD = "team_lead"

NOBODY: Final[AbstractSet[str]] = frozenset()
NOT_FOUND = Reason("plan_not_found", "there is no plan of this referral")


def of_organisation(who: Principal, *, programme: str, provider: str | None) -> bool:
    """Tell whether a plan belongs to the sender's programme and provider.

    A provider's organisation id is its id in the programme file. A plan without a provider yet may be
    taken up by any provider of its programme.
    """
    return who.programme == programme and provider in {None, who.organisation_id}


def in_caseload(who: Principal, coach: str | None, covered: AbstractSet[str] = NOBODY) -> bool:
    """Tell whether the sender may act: a team lead always, a coach on their own plans, on free ones, on those covered.

    ``covered``: the coaches for whom the sender stands in today.
    """
    return who.role == TEAM_LEAD or coach in {None, who.subject} or coach in covered


def refuse_stranger(who: Principal, plan: object, covered: AbstractSet[str] = NOBODY) -> Plan:
    """Return the plan, for reading. Raises Refused 404, for another's plan as for none: it tells nobody which."""
    if (
        not isinstance(plan, Plan)
        or not of_organisation(who, programme=plan.programme.id, provider=plan.provider)
        or not in_caseload(who, plan.plan.coach, covered)
    ):
        raise Refused(NOT_FOUND, status=404)
    return plan


def refuse_bystander(
    who: Principal, plan: object, expected_version: int | None, covered: AbstractSet[str] = NOBODY
) -> Plan:
    """Return the plan, for a command. Raises Refused for another's: 404 outside the organisation, 403 within it.

    A coach who lost a race for a free plan is told so instead: their If-Match is stale, which the decision
    answers with 409 and the current version.
    """
    if not isinstance(plan, Plan) or not of_organisation(who, programme=plan.programme.id, provider=plan.provider):
        raise Refused(NOT_FOUND, status=404)
    if not in_caseload(who, plan.plan.coach, covered) and expected_version in {None, plan.plan_version}:
        raise Refused(Reason("other_coach", "another coach holds this plan"), status=403)
    return plan
