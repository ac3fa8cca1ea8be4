"""Intake's composition root, and the rows that follow from each change."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from services.contracts import types
from services.contracts.codes import EligibilityOutcome
from services.contracts.referral import ReferralCreated, ReferralWithdrawn
from services.contracts.registry import EVENTS
from services.intake import consents, persons
from services.intake.domain.consent import WITHDRAW as WITHDRAW_CONSENTS
from services.intake.domain.consent import consent_facts
from services.intake.domain.policy import IntakePolicy, london_day
from services.intake.domain.referral import CREATE, WITHDRAW, CreateReferral, Referral, decide, evolve, subject
from services.intake.domain.status import Fact, Status, facts_of
from services.intake.people import match_keys
from services.intake.places import load_places
from services.intake.store import ADDITIONAL_INFORMATION, DETAILS, PERSON, REFERRAL, STATUS
from services.kernel.decision import Event, Received
from services.kernel.service import Change, Row, Service
from services.programmes.reader import FOLDER, load_book

NAME = "intake"
STATUSES = frozenset({types.TRIAGE_COMPLETED, types.TRIAGE_ACKNOWLEDGED, types.PLAN_UPDATED, types.OUTCOME_RECORDED})


def build(programmes: Path | None = None) -> Service:
    """Return the service. ``programmes`` is the folder of programme files (None: those of this package)."""
    return Service(
        name=NAME,
        registry=EVENTS,
        inputs=(types.TOPIC_TRIAGE, types.TOPIC_PLAN, types.TOPIC_OUTCOME, types.TOPIC_PERSON),
        output=types.TOPIC_REFERRAL,
        handles=STATUSES | persons.HANDLES,
        state=Referral,
        decide=decide,
        evolve=evolve,
        policy=lambda: IntakePolicy(load_book(programmes or FOLDER), load_places()),
        project=project,
        tables=(PERSON, REFERRAL, DETAILS, STATUS, consents.CONSENT, persons.LOCK, persons.SCRUB, persons.JOIN),
        derived=(STATUS, consents.CONSENT),
        subject=subject,
        despite_restriction=frozenset({CREATE, WITHDRAW, WITHDRAW_CONSENTS}),
        reapplied=frozenset({types.TOPIC_PERSON}),
    )


def project(change: Change) -> Iterable[Row]:
    """Return the rows of a change: the person and the referral as posted, and what became of it."""
    cause = change.cause
    if isinstance(cause, Received):
        if cause.type in persons.HANDLES:
            yield from persons.rows(cause)
            return
        for fact in facts_of(cause.sequence, cause.data):
            yield _status(change.key, fact)
        if cause.type == types.PLAN_UPDATED:
            said = consent_facts(cause.id, cause.occurred_at, cause.data)
            yield from consents.rows(change.key, types.TOPIC_PLAN, cause.sequence, said)
        return
    data = cause.data if cause is not None else None  # no cause: folded again from the log
    for event in change.events:
        if isinstance(event.data, ReferralCreated) and isinstance(data, CreateReferral):
            yield from _posted(data, event.data, change.seal)
        for fact in _own_facts(event):
            yield _status(change.key, fact)
        said = consent_facts(event.id, event.occurred_at, event.data)
        yield from consents.rows(change.key, types.TOPIC_REFERRAL, event.sequence, said)


def _own_facts(event: Event) -> Iterable[Fact]:
    data = event.data
    if isinstance(data, ReferralCreated):
        day = london_day(data.received_at)
        yield Fact(types.TOPIC_REFERRAL, event.sequence, Status.RECEIVED, day)
        if data.eligibility.outcome is EligibilityOutcome.REVIEW:
            yield Fact(types.TOPIC_REFERRAL, event.sequence, Status.ELIGIBILITY_REVIEW, day)
    elif isinstance(data, ReferralWithdrawn):
        yield Fact(types.TOPIC_REFERRAL, event.sequence, Status.WITHDRAWN, data.occurred_on)


def _status(referral_id: str, fact: Fact) -> Row:
    return STATUS, (referral_id, fact.topic, fact.sequence, fact.status.value, fact.on)


def _posted(data: CreateReferral, event: ReferralCreated, seal: Callable[[str, str], str]) -> Iterable[Row]:
    posted, person = data.posted, data.posted.person
    said = posted.additional_information
    keys = match_keys(person)
    yield PERSON, (event.person_id, keys.nhs_number, keys.name_key, event.received_at)
    referrer = posted.referrer
    yield (
        REFERRAL,
        (
            event.referral_id,
            event.person_id,
            event.programme.id,
            event.programme.version,
            data.organisation_id,
            data.organisation_kind,
            referrer.reference if referrer else None,
            referrer.ods_code if referrer else None,
            referrer.name if referrer else None,
            event.linked_referral,
            None if said is None else seal(said, ADDITIONAL_INFORMATION),
            event.received_at,
        ),
    )
    contact = person.contact.model_dump_json(exclude_none=True) if person.contact else None
    yield (
        DETAILS,
        (
            event.referral_id,
            person.nhs_number,
            person.family_name,
            person.given_name,
            person.birth_date,
            person.sex,
            person.ethnic_category,
            person.postcode,
            person.registered_gp_ods,
            contact,
            person.language,
            json.dumps(list(person.accessible_needs)),
        ),
    )
