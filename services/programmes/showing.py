"""A programme's file as a person reads it: tiers with people and money, routes, eligibility, support."""

import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from services.kernel.money import pounds
from services.programmes.model import AnyProgramme, EmployerProgramme, Programme
from services.programmes.tiers import Limits, Tiers
from services.programmes.wording import in_words, route_in_words

UNKNOWN = "unknown"
"""What is shown for people or money that no source publishes. Nothing is counted or guessed in its place."""


def as_json(programme: AnyProgramme) -> str:
    """Return the file's content; null: not published."""
    return json.dumps(programme.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False)


def rows(tiers: Tiers) -> Iterator[tuple[int, str, Limits]]:
    """Yield depth, name and limits of each tier, from the nation down to the contracts."""
    depth = 0
    if tiers.national is not None:
        yield depth, tiers.national.title, tiers.national
        depth = 1
    yield depth, f"{tiers.area.title} ({tiers.area.ods_code})", tiers.area
    for contract in tiers.area.contracts:
        yield depth + 1, contract.id, contract
    for place in tiers.localities:
        yield depth + 1, place.title, place
        for contract in place.contracts:
            yield depth + 2, contract.id, contract


def show(programme: AnyProgramme, console: Console) -> None:
    """Print a programme."""
    days = f"from {programme.effective_from} {f'to {programme.effective_to}' if programme.effective_to else 'on'}"
    console.print(
        f"{programme.title}, version {programme.version}, in effect {days}",
        style="bold",
        highlight=False,
        soft_wrap=True,
    )
    table = Table(Column("tier", overflow="fold"), "participants", "ceiling", "from", "to")
    for depth, name, tier in rows(programme.tiers):
        people = f"{tier.participants:,}" if tier.participants else UNKNOWN
        money = pounds(tier.ceiling_pence) if tier.ceiling_pence else UNKNOWN
        table.add_row("  " * depth + name, people, money, str(tier.starts), str(tier.ends or "open"))
    console.print(table)
    sections = _of_employers(programme) if isinstance(programme, EmployerProgramme) else _of_people(programme)
    for title, lines in sections:
        console.print(title, style="bold")
        for line in lines:
            console.print(f"  {line}", highlight=False, soft_wrap=True, markup=False)


def _of_employers(programme: EmployerProgramme) -> list[tuple[str, list[str]]]:
    return [
        ("About employers", ["Nobody is referred to it; an employer is entered in its register."]),
        ("Commitments", [f"{entry.code}: {entry.text}" for entry in programme.promotion.charter_commitments]),
        ("Activities", [f"{entry.code}: {entry.text}" for entry in programme.promotion.activities]),
    ]


def _of_people(programme: Programme) -> list[tuple[str, list[str]]]:
    joining, support = programme.joining, programme.support
    eligibility = [f"{part.code}: {part.text} ({in_words(part.when)})" for part in joining.eligibility]
    for place in programme.tiers.localities:
        eligibility += [f"{part.code}: {part.text} ({in_words(part.when)})" for part in place.eligibility]
    length = [f"At most {support.length_weeks} weeks, a review every {support.review_every_weeks}."]
    length += [f"{', '.join(part.work)}: {part.weeks} weeks." for part in support.length_by_work]
    length += [f"At most {support.caseload_ceiling} open plans for one coach."] if support.caseload_ceiling else []
    length += [f"Offers {', '.join(support.offers)}."] if support.offers else []
    return [
        ("Providers", [f"{p.name}{', offered, never assigned' if p.specialist else ''}" for p in programme.providers]),
        ("Routes", [route_in_words(route) for route in joining.routes]),
        (f"Eligibility, the {joining.rule} rule; what is not met goes to a person", eligibility),
        ("Contacted first", [f"{group.code}: {group.text}" for group in joining.priority_groups] or ["nobody"]),
        ("Not funded beside", list(joining.overlaps) or ["no other programme"]),
        ("Support", length),
        ("Rate cards", [_card(card) for card in programme.model_dump(mode="json")["payment"]["rate_cards"]]),
    ]


def _card(card: dict[str, Any]) -> str:
    prices = ", ".join(f"{p['milestone']} {pounds(p['amount_pence'])} x {p['at_most']}" for p in card["prices"])
    return f"{card['id']} {card['version']}{' (illustrative)' if card['illustrative'] else ''}: {prices}"
