"""Referrals to feed the stages: what intake publishes for the synthetic people, under as many ids as wanted."""

import json
from datetime import UTC, datetime

from services.contracts.referral import ReferralCreated
from services.contracts.types import REFERRAL_CREATED
from services.demo.people import people
from services.demo.person import Kind
from services.intake.domain.posted import ReferralPosted
from services.intake.domain.referral import CREATE, CreateReferral
from services.intake.service import build
from services.kernel.decision import Command, Draft
from services.kernel.envelope import to_headers
from services.kernel.ids import uuid7
from services.kernel.runtime.fold import Lineage, attributes, encode, mint
from tests.parts.kafka_admin import Raw

NOW = datetime(2025, 7, 1, 9, 0, tzinfo=UTC)
SEED = 20241001


def templates() -> list[ReferralCreated]:
    """Return the ``referral.created`` of 300 synthetic people, decided by intake itself."""
    service = build()
    policy = service.policy()
    found = []
    for person in people(300, SEED):
        if person.kind is Kind.INVALID:
            continue
        data = CreateReferral(
            posted=ReferralPosted.model_validate_json(json.dumps(person.body)),
            person_id=uuid7(NOW),
            linked_referral=None,
            organisation_id=person.sender.organisation,
            organisation_kind=person.sender.organisation_kind,
        )
        command = Command(uuid7(NOW), CREATE, uuid7(NOW), data, person.sender.subject)
        found.append(service.decide(None, command, policy=policy, now=NOW)[0].data)
    return found


def referrals(count: int, topic: str) -> list[Raw]:
    """Return ``count`` records of ``referral.created``, each of a referral of its own."""
    service = build()
    made = templates()
    lineage = Lineage(NOW, uuid7(NOW))
    records = []
    for number in range(count):
        referral_id, command_id = uuid7(NOW), uuid7(NOW)
        data = made[number % len(made)].model_copy(update={"referral_id": referral_id})
        event = mint(service, [Draft(REFERRAL_CREATED, data)], referral_id, 0, command_id, NOW)[0]
        headers = dict(to_headers(attributes(service, event, command_id, lineage)))
        records.append(Raw(topic, encode(event), referral_id.encode(), headers=headers))
    return records
