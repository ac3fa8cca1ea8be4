"""What people do with a sealed statement: hand it in, approve it, hold a line, release it."""

from typing import Any

from services.contracts.base import VersionRef
from services.kernel.decision import Command, Reason, Refused
from services.kernel.runtime.commands import Executed, Transaction
from services.outcomes.domain import settlement_asked as asked
from services.outcomes.domain.settlement_state import ContractAccount, Month

IN_STATEMENT = "SELECT EXISTS (SELECT FROM settlement_line WHERE entry_id = $1 AND contract = $2 AND month = $3)"
ACTS = {"submit": asked.Submit, "approve": asked.Approve, "query": asked.Query, "release": asked.Release}


async def account_of(tx: Transaction, contract: str, month: str) -> tuple[ContractAccount, Month]:
    """Return a contract's state and one of its closed months. Raises Refused 404 ``not_closed``."""
    state = await tx.load(contract)
    found = state.months.get(month) if isinstance(state, ContractAccount) else None
    if found is None:
        raise Refused(Reason("not_closed", f"{contract} has no closed statement of {month}"), status=404)
    return state, found


def named(state: ContractAccount, month: Month, contract: str, name: str) -> dict[str, Any]:
    """Return the fields that every command about a statement has."""
    version = VersionRef(id=state.programme, version=month.version)
    return {"programme": version, "contract": contract, "provider": state.provider, "month": name}


async def act(tx: Transaction, kind: str, contract: str, month: str, by: str, **fields: str) -> Executed:
    """Do one of :data:`ACTS`. Raises Refused."""
    state, found = await account_of(tx, contract, month)
    entry = fields.get("entry_id")
    if entry is not None and not await tx.conn.fetchval(IN_STATEMENT, entry, contract, month):
        raise Refused(Reason("line_unknown", f"the statement has no line {entry}", "/entry_id"), status=404)
    data = ACTS[kind](**named(state, found, contract, month), **fields)
    return await tx.execute(Command(tx.command_id, f"settlement.{kind}", contract, data, actor=by))
