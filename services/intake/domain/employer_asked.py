"""What may be asked of an employer's record: the commands as posted, each with its day.

``occurred_on`` null means today. A name is accepted only where it is no person's: a sole trader's and a partnership's
are made of people's names [design]. It is for intake's table; events hold only whether there is one.
"""

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import Field, RootModel, StringConstraints, TypeAdapter

from services.contracts.employer import EmployerUpdated, Reached
from services.contracts.employer_codes import (
    ActivityFault,
    CharterCommitment,
    EmployerActivity,
    LegalForm,
    OccupationalHealth,
    Sector,
    SizeBand,
)
from services.intake.domain.posted import Posted
from services.kernel.decision import Command, Event

REGISTER: Final = "employer.register"
CHANGE: Final = "employer.change"
NAMELESS: Final = frozenset({LegalForm.SOLE_TRADER, LegalForm.PARTNERSHIP})
"""Legal forms whose name is a person's."""

EmployerName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]
Number = Annotated[int, Field(ge=1, le=1_000_000)]


class _Dated(Posted):
    occurred_on: date | None = None


class FactsPosted(Posted):
    """What an employer is; null = not asked."""

    legal_form: LegalForm
    size: SizeBand | None = None
    sector: Sector | None = None
    occupational_health: OccupationalHealth | None = None


class EmployerPosted(_Dated):
    """``POST /employers``."""

    facts: FactsPosted
    name: EmployerName | None = None


class Describe(_Dated):
    """Say anew, as a whole, what the employer is."""

    kind: Literal["described"]
    facts: FactsPosted


class Rename(_Dated):
    """Hold another name; null: hold none."""

    kind: Literal["named"]
    name: EmployerName | None


class MakeCommitment(_Dated):
    """The employer commits itself."""

    kind: Literal["commitment_made"]
    commitment: CharterCommitment


class EndCommitment(_Dated):
    """It no longer keeps a commitment."""

    kind: Literal["commitment_ended"]
    commitment: CharterCommitment


class RecordActivity(_Dated):
    """Something was done with the employer; ``employees_reached`` counts heads."""

    kind: Literal["activity_recorded"]
    activity: EmployerActivity
    employees_reached: Reached


class StrikeActivity(_Dated):
    """Activity ``number`` was recorded wrongly."""

    kind: Literal["activity_struck"]
    number: Number
    reason: ActivityFault


class Leave(_Dated):
    """The programme works with the employer no longer."""

    kind: Literal["left"]


class Return(_Dated):
    """It does again."""

    kind: Literal["returned"]


EmployerCommand = Annotated[
    Describe | Rename | MakeCommitment | EndCommitment | RecordActivity | StrikeActivity | Leave | Return,
    Field(discriminator="kind"),
]


class CommandPosted(RootModel[EmployerCommand]):
    """``POST /employers/{id}/commands``: one of the commands, told apart by ``kind``."""


class RegisterEmployer(Posted):
    """``POST /employers`` with the programme of whoever registers."""

    programme: str
    posted: EmployerPosted


_COMMAND: TypeAdapter[EmployerCommand] = TypeAdapter(EmployerCommand)
_ADDED: Final = {"registered": {"by", "named"}, "named": {"by", "named"}, "activity_recorded": {"by", "number"}}


def reissue(event: Event, cause_id: str) -> Command:
    """Return the command that led to an event. A name is not needed: that there was one stands in for it."""
    data: EmployerUpdated = event.data
    change = data.change
    fields: dict[str, Any] = change.model_dump(exclude=_ADDED.get(change.kind, {"by"}))
    fields["occurred_on"] = data.occurred_on
    if change.kind in {"registered", "named"}:
        fields["name"] = "not in the event" if getattr(change, "named", False) else None
    if change.kind == "registered":
        del fields["kind"]
        asked = RegisterEmployer(programme=data.programme, posted=EmployerPosted.model_validate(fields))
        return Command(cause_id, REGISTER, event.key, asked, change.by)
    return Command(cause_id, CHANGE, event.key, _COMMAND.validate_python(fields), change.by)
