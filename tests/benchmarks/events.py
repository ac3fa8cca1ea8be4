"""Referrals to feed the stages: what intake publishes for the synthetic people, under as many ids as wanted.

Everybody has a key of their own, as in life: a batch needs as many keys as it has referrals.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from services.contracts.referral import ReferralCreated, SealedAssessment
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
from services.kernel.sealing.content import Sealed
from services.kernel.sealing.keyring import Keys
from services.kernel.sealing.subject_key import KeyFound
from tests.parts.kafka_admin import Raw

NOW = datetime(2025, 7, 1, 9, 0, tzinfo=UTC)
SEED = 20241001
AT_ONCE = 5_000
"""Keys made or fetched in one statement; a vault must answer within seconds."""


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
            invited=person.route == "provider",
        )
        command = Command(uuid7(NOW), CREATE, uuid7(NOW), data, person.sender.subject)
        found.append(service.decide(None, command, policy=policy, now=NOW)[0].data)
    return found


def people_ids(count: int) -> list[str]:
    """Return as many pseudonyms as wanted."""
    return [uuid7(NOW) for _ in range(count)]


async def made_keys(keys: Keys, subjects: Sequence[str]) -> dict[str, KeyFound]:
    """Make a key for everybody and return the keys, in bulk."""
    found: dict[str, KeyFound] = {}
    for chunk in (subjects[start : start + AT_ONCE] for start in range(0, len(subjects), AT_ONCE)):
        await keys.create(chunk)
        found |= await keys.get(chunk)
    return found


def referrals(topic: str, keys: Mapping[str, KeyFound]) -> list[Raw]:
    """Return a record of ``referral.created`` for each of these people, sealed under their key as intake seals it."""
    service = build()
    made = templates()
    lineage = Lineage(NOW, uuid7(NOW))
    records = []
    for number, (person_id, key) in enumerate(keys.items()):
        referral_id, command_id = uuid7(NOW), uuid7(NOW)
        template = made[number % len(made)]
        given = template.sealed.assessment
        sealed = SealedAssessment(assessment=None if given is None else Sealed.of(given.content))
        changed = {"referral_id": referral_id, "person_id": person_id, "sealed": sealed}
        drafts = [Draft(REFERRAL_CREATED, template.model_copy(update=changed))]
        event = mint(service, drafts, referral_id, 0, command_id, NOW)[0]
        headers = dict(to_headers(attributes(service, event, command_id, lineage)))
        records.append(Raw(topic, encode(event, key, person_id), referral_id.encode(), headers=headers))
    return records
