"""From a sealed statement to what a bank has paid, over HTTP and from files."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime.commands import Commands
from services.kernel.settings import Environment, Settings
from services.outcomes.api import create_app
from services.outcomes.settlement.closing import close
from services.outcomes.settlement.proving import prove
from services.outcomes.settlement.remittance import COLUMNS, bring_in
from services.programmes.book import ProgrammeBook
from tests.integration.outcomes.conftest import Feed
from tests.integration.outcomes.settlement.conftest import LATE
from tests.parts.databases import Database
from tests.unit.outcomes.histories import CONTRACT, PROGRAMME, PROVIDER, Plan

Do = Callable[..., Awaitable[httpx.Response]]
MONTH = "2024-11"


@pytest.fixture
async def client(outcomes: Database, issuer: DevIssuer, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, issuer_transport=issuer.transport())
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://api") as made:
        yield made


@pytest.fixture
def settings(outcomes: Database) -> Settings:
    return Settings(environment=Environment.DEVELOPMENT, database_url=SecretStr(outcomes.dsn))


@pytest.fixture
def issuer(settings: Settings) -> DevIssuer:
    return DevIssuer(settings)


@pytest.fixture
def do(client: httpx.AsyncClient, issuer: DevIssuer) -> Do:
    number = 0

    async def run(who: str, kind: str, month: str = MONTH, **fields: str) -> httpx.Response:
        nonlocal number
        number += 1
        role = "provider_finance" if who.startswith("finance") else "commissioner"
        org, organisation_kind = (PROVIDER, "provider") if role == "provider_finance" else ("manchester", "nhs")
        if who == "finance-other":
            org = "big-life"
        headers = issuer.headers(role, sub=who, org=org, organisation_kind=organisation_kind, programme=PROGRAMME) | {
            "Idempotency-Key": f"{number}"
        }
        body = {"kind": kind} | fields
        return await client.post(f"/statements/{CONTRACT}/{month}/commands", json=body, headers=headers)

    return run


@pytest.fixture
async def closed(commands: Commands, book: ProgrammeBook, feed: Feed) -> list[str]:
    """November is closed over a participant and an engagement; returns their entries' ids."""
    plan = Plan()
    await feed([plan.session("2024-11-19"), plan.session("2024-11-26")])
    for month in ("2024-10", MONTH):
        await close(commands, book, PROGRAMME, month, by="ann", confirm=True)
    async with commands.pool.acquire() as connection:
        rows = await connection.fetch(
            "SELECT entry_id FROM settlement_line WHERE contract = $1 ORDER BY number", CONTRACT
        )
    return [str(row["entry_id"]) for row in rows]


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def stage(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["stage"])


async def paid_file(client: httpx.AsyncClient, issuer: DevIssuer) -> httpx.Response:
    headers = issuer.headers("commissioner", org="manchester", organisation_kind="nhs", programme=PROGRAMME)
    return await client.get(f"/statements/{CONTRACT}/{MONTH}/payment-file", headers=headers)


async def test_the_whole_way(
    do: Do, client: httpx.AsyncClient, issuer: DevIssuer, closed: list[str], commands: Commands, pool: asyncpg.Pool
) -> None:
    assert stage(await do("finance-1", "submit")) == "submitted"
    assert stage(await do("commissioner-1", "approve")) == "approved"
    assert stage(await do("commissioner-2", "export")) == "exported"
    file = await paid_file(client, issuer)
    again = await paid_file(client, issuer)
    assert file.content == again.content
    assert [row.split(",")[-1] for row in file.text.splitlines()] == ["payable_pence", "40200", "5000"]
    heading = ",".join(COLUMNS)
    digest = file.headers["X-Content-SHA256"]
    other = [heading, f"{CONTRACT},{MONTH},{'0' * 64},BACS-1,2024-12-20,40000"]
    assert faults(await bring_in(commands, other, by="ann", confirm=True)) == [(2, "other_file")]
    lines = [heading, f"{CONTRACT},{MONTH},{digest},BACS-1,2024-12-20,40000"]
    first = await bring_in(commands, lines, by="ann", confirm=True)
    assert (first.posted, first.amount_pence, first.faults) == (1, 40000, [])
    lines.append(f"{CONTRACT},{MONTH},{digest},BACS-2,2024-12-27,5200")
    second = await bring_in(commands, lines, by="ann", confirm=True)
    assert (second.posted, second.known, second.faults) == (1, 1, [])
    state = await pool.fetchval("SELECT state ->> 'months' FROM aggregate WHERE key = $1", CONTRACT)
    assert '"stage":"paid"' in state.replace(" ", "")
    rows = await pool.fetch("SELECT account, sum(amount_pence)::bigint AS p FROM ledger_line GROUP BY 1")
    assert {row["account"]: row["p"] for row in rows} == {"cost": 45200, "accrued": 0, "payable": 0, "paid": -45200}
    async with pool.acquire() as connection:
        assert (await prove(connection)).differences == []


