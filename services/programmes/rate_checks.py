"""What must hold of rate cards, alone and among each other: all faults at once, each with its place in the file."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final, get_args

from services.programmes.model import Programme
from services.programmes.rate_card import OWN_RECORD, EvidenceCode, Fact, GroupUplift, Price, RateCard
from services.programmes.tiers import Contract

At = tuple[Any, ...]
Found = tuple[At, str, str, str]
"""Path, code, message, fix."""

FACTS: Final[tuple[str, ...]] = get_args(Fact)
KINDS: Final[tuple[str, ...]] = get_args(EvidenceCode)
_OWN: Final[dict[str, str | None]] = dict(OWN_RECORD.items())
_BY_THEIR_NAME: Final = ("participant", "engagement")
_MANY_TIMES: Final = ("engagement", "step_finished", "review_completed", "work_outcome", "health_outcome")
_WITH_GAP: Final = ("engagement", "step_finished", "review_completed")
_TERMS_OF: Final[dict[str, tuple[str, ...]]] = {
    "nth": ("nth_session",),
    "weeks": ("sustained_work",),
    "within_weeks": ("sustained_work",),
    "least_hours": ("sustained_work",),
    "least_earnings_pence": ("earnings",),
    "least_self_employed_days": ("earnings",),
    "gap_days": _WITH_GAP,
}
_ENGAGED_BY: Final = ("step_finished", "review_completed", "nth_session")


def card_faults(programme: Programme) -> Iterator[Found]:
    """Yield all that is wrong with a programme's cards."""
    cards = programme.payment.rate_cards
    groups = {group.code for group in programme.joining.priority_groups}
    for index, card in enumerate(cards):
        at = ("payment", "rate_cards", index)
        yield from alone(at, card, cards[:index])
        yield from _uplifts(at, card, groups)
        yield from _fees(at, card, programme.effective_from, programme.effective_to)
        if programme.synthetic:
            yield from _worthless(at, card)
    for path, contract in programme.tiers.contracts():
        yield from _gaps(("tiers", *path), contract, cards, programme.effective_to)


def cards_faults(cards: Sequence[RateCard]) -> Iterator[Found]:
    """Yield what is wrong with cards that stand in no programme: contracts and groups are not known."""
    for index, card in enumerate(cards):
        at = ("rate_cards", index)
        yield from alone(at, card, cards[:index])
        yield from _fees(at, card, card.effective_from, card.effective_to)


def alone(at: At, card: RateCard, earlier: Sequence[RateCard]) -> Iterator[Found]:
    """Yield what is wrong with a card by itself and beside those before it in its file."""
    yield from edition_faults(at, card.published_on, card.effective_from, card.effective_to)
    yield from _prices(at, card)
    for number, uplift in enumerate(card.uplifts):
        yield from _uplifted((*at, "uplifts", number), card, uplift)
    yield from _named_twice(at, card, earlier)
    for other in earlier:
        yield from _same_days(at, card, other)


def _worthless(at: At, card: RateCard) -> Iterator[Found]:
    fix = "Nobody in a synthetic programme is real: write 0, or say that it is not synthetic."
    for number, price in enumerate(card.prices):
        if price.amount_pence or (price.acceleration and price.acceleration.amount_pence):
            message = f"A synthetic programme would pay for {price.milestone!r}."
            yield ((*at, "prices", number, "amount_pence"), "synthetic_pays", message, fix)
    for number, fee in enumerate(card.delivery_fee):
        message = f"A synthetic programme would pay {fee.contract!r} a fee."
        yield ((*at, "delivery_fee", number), "synthetic_pays", message, "Remove the fee.")


def edition_faults(at: At, published: date, starts: date, ends: date | None) -> Iterator[Found]:
    """Yield what is wrong with the days of something that must be published before it takes effect."""
    if published >= starts:
        message = f"It takes effect on {starts} but is published on {published}."
        fix = "Publish it before the day on which it takes effect, so that no file changes the past."
        yield ((*at, "effective_from"), "published_too_late", message, fix)
    if ends is not None and ends < starts:
        yield ((*at, "effective_to"), "ends_before_start", f"It ends on {ends}, before it starts.", "")


def _same_days(at: At, card: RateCard, earlier: RateCard) -> Iterator[Found]:
    shared = set(card.contracts) & set(earlier.contracts)
    before = card.effective_to is not None and card.effective_to < earlier.effective_from
    after = earlier.effective_to is not None and earlier.effective_to < card.effective_from
    if shared and not before and not after:
        message = f"It prices the same days as {earlier.id} {earlier.version} for {', '.join(sorted(shared))}."
        yield ((*at, "effective_from"), "overlapping_cards", message, "End one before the other starts.")


