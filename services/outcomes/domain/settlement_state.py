"""What is remembered of a contract: its sealed statements and how far each has come; the fold of its events."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.contracts.outcome import ContractKeyed, ContractOutcome, OutcomeRecorded
from services.contracts.plan_codes import OutcomeKind
from services.contracts.statement import (
    StatementApproved,
    StatementExported,
    StatementQueried,
    StatementReleased,
    StatementSealed,
    StatementSettled,
    StatementSubmitted,
)
from services.kernel.decision import Event


class Stage(StrEnum):
    """How far a statement has come."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    EXPORTED = "exported"
    PAID = "paid"


class Month(BaseModel):
    """One sealed statement, of a ``version`` of the programme.

    ``held``: entries held back; ``remittances``: the references that have paid it.
    """

    model_config = ConfigDict(frozen=True)

    event_id: str
    version: str
    root: str
    closing_pence: int
    stage: Stage = Stage.DRAFT
    submitted_by: str | None = None
    approved_by: str | None = None
    held: tuple[str, ...] = ()
    export_id: str | None = None
    file_sha256: str | None = None
    file_pence: int = 0
    paid_pence: int = 0
    remittances: tuple[str, ...] = ()


class ContractAccount(BaseModel):
    """A contract: its statements by month, and how many lines of the month that is being closed are settled."""

    model_config = ConfigDict(frozen=True)

    about: Literal["contract"] = "contract"
    programme: str
    provider: str
    months: dict[str, Month] = {}
    settling: int = 0

    @property
    def last(self) -> str | None:
        """The last sealed month."""
        return max(self.months, default=None)

    @property
    def closing_pence(self) -> int:
        """What the last sealed statement closed with, in pence."""
        return self.months[self.last].closing_pence if self.last else 0


def evolve(state: ContractAccount | None, event: Event) -> ContractAccount:
    """Fold one event of a contract."""
    data = event.data.root if isinstance(event.data, OutcomeRecorded) else event.data
    assert isinstance(data, ContractKeyed)  # noqa: S101  a contract's key has no other events
    state = state or ContractAccount(programme=data.programme.id, provider=data.provider)
    match data:
        case StatementSettled():
            return state.model_copy(update={"settling": state.settling + len(data.lines)})
        case StatementSealed():
            month = Month(
                event_id=event.id,
                version=data.programme.version,
                root=data.root,
                closing_pence=data.totals.closing_pence,
            )
            return state.model_copy(update={"settling": 0, "months": {**state.months, data.month: month}})
        case ContractOutcome(kind=OutcomeKind.FEE):
            return state
    changed = _changed(state.months[data.month], event.id, data)
    return state.model_copy(update={"months": {**state.months, data.month: changed}})


def _changed(month: Month, event_id: str, data: ContractKeyed) -> Month:
    match data:
        case StatementSubmitted():
            update: dict[str, object] = {"stage": Stage.SUBMITTED, "submitted_by": data.by}
        case StatementApproved():
            update = {"stage": Stage.APPROVED, "approved_by": data.by}
        case StatementQueried():
            update = {"held": (*month.held, data.entry_id)}
        case StatementReleased():
            update = {"held": tuple(held for held in month.held if held != data.entry_id)}
        case StatementExported():
            export = event_id if data.part == 1 else month.export_id
            update = {"stage": Stage.EXPORTED, "export_id": export, "file_sha256": data.file_sha256}
            update["file_pence"] = data.payable_pence
        case ContractOutcome(remittance=remittance):
            paid = month.paid_pence + data.amount_pence
            update = {"paid_pence": paid, "stage": Stage.PAID if paid >= month.file_pence else month.stage}
            update["remittances"] = (*month.remittances, remittance.reference if remittance else "")
        case _:
            return month
    return month.model_copy(update=update)
