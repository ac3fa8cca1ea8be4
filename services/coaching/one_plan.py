"""Nobody has two plans that earn for the same days: looked at when a plan is taken up, and when it is opened again.

Intake makes the referral of somebody who has an open one additional, which earns nothing. It cannot know of a plan that
is closed and will be opened again, nor that one was opened a moment ago: coaching, which opens it, looks itself.
"""

from typing import Final

from services.coaching.caseload.taking import ENDED
from services.coaching.domain.commands import ConfirmRecommendation, OverrideRecommendation, PlanCommand, ReopenPlan
from services.coaching.domain.plan import Plan
from services.kernel.decision import Reason, Refused
from services.kernel.runtime.commands import Transaction

_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('person|' || $1, 0))"
_OTHER: Final = """
SELECT programme FROM plan
WHERE person_id = $1 AND referral_id <> $2 AND programme = ANY($3::text[]) AND NOT additional
    AND state <> ALL($4::text[])
ORDER BY referred_on, referral_id LIMIT 1
"""


async def refuse_second(tx: Transaction, command: PlanCommand, before: Plan, after: Plan) -> None:
    """Raise Refused 409 ``other_plan_open`` where the person has another open plan that is paid for the same days.

    Two commands on two plans of one person come one after the other, so neither misses the other. A plan that is
    additional to another earns nothing: it neither refuses nor is refused.
    """
    if not _begins(command, before) or after.plan.additional:
        return
    await tx.conn.execute(_LOCK, after.person_id)
    programmes = sorted(tx.policy.book.overlapping(after.programme.id, command.occurred_on))
    found = await tx.conn.fetchval(_OTHER, after.person_id, after.referral_id, programmes, list(ENDED))
    if found is not None:
        message = (
            f"the person has another open plan, in {found}, and is not paid for twice; go on with that one, or have it "
            "closed first"
        )
        raise Refused(Reason("other_plan_open", message))


def _begins(command: PlanCommand, before: Plan) -> bool:
    """Tell whether from this command on a plan can earn: when it is opened again, and when it is first confirmed."""
    if isinstance(command, ConfirmRecommendation | OverrideRecommendation):
        return before.plan.confirmed_revision is None
    return isinstance(command, ReopenPlan)
