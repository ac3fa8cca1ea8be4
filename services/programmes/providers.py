"""Which provider a referral goes to: a pure function of the file, the referral and its day."""

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.programmes.model import Programme
from services.programmes.tiers import Contract


class ChosenBy(StrEnum):
    """Who or what chose the provider."""

    NAMED = "named"
    CHOSEN = "chosen"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class ProviderChoice:
    """The provider of a referral, the contract it is paid under, and who chose."""

    provider: str
    contract: str
    by: ChosenBy


class ProviderNotOffered(ValueError):
    """A provider was asked for that takes no referrals in that locality (None: the area) on that day."""

    def __init__(self, provider: str, locality: str | None, on: date) -> None:
        self.provider = provider
        self.locality = locality
        self.on = on
        super().__init__(f"{provider!r} takes no referrals in {locality or 'the area'!r} on {on}")


def offered(programme: Programme, locality: str | None, on: date) -> tuple[Contract, ...]:
    """Return the contracts that a person may choose from, specialists included, in the file's order.

    Those of the locality; without one, those that stand directly under the area.
    """
    return programme.tiers.contracts_on(locality, on)


def choose_provider(
    programme: Programme, locality: str | None, *, referral_id: str, on: date, named: str | None, chosen: str | None
) -> ProviderChoice | None:
    """Return the provider of a referral made ``on`` a day, or None when nobody takes referrals that day.

    The one that the referrer or inviter names comes first, then the person's own choice, then the file's
    list by SHA-256 of the referral id (the same id always gives the same provider). The list holds no
    specialist provider: those are offered, never assigned, so that nobody is placed by ethnicity.
    Raises ProviderNotOffered when a named or chosen provider is not there on that day.
    """
    contracts = offered(programme, locality, on)
    for wanted, by in ((named, ChosenBy.NAMED), (chosen, ChosenBy.CHOSEN)):
        if wanted is not None:
            contract = next((c for c in contracts if c.provider == wanted), None)
            if contract is None:
                raise ProviderNotOffered(wanted, locality, on)
            return ProviderChoice(contract.provider, contract.id, by)
    listed = [c for c in contracts if not _is_specialist(programme, c.provider)]
    if not listed:
        return None
    digest = hashlib.sha256(referral_id.encode()).digest()
    contract = listed[int.from_bytes(digest[:8], "big") % len(listed)]
    return ProviderChoice(contract.provider, contract.id, ChosenBy.LIST)


def _is_specialist(programme: Programme, provider_id: str) -> bool:
    provider = programme.provider(provider_id)
    return provider is None or provider.specialist
