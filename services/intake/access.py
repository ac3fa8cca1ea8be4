"""Who may do what with which referral: its referrer's organisation, and the staff of its programme."""

from typing import Annotated

from services.intake.domain.audience import Employer, Informed, audience
from services.kernel.decision import Reason, Refused
from services.kernel.http import Principal, require
from services.kernel.runtime.commands import Transaction

STAFF = ("assessor", "coach", "team_lead", "clinical_safety")
Sender = Annotated[Principal, require("referrer", *STAFF)]
Reader = Annotated[Principal, require("referrer", *STAFF, "auditor")]
Staff = Annotated[Principal, require(*STAFF, "auditor")]
Decider = Annotated[Principal, require(*STAFF)]

_OWNER = "SELECT organisation_id, programme FROM referral WHERE referral_id = $1"


async def refuse_others(tx: Transaction, referral_id: str, who: Principal) -> None:
    """Raise Refused (404) for a referral out of reach."""
    row = await tx.conn.fetchrow(_OWNER, referral_id)
    if row is None or not may_see(who, row["organisation_id"], row["programme"]):
        raise unknown()


def may_see(who: Principal, organisation_id: str, programme: str) -> bool:
    """Tell whether a referral is within reach: its referrer's organisation, or the programme's staff.

    An employer has no staff of ours, whatever role a token gives it.
    """
    ours = not is_employer(who)
    if who.role == "auditor" and ours:
        return True
    return who.programme == programme and ((who.role in STAFF and ours) or who.organisation_id == organisation_id)


def may_decide(who: Principal) -> bool:
    """Tell whether somebody is of the programme's staff, and not there to look only."""
    return who.role in STAFF and not is_employer(who)


def is_employer(who: Principal) -> bool:
    """Tell whether somebody is told only what the third consent allows."""
    return isinstance(audience(who.organisation_kind), Employer)


def is_told_all(who: Principal) -> bool:
    """Tell whether somebody is told every status: of an NHS organisation or a provider."""
    reader = audience(who.organisation_kind)
    return isinstance(reader, Informed) and reader.full


def unknown() -> Refused:
    """Return the refusal of a referral that is not there, or not for whoever asks: it tells nobody which."""
    return Refused(Reason("referral_unknown", "there is no such referral within your reach"), status=404)
