"""The reconciliation sees what must be seen: a penny, a lost record, an event that nobody would decide again."""

import json
from dataclasses import replace

import pytest

from services.contracts.types import TOPIC_OUTCOME, TOPIC_PLAN
from services.demo.reconcile import Reconciliation, compare, events_of
from services.demo.record import LostRange, Recorded, lost_ranges
from services.kernel.decision import Received
from services.kernel.envelope import Envelope, to_headers
from services.kernel.replay.command import Verdict
from services.kernel.replay.history import Difference
from services.kernel.runtime.fold import Aggregate, Lineage, Output, apply
from services.kernel.runtime.records import Record
from services.outcomes.domain.ledger import Ledger, fold_ledger
from services.outcomes.service import build
from tests.unit.outcomes.histories import NOW, Plan

SERVICE = build()
POLICY = SERVICE.policy()


def plan_record(cause: Received, offset: int) -> Recorded:
    envelope = Envelope(
        cause.id, "/pathway/coaching", cause.type, cause.key, NOW, NOW, cause.sequence, cause.id, cause.id
    )  # fmt: skip
    value = cause.data.model_dump_json().encode()
    headers = to_headers(envelope.attributes())
    return Recorded(Record(TOPIC_PLAN, 0, offset, cause.key.encode(), value, headers), 0.0)


@pytest.fixture(scope="module")
def records() -> list[Recorded]:
    """A person's plan and what outcomes made of it, as they lie in the topics."""
    plan = Plan()
    causes = [plan.session("2024-12-02"), plan.step("2024-12-10"), plan.session("2025-01-06"), plan.note("2025-01-07")]
    output, aggregate = Output(), Aggregate(plan.referral_id)
    for cause in causes:
        apply(SERVICE, POLICY, aggregate, cause, NOW, Lineage(NOW, cause.id), output)
    outcomes = [
        Recorded(
            Record(topic, 1, offset, key.encode(), value, to_headers(json.loads(attributes))), 0.0
        )
        for offset, (topic, key, _, _, _, attributes, value) in enumerate(output.outbox)
    ]  # fmt: skip
    return [*(plan_record(cause, offset) for offset, cause in enumerate(causes)), *outcomes]


@pytest.fixture
def ledger(records: list[Recorded]) -> Ledger:
    return fold_ledger(events_of(records, TOPIC_OUTCOME))


def reconciled(ledger: Ledger, records: list[Recorded]) -> Reconciliation:
    return compare(ledger, records, lost_ranges(records), Verdict())


def test_the_whole_truth_is_equal(ledger: Ledger, records: list[Recorded]) -> None:
    found = reconciled(ledger, records)
    assert found.equal
    assert found.transactions == 3


def test_a_record_that_came_twice_changes_nothing(ledger: Ledger, records: list[Recorded]) -> None:
    again = replace(records[-1], record=replace(records[-1].record, offset=records[-1].record.offset + 1))
    assert reconciled(ledger, [*records, again]).equal


def test_a_penny_in_the_ledger_is_seen(ledger: Ledger, records: list[Recorded]) -> None:
    place, line = next(iter(ledger.lines.items()))
    ledger.lines[place] = replace(line, amount_pence=line.amount_pence + 1)
    found = reconciled(ledger, records)
    assert not found.equal
    assert found.differences == [line.transaction_id]
    assert found.trial_balance_pence == 1


def test_an_entry_that_no_topic_holds_is_seen(ledger: Ledger, records: list[Recorded]) -> None:
    found = reconciled(ledger, records[:-1])
    assert not found.equal
    assert len(found.differences) == 1


def test_a_decision_that_is_not_made_again_is_seen(ledger: Ledger, records: list[Recorded]) -> None:
    other = Difference("triage", records[-1].attributes["subject"], 1, "other_value", "")
    assert not compare(ledger, records, [], Verdict(differences=[other])).equal


def test_a_lost_range_is_never_equal(ledger: Ledger, records: list[Recorded]) -> None:
    assert not compare(ledger, records, [LostRange(TOPIC_PLAN, 2, 0, 7)], Verdict()).equal
