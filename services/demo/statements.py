"""What must hold between the statements of all months and the trial balance, checked from outside."""

from typing import Any


def faults_of(statements: list[dict[str, Any]], balance: dict[str, Any]) -> list[str]:
    """Return what does not hold: months chain, lines sum up, and what is owed is what the ledger accrued."""
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
            closing[month["contract"]] = month["closing_pence"]
    accrued = {a["contract"]: -a["balance_pence"] for a in balance["accounts"] if a["account"] == "accrued"}
    wrong += [
        f"{contract}: statements say {closing.get(contract, 0)} pence, the ledger {accrued.get(contract, 0)}"
        for contract in sorted({*closing, *accrued})
        if closing.get(contract, 0) != accrued.get(contract, 0)
    ]
    return wrong
