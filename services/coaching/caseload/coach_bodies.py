"""What is posted about a coach: bodies, described in the OpenAPI document, with examples."""

from typing import Annotated, Any, Final, Literal

from fastapi.openapi.models import Example
from pydantic import Field

from services.coaching.domain.command_fields import Day, Fields
from services.contracts.base import Actor, Slug
from services.contracts.coach import Capacity
from services.contracts.coach_codes import CoachOffer
from services.contracts.referral import Language


class ProfileFields(Fields):
    """What the coach can take on."""

    capacity: Annotated[Capacity, Field(strict=True, description="How many open plans at once.")]
    languages: Annotated[tuple[Language, ...], Field(max_length=20, description="Language tags (BCP 47).")] = ()
    localities: Annotated[tuple[Slug, ...], Field(max_length=40, description="Where; none: everywhere.")] = ()
    offers: Annotated[
        tuple[CoachOffer, ...], Field(max_length=20, description="Shown to whoever assigns; matched to nobody.")
    ] = ()


class Register(Fields):
    """Make a coach of your organisation known. From then on the coach has a ceiling."""

    kind: Literal["registered"]
    profile: ProfileFields


class ChangeProfile(Fields):
    """Say anew what the coach can take on; plans held over a lower capacity stay."""

    kind: Literal["profile_changed"]
    profile: ProfileFields


class RecordAbsence(Fields):
    """Say when the coach is away and who covers; never why."""

    kind: Literal["absence_recorded"]
    from_on: Day
    until_on: Annotated[Day | None, Field(description="The last day away; null: open.")] = None
    cover: Annotated[Actor | None, Field(description="A registered coach of your organisation; null: nobody yet.")] = (
        None
    )


class ChangeAbsence(Fields):
    """Give the absence that begins on that day another last day or cover. The day before it calls it off."""

    kind: Literal["absence_changed"]
    from_on: Day
    until_on: Day | None = None
    cover: Actor | None = None


class Leave(Fields):
    """The coach takes no plan any more; those still held wait for a transfer."""

    kind: Literal["left"]


CoachCommand = Annotated[Register | ChangeProfile | RecordAbsence | ChangeAbsence | Leave, Field(discriminator="kind")]
"""Any command about a coach."""

_PROFILE: Final[dict[str, Any]] = {
    "capacity": 25,
    "languages": ["en", "ur"],
    "localities": ["manchester"],
    "offers": ["sign_language"],
}
EXAMPLES: Final[dict[str, Example]] = {
    "registered": {"summary": "A coach begins", "value": {"kind": "registered", "profile": _PROFILE}},
    "profile_changed": {
        "summary": "Half the hours from now on",
        "value": {"kind": "profile_changed", "profile": {**_PROFILE, "capacity": 12}},
    },
    "absence_recorded": {
        "summary": "Two weeks away",
        "value": {
            "kind": "absence_recorded",
            "from_on": "2026-12-23",
            "until_on": "2027-01-03",
            "cover": "coach-8",
        },
    },
    "absence_changed": {
        "summary": "Back earlier",
        "value": {"kind": "absence_changed", "from_on": "2026-12-23", "until_on": "2026-12-31", "cover": "coach-8"},
    },
    "left": {"summary": "A coach leaves", "value": {"kind": "left"}},
}
