"""``pathway restore``: the restore with a progress bar and an answer that scripts can read."""

import asyncpg

from services.kernel.operations.printing import Lookup, progress_bar, say_dry_run, show_fields, with_pool
from services.kernel.operations.restore import Restored, restore
from services.kernel.runtime.log_view import open_log
from services.kernel.service import Service
from services.kernel.settings import Settings


def run_restore(lookup: Lookup, name: str, *, actor: str, apply: bool, accept_trimmed: bool, as_json: bool) -> None:
    """Fold a service's own log into its database and say what was found."""

    async def work(pool: asyncpg.Pool, service: Service, settings: Settings) -> Restored:
        with progress_bar(f"reading {service.output}") as progress:
            async with open_log(settings) as log:
                return await restore(
                    pool, service, log, actor=actor, apply=apply, accept_trimmed=accept_trimmed, progress=progress
                )

    found = with_pool(lookup, name, work)
    fields = {"records": found.records, "events": found.events, "keys": len(found.keys), "inputs": found.inputs}
    show_fields(f"Restore of {name}", fields, as_json=as_json)
    say_dry_run(applied=apply, as_json=as_json)
