"""What intake's decisions follow besides the referral: the programmes and what is known of places."""

from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from services.programmes.book import ProgrammeBook

LONDON = ZoneInfo("Europe/London")


def london_day(moment: datetime) -> date:
    """Return the day in London at ``moment``."""
    return moment.astimezone(LONDON).date()


class Place(BaseModel):
    """What tells whether somebody lives, has a GP or a Jobcentre in an area.

    ``outward`` and ``undecided_outward`` are postcode districts inside the area, and those that its border
    cuts; ``gp_prefixes`` begin the ODS codes of its practices; ``jobcentres`` are its offices.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ods_code: str
    outward: frozenset[str]
    undecided_outward: frozenset[str] = frozenset()
    gp_prefixes: tuple[str, ...] = ()
    jobcentres: frozenset[str] = frozenset()

    def resident(self, postcode: str | None) -> bool | None:
        """Tell whether a postcode lies in the area; None when it was not asked or the border cuts it."""
        if postcode is None:
            return None
        outward = postcode.split(" ")[0]
        return None if outward in self.undecided_outward else outward in self.outward

    def local_gp(self, practice: str | None) -> bool | None:
        """Tell whether a practice is in the area: True by its code's prefix, else not known."""
        return True if practice is not None and practice.startswith(self.gp_prefixes) else None

    def local_jobcentre(self, office: str | None) -> bool | None:
        """Tell whether an office is in the area."""
        return None if office is None else office in self.jobcentres


NOWHERE = Place(ods_code="", outward=frozenset())


@dataclass(frozen=True)
class IntakePolicy:
    """The programmes in all their versions, and places by area code."""

    book: ProgrammeBook
    places: dict[str, Place] = field(default_factory=dict)
