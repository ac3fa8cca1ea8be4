"""HTTP: the routes of a programme: what a referrer must send, asks consent for, and reads out."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel

from services.contracts.codes import Route
from services.intake.access import Reader
from services.intake.domain.health_detail import ABOUT_WORK
from services.intake.domain.policy import london_day
from services.intake.domain.routes import BY_INVITATION, KINDS
from services.intake.referrals.views import ProgrammeView
from services.kernel.decision import Reason, Refused
from services.kernel.http.parts import parts_of
from services.programmes.model import Joining
from services.programmes.model import Route as RouteRule

router = APIRouter(tags=["programmes"])


class ConsentView(BaseModel):
    """A consent to ask for, in the programme's words; without a required one no referral is taken."""

    code: str
    required: bool
    text: str


class RouteView(BaseModel):
    """A route. ``requires``: what must be sent besides what every referral has; ``wording``: what is read out first.

    ``asks``: what may be asked for, where the route may send no health detail; null: anything. ``open_to_you``: whether
    your kind of organisation may use it; ``by_invitation``: the person is invited first (``POST /invitations``).
    """

    route: Route
    requires: list[str]
    health_detail: bool
    asks: list[str] | None
    consents: list[ConsentView]
    wording: str | None
    open_to_you: bool
    by_invitation: bool


class RoutesView(BaseModel):
    """The routes that a programme is open to on a day."""

    programme: ProgrammeView
    on: date
    routes: list[RouteView]


@router.get("/programmes/{programme}/routes")
async def routes(
    request: Request,
    who: Reader,
    programme: Annotated[str, Path(max_length=64)],
    on: Annotated[date | None, Query(description="The day of the referral; today.")] = None,
) -> RoutesView:
    """Tell what a referrer must send by each route, which consents to ask for, and the wording to read out."""
    parts = parts_of(request)
    day = on or london_day(parts.clock())
    version = parts.commands.policy.book.find(programme, day)
    if version is None:
        raise Refused(Reason("programme_unknown", "there is no such programme on that day"), status=404)
    return RoutesView(
        programme=ProgrammeView(id=version.programme, version=version.version),
        on=day,
        routes=[_view(rule, version.joining, who.organisation_kind) for rule in version.joining.routes],
    )


def _view(rule: RouteRule, joining: Joining, organisation_kind: str) -> RouteView:
    asked = [c for c in joining.consents if c.required or not rule.consents or c.code in rule.consents]
    referrer = [] if rule.code == "self" else ["referrer"]
    return RouteView(
        route=Route(rule.code),
        requires=[*referrer, *rule.requires],
        health_detail=rule.health_detail,
        asks=None if rule.health_detail else sorted(ABOUT_WORK),
        consents=[ConsentView(code=one.code, required=one.required, text=one.text) for one in asked],
        wording=rule.wording,
        open_to_you=organisation_kind in KINDS[Route(rule.code)],
        by_invitation=Route(rule.code) in BY_INVITATION,
    )
