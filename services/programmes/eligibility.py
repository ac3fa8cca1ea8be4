"""Whether the programme's published rule is met, with reasons. It proposes; a person decides.

The facts are what intake knows of a person on the day of the referral. A requirement that is not met, or
that cannot be told because the question was not asked, makes the referral one for *review*, never a refusal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.programmes.logic import Facts, compile_condition
from services.programmes.model import Joining
from services.programmes.tiers import Requirement
from services.programmes.vocabulary import Code, Flag, Names, Number, Vocabulary

ELIGIBILITY_FIELDS: Vocabulary = {
    "age": Number(0, 130),
    "right_to_work": Flag(),
    "wants_to_work": Flag(),
    "health_condition": Flag(),
    "condition_affects_work": Flag(),
    "resident_in_area": Flag(),
    "gp_in_area": Flag(),
    "jobcentre_in_area": Flag(),
    "work_status": Code(frozenset({"employed", "self_employed", "unemployed", "inactive"})),
    "attendance": Code(frozenset({"working", "struggling", "off_sick"})),
    "out_of_work_days": Number(0, 40_000),
    "job_at_risk": Flag(),
    "complex_needs": Flag(),
    "ethnic_category": Code(frozenset("ABCDEFGHJKLMNPRSZ") | {"99"}),
}
"""What a requirement or a priority group may ask. ``age`` in whole years; ``ethnic_category``: NHS 2001 codes.
``health_condition``: any health condition or disability, as the person or the referrer says."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """A requirement that is not met. ``known`` False: it was not asked, so it cannot be told."""

    code: str
    text: str
    known: bool


def names(joining: Joining) -> Names:
    """Return what the conditions of a joining section may name."""
    return Names(ELIGIBILITY_FIELDS, joining.definitions, {})


def unmet_requirements(joining: Joining, facts: Facts, also: Sequence[Requirement] = ()) -> tuple[Unmet, ...]:
    """Return the requirements that are not met, in the file's order; none: the person is eligible.

    ``also``: what the referral's locality requires beyond the area's rule (``Tiers.required``).
    """
    found = []
    for requirement in (*joining.eligibility, *also):
        truth = compile_condition(requirement.when, joining.definitions, {})(facts)
        if not truth:
            found.append(Unmet(requirement.code, requirement.text, truth is False))
    return tuple(found)


def priority_groups(joining: Joining, facts: Facts) -> tuple[str, ...]:
    """Return the codes of the priority groups that a person is known to be in, in the file's order."""
    return tuple(
        group.code for group in joining.priority_groups if compile_condition(group.when, joining.definitions, {})(facts)
    )
