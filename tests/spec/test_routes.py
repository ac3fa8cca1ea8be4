"""The routes in: who may use which, what each needs, and that an employer's referral tells nothing of health."""

import copy
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import pytest

from services.contracts.codes import Route, Support
from services.intake.domain.faults import referral_faults
from services.intake.domain.health_detail import ABOUT_WORK
from services.intake.domain.policy import IntakePolicy
from services.intake.domain.readable import ReferralRead
from services.intake.domain.routes import KINDS
from services.intake.referrals.examples import GP_REFERRAL
from services.intake.service import build
from services.programmes.model import Programme
from services.programmes.reader import load_book

NOW = datetime(2024, 12, 2, 12, 0, tzinfo=UTC)
KIND = {
    "self": "self",
    "gp": "nhs",
    "pharmacist": "nhs",
    "employer": "employer",
    "jobcentre_plus": "jobcentre",
    "community": "community",
    "hospital": "nhs",
    "provider": "provider",
}
"""Whose own route each is."""
Change = Callable[[dict[str, Any]], object]
Told = set[tuple[str, str]]


@cache
def policy() -> IntakePolicy:
    found: IntakePolicy = build().policy()
    return found


def by(route: str) -> dict[str, Any]:
    """Return a referral that comes by a route with all that it needs."""
    body = copy.deepcopy(GP_REFERRAL)
    body["route"] = route
    if route == "provider":
        body["provider"]["named"] = "big-life"
    if route == "employer":
        body |= {"assessment": None, "asks": []}
    return body


def faults(body: dict[str, Any], kind: str, *, invited: bool | None = None) -> Told:
    """What is wrong; by its own route, a provider's referral comes of an invitation."""
    seen = ReferralRead.model_validate(body)
    invited = body["route"] == "provider" if invited is None else invited
    found = referral_faults(seen, organisation_kind=kind, policy=policy(), now=NOW, invited=invited)
    return {(reason.code, reason.pointer) for reason in found}


def drop(path: str) -> Change:
    part, name = path.split(".")
    return lambda body: body[part].pop(name)


def no(part: str) -> Change:
    return lambda body: body.update({part: None})


TABLE: list[tuple[str, str, Change, Told]] = [
    ("self", "needs a way to reach the person", drop("person.contact"), {("required_by_route", "/person/contact")}),
    ("self", "names no referrer", no("referrer"), set()),
    ("gp", "needs the practice's code", drop("referrer.ods_code"), {("required_by_route", "/referrer/ods_code")}),
    ("gp", "names its referrer", no("referrer"), {("required", "/referrer")}),
    ("gp", "need not know how to reach the person", drop("person.contact"), set()),
    (
        "pharmacist",
        "needs the pharmacy's code",
        drop("referrer.ods_code"),
        {("required_by_route", "/referrer/ods_code")},
    ),
    ("pharmacist", "names its referrer", no("referrer"), {("required", "/referrer")}),
    ("hospital", "needs the hospital's code", drop("referrer.ods_code"), {("required_by_route", "/referrer/ods_code")}),
    ("hospital", "names its referrer", no("referrer"), {("required", "/referrer")}),
    ("employer", "needs the employer's name", drop("referrer.name"), {("required_by_route", "/referrer/name")}),
    ("employer", "needs a way to reach the person", drop("person.contact"), {("required_by_route", "/person/contact")}),
    ("employer", "need have no code", drop("referrer.ods_code"), set()),
    ("employer", "names its referrer", no("referrer"), {("required", "/referrer")}),
    ("jobcentre_plus", "needs its name", drop("referrer.name"), {("required_by_route", "/referrer/name")}),
    ("jobcentre_plus", "names its referrer", no("referrer"), {("required", "/referrer")}),
    ("community", "needs the organisation's name", drop("referrer.name"), {("required_by_route", "/referrer/name")}),
    ("community", "names its referrer", no("referrer"), {("required", "/referrer")}),
    ("provider", "names the provider", drop("provider.named"), {("required_by_route", "/provider/named")}),
    ("provider", "names its referrer", no("referrer"), {("required", "/referrer")}),
]


@pytest.mark.parametrize(
    ("route", "title", "change", "told"), [pytest.param(*row, id=f"{row[0]}: {row[1]}") for row in TABLE]
)
def test_what_a_route_needs(route: str, title: str, change: Change, told: Told) -> None:
    body = by(route)
    change(body)
    assert faults(body, KIND[route]) == told, title


@pytest.mark.parametrize("route", list(Route))
def test_with_all_that_it_needs_a_route_is_open_to_its_own(route: Route) -> None:
    assert faults(by(route), KIND[route]) == set()


@pytest.mark.parametrize("route", list(Route))
def test_no_route_is_open_without_consent_to_take_part(route: Route) -> None:
    body = by(route)
    body["consents"]["take_part"] = {"given": False}
    assert faults(body, KIND[route]) == {("consent_required", "/consents/take_part")}


@pytest.mark.parametrize("route", list(Route))
def test_by_the_route_provider_nobody_is_referred_who_was_not_invited(route: Route) -> None:
    told = faults(by(route), KIND[route], invited=False)
    assert told == ({("invite_first", "/route")} if route is Route.PROVIDER else set())
    assert faults(by(route), KIND[route], invited=True) == set()


