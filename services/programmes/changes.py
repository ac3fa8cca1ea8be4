"""What changes for whom between two files of a programme, in words, section by section."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from services.kernel.money import pounds
from services.programmes.model import AnyProgramme, EmployerProgramme, Joining, Programme
from services.programmes.rate_card import RateCard
from services.programmes.rate_wording import fee_in_words, price_in_words, uplift_in_words
from services.programmes.tiers import Contract, Limits, Locality, Requirement, Tiers
from services.programmes.wording import in_words, route_in_words

T = TypeVar("T")

_OPEN = "an open day"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different: in which section of the file, for whom, and what."""

    section: str
    whom: str
    what: str


def changes(old: AnyProgramme, new: AnyProgramme) -> list[Change]:
    """Return what is different in ``new``, in the order of the file; nothing: the two say the same.

    Comments, the version's own number and its hash are not looked at.
    """
    since = f"people referred from {new.effective_from}"
    found = [
        *(Change("version", "everybody", what) for what in _version(old, new)),
        *(Change("tiers", since, what) for what in _tiers(old.tiers, new.tiers)),
    ]
    if isinstance(old, Programme) and isinstance(new, Programme):
        found += _people(old, new, since)
    elif isinstance(old, EmployerProgramme) and isinstance(new, EmployerProgramme):
        charter = _pair(old.promotion.charter_commitments, new.promotion.charter_commitments, "code")
        activities = _pair(old.promotion.activities, new.promotion.activities, "code")
        for kind, pair in (("commitment", charter), ("activity", activities)):
            found += [Change("promotion", "employers", what) for what in _listed(kind, pair, lambda e: e.text)]
    return found


def _people(old: Programme, new: Programme, since: str) -> Iterator[Change]:
    providers = _pair(old.providers, new.providers, "id")
    for what in _listed("provider", providers, lambda p: f"{p.name}{', offered, never assigned' * p.specialist}"):
        yield Change("providers", since, what)
    for what in _joining(old.joining, new.joining):
        yield Change("joining", since, what)
    rulesets = [f"{p.matching.ruleset.id} {p.matching.ruleset.version}" for p in (old, new)]
    for label, before, after in (
        ("rule set", *rulesets),
        ("limit of days out of work", old.matching.out_of_work_limit_days, new.matching.out_of_work_limit_days),
        ("earnings limit for skills", old.matching.skills_earnings_limit, new.matching.skills_earnings_limit),
    ):
        yield from (Change("matching", since, what) for what in _value(label, before, after))
    yield from _support(old, new, since)
    yield from _payment(old, new)


def _support(old: Programme, new: Programme, since: str) -> Iterator[Change]:
    for status in ("employed", "self_employed", "unemployed", "inactive"):
        before, after = old.support.weeks_for(status), new.support.weeks_for(status)
        for what in _value("weeks of support at most", before, after):
            yield Change("support", f"{since} who are {status.replace('_', '-')}", what)
    for label, name in (
        ("weeks between reviews", "review_every_weeks"),
        ("days for an outcome", "outcome_window_days"),
        ("open plans for one coach", "caseload_ceiling"),
    ):
        for what in _value(label, getattr(old.support, name), getattr(new.support, name)):
            yield Change("support", since, what)
    offers = ({code: code for code in old.support.offers}, {code: code for code in new.support.offers})
    yield from (Change("support", since, what) for what in _listed("offer", offers, str))


def _version(old: AnyProgramme, new: AnyProgramme) -> Iterator[str]:
    if old.programme != new.programme:
        yield f"two programmes are compared: {old.programme} and {new.programme}"
    yield from _value("title", old.title, new.title)
    yield from _value("serves", old.serves, new.serves)
    yield from _value("takes effect", old.effective_from, new.effective_from)
    yield from _value(
        "ends", old.effective_to or "when the next version begins", new.effective_to or "when the next version begins"
    )


def _tiers(old: Tiers, new: Tiers) -> Iterator[str]:
    if old.national is not None and new.national is not None:
        yield from _limits(new.national.title, old.national, new.national)
    elif old.national != new.national:
        yield "it joins a national programme" if new.national else "it is part of no national programme any more"
    yield from _value("area code", old.area.ods_code, new.area.ods_code)
    yield from _limits(new.area.title, old.area, new.area)
    yield from _listed("locality", _pair(old.localities, new.localities, "code"), lambda p: p.title, same=_locality)
    contracts = _pair((c for _, c in old.contracts()), (c for _, c in new.contracts()), "id")
    yield from _listed("contract", contracts, lambda c: f"{c.id} of {c.provider}", same=_contract)


def _contract(old: Contract, new: Contract) -> Iterator[str]:
    yield from _value(f"provider of {new.id}", old.provider, new.provider)
    yield from _limits(new.id, old, new)


def _locality(old: Locality, new: Locality) -> Iterator[str]:
    yield from _limits(new.title, old, new)
    yield from _value(f"{new.title}: limit of days out of work", old.out_of_work_limit_days, new.out_of_work_limit_days)
    for what in _requirements(old.eligibility, new.eligibility):
        yield f"{new.title}: {what}"


