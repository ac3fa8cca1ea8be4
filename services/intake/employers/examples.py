"""Worked examples of employers for the OpenAPI document; a test posts each. The employers are invented."""

from typing import Any

REGISTERED: dict[str, Any] = {
    "occurred_on": "2024-11-18",
    "facts": {"legal_form": "company", "size": "medium", "sector": "H", "occupational_health": "helpline"},
    "name": "Example Logistics Ltd",
}
SOLE_TRADER: dict[str, Any] = {
    "occurred_on": "2024-11-18",
    "facts": {"legal_form": "sole_trader", "size": "micro", "sector": "G"},
}
COMMITTED: dict[str, Any] = {
    "kind": "commitment_made",
    "occurred_on": "2024-11-18",
    "commitment": "real_living_wage",
}
ACTIVITY: dict[str, Any] = {
    "kind": "activity_recorded",
    "occurred_on": "2024-11-18",
    "activity": "manager_training",
    "employees_reached": 14,
}

REGISTER_EXAMPLES: Any = {
    "company": {"summary": "A company", "value": REGISTERED},
    "sole_trader": {"summary": "A sole trader: without a name", "value": SOLE_TRADER},
}
COMMAND_EXAMPLES: Any = {
    "commitment": {"summary": "A commitment under the charter", "value": COMMITTED},
    "activity": {"summary": "Training for 14 managers", "value": ACTIVITY},
}
