"""Who takes a plan takes a place: the coach's own aggregate is asked in the transaction that moves the plan.

Whichever command makes somebody the holder (assigned by name, or confirming a recommendation that nobody held) comes
here, so there is no way round the ceiling: not by way of a closed plan either, which takes no place, but needs a free
one to change hands. A coach whom nobody has registered has no ceiling. A plan that is opened again keeps its coach even
over the ceiling: a person does not wait for that.
"""

from typing import Final

from services.coaching.domain.caseload import work
from services.coaching.domain.caseload.asked import TAKE, TakePlan
from services.coaching.domain.caseload.coach import Coach, gone
from services.coaching.domain.plan import Plan
from services.kernel.decision import Command, Reason, Refused
from services.kernel.http import Principal
from services.kernel.runtime.commands import Executed, Transaction

ENDED: Final = tuple(sorted(state.value for state in work.ENDED))
"""The states in which a plan takes no place, as the tables hold them."""
_OPEN: Final = """
SELECT count(*) FROM plan WHERE coach = $1 AND referral_id <> $2 AND state <> ALL($3::text[])"""


async def take_place(tx: Transaction, who: Principal, before: Plan, after: Plan) -> Executed | None:
    """Record on the coach's aggregate that the plan was taken; None where nobody took it, or nobody registered them.

    Raises Refused 409 ``caseload_full``, ``coach_absent`` or ``coach_left``, 422 ``coach_elsewhere``; the plan's change
    is then undone with it.
    """
    coach = after.plan.coach
    if coach is None or coach == before.plan.coach:
        return None
    known = await tx.load(coach)
    if not isinstance(known, Coach):
        return None
    if known.provider != who.organisation_id:
        if gone(known):
            return None  # to this provider they are somebody whom nobody has registered
        message = "this coach works for another provider"
        raise Refused(Reason("coach_elsewhere", message, "/coach"), status=422)
    locked = await tx.lock([coach])
    asked = TakePlan(
        referral_id=after.referral_id,
        previous=before.plan.coach,
        open_plans=await tx.conn.fetchval(_OPEN, coach, after.referral_id, list(ENDED)),
        programme_ceiling=tx.policy.terms(after.programme).support.caseload_ceiling,
    )
    done = locked.execute(Command(tx.command_id, TAKE, coach, asked, actor=who.subject))
    await locked.save()
    return done
