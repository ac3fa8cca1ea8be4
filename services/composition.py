"""Which services there are and how each is put together: the only module that knows them all."""

from typing import TYPE_CHECKING

from services.kernel.service import Service
from services.kernel.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI  # a worker and a relay serve no API: half a second less to start each

    from services.kernel.runtime.roles import Running  # a command needs no relay

NAMES = ("intake", "triage", "coaching", "outcomes", "vault")
"""The services in the order in which a referral passes them, then the keeper of keys."""

PLACED = "intake"
"""The service that reads the deployer's tables of places."""


class UnknownService(ValueError):
    """No service has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no service {name!r}; there are: {', '.join(NAMES)}")


def service_named(name: str, settings: Settings) -> Service:
    """Put one service together. Only its own package is imported. Raises :class:`UnknownService`."""
    folder = settings.programmes_dir
    match name:
        case "intake":
            from services.intake.service import build as intake

            return intake(folder, settings.places_dir)
        case "triage":
            from services.triage.service import build as triage

            return triage(folder)
        case "coaching":
            from services.coaching.service import build as coaching

            return coaching(folder)
        case "outcomes":
            from services.outcomes.service import build as outcomes

            return outcomes(folder)
        case "vault":
            from services.vault.service import build as vault

            return vault()
        case _:
            raise UnknownService(name)


class NoSuchRole(ValueError):
    """The service has no such role: the vault has no API and reads no topic."""

    def __init__(self, name: str, role: str) -> None:
        super().__init__(f"{name} has no {role}, but a relay and commands of its own: pathway vault, pathway person")


def beside_relay(service: Service, settings: Settings) -> "list[Running]":
    """Return what runs in the same process as a service's relay."""
    if service.name != "vault":
        return []
    from services.kernel.sealing.serving import ServingGuard

    return [ServingGuard(service, settings)]


def api_named(name: str, settings: Settings) -> "FastAPI":
    """Put one service's HTTP API together. Raises :class:`UnknownService` or :class:`NoSuchRole`."""
    match name:
        case "intake":
            from services.intake.api import create_app as intake

            return intake(settings)
        case "triage":
            from services.triage.api import create_app as triage

            return triage(settings)
        case "coaching":
            from services.coaching.api import create_app as coaching

            return coaching(settings)
        case "outcomes":
            from services.outcomes.api import create_app as outcomes

            return outcomes(settings)
        case "vault":
            raise NoSuchRole(name, "API")
        case _:
            raise UnknownService(name)