def test_everything_is_told_at_once() -> None:
    body = by("employer") | {"referrer": {}, "assessment": {"gad7": {"score": 9}}, "asks": ["skills", "counselling"]}
    body["person"].pop("contact")
    assert faults(body, "employer") == {
        ("required_by_route", "/referrer/name"),
        ("required_by_route", "/person/contact"),
        ("health_detail_not_accepted", "/assessment"),
        ("health_detail_not_accepted", "/asks/1"),
    }


MAY_USE = {
    "self": {"self"},
    "employer": {"employer"},
    "jobcentre": {"self", "jobcentre_plus"},
    "community": {"self", "community"},
    "nhs": {"self", "gp", "pharmacist", "employer", "jobcentre_plus", "community", "hospital"},
    "provider": {"self", "gp", "pharmacist", "employer", "jobcentre_plus", "community", "hospital", "provider"},
    "unheard-of": set(),
}


@pytest.mark.parametrize("kind", list(MAY_USE))
@pytest.mark.parametrize("route", list(Route))
def test_who_may_use_which_route(kind: str, route: Route) -> None:
    told = faults(by("employer") | {"route": route.value, "provider": {"named": "big-life"}}, kind)
    assert told == (set() if route in MAY_USE[kind] else {("route_not_allowed", "/route")})


def test_every_route_has_somebody_who_may_use_it() -> None:
    assert set(KINDS) == set(Route)


HEALTH: list[tuple[str, dict[str, Any], str]] = [
    ("an assessment, even an empty one", {"assessment": {}}, "/assessment"),
    ("words, in which anything could stand", {"additional_information": "has a bad back"}, "/additional_information"),
    ("a health condition", {"eligibility_facts": {"health_condition": True}}, "/eligibility_facts/health_condition"),
    ("that there is none", {"eligibility_facts": {"health_condition": False}}, "/eligibility_facts/health_condition"),
    ("complex needs", {"eligibility_facts": {"complex_needs": False}}, "/eligibility_facts/complex_needs"),
    *[(f"an ask for {one}", {"asks": [one.value]}, "/asks/0") for one in Support if one not in ABOUT_WORK],
]


@pytest.mark.parametrize(("title", "part", "pointer"), [pytest.param(*row, id=row[0]) for row in HEALTH])
@pytest.mark.parametrize(("kind", "route"), [("employer", "employer"), ("nhs", "employer"), ("employer", "gp")])
def test_no_health_detail_comes_by_an_employer(
    title: str, part: dict[str, Any], pointer: str, kind: str, route: str
) -> None:
    told = faults(by("employer") | {"route": route} | part, kind)
    assert ("health_detail_not_accepted", pointer) in told, title
    assert ("route_not_allowed", "/route") in told or (kind, route) != ("employer", "gp")


@pytest.mark.parametrize(
    ("title", "part"),
    [
        ("that a condition affects the work", {"eligibility_facts": {"condition_affects_work": True}}),
        (
            "absence from work",
            {"work": {"status": "employed", "attendance": "off_sick", "off_sick_since": "2024-11-01"}},
        ),
        *[(f"an ask for {one}", {"asks": [one.value]}) for one in sorted(ABOUT_WORK)],
    ],
)
def test_what_an_employer_may_say(title: str, part: dict[str, Any]) -> None:
    assert faults(by("employer") | part, "employer") == set(), title


@pytest.mark.parametrize("route", [one for one in Route if one is not Route.EMPLOYER])
def test_every_other_route_may_carry_health_detail(route: Route) -> None:
    full = {"assessment": {"gad7": {"score": 9}}, "asks": ["physiotherapy"], "additional_information": "words"}
    assert faults(by(route) | full, KIND[route]) == set()


def programmes() -> list[Programme]:
    return [programme for programme in load_book() if not programme.synthetic]


@pytest.mark.parametrize("programme", programmes(), ids=lambda p: f"{p.programme} {p.version}")
def test_every_programme_says_what_its_routes_need_and_read_out(programme: Programme) -> None:
    for rule in programme.joining.routes:
        assert rule.wording, rule.code
        assert "voluntary" in rule.wording or "free to say no" in rule.wording, "nobody is sent"
        assert rule.health_detail == (rule.code != "employer")
        assert rule.requires, rule.code
    employer = next(rule for rule in programme.joining.routes if rule.code == "employer")
    assert set(employer.consents) == {"take_part", "share_with_employer"}


def test_a_route_that_the_file_closes_to_health_detail_carries_none() -> None:
    book = load_book()
    version = book.version_for("workwell-greater-manchester", date(2024, 11, 18))
    closed = [rule.model_copy(update={"health_detail": False}) for rule in version.joining.routes]
    joining = version.joining.model_copy(update={"routes": tuple(closed)})
    book = type(book)([version.model_copy(update={"joining": joining})])
    seen = ReferralRead.model_validate(by("community") | {"assessment": {}})
    found = referral_faults(seen, organisation_kind="community", policy=IntakePolicy(book, policy().areas), now=NOW)
    assert ("health_detail_not_accepted", "/assessment") in {(r.code, r.pointer) for r in found}
