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

_MESSAGES: Final = {
    "assessment": "this route may send no health detail; leave the assessment out",
    "additional_information": "this route may send no words: they could hold health detail; leave them out",
    "complex_needs": "this route may send no health detail; leave this out",
    "asks": "this route may ask for nothing that tells of health",
}


def faults(body: Mapping[str, Any]) -> Iterator[Reason]:
    """Yield what in a posted body is health detail, as far as it can be read."""
    for name in ("assessment", "additional_information"):
        if body.get(name) is not None:
            yield Reason(CODE, _MESSAGES[name], f"/{name}")
    facts = body.get("eligibility_facts")
    if isinstance(facts, Mapping) and facts.get("complex_needs") is not None:
        yield Reason(CODE, _MESSAGES["complex_needs"], "/eligibility_facts/complex_needs")
    asks = body.get("asks")
    if isinstance(asks, list | tuple):
        told = {str(support) for support in Support} - {str(support) for support in ABOUT_WORK}
        for index, ask in enumerate(asks):
            if isinstance(ask, str) and str(ask) in told:
                yield Reason(CODE, _MESSAGES["asks"], f"/asks/{index}")
