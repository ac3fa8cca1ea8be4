"""HTTP: the employers that Working Well in work works with, what was done with them, and a report."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import BaseModel, WrapValidator
from starlette.responses import JSONResponse

from services.contracts.employer_codes import Sector, SizeBand
from services.intake.domain.employer_asked import CHANGE, REGISTER, CommandPosted, EmployerPosted, RegisterEmployer
from services.intake.employers.examples import COMMAND_EXAMPLES, REGISTER_EXAMPLES
from services.intake.employers.finding import (
    Reader,
    Writer,
    activities_of,
    commitments_of,
    page_of,
    reachable,
    refuse_employers,
    sees,
    unknown,
)
from services.intake.employers.report import EmployersReport, report
from services.intake.employers.store import EmployerNameRow, EmployerRow
from services.intake.referrals.reading import as_sent, read_strictly
from services.kernel.decision import Command, Reason, Refused
from services.kernel.http import Answer, Once, ReadSession
from services.kernel.http.cursors import Cursor, Limit, after_day, cursor_of, link_next
from services.kernel.http.exchange import exchange_of
from services.kernel.ids import uuid7
from services.kernel.runtime.commands import Transaction

router = APIRouter(tags=["employers"])


class EmployerSummary(BaseModel):
    """What an employer is; null = not asked."""

    employer_id: str
    programme: str
    state: str
    registered_on: date
    left_on: date | None
    legal_form: str
    size: str | None
    sector: str | None
    occupational_health: str | None


class CommitmentView(BaseModel):
    """A commitment that was made (or ended) on a day."""

    commitment: str
    made: bool
    on: date


class ActivityView(BaseModel):
    """An activity; ``struck``: why it does not count."""

    number: int
    activity: str
    on: date
    employees_reached: int
    struck: str | None


class EmployerView(EmployerSummary):
    """An employer with its name, where one is held, and all that was recorded."""

    name: str | None
    commitments: list[CommitmentView]
    activities: list[ActivityView]


@router.post("/employers", status_code=201, response_model=None)
async def register(
    request: Request,
    body: Annotated[EmployerPosted, WrapValidator(as_sent), Body(openapi_examples=REGISTER_EXAMPLES)],
    once: Once,
    who: Writer,
) -> JSONResponse:
    """Register an employer with the programme. A sole trader's or a partnership's name is a person's: it is refused."""
    refuse_employers(who)
    raw = exchange_of(request.scope).body

    async def handle(tx: Transaction) -> Answer:
        employer_id = uuid7(tx.now)
        data = RegisterEmployer(programme=who.programme, posted=read_strictly(raw, EmployerPosted))
        done = await tx.execute(Command(tx.command_id, REGISTER, employer_id, data, who.subject))
        here = f"/employers/{employer_id}"
        answer = {
            "employer_id": employer_id,
            "state": done.state.state.value,
            "links": {"self": here, "commands": f"{here}/commands"},
        }
        return Answer(201, answer, location=here)

    return await once(handle)


@router.post("/employers/{employer_id}/commands", status_code=201, response_model=None)
async def command(
    employer_id: str,
    request: Request,
    body: Annotated[CommandPosted, WrapValidator(as_sent), Body(openapi_examples=COMMAND_EXAMPLES)],
    once: Once,
    who: Writer,
) -> JSONResponse:
    """Record something of an employer. An illegal move answers 409 with a code and changes nothing."""
    refuse_employers(who)
    raw = exchange_of(request.scope).body

    async def handle(tx: Transaction) -> Answer:
        await reachable(tx, employer_id, who)
        asked = read_strictly(raw, CommandPosted).root
        done = await tx.execute(Command(tx.command_id, CHANGE, employer_id, asked, who.subject))
        event = done.events[0].data
        number = getattr(event.change, "number", None)
        more = {} if number is None else {"number": number}
        return Answer(201, {"employer_id": employer_id, "state": event.state.value, **more})

    return await once(handle)


@router.get("/employers/report")
async def read_report(
    session: ReadSession,
    who: Reader,
    first: Annotated[date, Query(alias="from", description="The first day.")],
    last: Annotated[date, Query(alias="to", description="The last day.")],
) -> EmployersReport:
    """Count a period's employers by size, sector, occupational health, commitments and activities. Nobody is in it."""
    refuse_employers(who)
    if first > last:
        raise Refused(Reason("period_backwards", "the first day is after the last"), status=422)
    programme = None if who.role == "auditor" else who.programme

    async def rows(query: str) -> Sequence[Mapping[str, Any]]:
        connection = await session.connection()
        found = await connection.exec_driver_sql(query, (first, last, programme))
        return [dict(row) for row in found.mappings()]

    return await report(rows, first, last, programme)


@router.get("/employers/{employer_id}")
async def read(employer_id: str, session: ReadSession, who: Reader) -> EmployerView:
    """Return an employer with all that was recorded of it."""
    refuse_employers(who)
    row = await session.get(EmployerRow, employer_id)
    if row is None or not sees(who, row.programme):
        raise unknown()
    named = await session.get(EmployerNameRow, employer_id)
    return EmployerView(
        **_summary(row).model_dump(),
        name=None if named is None else named.name,
        commitments=[
            CommitmentView(commitment=one.commitment, made=one.made, on=one.on)
            for one in await commitments_of(session, employer_id)
        ],
        activities=[
            ActivityView(
                number=one.number,
                activity=one.activity,
                on=one.on,
                employees_reached=one.employees_reached,
                struck=struck,
            )
            for one, struck in await activities_of(session, employer_id)
        ],
    )


@router.get("/employers")
async def find(
    request: Request,
    response: Response,
    session: ReadSession,
    who: Reader,
    size: Annotated[SizeBand | None, Query()] = None,
    sector: Annotated[Sector | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> list[EmployerSummary]:
    """List the programme's employers by the day of their registration; ``Link`` names the next page."""
    refuse_employers(who)
    rows = await page_of(session, who, size, sector, after=after_day(cursor), limit=limit + 1)
    if len(rows) > limit:
        last = rows[limit - 1]
        link_next(request, response, cursor_of(last.registered_on.isoformat(), last.employer_id))
    return [_summary(row) for row in rows[:limit]]


def _summary(row: EmployerRow) -> EmployerSummary:
    return EmployerSummary(**row.model_dump(include=set(EmployerSummary.model_fields)))
