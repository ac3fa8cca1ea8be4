"""A usual referral: spread as published over routes, days, work and health (illustrative where it says so)."""

import random
from datetime import date, timedelta
from typing import Any, Final

from services.demo import distributions as spread
from services.demo import health, identity
from services.demo.areas import Area
from services.demo.person import Kind, Person, Sender

FIRST_DAY: Final = date(2024, 11, 1)
LAST_DAY: Final = date(2025, 6, 30)
SPECIALISTS_FROM: Final = date(2025, 1, 1)
ORGANISATION_KIND: Final = {
    "gp": "nhs", "hospital": "nhs", "pharmacist": "nhs", "provider": "provider", "employer": "employer",
    "jobcentre_plus": "jobcentre", "community": "community", "self": "self",
}  # fmt: skip
REFERRERS: Final = {
    "hospital": [("R0A", "Manchester Hospital")],
    "pharmacist": [("FA001", "Oxford Road Pharmacy")],
    "employer": [("employer-mill", "Mill Works"), ("employer-canal", "Canal Logistics")],
    "jobcentre_plus": [("jcp-hulme", "Hulme Jobcentre"), ("jcp-wythenshawe", "Wythenshawe Jobcentre")],
    "community": [("community-kitchen", "Community Kitchen")],
}
"""Who refers: (organisation id, name); illustrative. Practices and providers are those of the area."""

SATURDAY: Final = 5


def usual(rng: random.Random, number: int, nhs: str, area: Area) -> Person:
    """Make referral ``number`` in an area; ``nhs`` is the person's NHS number, which the referrer may not know."""
    route = spread.pick(rng, spread.SOURCE)
    route = spread.pick(rng, spread.OTHER_SOURCE) if route == "other" else route
    referred_on = _working_day(rng)
    barrier = spread.pick(rng, spread.BARRIER)
    named = health.conditions(rng, barrier)
    sender, referrer = sender_of(rng, route, number, area)
    whole = spread.happens(rng, spread.SCORED_BY_ROUTE.get(route, 10))
    assessment = health.answers(rng, barrier, referred_on, named) if whole else health.outline(referred_on, named)
    work = _work(rng, route, referred_on)
    body = {
        "programme": area.programme,
        "locality": area.locality,
        "provider": _wish(rng, referred_on, area, sender),
        "route": route,
        "referred_on": referred_on.isoformat(),
        "referrer": {**referrer, "reference": f"{route.upper().replace('_', '-')}-{number:05d}"},
        "person": identity.person(rng, number, route, referred_on, nhs, area),
        "work": work,
        "eligibility_facts": {
            "right_to_work": True, "wants_to_work": True, "condition_affects_work": True,
            "jobcentre_office": None, "complex_needs": _complex_needs(rng, route),
        },
        "assessment": None if route == "employer" else assessment,
        "asks": _asks(rng, route, barrier),
        "consents": consents(rng, route, referred_on),
        "additional_information": None,
    }  # fmt: skip
    return Person(number, Kind.USUAL, route, barrier, referred_on, area, sender, body)


def _working_day(rng: random.Random) -> date:
    while True:
        day = FIRST_DAY + timedelta(days=rng.randrange((LAST_DAY - FIRST_DAY).days + 1))
        if day.weekday() < SATURDAY:
            return day


def sender_of(rng: random.Random, route: str, number: int, area: Area) -> tuple[Sender, dict[str, Any]]:
    """Draw who refers on a route: the token's claims and the ``referrer`` of the body without its reference."""
    kind, programme = ORGANISATION_KIND[route], area.programme
    if route == "self":
        return Sender(f"self-{number:05d}", f"self-{number:05d}", kind, programme), {"ods_code": None, "name": None}
    organisation, name = rng.choice(_referrers(route, area))
    ods = organisation if kind == "nhs" else None
    return Sender(organisation, organisation, kind, programme), {"ods_code": ods, "name": name}


def _referrers(route: str, area: Area) -> list[tuple[str, str]]:
    match route:
        case "gp":
            return [(ods, f"Surgery {ods}") for ods in area.practices]
        case "provider":
            return [(provider, provider.replace("-", " ").title()) for provider in area.providers]
    return REFERRERS[route]


def _chosen(rng: random.Random, referred_on: date, area: Area) -> str | None:
    """A few choose a provider themselves; the specialist ones are there from January 2025."""
    if not spread.happens(rng, 18):
        return None
    offered = list(area.providers)
    if referred_on >= SPECIALISTS_FROM:
        offered += area.specialists * 2
    return rng.choice(offered)


def _work(rng: random.Random, route: str, referred_on: date) -> dict[str, Any]:
    base = {"attendance": None, "off_sick_since": None, "unemployed_since": None, "weekly_hours": None,
            "job_at_risk": None, "highest_qualification_level": rng.choice((None, 0, 1, 2, 2, 3, 4, 6)),
            "annual_earnings_pence": None}  # fmt: skip
    if not spread.happens(rng, spread.in_work_percent(route)):
        since = referred_on - timedelta(days=round(rng.lognormvariate(4.6, 0.8)))
        status = "unemployed" if spread.happens(rng, 75) else "inactive"
        return {"status": status, **base, "unemployed_since": since.isoformat()}
    attendance = spread.pick(rng, {"off_sick": 45, "struggling": 40, "working": 15})
    return {
        "status": "self_employed" if route != "employer" and spread.happens(rng, 12) else "employed",
        **base,
        "attendance": attendance,
        "off_sick_since": (referred_on - timedelta(days=rng.randint(3, 80))).isoformat()
        if attendance == "off_sick"
        else None,
        "weekly_hours": rng.choice((8, 16, 20, 24, 30, 37, 37, 40)),
        "job_at_risk": attendance != "working" and spread.happens(rng, 60),
        "annual_earnings_pence": rng.randrange(900_000, 4_200_000, 50_000),
    }


def _wish(rng: random.Random, referred_on: date, area: Area, sender: Sender) -> dict[str, Any]:
    """A provider invites for itself; of the others a few choose."""
    chosen = _chosen(rng, referred_on, area)
    if sender.organisation_kind == "provider":
        return {"named": sender.organisation, "chosen": None}
    return {"named": None, "chosen": chosen}


def _complex_needs(rng: random.Random, route: str) -> bool | None:
    """Asked by a Jobcentre, and where the person or somebody of the NHS refers; never of an employer."""
    if route == "jobcentre_plus":
        return spread.happens(rng, 8)
    return None if route in {"employer", "community"} else False


def _asks(rng: random.Random, route: str, barrier: str) -> list[str]:
    """Draw what is asked for; an employer asks for nothing that tells of health."""
    wanted = {"musculoskeletal": "physiotherapy", "mental_health": "talking_therapies"}.get(
        barrier, "employment_advice"
    )
    asked = [wanted] if spread.happens(rng, 40) and route != "employer" else []
    return [*asked, "skills"] if spread.happens(rng, 12) else asked


def consents(rng: random.Random, route: str, on: date) -> dict[str, Any]:
    """Consent to take part always; the other two as drawn."""
    channel = "online" if route == "self" else "in_person"
    given = {"given": True, "on": on.isoformat(), "channel": channel}
    return {
        "take_part": given,
        "share_with_gp": given if spread.happens(rng, 80) else {"given": False},
        "share_with_employer": given if spread.happens(rng, 30) else {"given": False},
    }