def _prices(at: At, card: RateCard) -> Iterator[Found]:
    for number, price in enumerate(card.prices):
        here = (*at, "prices", number)
        if price.paid_for not in FACTS:
            fix = f"Name what it is paid for with `fact`: one of {', '.join(FACTS)}."
            message = f"{price.milestone!r} is no milestone that anything leads to."
            yield ((*here, "milestone"), "unknown_milestone", message, fix)
            continue
        yield from _price(here, price)
    yield from _together(at, card)


def _price(at: At, price: Price) -> Iterator[Found]:
    fact = price.paid_for
    if price.milestone != fact and (price.milestone in FACTS or fact in _BY_THEIR_NAME):
        message = f"{price.milestone!r} would be paid for {fact!r}, and one of the two names means something else."
        yield ((*at, "milestone"), "misnamed_milestone", message, "Call it by its fact, or give it a name of its own.")
    if price.at_most > 1 and fact not in _MANY_TIMES:
        yield ((*at, "at_most"), "happens_once", f"{fact!r} happens once for one person.", "Write at_most: 1.")
    yield from _terms(at, price, fact)
    yield from _evidence(at, price, fact)
    yield from _windows(at, price, fact)


def _terms(at: At, price: Price, fact: str) -> Iterator[Found]:
    for name, facts in _TERMS_OF.items():
        if getattr(price, name) is not None and fact not in facts:
            message = f"{name} means nothing for {fact!r}."
            yield ((*at, name), "impossible_term", message, f"It belongs to {' or '.join(facts)}; remove it.")
    missing = {"nth_session": "nth", "sustained_work": "weeks"}.get(fact)
    if missing is not None and getattr(price, missing) is None:
        yield (at, "term_missing", f"{fact!r} needs {missing}.", f"Say {missing}.")
    if price.nth == 1:
        message = "The first session makes the participant and is paid as that."
        yield ((*at, "nth"), "impossible_term", message, "Count from 2.")
    if fact == "earnings" and price.least_earnings_pence is None and price.least_self_employed_days is None:
        fix = "Say least_earnings_pence, least_self_employed_days or both; either then suffices."
        yield (at, "term_missing", "Nothing says how much must be earned.", fix)
    if price.gap_days is not None and price.at_most == 1 and fact in _WITH_GAP:
        message = "A gap between two means nothing where only one is paid."
        yield ((*at, "gap_days"), "impossible_term", message, "Remove it, or raise at_most.")


def _evidence(at: At, price: Price, fact: str) -> Iterator[Found]:
    own = _OWN.get(fact, "")
    for number, kind in enumerate(price.evidence):
        here = (*at, "evidence", number)
        if kind not in KINDS:
            yield (here, "unknown_evidence", f"There is no kind of evidence {kind!r}.", f"One of {', '.join(KINDS)}.")
        elif own == "" and kind in _OWN.values():
            message = f"{kind!r} is the plan's own record and shows nothing of {fact!r}."
            yield (here, "evidence_never_there", message, "Name what somebody else has written.")
        elif own not in {"", None, kind}:
            message = f"{fact!r} is shown by {own!r} alone: with {kind!r} it could never be earned."
            yield (here, "evidence_never_there", message, f"Write [{own}], or leave it out.")
    if own is None and price.evidence:
        message = f"{fact!r} is shown by the record of a session, a step or a review, whichever it was."
        yield ((*at, "evidence"), "evidence_never_there", message, "Leave it out.")
    if not price.evidence and fact not in _OWN:
        message = f"{fact!r} would be paid for the word of the provider alone."
        yield (at, "evidence_missing", message, "Say which kinds of evidence are accepted; one of them must be there.")
    if not price.evidence and fact == "health_outcome":
        yield (at, "evidence_missing", "An outcome needs evidence.", "Write evidence: [review_record].")


def _windows(at: At, price: Price, fact: str) -> Iterator[Found]:
    weeks = price.weeks or 0
    if price.within_weeks is not None and price.within_weeks < weeks:
        message = f"{weeks} weeks of work cannot lie within {price.within_weeks} weeks."
        yield (
            (*at, "within_weeks"),
            "window_too_short",
            message,
            "It counts breaks, too: write at least as many.",
        )
    if price.within_days is not None and price.within_days < weeks * 7:
        message = f"Work that lasts {weeks} weeks is never reached within {price.within_days} days."
        yield ((*at, "within_days"), "window_too_short", message, "It is counted from the participant's day.")
    for name in ("within_days", "acceleration"):
        if getattr(price, name) is not None and fact == "participant":
            message = f"{name} is counted from the participant's day, which this is."
            yield ((*at, name), "impossible_term", message, "Remove it.")
    sooner = price.acceleration
    if sooner is None:
        return
    if price.within_days is not None and sooner.within_days >= price.within_days:
        message = "Whatever is paid at all would be paid at the other price."
        yield ((*at, "acceleration", "within_days"), "acceleration_always", message, "It must end before within_days.")
    if sooner.within_days < weeks * 7:
        message = f"Work that lasts {weeks} weeks is never reached within {sooner.within_days} days."
        yield ((*at, "acceleration", "within_days"), "window_too_short", message, "Give it more days.")
    if sooner.amount_pence <= price.amount_pence:
        message = "What comes sooner is paid no better."
        yield ((*at, "acceleration", "amount_pence"), "acceleration_pays_less", message, "Pay more, or remove it.")


