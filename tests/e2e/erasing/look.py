"""Everything that an erasure must change, and everything that it must not, as it stands at one moment."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from services.demo.scene import SERVICES
from services.kernel.sealing.errors import SealInvalid
from services.kernel.sealing.keyring import VaultKeys
from services.kernel.sealing.subject_key import KeyFound, SubjectKey
from services.kernel.sealing.tokens import open_token, token_header
from tests.e2e import subscriber
from tests.e2e.leaks.caller import FINANCE, Caller
from tests.e2e.leaks.evidence import TOKEN, whole_columns
from tests.e2e.system import System

KNOWN_AT: Final = "2099-01-01T00:00:00Z"
"""Everything that is known by then: an answer that does not say when it was asked for."""
MONTHS: Final = ("2024-11", "2024-12", "2025-01", "2025-02")
LEDGER: Final = """
SELECT to_jsonb(t)::text, (SELECT jsonb_agg(to_jsonb(l) ORDER BY line)::text FROM ledger_line l
                           WHERE l.transaction_id = t.id)
FROM ledger_transaction t ORDER BY t.id
"""
TOTALS: Final = """
SELECT contract, account, sum(amount_pence)::bigint AS pence FROM ledger_line GROUP BY 1, 2 ORDER BY 1, 2
"""
STATES: Final = "SELECT key, sequence, state::text FROM aggregate WHERE sequence > 0 ORDER BY key"


@dataclass
class Look:
    """One moment. ``sealed``: of each person, how many tokens stand where; ``opened``: how many of them open."""

    ledger: list[tuple[Any, ...]] = field(default_factory=list)
    totals: list[tuple[Any, ...]] = field(default_factory=list)
    statements: dict[str, Any] = field(default_factory=dict)
    """By month, as outcomes answers the provider; ``balance`` is the trial balance."""
    entries: dict[str, Any] = field(default_factory=dict)
    """What each referral has earned, as outcomes answers."""
    states: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    records: list[subscriber.Seen] = field(default_factory=list)
    sealed: dict[str, Counter[str]] = field(default_factory=dict)
    opened: dict[str, Counter[str]] = field(default_factory=dict)


async def look(system: System, call: Caller, referrals: Iterable[str], group: str) -> Look:
    """Read everything. ``group`` is a consumer group that nobody else has."""
    found = Look()
    outcomes = system.connections["outcomes"]
    found.ledger = [tuple(row) for row in await outcomes.fetch(LEDGER)]
    found.totals = [tuple(row) for row in await outcomes.fetch(TOTALS)]
    for month in MONTHS:
        found.statements[month] = await _asked(
            call, "/statements", provider=FINANCE.organisation, month=month, known_at=KNOWN_AT
        )
    found.statements["balance"] = await _asked(call, "/ledger/trial-balance")
    for referral in referrals:
        found.entries[referral] = await _asked(call, "/ledger/entries", referral=referral)
    for service in SERVICES:
        found.states[service] = [tuple(row) for row in await system.connections[service].fetch(STATES)]
    for name, connection in system.connections.items():
        found.columns |= await whole_columns(name, connection)
    found.records = subscriber.subscribe(system.kafka.bootstrap, system.topics, f"{system.prefix}{group}")
    await _open(system, found)
    return found


async def _asked(call: Caller, path: str, **query: str) -> Any:
    answer = await call.get("outcomes", path, FINANCE, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _open(system: System, found: Look) -> None:
    places = {
        **{f"topic {r.topic.removeprefix(system.prefix)} {r.place}": r.value.decode() for r in found.records},
        **found.columns,
    }
    tokens = [(_kind(place), token[0]) for place, text in places.items() for token in TOKEN.finditer(text)]
    keys = await keys_of(system, {token_header(token).sub for _, token in tokens})
    for place, token in tokens:
        sub = token_header(token).sub
        found.sealed.setdefault(sub, Counter())[place] += 1
        found.opened.setdefault(sub, Counter())[place] += opens(token, keys)


def _kind(place: str) -> str:
    return " ".join(place.split()[:2]) if place.startswith("topic ") else place


async def keys_of(system: System, subjects: Iterable[str]) -> Mapping[str, KeyFound]:
    """Every one of these keys that the vault still gives, as a service would get it."""
    keys = await VaultKeys.open(system.settings)
    try:
        return await keys.get(sorted(subjects))
    finally:
        keys.close()


def opens(token: str, keys: Mapping[str, KeyFound]) -> bool:
    """Whether any of the keys opens it, whatever the token says of itself."""
    header = token_header(token)
    for key in keys.values():
        if isinstance(key, SubjectKey):
            try:
                open_token(token, SubjectKey(header.sub, header.kid, key.secret), header.fld, {header.sub})
            except SealInvalid:
                continue
            return True
    return False


def keys_in(backup: Path) -> dict[str, str]:
    """The wrapped keys of a backup, by whose they are."""
    rows = [json.loads(line) for line in backup.read_text().splitlines()]
    return {row["subject"]: row["wrapped"] for row in rows if "subject" in row}
