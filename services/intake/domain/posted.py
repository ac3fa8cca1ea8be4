"""A referral as posted: what may stand in it, field by field.

Unknown fields are refused, because a misspelt question would otherwise be a question that was not asked.
Types are strict: ``"12"`` is no score. What fields mean together is judged in :mod:`.faults`.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from services.contracts.assessment import Assessment, Gad7, Ons4, PartTaken, Phq9, StartMsk, Wsas
from services.contracts.assessment_codes import AssessmentPart
from services.contracts.base import Slug
from services.contracts.codes import (
    AccessibleFormat,
    Attendance,
    Channel,
    EthnicCategory,
    Route,
    Sex,
    Support,
    WithdrawalReason,
    WorkStatus,
)
from services.contracts.identifiers import is_nhs_number
from services.contracts.referral import Language

MAX_PENCE = 10**12
"""Ten thousand million pounds a year: above it a number is a slip of the keyboard."""


def _nhs_number(text: str) -> str:
    if not is_nhs_number(text):
        raise PydanticCustomError("invalid_nhs_number", "not an NHS number: its check digit does not hold")
    return text


NhsNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{10}$"), AfterValidator(_nhs_number)]
OdsCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{3,6}$")]


def _postcode(text: str) -> str:
    whole = text.replace(" ", "").upper()
    return f"{whole[:-3]} {whole[-3:]}"


Postcode = Annotated[
    str,
    StringConstraints(pattern=r"^ *[A-Za-z]{1,2}[0-9][A-Za-z0-9]? *[0-9][A-Za-z]{2} *$", max_length=16),
    AfterValidator(_postcode),
]
"""A postcode in any writing, with or without spaces; read as ``M1 1AE``."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"\S")]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ()-]{7,20}$")]
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Office = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
OwnReference = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]


class Posted(BaseModel):
    """A part of what a referrer sends."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ProviderWish(Posted):
    """Who should support the person: named by the referrer or inviter, or chosen by the person."""

    named: Slug | None = None
    chosen: Slug | None = None


class Referrer(Posted):
    """Who refers; ``reference`` is the referrer's own and is used once."""

    ods_code: OdsCode | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    reference: OwnReference | None = None


class Contact(Posted):
    """How to reach the person."""

    phone: Phone | None = None
    email: Email | None = None
    preferred: Literal["phone", "email", "letter"] | None = None


class PersonPosted(Posted):
    """Who the person is. Stays in intake's own tables."""

    nhs_number: NhsNumber | None = None
    family_name: Name
    given_name: Name
    birth_date: date
    sex: Sex | None = None
    ethnic_category: EthnicCategory | None = None
    postcode: Postcode | None = None
    registered_gp_ods: OdsCode | None = None
    contact: Contact | None = None
    language: Language | None = None
    accessible_needs: tuple[AccessibleFormat, ...] = ()


class WorkPosted(Posted):
    """Where the person stands in work; hours are a week's, earnings a year's in pence."""

    status: WorkStatus
    attendance: Attendance | None = None
    off_sick_since: date | None = None
    unemployed_since: date | None = None
    weekly_hours: Annotated[int, Field(ge=0, le=168)] | None = None
    job_at_risk: bool | None = None
    highest_qualification_level: Annotated[int, Field(ge=0, le=8)] | None = None
    annual_earnings_pence: Annotated[int, Field(ge=0, le=MAX_PENCE)] | None = None


class EligibilityFacts(Posted):
    """What eligibility asks besides age and place; null = not asked.

    ``health_condition``: any health condition or disability; it also follows from other answers (see :mod:`.derive`).
    """

    right_to_work: bool | None = None
    wants_to_work: bool | None = None
    health_condition: bool | None = None
    condition_affects_work: bool | None = None
    jobcentre_office: Office | None = None
    complex_needs: bool | None = None


# Posted comes last in these: of two bases pydantic follows the last one's configuration, which is the one
# that refuses unknown fields.
class _Phq9(Phq9, Posted):
    pass


class _Gad7(Gad7, Posted):
    pass


class _StartMsk(StartMsk, Posted):
    pass


class _Wsas(Wsas, Posted):
    pass


class _Ons4(Ons4, Posted):
    pass


class _PartTaken(PartTaken, Posted):
    pass


class AssessmentPosted(Assessment, Posted):
    """Answers about health, whole or partial. A question that was not asked is absent or null, never false."""

    phq9: _Phq9 | None = None
    gad7: _Gad7 | None = None
    start_msk: _StartMsk | None = None
    wsas: _Wsas | None = None
    ons4: _Ons4 | None = None
    parts: dict[AssessmentPart, _PartTaken] | None = None  # type: ignore[assignment]  # read only: a narrower value fits
    named_before: None = None

    def plain(self, on: date) -> Assessment:
        """Return the same answers as events carry them; ``on``: the day on which they were taken, if none is said."""
        return Assessment.model_validate({**self.model_dump(), "taken_on": self.taken_on or on})

    def days(self) -> dict[str, date | None]:
        """Return the day of each part that says one, by its pointer."""
        said = (self.parts or {}).items()
        return {f"/assessment/parts/{part}/taken_on": taken.taken_on for part, taken in said}


class ConsentPosted(Posted):
    """A consent, given or refused."""

    given: bool
    on: date | None = None
    channel: Channel | None = None


class ConsentsPosted(Posted):
    """The three consents; null = the question was not put."""

    take_part: ConsentPosted | None = None
    share_with_gp: ConsentPosted | None = None
    share_with_employer: ConsentPosted | None = None


class ReferralPosted(Posted):
    """``POST /referrals``."""

    programme: Slug
    locality: Slug | None = None
    provider: ProviderWish = ProviderWish()
    route: Route
    referred_on: date
    referrer: Referrer | None = None
    person: PersonPosted
    work: WorkPosted
    eligibility_facts: EligibilityFacts = EligibilityFacts()
    assessment: AssessmentPosted | None = None
    asks: Annotated[tuple[Support, ...], Field(max_length=18)] = ()
    consents: ConsentsPosted = ConsentsPosted()
    additional_information: Annotated[str, StringConstraints(max_length=4000)] | None = None


class AssessmentAdded(Posted):
    """``POST /referrals/{id}/assessments``: a joint assessment; partial answers add to the earlier ones."""

    assessment: AssessmentPosted


class WithdrawalPosted(Posted):
    """``POST /referrals/{id}/withdrawal``: ``channel``, how it was said; ``occurred_on`` null means today."""

    reason: WithdrawalReason
    channel: Channel | None = None
    occurred_on: date | None = None