def _together(at: At, card: RateCard) -> Iterator[Found]:
    facts = [price.paid_for for price in card.prices]
    if "participant" not in facts:
        message = "Without a participant nothing else is ever earned."
        yield ((*at, "prices"), "participant_missing", message, "Add participant; its price may be 0.")
    seen: dict[tuple[Any, ...], str] = {}
    names: set[str] = set()
    for number, price in enumerate(card.prices):
        here = (*at, "prices", number, "milestone")
        fact = price.paid_for
        if price.milestone in names:
            yield (here, "repeated", f"{price.milestone!r} stands twice.", "Keep one of the two.")
        names.add(price.milestone)
        if fact in _ENGAGED_BY and "engagement" in facts:
            message = f"{fact!r} is an engagement, too: one fact would be paid twice."
            yield (here, "paid_twice", message, "Price the one or the other.")
        same = (fact, price.nth, price.weeks, price.least_earnings_pence, price.least_self_employed_days)
        if same in seen and fact in FACTS and seen[same] != price.milestone:
            message = f"It is paid for the same as {seen[same]!r}."
            yield (here, "paid_twice", message, "Keep one of the two, or give them different terms.")
        seen.setdefault(same, price.milestone)


def _uplifts(at: At, card: RateCard, groups: set[str]) -> Iterator[Found]:
    for number, uplift in enumerate(card.uplifts):
        if uplift.group not in groups:
            here = (*at, "uplifts", number, "group")
            message = f"The programme has no priority group {uplift.group!r}."
            yield (here, "unknown_group", message, "Add it to joining.priority_groups, or correct it.")


def _uplifted(at: At, card: RateCard, uplift: GroupUplift) -> Iterator[Found]:
    names = {price.milestone for price in card.prices}
    for place, milestone in enumerate(uplift.milestones):
        if milestone not in names:
            message = f"The card has no milestone {milestone!r}."
            yield ((*at, "milestones", place), "unknown_milestone", message, "Correct the name.")


def _fees(at: At, card: RateCard, starts: date, ends: date | None) -> Iterator[Found]:
    seen: set[str] = set()
    last = min((day for day in (card.effective_to, ends) if day is not None), default=None)
    for number, fee in enumerate(card.delivery_fee):
        here = (*at, "delivery_fee", number)
        if fee.contract not in card.contracts:
            message = f"The card does not price the contract {fee.contract!r}."
            yield ((*here, "contract"), "unknown_contract", message, "Add it to the card's contracts.")
        if fee.contract in seen:
            message = f"The contract {fee.contract!r} has two fees."
            yield ((*here, "contract"), "repeated", message, "Keep one of the two.")
        seen.add(fee.contract)
        if fee.last_month < fee.first_month:
            message = f"It ends in {fee.last_month}, before it begins."
            yield ((*here, "last_month"), "fee_ends_before_start", message, "Turn the two round.")
        if fee.first_month < _month(max(card.effective_from, starts)):
            message = f"{fee.first_month} is before the card prices anything."
            yield ((*here, "first_month"), "fee_outside", message, "Begin in the month in which the card takes effect.")
        if last is not None and fee.last_month > _month(last):
            message = f"{fee.last_month} is after {last}, the card's last day."
            yield ((*here, "last_month"), "fee_outside", message, "End in the month in which the card ends.")


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _named_twice(at: At, card: RateCard, earlier: Sequence[RateCard]) -> Iterator[Found]:
    if any((other.id, other.version) == (card.id, card.version) for other in earlier):
        message = f"There are two cards {card.id} {card.version}: an entry could not say which one priced it."
        yield ((*at, "version"), "repeated", message, "Give each card of one id its own version.")


def _gaps(at: At, contract: Contract, cards: Sequence[RateCard], version_ends: date | None) -> Iterator[Found]:
    """Yield the days that no card prices between the contract's first card and its last referral."""
    spans = sorted((c.effective_from, c.effective_to or date.max) for c in cards if contract.id in c.contracts)
    for (_, ends), (starts, _) in pairwise(spans):
        if ends < starts - timedelta(days=1):
            message = f"No rate card prices {contract.id!r} from {ends + timedelta(days=1)} to the day before {starts}."
            yield (at, "gap_between_cards", message, "Let one card begin on the day after the other ends.")
    last = min((day for day in (contract.ends, version_ends) if day is not None), default=None)
    if spans and spans[-1][1] < (last or date.max):
        until = "for ever" if last is None else f"until {last}"
        message = f"People are referred {until}; the last rate card of {contract.id!r} ends on {spans[-1][1]}."
        yield (at, "card_ends_early", message, "Let it reach further: plans, evidence and payment run on after that.")
