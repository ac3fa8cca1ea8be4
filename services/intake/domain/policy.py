"""What intake's decisions follow besides the referral: the programmes, the areas' codes, what is known of places."""

from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from services.intake.domain.places import Places
from services.programmes.areas import AreaCodes, Undecided
from services.programmes.book import ProgrammeBook
from services.programmes.model import Programme

LONDON = ZoneInfo("Europe/London")


def london_day(moment: datetime) -> date:
    """Return the day in London at ``moment``."""
    return moment.astimezone(LONDON).date()


@dataclass(frozen=True)
class IntakePolicy:
    """The programmes in all their versions, the register of area codes, and the tables of places."""

    book: ProgrammeBook
    areas: AreaCodes
    places: Places = field(default_factory=Places)

    def area_on(self, programme: Programme, day: date, local_authority: str | None) -> str | Undecided:
        """Return the code of a programme's area that is valid on a day; one that is not registered, as it is."""
        code = programme.tiers.area.ods_code
        return code if self.areas.find(code) is None else self.areas.on(code, day, local_authority)
