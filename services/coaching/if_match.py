"""``If-Match``: the version that the sender saw; a command about another one is refused."""

import re
from typing import Annotated, Final

from fastapi import Header

from services.kernel.decision import Reason, Refused

IfMatch = Annotated[str | None, Header(description='The version that you saw: `"7"`.')]

_VERSION: Final = re.compile(r'(?:W/)?"([1-9][0-9]{0,14})"')


def expected_version(if_match: str | None) -> int | None:
    """Return the version that is expected; None: whatever is there. Raises Refused 400 ``if_match_malformed``."""
    if if_match is None or if_match == "*":
        return None
    found = _VERSION.fullmatch(if_match)
    if found is None:
        raise Refused(Reason("if_match_malformed", 'If-Match is a version in quotes: "7"'), status=400)
    return int(found[1])
