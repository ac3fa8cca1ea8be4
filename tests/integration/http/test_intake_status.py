"""The referrer's status view from real events, in whatever order the topics are read."""

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.contracts import types
from services.contracts.registry import EVENTS
from services.intake.referrals.examples import EMPLOYER_REFERRAL, GP_REFERRAL
from services.intake.service import build
from services.kernel.envelope import Envelope, to_headers
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from tests.integration.http.test_intake import ask, employer, gp, intake, keys, post, settings, stored

__all__ = ["ask", "employer", "gp", "intake", "keys", "settings", "stored"]

EXAMPLES = Path(__file__).parents[3] / "schemas" / "events"
NOW = datetime(2024, 12, 2, 9, 0, tzinfo=UTC)
_offsets = itertools.count()


@pytest.fixture
async def inbox(intake: FastAPI) -> Inbox:
    service = build()
    return Inbox(service, service.policy(), intake.state.parts.pool)


def record(offset: int, kind: str, case: str, referral_id: str, sequence: int, **fields: Any) -> Record:
    contract = EVENTS[kind]
    body = json.loads((EXAMPLES / contract.name / "examples" / "0.1" / f"{case}.pass.json").read_text())
    body.update(referral_id=referral_id, **fields)
    number = next(_offsets)
    envelope = Envelope(
        id=f"00000000-0000-5000-8000-{number:012d}",
        source=f"/pathway/{contract.producer}",
        type=kind,
        subject=referral_id,
        time=NOW,
        recordedtime=NOW,
        sequence=sequence,
        correlationid="c",
        causationid="00000000-0000-7000-8000-000000000000",
    )
    return Record(
        contract.topic, 0, offset, referral_id.encode(), json.dumps(body).encode(), to_headers(envelope.attributes())
    )


def story(referral_id: str) -> list[list[Record]]:
    """What three topics say of one referral, each in its own order."""
    triage = [
        record(0, types.TRIAGE_COMPLETED, "full", referral_id, 1, outcome="held", occurred_on="2024-11-18"),
        record(1, types.TRIAGE_ACKNOWLEDGED, "full", referral_id, 2, occurred_on="2024-11-19"),
    ]
    plan = [
        record(0, types.PLAN_UPDATED, "proposed", referral_id, 1, occurred_on="2024-11-19"),
        record(1, types.PLAN_UPDATED, "acknowledged", referral_id, 2, state="proposed", occurred_on="2024-11-20"),
        record(2, types.PLAN_UPDATED, "plan_agreed", referral_id, 3, state="agreed", occurred_on="2024-11-25"),
        record(3, types.PLAN_UPDATED, "step_started", referral_id, 4, state="active", occurred_on="2024-11-26"),
        record(4, types.PLAN_UPDATED, "closed", referral_id, 5, state="closed", occurred_on="2024-12-01"),
    ]
    outcome = [record(0, types.OUTCOME_RECORDED, "earned", referral_id, 1, effective_on="2024-11-26")]
    return [triage, plan, outcome]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_the_topics_may_come_in_any_order(gp: httpx.AsyncClient, inbox: Inbox, order: tuple[int, ...]) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    topics = story(made["referral_id"])
    for index in order:
        counts = await inbox.process(topics[index])
        assert counts.applied == len(topics[index])
    told = (await gp.get(made["links"]["self"])).json()
    assert told["status"] == "closed"
    received = told["history"].pop()
    assert received["status"] == "received"
    assert told["history"] == [
        {"status": "on_hold", "on": "2024-11-18"},
        {"status": "triaged", "on": "2024-11-19"},
        {"status": "acknowledged", "on": "2024-11-20"},
        {"status": "plan_agreed", "on": "2024-11-25"},
        {"status": "active", "on": "2024-11-26"},
        {"status": "closed", "on": "2024-12-01"},
    ]


async def test_an_employer_is_told_little_with_consent(employer: httpx.AsyncClient, inbox: Inbox) -> None:
    allowed = {"given": True, "on": "2024-11-20", "channel": "phone"}
    consents = {**EMPLOYER_REFERRAL["consents"], "share_with_employer": allowed}
    made = (await post(employer, {**EMPLOYER_REFERRAL, "consents": consents})).json()
    triage, plan, _ = story(made["referral_id"])
    await inbox.process(triage)
    assert (await employer.get(made["links"]["self"])).json()["status"] == "received"
    await inbox.process(plan)
    told = (await employer.get(made["links"]["self"])).json()
    assert sorted(step["status"] for step in told["history"]) == ["acknowledged", "closed", "received"]
    for word in ("hold", "triage", "plan", "active"):
        assert word not in json.dumps(told)


async def test_after_a_plan_has_closed_a_person_may_be_referred_again(gp: httpx.AsyncClient, inbox: Inbox) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    again = {**GP_REFERRAL, "referrer": {**GP_REFERRAL["referrer"], "reference": "GP-2"}}
    assert (await post(gp, again)).status_code == 409
    await inbox.process(story(made["referral_id"])[1])
    assert (await post(gp, again)).status_code == 201


async def test_a_command_on_a_referral_whose_events_wait_is_accepted_and_says_so(
    gp: httpx.AsyncClient, inbox: Inbox
) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    late = record(0, types.TRIAGE_ACKNOWLEDGED, "full", made["referral_id"], 2)
    assert (await inbox.process([late])).waiting == 1
    answer = await post(gp, {"reason": "changed_mind"}, made["links"]["withdrawal"])
    assert (answer.status_code, answer.json()["waiting"]) == (201, True)


async def test_money_of_a_whole_contract_is_read_over(gp: httpx.AsyncClient, inbox: Inbox, issuer: DevIssuer) -> None:
    fee = record(0, types.OUTCOME_RECORDED, "fee", "wwgm-manchester-big-life", 1)
    assert (await inbox.process([fee])).applied == 1
