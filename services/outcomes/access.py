"""Who may see whose money."""

from services.kernel.http import Principal
from services.outcomes.reading import Scope


def scope_of(who: Principal) -> Scope:
    """Return what a reader may see: a provider's finance its own, a commissioner its programme, an auditor all."""
    match who.role:
        case "auditor":
            return Scope(programme=None, provider=None)
        case "provider_finance":
            return Scope(programme=who.programme, provider=who.organisation_id)
        case _:
            return Scope(programme=who.programme, provider=None)
