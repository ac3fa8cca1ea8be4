"""What must hold between the parts of a programme's file, and between its versions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from services.programmes.book import version_key
from services.programmes.document import Document, Problem
from services.programmes.eligibility import ELIGIBILITY_FIELDS
from services.programmes.model import Joining, Payment, PriorityGroup, Programme, RateCard, Requirement
from services.programmes.vocabulary import Fault as ConditionFault
from services.programmes.vocabulary import Names

Found = tuple[tuple[Any, ...], str, str, str]
"""Path, code, message, fix."""


def programme_problems(document: Document, programme: Programme) -> list[Problem]:
    """Return all that is wrong inside one programme whose fields are well-formed."""
    found: list[Found] = [
        *_dates((), programme.published_on, programme.effective_from, programme.effective_to),
        *((("tiers", *path), code, message, _NARROW) for path, code, message in programme.tiers.faults()),
        *_providers(programme),
        *_joining(programme.joining),
        *_cards(programme.payment, programme),
    ]
    return [document.problem(path, code, message, fix) for path, code, message, fix in found]


_NARROW = "A lower tier may only narrow the one above it."


def _dates(at: tuple[Any, ...], published: Any, starts: Any, ends: Any) -> Iterator[Found]:
    if published >= starts:
        message = f"It takes effect on {starts} but is published on {published}."
        fix = "Publish it before the day on which it takes effect, so that no file changes the past."
        yield ((*at, "effective_from"), "published_too_late", message, fix)
    if ends is not None and ends < starts:
        yield ((*at, "effective_to"), "ends_before_start", f"It ends on {ends}, before it starts.", "")


def _repeated(at: tuple[Any, ...], key: str, values: Iterable[str]) -> Iterator[Found]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield ((*at, index, key), "repeated", f"{value!r} stands twice.", "Keep one of the two.")
        seen.add(value)


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


def _joining(joining: Joining) -> Iterator[Found]:
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
    yield from _repeated((*at, "routes"), "code", (route.code for route in joining.routes))
    yield from _repeated((*at, "consents"), "code", (consent.code for consent in joining.consents))


def _conditions(at: tuple[Any, ...], faults: Iterable[ConditionFault]) -> Iterator[Found]:
    for path, message, fix in faults:
        yield ((*at, *path), "condition", message, fix)


def _cards(payment: Payment, programme: Programme) -> Iterator[Found]:
    cards = payment.rate_cards
    for index, card in enumerate(cards):
        at = ("payment", "rate_cards", index)
        yield from _dates(at, card.published_on, card.effective_from, card.effective_to)
        yield from _repeated((*at, "prices"), "milestone", (price.milestone for price in card.prices))
        for number, contract in enumerate(card.contracts):
            if programme.tiers.contract(contract) is None:
                message = f"There is no contract {contract!r}."
                yield ((*at, "contracts", number), "unknown_contract", message, "Correct the id.")
        for earlier in cards[:index]:
            yield from _same_days(at, card, earlier)
    for path, contract_ in programme.tiers.contracts():
        if not any(card.covers(contract_.id, contract_.starts) for card in cards):
            message = f"No rate card prices {contract_.id!r} on its first day, {contract_.starts}."
            yield (("tiers", *path), "unpriced_contract", message, "Add the contract to a rate card.")


def _same_days(at: tuple[Any, ...], card: RateCard, earlier: RateCard) -> Iterator[Found]:
    shared = set(card.contracts) & set(earlier.contracts)
    before = card.effective_to is not None and card.effective_to < earlier.effective_from
    after = earlier.effective_to is not None and earlier.effective_to < card.effective_from
    if shared and not before and not after:
        message = f"It prices the same days as {earlier.id} {earlier.version} for {', '.join(sorted(shared))}."
        yield ((*at, "effective_from"), "overlapping_cards", message, "End one before the other starts.")


def version_problems(versions: Sequence[tuple[Document, Programme]]) -> list[Problem]:
    """Return where versions of one programme overlap, repeat or run backwards."""
    found: list[Problem] = []
    by_id: dict[str, list[tuple[Document, Programme]]] = {}
    for document, programme in versions:
        by_id.setdefault(programme.programme, []).append((document, programme))
    for same in by_id.values():
        same.sort(key=lambda pair: (pair[1].effective_from, version_key(pair[1].version)))
        for (_, earlier), (document, later) in pairwise(same):
            found += _order(document, earlier, later)
    return found


def _order(document: Document, earlier: Programme, later: Programme) -> Iterator[Problem]:
    names: Mapping[str, str] = {"a": f"version {earlier.version}", "b": f"version {later.version}"}
    if earlier.version == later.version:
        yield document.problem(("version",), "repeated", f"There are two files of {names['a']}.", "Number it anew.")
    elif version_key(earlier.version) > version_key(later.version):
        message = f"{names['b']} takes effect after {names['a']} but has the lower number."
        yield document.problem(("version",), "version_order", message, "Number versions in order of effect.")
    goes_on = earlier.effective_to is not None and earlier.effective_to >= later.effective_from
    if goes_on or earlier.effective_from == later.effective_from:
        message = f"It takes effect on {later.effective_from}, while {names['a']} is in effect."
        fix = "Versions never overlap: let this one start later."
        yield document.problem(("effective_from",), "overlapping_versions", message, fix)
