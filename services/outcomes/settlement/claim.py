"""A claim pack: everything that justifies one claim, in one document.

What is sealed stays sealed. Facts and consents are those of the plan changes that led to the entries, read from
coaching's own record of what it has sent. Each event stands with its place and digest on the log, so that whoever may
read the topics can hold the pack against them.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from services.contracts.types import TOPIC_OUTCOME, TOPIC_PLAN
from services.kernel.operations.audit import OperationRefused
from services.kernel.runtime.log_view import LogView
from services.kernel.runtime.tables import Connection
from services.programmes.book import ProgrammeBook

ENTRIES: Final = """
SELECT t.*, s.month AS settled_month, s.number AS settled_number, s.payable_pence, s.withheld_pence, s.treatment,
       p.month AS file_month
FROM ledger_transaction t LEFT JOIN settlement_line s ON s.entry_id = t.id
LEFT JOIN payment_line p ON p.entry_id = t.id
WHERE t.referral_id = $1 AND t.milestone = $2 AND t.occurrence = $3 ORDER BY t.sequence
"""
LINES: Final = "SELECT * FROM ledger_line WHERE transaction_id = ANY($1::uuid[]) ORDER BY transaction_id, line"
EVENTS: Final = """
SELECT topic, key, sequence, event_id, recorded_ms, headers, value FROM outbox
WHERE topic = $1 AND key = $2 AND event_id = ANY($3::text[]) ORDER BY sequence
"""
STATEMENTS: Final = "SELECT * FROM statement WHERE contract = ANY($1::text[]) AND month = ANY($2::text[])"
ACTS: Final = """
SELECT * FROM statement_act WHERE contract = ANY($1::text[]) AND month = ANY($2::text[])
AND (entry_id IS NULL OR entry_id = ANY($3::uuid[])) ORDER BY contract, sequence
"""


async def claim_pack(
    connection: Connection, coaching: Connection, book: ProgrammeBook, referral: str, milestone: str, occurrence: int
) -> dict[str, Any]:
    """Return the pack of one claim. Raises OperationRefused ``claim_unknown``."""
    entries = [dict(row) for row in await connection.fetch(ENTRIES, referral, milestone, occurrence)]
    if not entries:
        raise OperationRefused("claim_unknown", f"referral {referral} has no {milestone} {occurrence}")
    ids = [entry["id"] for entry in entries]
    own = await _events(connection, TOPIC_OUTCOME, referral, [str(identity) for identity in ids])
    facts = await _events(coaching, TOPIC_PLAN, referral, [event["causationid"] for event in own])
    contracts = sorted({entry["contract"] for entry in entries})
    months = sorted({m for entry in entries for m in (entry["settled_month"], entry["file_month"]) if m})
    lines = await connection.fetch(LINES, ids)
    return {
        "form": "pathway-claim-1",
        "referral_id": referral,
        "milestone": milestone,
        "occurrence": occurrence,
        "entries": [
            {
                **_plain(entry),
                "postings": [_plain(dict(line)) for line in lines if line["transaction_id"] == entry["id"]],
            }
            for entry in entries
        ],
        "facts": [_fact(event) for event in facts],
        "rate_cards": _cards(book, entries),
        "events": [*facts, *own],
        "statements": [_plain(dict(row)) for row in await connection.fetch(STATEMENTS, contracts, months)],
        "acts": [_plain(dict(row)) for row in await connection.fetch(ACTS, contracts, months, ids)],
    }


async def place_on_log(log: LogView, pack: dict[str, Any]) -> None:
    """Add to each event where it lies on the log, and the SHA-256 of the value there; None where it is not there.

    A record's timestamp is its event's ``recordedtime``, so that reading begins there and ends with what is found.
    """
    for topic in sorted({event["topic"] for event in pack["events"]}):
        wanted = {event["id"]: event for event in pack["events"] if event["topic"] == topic}
        for event in wanted.values():
            event["on_log"] = None
        spans = await log.since(topic, min(event["recorded_ms"] for event in wanted.values()))
        async for records in log.read(spans):
            for record in records:
                event = wanted.pop(dict(record.headers).get("ce_id", b"").decode(errors="replace"), None)
                if event is not None:
                    digest = hashlib.sha256(record.value or b"").hexdigest()
                    event["on_log"] = {"partition": record.partition, "offset": record.offset, "sha256": digest}
            if not wanted:
                break


async def _events(connection: Connection, topic: str, key: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    found = []
    for row in await connection.fetch(EVENTS, topic, key, list(ids)):
        headers = json.loads(row["headers"])
        found.append({
            "topic": topic,
            "id": row["event_id"],
            "type": headers["type"],
            "key": key,
            "sequence": row["sequence"],
            "time": headers["time"],
            "recordedtime": headers["recordedtime"],
            "recorded_ms": row["recorded_ms"],
            "causationid": headers["causationid"],
            "sha256": hashlib.sha256(bytes(row["value"])).hexdigest(),
            "data": json.loads(bytes(row["value"])),
        })  # fmt: skip
    return found


def _fact(event: dict[str, Any]) -> dict[str, Any]:
    data = event["data"]
    return {
        "event_id": event["id"],
        "plan_version": data["plan_version"],
        "change": data["change"],
        "consents": data["plan"].get("consents"),
    }


def _cards(book: ProgrammeBook, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    named = {(e["card_id"], e["card_version"], e["card_sha256"]) for e in entries if e["card_id"]}
    found = [
        {**card.model_dump(mode="json"), "sha256": card.sha256}
        for version in book
        for card in version.payment.rate_cards
        if (card.id, card.version, card.sha256) in named
    ]
    return list({card["sha256"]: card for card in found}.values())


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    jsonb = {"evidence", "reasons", "totals", "years", "cut"}
    return {
        name: json.loads(value) if name in jsonb and isinstance(value, str) else _text(value)
        for name, value in row.items()
    }


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, int | bool) else str(value)
