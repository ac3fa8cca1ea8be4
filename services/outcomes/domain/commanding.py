"""What finance commands of a referral's entries: claw back, or price anew by another card.

Each is one command whose events hold it whole, so that a replay issues it again. There is no command that adds money:
what was earned and not seen is a fact of the plan, and what was priced wrongly is priced anew.
"""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.contracts.base import carry
from services.contracts.outcome import ClawBack, LedgerCommand, Milestone, OutcomeRecorded, ReferralOutcome, ReRate
from services.contracts.plan_codes import OutcomeKind
from services.contracts.types import OUTCOME_RECORDED
from services.kernel.decision import Command, Draft, Event, Reason, Refused
from services.kernel.ids import event_id
from services.outcomes.domain.entries import recorded
from services.outcomes.domain.state import Earnings, Entry
from services.outcomes.domain.terms import PARTICIPANT, RateBook, Term, Terms

COMMAND_TYPE: Final = "ledger.command"
RE_RATED: Final = "re_rated"
LONDON: Final = ZoneInfo("Europe/London")

_NOT_FOUND = 404
_IMPOSSIBLE = 422


def commanded(state: Earnings | None, command: Command, book: RateBook, now: datetime) -> list[Draft]:
    """Return the entries of a command. Raises Refused, with all reasons at once."""
    if command.type != COMMAND_TYPE:
        raise Refused(Reason("unknown_command", f"outcomes takes no command {command.type!r}"), status=_IMPOSSIBLE)
    if state is None or state.about is None:
        raise Refused(Reason("nothing_earned", "nothing was ever earned by this referral"), status=_NOT_FOUND)
    asked: LedgerCommand = command.data
    if isinstance(asked, ClawBack):
        return [_claw_back(state, asked, now)]
    return _re_rate(state, asked, command.id, book)


def reissue(event: Event, cause_id: str) -> Command | None:
    """Return the command that led to an event, so that a replay can issue it again; None: it holds none."""
    outcome = event.data.root if isinstance(event.data, OutcomeRecorded) else None
    if not isinstance(outcome, ReferralOutcome) or outcome.command is None:
        return None
    return Command(cause_id, COMMAND_TYPE, event.key, outcome.command, outcome.command.by)


def _claw_back(state: Earnings, asked: ClawBack, now: datetime) -> Draft:
    """Take back an entry or a part of it: never more than is left of it."""
    entry = next((e for e in state.earned if e.event_id == asked.entry), None)
    if entry is None:
        raise Refused(Reason("entry_not_found", "no such entry of this referral stands", "/entry"), status=_NOT_FOUND)
    wrong = []
    if asked.effective_on < entry.on:
        wrong.append(Reason("before_entry", f"the entry is effective on {entry.on}", "/effective_on"))
    if asked.effective_on > now.astimezone(LONDON).date():
        wrong.append(Reason("effective_in_future", "this day has not come yet in London", "/effective_on"))
    if wrong:
        raise Refused(*wrong, status=_IMPOSSIBLE)
    pence = asked.amount_pence or entry.left_pence
    if not entry.left_pence:
        raise Refused(Reason("nothing_left", "nothing is left of this entry to take back", "/entry"))
    if pence > entry.left_pence:
        message = f"{entry.left_pence} pence are left of this entry"
        raise Refused(Reason("more_than_is_left", message, "/amount_pence"))
    fields = _fields(state, entry, asked) | {
        "kind": OutcomeKind.CLAWBACK,
        "effective_on": asked.effective_on,
        "amount_pence": -pence,
        "reasons": (asked.reason.value,),
        "refers_to": entry.event_id,
    }
    return recorded(entry.card, fields)


def _re_rate(state: Earnings, asked: ReRate, command_id: str, book: RateBook) -> list[Draft]:
    """Take back every entry that another card priced, and enter it again by the card that is named.

    Same milestone, same day, same evidence: only the price and its card change. What the card priced already stays, so
    a second time changes nothing. Claims wait for their evidence under the card of their day.
    """
    assert state.about is not None  # noqa: S101  commanded has looked
    terms = book.named(state.about.programme.id, asked.card, asked.version)
    if terms is None:
        message = "no file of the programme has this card in this version"
        raise Refused(Reason("card_unknown", message, "/card"), status=_IMPOSSIBLE)
    others = [entry for entry in state.earned if entry.card != terms.card]
    wrong = [reason for entry in others if (reason := _unfit(entry, terms)) is not None]
    if wrong:
        raise Refused(*wrong)
    drafts: list[Draft] = []
    for entry in others:
        fields = _fields(state, entry, asked)
        reversal = event_id(command_id, OUTCOME_RECORDED, len(drafts))
        drafts += [
            recorded(entry.card, fields | _taken(entry, asked)),
            recorded(terms.card, fields | _entered(state, entry, terms, asked, reversal)),
        ]
    return drafts


def _unfit(entry: Entry, terms: Terms) -> Reason | None:
    name = f"{entry.milestone} {entry.occurrence} of {entry.on}"
    term = terms.by_milestone.get(entry.milestone)
    if entry.contract not in terms.contracts:
        return Reason("card_not_of_contract", f"{name}: the card does not price the contract {entry.contract}")
    if term is None:
        return Reason("milestone_not_priced", f"{name}: the card has no price for it")
    if entry.occurrence > term.at_most:
        return Reason("over_ceiling", f"{name}: the card pays it {term.at_most} times")
    if entry.clawed_back_pence:
        return Reason("clawed_back", f"{name}: finance took {entry.clawed_back_pence} pence of it back")
    if not _shown(entry, term):
        return Reason("evidence_not_enough", f"{name}: the card asks for other evidence")
    return None


def _shown(entry: Entry, term: Term) -> bool:
    return not term.evidence or any(e.kind in term.evidence for e in entry.evidence)


def _taken(entry: Entry, asked: ReRate) -> dict[str, Any]:
    return {
        "kind": OutcomeKind.REVERSAL,
        "amount_pence": -entry.left_pence,
        "reasons": (RE_RATED, asked.reason.value),
        "refers_to": entry.event_id,
    }


def _entered(state: Earnings, entry: Entry, terms: Terms, asked: ReRate, reversal: str) -> dict[str, Any]:
    start = state.first(PARTICIPANT)
    term = terms.by_milestone[entry.milestone]
    pence, why = terms.price_of(term, entry.on, start.on if start else None, entry.groups)
    return {
        "kind": OutcomeKind.EARNED,
        "evidence": entry.evidence,
        "amount_pence": pence,
        "reasons": (RE_RATED, asked.reason.value, *why),
        "refers_to": reversal,
    }


def _fields(state: Earnings, entry: Entry, asked: LedgerCommand) -> dict[str, Any]:
    assert state.about is not None  # noqa: S101  commanded has looked
    about = carry(state.about, provider=entry.provider, contract=entry.contract, occurred_on=entry.on)
    return about | {
        "plan_version": None,
        "milestone": Milestone(code=entry.milestone, occurrence=entry.occurrence),
        "effective_on": entry.on,
        "evidence": (),
        "priority_groups": entry.groups,
        "command": asked,
    }
