"""A synthetic person's referral, who sends it and how it must be answered."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from services.demo.areas import Area


class Kind(StrEnum):
    """What is unusual about a referral."""

    USUAL = "usual"
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    RED_FLAG = "red_flag"
    REVIEW = "review"


@dataclass(frozen=True)
class Sender:
    """The claims of the token with which somebody sends a request."""

    subject: str
    organisation: str
    organisation_kind: str
    programme: str
    role: str = "referrer"

    @property
    def claims(self) -> dict[str, str]:
        """What the development issuer is asked to put into the token."""
        return {
            "sub": self.subject,
            "org": self.organisation,
            "organisation_kind": self.organisation_kind,
            "programme": self.programme,
            "role": self.role,
        }

    @property
    def learns_of_duplicates(self) -> bool:
        """Only NHS and provider roles are told that the person is already referred."""
        return self.organisation_kind in {"nhs", "provider"}


@dataclass(frozen=True)
class Person:
    """One referral to post. ``duplicate_of`` is the number of the earlier one for the same person."""

    number: int
    kind: Kind
    route: str
    barrier: str
    referred_on: date
    area: Area
    sender: Sender
    body: dict[str, Any]
    duplicate_of: int | None = None
    fault: str | None = None

    @property
    def expected_status(self) -> int:
        """The HTTP status with which the referral must be answered."""
        if self.kind is Kind.INVALID:
            return 422
        return 409 if self.kind is Kind.DUPLICATE and self.sender.learns_of_duplicates else 201

    @property
    def in_work(self) -> bool:
        """Whether they have work on the day of the referral."""
        return bool(self.body["work"]["status"] in {"employed", "self_employed"})

    @property
    def scored(self) -> bool:
        """Whether the referral came with scores."""
        return bool((self.body.get("assessment") or {}).get("phq9"))
