"""Who pays for whom: national programme, area, locality, contract. Each narrows the one above it."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated

from pydantic import Field

from services.kernel.money import Pence
from services.programmes.conditions import Condition, Frozen

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
"""An id for files, events and addresses: lower-case words joined by hyphens."""

Words = Annotated[str, Field(min_length=1, max_length=2000)]

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]

Days = Annotated[int, Field(ge=1, le=3650)]

Weeks = Annotated[int, Field(ge=1, le=520)]

VersionNumber = Annotated[str, Field(pattern=r"^20[0-9]{2}\.[1-9][0-9]{0,2}$")]
"""``2024.1``: the year in which a version takes effect and its number in that year."""

OdsCode = Annotated[str, Field(pattern=r"^[A-Z0-9]{3,5}$")]
"""The code of an area, 3 to 5 characters; nothing follows from its first letter."""


class Requirement(Frozen):
    """One part of the eligibility rule. ``code`` is the reason given while it is not met."""

    code: Code
    text: Words
    when: Condition


class Limits(Frozen):
    """People, money and dates of a tier. None: not published, so only the tier above limits it.

    ``starts`` and ``ends`` bound the day on which a person may be referred, both included; plans run on
    after ``ends``. ``ceiling_pence`` is the most that may be paid in all, ``annual_ceiling_pence`` the most for the
    days of one financial year, 1 April to 31 March.
    """

    participants: Annotated[int, Field(ge=1)] | None = None
    ceiling_pence: Annotated[Pence, Field(ge=1)] | None = None
    annual_ceiling_pence: Annotated[Pence, Field(ge=1)] | None = None
    starts: date = Field(alias="from")
    ends: date | None = Field(default=None, alias="to")

    def takes_referrals_on(self, day: date) -> bool:
        """Tell whether a person may be referred on ``day``."""
        return self.starts <= day and (self.ends is None or day <= self.ends)


class Billing(Frozen):
    """What a statement shows a finance officer. All of it is the deployer's own; what is absent is left blank.

    ``supplier``: the name and number under which the provider is paid; ``purchase_order``: the commissioner's order;
    ``vat``: how value added tax is treated, in words.
    """

    supplier: Words | None = None
    purchase_order: Words | None = None
    vat: Words | None = None


class Contract(Limits):
    """What one provider is paid under in one locality, or in an area without localities."""

    id: Slug
    provider: Slug
    billing: Billing = Billing()


class Locality(Limits):
    """A council-size part of an area, with its own contracts.

    ``eligibility``: what is required here beyond the area's rule, so that a locality can only narrow it.
    ``out_of_work_limit_days``: this place's limit, at most the area's; None: the area's.
    """

    code: Slug
    title: Words
    eligibility: tuple[Requirement, ...] = ()
    out_of_work_limit_days: Days | None = None
    contracts: tuple[Contract, ...] = Field(min_length=1)

    def contracts_on(self, day: date) -> tuple[Contract, ...]:
        """Return the contracts that take referrals on ``day``, in the order of the file."""
        return tuple(c for c in self.contracts if c.takes_referrals_on(day))


class Area(Limits):
    """An Integrated Care Board's area. ``ods_code`` is the code valid on the day this file takes effect.

    ``contracts`` stand directly under the area where it has no localities, or beside them.
    """

    ods_code: OdsCode
    title: Words
    contracts: tuple[Contract, ...] = ()

    def contracts_on(self, day: date) -> tuple[Contract, ...]:
        """Return the area's own contracts that take referrals on ``day``, in the order of the file."""
        return tuple(c for c in self.contracts if c.takes_referrals_on(day))


class National(Limits):
    """A national programme. Every file that names its ``id`` says the same of it.

    ``requires``: codes of the eligibility requirements that every area's rule holds, whatever it adds.
    """

    id: Slug
    title: Words
    requires: tuple[Code, ...] = ()


class Tiers(Frozen):
    """The nested tiers of one area's programme. ``national`` None: the area's own, part of no national one."""

    national: National | None
    area: Area
    localities: tuple[Locality, ...] = ()

    def contracts(self) -> Iterator[tuple[tuple[str | int, ...], Contract]]:
        """Yield every contract with its path below ``tiers``: the area's own, then the localities'."""
        for number, contract in enumerate(self.area.contracts):
            yield (("area", "contracts", number), contract)
        for index, place in enumerate(self.localities):
            for number, contract in enumerate(place.contracts):
                yield (("localities", index, "contracts", number), contract)

    def above(self, locality: str | None) -> tuple[Limits, ...]:
        """Return the tiers that a referral to a locality, or to the area itself, stands under."""
        place = self.locality(locality) if locality is not None else None
        return tuple(tier for tier in (self.national, self.area, place) if tier is not None)

    def required(self, locality: str | None) -> tuple[Requirement, ...]:
        """Return what a locality requires beyond the area's rule; nothing without a locality."""
        place = self.locality(locality) if locality is not None else None
        return place.eligibility if place else ()

    def contracts_on(self, locality: str | None, day: date) -> tuple[Contract, ...]:
        """Return the contracts of a locality, or (None) the area's own, that take referrals on ``day``."""
        place = self.area if locality is None else self.locality(locality)
        return place.contracts_on(day) if place else ()

    def locality(self, code: str) -> Locality | None:
        """Return a locality by its code, or None."""
        return next((place for place in self.localities if place.code == code), None)

    def contract(self, contract_id: str) -> Contract | None:
        """Return a contract by its id, or None."""
        return next((contract for _, contract in self.contracts() if contract.id == contract_id), None)
