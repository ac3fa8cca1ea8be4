"""A page made: the view's content from the plan, its words, the name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.coaching.domain.papers.pages import employer_page, gp_page, participant_page
from services.coaching.domain.papers.permitting import View
from services.coaching.domain.plan import Plan
from services.coaching.domain.policy import CoachingPolicy
from services.coaching.papers import rendering
from services.coaching.papers.contact import Contact
from services.contracts.consent import ConsentHistory, EmployerPermission, proven
from services.contracts.plan_item import FitNote
from services.programmes.model import Programme


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What a letter adds to its page: what to quote, and by when an answer is awaited (null: none is)."""

    letter_id: str
    answer_by: date | None


def page_of(
    plan: Plan,
    view: View,
    on: date,
    consents: ConsentHistory,
    contact: Contact,
    policy: CoachingPolicy,
    letter: Letterhead | None = None,
    fit_notes: Sequence[FitNote] = (),
) -> str:
    """Return a page as HTML. Whoever asks has looked at what keeps it from being made; without consent it is a bug.

    ``fit_notes`` stand on the GP's page alone.
    Raises NotPermitted for a GP's or an employer's page without the consent.
    """
    match view:
        case View.PARTICIPANT:
            own = participant_page(plan, on, consents)
            return rendering.participant(own, contact, provider=_provider(plan, policy))
        case View.GP:
            made = gp_page(plan, on, consents, fit_notes)
            who, what = _provider(plan, policy), _programme(plan, policy).title
            return rendering.gp(made, contact, provider=who, programme=what, letter=letter)
        case View.EMPLOYER:
            return _for_employer(proven(consents.employer_permission(on)), plan, contact, letter)


def _for_employer(permission: EmployerPermission, plan: Plan, contact: Contact, letter: Letterhead | None) -> str:
    return rendering.employer(employer_page(permission, plan), contact.name, letter=letter)


def _programme(plan: Plan, policy: CoachingPolicy) -> Programme:
    """Return the version that the referral was accepted under. Raises PolicyMissing when its file is not there."""
    policy.terms(plan.programme)
    found = policy.book.version(plan.programme.id, plan.programme.version)
    assert found is not None  # noqa: S101  its terms were found
    return found


def _provider(plan: Plan, policy: CoachingPolicy) -> str:
    """Return whose coach it is: the provider's name, else the programme's title."""
    programme = _programme(plan, policy)
    provider = None if plan.provider is None else programme.provider(plan.provider)
    return programme.title if provider is None else provider.name
