"""Facts of a referral that were wrong: what is corrected, what follows, and whether a decision still stands.

A correction says what is true instead; null says that it is not known after all. What depends on the facts (bands,
groups, area, the proposal of eligibility) is computed again from all that then stands.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from services.contracts import types
from services.contracts.base import Uuid, Work, carry
from services.contracts.codes import (
    AccessibleFormat,
    Attendance,
    EligibilityDecision,
    EthnicCategory,
    Sex,
    Support,
    WorkStatus,
)
from services.contracts.referral import Correction, Eligibility, Language, ReferralCorrected
from services.intake.domain import health_detail
from services.intake.domain.audience import Employer, audience
from services.intake.domain.derive import distinct
from services.intake.domain.eligibility import additional_to, day_faults
from services.intake.domain.evaluation import Said, evaluate
from services.intake.domain.faults import fact_faults
from services.intake.domain.policy import IntakePolicy, london_day
from services.intake.domain.posted import (
    MAX_PENCE,
    Contact,
    EligibilityFacts,
    Name,
    NhsNumber,
    OdsCode,
    Office,
    PersonPosted,
    Postcode,
    Posted,
    WorkPosted,
)
from services.intake.domain.readable import ReferralRead
from services.intake.domain.standing import WITHDRAWN, Referral
from services.intake.domain.status import FULL_VIEW_KINDS
from services.kernel.decision import Draft, Reason, Refused

CORRECT: Final = "referral.correct"
NOTHING_TO_CORRECT: Final = "nothing_to_correct"
SAID_APART: Final = "say_all_of_it"
TOGETHER: Final = ("status", "attendance", "off_sick_since", "unemployed_since")
"""What contradicts each other in work: who is not told what stands says all of it, so that no answer tells them."""


class PersonCorrection(Posted):
    """Who the person is; only what was wrong."""

    nhs_number: NhsNumber | None = None
    family_name: Name | None = None
    given_name: Name | None = None
    birth_date: date | None = None
    sex: Sex | None = None
    ethnic_category: EthnicCategory | None = None
    postcode: Postcode | None = None
    registered_gp_ods: OdsCode | None = None
    contact: Contact | None = None
    language: Language | None = None
    accessible_needs: tuple[AccessibleFormat, ...] | None = None


class WorkCorrection(Posted):
    """Where the person stood in work on the day of the referral; only what was wrong."""

    status: WorkStatus | None = None
    attendance: Attendance | None = None
    off_sick_since: date | None = None
    unemployed_since: date | None = None
    weekly_hours: Annotated[int, Field(ge=0, le=168)] | None = None
    job_at_risk: bool | None = None
    highest_qualification_level: Annotated[int, Field(ge=0, le=8)] | None = None
    annual_earnings_pence: Annotated[int, Field(ge=0, le=MAX_PENCE)] | None = None


class AnswersCorrection(Posted):
    """What eligibility asks; only what was wrong, or not asked."""

    right_to_work: bool | None = None
    wants_to_work: bool | None = None
    health_condition: bool | None = None
    condition_affects_work: bool | None = None
    jobcentre_office: Office | None = None
    complex_needs: bool | None = None


class CorrectionPosted(Posted):
    """``POST /referrals/{id}/corrections``. A field that is absent stands as it is; null: not known after all.

    ``occurred_on``: when it was found out; null means today.
    """

    person: PersonCorrection = PersonCorrection()
    work: WorkCorrection = WorkCorrection()
    eligibility_facts: AnswersCorrection = AnswersCorrection()
    asks: Annotated[tuple[Support, ...], Field(max_length=18)] | None = None
    occurred_on: date | None = None


class CorrectReferral(BaseModel):
    """A correction, with the person and the answers as the edge found them before it.

    ``number_held``: the person has the corrected NHS number already, under another of their pseudonyms; ``beside``: the
    person's other open referral.
    """

    model_config = ConfigDict(frozen=True)

    posted: CorrectionPosted
    person: PersonPosted
    answers: EligibilityFacts
    organisation_kind: str
    number_held: bool = False
    beside: Uuid | None = None

    @property
    def corrected(self) -> tuple[PersonPosted, EligibilityFacts]:
        """The person and the answers after it."""
        return _merged(self.person, self.posted.person), _merged(self.answers, self.posted.eligibility_facts)


def corrected(
    state: Referral, data: CorrectReferral, *, actor: str, policy: IntakePolicy, now: datetime
) -> list[Draft]:
    """Return the correction. Raises Refused: 422 for what cannot be, 409 where nothing would change."""
    posted = data.posted
    work = _work(state)
    sender = [*_sender_faults(data)]
    said_apart = any(fault.code == SAID_APART for fault in sender)
    reasons = [
        *sender,
        *_needed(posted),
        *fact_faults(_seen(state, data, posted.work if said_apart else _merged(work, posted.work)), now),
        *day_faults(posted.occurred_on, state, now),
    ]
    if reasons:
        raise Refused(*reasons, status=422)
    if state.withdrawn:
        raise Refused(Reason(WITHDRAWN, "the referral was withdrawn"))
    person, answers = data.corrected
    after = _merged(work, posted.work)
    asks = state.asks if posted.asks is None else distinct(posted.asks)
    fields = (
        *_changed("person", data.person, person, posted.person),
        *_changed("work", work, after, posted.work),
        *_changed("eligibility_facts", data.answers, answers, posted.eligibility_facts),
        *(("asks",) if asks != state.asks else ()),
    )
    if not fields:
        raise Refused(Reason(NOTHING_TO_CORRECT, "everything stands already as it was sent"))
    programme = policy.book.version_for(state.common.programme.id, state.common.referred_on)
    said = Said(person, after, answers, state.common.locality, state.common.referred_on)
    established = None if "person.postcode" in fields else state.common.area_code
    found = evaluate(said, programme, policy, area_code=established)
    facts = found.facts
    decided = _still(state, found.eligibility)
    opened = state.decided is EligibilityDecision.NOT_ELIGIBLE and decided is None
    if "work.annual_earnings_pence" not in fields:  # only their band is known here
        facts = facts.model_copy(update={"earnings_band": state.facts.earnings_band})
    event = ReferralCorrected(
        **carry(
            state.common,
            occurred_on=posted.occurred_on or london_day(now),
            area_code=found.area_code,
            age_band=found.age_band,
            work=Work(status=after.status, attendance=after.attendance),
        ),
        received_at=now,
        change=Correction(
            by=actor or None,
            fields=fields,
            asks=asks,
            facts=facts,
            equality=found.equality,
            eligibility=found.eligibility,
            eligibility_decided=decided,
            language=person.language,
            formats=distinct(person.accessible_needs),
            priority_groups=found.priority_groups,
            linked_referral=additional_to(state, data.beside) if opened else None,
        ),
    )
    return [Draft(types.REFERRAL_CORRECTED, event, policy=programme.ref)]


def _still(state: Referral, after: Eligibility) -> EligibilityDecision | None:
    """Return the decision that stands: *eligible* covers what it was about, *not eligible* rests on all of it."""
    before = state.eligibility
    if state.decided is EligibilityDecision.ELIGIBLE:
        covered = {one.code for one in before.reasons}
        return state.decided if {one.code for one in after.reasons} <= covered else None
    return state.decided if after == before else None


def _work(state: Referral) -> WorkPosted:
    facts, work = state.facts, state.common.work
    return WorkPosted(
        status=work.status,
        attendance=work.attendance,
        off_sick_since=facts.off_sick_since,
        unemployed_since=facts.unemployed_since,
        weekly_hours=facts.weekly_hours,
        job_at_risk=facts.job_at_risk,
        highest_qualification_level=facts.highest_qualification_level,
    )


def _merged(before: Any, correction: BaseModel) -> Any:
    """Return ``before`` with what a correction names; what must be there and what may be empty keep their form."""
    said: dict[str, Any] = {name: getattr(correction, name) for name in correction.model_fields_set}
    if said.get("accessible_needs", ()) is None:
        said["accessible_needs"] = ()
    return before.model_copy(update={name: value for name, value in said.items() if name not in _NEEDED or value})


_NEEDED: Final[Mapping[str, str]] = {
    "family_name": "person",
    "given_name": "person",
    "birth_date": "person",
    "status": "work",
}


def _needed(posted: CorrectionPosted) -> Iterator[Reason]:
    for name, part in _NEEDED.items():
        given: BaseModel = getattr(posted, part)
        if name in given.model_fields_set and getattr(given, name) is None:
            yield Reason("required", "this cannot be unknown: leave it out, or say what it is", f"/{part}/{name}")


def _changed(part: str, before: BaseModel, after: BaseModel, correction: BaseModel) -> Iterator[str]:
    for name in type(correction).model_fields:
        if name in correction.model_fields_set and getattr(before, name) != getattr(after, name):
            yield f"{part}.{name}"


def _seen(state: Referral, data: CorrectReferral, work: BaseModel) -> ReferralRead:
    person, _ = data.corrected
    return ReferralRead.model_validate(
        {
            "referred_on": state.common.referred_on,
            "person": person.model_dump(),
            "work": work.model_dump(),
        }
    )


def _sender_faults(data: CorrectReferral) -> Iterator[Reason]:
    posted, kind = data.posted, data.organisation_kind
    if isinstance(audience(kind), Employer):
        yield from health_detail.correction_faults(posted.model_dump(exclude_unset=True))
    if "nhs_number" in posted.person.model_fields_set and kind not in FULL_VIEW_KINDS:
        message = "an NHS number is corrected by an NHS organisation or a provider"
        yield Reason("nhs_number_not_accepted", message, "/person/nhs_number")
    said = posted.work.model_fields_set.intersection(TOGETHER)
    if said and len(said) < len(TOGETHER) and kind not in FULL_VIEW_KINDS:
        yield Reason(SAID_APART, f"these go together, say all of them: {', '.join(TOGETHER)}", "/work")
