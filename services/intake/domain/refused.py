"""What is kept of a body that was refused though something in it is positive, so that a person can act on it.

It is sealed while it waits, and gone once somebody has acknowledged it.
"""

import json
import re
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from services.contracts.base import Uuid
from services.contracts.red_flags import Safety

MOST: Final = 200
"""So many characters of each thing that was said are kept."""
SAID: Final = ("given_name", "family_name", "birth_date", "postcode", "registered_gp_ods")
REACHED_BY: Final = ("phone", "email", "preferred")

_REFERRAL: Final = re.compile(r"/referrals/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/|$)")


class Heard(BaseModel):
    """Why somebody must look, and how the person can be reached, as far as it was said: nothing of it was checked.

    ``items`` are the positive items, the most serious first; ``reference`` is the referrer's own.
    """

    model_config = ConfigDict(frozen=True)

    items: tuple[str, ...]
    advice: str
    person: dict[str, str]
    reference: str | None


def heard(body: bytes, found: Safety) -> Heard:
    """Return what is kept of a body in which ``found`` was heard."""
    document = _document(body)
    person, referrer = _part(document, "person"), _part(document, "referrer")
    contact = _part(person, "contact")
    said = {name: person.get(name) for name in SAID} | {name: contact.get(name) for name in REACHED_BY}
    return Heard(
        items=found.items,
        advice=found.advice,
        person={name: text for name, value in said.items() if (text := _text(value)) is not None},
        reference=_text(referrer.get("reference")),
    )


def referral_meant(path: str, known: Any) -> Uuid | None:
    """Return which referral a refused request was about: the one its answer names, else the one of its address."""
    if isinstance(known, str):
        return known
    found = _REFERRAL.match(path)
    return None if found is None else found.group(1)


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _part(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return text[:MOST].replace("\x00", "") or None
