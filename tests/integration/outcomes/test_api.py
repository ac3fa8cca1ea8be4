"""Statements, trial balance and entries over HTTP: what each role sees, and that the totals follow."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from services.contracts.plan_codes import EvidenceKind
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.settings import Environment, Settings
from services.outcomes.api import create_app
from tests.integration.outcomes.conftest import Feed
from tests.parts.databases import Database
from tests.unit.outcomes.histories import CONTRACT, NOW, PROGRAMME, PROVIDER, Plan, evidence

TOTALS = ("earned_pence", "fees_pence", "reversed_pence", "capped_pence", "paid_pence")


@pytest.fixture
def settings(outcomes: Database) -> Settings:
    return Settings(environment=Environment.DEVELOPMENT, database_url=SecretStr(outcomes.dsn))


@pytest.fixture
def issuer(settings: Settings) -> DevIssuer:
    return DevIssuer(settings)


@pytest.fixture
async def client(settings: Settings, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, issuer_transport=issuer.transport())
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://api") as made:
        yield made


@pytest.fixture
def commissioner(issuer: DevIssuer) -> dict[str, str]:
    return issuer.headers("commissioner", org="manchester", organisation_kind="nhs", programme=PROGRAMME)


def finance(issuer: DevIssuer, org: str = PROVIDER) -> dict[str, str]:
    return issuer.headers("provider_finance", org=org, organisation_kind="provider", programme=PROGRAMME)


async def statement(client: httpx.AsyncClient, headers: dict[str, str], month: str, **more: str) -> dict[str, Any]:
    answer = await client.get("/statements", params={"provider": PROVIDER, "month": month} | more, headers=headers)
    assert answer.status_code == 200, answer.text
    [found] = answer.json()
    return dict(found)


async def test_a_statement_has_every_field_and_its_totals_follow_from_its_lines(
    client: httpx.AsyncClient, commissioner: dict[str, str], feed: Feed
) -> None:
    plan = Plan()
    await feed([plan.session("2024-11-25"), plan.session("2024-12-02"), plan.work("2024-12-20")])
    await feed([plan.evidence("2025-01-05", evidence(EvidenceKind.PAYSLIP, "2025-01-04")), plan.step("2024-12-16")])
    found = await statement(client, commissioner, "2024-12")
    assert (found["provider"], found["contract"], found["programme"]) == (PROVIDER, CONTRACT, PROGRAMME)
    assert (found["month"], found["effective"], found["currency"]) == ("2024-12", "2024-12-31", "GBP")
    assert (found["opening_pence"], found["closing_pence"], found["payable_pence"]) == (40200, 50200, 50200)
    assert [found[name] for name in TOTALS] == [10000, 0, 0, 0, 0]
    assert found["sealed"] is None
    assert [(line["milestone"], line["kind"], line["amount_pence"]) for line in found["lines"]] == [
        ("engagement", "earned", 5000),
        ("engagement", "earned", 5000),
        ("work_outcome", "claimable", 0),
        ("work_outcome", "earned", 0),
    ]
    first = found["lines"][0]
    assert first.keys() == {
        "entry_id", "referral_id", "milestone", "occurrence", "effective_on", "evidence", "rate_card",
        "amount_pence", "kind", "reason", "payable_pence", "treatment",
    }  # fmt: skip
    assert first["reason"] == "attended_session"
    own = {"kind": "attendance_record", "obtained_on": "2024-12-02", "reference": "plan/2"}
    assert first["evidence"] == [{**own, "obtained_by": "coach-1", "sha256": None}]
    assert (first["rate_card"]["id"], first["rate_card"]["version"]) == ("wwgm-manchester", "2024.1")
    closing = found["opening_pence"] + sum(line["amount_pence"] for line in found["lines"])
    assert closing == found["closing_pence"]


async def test_one_month_opens_where_the_other_closed(
    client: httpx.AsyncClient, commissioner: dict[str, str], feed: Feed
) -> None:
    plan = Plan()
    await feed([plan.session("2024-11-30"), plan.session("2024-12-01"), plan.session("2025-01-31")])
    await feed([plan.corrected("2025-02-03", 2)])
    months = [await statement(client, commissioner, month) for month in ("2024-11", "2024-12", "2025-01", "2025-02")]
    assert [m["opening_pence"] for m in months] == [0, 40200, 40200, 45200]
    assert [m["closing_pence"] for m in months] == [40200, 40200, 45200, 45200]
    assert (months[1]["earned_pence"], months[1]["reversed_pence"]) == (5000, 5000)
    assert months[3]["lines"] == []


async def test_the_two_axes(client: httpx.AsyncClient, commissioner: dict[str, str], feed: Feed) -> None:
    plan = Plan()
    await feed([plan.session("2024-12-02"), plan.session("2024-12-20")])
    assert (await statement(client, commissioner, "2024-12", effective="2024-12-19"))["closing_pence"] == 40200
    assert (await statement(client, commissioner, "2024-12", effective="2024-12-20"))["closing_pence"] == 45200
    known = NOW.isoformat()
    assert (await statement(client, commissioner, "2024-12", known_at=known))["closing_pence"] == 45200
    before = {"provider": PROVIDER, "month": "2024-12", "known_at": "2024-12-31T23:59:59Z"}
    assert (await client.get("/statements", params=before, headers=commissioner)).json() == []


async def test_a_statement_for_each_contract(client: httpx.AsyncClient, issuer: DevIssuer, feed: Feed) -> None:
    for contract in (CONTRACT, "wwgm-manchester-big-life"):
        plan = Plan(contract, contract=contract)
        await feed([plan.session("2024-12-02")])
    params = {"provider": PROVIDER, "month": "2024-12"}
    found = (await client.get("/statements", params=params, headers=finance(issuer))).json()
    assert [one["contract"] for one in found] == ["wwgm-manchester-big-life", CONTRACT]
    assert [one["closing_pence"] for one in found] == [40200, 40200]


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"provider": PROVIDER, "month": "2024-13"}, 422, "malformed"),
        ({"provider": PROVIDER}, 422, "required"),
        ({"provider": PROVIDER, "month": "2024-12", "effective": "2025-01-01"}, 422, "effective_outside_month"),
        ({"provider": PROVIDER, "month": "2024-12", "known_at": "2024-12-01T00:00:00"}, 422, "invalid_time"),
        ({"provider": PROVIDER, "month": "2024-12", "known_at": "0001-01-01T00:00:00+14:00"}, 422, "invalid_value"),
    ],
)
async def test_what_cannot_be_asked(
    client: httpx.AsyncClient, commissioner: dict[str, str], params: dict[str, str], status: int, code: str
) -> None:
    answer = await client.get("/statements", params=params, headers=commissioner)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)


async def test_the_trial_balance_is_zero(client: httpx.AsyncClient, commissioner: dict[str, str], feed: Feed) -> None:
    plan = Plan()
    await feed([plan.session("2024-12-02"), plan.session("2024-12-10"), plan.corrected("2024-12-11", 2)])
    found = (await client.get("/ledger/trial-balance", headers=commissioner)).json()
    assert found == {
        "currency": "GBP",
        "accounts": [
            {"contract": CONTRACT, "account": "accrued",
             "debit_pence": 5000, "credit_pence": 45200, "balance_pence": -40200},
            {"contract": CONTRACT, "account": "cost",
             "debit_pence": 45200, "credit_pence": 5000, "balance_pence": 40200},
        ],
        "total_pence": 0,
        "balanced": True,
    }  # fmt: skip


async def test_the_entries_of_a_referral_tell_its_history(
    client: httpx.AsyncClient, commissioner: dict[str, str], feed: Feed
) -> None:
    plan = Plan()
    await feed([plan.session("2024-12-02"), plan.corrected("2024-12-11", 1), plan.work("2024-12-12")])
    answer = await client.get("/ledger/entries", params={"referral": plan.referral_id}, headers=commissioner)
    earned, reversal = answer.json()
    assert (earned["kind"], reversal["kind"]) == ("earned", "reversal")
    assert reversal["refers_to"] == earned["entry_id"]
    assert [(p["account"], p["amount_pence"]) for p in earned["postings"]] == [("cost", 40200), ("accrued", -40200)]
    assert [(p["account"], p["amount_pence"]) for p in reversal["postings"]] == [("cost", -40200), ("accrued", 40200)]


READS = [
    ("/statements", {"provider": PROVIDER, "month": "2024-12"}),
    ("/ledger/trial-balance", {}),
    ("/ledger/entries", {"referral": Plan().referral_id}),
]


def anything(found: Any) -> bool:
    return bool(found["accounts"] if isinstance(found, dict) else found)


@pytest.mark.parametrize(("path", "params"), READS)
async def test_who_sees_what(
    client: httpx.AsyncClient, issuer: DevIssuer, feed: Feed, path: str, params: dict[str, str]
) -> None:
    await feed([Plan().session("2024-12-02")])

    async def ask(headers: dict[str, str]) -> httpx.Response:
        return await client.get(path, params=params, headers=headers)

    for seeing in (
        finance(issuer),
        issuer.headers("commissioner", programme=PROGRAMME),
        issuer.headers("auditor", programme="any"),
    ):
        assert anything((await ask(seeing)).json())
    stranger = await ask(finance(issuer, "big-life"))
    assert stranger.status_code == 403 or not anything(stranger.json())
    assert not anything((await ask(issuer.headers("commissioner", programme="elsewhere"))).json())
    assert not anything((await ask(issuer.headers("provider_finance", org=PROVIDER, programme="elsewhere"))).json())
    assert (await ask(issuer.headers("coach", programme=PROGRAMME))).status_code == 403
    assert (await ask({})).status_code == 401


async def test_another_provider_s_statement_is_refused(client: httpx.AsyncClient, issuer: DevIssuer) -> None:
    params = {"provider": PROVIDER, "month": "2024-12"}
    answer = await client.get("/statements", params=params, headers=finance(issuer, "big-life"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_your_provider")
