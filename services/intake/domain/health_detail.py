"""What counts as health detail: an employer sends none of it.

Refused are answers about health, words (which can hold anything), facts that only health explains, and asks from which
health can be inferred: who asks for physiotherapy for somebody says what they have. What an employer may ask for is
about work. Not refused: that a condition affects the work, without which nobody is referred and which names nothing;
absence from work and its beginning, which are the employer's own records; and how somebody must be written to or met,
without which they might not be reached at all.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from services.contracts.codes import Support
from services.kernel.decision import Reason

CODE: Final = "health_detail_not_accepted"

ABOUT_WORK: Final = frozenset(
    {
        Support.EMPLOYER_CONVERSATION,
        Support.EMPLOYMENT_ADVICE,
        Support.SKILLS,
        Support.COACH_ASSESSMENT,
    }
)
"""What may be asked for without saying anything of health."""

ANSWERS_ABOUT_HEALTH: Final = ("health_condition", "complex_needs")
EQUALITY: Final = ("sex", "ethnic_category")

_MESSAGES: Final = {
    "assessment": "this route may send no health detail; leave the assessment out",
    "additional_information": "this route may send no words: they could hold health detail; leave them out",
    "health_condition": "this route may send no health detail; leave this out",
    "complex_needs": "this route may send no health detail; leave this out",
    "asks": "this route may ask for nothing that tells of health",
}


def faults(body: Mapping[str, Any]) -> Iterator[Reason]:
    """Yield what in a posted body is health detail, as far as it can be read."""
    for name in ("assessment", "additional_information"):
        if body.get(name) is not None:
            yield Reason(CODE, _MESSAGES[name], f"/{name}")
    facts = body.get("eligibility_facts")
    for name in ANSWERS_ABOUT_HEALTH:
        if isinstance(facts, Mapping) and facts.get(name) is not None:
            yield Reason(CODE, _MESSAGES[name], f"/eligibility_facts/{name}")
    asks = body.get("asks")
    if isinstance(asks, list | tuple):
        told = {str(support) for support in Support} - {str(support) for support in ABOUT_WORK}
        for index, ask in enumerate(asks):
            if isinstance(ask, str) and str(ask) in told:
                yield Reason(CODE, _MESSAGES["asks"], f"/asks/{index}")


def correction_faults(body: Mapping[str, Any]) -> Iterator[Reason]:
    """Yield what an employer does not correct, whatever it says of it: not even that it is unknown.

    Others have answered these since, so that a correction could take away, or guess, what an employer was never told.
    """
    if "asks" in body:
        yield Reason(CODE, "what the person asks for is corrected by the person, or who supports them", "/asks")
    for name in body.get("eligibility_facts", {}):
        about_health = name in ANSWERS_ABOUT_HEALTH or name == "condition_affects_work"
        code = CODE if about_health else "answer_not_accepted"
        yield Reason(code, "an answer is corrected by the person, or who supports them", f"/eligibility_facts/{name}")
    for name in EQUALITY:
        if name not in body.get("person", {}):
            continue
        message = "this is for the person to say, or for who supports them"
        yield Reason("answer_not_accepted", message, f"/person/{name}")