async def test_two_acts_need_two_persons(do: Do, closed: list[str]) -> None:
    assert stage(await do("finance-1", "submit")) == "submitted"
    assert stage(await do("commissioner-1", "approve")) == "approved"
    assert code(await do("commissioner-1", "export")) == (409, "second_person_needed")


@pytest.mark.parametrize(
    ("who", "kind", "expected"),
    [
        ("commissioner-1", "submit", (403, "role_not_allowed")),
        ("finance-1", "approve", (403, "role_not_allowed")),
        ("finance-1", "export", (403, "role_not_allowed")),
        ("finance-other", "submit", (404, "not_closed")),
    ],
)
async def test_who_may_do_what(do: Do, closed: list[str], who: str, kind: str, expected: tuple[int, str]) -> None:
    assert code(await do(who, kind)) == expected


async def test_a_queried_line_is_held_alone_until_it_is_released(
    do: Do, client: httpx.AsyncClient, issuer: DevIssuer, closed: list[str], pool: asyncpg.Pool,
    commands: Commands, book: ProgrammeBook,
) -> None:  # fmt: skip
    await do("finance-1", "submit")
    held = await do("commissioner-1", "query", entry_id=closed[0], reason="evidence_unclear")
    assert held.json()["held"] == [closed[0]]
    assert code(await do("commissioner-1", "query", entry_id=closed[0], reason="x")) == (409, "already_held")
    unknown = await do("commissioner-1", "query", entry_id="0192f1a0-5b1c-5d2e-9f3a-4b5c6d7e8f90", reason="x")
    assert code(unknown) == (404, "line_unknown")
    await do("commissioner-1", "approve")
    assert stage(await do("commissioner-2", "export")) == "exported"
    assert [row.split(",")[8] for row in (await paid_file(client, issuer)).text.splitlines()[1:]] == [closed[1]]
    assert (await do("commissioner-1", "release", entry_id=closed[0], reason="seen")).json()["held"] == []
    await close(commands, book, PROGRAMME, "2024-12", by="ann", confirm=True)
    await do("finance-1", "submit", "2024-12")
    await do("commissioner-1", "approve", "2024-12")
    assert stage(await do("commissioner-2", "export", "2024-12")) == "exported"
    rows = await pool.fetch("SELECT entry_id, month FROM payment_line ORDER BY month")
    assert [(str(row["entry_id"]), row["month"]) for row in rows] == [(closed[1], MONTH), (closed[0], "2024-12")]


async def test_the_statement_shows_its_seal_and_both_axes(
    client: httpx.AsyncClient, issuer: DevIssuer, closed: list[str]
) -> None:
    headers = issuer.headers("auditor", programme="any")
    params = {"provider": PROVIDER, "month": MONTH}
    [sealed] = (await client.get("/statements", params=params, headers=headers)).json()
    assert sealed["sealed"]["closed_at"] == LATE.isoformat().replace("+00:00", "Z")
    assert [line["treatment"] for line in sealed["lines"]] == ["payable", "payable"]
    [part] = (await client.get("/statements", params=params | {"effective": "2024-11-20"}, headers=headers)).json()
    assert (part["sealed"], part["closing_pence"]) == (None, 40200)
    page = await client.get("/statements/page", params=params, headers=headers)
    assert "£452.00" in page.text
    assert sealed["sealed"]["root"] in page.text
    table = await client.get("/statements/table", params=params, headers=headers)
    assert table.text.count("\n") == 1 + 2 + 8 + 1


async def test_nothing_leaves_while_the_books_differ(do: Do, closed: list[str], outcomes: Database) -> None:
    await do("finance-1", "submit")
    await do("commissioner-1", "approve")
    connection = await asyncpg.connect(outcomes.admin_dsn)
    try:
        await connection.execute("ALTER TABLE ledger_transaction DISABLE TRIGGER refuses_change")
        await connection.execute("UPDATE ledger_transaction SET provider = 'other' WHERE id = $1", closed[1])
    finally:
        await connection.close()
    answer = await do("commissioner-2", "export")
    assert code(answer) == (409, "books_differ")
    assert closed[1] in answer.text


def faults(found: Any) -> list[tuple[int, str]]:
    return sorted((fault.line, fault.code) for fault in found.faults)


async def test_a_remittance_file_says_all_its_faults_at_once(commands: Commands, closed: list[str]) -> None:
    digest = "0" * 64
    lines = [
        ",".join(COLUMNS),
        f"{CONTRACT},{MONTH},{digest},A,2024-11-20,1",
        f"{CONTRACT},2024-13,{digest},!,2099-01-01,1.50",
        "a,b",
        f"{CONTRACT},2025-02,{digest},A,2024-11-20,1",
    ]
    found = await bring_in(commands, lines, by="ann", confirm=True)
    assert faults(found) == [
        (2, "not_exported"), (3, "no_amount"), (3, "no_day"), (3, "no_month"), (3, "no_reference"),
        (4, "wrong_columns"), (5, "not_closed"),
    ]  # fmt: skip
    assert faults(await bring_in(commands, ["x"], by="ann", confirm=True)) == [(1, "wrong_heading")]
