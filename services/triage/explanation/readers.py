"""Who may read which explanation: a table. Each view is made for a reader type, which only this table gives."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

STAFF: Final = frozenset({"assessor", "coach", "team_lead", "clinical_safety"})
CLINICAL_KINDS: Final = frozenset({"nhs", "provider"})
"""Kinds of organisation that are told every status of a referral; the others learn nothing of what triage found."""
OUTSIDE: Final = frozenset({"employer", "self"})
"""Kinds of organisation that have no staff of ours, whatever role a token gives them."""


class View(StrEnum):
    """Whom an explanation is written for."""

    COACH = "coach"
    REFERRER = "referrer"
    PARTICIPANT = "participant"


@dataclass(frozen=True, slots=True)
class CoachReader:
    """May read everything."""


@dataclass(frozen=True, slots=True)
class ReferrerReader:
    """May read what holds no clinical fact. ``own``: only of a referral that their organisation has made."""

    own: bool


@dataclass(frozen=True, slots=True)
class ParticipantReader:
    """May read what is written for the person, to hand it to them."""


Reader = CoachReader | ReferrerReader | ParticipantReader

_STAFF_READS: Final[dict[View, Reader]] = {
    View.COACH: CoachReader(),
    View.REFERRER: ReferrerReader(own=False),
    View.PARTICIPANT: ParticipantReader(),
}
MAY_READ: Final[dict[str, dict[View, Reader]]] = {
    **dict.fromkeys(sorted(STAFF), _STAFF_READS),
    "auditor": _STAFF_READS,
    "referrer": {View.REFERRER: ReferrerReader(own=True)},
}
"""Role to what it may read; any other role, and any other view, nothing."""


def reader(role: str, organisation_kind: str, view: View) -> Reader | None:
    """Return who somebody is to a view; None: it is not for them."""
    if organisation_kind in OUTSIDE:
        return None
    if role == "referrer" and organisation_kind not in CLINICAL_KINDS:
        return None
    return MAY_READ.get(role, {}).get(view)
