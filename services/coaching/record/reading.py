"""What of a plan's record was taken back; its fit notes, opened, for the page that its GP gets."""

import contextlib

from sqlmodel import and_, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.coaching.caseload.store import PlanVersionRow
from services.coaching.domain.plan import Plan
from services.coaching.record.store import RecordRow
from services.contracts.plan_codes import ChangeKind
from services.contracts.plan_item import FitNote, SealedFitNote
from services.kernel.http.parts import Opener
from services.kernel.sealing.content import ContentErased


async def taken_back(session: AsyncSession, referral_id: str) -> dict[int, int]:
    """Return the versions of a plan that a coach took back, each with the version that did."""
    row = PlanVersionRow
    where = and_(col(row.referral_id) == referral_id, col(row.refers_to).is_not(None))
    found = await session.exec(select(row.refers_to, row.plan_version).where(where))
    return {wrong: by for wrong, by in found if wrong is not None}


async def fit_notes_of(session: AsyncSession, opener: Opener, plan: Plan) -> list[FitNote]:
    """Return the fit notes that stand; none of an erased person. Raises Refused 423 for a restricted one."""
    row = RecordRow
    where = and_(col(row.referral_id) == plan.referral_id, col(row.kind) == ChangeKind.FIT_NOTE_RECORDED.value)
    rows = (await session.exec(select(row).where(where).order_by(col(row.plan_version)))).all()
    wrong = await taken_back(session, plan.referral_id)
    sealed = [SealedFitNote.model_validate(one.sealed).fit_note for one in rows if one.plan_version not in wrong]
    await opener.unlock(plan.person_id, sealed)
    with contextlib.suppress(ContentErased):
        return [one.content for one in sealed]
    return []
