"""Which invitation is within whose reach, and how invitations are found."""

from collections.abc import Sequence
from datetime import date

from sqlmodel import col, or_, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from services.contracts.invitation_codes import InvitationState
from services.intake.access import is_employer
from services.intake.domain.invitation import Invitation, Standing, standing
from services.intake.domain.posted import PersonPosted
from services.intake.invitations.store import InvitationRow, load_details
from services.kernel.decision import Reason, Refused
from services.kernel.http import Principal, Problem
from services.kernel.runtime.commands import Transaction
from services.kernel.runtime.fold import ERASED


def refuse_others(who: Principal) -> None:
    """Raise Problem 403 for whoever is no provider."""
    if who.organisation_kind != "provider":
        raise Problem(403, "not_a_provider", "providers invite people; refer the person instead: POST /referrals")


def _sees(who: Principal, programme: str, provider: str) -> bool:
    if who.role == "auditor" and not is_employer(who):
        return True
    return who.programme == programme and who.organisation_id == provider


def unknown() -> Refused:
    """Return the refusal of an invitation that is not there, or not for whoever asks: it tells nobody which."""
    return Refused(Reason("invitation_unknown", "there is no such invitation within your reach"), status=404)


async def reachable(tx: Transaction, invitation_id: str, who: Principal) -> Invitation:
    """Return an invitation of the sender's organisation. Raises Problem 403, Refused 404, 410 for an erased person."""
    refuse_others(who)
    found = await tx.load(invitation_id)
    if not isinstance(found, Invitation) or not _sees(who, found.programme.id, found.provider):
        raise unknown()
    if not await tx.has_key(found.person_id):
        raise Refused(ERASED, status=410)
    return found


async def usable_details(tx: Transaction, invitation: Invitation) -> PersonPosted:
    """Return who was identified. Raises Refused where they have answered (409) or were erased (410)."""
    found = await load_details(tx.conn, invitation.invitation_id)
    if found is not None:
        return found
    if invitation.state in {InvitationState.ACCEPTED, InvitationState.DECLINED}:
        raise Refused(Reason(f"invitation_{invitation.state}", f"the person has {invitation.state} already"))
    raise Refused(ERASED, status=410)


_SURVIVOR = "SELECT coalesce(survivor, person_id) FROM person WHERE person_id = $1"


async def survivor_of(tx: Transaction, person_id: str) -> str:
    """Return the pseudonym that stands for a person now."""
    found: str | None = await tx.conn.fetchval(_SURVIVOR, person_id)
    return found or person_id


_SECOND = """SELECT invitation_id FROM invitation
WHERE person_id IN (SELECT $1 UNION ALL SELECT person_id FROM person WHERE survivor = $1)
  AND programme = $2 AND provider = $3 AND state IN ('identified', 'invited')
ORDER BY invitation_id LIMIT 1"""


async def refuse_second(tx: Transaction, person_id: str, programme: str, who: Principal) -> None:
    """Raise Problem 409 where the organisation has an invitation of this person that nobody has answered.

    What other providers have is not told.
    """
    found = await tx.conn.fetchval(_SECOND, person_id, programme, who.organisation_id)
    if found is not None:
        message = "your organisation has identified this person before; go on with that invitation"
        raise Problem(409, "already_identified", message, extra={"invitation_id": found})


def row_within_reach(row: InvitationRow | None, who: Principal) -> InvitationRow:
    """Return a row that the reader may see. Raises Refused 404."""
    if row is None or not _sees(who, row.programme, row.provider):
        raise unknown()
    return row


def standing_of(row: InvitationRow, day: date) -> Standing:
    """Return how an invitation stands on a day."""
    return standing(InvitationState(row.state), row.respond_by, day)


async def page_of(
    session: AsyncSession,
    who: Principal,
    state: Standing | None,
    day: date,
    *,
    after: tuple[date, str] | None,
    limit: int,
) -> Sequence[InvitationRow]:
    """Return the next invitations that the reader may see, by day of identification and id."""
    query = select(InvitationRow)
    if who.role != "auditor" or is_employer(who):
        query = query.where(
            col(InvitationRow.programme) == who.programme, col(InvitationRow.provider) == who.organisation_id
        )
    match state:
        case None:
            pass
        case Standing.EXPIRED:
            query = query.where(col(InvitationRow.state) == "invited", col(InvitationRow.respond_by) < day)
        case Standing.INVITED:
            still = or_(col(InvitationRow.respond_by).is_(None), col(InvitationRow.respond_by) >= day)
            query = query.where(col(InvitationRow.state) == "invited", still)
        case _:
            query = query.where(col(InvitationRow.state) == state.value)
    place = (col(InvitationRow.identified_on), col(InvitationRow.invitation_id))
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    return (await session.exec(query.order_by(*place).limit(limit))).all()
