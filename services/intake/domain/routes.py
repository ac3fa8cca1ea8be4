"""The routes in: who may use which, what each requires, and what none may carry that is closed to health detail.

What a route requires, asks consent for and reads out stands in the programme's file. Who may use it is the same in
every programme: a referrer its own route; the gateway's own staff every one, since they also write down what comes by
telephone or on paper. By the route provider nobody is referred who was not invited: a referral exists only once the
person has accepted, so that nobody can be entered without having been asked.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from services.contracts.codes import Route
from services.intake.domain import health_detail
from services.intake.domain.readable import ReferralRead
from services.kernel.decision import Reason
from services.programmes.model import Programme
from services.programmes.model import Route as RouteRule

GATEWAY: Final = frozenset({"nhs", "provider"})

KINDS: Final[Mapping[Route, frozenset[str]]] = {
    Route.SELF: GATEWAY | {"self", "community", "jobcentre"},
    Route.GP: GATEWAY,
    Route.PHARMACIST: GATEWAY,
    Route.EMPLOYER: GATEWAY | {"employer"},
    Route.JOBCENTRE_PLUS: GATEWAY | {"jobcentre"},
    Route.COMMUNITY: GATEWAY | {"community"},
    Route.HOSPITAL: GATEWAY,
    Route.PROVIDER: frozenset({"provider"}),
}
"""Which kinds of organisation may use a route. Whose kind we do not know may use none."""
BY_INVITATION: Final = frozenset({Route.PROVIDER})
"""Routes by which a referral is made by accepting an invitation alone."""


def rule_of(version: Programme | None, route: Route | None) -> RouteRule | None:
    """Return what a programme's file says of a route, or None."""
    return next((rule for rule in version.joining.routes if rule.code == route), None) if version and route else None


def route_faults(
    seen: ReferralRead, version: Programme | None, organisation_kind: str, *, invited: bool
) -> Iterator[Reason]:
    """Yield every reason against a referral by its route, in the order of its fields.

    ``invited``: it comes of an invitation that the person accepted.
    """
    rule = rule_of(version, seen.route)
    allowed = seen.route is None or organisation_kind in KINDS[seen.route]
    if seen.route is not None:
        if version is not None and rule is None:
            yield Reason("route_not_open", "the programme is not open to this route", "/route")
        if not allowed:
            open_to = ", ".join(route for route, kinds in KINDS.items() if organisation_kind in kinds)
            yield Reason("route_not_allowed", f"your organisation refers by: {open_to or 'no route'}", "/route")
        elif seen.route in BY_INVITATION and not invited:
            message = "invite the person first: POST /invitations; the referral is made when they accept"
            yield Reason("invite_first", message, "/route")
    if rule is not None and allowed:
        yield from _required(seen, rule)
    elif seen.route not in {None, Route.SELF} and seen.referrer is None:
        yield Reason("required", "a route other than self names its referrer", "/referrer")
    if not _may_carry_health(seen, rule, organisation_kind):
        yield from health_detail.faults({name: getattr(seen, name) for name in _WITH_HEALTH})


_WITH_HEALTH: Final = ("assessment", "additional_information", "eligibility_facts", "asks")


def _may_carry_health(seen: ReferralRead, rule: RouteRule | None, organisation_kind: str) -> bool:
    if organisation_kind == "employer" or seen.route is Route.EMPLOYER:
        return False
    return rule is None or rule.health_detail


def _required(seen: ReferralRead, rule: RouteRule) -> Iterator[Reason]:
    if rule.code != "self" and seen.referrer is None:
        yield Reason("required", "a route other than self names its referrer", "/referrer")
    for fact in rule.requires:
        part, _, name = fact.partition(".")
        held = getattr(seen, part)
        if part == "referrer" and held is None:
            continue
        value: Any = held.get(name) if isinstance(held, Mapping) else getattr(held, name, None)
        if value is None:
            yield Reason("required_by_route", f"the route {rule.code} needs this", f"/{part}/{name}")
