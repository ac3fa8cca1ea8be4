"""The ledger's own health as gauges: it is in balance, and each entry is of an event that was decided."""

import time
from typing import Final

import structlog
from prometheus_client import Gauge

from services.kernel.operations.audit import Pool
from services.kernel.service import Look
from services.kernel.settings import Settings

log = structlog.get_logger()

EVERY_SECONDS: Final = 300.0
"""The ledger is read whole: often enough to page somebody, seldom enough to cost nothing."""
BALANCE: Final = Gauge("pathway_ledger_trial_balance_pence", "Sum of all ledger lines: anything but 0 is wrong")
DIFFERENCE: Final = Gauge(
    "pathway_reconciliation_difference",
    "Ledger transactions without their event in the outbox, or whose lines do not sum to 0, and what the last full "
    "reconciliation found",
)
LOOK: Final = """
SELECT (SELECT coalesce(sum(amount_pence), 0)::bigint FROM ledger_line) AS balance,
       (SELECT count(*) FROM ledger_transaction t WHERE NOT EXISTS (
            SELECT FROM outbox o WHERE o.key IN (t.referral_id, t.contract) AND o.event_id = t.id::text))
       + (SELECT count(*) FROM (SELECT transaction_id FROM ledger_line
                                GROUP BY transaction_id HAVING sum(amount_pence) <> 0) AS uneven)
       + coalesce((SELECT differences FROM reconciliation ORDER BY id DESC LIMIT 1), 0) AS difference
"""


def look_at_ledger() -> Look:
    """Return what the worker asks now and then."""
    due = 0.0

    async def look(pool: Pool, _: Settings) -> None:
        nonlocal due
        if time.monotonic() < due:
            return
        row = await pool.fetchrow(LOOK)
        due = time.monotonic() + EVERY_SECONDS
        if row is None:
            return
        BALANCE.set(row["balance"])
        DIFFERENCE.set(row["difference"])
        if row["balance"] or row["difference"]:
            log.error("ledger_differs", service="outcomes", count=row["difference"])

    return look