def _limits(name: str, old: Limits, new: Limits) -> Iterator[str]:
    yield from _value(f"{name}: participants", _number(old.participants), _number(new.participants))
    before, after = (pounds(x.ceiling_pence) if x.ceiling_pence else "unknown" for x in (old, new))
    yield from _value(f"{name}: ceiling", before, after)
    yield from _value(f"{name}: takes referrals from", old.starts, new.starts)
    yield from _value(f"{name}: takes referrals until", old.ends or _OPEN, new.ends or _OPEN)


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _joining(old: Joining, new: Joining) -> Iterator[str]:
    routes = _pair(old.routes, new.routes, "code")
    yield from _listed("route", routes, route_in_words)
    for code in sorted(routes[0].keys() & routes[1].keys()):
        yield from _value(f"wording of {code}", routes[0][code].wording or "none", routes[1][code].wording or "none")
    consents = _pair(old.consents, new.consents, "code")
    yield from _listed("consent", consents, lambda c: f"{c.code} ({'needed' if c.required else 'asked'}): {c.text}")
    yield from _value("eligibility rule", old.rule, new.rule)
    before, after = ({name: in_words(what) for name, what in j.definitions.items()} for j in (old, new))
    for name in sorted(before.keys() | after.keys()):
        yield from _value(f"what {name} means", before.get(name, "nothing"), after.get(name, "nothing"))
    yield from _requirements(old.eligibility, new.eligibility)
    groups = _pair(old.priority_groups, new.priority_groups, "code")
    yield from _listed("group contacted first", groups, lambda g: f"{g.code}: {g.text} ({in_words(g.when)})")
    yield from _listed(
        "alternative", _pair(old.alternatives, new.alternatives, "code"), lambda a: f"{a.code}: {a.text}"
    )
    yield from _value(
        "working days to acknowledge", old.acknowledge_within_working_days, new.acknowledge_within_working_days
    )
    yield from _listed("overlap", ({n: n for n in old.overlaps}, {n: n for n in new.overlaps}), str)


def _requirements(old: Iterable[Requirement], new: Iterable[Requirement]) -> Iterator[str]:
    pair = _pair(old, new, "code")
    yield from _listed("requirement", pair, lambda r: f"{r.code}: {r.text} ({in_words(r.when)})")


def _payment(old: Programme, new: Programme) -> Iterator[Change]:
    before, after = ({f"{c.id} {c.version}": c for c in p.payment.rate_cards} for p in (old, new))
    for key in [key for key, card in before.items() if key not in after and _sole(card.id, before, after)]:
        replaced = next(name for name, card in after.items() if card.id == before[key].id)
        before = {**before, replaced: before[key]}
        del before[key]
    for what in _listed("rate card", (before, after), _card, same=_cards):
        yield Change("payment", "providers", what)
    targets = _pair(old.payment.targets, new.payment.targets, "code")
    for what in _listed("target", targets, lambda t: f"{t.code} {t.value:,}: {t.text}"):
        yield Change("payment", "commissioners", what)


def _sole(card_id: str, *books: Mapping[str, RateCard]) -> bool:
    """Tell whether each file has one version of a card, so that the later replaces the earlier."""
    return all(sum(card.id == card_id for card in book.values()) == 1 for book in books)


def _cards(old: RateCard, new: RateCard) -> Iterator[str]:
    name = f"rate card {new.id}"
    yield from _value(f"{name}: version", old.version, new.version)
    yield from _value(f"{name}: illustrative", old.illustrative, new.illustrative)
    yield from _value(f"{name}: prices from", old.effective_from, new.effective_from)
    yield from _value(f"{name}: prices until", old.effective_to or _OPEN, new.effective_to or _OPEN)
    yield from _value(f"{name}: contracts", ", ".join(old.contracts), ", ".join(new.contracts))
    days = (old.acknowledge_within_working_days, new.acknowledge_within_working_days)
    yield from _value(f"{name}: working days to acknowledge", *days)
    yield from _listed(f"{name}: price", _pair(old.prices, new.prices, "milestone"), price_in_words)
    yield from _listed(f"{name}: uplift", _pair(old.uplifts, new.uplifts, "group"), uplift_in_words)
    yield from _listed(f"{name}: fee", _pair(old.delivery_fee, new.delivery_fee, "contract"), fee_in_words)


def _card(card: RateCard) -> str:
    terms = "; ".join(
        (*map(price_in_words, card.prices), *map(uplift_in_words, card.uplifts), *map(fee_in_words, card.delivery_fee))
    )
    return f"{card.id} {card.version} for {', '.join(card.contracts)}: {terms}"


Pair = tuple[Mapping[str, T], Mapping[str, T]]


def _pair(old: Iterable[T], new: Iterable[T], key: str) -> Pair[T]:
    return {getattr(item, key): item for item in old}, {getattr(item, key): item for item in new}


def _value(label: str, old: object, new: object) -> Iterator[str]:
    if old != new:
        yield f"{label}: {_said(old)} becomes {_said(new)}"


def _said(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
    return str(value)


def _listed(
    kind: str, pair: Pair[T], said: Callable[[T], str], same: Callable[[T, T], Iterator[str]] | None = None
) -> Iterator[str]:
    """Yield what is gone, new or different in a list of things that have an id."""
    old, new = pair
    for key, before in old.items():
        if key not in new:
            yield f"{kind} no longer there: {said(before)}"
        elif same is not None:
            yield from same(before, new[key])
        else:
            yield from _value(kind, said(before), said(new[key]))
    for key, after in new.items():
        if key not in old:
            yield f"{kind} added: {said(after)}"
