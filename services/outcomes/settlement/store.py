"""The tables of settlement: lines as settled, sealed statements, what was done with them, what files took.

All of them follow from the contract's own events, but for who was merged with whom: that follows from an input.
"""

import json
from collections.abc import Iterator
from typing import Final

from services.contracts.outcome import ContractOutcome, OutcomeRecorded
from services.contracts.person import PersonMerged
from services.contracts.statement import (
    StatementApproved,
    StatementExported,
    StatementQueried,
    StatementReleased,
    StatementSealed,
    StatementSettled,
    StatementSubmitted,
)
from services.kernel.decision import Event, Received
from services.kernel.service import Change, Row, Table

SETTLEMENT_LINES: Final = Table(
    "settlement_line",
    (
        ("entry_id", "uuid"),
        ("contract", "text"),
        ("month", "text"),
        ("number", "int"),
        ("payable_pence", "bigint"),
        ("withheld_pence", "bigint"),
        ("treatment", "text"),
    ),
)
STATEMENTS: Final = Table(
    "statement",
    (
        ("contract", "text"),
        ("month", "text"),
        ("programme", "text"),
        ("provider", "text"),
        ("event_id", "uuid"),
        ("root", "text"),
        ("totals", "jsonb"),
        ("years", "jsonb"),
        ("places", "bigint"),
        ("cut", "jsonb"),
        ("closed_by", "text"),
        ("closed_at", "timestamptz"),
        ("waiting", "bigint"),
    ),
)
ACTS: Final = Table(
    "statement_act",
    (
        ("contract", "text"),
        ("sequence", "bigint"),
        ("month", "text"),
        ("act", "text"),
        ("event_id", "uuid"),
        ("entry_id", "uuid"),
        ("reason", "text"),
        ("file_sha256", "text"),
        ("amount_pence", "bigint"),
        ("acted_by", "text"),
        ("acted_at", "timestamptz"),
    ),
)
FILE_LINES: Final = Table(
    "payment_line",
    (("entry_id", "uuid"), ("contract", "text"), ("month", "text"), ("number", "int")),
)
MERGED: Final = Table(
    "person_survivor",
    (("person_id", "text"), ("survivor", "text")),
    key=1,
    on_conflict="ON CONFLICT (person_id) DO UPDATE SET survivor = excluded.survivor",
)
TABLES: Final = (SETTLEMENT_LINES, STATEMENTS, ACTS, FILE_LINES, MERGED)
FILE_PART: Final = 1_000_000
"""Lines of a file's parts are numbered apart, so that a part needs no other to be numbered."""


def rows(change: Change) -> Iterator[Row]:
    """Return the rows of a change."""
    for event in change.events:
        yield from _rows_of(event)
    cause = change.cause
    if isinstance(cause, Received) and isinstance(cause.data, PersonMerged):
        for merged in cause.data.merged:
            yield MERGED, (merged, cause.data.survivor)


def _rows_of(event: Event) -> Iterator[Row]:
    data = event.data.root if isinstance(event.data, OutcomeRecorded) else event.data
    match data:
        case StatementSettled():
            for number, line in enumerate(data.lines, data.first):
                yield (
                    SETTLEMENT_LINES,
                    (
                        line.entry_id,
                        data.contract,
                        data.month,
                        number,
                        line.payable_pence,
                        line.withheld_pence,
                        line.treatment,
                    ),
                )
        case StatementSealed():
            yield STATEMENTS, _sealed(event.id, data)
        case StatementExported():
            for number, entry in enumerate(data.entries, (data.part - 1) * FILE_PART + 1):
                yield FILE_LINES, (entry, data.contract, data.month, number)
    act = _act(event, data)
    if act is not None:
        yield ACTS, act


def _sealed(event_id: str, data: StatementSealed) -> tuple[object, ...]:
    return (
        data.contract,
        data.month,
        data.programme.id,
        data.provider,
        event_id,
        data.root,
        data.totals.model_dump_json(),
        json.dumps([year.model_dump() for year in data.years]),
        data.places,
        json.dumps([position.model_dump() for position in data.cut]),
        data.change.by,
        data.change.closed_at,
        data.change.waiting,
    )


def _act(event: Event, data: object) -> tuple[object, ...] | None:
    match data:
        case StatementSubmitted(by=by, at=at, file_sha256=file):
            told: tuple[object, ...] = ("submitted", event.id, None, None, file, None, by, at)
        case StatementApproved(by=by, at=at, file_sha256=file):
            told = ("approved", event.id, None, None, file, None, by, at)
        case StatementQueried(by=by, at=at, entry_id=entry, reason=reason):
            told = ("queried", event.id, entry, reason, None, None, by, at)
        case StatementReleased(by=by, at=at, entry_id=entry, reason=reason):
            told = ("released", event.id, entry, reason, None, None, by, at)
        case StatementExported(by=by, at=at, file_sha256=file, payable_pence=pence, part=1):
            told = ("exported", event.id, None, None, file, pence, by, at)
        case ContractOutcome(remittance=remittance, amount_pence=pence) if remittance is not None:
            told = ("paid", event.id, None, remittance.reference, None, pence, remittance.by, remittance.at)
        case _:
            return None
    return (data.contract, event.sequence, data.month, *told)
