"""HTTP: referrals in, later facts about them, and how they stand. Every answer carries the safety text."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, FastAPI, Request
from pydantic import WrapValidator
from starlette.responses import JSONResponse

from services.intake.access import Sender, is_employer, refuse_others
from services.intake.consents import api as consent_api
from services.intake.contact import api as contact_api
from services.intake.domain import safety
from services.intake.domain.posted import AssessmentAdded, ReferralPosted, WithdrawalPosted
from services.intake.domain.referral import ASSESS, WITHDRAW, AddAssessment
from services.intake.domain.standing import WITHDRAWN
from services.intake.eligibility import api as eligibility_api
from services.intake.eligibility import correction_api
from services.intake.employers import api as employer_api
from services.intake.invitations import api as invitation_api
from services.intake.people import near_match_api
from services.intake.referrals import batch_api, list_api, routes_api
from services.intake.referrals.accepting import accept
from services.intake.referrals.examples import ASSESSMENT_EXAMPLES, REFERRAL_ANSWERS, REFERRAL_EXAMPLES
from services.intake.referrals.neutral import neutrally
from services.intake.referrals.reading import as_sent, read_allowed, read_strictly
from services.intake.refused import api as refused_api
from services.intake.refused.tasks import heed
from services.intake.service import build
from services.intake.word_back import api as overdue_api
from services.kernel.decision import Command, Refused
from services.kernel.http import Answer, Once, create_api
from services.kernel.http.exchange import exchange_of
from services.kernel.runtime.commands import Executed, Transaction
from services.kernel.runtime.fold import ERASED
from services.kernel.settings import Settings
from services.safety.api import safety_router

router = APIRouter(tags=["referrals"])


@router.post("/referrals", status_code=201, responses=REFERRAL_ANSWERS, response_model=None)
async def refer(
    request: Request,
    body: Annotated[ReferralPosted, WrapValidator(as_sent), Body(openapi_examples=REFERRAL_EXAMPLES)],
    once: Once,
    who: Sender,
) -> JSONResponse:
    """Refer a person. Wrong input is answered with every reason at once; nobody is refused by a rule alone.

    A person who is already referred is told as 409 to NHS organisations and providers only; for all others
    the referral is accepted and kept.
    """
    raw = exchange_of(request.scope).body

    async def handle(tx: Transaction) -> Answer:
        return await accept(tx, read_allowed(raw, who, policy=tx.policy, now=tx.now), who)

    return await once(handle, unstored={"safety": safety.answer(raw)})


@router.post("/referrals/{referral_id}/assessments", status_code=201, response_model=None)
async def assess(
    referral_id: str,
    request: Request,
    body: Annotated[AssessmentAdded, WrapValidator(as_sent), Body(openapi_examples=ASSESSMENT_EXAMPLES)],
    once: Once,
    who: Sender,
) -> JSONResponse:
    """Add answers about health, such as a joint assessment; triage then decides again."""
    raw = exchange_of(request.scope).body

    async def handle(tx: Transaction) -> Answer:
        await refuse_others(tx, referral_id, who)
        data = AddAssessment(posted=read_strictly(raw, AssessmentAdded), organisation_kind=who.organisation_kind)
        command = Command(id=tx.command_id, type=ASSESS, key=referral_id, data=data, actor=who.subject)
        done = await tx.execute(command)
        await _refuse_erased(tx, done)
        return Answer(201, {"referral_id": referral_id, "status": "accepted", "waiting": done.waiting})

    return await once(handle, unstored={"safety": safety.answer(raw)})


async def _refuse_erased(tx: Transaction, done: Executed) -> None:
    """Raise Refused for whoever was erased a moment ago: a process remembers a key for a while, and nobody would read.

    Asked behind the referral's lock, for which whoever erases waits. What is refused has its safety task.
    """
    for person_id in {event.data.person_id for event in done.events}:
        if not await tx.has_key(person_id):
            raise Refused(ERASED, status=410)


@router.post("/referrals/{referral_id}/withdrawal", status_code=201, response_model=None)
async def withdraw(
    referral_id: str,
    request: Request,
    body: Annotated[WithdrawalPosted, WrapValidator(as_sent)],
    once: Once,
    who: Sender,
) -> JSONResponse:
    """Take a referral back. What was agreed and paid stands; nothing new begins."""
    raw = exchange_of(request.scope).body

    async def handle(tx: Transaction) -> Answer:
        await refuse_others(tx, referral_id, who)
        data = read_strictly(raw, WithdrawalPosted)
        command = Command(id=tx.command_id, type=WITHDRAW, key=referral_id, data=data, actor=who.subject)
        done = await neutrally(tx, command, (WITHDRAWN,) if is_employer(who) else ())  # nor learns who was faster
        waiting = done is not None and done.waiting and not is_employer(who)
        return Answer(201, {"referral_id": referral_id, "status": "withdrawn", "waiting": waiting})

    return await once(handle)


def _annotate(method: str, path: str, body: bytes) -> dict[str, Any]:
    """Add the safety text to every problem document, whatever the problem is."""
    heard = safety.answer(body)
    return {} if heard is None else {"safety": heard}


def create_app(settings: Settings, **options: Any) -> FastAPI:
    """Return intake's API. ``options`` go to the HTTP base (a clock, an issuer for tests).

    Raises ValueError outside development where no tables of places are named: areas would be told from made-up ones.
    """
    settings.refuse_synthetic_places()
    return create_api(
        build(settings.programmes_dir, settings.places_dir),
        settings,
        routers=[
            *(router, near_match_api.router, overdue_api.router, list_api.router, consent_api.router),
            *(invitation_api.router, employer_api.router, batch_api.router),
            *(eligibility_api.router, correction_api.router, routes_api.router, contact_api.router),
            *(safety_router(settings), refused_api.router),
        ],
        title="Pathway intake",
        description="Refer people to a work-and-health programme and follow how their referrals stand.",
        annotate=_annotate,
        heed=heed,
        **options,
    )
