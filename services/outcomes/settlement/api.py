"""HTTP: what is done with a closed statement, its page, its columns, its payment file."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.contracts.base import Code, Uuid
from services.kernel.decision import Reason, Refused
from services.kernel.http import Answer, Once, Principal, Problem, ReadSession, require
from services.kernel.http.bounds import KnownMoment
from services.kernel.http.parts import parts_of
from services.kernel.operations.audit import OperationRefused
from services.kernel.runtime.commands import Transaction
from services.outcomes import reading
from services.outcomes.access import scope_of
from services.outcomes.domain.months import MONTH_PATTERN, month_of
from services.outcomes.domain.statement import Statement
from services.outcomes.settlement import page
from services.outcomes.settlement.acts import account_of, act
from services.outcomes.settlement.columns import statement_csv
from services.outcomes.settlement.payment_file import again, export
from services.outcomes.settlement.proving import prove
from services.programmes.book import ProgrammeBook

router = APIRouter(tags=["settlement"])

Reader = Annotated[Principal, require("provider_finance", "commissioner", "auditor")]
Actor = Annotated[Principal, require("provider_finance", "commissioner")]
Payer = Annotated[Principal, require("commissioner", "auditor")]
Contract = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="The contract's id.")]
Month = Annotated[str, Path(pattern=MONTH_PATTERN, description="The month, as 2024-11.")]
ProviderId = Annotated[str, Query(max_length=80, description="The provider's id in the programme file.")]
MonthAsked = Annotated[str, Query(pattern=MONTH_PATTERN, description="The month, as 2024-11.")]
Effective = Annotated[date | None, Query(description="Last effective day counted; the month's last.")]
KnownAt = Annotated[KnownMoment | None, Query(description="Facts recorded until then; until now.")]


class _Act(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SubmitStatement(_Act):
    """The provider hands the statement in."""

    kind: Literal["submit"]


class ApproveStatement(_Act):
    """The commissioner approves it; never who handed it in."""

    kind: Literal["approve"]


class QueryLine(_Act):
    """The commissioner holds one line back."""

    kind: Literal["query"]
    entry_id: Uuid
    reason: Code


class ReleaseLine(_Act):
    """The commissioner lets a held line go."""

    kind: Literal["release"]
    entry_id: Uuid
    reason: Code


class ExportStatement(_Act):
    """The payable lines leave in a payment file; never by who approved it."""

    kind: Literal["export"]


StatementAct = Annotated[
    SubmitStatement | ApproveStatement | QueryLine | ReleaseLine | ExportStatement, Field(discriminator="kind")
]


class StatementStands(BaseModel):
    """How far a statement has come after an act, and the events that the act led to."""

    contract: str
    month: str
    stage: str
    held: list[str]
    events: list[str]


@router.post("/statements/{contract}/{month}/commands", response_model=StatementStands, summary="Hand a statement on")
async def do_with_statement(
    contract: Contract, month: Month, body: StatementAct, once: Once, who: Actor, request: Request
) -> Response:
    """Submit, approve, query, release or export a closed statement. A wrong move answers 409 with a code."""
    book = _book(request)
    if body.kind == "export":
        await _refuse_differences(request)

    async def handle(tx: Transaction) -> Answer:
        state, _ = await account_of(tx, contract, month)
        _refuse_stranger(who, state.programme, state.provider, body.kind)
        if body.kind == "export":
            await export(tx, book, contract, month, who.subject)
        else:
            fields = body.model_dump(exclude={"kind"})
            await act(tx, body.kind, contract, month, who.subject, **fields)
        state, found = await account_of(tx, contract, month)
        events = [row[3] for row in tx.output.outbox]
        stands = {"contract": contract, "month": month, "stage": found.stage.value, "held": list(found.held)}
        return Answer(200, {**stands, "events": events})

    return await once(handle)


def _refuse_stranger(who: Principal, programme: str, provider: str, kind: str) -> None:
    if who.programme != programme or (who.role == "provider_finance" and who.organisation_id != provider):
        raise Problem(404, "not_closed", "there is no such statement that you may see")
    if (kind == "submit") != (who.role == "provider_finance"):
        needed = "the provider's finance" if kind == "submit" else "the commissioner"
        raise Problem(403, "role_not_allowed", f"that is for {needed}")


async def _refuse_differences(request: Request) -> None:
    async with parts_of(request).pool.acquire() as connection:
        proof = await prove(connection)
    if not proof.equal:
        raise Refused(Reason("books_differ", f"nothing is paid while the books differ: {proof.differences[0]}"))


def _book(request: Request) -> ProgrammeBook:
    found: ProgrammeBook = request.app.state.programmes
    return found


@router.get("/statements/{contract}/{month}/payment-file", summary="A payment file, again")
async def read_payment_file(contract: Contract, month: Month, who: Payer, request: Request) -> Response:
    """Return the payment file of an exported statement, byte for byte as it was made."""
    book = _book(request)
    async with parts_of(request).pool.acquire() as connection:
        programme = await connection.fetchval(
            "SELECT programme FROM statement WHERE contract = $1 AND month = $2", contract, month
        )
        if programme is None or scope_of(who).programme not in {None, programme}:
            raise Problem(404, "not_closed", "there is no such statement that you may see")
        try:
            made = await again(connection, book, contract, month)
        except OperationRefused as refused:
            raise Problem(409, refused.code, str(refused)) from refused
    name = f'attachment; filename="{contract}-{month}.csv"'
    headers = {"Content-Disposition": name, "Cache-Control": "no-store", "X-Content-SHA256": made.sha256}
    return Response(made.content, media_type="text/csv", headers=headers)


async def _statements(
    session: ReadSession, who: Principal, request: Request, provider: str, month: str, effective: date | None,
    known_at: KnownMoment | None,
) -> list[Statement]:  # fmt: skip
    scope = scope_of(who)
    if scope.provider not in {None, provider}:
        raise Problem(403, "not_your_provider", "you may read the statements of your own organisation only")
    first, last = month_of(month)
    until = effective or last
    if not first <= until <= last:
        raise Problem(422, "effective_outside_month", f"effective must be a day of {month}")
    return await reading.statements(session, scope, provider, month, until, known_at or parts_of(request).clock())


@router.get("/statements/page", summary="A provider's statements, to print")
async def read_page(
    session: ReadSession, who: Reader, request: Request, provider: ProviderId, month: MonthAsked,
    effective: Effective = None, known_at: KnownAt = None,
) -> Response:  # fmt: skip
    """Return the statements of a month as one HTML page for screen and A4 paper."""
    found = await _statements(session, who, request, provider, month, effective, known_at)
    text = page.render(found, _book(request))
    return Response(text, media_type="text/html; charset=utf-8", headers=page.security_headers())


@router.get("/statements/table", summary="A provider's statements as columns")
async def read_table(
    session: ReadSession, who: Reader, request: Request, provider: ProviderId, month: MonthAsked,
    effective: Effective = None, known_at: KnownAt = None,
) -> Response:  # fmt: skip
    """Return the lines of the statements of a month as CSV, each statement's totals below its lines."""
    found = await _statements(session, who, request, provider, month, effective, known_at)
    headers = {"Content-Disposition": f'attachment; filename="statement-{month}.csv"', "Cache-Control": "no-store"}
    return Response(statement_csv(found), media_type="text/csv", headers=headers)
