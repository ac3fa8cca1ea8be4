"""A rate card's terms as a person reads them, each in one line."""

from services.kernel.money import pounds
from services.programmes.rate_card import DeliveryFee, GroupUplift, Price


def price_in_words(price: Price) -> str:
    """Return what is paid for what, how often, when and with which evidence."""
    said = [f"{price.milestone} {pounds(price.amount_pence)} x {price.at_most}"]
    if price.fact is not None and price.fact != price.milestone:
        said.append(f"for {price.fact}")
    if price.claim_line:
        said.append(f"({price.claim_line})")
    terms = (
        (price.gap_days, f"every {price.gap_days} days"),
        (price.nth, f"number {price.nth}"),
        (price.weeks, f"of {price.weeks} weeks"),
        (price.within_weeks, f"within {price.within_weeks} weeks"),
        (price.least_hours, f"at {price.least_hours} hours a week or more"),
        (price.least_earnings_pence, f"from {pounds(price.least_earnings_pence or 0)} earned"),
        (price.least_self_employed_days, f"or {price.least_self_employed_days} days in self-employment"),
        (price.within_days, f"within {price.within_days} days of taking part"),
    )
    said += [words for value, words in terms if value is not None]
    if price.acceleration is not None:
        sooner = price.acceleration
        said.append(f"or {pounds(sooner.amount_pence)} within {sooner.within_days} days")
    if price.evidence:
        said.append(f"with {' or '.join(price.evidence)}")
    return " ".join(said)


def uplift_in_words(uplift: GroupUplift) -> str:
    """Return by how much the price rises for a priority group."""
    percent = f"{uplift.basis_points // 100}.{uplift.basis_points % 100:02d}"
    return f"{percent} % more for {uplift.group}: {', '.join(uplift.milestones) or 'every milestone'}"


def fee_in_words(fee: DeliveryFee) -> str:
    """Return what a contract is paid for being there."""
    return f"{fee.contract} {pounds(fee.total_pence)} in equal months, {fee.first_month} to {fee.last_month}"
