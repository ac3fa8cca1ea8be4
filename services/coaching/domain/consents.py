"""The consents of a plan as facts over time: what both an employer conversation and a page to print rest on."""

from collections.abc import Sequence
from datetime import datetime

from services.coaching.domain.plan import Plan
from services.contracts.consent import ConsentFact, ConsentHistory, first_words, word


def history(plan: Plan, now: datetime, known: Sequence[ConsentFact] = ()) -> ConsentHistory:
    """Return what is known of a plan's consents: the latest word on each, and ``known`` earlier ones.

    A plan holds the latest word only, and of one that was given anew when it was refused before: after a withdrawal
    nothing earlier is allowed, unless it is among ``known``.
    """
    consents = plan.plan.consents
    words = [] if consents is None else first_words(consents, plan.referred_on, now, plan.referral_id)
    refused = [
        fact.model_copy(update={"given": False, "on": said.other_on})
        for fact in words
        if consents is not None and (said := word(consents, fact.kind)) is not None and said.given
        if said.other_on is not None and said.other_on < fact.on
    ]
    return ConsentHistory.of(plan.referral_id, [*refused, *words, *known])
