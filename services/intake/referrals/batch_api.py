"""HTTP: many referrals in one request, a line each. Every line is read, accepted and answered as if it came alone."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.intake.access import Sender
from services.intake.domain import safety
from services.intake.referrals.accepting import Several
from services.intake.referrals.batch_examples import BATCH_ANSWERS, BATCH_BODY
from services.intake.referrals.reading import read_allowed
from services.kernel.http import Each
from services.kernel.http.parts import parts_of

router = APIRouter(tags=["referrals"])


@router.post("/referrals:batch", responses=BATCH_ANSWERS, response_class=Response, openapi_extra=BATCH_BODY)
async def refer_many(
    request: Request,
    each: Each,
    who: Sender,
    dry_run: Annotated[bool, Query(description="Answer as ever, and leave nothing behind.")] = False,
) -> Response:
    """Refer many people: a line of JSON each, as for ``POST /referrals``; one line of answer for each, in order.

    Lines are done in the order in which they stand; each has the key of the request, a colon and its number, so that
    the same request sent again does what is left. A last line without a number says why there are no more.
    """
    parts = parts_of(request)

    def read(raw: bytes) -> Any:
        return read_allowed(raw, who, policy=parts.commands.policy, now=parts.clock())

    return each(read, Several(who).accept, unstored=_safety, rehearsal=dry_run)


def _safety(raw: bytes) -> dict[str, Any]:
    return {"safety": safety.answer(raw)}
