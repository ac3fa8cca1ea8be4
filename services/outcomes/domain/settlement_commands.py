"""What may be asked of a contract: close a month, hand a statement on, hold a line, export, record what was paid.

The table of states and commands stands in :data:`ALLOWED`: what is not in it is refused with a code.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from services.contracts.outcome import ContractOutcome, OutcomeRecorded, Remittance
from services.contracts.plan_codes import OutcomeKind
from services.contracts.statement import (
    MOST_LINES,
    StatementApproved,
    StatementExported,
    StatementQueried,
    StatementReleased,
    StatementSealed,
    StatementSettled,
    StatementSubmitted,
)
from services.contracts.types import (
    OUTCOME_RECORDED,
    STATEMENT_APPROVED,
    STATEMENT_EXPORTED,
    STATEMENT_QUERIED,
    STATEMENT_RELEASED,
    STATEMENT_SEALED,
    STATEMENT_SETTLED,
    STATEMENT_SUBMITTED,
)
from services.kernel.decision import Command, Draft, PolicyRef, Reason, Refused
from services.outcomes.domain.settlement_asked import (
    Approve,
    Export,
    OfContract,
    PostFee,
    Query,
    Release,
    Remit,
    Seal,
    Settle,
    Submit,
    TakeBack,
)
from services.outcomes.domain.settlement_state import ContractAccount, Month, Stage

TAKE_BACK: Final = "settlement.take_back"

_EVERY: Final = frozenset(Stage)
ALLOWED: Final[Mapping[type[OfContract], Mapping[Stage, str | None]]] = {
    Submit: {
        Stage.DRAFT: None,
        Stage.SUBMITTED: "already_submitted",
        Stage.APPROVED: "already_submitted",
        Stage.EXPORTED: "already_submitted",
        Stage.PAID: "already_submitted",
    },
    Approve: {
        Stage.DRAFT: "not_submitted",
        Stage.SUBMITTED: None,
        Stage.APPROVED: "already_approved",
        Stage.EXPORTED: "already_approved",
        Stage.PAID: "already_approved",
    },
    Query: {
        Stage.DRAFT: "not_submitted",
        Stage.SUBMITTED: None,
        Stage.APPROVED: None,
        Stage.EXPORTED: "already_exported",
        Stage.PAID: "already_exported",
    },
    Release: {
        Stage.DRAFT: "not_submitted",
        Stage.SUBMITTED: None,
        Stage.APPROVED: None,
        Stage.EXPORTED: None,
        Stage.PAID: None,
    },
    Export: {
        Stage.DRAFT: "not_submitted",
        Stage.SUBMITTED: "not_approved",
        Stage.APPROVED: None,
        Stage.EXPORTED: "already_exported",
        Stage.PAID: "already_exported",
    },
    Remit: {
        Stage.DRAFT: "not_exported",
        Stage.SUBMITTED: "not_exported",
        Stage.APPROVED: "not_exported",
        Stage.EXPORTED: None,
        Stage.PAID: "already_paid",
    },
}
"""What each command meets at each stage: None where it goes on, else the code of its refusal."""

_WORDS: Final = {
    "already_submitted": "this statement was handed in before",
    "not_submitted": "the provider has not handed this statement in",
    "already_approved": "this statement was approved before",
    "not_approved": "the commissioner has not approved this statement",
    "already_exported": "this statement has left in a payment file",
    "not_exported": "this statement has left in no payment file",
    "already_paid": "this statement is paid in full",
}


def decide(state: ContractAccount | None, command: Command, *, now: datetime) -> list[Draft]:
    """Return what follows from a command about a contract. Raises Refused."""
    asked = command.data
    if isinstance(asked, TakeBack):
        return [Draft(OUTCOME_RECORDED, OutcomeRecorded(asked.outcome))]
    closing = _CLOSING.get(type(asked))
    if closing is not None:
        return closing(state, asked)
    month = state.months.get(asked.month) if state else None
    if month is None:
        raise _refused("not_closed", f"{asked.contract} has no closed statement of {asked.month}", 404)
    code = ALLOWED[type(asked)][month.stage]
    if code is not None:
        raise _refused(code, _WORDS[code])
    return _ACTS[type(asked)](month, asked, command.actor, now)


def _refused(code: str, message: str, status: int = 409) -> Refused:
    return Refused(Reason(code, message), status=status)


def _fee(_: ContractAccount | None, asked: PostFee) -> list[Draft]:
    outcome = ContractOutcome(
        **asked.named(),
        kind=OutcomeKind.FEE,
        effective_on=asked.effective_on,
        evidence=(),
        amount_pence=asked.amount_pence,
        rate_card=asked.card,
        reasons=("delivery_fee",),
        refers_to=None,
        remittance=None,
    )
    card = asked.card
    return [Draft(OUTCOME_RECORDED, OutcomeRecorded(outcome), policy=PolicyRef(card.id, card.version, card.sha256))]


def _settle(state: ContractAccount | None, asked: Settle) -> list[Draft]:
    settled = state.settling if state else 0
    if asked.first != settled + 1:
        raise _refused("other_lines", f"line {asked.first} does not follow {settled}")
    return [Draft(STATEMENT_SETTLED, StatementSettled(**asked.named(), first=asked.first, lines=asked.lines))]


def _seal(state: ContractAccount | None, asked: Seal) -> list[Draft]:
    if state is not None and state.last is not None and state.last >= asked.month:
        raise _refused("already_closed", f"{asked.contract} has closed {state.last}")
    if asked.totals.lines != (state.settling if state else 0):
        raise _refused("other_lines", f"{asked.totals.lines} lines are to be sealed, others were settled")
    sealed = StatementSealed(
        **asked.named(),
        change=asked.change,
        cut=asked.cut,
        totals=asked.totals,
        years=asked.years,
        places=asked.places,
        root=asked.root,
    )
    return [Draft(STATEMENT_SEALED, sealed)]


def _submit(month: Month, asked: Submit, by: str, now: datetime) -> list[Draft]:
    submitted = StatementSubmitted(**asked.named(), root=month.root, by=by, at=now, file_sha256=None)
    return [Draft(STATEMENT_SUBMITTED, submitted)]


def _approve(month: Month, asked: Approve, by: str, now: datetime) -> list[Draft]:
    if by == month.submitted_by:
        raise _refused("second_person_needed", "whoever hands a statement in does not approve it")
    approved = StatementApproved(**asked.named(), root=month.root, by=by, at=now, file_sha256=None)
    return [Draft(STATEMENT_APPROVED, approved)]


def _query(month: Month, asked: Query, by: str, now: datetime) -> list[Draft]:
    if asked.entry_id in month.held:
        raise _refused("already_held", "this line is held already")
    held = StatementQueried(**asked.named(), entry_id=asked.entry_id, reason=asked.reason, by=by, at=now)
    return [Draft(STATEMENT_QUERIED, held)]


def _release(month: Month, asked: Release, by: str, now: datetime) -> list[Draft]:
    if asked.entry_id not in month.held:
        raise _refused("not_held", "this line is not held")
    released = StatementReleased(**asked.named(), entry_id=asked.entry_id, reason=asked.reason, by=by, at=now)
    return [Draft(STATEMENT_RELEASED, released)]


def _export(month: Month, asked: Export, by: str, now: datetime) -> list[Draft]:
    if by == month.approved_by:
        raise _refused("second_person_needed", "whoever approves a statement does not export it")
    parts = [asked.entries[start : start + MOST_LINES] for start in range(0, len(asked.entries), MOST_LINES)]
    return [
        Draft(
            STATEMENT_EXPORTED,
            StatementExported(
                **asked.named(),
                root=month.root,
                by=by,
                at=now,
                file_sha256=asked.file_sha256,
                payable_pence=asked.payable_pence,
                part=number,
                parts=len(parts),
                entries=part,
            ),
        )
        for number, part in enumerate(parts, 1)
    ]


def _remit(month: Month, asked: Remit, by: str, now: datetime) -> list[Draft]:
    if asked.reference in month.remittances:
        raise _refused("remittance_known", f"the remittance {asked.reference} was recorded before")
    if asked.amount_pence <= 0 or month.paid_pence + asked.amount_pence > month.file_pence:
        left = month.file_pence - month.paid_pence
        raise _refused("amount_does_not_fit", f"{asked.amount_pence} pence paid; {left} of the file are open", 422)
    outcome = ContractOutcome(
        **asked.named(),
        kind=OutcomeKind.PAID,
        effective_on=asked.paid_on,
        evidence=(),
        amount_pence=asked.amount_pence,
        rate_card=None,
        reasons=("remittance",),
        refers_to=month.export_id,
        remittance=Remittance(reference=asked.reference, by=by, at=now),
    )
    return [Draft(OUTCOME_RECORDED, OutcomeRecorded(outcome))]


_CLOSING: Final[Mapping[type[BaseModel], Callable[[ContractAccount | None, Any], list[Draft]]]] = {
    PostFee: _fee,
    Settle: _settle,
    Seal: _seal,
}
_ACTS: Final[Mapping[type[BaseModel], Callable[[Month, Any, str, datetime], list[Draft]]]] = {
    Submit: _submit,
    Approve: _approve,
    Query: _query,
    Release: _release,
    Export: _export,
    Remit: _remit,
}
