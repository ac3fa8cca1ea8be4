"""What can be read of a referral whatever else is wrong with it.

All reasons are given at once: a missing consent is told together with a malformed postcode. So the rules
that span fields look at this model, in which a part that cannot be read is simply not known.
"""

from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from services.contracts.assessment_codes import AssessmentPart
from services.contracts.base import Slug
from services.contracts.codes import Attendance, Route, WorkStatus


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


T = TypeVar("T")
Known = Annotated[T | None, WrapValidator(_or_none)]


class Readable(BaseModel):
    """A part that may be unreadable. Not strict: a wrapped validator is given what JSON became in Python."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ProviderRead(Readable):
    """The provider wished for."""

    named: Known[Slug] = None
    chosen: Known[Slug] = None


class ContactRead(Readable):
    """How to reach the person, as far as it matters to the rules."""

    phone: Known[str] = None
    email: Known[str] = None
    preferred: Known[str] = None


class PersonRead(Readable):
    """The person, as far as it matters to the rules."""

    birth_date: Known[date] = None
    postcode: Known[str] = None
    registered_gp_ods: Known[str] = None
    contact: Known[ContactRead] = None


class WorkRead(Readable):
    """Work."""

    status: Known[WorkStatus] = None
    attendance: Known[Attendance] = None
    off_sick_since: Known[date] = None
    unemployed_since: Known[date] = None


class Phq9Read(Readable):
    """PHQ-9."""

    score: Known[int] = None
    item9: Known[int] = None


class PartTakenRead(Readable):
    """When a part was asked."""

    taken_on: Known[date] = None


class AssessmentRead(Readable):
    """The assessment; its mere presence matters on some routes."""

    taken_on: Known[date] = None
    phq9: Known[Phq9Read] = None
    parts: Known[dict[AssessmentPart, PartTakenRead]] = None


class ConsentRead(Readable):
    """A consent."""

    given: Known[bool] = None
    on: Known[date] = None


class ConsentsRead(Readable):
    """The consents by name."""

    take_part: Known[ConsentRead] = None
    share_with_gp: Known[ConsentRead] = None
    share_with_employer: Known[ConsentRead] = None


class ReferralRead(Readable):
    """A referral, as far as it can be read."""

    programme: Known[Slug] = None
    locality: Known[Slug] = None
    provider: Known[ProviderRead] = None
    route: Known[Route] = None
    referred_on: Known[date] = None
    referrer: Known[dict[str, Any]] = None
    person: Known[PersonRead] = None
    work: Known[WorkRead] = None
    eligibility_facts: Known[dict[str, Any]] = None
    assessment: Known[AssessmentRead] = None
    asks: Known[tuple[Any, ...]] = None
    consents: Known[ConsentsRead] = None
    additional_information: Known[str] = None


def read_leniently(raw: bytes) -> ReferralRead:
    """Read what can be read of a JSON document; what is not an object at all is empty."""
    try:
        return ReferralRead.model_validate_json(raw)
    except ValidationError:
        return ReferralRead()
