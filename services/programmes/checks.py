"""What must hold between the parts of one programme's file."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from services.programmes.areas import AreaCodes
from services.programmes.document import Document, Problem
from services.programmes.eligibility import ELIGIBILITY_FIELDS
from services.programmes.model import (
    AnyProgramme,
    Joining,
    Matching,
    Named,
    PriorityGroup,
    Programme,
    Promotion,
    Support,
)
from services.programmes.nesting import nesting_faults
from services.programmes.rate_card import Payment
from services.programmes.rate_checks import card_faults, edition_faults
from services.programmes.tiers import Requirement, Tiers
from services.programmes.vocabulary import Fault as ConditionFault
from services.programmes.vocabulary import Names

Found = tuple[tuple[Any, ...], str, str, str]
"""Path, code, message, fix."""


def programme_problems(document: Document, programme: AnyProgramme, areas: AreaCodes) -> list[Problem]:
    """Return all that is wrong inside one programme whose fields are well-formed."""
    found: list[Found] = [
        *edition_faults((), programme.published_on, programme.effective_from, programme.effective_to),
        *((("tiers", *path), code, message, _NARROW) for path, code, message in nesting_faults(programme.tiers)),
        *_area(programme, areas),
    ]
    if isinstance(programme, Programme):
        found += [
            *_providers(programme),
            *_joining(programme.joining, programme.tiers),
            *_limits(programme.matching, programme.tiers),
            *_support(programme.support),
            *_cards(programme.payment, programme),
            *card_faults(programme),
        ]
    else:
        found += [*_employers(programme.tiers), *_promotion(programme.promotion)]
    return [document.problem(path, code, message, fix) for path, code, message, fix in found]


_NARROW = "A lower tier may only narrow the one above it."


def _repeated(at: tuple[Any, ...], key: str, values: Iterable[str]) -> Iterator[Found]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield ((*at, index, key), "repeated", f"{value!r} stands twice.", "Keep one of the two.")
        seen.add(value)


def _area(programme: AnyProgramme, areas: AreaCodes) -> Iterator[Found]:
    code, at = programme.tiers.area.ods_code, ("tiers", "area", "ods_code")
    entry = areas.find(code)
    if entry is None:
        yield (
            at,
            "unknown_area",
            f"The register of areas holds no code {code}.",
            "Add it to areas.yaml, or correct it.",
        )
    elif not entry.valid_on(programme.effective_from):
        message = f"{code} was not valid on {programme.effective_from}, when this version takes effect."
        yield (at, "area_not_valid", message, "Use the code that was valid on that day; areas.yaml says which.")


def _employers(tiers: Tiers) -> Iterator[Found]:
    fix = "A programme for employers refers nobody and pays for nobody; remove the contract."
    for path, contract in tiers.contracts():
        yield (("tiers", *path), "contract_without_people", f"The contract {contract.id!r} pays for people.", fix)


def _promotion(promotion: Promotion) -> Iterator[Found]:
    lists: tuple[tuple[str, Sequence[Named]], ...] = (
        ("charter_commitments", promotion.charter_commitments),
        ("activities", promotion.activities),
    )
    for name, entries in lists:
        yield from _repeated(("promotion", name), "code", (entry.code for entry in entries))


def _limits(matching: Matching, tiers: Tiers) -> Iterator[Found]:
    for index, place in enumerate(tiers.localities):
        limit = place.out_of_work_limit_days
        if limit is not None and limit > matching.out_of_work_limit_days:
            at = ("tiers", "localities", index, "out_of_work_limit_days")
            message = f"{limit} days are more than the area's limit of {matching.out_of_work_limit_days}."
            yield (at, "wider_out_of_work_limit", message, _NARROW)


def _support(support: Support) -> Iterator[Found]:
    at = ("support", "length_by_work")
    seen: set[str] = set()
    for index, part in enumerate(support.length_by_work):
        if part.weeks > support.length_weeks:
            message = f"{part.weeks} weeks are more than length_weeks, which is the most for anybody."
            yield ((*at, index, "weeks"), "longer_than_the_most", message, "Raise length_weeks, or correct it.")
        for number, status in enumerate(part.work):
            if status in seen:
                path = (*at, index, "work", number)
                yield (path, "repeated", f"The work status {status} stands twice.", "Give it one length.")
            seen.add(status)


def _providers(programme: Programme) -> Iterator[Found]:
    known = {provider.id for provider in programme.providers}
    yield from _repeated(("providers",), "id", (p.id for p in programme.providers))
    yield from _repeated(("tiers", "localities"), "code", (p.code for p in programme.tiers.localities))
    ids: set[str] = set()
    for path, contract in programme.tiers.contracts():
        at = ("tiers", *path)
        if contract.provider not in known:
            message = f"There is no provider {contract.provider!r}."
            yield ((*at, "provider"), "unknown_provider", message, "Add it to providers.")
        if contract.id in ids:
            message = f"The contract id {contract.id!r} stands twice."
            yield ((*at, "id"), "repeated", message, "Give each contract its own id.")
        ids.add(contract.id)
    if not ids:
        message = "No contract stands under the area or a locality, so no provider can be found."
        yield (("tiers",), "no_contract", message, "Add one to tiers.area.contracts or to a locality.")


def _joining(joining: Joining, tiers: Tiers) -> Iterator[Found]:
    at = ("joining",)
    names = Names(ELIGIBILITY_FIELDS, joining.definitions, {})
    for name, condition in joining.definitions.items():
        yield from _conditions((*at, "definitions", name), names.faults(condition, (name,)))
    sections: tuple[tuple[str, Sequence[Requirement | PriorityGroup]], ...] = (
        ("eligibility", joining.eligibility),
        ("priority_groups", joining.priority_groups),
    )
    for section, parts in sections:
        for index, part in enumerate(parts):
            yield from _conditions((*at, section, index, "when"), names.faults(part.when))
        yield from _repeated((*at, section), "code", (part.code for part in parts))
    held = {requirement.code for requirement in joining.eligibility}
    for code in tiers.national.requires if tiers.national is not None else ():
        if code not in held:
            message = f"The national programme requires {code!r}, and this rule does not hold it."
            yield (
                (*at, "eligibility"),
                "wider_eligibility",
                message,
                "An area may add requirements, never leave one out.",
            )
    for index, place in enumerate(tiers.localities):
        yield from _required(("tiers", "localities", index, "eligibility"), place.eligibility, joining, names)
    yield from _repeated((*at, "routes"), "code", (route.code for route in joining.routes))
    yield from _repeated((*at, "consents"), "code", (consent.code for consent in joining.consents))
    yield from _route_consents(joining)


def _required(at: tuple[Any, ...], parts: Sequence[Requirement], joining: Joining, names: Names) -> Iterator[Found]:
    area = {requirement.code for requirement in joining.eligibility}
    for index, part in enumerate(parts):
        yield from _conditions((*at, index, "when"), names.faults(part.when))
        if part.code in area:
            message = f"{part.code!r} stands in the area's rule already, which holds here too."
            yield (
                (*at, index, "code"),
                "repeated",
                message,
                "A locality adds requirements; give it a code of its own.",
            )
    yield from _repeated(at, "code", (part.code for part in parts))


def _route_consents(joining: Joining) -> Iterator[Found]:
    known = {consent.code for consent in joining.consents}
    for index, route in enumerate(joining.routes):
        for number, code in enumerate(route.consents):
            if code not in known:
                at = ("joining", "routes", index, "consents", number)
                yield (at, "unknown_consent", f"There is no consent {code!r}.", "Add it to consents.")


def _conditions(at: tuple[Any, ...], faults: Iterable[ConditionFault]) -> Iterator[Found]:
    for path, message, fix in faults:
        yield ((*at, *path), "condition", message, fix)


def _cards(payment: Payment, programme: Programme) -> Iterator[Found]:
    cards = payment.rate_cards
    for index, card in enumerate(cards):
        at = ("payment", "rate_cards", index)
        for number, contract in enumerate(card.contracts):
            if programme.tiers.contract(contract) is None:
                message = f"There is no contract {contract!r}."
                yield ((*at, "contracts", number), "unknown_contract", message, "Correct the id.")
    for path, contract_ in programme.tiers.contracts():
        if not any(card.covers(contract_.id, contract_.starts) for card in cards):
            message = f"No rate card prices {contract_.id!r} on its first day, {contract_.starts}."
            yield (("tiers", *path), "unpriced_contract", message, "Add the contract to a rate card.")
