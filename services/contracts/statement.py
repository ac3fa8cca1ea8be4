"""Topic ``outcome.recorded``: statements, from the closing of a month to the payment file. Key = contract."""

from typing import Annotated, Literal

from pydantic import Field

from services.contracts.base import Actor, Code, Count, Moment, Ordinal, Record, SafeInt, Sha256, Uuid
from services.contracts.outcome import ContractKeyed
from services.kernel.money import Pence

MOST_LINES = 400
"""So many lines in one event, so that it stays well under 64 KiB."""


class CutPosition(Record):
    """How far one input partition was read when a month closed: the next offset."""

    topic: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
    partition: Annotated[int, Field(ge=0, le=9999)]
    position: Count


class SettledLine(Record):
    """What settlement made of one entry: pence to be paid, pence withheld, and why (``treatment``)."""

    entry_id: Uuid
    payable_pence: Pence
    withheld_pence: Pence
    treatment: Code


class StatementSettled(ContractKeyed):
    """Lines of a statement that is sealed by the same command, in order; ``first`` is the number of the first."""

    first: Ordinal
    lines: tuple[SettledLine, ...]


class StatementTotals(Record):
    """The totals of a statement, in pence; closing = opening + earned + fees - reversed - capped - paid.

    ``clawed_back_pence`` is the part of ``reversed_pence`` that clawbacks are; ``carried_forward_pence`` what the
    provider owes: the closing balance where it is negative, else 0.
    """

    opening_pence: Pence
    earned_pence: Pence
    fees_pence: Pence
    reversed_pence: Pence
    clawed_back_pence: Pence
    capped_pence: Pence
    paid_pence: Pence
    payable_pence: Pence
    closing_pence: Pence
    carried_forward_pence: Pence
    lines: Count


class YearTotal(Record):
    """What a statement made payable of the entries effective in a financial year (``year``: that of its 1 April)."""

    year: Annotated[int, Field(ge=2000, le=9999)]
    payable_pence: Pence


class ClosingCommand(Record):
    """The command that closed the month, in codes. ``waiting``: keys with events that could not be read yet."""

    kind: Literal["close_month"] = "close_month"
    by: Actor
    closed_at: Moment
    known_at: Moment
    waiting: Count


class StatementSealed(ContractKeyed):
    """A month of a contract is closed; ``root`` is the root hash of its lines and totals.

    ``places``: how many participants' places the month took, less those that it gave back.
    """

    change: ClosingCommand
    cut: tuple[CutPosition, ...]
    totals: StatementTotals
    years: tuple[YearTotal, ...]
    places: SafeInt
    root: Sha256


class StatementSubmitted(ContractKeyed):
    """The provider has handed a sealed statement in."""

    root: Sha256
    by: Actor
    at: Moment
    file_sha256: Sha256 | None


class StatementApproved(ContractKeyed):
    """The commissioner has approved a statement; never the person who submitted it."""

    root: Sha256
    by: Actor
    at: Moment
    file_sha256: Sha256 | None


class StatementQueried(ContractKeyed):
    """The commissioner holds one line back: it leaves in no payment file until it is released."""

    entry_id: Uuid
    reason: Code
    by: Actor
    at: Moment


class StatementReleased(ContractKeyed):
    """A line that was held back may be paid."""

    entry_id: Uuid
    reason: Code
    by: Actor
    at: Moment


class StatementExported(ContractKeyed):
    """Lines of a contract left in the payment file of a month. A long file has several events, numbered by ``part``.

    ``payable_pence`` is what the whole file pays, ``file_sha256`` the hash of its bytes.
    """

    root: Sha256
    by: Actor
    at: Moment
    file_sha256: Sha256
    payable_pence: SafeInt
    part: Ordinal
    parts: Ordinal
    entries: tuple[Uuid, ...]
