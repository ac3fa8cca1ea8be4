"""Handing a person over to another programme: whether it takes people, in that locality, with that provider."""

from services.coaching.domain.plan import Plan
from services.coaching.domain.support_commands import HandOver
from services.kernel.decision import Reason, Refused
from services.programmes.book import ProgrammeBook
from services.programmes.providers import ProviderNotOffered, choose_provider


def check(state: Plan, command: HandOver, book: ProgrammeBook) -> None:
    """Raise Refused 422 where the other programme could not take the person on that day, with all that is wrong."""
    if command.programme == state.programme.id:
        message = "this plan is of that programme already; give it to another coach instead (coach_assigned)"
        raise Refused(Reason("same_programme", message, "/programme"), status=422)
    programme = book.find(command.programme, command.occurred_on)
    if programme is None:
        message = "no programme of this id takes referrals on that day"
        raise Refused(Reason("programme_not_open", message, "/programme"), status=422)
    tiers = programme.tiers
    if command.locality is not None and tiers.locality(command.locality) is None:
        raise Refused(Reason("locality_unknown", "that programme has no such locality", "/locality"), status=422)
    if not all(tier.takes_referrals_on(command.occurred_on) for tier in tiers.above(command.locality)):
        message = "that programme takes no referrals there on that day"
        raise Refused(Reason("programme_not_open", message, "/programme"), status=422)
    try:
        choose_provider(
            programme,
            command.locality,
            referral_id=state.referral_id,
            on=command.occurred_on,
            named=command.provider,
            chosen=None,
        )
    except ProviderNotOffered:
        message = "this provider takes nobody there on that day; leave it out, and that programme's list decides"
        raise Refused(Reason("provider_not_offered", message, "/provider"), status=422) from None
