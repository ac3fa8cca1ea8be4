"""What must hold between the statements of all months and the trial balance, checked from outside."""

from collections import Counter
from typing import Any


def faults_of(statements: list[dict[str, Any]], balance: dict[str, Any], *, closed: bool) -> list[str]:
    """Return what does not hold: months chain, lines sum up, the ledger owes as much; ``closed``: all are sealed."""
    wrong = [] if balance["total_pence"] == 0 else [f"the trial balance is {balance['total_pence']} pence, not 0"]
    closing: dict[str, int] = {}
    for provider in statements:
        for month in provider["months"]:
            name = f"{month['contract']} {month['month']}"
            before = closing.get(month["contract"], 0)
            if month["opening_pence"] != before:
                wrong.append(f"{name} opens with {month['opening_pence']}, the month before closed with {before}")
            if month["closing_pence"] != month["opening_pence"] + month["lines_pence"]:
                wrong.append(f"{name}: lines and totals do not agree")
            if closed and month["sealed"] is None:
                wrong.append(f"{name} is not sealed")
            closing[month["contract"]] = month["closing_pence"]
    owed: Counter[str] = Counter()
    for account in balance["accounts"]:
        if account["account"] in {"accrued", "payable"}:
            owed[account["contract"]] -= account["balance_pence"]
    wrong += [
        f"{contract}: statements say {closing.get(contract, 0)} pence, the ledger {owed[contract]}"
        for contract in sorted({*closing, *owed})
        if closing.get(contract, 0) != owed[contract]
    ]
    return wrong
