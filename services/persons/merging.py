"""Merges the people whom somebody has decided to be one, and says what became of each pair."""

from typing import Any, Final

from services.intake.people.near_matches import decided_same
from services.kernel.operations.audit import OperationRefused
from services.kernel.operations.held import open_reader
from services.kernel.settings import Settings
from services.vault.people import People

MERGED: Final = frozenset({"merged", "merged before"})
"""Outcomes after which the two are one person."""


async def merge_decided(people: People, settings: Settings, *, apply: bool) -> list[dict[str, Any]]:
    """Merge each pair that intake holds as decided ``same``; the pseudonym that was known longer stays.

    A pair that cannot be merged (somebody was erased since) is told and leaves the others alone. Doing it again before
    intake has heard of it changes nothing.
    """
    async with open_reader(settings.service_url("intake")) as connection:
        pairs = await decided_same(connection)
    found = []
    for pair in pairs:
        note = f"near match {pair['near_match_id']}, decided by {pair['decided_by']}"
        try:
            done = await people.merge(pair["survivor"], pair["merged"], note=note, apply=apply)
        except OperationRefused as refused:
            outcome = refused.code
        else:
            outcome = "merged" if done.events else "merged before"
        found.append({**pair, "outcome": outcome})
    return found
