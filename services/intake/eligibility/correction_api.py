"""HTTP: facts of a referral that were wrong, put right."""

from typing import Annotated

from fastapi import APIRouter, Body, Request
from pydantic import WrapValidator
from starlette.responses import JSONResponse

from services.intake.access import Sender, is_employer, is_told_all, refuse_others
from services.intake.domain import safety
from services.intake.domain.correction import CORRECT, NOTHING_TO_CORRECT, CorrectionPosted, CorrectReferral
from services.intake.domain.standing import WITHDRAWN
from services.intake.eligibility.examples import CORRECTION_EXAMPLES
from services.intake.people import details
from services.intake.people.beside import open_beside
from services.intake.people.recognising import lock, lock_names, match_keys
from services.intake.referrals.neutral import neutrally
from services.intake.referrals.reading import as_sent, read_strictly
from services.kernel.decision import Command, Reason, Refused
from services.kernel.http import Answer, Once, Principal
from services.kernel.http.exchange import exchange_of
from services.kernel.runtime.commands import Transaction

router = APIRouter(tags=["referrals"])


@router.post("/referrals/{referral_id}/corrections", status_code=201, response_model=None)
async def correct(
    referral_id: str,
    request: Request,
    body: Annotated[CorrectionPosted, WrapValidator(as_sent), Body(openapi_examples=CORRECTION_EXAMPLES)],
    once: Once,
    who: Sender,
) -> JSONResponse:
    """Say what is true instead. A field that is absent stands as it is; null: it is not known after all.

    Eligibility is evaluated again and triage decides again. A decision on eligibility stands unless a correction
    changes what it was about. An NHS number that belongs to somebody else is 409 `nhs_number_of_another`: two people
    are made one by a person, never by a correction. Who is told little gets the same answer whether or not anything
    was there to correct, and says all that goes together in work.
    """
    raw = exchange_of(request.scope).body

    async def handle(tx: Transaction) -> Answer:
        await refuse_others(tx, referral_id, who)
        posted = read_strictly(raw, CorrectionPosted)
        person, answers = await details.read(tx.conn, referral_id)
        data = CorrectReferral(posted=posted, person=person, answers=answers, organisation_kind=who.organisation_kind)
        keys = match_keys(data.corrected[0])
        await lock(tx.conn, *lock_names(match_keys(person), "", None), *lock_names(keys, "", None))
        full = is_told_all(who)
        if full and "nhs_number" in posted.person.model_fields_set:  # nobody else may correct it, or learn from it
            held = await _held(tx, referral_id, keys.nhs_number)
            data = data.model_copy(update={"number_held": held})
        data = data.model_copy(update={"beside": await open_beside(tx, referral_id)})
        command = Command(id=tx.command_id, type=CORRECT, key=referral_id, data=data, actor=who.subject)
        done = await neutrally(tx, command, _untold(who))
        review = full and done is not None and done.state.awaited is not None
        status = "eligibility_review" if review else "accepted"
        waiting = full and done is not None and done.waiting
        return Answer(201, {"referral_id": referral_id, "status": status, "waiting": waiting})

    return await once(handle, unstored={"safety": safety.answer(raw)})


def _untold(who: Principal) -> tuple[str, ...]:
    """Return the refusals that would tell somebody what others have done: what stands, and that it has ended."""
    if is_told_all(who):
        return ()
    return (NOTHING_TO_CORRECT, WITHDRAWN) if is_employer(who) else (NOTHING_TO_CORRECT,)


_HOLDER = """
SELECT coalesce(h.survivor, h.person_id) = coalesce(p.survivor, p.person_id) AS same, h.person_id = p.person_id AS here
FROM person h, referral r JOIN person p ON p.person_id = r.person_id
WHERE r.referral_id = $1 AND h.nhs_number = $2
"""


async def _held(tx: Transaction, referral_id: str, nhs_number: str | None) -> bool:
    """Tell whether the person has the number under another pseudonym. Raises Refused (409): it is somebody else's."""
    found = None if nhs_number is None else await tx.conn.fetchrow(_HOLDER, referral_id, nhs_number)
    if found is not None and not found["same"]:
        message = "this NHS number belongs to somebody else; have the two compared before anything is joined"
        raise Refused(Reason("nhs_number_of_another", message, "/person/nhs_number"))
    return found is not None and not found["here"]
