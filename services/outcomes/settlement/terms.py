"""What settlement reads of programme files: the tiers above a contract, its fee, what is paid once for a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.contracts.base import PolicyVersion, VersionRef
from services.kernel.operations.audit import OperationRefused
from services.outcomes.domain.fees import fee_of
from services.outcomes.domain.months import month_of, month_with
from services.outcomes.domain.settlement import Tier
from services.programmes.book import ProgrammeBook
from services.programmes.model import Programme
from services.programmes.tiers import Contract, Limits


@dataclass(frozen=True, slots=True)
class Fee:
    """What a contract is due for a month whatever happened in it."""

    amount_pence: int
    card: PolicyVersion


@dataclass(frozen=True)
class Terms:
    """One programme as a month is settled: by its version of the month's last day, or the last one before it.

    ``contracts`` are those that had begun by then, by id; ``once`` are (card, version, milestone) paid once a person.
    """

    ref: VersionRef
    first_month: str
    month: str
    contracts: Mapping[str, Contract]
    fees: Mapping[str, Fee]
    once: Sequence[tuple[str, str, str]]

    def once_columns(self) -> list[list[str]]:
        """Return ``once`` as a query takes it: a list of each column."""
        return [list(column) for column in zip(*self.once, strict=True)] or [[], [], []]


def terms_of(book: ProgrammeBook, programme: str, month: str) -> Terms:
    """Return the terms of a programme for a month. Raises OperationRefused for a programme or month that is none."""
    if programme not in book:
        raise OperationRefused("programme_unknown", f"there is no programme {programme}: pathway programme show")
    if book.is_synthetic(programme):
        raise OperationRefused("programme_synthetic", f"{programme} is synthetic: it is neither settled nor paid")
    last = _last_day(month)
    versions = [v for v in book if v.programme == programme]
    begun = [v for v in versions if v.effective_from <= last]
    first = first_month_of(book, programme)
    if not begun:
        raise OperationRefused("before_programme", f"{programme} begins in {first}")
    current = begun[-1]
    contracts = {c.id: c for v in begun for _, c in v.tiers.contracts() if c.starts <= last}
    return Terms(
        ref=VersionRef(id=programme, version=current.version),
        first_month=first,
        month=month,
        contracts=dict(sorted(contracts.items())),
        fees={contract: fee for contract in contracts if (fee := _fee(current, contract, month, last))},
        once=sorted({
            (card.id, card.version, price.milestone)
            for version in begun
            for card in version.payment.rate_cards
            for price in card.prices
            if price.at_most == 1
        }),
    )  # fmt: skip


def first_month_of(book: ProgrammeBook, programme: str) -> str:
    """Return the first month of a programme: the first that is closed."""
    return month_with(min(version.effective_from for version in book if version.programme == programme))


def _last_day(month: str) -> date:
    try:
        return month_of(month)[1]
    except ValueError as error:
        raise OperationRefused("no_month", str(error)) from error


def _fee(version: Programme, contract: str, month: str, last: date) -> Fee | None:
    card = version.payment.card_for(contract, last)
    pence = fee_of(card, contract, month) if card is not None else 0
    if card is None or not pence:
        return None
    ref = card.ref
    return Fee(pence, PolicyVersion(id=ref.id, version=ref.version, sha256=ref.sha256))


def tiers_above(book: ProgrammeBook, on: date) -> dict[str, tuple[Tier, ...]]:
    """Return the tiers above every contract of every programme, from the contract upwards, as of a day."""
    found: dict[str, tuple[Tier, ...]] = {}
    for version in sorted(book, key=lambda v: v.effective_from):
        if version.effective_from > on:
            continue
        tiers = version.tiers
        top = [_tier("area", version.programme, tiers.area)]
        if tiers.national is not None:
            top.append(_tier("national", tiers.national.id, tiers.national))
        for contract in tiers.area.contracts:
            found[contract.id] = (_tier("contract", contract.id, contract), *top)
        for place in tiers.localities:
            locality = _tier("locality", f"{version.programme}/{place.code}", place)
            for contract in place.contracts:
                found[contract.id] = (_tier("contract", contract.id, contract), locality, *top)
    return found


def _tier(code: str, name: str, limits: Limits) -> Tier:
    return Tier(code, f"{code}:{name}", limits.ceiling_pence, limits.annual_ceiling_pence, limits.participants)
