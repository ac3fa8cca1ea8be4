"""HTTP: what was recorded of a plan over time."""

from fastapi import APIRouter, Request
from sqlmodel import col, select

from services.coaching.reading import Coach, ReferralId, plan_of
from services.coaching.record.reading import taken_back
from services.coaching.record.store import SCORES_FIELD, RecordRow, ScoreRow
from services.coaching.record.views import RecordView, record_view, sealed_in, token_of
from services.kernel.http import Open, ReadSession
from services.kernel.sealing.content import sealed_text

router = APIRouter(tags=["plans"])


@router.get("/plans/{referral_id}/record", summary="What was recorded of a plan over time")
async def record(
    referral_id: ReferralId, session: ReadSession, opener: Open, who: Coach, request: Request
) -> RecordView:
    """Return work, fit notes with their gaps and overlaps, barriers, bookings, adjustments, employers and reviews.

    For the plan's coach and team leads, as the plan itself.
    """
    plan = await plan_of(request, session, who, referral_id)
    rows = (await session.exec(select(RecordRow).where(col(RecordRow.referral_id) == referral_id))).all()
    kept = (await session.exec(select(ScoreRow).where(col(ScoreRow.referral_id) == referral_id))).all()
    sealed = {row.plan_version: part for row in rows if (part := sealed_in(row)) is not None}
    scores = {row.plan_version: sealed_text(row.scores, SCORES_FIELD) for row in kept}
    await opener.unlock(plan.person_id, [*map(token_of, sealed.values()), *scores.values()])
    return record_view(plan, rows, sealed, scores, await taken_back(session, referral_id))
