"""Reads the red flags of whatever was sent, so that no fault anywhere else can hide them.

A referral that is refused, malformed, a duplicate or from somebody who may not send health detail is still
answered with the safety text. So this reads the body itself and asks for as little order as it can:
anything said to be positive counts, wherever it stands and however it is written. Too much advice does no
harm.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from services.contracts import red_flags
from services.contracts.assessment import Assessment, Phq9
from services.contracts.codes import Condition, RedFlag

_POSITIVE_WORDS = frozenset({"true", "t", "yes", "y", "positive", "present"})
_LOUD = r"""["']?+\s*+[:=]\s*+["']?+\s*+(?:true|t\b|yes|y\b|positive|present|\+?+0*+[1-9])"""
"""What follows a name that is said to be positive, in what is no JSON. Possessive: long gaps cost no time."""


def _spelt(code: str) -> str:
    return re.sub("_", r"[_ -]?+", code)


_FLAG = "|".join(_spelt(flag) for flag in RedFlag)
_SAID = re.compile(rf"\b({_FLAG}){_LOUD}", re.IGNORECASE)
_LISTED = re.compile(r"""red[_ -]?+flags?+["']?+\s*+[:=]\s*+\[([^\]{}:]*+)""", re.IGNORECASE)
_ITEM9 = re.compile(rf"item[_ -]?+9{_LOUD}", re.IGNORECASE)
_BACK_PAIN = re.compile(r"back[_ -]?+pain", re.IGNORECASE)
_COUNT = re.compile(r"\+?0*+[1-9][0-9]?(?![0-9])")
"""A number above zero, and no day or telephone number."""
_NO_WORD = re.compile(r"[^a-z0-9]+")


class Known(NamedTuple):
    """What earlier answers about the same referral said: back pain, and signs that are urgent with back pain."""

    back_pain: bool = False
    signs: frozenset[RedFlag] = frozenset()


NOTHING_KNOWN = Known()


class Said(NamedTuple):
    """What a body says to be positive."""

    flags: frozenset[RedFlag]
    item9: bool
    back_pain: bool

    @property
    def leans(self) -> bool:
        """Whether earlier answers may change what this comes to: a sign without back pain, or the other way round."""
        return self.back_pain != bool(self.flags & red_flags.URGENT_ITEMS)

    def safety(self, known: Known = NOTHING_KNOWN) -> red_flags.Safety | None:
        """Return the level and advice of what is positive, read with what was known; None when nothing is.

        A sign that was known with its back pain is no news: it has been looked at, or is being.
        """
        told_now = known.signs if self.back_pain and not known.back_pain else frozenset()
        back_pain = self.back_pain or known.back_pain
        heard = Assessment(
            conditions=(Condition.BACK_PAIN,) if back_pain else None,
            phq9=Phq9(item9=1) if self.item9 else None,
            red_flags=dict.fromkeys(self.flags | told_now, True),
        )
        return red_flags.check(heard)


def hear(body: bytes) -> red_flags.Safety | None:
    """Return the safety level and advice of whatever is positive in ``body``, None when nothing is."""
    return listen(body).safety()


def listen(body: bytes) -> Said:
    """Return what a body says to be positive."""
    text = body.decode(json.detect_encoding(body), errors="replace")
    try:
        document = json.loads(text, object_pairs_hook=_Pairs, strict=False)
    except (ValueError, RecursionError):
        return _hear_text(text)
    flags: set[RedFlag] = set()
    item9 = back_pain = False
    for told in _objects(document):
        flags |= _coded(told)
        for name, value in told:
            plain = _plain(name)
            if plain in _FLAGS and _is_positive(value):
                flags.add(_FLAGS[plain])
            elif "flag" in plain:
                flags |= _named(value)
            elif plain.endswith("item9"):
                item9 = item9 or _is_positive(value)
            elif plain == "conditions":
                back_pain = back_pain or any(_plain(word) == _BACK for word in _words(value))
            elif plain == _BACK:
                back_pain = back_pain or _is_positive(value)
    return Said(frozenset(flags), item9, back_pain)


def _hear_text(text: str) -> Said:
    """Hear what is no JSON: cut off, written by hand, a form."""
    listed = " ".join(_LISTED.findall(text))
    words = [*_SAID.findall(text), *re.findall(_FLAG, listed, re.IGNORECASE)]
    flags = frozenset(_FLAGS[_plain(word)] for word in words)
    return Said(flags, bool(_ITEM9.search(text)), bool(_BACK_PAIN.search(text)))


def answer(body: bytes) -> dict[str, str] | None:
    """Return the ``safety`` member of an answer."""
    found = hear(body)
    return None if found is None else {"level": found.level.value, "advice": found.advice}


class _Pairs(list[tuple[str, Any]]):
    """An object as read: every pair, so that the second of two equal names does not hide the first."""


def _plain(name: str) -> str:
    """Return a name without what people write differently: ``chestPain``, ``Chest-Pain`` and ``chest_pain`` are one."""
    return _NO_WORD.sub("", name.lower())


_FLAGS = {_plain(flag): flag for flag in RedFlag}
_BACK = _plain(Condition.BACK_PAIN)


def _objects(document: Any) -> Iterator[_Pairs]:
    stack = [document]
    while stack:
        here = stack.pop()
        if isinstance(here, _Pairs):
            yield here
            stack.extend(value for _, value in here)
        elif isinstance(here, list):
            stack.extend(here)


def _inside(value: Any) -> Iterator[Any]:
    """Yield what stands in a value that is no object or list, at whatever depth."""
    stack = [value]
    while stack:
        here = stack.pop()
        if isinstance(here, _Pairs):
            stack.extend(value for _, value in here)
        elif isinstance(here, list):
            stack.extend(here)
        else:
            yield here


def _words(value: Any) -> Iterator[str]:
    """Yield the words of a list, or the one that stands alone; of objects the names of what is said to be positive."""
    for one in value if isinstance(value, list) and not isinstance(value, _Pairs) else (value,):
        if isinstance(one, str):
            yield one
        elif isinstance(one, _Pairs):
            yield from (name for name, said in one if _is_positive(said))


def _named(value: Any) -> set[RedFlag]:
    """Return the red flags that are listed by their codes: to list one says that it is positive."""
    return {_FLAGS[plain] for word in _words(value) if (plain := _plain(word)) in _FLAGS}


def _coded(told: _Pairs) -> set[RedFlag]:
    """Return the red flag that an object names by its code, beside an answer of its own that is positive."""
    codes = {_FLAGS[plain] for _, value in told if isinstance(value, str) and (plain := _plain(value)) in _FLAGS}
    return codes if codes and any(_says_yes(value) for _, value in told) else set()


def _is_positive(value: Any) -> bool:
    return any(_says_yes(one) for one in _inside(value))


def _says_yes(value: Any) -> bool:
    if isinstance(value, str):
        said = value.strip().lower()
        return said in _POSITIVE_WORDS or _COUNT.match(said) is not None
    return value is True or (isinstance(value, int | float) and value > 0)
