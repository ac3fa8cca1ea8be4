"""The fields of a referral as columns can fill them, read off intake's own model, so that the two cannot differ."""

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum, StrEnum
from functools import cache
from typing import Annotated, Any, Final, Literal, Union

from pydantic import BaseModel

from services.intake.domain.posted import ReferralPosted


class Kind(StrEnum):
    """How a cell's text becomes JSON."""

    TEXT = "text"
    CODE = "code"
    CODES = "codes"
    DATE = "date"
    NUMBER = "number"
    YES_NO = "yes_no"
    NHS_NUMBER = "nhs_number"
    PHONE = "phone"
    CAPITALS = "capitals"
    POSTCODE = "postcode"


@dataclass(frozen=True, slots=True)
class Field:
    """A place in a referral: ``person.nhs_number``; what may stand there, where that is a list of codes."""

    path: str
    kind: Kind
    codes: tuple[str, ...] = ()

    @property
    def pointer(self) -> str:
        """Its JSON pointer, as errors name it."""
        return "/" + self.path.replace(".", "/")


_SPECIAL: Final[Mapping[str, Kind]] = {
    "person.nhs_number": Kind.NHS_NUMBER,
    "person.postcode": Kind.POSTCODE,
    "person.contact.phone": Kind.PHONE,
    "person.registered_gp_ods": Kind.CAPITALS,
    "person.ethnic_category": Kind.CAPITALS,
    "referrer.ods_code": Kind.CAPITALS,
}
_SAID: Final[Mapping[str, tuple[str, ...]]] = {
    "person.nhs_number": ("nhs", "nhs no", "nhs number"),
    "person.family_name": ("surname", "last name", "family name"),
    "person.given_name": ("first name", "forename", "forenames", "given name"),
    "person.birth_date": ("date of birth", "dob", "birth date"),
    "person.sex": ("sex",),
    "person.ethnic_category": ("ethnicity", "ethnic category"),
    "person.postcode": ("postcode", "post code"),
    "person.registered_gp_ods": ("gp practice code", "practice code", "registered gp", "gp ods code"),
    "person.contact.phone": ("phone", "telephone", "mobile", "phone number", "mobile number"),
    "person.contact.email": ("email", "e-mail", "email address"),
    "person.contact.preferred": ("preferred contact", "contact by"),
    "person.language": ("language", "preferred language"),
    "person.accessible_needs": ("accessible formats", "accessible needs"),
    "referrer.reference": ("reference", "your reference", "referral reference", "ref"),
    "referrer.name": ("referrer", "referrer name"),
    "referrer.ods_code": ("referrer ods code", "referrer code"),
    "referred_on": ("referral date", "date of referral", "referred on"),
    "route": ("route", "referral route", "referral source"),
    "locality": ("locality",),
    "asks": ("asks", "support asked for"),
    "additional_information": ("notes", "additional information"),
    "work.status": ("work status", "employment status"),
    "work.attendance": ("attendance",),
    "work.off_sick_since": ("off sick since",),
    "work.unemployed_since": ("unemployed since", "out of work since"),
    "work.weekly_hours": ("weekly hours", "hours a week"),
    "work.job_at_risk": ("job at risk",),
    "eligibility_facts.right_to_work": ("right to work",),
    "eligibility_facts.wants_to_work": ("wants to work",),
    "eligibility_facts.condition_affects_work": ("condition affects work",),
    "eligibility_facts.jobcentre_office": ("jobcentre", "jobcentre office"),
    "eligibility_facts.complex_needs": ("complex needs",),
    "assessment.taken_on": ("assessed on", "assessment date"),
    "assessment.stressors": ("stressors",),
    "assessment.barriers": ("barriers",),
    "assessment.conditions": ("conditions", "health conditions"),
    "assessment.phq9.score": ("phq9", "phq-9", "phq-9 score"),
    "assessment.phq9.item9": ("phq9 item 9", "phq-9 item 9"),
    "assessment.gad7.score": ("gad7", "gad-7", "gad-7 score"),
    "assessment.start_msk.score": ("start msk", "start msk score"),
    "assessment.wsas.score": ("wsas", "wsas score"),
    "consents.take_part.given": ("consent to take part", "consent"),
    "consents.take_part.on": ("consent date", "consent on"),
    "consents.take_part.channel": ("consent channel",),
    "consents.share_with_gp.given": ("consent to share with gp",),
    "consents.share_with_employer.given": ("consent to share with employer",),
}
"""Headings under which people send a field, besides its path and the path's last words."""
_RED_FLAGS: Final = "assessment.red_flags."
_PARTS: Final = "assessment.parts."


@cache
def all_fields() -> Mapping[str, Field]:
    """Return every field that a column can fill, by its path. ``programme`` is the command's own."""
    found = {field.path: field for field in _of_model(ReferralPosted, "")}
    del found["programme"]
    return found


@cache
def by_heading() -> Mapping[str, Field]:
    """Return fields by the headings that need no map, in their plain form.

    These are a field's path, what is listed above, and the last part of the path where it is of several words: one
    word, such as ``name`` or ``status``, may mean anything.
    """
    found: dict[str, Field] = {}
    for field in all_fields().values():
        last = field.path.rpartition(".")[2]
        headings = [field.path, *_SAID.get(field.path, ())]
        if field.path.startswith(_PARTS):  # of each part the same: "PHQ-9 taken on"
            headings.append(field.path.removeprefix(_PARTS))
        elif "_" in last:
            headings.append(last)
        if field.path.startswith(_RED_FLAGS):
            headings.append(f"red flag {last}")
        for key in {plain(heading) for heading in headings}:
            if key in found:
                raise ValueError(f"the heading {key} means both {found[key].path} and {field.path}")
            found[key] = field
    return found


def plain(heading: str) -> str:
    """Return a heading without case, spaces and punctuation."""
    return "".join(letter for letter in heading.casefold() if letter.isalnum())


def _of_model(model: type[BaseModel], before: str) -> Iterator[Field]:
    for name, info in model.model_fields.items():
        yield from _of_type(info.annotation, f"{before}{name}")


def _of_type(annotation: Any, path: str) -> Iterator[Field]:
    inner = _without_none(annotation)
    if inner in {None, type(None)}:  # nothing can be sent in it
        return
    origin, arguments = typing.get_origin(inner), typing.get_args(inner)
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        yield from _of_model(inner, f"{path}.")
    elif origin is dict:
        for code in arguments[0]:
            yield from _of_type(arguments[1], f"{path}.{code.value}")
    elif origin is tuple:
        yield Field(path, Kind.CODES, tuple(code.value for code in _without_none(arguments[0])))
    elif origin is Literal:
        yield Field(path, Kind.CODE, arguments)
    elif isinstance(inner, type) and issubclass(inner, Enum):
        yield Field(path, _SPECIAL.get(path, Kind.CODE), tuple(str(code.value) for code in inner))
    else:
        plain_kinds = {date: Kind.DATE, int: Kind.NUMBER, bool: Kind.YES_NO}
        yield Field(path, plain_kinds.get(inner) or _SPECIAL.get(path, Kind.TEXT))


def _without_none(annotation: Any) -> Any:
    """Return a type without what makes it optional or bounds it."""
    while True:
        origin = typing.get_origin(annotation)
        if origin is Annotated:
            annotation = typing.get_args(annotation)[0]
        elif origin in {Union, types.UnionType}:
            (annotation,) = (one for one in typing.get_args(annotation) if one is not type(None))
        else:
            return annotation
