"""Reconciliation: ledger, log and every service's places held against each other, as at one moment."""

from collections.abc import Sequence

from services.kernel.operations.audit import OperationRefused
from services.kernel.reconciling.accounts import of_reader, of_sender
from services.kernel.reconciling.copies import Advance, Copy, copied
from services.kernel.replay.history import Difference
from services.kernel.runtime.database import comparing_session
from services.kernel.runtime.log_view import open_log
from services.kernel.service import Service
from services.kernel.settings import Settings
from services.outcomes.settlement.proving import ON_LOG, prove
from services.outcomes.settlement.reconciled import Reconciled, keep

NAME = "outcomes"


async def reconcile(services: Sequence[Service], settings: Settings, *, by: str, advance: Advance) -> Reconciled:
    """Read every topic to its end, compare, and keep what was found.

    Databases are read by ``PATHWAY_READ_URL``, and what was found is kept by ``PATHWAY_DATABASE_URL``. Raises
    OperationRefused ``databases_not_apart``, KafkaError, and what databases raise.
    """
    if len({settings.reader_url(service.name) for service in services}) < len(services):
        message = "PATHWAY_READ_URL must hold {service}: each service has a database of its own, and all are read"
        raise OperationRefused("databases_not_apart", message)
    async with (
        open_log(settings) as log,
        copied(services, settings, log, whole=NAME, advance=advance) as (copies, lost),
    ):
        found = await _compare(copies, lost)
    async with comparing_session(settings.service_url(NAME)) as connection:
        await keep(connection, found, by)
    return found


async def _compare(copies: dict[str, Copy], lost: list[Difference]) -> Reconciled:
    accounts, differences = [], list(lost)
    for copy in copies.values():
        differences += await of_sender(copy)
    for copy in copies.values():
        read, differing = await of_reader(copy)
        accounts += read
        differences += differing
    proof = await prove(copies[NAME].connection, ON_LOG)
    return Reconciled(proof, accounts, [*map(_said, differences), *proof.differences])


def _said(found: Difference) -> str:
    return f"{found.service} {found.what}: {found.key} {found.sequence} ({found.detail})"
