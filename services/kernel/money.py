"""Integer money. Every amount in the system is a whole number of pence."""

from typing import Annotated

from pydantic import Field

Pence = Annotated[int, Field(strict=True, ge=-(2**53) + 1, le=2**53 - 1)]
"""A signed whole number of pence, within what every JSON reader holds exactly (2**53)."""

BASIS = 10_000
"""Basis points in one whole."""


def portion(amount: int, basis_points: int) -> int:
    """Return ``basis_points`` / 10,000 of ``amount`` pence, half a penny rounded away from zero.

    Rounding happens once, here; a total that is shared among several uses :func:`share`.
    """
    product = abs(amount) * basis_points
    rounded = (2 * product + BASIS) // (2 * BASIS)
    return rounded if amount >= 0 else -rounded


def share(total: int, weights: list[int]) -> list[int]:
    """Split ``total`` pence in proportion to ``weights`` so that the parts sum to it exactly.

    Largest remainder; equal remainders go to the earlier part. Raises ValueError when there is no
    positive weight, since the money would vanish.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("weights must not be negative and one must be positive")
    sign = -1 if total < 0 else 1
    parts = [abs(total) * w // whole for w in weights]
    remainders = [abs(total) * w % whole for w in weights]
    missing = abs(total) - sum(parts)
    for index in sorted(range(len(weights)), key=lambda i: (-remainders[i], i))[:missing]:
        parts[index] += 1
    return [sign * part for part in parts]


def pounds(pence: int) -> str:
    """Return an amount for people: ``£1,234.56``, ``-£0.05``."""
    sign = "-" if pence < 0 else ""
    return f"{sign}£{abs(pence) // 100:,}.{abs(pence) % 100:02d}"
