"""What every event is built from: the record, the field types, the common fields.

Records are frozen and strict (``"1"`` is no number, ``0`` no boolean, an integer no date), so that a
model accepts what its JSON Schema accepts. Unknown fields are ignored, because a later minor may add some.
Facts have no defaults: what is not known is said to be null, so every field is always written, in the
same order, and equal events are equal bytes. Constraints are pydantic-core's own: these models are
validated on the hot path, where a Python validator would cost more than all of them.
"""

from datetime import date
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.contracts.codes import AgeBand, Attendance, Route, WorkStatus

MAX_SAFE = 2**53 - 1
"""The largest integer that every JSON reader holds exactly."""

SafeInt = Annotated[int, Field(ge=-MAX_SAFE, le=MAX_SAFE)]
Count = Annotated[int, Field(ge=0, le=MAX_SAFE)]
Ordinal = Annotated[int, Field(ge=1, le=MAX_SAFE)]

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""A lower_snake_case code of a list that a programme file defines."""

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
"""A name chosen by configuration: a programme, locality, provider, contract, rate card."""

Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
"""A UUID in lower case. Kept as text: that is what it is in the topic, the key and the database."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest, or an HMAC with it, in lower-case hexadecimal."""

Actor = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:|-]{0,63}$")]
"""The pseudonymous subject of a token; never a name."""

_UUID_PATTERN: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

DocumentReference = Annotated[str, Field(pattern=rf"^(doc-[1-9][0-9]{{0,17}}|{_UUID_PATTERN})$")]
"""Where a document is kept: its number or UUID in the system that holds it. A file's name may say what somebody is ill
with, and would stand in clear in the log."""

EvidenceReference = Annotated[str, Field(pattern=rf"^(plan/[1-9][0-9]{{0,8}}|doc-[1-9][0-9]{{0,17}}|{_UUID_PATTERN})$")]
"""Where evidence is kept: a document, or a version of the plan itself (``plan/7``)."""

Version = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,31}$")]
AreaCode = Annotated[str, Field(pattern=r"^[A-Z0-9]{3,5}$")]
"""An ODS code, valid on the day of the referral; 3 to 5 characters."""

Month = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
Moment = AwareDatetime


class Record(BaseModel):
    """A frozen, strict value of the published language."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class VersionRef(Record):
    """A programme in one of its versions."""

    id: Slug
    version: Version


class PolicyVersion(Record):
    """A rule file or rate card in one of its versions, with the hash of its content."""

    id: Slug
    version: Version
    sha256: Sha256


class Work(Record):
    """Where a person stands in work; ``attendance`` is null where they have none or were not asked."""

    status: WorkStatus
    attendance: Attendance | None


class Common(Record):
    """What every event about a referral carries, so that its reader needs no other source.

    ``occurred_on`` is the London day of the fact. ``age_band`` is null under 16 or when no birth date is
    known; ``provider`` and ``contract`` until one is chosen; ``locality`` where the area has none; ``area_code`` while
    several codes may be meant and no person has said which.
    """

    referral_id: Uuid
    person_id: Uuid
    programme: VersionRef
    area_code: AreaCode | None
    locality: Slug | None
    provider: Slug | None
    contract: Slug | None
    route: Route
    referred_on: date
    occurred_on: date
    age_band: AgeBand | None
    work: Work


_COMMON = tuple(Common.model_fields)


def carry(event: Common, **changed: Any) -> dict[str, Any]:
    """Return the common fields of ``event`` as keyword arguments for the next event.

    ``changed`` replaces some of them: ``TriageCompleted(**carry(referral, occurred_on=today), ...)``.
    Raises TypeError for a name that is no common field.
    """
    held = event.__dict__
    fields = {name: held[name] for name in _COMMON}
    if not changed.keys() <= fields.keys():
        raise TypeError(f"not a common field: {', '.join(sorted(changed.keys() - fields.keys()))}")
    fields.update(changed)
    return fields
