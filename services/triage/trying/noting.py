"""Who has read, referral by referral, what trying rules shows of people: a row, before anything is shown."""

from collections.abc import Sequence

from services.kernel.operations.audit import record_action
from services.kernel.runtime.database import open_pool
from services.kernel.settings import Settings


async def note_reading(settings: Settings, actor: str, action: str, target: str, referrals: Sequence[str]) -> None:
    """Write down who read which referrals; ``target`` is the rule file. The row is in triage's `operator_action`.

    A person's export finds it by the referral's id.
    """
    pool = await open_pool(settings.service_url("triage"), size=1, point_lookups=False)
    try:
        async with pool.acquire() as connection:
            await record_action(connection, actor, action, target, "", {"referrals": list(referrals)})
    finally:
        pool.terminate()
