"""Who is told how a referral stands: an employer under a permission only, everybody else more or less.

The status views ask for one of these two types or for a permission, so that none can be made for the wrong reader.
"""

from dataclasses import dataclass
from typing import Final

from services.intake.domain.status import FULL_VIEW_KINDS

OTHERS: Final = frozenset({"jobcentre", "community", "self"})
"""Kinds of organisation that are told a few statuses. Whose kind we do not know is told as little as an employer."""


@dataclass(frozen=True, slots=True)
class Employer:
    """An employer: told that a referral was received; more only under an EmployerPermission."""


@dataclass(frozen=True, slots=True)
class Informed:
    """Anybody else; ``full``: NHS organisations and providers, who are told every status."""

    full: bool


def audience(organisation_kind: str) -> Employer | Informed:
    """Return who somebody from an organisation of that kind is to us."""
    if organisation_kind in FULL_VIEW_KINDS | OTHERS:
        return Informed(organisation_kind in FULL_VIEW_KINDS)
    return Employer()
