"""Audit samples: which claims both sides look at, and what the errors found say of all of them.

The sample is simple random sampling without replacement, drawn by hash: of all entries of the population the ``size``
ones whose SHA-256 of ``seed|entry_id`` is lowest. Whoever has the population and the seed draws the same sample.

The error rate has the exact interval of Clopper and Pearson (Biometrika 26, 1934). The error in money is the ratio
estimate: the errors' sum over the sample's value, times the population's value; its interval is that of the ratio
estimator for a finite population (Cochran, Sampling Techniques, 3rd ed., section 6.4), never below 0 where no error
favours the provider's loss, and from the exact interval of the rate where no error was found.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

CONFIDENCE: Final = 0.95
_STEPS: Final = 200


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """One payable line of a sealed statement."""

    entry_id: str
    payable_pence: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of a sampled claim: what it should have been."""

    entry_id: str
    payable_pence: int
    right_pence: int

    @property
    def error_pence(self) -> int:
        """What was paid too much; negative: too little."""
        return self.payable_pence - self.right_pence


@dataclass(frozen=True, slots=True)
class Estimate:
    """A rate or an amount with its interval."""

    value: float
    low: float
    high: float


def population_digest(population: Iterable[Claim]) -> str:
    """Return the SHA-256 that names a population: ``entry_id|payable_pence`` a line, sorted by entry."""
    text = "".join(f"{claim.entry_id}|{claim.payable_pence}\n" for claim in sorted(population))
    return hashlib.sha256(text.encode()).hexdigest()


def rank(seed: int, entry_id: str) -> str:
    """Return by what an entry is ranked under a seed."""
    return hashlib.sha256(f"{seed}|{entry_id}".encode()).hexdigest()


def sample(population: Iterable[Claim], seed: int, size: int) -> list[Claim]:
    """Return the sample, in the order of its ranks; the whole population where it is no larger."""
    return sorted(population, key=lambda claim: rank(seed, claim.entry_id))[:size]


def error_rate(errors: int, size: int, confidence: float = CONFIDENCE) -> Estimate:
    """Return the share of wrong claims with its exact interval. Raises ValueError for an empty sample."""
    if not 0 <= errors <= size or size < 1:
        raise ValueError("errors are between 0 and the size of the sample, which is at least 1")
    tail = (1 - confidence) / 2
    low = 0.0 if errors == 0 else _where(lambda p: _at_least(errors, size, p) >= tail)
    high = 1.0 if errors == size else _where(lambda p: 1 - _at_least(errors + 1, size, p) <= tail)
    return Estimate(errors / size, low, high)


def _where(holds: Callable[[float], bool]) -> float:
    """Return the lowest p at which a condition holds that stays true above it."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _at_least(errors: int, size: int, p: float) -> float:
    """Return the chance of ``errors`` or more of ``size`` where each is one with chance ``p``."""
    if p <= 0:
        return 1.0 if errors <= 0 else 0.0
    if p >= 1:
        return 1.0
    one, other = math.log(p), math.log1p(-p)
    whole = math.lgamma(size + 1)
    return math.fsum(
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(size - k + 1) + k * one + (size - k) * other)
        for k in range(errors, size + 1)
    )


def error_value(
    findings: Sequence[Finding], population_size: int, population_pence: int, confidence: float = CONFIDENCE
) -> Estimate:
    """Return the pence that were paid wrongly in the whole population, with an interval.

    Raises ValueError for a sample without value.
    """
    size, value = len(findings), sum(finding.payable_pence for finding in findings)
    if value <= 0:
        raise ValueError("a sample without value says nothing of the population's")
    wrong = sum(finding.error_pence for finding in findings)
    ratio = wrong / value
    estimate = ratio * population_pence
    if not any(finding.error_pence for finding in findings):
        return Estimate(0.0, 0.0, error_rate(0, size, confidence).high * population_pence)
    if size == population_size:
        return Estimate(estimate, estimate, estimate)
    if size == 1:
        return Estimate(estimate, 0.0, float(population_pence))
    squares = math.fsum((f.error_pence - ratio * f.payable_pence) ** 2 for f in findings) / (size - 1)
    spread = population_size * math.sqrt((1 - size / population_size) * squares / size)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * spread
    low = estimate - half
    if all(finding.error_pence >= 0 for finding in findings):
        low = max(0.0, low)
    return Estimate(estimate, low, estimate + half)
