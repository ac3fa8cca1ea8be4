"""The commands that operators and auditors type, each group imported when it is asked for.

Together they import every service with its API. A worker or a relay that needs none of them starts two seconds earlier,
and so does whoever types one of them.
"""

from typing import Any, Final

import typer
from typer.core import TyperGroup

from services.composition import NAMES, PLACED, service_named
from services.kernel.configuration import Role, refuse_open
from services.kernel.logs import configure_logs
from services.kernel.service import Service
from services.kernel.settings import Settings, load_settings

GROUPS: Final = (
    *("import", "explain", "dlq", "consumer", "outbox", "programme", "rules", "places", "vault", "person"),
    *("referrals", "employers", "caseload", "papers", "retention", "safety", "rates", "config", "topics"),
    *("period", "statement", "payment", "remittance", "claim", "audit", "forecast", "reconcile", "canary"),
)


def lookup(name: str) -> tuple[Service, Settings]:
    """Return a service, put together, and the settings. Raises UnknownService, ValueError."""
    settings = load_settings()
    refuse_open(settings, Role.COMMAND, (name,))  # a redrive decides, and what it decides is published
    configure_logs("WARNING")
    return service_named(name, settings), settings


class Deferred(TyperGroup):
    """A group that knows the names of :data:`GROUPS` and no more of them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return all names, those that are not imported yet too."""
        return [*super().list_commands(ctx), *GROUPS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command or group; None for an unknown name."""
        return _alone(cmd_name) or _group(cmd_name) or super().get_command(ctx, cmd_name)


def _alone(name: str) -> Any:  # one case a command
    made = typer.Typer()
    match name:
        case "import":
            from services.bulk.cli import import_file

            made.command(name)(import_file)
        case "explain":
            from services.triage.explain_cli import add_explain

            add_explain(made, lookup)
        case "statement":
            from services.outcomes.settlement.cli import statement_command

            made.command(name)(statement_command(lookup))
        case "reconcile":
            from services.outcomes.settlement.reconcile_cli import reconcile_command

            made.command(name)(reconcile_command(lookup, NAMES))
        case "claim":
            from services.outcomes.settlement.audit_cli import claim_command

            made.command(name)(claim_command(lookup))
        case "forecast":
            from services.outcomes.settlement.audit_cli import forecast_command

            made.command(name)(forecast_command(lookup))
        case _:
            return None
    return typer.main.get_command(made)


def _group(name: str) -> Any:
    found = _commands(name)
    if found is None:
        return None
    group = typer.main.get_group(found)
    group.name = name
    return group


def _commands(name: str) -> typer.Typer | None:  # noqa: C901, PLR0911, PLR0912  one case a group
    match name:
        case "dlq":
            from services.kernel.operations.commands import dead_letter_commands

            return dead_letter_commands(lookup)
        case "consumer":
            from services.kernel.operations.commands import consumer_commands

            return consumer_commands(lookup)
        case "outbox":
            from services.kernel.operations.commands import outbox_commands

            return outbox_commands(lookup)
        case "programme":
            from services.programmes.cli import app as programme_app

            return programme_app
        case "rules":
            from services.triage.cli import app as rules_app

            return rules_app
        case "places":
            from services.intake.places.cli import app as places_app

            return places_app
        case "vault":
            from services.vault.cli import vault_commands

            return vault_commands(lookup)
        case "person":
            from services.persons.cli import person_commands

            return person_commands(lookup)
        case "referrals":
            from services.intake.word_back.cli import referral_commands

            return referral_commands(lookup)
        case "employers":
            from services.intake.employers.cli import employer_commands

            return employer_commands(lookup)
        case "caseload":
            from services.coaching.caseload.cli import caseload_commands

            return caseload_commands(lookup)
        case "papers":
            from services.coaching.papers.cli import paper_commands

            return paper_commands(lookup)
        case "retention":
            from services.retention.cli import retention_commands

            return retention_commands(lookup)
        case "safety":
            from services.safety.cli import safety_commands

            return safety_commands(lookup)
        case "period":
            from services.outcomes.settlement.cli import period_commands

            return period_commands(lookup)
        case "payment":
            from services.outcomes.settlement.payment_cli import payment_commands

            return payment_commands(lookup)
        case "remittance":
            from services.outcomes.settlement.payment_cli import remittance_commands

            return remittance_commands(lookup)
        case "audit":
            from services.outcomes.settlement.audit_cli import audit_commands

            return audit_commands(lookup)
        case "config":
            from services.kernel.operations.configuration_commands import configuration_commands

            return configuration_commands(NAMES, PLACED)
        case "topics":
            from services.contracts.classes import TOPICS
            from services.kernel.operations.topic_commands import topic_commands

            return topic_commands(TOPICS)
        case "canary":
            from services.canary.cli import app as canary_app

            return canary_app
        case "rates":
            from services.outcomes.rates.cli import rate_commands

            return rate_commands(lookup)
    return None
