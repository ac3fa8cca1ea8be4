"""Finance's commands over HTTP: who may, once each, what the ledger holds after them, and the auditor's replay."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime.records import Record
from services.kernel.settings import Environment, Settings
from services.outcomes.api import create_app
from services.outcomes.domain.ledger import fold_ledger
from services.outcomes.store import read_ledger
from tests.integration.outcomes.conftest import Feed
from tests.integration.outcomes.published import published, replayed
from tests.parts.databases import Database
from tests.unit.outcomes.histories import PROGRAMME, PROVIDER, Plan

NOW = datetime(2025, 6, 2, 9, tzinfo=UTC)
WHO = {
    "commissioner": {"org": "manchester", "organisation_kind": "nhs", "programme": PROGRAMME, "sub": "commissioner-1"},
    "provider_finance": {"org": PROVIDER, "organisation_kind": "provider", "programme": PROGRAMME, "sub": "finance-1"},
    "auditor": {"org": "nao", "organisation_kind": "nhs", "programme": PROGRAMME, "sub": "auditor-1"},
    "coach": {"org": PROVIDER, "organisation_kind": "provider", "programme": PROGRAMME, "sub": "coach-1"},
}


@pytest.fixture
def settings(outcomes: Database) -> Settings:
    return Settings(environment=Environment.DEVELOPMENT, database_url=SecretStr(outcomes.dsn))


@pytest.fixture
def issuer(settings: Settings) -> DevIssuer:
    return DevIssuer(settings)


@pytest.fixture
async def client(settings: Settings, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, issuer_transport=issuer.transport(), clock=lambda: NOW)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://api") as made:
        yield made


@pytest.fixture
async def plan(feed: Feed) -> Plan:
    made = Plan()
    await feed([made.session("2024-11-25"), made.session("2024-12-09")])
    return made


def as_(issuer: DevIssuer, role: str, key: str = "k1", **changed: str) -> dict[str, str]:
    return {**issuer.headers(role, **(WHO[role] | changed)), "Idempotency-Key": key}


async def entries(client: httpx.AsyncClient, issuer: DevIssuer, plan: Plan) -> list[dict[str, Any]]:
    answer = await client.get(
        "/ledger/entries", params={"referral": plan.referral_id}, headers=as_(issuer, "commissioner")
    )
    return list(answer.json())


async def claw_back(
    client: httpx.AsyncClient, plan: Plan, headers: dict[str, str], entry: str, pence: int | None = None, **changed: Any
) -> httpx.Response:
    body = {"entry": entry, "amount_pence": pence, "effective_on": "2025-03-03", "reason": "audit_finding"} | changed
    return await client.post(f"/referrals/{plan.referral_id}/clawbacks", json=body, headers=headers)


@pytest.mark.parametrize("role", ["commissioner", "provider_finance"])
async def test_a_part_is_taken_back_once_however_often_it_is_sent(
    client: httpx.AsyncClient, issuer: DevIssuer, plan: Plan, pool: asyncpg.Pool, role: str
) -> None:
    participant, _ = await entries(client, issuer, plan)
    for _ in range(2):
        answer = await claw_back(client, plan, as_(issuer, role), participant["entry_id"], 200)
        assert answer.status_code == 200, answer.text
        assert answer.json()["left_pence"] == 45000
    found = (await entries(client, issuer, plan))[-1]
    assert len(await entries(client, issuer, plan)) == 3
    assert (found["kind"], found["amount_pence"], found["reason"]) == ("clawback", -200, "audit_finding")
    assert (found["refers_to"], found["effective_on"]) == (participant["entry_id"], "2025-03-03")
    assert {p["account"]: p["amount_pence"] for p in found["postings"]} == {"cost": -200, "clawback": 200}
    async with pool.acquire() as connection:
        ledger = await read_ledger(connection)
    assert ledger.trial_balance() == 0
    assert ledger.differences(fold_ledger(await published(pool))) == []


async def test_the_auditors_replay_issues_the_commands_again(
    client: httpx.AsyncClient, issuer: DevIssuer, plan: Plan, pool: asyncpg.Pool, feed: Feed,
    outcomes: Database, fed: list[Record],
) -> None:  # fmt: skip
    first, second = await entries(client, issuer, plan)
    await claw_back(client, plan, as_(issuer, "commissioner", "a"), first["entry_id"], 200)
    await claw_back(client, plan, as_(issuer, "provider_finance", "b"), second["entry_id"])
    await feed([plan.corrected("2025-03-04", 1)])
    verdict = await replayed(outcomes, pool, fed)
    assert verdict.differences == []
    counts = verdict.services["outcomes"]
    assert (counts["decided_again"], counts["folded_only"]) == (5, 0)
    kinds = [(e["kind"], e["amount_pence"]) for e in await entries(client, issuer, plan)]
    assert kinds[-3:] == [("clawback", -200), ("clawback", -5000), ("reversal", -40000)]


@pytest.mark.parametrize("role", ["auditor", "coach"])
async def test_who_reads_only_takes_nothing_back(
    client: httpx.AsyncClient, issuer: DevIssuer, plan: Plan, role: str
) -> None:
    entry = (await entries(client, issuer, plan))[0]["entry_id"]
    assert (await claw_back(client, plan, as_(issuer, role), entry)).status_code == 403


@pytest.mark.parametrize(
    ("role", "changed"),
    [("provider_finance", {"org": "big-life"}), ("commissioner", {"programme": "workwell-frimley"})],
    ids=["another provider's finance", "another programme's commissioner"],
)
async def test_others_find_nothing(
    client: httpx.AsyncClient, issuer: DevIssuer, plan: Plan, role: str, changed: dict[str, str]
) -> None:
    entry = (await entries(client, issuer, plan))[0]["entry_id"]
    assert (await claw_back(client, plan, as_(issuer, role, **changed), entry)).status_code == 404


@pytest.mark.parametrize(
    ("pence", "changed", "status", "code"),
    [
        (40201, {}, 409, "more_than_is_left"),
        (1, {"effective_on": "2024-11-24"}, 422, "before_entry"),
        (1, {"effective_on": "2025-06-03"}, 422, "effective_in_future"),
        (1, {"entry": "0" * 8 + "-0000-0000-0000-" + "0" * 12}, 404, "entry_not_found"),
        (0, {}, 422, None),
        (1, {"reason": "because"}, 422, None),
    ],
)
async def test_what_may_not_be_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, issuer: DevIssuer, plan: Plan, pence: int, changed: dict[str, Any], status: int,
    code: str | None,
) -> None:  # fmt: skip
    before = await entries(client, issuer, plan)
    body = {"entry": before[0]["entry_id"]} | changed
    answer = await claw_back(client, plan, as_(issuer, "commissioner"), body.pop("entry"), pence, **body)
    assert answer.status_code == status, answer.text
    if code is not None:
        assert [error["code"] for error in answer.json()["errors"]] == [code]
    assert await entries(client, issuer, plan) == before


async def test_a_re_rating_by_the_same_card_changes_nothing_and_an_unknown_one_is_refused(
    client: httpx.AsyncClient, issuer: DevIssuer, plan: Plan
) -> None:
    before = await entries(client, issuer, plan)
    where = f"/referrals/{plan.referral_id}/re-ratings"
    body = {"card": "wwgm-manchester", "version": "2024.1", "reason": "wrong_card"}
    answer = await client.post(where, json=body, headers=as_(issuer, "commissioner"))
    assert (answer.status_code, answer.json()["entries"]) == (200, [])
    answer = await client.post(where, json=body | {"version": "2031.1"}, headers=as_(issuer, "commissioner", "k2"))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "card_unknown")
    assert (await client.post(where, json=body, headers=as_(issuer, "provider_finance"))).status_code == 403
    assert await entries(client, issuer, plan) == before
