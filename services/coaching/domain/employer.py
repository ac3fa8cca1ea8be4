"""A conversation with an employer: only under the permission that the third consent gives for its day."""

from datetime import datetime
from typing import Any

from services.coaching.domain.consents import history
from services.coaching.domain.plan import Plan
from services.coaching.domain.work_commands import ContactEmployer
from services.contracts.consent import EmployerPermission
from services.contracts.plan_change import EmployerContacted
from services.kernel.decision import Reason, Refused


def permission(state: Plan, command: ContactEmployer, now: datetime) -> EmployerPermission:
    """Return the proof that the employer might be spoken to on the day of the conversation. Raises Refused 409.

    A plan holds the latest word on each consent only: after a withdrawal no earlier conversation can be recorded.
    """
    found = history(state, now).employer_permission(command.occurred_on)
    if found is None:
        message = (
            "the person has not consented, for that day, to share with the employer; ask them, and record their "
            "answer (consent_changed, share_with_employer) before you speak with the employer"
        )
        raise Refused(Reason("employer_consent_missing", message, "/occurred_on"))
    return found


def contacted(permission: EmployerPermission, fields: dict[str, Any]) -> EmployerContacted:
    """Return the change."""
    said = {name: value for name, value in fields.items() if name != "kind"}
    return EmployerContacted.under(permission, **said)
