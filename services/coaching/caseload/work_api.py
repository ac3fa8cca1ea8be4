"""HTTP: the work lists of a caseload or an organisation, as of a day."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from services.coaching import access
from services.coaching.caseload.cover import covered_by
from services.coaching.caseload.reading import Reach, Work, work
from services.coaching.domain.caseload.work import WorkList
from services.coaching.domain.command_fields import EARLIEST, LATEST
from services.coaching.domain.dates import london_day
from services.coaching.reading import Coach
from services.contracts.base import Actor, Uuid
from services.kernel.decision import Reason, Refused
from services.kernel.http import ReadSession
from services.kernel.http.cursors import Cursor, Limit, cursor_of, link_next, place_of
from services.kernel.http.parts import parts_of

router = APIRouter(tags=["caseload"])

AsOf = Annotated[
    date | None, Query(ge=EARLIEST, le=LATEST, description="The London day at whose end it is looked at; today.")
]
PLACE_PARTS: Final = 4


class WorkItem(BaseModel):
    """One thing to see to."""

    list: WorkList
    referral_id: Uuid
    coach: Actor | None
    away: Annotated[bool, Field(description="The plan's coach is away on that day.")]
    cover: Annotated[Actor | None, Field(description="Who stands in. Null although away: nobody does yet.")]
    since: Annotated[date, Field(description="The day from which it had to be seen to.")]
    due_on: Annotated[date | None, Field(description="The last day on which it is in time. Null: there is none.")]
    overdue: bool
    about: Annotated[Uuid | None, Field(description="The further referral or the letter that it is about.")]


@router.get("/caseload/work", summary="What is to be seen to as of a day")
async def work_items(
    request: Request,
    response: Response,
    _: ReadSession,
    who: Coach,
    list_: Annotated[list[WorkList] | None, Query(alias="list", description="Only these lists; all.")] = None,
    coach: Annotated[str | None, Query(max_length=64, description="Only this coach's; for team leads.")] = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> list[WorkItem]:
    """List what is due first first; ``Link`` names the next page.

    A coach sees of the plans that are theirs today, that they cover today or that nobody holds what they or whom they
    cover had to see to on that day; a team lead the organisation's.
    """
    parts = parts_of(request)
    today = london_day(parts.clock())
    day = as_of or today
    async with parts.pool.acquire() as connection:
        mine = frozenset({who.subject}) | await covered_by(connection, who.subject, today)
        may = None if who.role == access.TEAM_LEAD else mine
        reach = Reach(who.programme, who.organisation_id, coaches=may, today=may)
        if coach is not None:
            if may is not None and coach not in may:
                raise Refused(Reason("other_coach", "only a team lead sees another coach's lists"), status=403)
            reach = replace(reach, coaches=frozenset({coach}), free=False)
        wanted = None if list_ is None else frozenset(list_)
        found = await work(connection, parts.commands.policy, day, reach, wanted)
    place = place_of(cursor, PLACE_PARTS)
    rest = [one for one in found if place is None or one.place > place]
    if len(rest) > limit:
        link_next(request, response, cursor_of(*rest[limit - 1].place), as_of=day)
    return [_view(one) for one in rest[:limit]]


def _view(one: Work) -> WorkItem:
    return WorkItem.model_validate(one.as_dict())
