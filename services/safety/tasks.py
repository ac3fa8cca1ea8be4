"""The table ``safety_task`` as every service that keeps one has it, and what waits in it at a moment.

A task says how soon a person of which role must look, at what and since when; never why. Breached is what still waits
when its time by the clock is over: nothing is stored, so no timer has to run for it to be true.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.contracts.safety_codes import ResponseTime
from services.contracts.safety_task import alert_at
from services.kernel.operations.audit import Pool
from services.kernel.settings import Settings

COLUMNS: Final = (
    *(("task_id", "text"), ("programme", "text"), ("provider", "text"), ("referral_id", "text"), ("response", "text")),
    *(("role", "text"), ("raised_at", "timestamptz")),
    *(("done_at", "timestamptz"), ("done_by", "text"), ("actions", "json")),
)
"""What every table of safety tasks has; a service may add columns of its own. ``provider`` null: any may see it."""

Limits = Mapping[ResponseTime, timedelta]
"""After how long an alert is raised; a response time that is not there never alerts by the clock."""


def limits_of(settings: Settings) -> Limits:
    """Return the times that the deployer's clinical safety officer has set."""
    return {
        ResponseTime.IMMEDIATE: timedelta(minutes=settings.safety_immediate_minutes),
        ResponseTime.PROMPT: timedelta(minutes=settings.safety_prompt_minutes),
    }


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose tasks somebody sees: a programme's (None: all), and of a provider only its own and those of none."""

    programme: str | None = None
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task that waits. ``alert_at``: from when on it is breached (None: by the clock never)."""

    task_id: str
    referral_id: str | None
    programme: str | None
    response: ResponseTime
    role: str
    raised_at: datetime
    alert_at: datetime | None
    breached: bool


_WAITING: Final = """
SELECT task_id, referral_id, programme, response, role, raised_at FROM safety_task
WHERE raised_at <= $1 AND (done_at IS NULL OR done_at > $1)
  AND ($2::text IS NULL OR programme = $2) AND ($3::text IS NULL OR provider IS NULL OR provider = $3)
  AND ($4::timestamptz IS NULL OR (raised_at, task_id) > ($4, $5))
ORDER BY raised_at, task_id LIMIT $6
"""


async def waiting(
    pool: Pool,
    as_of: datetime,
    limits: Limits,
    *,
    reach: Reach = Reach(),
    after: tuple[datetime, str] | None = None,
    limit: int | None = None,
) -> Sequence[Waiting]:
    """Return the tasks that waited at a moment, the longest waiting first."""
    rows = await pool.fetch(_WAITING, as_of, reach.programme, reach.provider, *(after or (None, None)), limit)
    found = []
    for row in rows:
        response = ResponseTime(row["response"])
        alert = alert_at(response, row["raised_at"], limits)
        breached = alert is not None and alert <= as_of
        said = (row["task_id"], row["referral_id"], row["programme"], response, row["role"], row["raised_at"])
        found.append(Waiting(*said, alert, breached))
    return found
