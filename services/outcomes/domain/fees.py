"""The delivery fee: a contract's total in equal monthly parts that sum to it to the penny."""

from services.kernel.money import share
from services.programmes.rate_card import RateCard

_MONTHS = 12


def fee_of(card: RateCard, contract: str, month: str) -> int:
    """Return the pence that a card pays a contract for a month (``2024-11``), due when the month is over.

    0 where the card has no fee for the contract, or none for that month. Of a remainder the earlier months have a penny
    more each, so that all months together are the total.
    """
    fee = card.fee(contract)
    if fee is None or not fee.first_month <= month <= fee.last_month:
        return 0
    first = _number(fee.first_month)
    return share(fee.total_pence, [1] * (_number(fee.last_month) - first + 1))[_number(month) - first]


def _number(month: str) -> int:
    return int(month[:4]) * _MONTHS + int(month[5:])
