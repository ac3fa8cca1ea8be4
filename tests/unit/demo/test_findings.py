"""What the report says of latency and statements; a fault in either is seen."""

import copy
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.contracts.types import TOPIC_TRIAGE, TRIAGE_COMPLETED
from services.demo.areas import MANCHESTER
from services.demo.client import Reply
from services.demo.findings import handed_over, latencies, opened, richest, triage_mix
from services.demo.follow import Follower
from services.demo.person import Kind, Person, Sender
from services.demo.play import Played, Posted
from services.demo.record import Recorded
from services.demo.statements import faults_of
from services.kernel.runtime.records import Record
from services.kernel.sealing.content import KeyMissing
from services.kernel.sealing.errors import SealInvalid
from services.kernel.sealing.subject_key import SubjectKey
from services.kernel.sealing.tokens import seal
from tests.parts.keys import key_of

SENDER = Sender("someone", "P84001", "nhs", MANCHESTER.programme)


def posted(number: int, *, idle: bool) -> Posted:
    person = Person(number, Kind.USUAL, "gp", "other", date(2025, 1, 6), MANCHESTER, SENDER, {})
    return Posted(person, Reply(201, {"referral_id": str(number)}), at=100.0, idle=idle)


def test_latency_is_by_nearest_rank_and_never_negative() -> None:
    played = Played(posted=[posted(number, idle=False) for number in range(1, 101)])
    follower = Follower(Path("unused"), first_triage={str(n): 100.0 + n / 1000 for n in range(1, 101)})
    follower.first_triage["1"] = 99.0
    found = latencies(played, follower, idle=False)
    assert found is not None
    assert (found.count, round(found.p50), round(found.p99)) == (100, 50, 99)
    first = latencies(Played(posted=played.posted[:1]), follower, idle=False)
    assert first is not None
    assert first.p50 == 0


def test_latency_leaves_out_the_other_phase_and_what_was_never_triaged() -> None:
    played = Played(posted=[posted(1, idle=True), posted(2, idle=False), posted(3, idle=True)])
    found = latencies(played, Follower(Path("unused"), first_triage={"1": 100.2, "2": 100.9}), idle=True)
    assert found is not None
    assert found.count == 1
    assert latencies(Played(), Follower(Path("unused")), idle=True) is None


def triaged(**reasons: int) -> Follower:
    """A follower who has seen decisions with so many reasons, sealed for their persons."""
    follower = Follower(Path("unused"))
    for referral_id, count in reasons.items():
        person = f"person-{referral_id}"
        said = {"urgency": "soon" if count > 1 else "routine", "reasons": [{"rule": "R1", "code": "c"}] * count}
        sealed = {"findings": seal(said, key_of(person), "findings"), "assessment": None}
        follower.triage[referral_id] = {
            "person_id": person, "outcome": "recommended", "package": [{"support": "gp"}], "sealed": sealed,
        }  # fmt: skip
    return follower


def keys_for(follower: Follower) -> dict[str, SubjectKey]:
    return {data["person_id"]: key_of(data["person_id"]) for data in follower.triage.values()}


def test_what_triage_found_is_opened_with_each_persons_key() -> None:
    follower = triaged(a=1, b=3, c=2)
    found = opened(follower, keys_for(follower))
    assert triage_mix(follower, found)["urgency"] == {"soon": 2, "routine": 1}
    assert richest(follower, found) == "b"


def test_findings_that_cannot_be_opened_are_no_findings() -> None:
    follower = triaged(a=1, b=1)
    keys = keys_for(follower)
    with pytest.raises(KeyMissing):
        opened(follower, {"person-a": keys["person-a"]})
    follower.triage["a"]["sealed"] = follower.triage["b"]["sealed"]
    with pytest.raises(SealInvalid):
        opened(follower, keys)


def month(name: str, opening: int, lines: int, contract: str = "c1") -> dict[str, Any]:
    closing = opening + lines
    return {
        "contract": contract,
        "month": name,
        "opening_pence": opening,
        "closing_pence": closing,
        "lines_pence": lines,
    }


def account(name: str, balance: int, contract: str = "c1") -> dict[str, Any]:
    return {"contract": contract, "account": name, "balance_pence": balance}


STATEMENTS: list[dict[str, Any]] = [
    {"provider": "p1", "months": [month("2024-11", 0, 40200), month("2024-12", 40200, 5000)]},
    {"provider": "p2", "months": [month("2024-12", 0, 5000, "c2")]},
]
BALANCE: dict[str, Any] = {
    "total_pence": 0,
    "accounts": [account("accrued", -45200), account("cost", 45200), account("accrued", -5000, "c2")],
}


def test_statements_that_agree_have_no_fault() -> None:
    assert faults_of(STATEMENTS, BALANCE, closed=False) == []


@pytest.mark.parametrize(
    ("provider", "place", "name", "pence", "fault"),
    [
        (0, 1, "opening_pence", 40199, "c1 2024-12 opens with 40199, the month before closed with 40200"),
        (0, 0, "opening_pence", 1, "c1 2024-11 opens with 1, the month before closed with 0"),
        (1, 0, "lines_pence", 4999, "c2 2024-12: lines and totals do not agree"),
        (1, 0, "closing_pence", 5001, "c2: statements say 5001 pence, the ledger 5000"),
    ],
)
def test_a_penny_is_seen(provider: int, place: int, name: str, pence: int, fault: str) -> None:
    wrong = copy.deepcopy(STATEMENTS)
    wrong[provider]["months"][place][name] = pence
    assert fault in faults_of(wrong, BALANCE, closed=False)


def test_an_accrual_without_a_statement_is_seen() -> None:
    assert faults_of(STATEMENTS[:1], BALANCE, closed=False) == ["c2: statements say 0 pence, the ledger 5000"]


def test_a_month_that_was_closed_and_is_not_sealed_is_seen() -> None:
    wrong = copy.deepcopy(STATEMENTS)
    for month, root in zip((m for provider in wrong for m in provider["months"]), ("x", None, "x"), strict=True):
        month["sealed"] = root and {"root": root}
    assert faults_of(wrong, BALANCE, closed=True) == ["c1 2024-12 is not sealed"]


def test_a_trial_balance_that_is_not_0_is_seen() -> None:
    assert faults_of(STATEMENTS, {**BALANCE, "total_pence": 1}, closed=False) == ["the trial balance is 1 pence, not 0"]


def test_who_was_handed_over_and_never_triaged_there_is_seen() -> None:
    """Triaged as an additional referral of the same programme does not count."""
    follower = Follower(Path("unused"))
    for number, (key, linked, programme) in enumerate((("n1", "a", "early-help"), ("n2", "b", "workwell"))):
        data = {"linked_referral": linked, "programme": {"id": programme}}
        headers = (("ce_type", TRIAGE_COMPLETED.encode()),)
        record = Record(TOPIC_TRIAGE, 0, number, key.encode(), json.dumps(data).encode(), headers)
        follower.records.append(Recorded(record, 1.0))
    for key, to in (("a", "early-help"), ("b", "early-help"), ("c", "early-help"), ("d", None)):
        follower.plans[key] = {"plan": {"handed_over_to": to}}
    assert handed_over(follower) == {"a": True, "b": False, "c": False}
