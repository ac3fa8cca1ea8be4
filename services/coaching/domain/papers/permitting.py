"""Who may be handed a plan on paper: to the person themselves always, to GP and employer under a consent each."""

from datetime import date
from enum import StrEnum
from typing import Final

from services.coaching.domain.plan import Plan
from services.contracts.codes import AccessibleFormat, ConsentKind
from services.contracts.consent import ConsentHistory
from services.contracts.plan_codes import AdjustmentState, PlanState
from services.kernel.decision import Reason


class View(StrEnum):
    """For whom a page is written."""

    PARTICIPANT = "participant"
    GP = "gp"
    EMPLOYER = "employer"


NEEDS: Final = {View.GP: ConsentKind.SHARE_WITH_GP, View.EMPLOYER: ConsentKind.SHARE_WITH_EMPLOYER}
"""The consent that a view is made under; the person's own needs none."""

OPEN_ADJUSTMENTS: Final = frozenset({AdjustmentState.PROPOSED, AdjustmentState.AGREED, AdjustmentState.IN_PLACE})
"""What an employer's page shows: what may still be done. What was refused or has ended is nobody's news there."""

_NAMES: Final = {View.GP: "GP", View.EMPLOYER: "employer"}


def why_not(plan: Plan, view: View, on: date, consents: ConsentHistory) -> list[Reason]:
    """Return all that keeps a view from being made on a day; nothing: it may be. Each says what to do."""
    found = []
    if plan.state is PlanState.WITHDRAWN:
        found.append(Reason("plan_withdrawn", "the person no longer takes part; nothing is handed out any more"))
    consent = consent_missing(view, on, consents)
    if consent is not None:
        found.append(consent)
    content = _nothing_to_show(plan, view)
    if content is not None:
        found.append(content)
    return found


def consent_missing(view: View, on: date, consents: ConsentHistory) -> Reason | None:
    """Return why the consent that a view needs does not allow it on a day, and what to do; None: it does."""
    kind = NEEDS.get(view)
    if kind is None:
        return None
    standing = consents.standing(kind, on)
    if standing is not None and standing.given:
        return None
    name = _NAMES[view]
    said = (
        f"the person has not been asked whether you may share with the {name}"
        if standing is None
        else f"the person's word since {standing.on} is not to share with the {name}"
    )
    what = f"ask them, and record their answer (consent_changed, {kind.value}); without it the {name} gets nothing"
    return Reason(f"{view.value}_consent_missing", f"{said}; {what}")


def _nothing_to_show(plan: Plan, view: View) -> Reason | None:
    held = plan.plan
    match view:
        case View.PARTICIPANT if held.agreed_on is None:
            return Reason("not_agreed", "no plan is agreed yet; agree goals and steps with the person first")
        case View.GP if held.confirmed_on is None:
            return Reason("not_confirmed", "nothing is decided yet; confirm or override the recommendation first")
        case View.EMPLOYER if not any(one.state in OPEN_ADJUSTMENTS for one in held.adjustments):
            return Reason("no_adjustment", "no adjustment is proposed, agreed or in place; record one first")
    return None


_FORMATS: Final = {
    AccessibleFormat.EASY_READ: "easy read",
    AccessibleFormat.BRAILLE: "braille",
    AccessibleFormat.AUDIO: "audio",
    AccessibleFormat.SIGN_LANGUAGE: "sign language",
    AccessibleFormat.INTERPRETER: "an interpreter",
}
"""What a page in large print is not; the other formats are about rooms and hearing."""


def heed(plan: Plan, view: View) -> list[Reason]:
    """Return what a coach should think of when handing over the person's own page: it is English, in large print."""
    if view is not View.PARTICIPANT:
        return []
    found = []
    language = plan.plan.language
    if language is not None and language.split("-")[0].lower() != "en":
        found.append(Reason("other_language", f"the page is in English and the person reads {language}; have it read"))
    missing = [name for code, name in _FORMATS.items() if code in plan.plan.formats]
    if missing:
        found.append(Reason("other_format", f"the person needs {', '.join(missing)}; arrange it besides the page"))
    return found
