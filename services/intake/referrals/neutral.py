"""Commands of those who are told little: the answer does not say what they may not know, and nothing happens."""

from collections.abc import Collection

from services.kernel.decision import Command, Refused
from services.kernel.runtime.commands import Executed, Transaction


async def neutrally(tx: Transaction, command: Command, untold: Collection[str]) -> Executed | None:
    """Execute a command; None: it was refused for what its sender is not told, one of the codes ``untold``.

    Decided under the lock, so that nobody learns from a race either. Raises Refused for anything else: what can be told
    from the command alone is judged before.
    """
    try:
        return await tx.execute(command)
    except Refused as refused:
        if any(reason.code in untold for reason in refused.reasons):
            return None
        raise
