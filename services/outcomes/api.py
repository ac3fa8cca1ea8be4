"""HTTP: statements, trial balance and the entries of a referral; acts of finance and of settlement beside them."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from pydantic import AwareDatetime, BaseModel

from services.contracts.base import Uuid
from services.kernel.http import Principal, Problem, ReadSession, create_api, require
from services.kernel.http.bounds import KnownMoment
from services.kernel.http.parts import parts_of
from services.kernel.settings import Settings
from services.outcomes import reading
from services.outcomes.access import scope_of
from services.outcomes.domain.months import MONTH_PATTERN, month_of
from services.outcomes.domain.statement import Statement, StatementLine
from services.outcomes.finance_api import router as finance_router
from services.outcomes.service import build
from services.outcomes.settlement.api import router as settlement_router
from services.programmes.reader import FOLDER, load_book

router = APIRouter()

Reader = Annotated[Principal, require("provider_finance", "commissioner", "auditor")]


class AccountBalance(BaseModel):
    """One account of one contract, in pence; ``balance_pence`` is positive on the debit side."""

    contract: str
    account: str
    debit_pence: int
    credit_pence: int
    balance_pence: int


class TrialBalance(BaseModel):
    """Every account that the reader may see; ``total_pence`` is 0, or the ledger is wrong."""

    currency: str = "GBP"
    accounts: list[AccountBalance]
    total_pence: int
    balanced: bool


class LedgerPosting(BaseModel):
    """One side of an entry, in pence; positive on the debit side."""

    account: str
    amount_pence: int


class LedgerEntry(StatementLine):
    """An entry with what it posted. ``refers_to``: the entry reversed, or the claim now earned."""

    provider: str
    contract: str
    refers_to: str | None
    known_at: AwareDatetime
    postings: list[LedgerPosting]


@router.get("/statements")
async def read_statements(
    session: ReadSession,
    who: Reader,
    request: Request,
    provider: Annotated[str, Query(max_length=80, description="The provider's id in the programme file.")],
    month: Annotated[str, Query(pattern=MONTH_PATTERN, description="The month, as 2024-11.")],
    effective: Annotated[date | None, Query(description="Last effective day counted; the month's last.")] = None,
    known_at: Annotated[KnownMoment | None, Query(description="Facts recorded until then; until now.")] = None,
) -> list[Statement]:
    """Return a provider's statements of one month, one for each of its contracts with any entry until then."""
    scope = scope_of(who)
    if scope.provider not in {None, provider}:
        raise Problem(403, "not_your_provider", "you may read the statements of your own organisation only")
    first, last = month_of(month)
    until = effective or last
    if not first <= until <= last:
        raise Problem(422, "effective_outside_month", f"effective must be a day of {month}")
    known: datetime = known_at or parts_of(request).clock()
    return await reading.statements(session, scope, provider, month, until, known)


@router.get("/ledger/trial-balance")
async def read_trial_balance(session: ReadSession, who: Reader) -> TrialBalance:
    """Return debits and credits of each account; their difference over all is 0."""
    accounts = [
        AccountBalance(
            contract=contract,
            account=account,
            debit_pence=debited,
            credit_pence=credited,
            balance_pence=debited - credited,
        )
        for contract, account, debited, credited in await reading.balances(session, scope_of(who))
    ]
    total = sum(account.balance_pence for account in accounts)
    return TrialBalance(accounts=accounts, total_pence=total, balanced=total == 0)


@router.get("/ledger/entries")
async def read_entries(
    session: ReadSession, who: Reader, referral: Annotated[Uuid, Query(description="The referral's id.")]
) -> list[LedgerEntry]:
    """Return what a referral has earned, with the lines that each entry posted."""
    return [
        LedgerEntry(
            **reading.line_of(entry).model_dump(),
            provider=entry.provider,
            contract=entry.contract,
            refers_to=str(entry.refers_to) if entry.refers_to else None,
            known_at=entry.known_at,
            postings=[LedgerPosting(account=line.account, amount_pence=line.amount_pence) for line in lines],
        )
        for entry, lines in await reading.entries_of(session, scope_of(who), referral)
    ]


def create_app(settings: Settings, **options: Any) -> FastAPI:
    """Return outcomes' API. ``options`` go to the HTTP base (a clock, an issuer for tests)."""
    made = create_api(
        build(settings.programmes_dir),
        settings,
        routers=[router, finance_router, settlement_router],
        title="Pathway outcomes",
        description="What providers have earned: statements, ledger, trial balance.",
        **options,
    )
    made.state.programmes = load_book(settings.programmes_dir or FOLDER)
    return made
