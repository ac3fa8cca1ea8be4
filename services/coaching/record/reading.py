"""The fit notes of a plan, opened: for the page that its GP gets."""

import contextlib

from sqlmodel import and_, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.coaching.domain.plan import Plan
from services.coaching.record.store import RecordRow
from services.contracts.plan_codes import ChangeKind
from services.contracts.plan_item import FitNote, SealedFitNote
from services.kernel.http.parts import Opener
from services.kernel.sealing.content import ContentErased


async def fit_notes_of(session: AsyncSession, opener: Opener, plan: Plan) -> list[FitNote]:
    """Return the fit notes that were recorded; none of an erased person. Raises Refused 423 for a restricted one."""
    row = RecordRow
    where = and_(col(row.referral_id) == plan.referral_id, col(row.kind) == ChangeKind.FIT_NOTE_RECORDED.value)
    rows = (await session.exec(select(row).where(where).order_by(col(row.plan_version)))).all()
    sealed = [SealedFitNote.model_validate(one.sealed).fit_note for one in rows]
    await opener.unlock(plan.person_id, sealed)
    with contextlib.suppress(ContentErased):
        return [one.content for one in sealed]
    return []
