"""Intake's composition root, and the rows that follow from each change."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from services.contracts import types
from services.contracts.referral import ReferralCreated
from services.contracts.registry import EVENTS
from services.intake.consents import history as consents
from services.intake.contact import holders
from services.intake.domain import handed_over
from services.intake.domain.aggregates import State, decide, evolve, reissue, subject
from services.intake.domain.consent import WITHDRAW as WITHDRAW_CONSENTS
from services.intake.domain.consent import consent_facts
from services.intake.domain.correction import CorrectReferral
from services.intake.domain.evaluation import standing_answers
from services.intake.domain.invitation_asked import DECLINE
from services.intake.domain.policy import IntakePolicy
from services.intake.domain.referral import CREATE, WITHDRAW, CreateReferral
from services.intake.domain.status import Fact, facts_of, own_facts
from services.intake.eligibility import reviews
from services.intake.employers import store as employer_store
from services.intake.invitations import store as invitation_store
from services.intake.people import changed as persons
from services.intake.people import details, handovers, near_matches
from services.intake.people.recognising import identity
from services.intake.places.loader import load_places
from services.intake.store import ADDITIONAL_INFORMATION, CORRECTED, DETAILS, LINKED, PERSON, REFERRAL, STATUS
from services.intake.word_back import owed as word_back
from services.kernel.decision import Event, Received
from services.kernel.service import Change, Row, Service
from services.programmes.reader import FOLDER, load_book, register_of
from services.programmes.register import load_areas
from services.safety.watch import look_of

NAME = "intake"
STATUSES = frozenset({types.TRIAGE_COMPLETED, types.TRIAGE_ACKNOWLEDGED, types.PLAN_UPDATED, types.OUTCOME_RECORDED})


_OTHER_KINDS = {types.INVITATION_UPDATED: invitation_store.rows, types.EMPLOYER_UPDATED: employer_store.rows}


def build(programmes: Path | None = None, places: Path | None = None) -> Service:
    """Return the service. ``programmes``, ``places``: folders of programme files and tables of places (None: ours)."""
    folder = programmes or FOLDER
    return Service(
        name=NAME,
        registry=EVENTS,
        inputs=(types.TOPIC_TRIAGE, types.TOPIC_PLAN, types.TOPIC_OUTCOME, types.TOPIC_PERSON),
        output=types.TOPIC_REFERRAL,
        handles=STATUSES | persons.HANDLES,
        state=State,
        decide=decide,
        evolve=evolve,
        policy=lambda: IntakePolicy(load_book(folder), load_areas(register_of(folder)), load_places(places)),
        project=project,
        tables=(
            *(PERSON, REFERRAL, DETAILS, STATUS, consents.CONSENT, persons.LOCK, persons.SCRUB, persons.JOIN),
            *(near_matches.NEAR_MATCH, word_back.WORD, reviews.REVIEW, CORRECTED, LINKED),
            *(holders.HOLDER, handovers.BEGOTTEN),
            *invitation_store.TABLES,
            *employer_store.TABLES,
        ),
        derived=(STATUS, consents.CONSENT, reviews.REVIEW, invitation_store.INVITATION, *employer_store.DERIVED),
        reissue=reissue,
        subject=subject,
        despite_restriction=frozenset({CREATE, WITHDRAW, WITHDRAW_CONSENTS, DECLINE}),
        reapplied=frozenset({types.TOPIC_PERSON}),
        further=handed_over.further,
        look=look_of(NAME),
    )


def project(change: Change) -> Iterable[Row]:
    """Return the rows of a change: the person and the referral as posted, and what became of it."""
    cause = change.cause
    if isinstance(cause, Received) and not handed_over.begets(change.key, cause):
        yield from _heard(change.key, cause)
        return
    if isinstance(cause, Received):
        yield from handovers.rows(change.state, cause)
    data = cause.data if cause is not None else None  # no cause: folded again from the log
    for event in change.events:
        if event.type in _OTHER_KINDS:
            yield from _OTHER_KINDS[event.type](event, data)
        else:
            yield from _own(event, data, change.seal)
    if change.events:
        yield from reviews.rows(change.state)


def _heard(key: str, cause: Received) -> Iterable[Row]:
    if cause.type in persons.HANDLES:
        yield from persons.rows(cause)
        return
    for fact in facts_of(cause.sequence, cause.data):
        yield _status(key, fact)
        yield from word_back.rows(key, cause.data, fact)
    if cause.type == types.PLAN_UPDATED:
        said = consent_facts(cause.id, cause.occurred_at, cause.data)
        yield from consents.rows(key, types.TOPIC_PLAN, cause.sequence, said)
        yield from holders.rows(key, cause.sequence, cause.data)


def _own(event: Event, data: Any, seal: Callable[[str, str], str]) -> Iterable[Row]:
    if isinstance(data, CreateReferral) and isinstance(event.data, ReferralCreated):
        yield from _posted(data, event.data, seal)
    if isinstance(data, CorrectReferral):
        yield from details.corrected(data, event.data)
    linked = getattr(getattr(event.data, "change", None), "linked_referral", None)
    if linked is not None:
        yield LINKED, (event.key, linked)
    for fact in own_facts(event.sequence, event.data):
        yield _status(event.key, fact)
        yield from word_back.rows(event.key, event.data, fact)
    said = consent_facts(event.id, event.occurred_at, event.data)
    yield from consents.rows(event.key, types.TOPIC_REFERRAL, event.sequence, said)


def _status(referral_id: str, fact: Fact) -> Row:
    return STATUS, (referral_id, fact.topic, fact.sequence, fact.status.value, fact.on)


def _posted(data: CreateReferral, event: ReferralCreated, seal: Callable[[str, str], str]) -> Iterable[Row]:
    posted, person = data.posted, data.posted.person
    said = posted.additional_information
    who = identity(person)
    number = None if data.number_taken else who.nhs_number
    yield PERSON, (event.person_id, number, who.name_key, event.received_at)
    yield from near_matches.rows(data, event)
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
            event.route.value,
            event.referred_on,
            data.content_digest,
        ),
    )
    yield details.row(event.referral_id, person, standing_answers(posted))
