"""Reads the red flags of whatever was sent, so that no fault anywhere else can hide them.

A referral that is refused, malformed, a duplicate or from somebody who may not send health detail is still
answered with the safety text. So this reads the body itself and asks for as little order as it can:
anything said to be positive counts, wherever it stands and however it is written. Too much advice does no
harm.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from services.contracts import red_flags
from services.contracts.assessment import Assessment, Phq9
from services.contracts.codes import Condition, RedFlag

_POSITIVE_WORDS = frozenset({"true", "yes", "y", "1"})
_SAID = re.compile(r'"(' + "|".join(RedFlag) + r')"\s*:\s*(?:true|1|"(?:true|yes|y|1)")', re.IGNORECASE)
_ITEM9 = re.compile(r'"item9"\s*:\s*"?\s*([1-9])')
_BACK_PAIN = re.compile(r'"back_pain"')


def hear(body: bytes) -> red_flags.Safety | None:
    """Return the safety level and advice of whatever is positive in ``body``, None when nothing is."""
    text = body.decode("utf-8", errors="replace")
    try:
        document = json.loads(text, object_pairs_hook=_Pairs, strict=False)
    except (ValueError, RecursionError):
        return _check(_SAID.findall(text), bool(_ITEM9.search(text)), back_pain=bool(_BACK_PAIN.search(text)))
    flags: list[str] = []
    item9 = back_pain = False
    for name, value in _entries(document):
        if name in _FLAGS:
            flags += [name] if _is_positive(value) else []
        elif name == "item9":
            item9 = item9 or _is_positive(value) or _above_zero(value)
        elif name == "conditions":
            back_pain = back_pain or _names_back_pain(value)
    return _check(flags, item9, back_pain=back_pain)


def answer(body: bytes) -> dict[str, str] | None:
    """Return the ``safety`` member of an answer."""
    found = hear(body)
    return None if found is None else {"level": found.level.value, "advice": found.advice}


class _Pairs(list[tuple[str, Any]]):
    """An object as read: every pair, so that the second of two equal names does not hide the first."""


_FLAGS = frozenset(flag.value for flag in RedFlag)


def _entries(document: Any) -> Iterator[tuple[str, Any]]:
    stack = [document]
    while stack:
        here = stack.pop()
        if isinstance(here, _Pairs):
            yield from here
            stack.extend(value for _, value in here)
        elif isinstance(here, list):
            stack.extend(here)


def _is_positive(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in _POSITIVE_WORDS
    return value is True or (isinstance(value, int) and value == 1)


def _above_zero(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip()[:1] in set("123456789")
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _names_back_pain(value: Any) -> bool:
    return value == Condition.BACK_PAIN or (isinstance(value, list) and Condition.BACK_PAIN in value)


def _check(flags: list[str], item9: bool, *, back_pain: bool) -> red_flags.Safety | None:
    heard = Assessment(
        conditions=(Condition.BACK_PAIN,) if back_pain else None,
        phq9=Phq9(item9=1) if item9 else None,
        red_flags={RedFlag(flag.lower()): True for flag in flags},
    )
    return red_flags.check(heard)
