"""What earlier answers about a referral said that makes a sign urgent: read from intake's own events."""

import json
from typing import Final

from services.contracts import red_flags, types
from services.contracts.assessment import Assessment
from services.contracts.codes import Condition, RedFlag
from services.intake.domain.safety import Known
from services.kernel.runtime.commands import Transaction
from services.kernel.sealing.content import ContentErased, KeyMissing, Sealed, SealedAs
from services.kernel.sealing.errors import SealInvalid, VaultUnavailable, WrappingKeyWrong

_EVENTS: Final = "SELECT value FROM outbox WHERE key = $1 AND topic = $2 ORDER BY sequence"
_AS: Final = SealedAs("assessment", Assessment)
_UNREADABLE: Final = (ContentErased, KeyMissing, SealInvalid, VaultUnavailable, WrappingKeyWrong)


async def known_of(tx: Transaction, referral: str, person_id: str) -> Known:
    """Return what the answers about a referral came to; of those that nobody can read now, that there is back pain.

    A condition that a later list leaves out and a sign that is denied later count, as they do in triage.
    """
    rows = await tx.conn.fetch(_EVENTS, referral, types.TOPIC_REFERRAL)
    tokens = [token for row in rows if (token := (json.loads(row["value"]).get("sealed") or {}).get("assessment"))]
    if not tokens:
        return Known()
    try:
        await tx.hold([person_id])
        said = [_opened(tx, token, person_id) for token in tokens]
    except _UNREADABLE:
        return Known(back_pain=True)
    named = {condition for one in said for condition in (*(one.conditions or ()), *(one.named_before or ()))}
    signs = {flag for one in said for flag, yes in (one.red_flags or {}).items() if yes}
    return Known(Condition.BACK_PAIN in named, frozenset[RedFlag](signs & red_flags.URGENT_ITEMS))


def _opened(tx: Transaction, token: str, person_id: str) -> Assessment:
    sealed: Sealed[Assessment] = Sealed(token, _AS)
    sealed.unlock(tx.held.get(person_id))
    return sealed.content
