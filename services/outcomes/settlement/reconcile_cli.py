"""``pathway reconcile``."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer

from services.kernel.operations.printing import (
    Actor,
    AsJson,
    Lookup,
    progress_bar,
    run_or_exit,
    show_fields,
    show_rows,
)
from services.outcomes.settlement.reconciling import NAME, reconcile

DIFFERS, NOT_DONE = 1, 2


def reconcile_command(lookup: Lookup, names: Sequence[str]) -> Any:
    """Build ``pathway reconcile``. ``names``: every service, in the order in which a referral passes them."""

    def run(actor: Actor, as_json: AsJson = False) -> None:
        """Hold the ledger, the log and every service's places against each other.

        Reads all topics from Kafka. What it finds is kept: while the last reconciliation differs, nothing is exported.
        Exit codes: 0 nothing differs; 1 something does, and the first of it is named; 2 it could not be done.
        """
        _, settings = lookup(NAME)
        services = [lookup(name)[0] for name in names]
        with progress_bar("reading the topics") as advance:
            found = run_or_exit(reconcile(services, settings, by=actor, advance=advance), NOT_DONE)
        rows = [asdict(account) for account in found.accounts]
        if as_json:
            fields = {**found.as_dict(), "topics": rows, "first_differences": found.differences[:20]}
            show_fields("", fields, as_json=True)
        else:
            show_rows("Sent = consumed + dead + waiting + unread", rows, as_json=False)
            show_fields("Ledger", found.as_dict(), as_json=False)
        raise typer.Exit(0 if found.equal else DIFFERS)

    return run
