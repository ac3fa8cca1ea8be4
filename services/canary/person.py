"""The synthetic person of a minute. Nobody real can be meant: number, telephone and mail are of reserved ranges.

Everything follows from the minute, so whoever runs it again within the minute, or after a failure, sends the same
requests with the same idempotency keys and makes nobody new.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.contracts.identifiers import is_nhs_number

LONDON: Final = ZoneInfo("Europe/London")
PROGRAMME: Final = "pathway-canary"
PROVIDER: Final = "pathway-canary"
NUMBERS: Final = 1_000_000
"""Of the synthetic range of NHS numbers: the six digits after 999. A minute takes one: it returns after 22 months."""
LETTERS: Final = "abcdefghijklmnop"
YOUNGEST: Final = date(1970, 1, 1)
BIRTH_DAYS: Final = 10_000


@dataclass(frozen=True)
class Minute:
    """One run: ``number`` is the minute since 1970, ``on`` the day in London on which it is played."""

    number: int
    on: date

    @classmethod
    def of(cls, moment: datetime) -> "Minute":
        """Return the minute of a moment."""
        return cls(int(moment.timestamp()) // 60, moment.astimezone(LONDON).date())

    @property
    def started(self) -> datetime:
        """The beginning of the minute."""
        return datetime.fromtimestamp(self.number * 60, UTC)

    def key(self, act: str) -> str:
        """Return the idempotency key of one of its requests."""
        return f"canary-{self.number}-{act}"


def nhs_number(number: int) -> str | None:
    """Return the number of the synthetic range for a minute; None where no check digit makes it valid."""
    nine = f"999{number % NUMBERS:06d}"
    return next((found for digit in range(10) if is_nhs_number(found := f"{nine}{digit}")), None)


def referral(minute: Minute) -> dict[str, Any]:
    """Return the referral that is posted."""
    digest = hashlib.sha256(str(minute.number).encode()).digest()
    word = "".join(LETTERS[byte % len(LETTERS)] for byte in digest[:10])
    born = YOUNGEST + timedelta(days=int.from_bytes(digest[10:14]) % BIRTH_DAYS)
    on = minute.on.isoformat()
    return {
        "programme": PROGRAMME,
        "route": "community",
        "referred_on": on,
        "referrer": {"name": "Canary (synthetic)", "reference": f"canary-{minute.number}"},
        "person": {
            "nhs_number": nhs_number(minute.number),
            "family_name": f"Canary{word}",
            "given_name": "Synthetic",
            "birth_date": born.isoformat(),
            "contact": {"phone": "07700900000", "email": f"canary.{minute.number}@example.org", "preferred": "email"},
            "language": "en",
        },
        "work": {"status": "employed", "attendance": "struggling", "weekly_hours": 30},
        "eligibility_facts": {"right_to_work": True, "wants_to_work": True, "condition_affects_work": True},
        "asks": ["employment_advice"],
        "consents": {"take_part": {"given": True, "on": on, "channel": "in_person"}},
    }


def acts(minute: Minute, revision: int) -> list[dict[str, Any]]:
    """Return what the coach does: up to the first session, which outcomes hear of, and the end of the plan."""
    on = minute.on.isoformat()
    said: list[dict[str, Any]] = [
        {"kind": "acknowledged"},
        {"kind": "contacted", "channel": "phone", "reached": True},
        {"kind": "recommendation_confirmed", "revision": revision},
        {"kind": "session_recorded", "attendance": "attended", "minutes": 30, "channel": "phone", "step_id": None},
        {"kind": "closed", "closure": "46"},
    ]
    return [{**act, "occurred_on": on} for act in said]
