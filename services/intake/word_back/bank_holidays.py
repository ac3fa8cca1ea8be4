"""When England works: its bank holidays, from the library ``holidays``, and weekends.

The library knows the rules and what was proclaimed for one year only (a jubilee, a state funeral); a new proclamation
comes with a newer release of it.
"""

from datetime import date
from functools import cache
from typing import Final

import holidays

_ENGLAND: Final = holidays.country_holidays("GB", subdiv="ENG")
_SATURDAY: Final = 5


@cache
def is_closed(day: date) -> bool:
    """Tell whether a day is a Saturday, a Sunday or a bank holiday in England."""
    return day.weekday() >= _SATURDAY or day in _ENGLAND
