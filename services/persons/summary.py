"""A dossier in short: which referrals, how they stand, which consents, what may be done. Nothing of health."""

from collections.abc import Iterator
from typing import Any

from services.intake.people.ending import stands
from services.kernel.operations.held import Held
from services.persons.dossier import Dossier, plain

CONSENT = ("referral_id", "consent", "given", "on_day", "channel", "recorded_at")
"""What is said of a consent: what was allowed or taken back, from which day, how, and when it was written down."""


def summary(dossier: Dossier) -> dict[str, Any]:
    """Return it as JSON values."""
    standing, intake = dossier.standing, dossier.held["intake"]
    found: dict[str, Any] = plain(
        {
            "person_id": standing.survivor,
            "pseudonyms": list(standing.pseudonyms),
            "restricted": standing.restricted,
            "legal_hold": standing.held,
            "key_missing": dossier.key_missing,
            "referrals": list(_referrals(intake)),
            "consents": [{name: row[name] for name in CONSENT} for row in intake["consent_fact"]],
            "rows": {name: sum(len(rows) for rows in held.values()) for name, held in dossier.held.items()},
        }
    )
    return found


def _referrals(intake: Held) -> Iterator[dict[str, Any]]:
    views = stands(intake["referral_status"])
    for row in intake["referral"]:
        view = views.get(row["referral_id"])
        yield {
            "referral_id": row["referral_id"],
            "programme": row["programme"],
            "received_at": row["received_at"],
            "status": view.status.value if view else None,
            "on": view.on if view else None,
        }
