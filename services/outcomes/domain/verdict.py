"""What a rule says of a fact: what it earned, or why it earned nothing, each with a stable code.

``decide`` takes the drafts, ``pathway rates explain`` the words: one judgement, read twice.
"""

from dataclasses import dataclass
from typing import Final

from services.contracts.base import PolicyVersion
from services.kernel.decision import Draft


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing said of one fact. ``milestone`` None: of the fact as a whole; ``draft`` None: it earned nothing."""

    code: str
    milestone: str | None = None
    draft: Draft | None = None
    card: PolicyVersion | None = None


SENTENCES: Final = {
    "earned": "It is earned: every condition of the card is met.",
    "proven": "The evidence that was missing has arrived: the claim is earned, on its own day and under its own card.",
    "claimable": "It is reached, but none of the evidence that the card asks for is there: claimable, no money yet.",
    "taken_back": "A correction of the plan took back what this had earned, to the penny.",
    "pays_for_nothing": "No card pays for this kind of change.",
    "no_contract": "No provider has been chosen yet, so there is nobody to pay.",
    "additional": "This plan is additional to another of the same person, which is paid for these days.",
    "not_attended": "The session was missed or cancelled; only an attended one counts.",
    "not_by_agreement": "The plan was not closed by agreement.",
    "no_consent": "The person had not consented to take part on that day.",
    "not_taken_up": "The provider had not acknowledged the referral within the card's working days: nothing is paid.",
    "no_participant": "Nobody was a participant yet: there was no first attended session that counted.",
    "before_participant": "It lies before the day on which the person became a participant.",
    "day_of_participant": "It is on the participant's own day: one contact is paid once.",
    "plan_closed": "The plan was closed: support was over, and only outcomes count.",
    "not_priced": "The card of that day has no price for it.",
    "within_gap": "It is too close to an engagement that is paid already: the card's gap has not passed.",
    "ceiling_reached": "The card pays this no more often for one person, and has done so.",
    "claim_open": "A claim for it is open already and waits for its evidence.",
    "not_yet_nth": "It is not yet the session that the card names.",
    "worked_at_referral": "The person worked, and was well in it, when they were referred: nothing has changed since.",
    "work_unknown": "Nobody knows where the person stood in work when they were referred.",
    "not_in_work": "The person is not in work, or not well in it.",
    "not_confirmed": "What the person says of their work is no confirmation.",
    "since_unknown": "The confirmation does not say since when the work has lasted.",
    "not_sustained_yet": "The confirmation is dated before the anniversary: the work has not lasted long enough.",
    "break_too_long": "There were more days without work than the card allows.",
    "too_few_hours": "The hours a week are fewer than the card asks for, or were not said.",
    "earned_too_little": "Neither earnings nor days in self-employment have reached what the card asks for.",
    "after_window": "It was reached later than the card allows, counted from the participant's day.",
    "no_claim_meant": "No open claim is meant by this evidence, or it is older than what it should show.",
    "other_evidence": "The card does not accept this kind of evidence for the claim.",
    "nothing_to_take_back": "What was corrected had earned nothing.",
    "no_card": "No card prices that day any more; the claim was looked at and nothing else.",
    "clawed_back": "Finance took back what was paid for this, or a part of it.",
    "re_rated": "Finance priced this anew by another card: taken back and entered again.",
}
"""Why, in a sentence for a person. Every code that a rule can give has one."""
