"""A dossier in short: which referrals, how they stand, which consents, what may be done. Nothing of health."""

from collections.abc import Iterator
from typing import Any

from services.contracts import types
from services.intake.ending import stands
from services.kernel.operations.held import Held
from services.persons.dossier import Dossier, plain


def summary(dossier: Dossier) -> dict[str, Any]:
    """Return it as JSON values."""
    standing, intake = dossier.standing, dossier.held["intake"]
    found: dict[str, Any] = plain(
        {
            "person_id": standing.survivor,
            "pseudonyms": list(standing.pseudonyms),
            "restricted": standing.restricted,
            "legal_hold": standing.held,
            "referrals": list(_referrals(intake)),
            "consents": sorted(_consents(intake), key=lambda fact: (fact["referral_id"], fact["consent"], fact["on"])),
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


def _consents(intake: Held) -> Iterator[dict[str, Any]]:
    """Return each consent as a fact: what was allowed or taken back, when, how."""
    for row in intake["outbox"]:
        data = row["value"]
        match row["headers"]["type"]:
            case types.REFERRAL_CREATED:
                for name, consent in sorted(data["consents"].items()):
                    if consent is not None:
                        yield _fact(row["key"], name, consent, consent.get("on") or data["referred_on"])
            case types.REFERRAL_CONSENT_CHANGED:
                change = data["change"]
                yield _fact(row["key"], change["consent"], change, data["occurred_on"])
            case _:
                pass


def _fact(referral: str, name: str, found: dict[str, Any], day: str) -> dict[str, Any]:
    given, channel = found.get("given"), found.get("channel")
    return {"referral_id": referral, "consent": name, "given": given, "on": day, "channel": channel}
